"""Which pixels of a picture are its digit's ink, by a network that looks at the digit closely."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from digitcnn._sessions import LazySession
from digitcnn.detection import to_dark_background
from digitcnn.detection.boxes import as_plane, sigmoid
from digitcnn.images import Picture
from digitcnn.images.gray import ground_around
from digitcnn.preprocessing._geometry import ink_box

Floats = npt.NDArray[np.float32]
Plane = npt.NDArray[Any]
Place = tuple[slice, slice]

INK = "ink"  # the published network
# It sees a square of so many pixels, of which the digit's longer side takes so many, and answers
# for cells of 2 x 2.
INK_SIDE, DIGIT_SIDE = 96, 62
# A picture that was cut to its digit gets a margin of this part of its longer side.
_MARGIN_PART = 8
_FADED = 8.0  # of 255: less contrast than this is not stretched
# Where the ink's box is not the one that was looked at, by more than so much of the longer side,
# that was found in a wrong place or size: the digit is looked at once more.
_AGREES, _MOST_LOOKS = 0.15, 2
# Ink below the first level is none; the digit has some above the second.
_TRACE, _PLAIN = 0.1, 0.3


def see_ink(picture: Picture, box: Floats) -> tuple[Picture, Floats]:
    """Look at a digit closely, and tell its ink from all else.

    Parameters
    ----------
    picture : Picture
    box : ndarray of float32, shape (4,)
        Left, top, right and bottom of the digit, in pixels of the picture's plane.

    Returns
    -------
    region : Picture
        What was looked at.
    ink : ndarray of float32, shape (H, W)
        How much of each pixel of the look is the digit's ink, in [0, 1].
    """
    for _ in range(_MOST_LOOKS):
        rows, columns = window_around(box, picture.plane.shape)
        corners = rows.start, columns.start, rows.stop, columns.stop
        region = picture.closer(corners, least=INK_SIDE)
        square, place = fit_square(region.gray)
        ink = as_plane(sigmoid(_network().run(as_ink_input(square[None]))[0]))[place]
        if not (ink > _PLAIN).any():
            break
        top, left, bottom, right = ink_box(ink > _PLAIN)
        scale = (columns.stop - columns.start) / ink.shape[1]
        seen = np.array([left, top, right, bottom]) * scale
        seen += (columns.start, rows.start) * 2
        longer = (seen[2:] - seen[:2]).max()
        if np.abs(seen - box).max() < _AGREES * longer:
            break
        box = seen.astype(np.float32)
    return region, np.where(ink > _TRACE, ink, np.float32(0))


@cache
def _network() -> LazySession:
    """Return the published network; on one thread, as a caller may have several of its own."""
    return LazySession(INK, 1, form="ink")


def with_margin(plane: Plane) -> tuple[Plane, int]:
    """Add the ground around a picture that was cut to its digit: the margin says what is ink.

    Parameters
    ----------
    plane : ndarray of uint8 or uint16, shape (H, W)

    Returns
    -------
    plane : ndarray of the same dtype, shape (H + 2 * margin, W + 2 * margin)
    margin : int
        In pixels; 0 where the picture is not cut so tight.
    """
    if (ground := ground_around(plane)) is None:
        return plane, 0
    margin = -(-max(plane.shape) // _MARGIN_PART)
    return np.pad(plane, margin, constant_values=ground), margin


def window_around(box: Floats, shape: tuple[int, ...]) -> Place:
    """Return the rows and columns around a digit that the network is to see, inside a picture.

    Parameters
    ----------
    box : ndarray of float32, shape (4,)
        Left, top, right and bottom of the digit.
    shape : tuple of int
        Height and width of the picture.

    Returns
    -------
    rows, columns : slice
    """
    half = INK_SIDE / DIGIT_SIDE / 2 * max(1.0, float((box[2:] - box[:2]).max()))
    across, down = ((box[:2] + box[2:]) / 2).tolist()
    rows, columns = (
        slice(max(0, math.floor(middle - half)), min(length, math.ceil(middle + half)))
        for middle, length in zip((down, across), shape, strict=True)
    )
    return rows, columns


def fit_square(gray: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], Place]:
    """Scale a part of a picture to the network's square, padded by its edge where it is no square.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)

    Returns
    -------
    square : ndarray of uint8, shape (INK_SIDE, INK_SIDE)
        Ink bright.
    place : tuple of slice
        Where the part lies in it.
    """
    factor = INK_SIDE / max(gray.shape)
    height, width = (max(1, round(length * factor)) for length in gray.shape)
    method = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    dark = to_dark_background(gray)
    part = np.asarray(Image.fromarray(dark).resize((width, height), method))
    top, left = (INK_SIDE - height) // 2, (INK_SIDE - width) // 2
    margins = ((top, INK_SIDE - height - top), (left, INK_SIDE - width - left))
    return np.pad(part, margins, "edge"), np.s_[top : top + height, left : left + width]


def as_ink_input(squares: npt.NDArray[np.uint8]) -> Floats:
    """Bring squares to the mean 0 and the spread 1, as the network takes them.

    Parameters
    ----------
    squares : ndarray of uint8, shape (N, INK_SIDE, INK_SIDE)

    Returns
    -------
    batch : ndarray of float32, shape (N, INK_SIDE, INK_SIDE, 1)
    """
    values = squares.astype(np.float32)[..., None]
    inside = (1, 2, 3)
    spread = values.std(axis=inside, keepdims=True) + np.float32(_FADED)
    batch: Floats = (values - values.mean(axis=inside, keepdims=True)) / spread
    return batch
