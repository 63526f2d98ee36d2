"""Deskewing: how steeply the lines of a picture fall, and the picture turned until they do not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from digitcnn.detection.boxes import Detections
from digitcnn.detection.detector import PIXEL_MAX, Found

Floats = npt.NDArray[np.float32]

_STEEPEST, _LEAST = 30, 5  # degrees: that are looked for, and that are worth turning a picture
# How much sharper the rows' profile must be for that.
_SHARPER = 1.35
_SIDE, _INK = 400, 0.4  # of the map of ink, in pixels; what counts as ink there
_SMOOTH = (0.25, 0.5, 0.25)
_SOFT = 0.04  # of the longer side: how blurred the frame around a turned picture is


@dataclass(frozen=True)
class Turn:
    """A turn of a picture about its middle.

    Attributes
    ----------
    degrees : float
        Counterclockwise: lines that fall so steeply to the right become level.
    size : (int, int)
        Width and height of the picture before.
    """

    degrees: float
    size: tuple[int, int]

    def of(self, gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Turn a picture, ink bright, in a soft frame of what lies at its edges."""
        (width, height), (more_across, more_down) = self.size, self._more
        angle = math.radians(abs(self.degrees))
        overlap = math.sin(angle) * math.cos(angle)
        across, down = math.ceil(height * overlap), math.ceil(width * overlap)
        blurred = Image.fromarray(gray).filter(ImageFilter.BoxBlur(_SOFT * max(gray.shape)))
        framed = np.pad(np.asarray(blurred), ((down, down), (across, across)), "edge")
        framed[down : down + height, across : across + width] = gray
        image = Image.fromarray(framed).rotate(self.degrees, Image.Resampling.BILINEAR)
        left, top = across - more_across, down - more_down
        return np.asarray(image.crop((left, top, image.width - left, image.height - top)))

    @property
    def _more(self) -> tuple[int, int]:
        """By how much the turned picture is larger at each side, so that the middle stays it."""
        width, height = self.size
        angle = math.radians(abs(self.degrees))
        cos, sin = math.cos(angle), math.sin(angle)
        across, down = width * cos + height * sin - width, width * sin + height * cos - height
        return math.ceil(across / 2), math.ceil(down / 2)

    def back(self, boxes: Floats) -> Floats:
        """Return boxes of the turned picture in pixels of the one before.

        Each encloses the ellipse that fills its box: a digit leaves the corners empty.
        """
        angle = math.radians(self.degrees)
        cos, sin = math.cos(angle), math.sin(angle)
        turned = np.array([[cos, sin], [-sin, cos]])
        middle = np.array(self.size) / 2
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2 - (middle + self._more)
        middles = middles @ turned + middle
        halves = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ turned**2)
        return np.hstack([middles - halves, middles + halves]).astype(np.float32)

    def within(self, found: Found) -> Found:
        """Leave out what was found outside the picture, in the frame around it."""
        return replace(found, digits=self._within(found.digits), signs=self._within(found.signs))

    def _within(self, found: Detections) -> Detections:
        boxes = self.back(found.boxes)
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        is_within = ((middles > 0) & (middles < self.size)).all(axis=1)
        return found[np.flatnonzero(is_within)]


def leveling(found: Found) -> Turn | None:
    """Return the turn that has lines level where they plainly are not, else None.

    Their angle is that at which the profile of the ink's rows is sharpest [1]_.

    Parameters
    ----------
    found : Found
        Its ink is looked at.

    Returns
    -------
    turn : Turn or None

    References
    ----------
    .. [1] W. Postl, "Detection of linear oblique structures and skew scan in digitized documents",
       ICPR 1986.
    """
    ink = Image.fromarray((found.ink * PIXEL_MAX).astype(np.uint8))
    rows, columns = np.nonzero(
        np.asarray(ink.reduce(max(1, max(ink.size) // _SIDE))) > _INK * PIXEL_MAX
    )
    if not len(rows):
        return None
    sharpness = {
        degrees: _sharpness(rows, columns, math.radians(degrees))
        for degrees in range(-_STEEPEST, _STEEPEST + 1)
    }
    best = max(sharpness, key=lambda degrees: sharpness[degrees])
    is_peak = _LEAST <= abs(best) < _STEEPEST
    if not is_peak or sharpness[best] < _SHARPER * sharpness[0]:
        return None
    return Turn(best, found.size)


def _sharpness(rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], angle: float) -> float:
    """Return the sum of squares of the profile of rows that fall at an angle."""
    levels = rows * math.cos(angle) - columns * math.sin(angle)
    profile = np.bincount((levels - levels.min()).astype(np.intp))
    return float((np.convolve(profile, _SMOOTH) ** 2).sum())
