"""The way from a plane of grey to an image as MNIST holds it, step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing import _geometry as geometry
from digitcnn.preprocessing import _ink as ink_steps
from digitcnn.preprocessing._decoding import PLANE_MAX, PLANE_PER_PIXEL

# MNIST's strokes are 1.85 pixels wide at the median and 1.3 at the 5th percentile, measured by
# `stroke_width`. A hairline shrunk to this scale would be a faint 0.2.
_LEAST_STROKE = 1.3
_GOOD_STROKE = 1.8
# Strokes are widened at this many pixels to the box's 20, where whole pixels are fine enough.
_FINE_SIDE = 80

# Ink below this level is the edge of a stroke.
_TRACE = 0.1
# The stretch that follows a resize is no more than this level's inverse.
_FAINTEST = 0.4

# At MNIST's own resolution a speck of one pixel may be part of the digit; above it, it is not.
_SPECK_SIDE = 1.5 * geometry.BOX_SIDE


def normalize(plane: np.ndarray) -> np.ndarray:
    """Bring a plane of grey to what MNIST would hold: a uint8 array of shape (28, 28)."""
    *_, (_, pixels) = normalization_steps(plane)
    return pixels


def normalization_steps(plane: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each step on the way as its name and what it made; the last one is the result."""
    if ink_steps.ink_is_dark(plane):
        plane = PLANE_MAX - plane
    yield "bright ink", plane
    if (pixels := _as_canonical(plane)) is not None:
        yield "unchanged", pixels
        return

    ground = ink_steps.flat_ground(plane)
    if ground is not None:
        ink = _drawn_ink(plane, ground)
    else:
        contrast = ink_steps.subtract_ground(plane.astype(np.float32) / PLANE_MAX)
        yield "even light", contrast
        ink = _photographed_ink(contrast)
    yield "ink", ink

    box = geometry.ink_box(ink > 0)
    ink = geometry.crop(ink, box)
    if max(ink.shape) > _SPECK_SIDE and ground is not None:
        if ink_steps.is_patch(ink):
            yield "sheet", ink
            yield from normalization_steps(geometry.crop(plane, box))
            return
        ink = np.where(ink_steps.select_pieces(ink > 0, ink), ink, np.float32(0))
        ink = geometry.crop(ink, geometry.ink_box(ink > 0))
    yield "box", ink
    ink = fit_box(ink)
    yield "20 pixels", ink
    yield "centred", geometry.place(geometry.to_pixels(ink))


def to_pixel_values(plane: np.ndarray) -> np.ndarray:
    """Round uint16 values 0..65535 to uint8."""
    return ((plane.astype(np.uint32) + PLANE_PER_PIXEL // 2) // PLANE_PER_PIXEL).astype(np.uint8)


def _as_canonical(plane: np.ndarray) -> np.ndarray | None:
    """Give the plane as uint8 if it is just as MNIST would hold it, else None."""
    if plane.shape != (geometry.IMAGE_SIDE, geometry.IMAGE_SIDE):
        return None
    pixels = to_pixel_values(plane)
    return pixels if geometry.is_canonical(pixels[None])[0] else None


def _drawn_ink(plane: np.ndarray, ground: int) -> np.ndarray:
    """Take whatever differs from a flat ground as ink, at full strength."""
    ink = np.maximum(plane.astype(np.int64) - ground, 0).astype(np.float32) / PLANE_MAX
    if not ink.any():
        raise NoDigitError(
            "`images` must hold a digit; got a blank picture. Give a picture with visible ink."
        )
    return strengthen(ink)


def _photographed_ink(contrast: np.ndarray) -> np.ndarray:
    """Find the digit in a picture with uneven light and noise, as ink in [0, 1]."""
    mask, _ = ink_steps.ink_mask(contrast)
    mask = ink_steps.select_pieces(mask, contrast)
    inside = contrast[mask]
    full = np.percentile(inside, 75)
    # The faintest ink keeps a trace, so that the mask's outline is the ink's.
    return np.where(mask, np.clip(contrast / full, 1 / 255, 1), 0).astype(np.float32)


def strengthen(ink: np.ndarray) -> np.ndarray:
    """Stretch pale ink until its strongest pixel is 1; ink at full strength stays as it is."""
    peak = ink.max()
    return ink if peak * 255 >= geometry.FULL_INK else ink / peak


def fit_box(ink: np.ndarray) -> np.ndarray:
    """Scale a digit to a longer side of 20 pixels, widening hairlines before they fade.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1], cropped to its box.

    Returns
    -------
    fitted : ndarray of float32, shape (H', W')
        The longer side is 20 pixels, aspect kept.
    """
    longer = max(ink.shape)
    width = ink_steps.stroke_width(ink) * geometry.BOX_SIDE / longer
    if longer > geometry.BOX_SIDE and width < _LEAST_STROKE:
        factor = max(1, _FINE_SIDE // longer)
        ink = ink.repeat(factor, axis=0).repeat(factor, axis=1)
        missing = (_GOOD_STROKE - width) / 2 * factor * longer / geometry.BOX_SIDE
        radius = max(1, round(missing))
        ink = ink_steps.thicken(np.pad(ink, radius), radius)
    if longer == geometry.BOX_SIDE:
        return ink
    fitted = geometry.resize(ink, geometry.BOX_SIDE)
    # In MNIST a fifth of the ink, and more, is at full strength; averaging over area pales it.
    full = np.percentile(fitted[fitted > _TRACE], 80)
    return np.minimum(fitted / max(full, _FAINTEST), 1)
