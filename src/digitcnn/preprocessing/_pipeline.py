"""The way from any picture to what MNIST would hold of it, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from digitcnn.detection import published_detector
from digitcnn.detection.single import Inspect, find_one
from digitcnn.errors import NoDigitError
from digitcnn.images import IMAGE_SIDE, Picture
from digitcnn.images.values import PIXEL_MAX, PLANE_PER_PIXEL, to_pixel_values
from digitcnn.preprocessing import _geometry as geometry
from digitcnn.preprocessing._clear_ink import find_clear_ink, widen_hairlines
from digitcnn.preprocessing._ink import see_ink, with_margin

# A digit smaller than this in a shrunk picture is looked at again in the original.
_LEAST_SIDE = 3 * geometry.BOX_SIDE


@dataclass(frozen=True)
class Step:
    """One step on the way from a picture to a canonical image.

    Attributes
    ----------
    name : str
        What to call it.
    picture : ndarray, shape (H, W)
        What it made: uint16 0..65535 as long as it is grey as it came, float32 in [0, 1] once it
        is ink, and uint8 0..255, shape (28, 28), in the end.
    note : str
        What it did, and why.
    """

    name: str
    picture: np.ndarray
    note: str

    def as_image(self) -> np.ndarray:
        """Return the picture as uint8, shape (H, W), ready to show or to save."""
        if self.picture.dtype == np.uint8:
            return self.picture
        if self.picture.dtype == np.uint16:
            return (self.picture // PLANE_PER_PIXEL).astype(np.uint8)
        return np.rint(self.picture.clip(0, 1) * PIXEL_MAX).astype(np.uint8)


def normalize(picture: Picture, inspect: Inspect | None = None) -> np.ndarray:
    """Bring a picture to what MNIST would hold of it: a uint8 array of shape (28, 28)."""
    *_, last = normalization_steps(picture, inspect)
    return last.picture


def normalization_steps(picture: Picture, inspect: Inspect | None = None) -> Iterator[Step]:
    """Yield each step on the way; the picture of the last one is the result."""
    plane = picture.plane
    yield Step("grayscale", plane, "Colour and transparency reduced to grayscale.")
    if (pixels := _as_canonical(plane)) is not None:
        yield Step("unchanged", pixels, "Just as MNIST would hold it, or its negative.")
        return
    if plane.min() == plane.max():
        raise _no_digit("a blank picture", "Give a picture with visible ink.")
    height, width = plane.shape
    plane, margin = with_margin(plane)
    if margin:
        picture = Picture(plane)
        yield Step("margin", plane, "Cut to the digit: its background is added around it.")
    ink, box = find_clear_ink(plane), None
    if ink is not None and margin and (ink.shape[0] == height) != (ink.shape[1] == width):
        # It runs from side to side, but one way only: a line may cross the digit.
        ink, box = None, np.array([0, 0, width, height], np.float32) + np.float32(margin)
    if ink is not None and (picture.reduction == 1 or max(ink.shape) >= _LEAST_SIDE):
        yield Step("ink", ink, "One component on a flat background, as it was drawn.")
    else:
        region, seen = see_ink(picture, _find(picture, inspect) if box is None else box)
        if region.plane.shape != plane.shape:
            yield Step("region", region.plane, "Where the digit is, from the original.")
        if not seen.any():
            raise _no_digit("a picture without a stroke")
        yield Step("ink", seen, "How much of each pixel the network takes for the digit's ink.")
        ink = geometry.crop(seen, geometry.ink_box(seen > 0))
    widened = widen_hairlines(ink)
    if widened is not ink:
        yield Step("widened", widened, "Thin strokes widened, which would fade at 20 pixels.")
    fitted = geometry.fit_box(widened)
    yield Step("20 pixels", fitted, "Scaled to a longer side of 20 pixels, aspect kept.")
    centered = geometry.place(geometry.to_pixels(fitted))
    yield Step("centred", centered, "Moved by whole pixels: the centre of mass on pixel (14, 14).")


def _find(picture: Picture, inspect: Inspect | None) -> np.ndarray:
    """Return the box of the one digit: left, top, right and bottom."""
    box = find_one(picture.gray, published_detector(), inspect)
    if box is None:
        raise _no_digit("a picture in which none is found")
    return box


def _no_digit(got: str, remedy: str = "Give a picture with one digit in it.") -> NoDigitError:
    return NoDigitError(argument="images", rule="hold a digit", got=got, remedy=remedy)


def _as_canonical(plane: np.ndarray) -> np.ndarray | None:
    """Return the plane, or its negative, as uint8 if it is just as MNIST would hold it."""
    if plane.shape != (IMAGE_SIDE, IMAGE_SIDE):
        return None
    pixels = to_pixel_values(plane)
    both = pixels, PIXEL_MAX - pixels
    return next(filter(geometry.is_canonical, both), None)
