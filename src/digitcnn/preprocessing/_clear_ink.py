"""Drawings of one digit and nothing else, whose ink can be taken as it is."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from digitcnn.images.values import PLANE_MAX
from digitcnn.preprocessing._components import is_one_piece
from digitcnn.preprocessing._geometry import crop, ink_box, strengthen

Box = tuple[int, int, int, int]  # top, left, bottom, right

# A digit's ink leaves free a border of the picture of this part of its sides.
_BORDER_PART = 50
# A digit is no rule, and covers less of its box than a sheet of paper does, but for a thick 1.
_LONGEST = 4.0  # width for each unit of height
_MOST_INK, _NARROW = 0.78, 0.45
# At MNIST's own scale a gap of one pixel may be the pen's.
_COARSE = 40
# Ink below each level is at most so large a part of what differs from the background: more is faint
# in photographs, and in the picture of a sheet on a white page.
_FAINT = ((0.1, 0.25), (0.3, 0.6))


def find_clear_ink(plane: np.ndarray) -> tuple[Box, np.ndarray] | None:
    """Find the ink of a drawing that is one connected component on a flat background.

    Most of what is drawn on a screen is so: there is nothing to leave out, and nothing to guess.

    Parameters
    ----------
    plane : ndarray of uint16, shape (H, W)
        Grayscale; ink dark or bright.

    Returns
    -------
    box, ink : tuple of int, ndarray of float32, shape (bottom - top, right - left)
        The ink's box, and the ink in [0, 1]; None in place of both where there may be more to see.
    """
    background, lowest, highest = plane[0, 0], plane.min(), plane.max()
    if lowest == highest or background not in (lowest, highest):
        return None
    mask = plane != background
    box = ink_box(mask)
    top, left, bottom, right = box
    free = min(top, left, plane.shape[0] - bottom, plane.shape[1] - right)
    inked = crop(mask, box)
    if (
        free < max(1, min(plane.shape) // _BORDER_PART)
        or (inked.mean() > _MOST_INK and right - left > _NARROW * (bottom - top))
        or right - left > _LONGEST * (bottom - top)
    ):
        return None
    values = crop(plane, box)
    contrast = values - background if background == lowest else background - values
    ink = strengthen(contrast / np.float32(PLANE_MAX))
    is_drawn = all((ink[inked] < level).mean() <= most for level, most in _FAINT)
    if not is_drawn or not (is_one_piece(inked) or _is_nearly_one_piece(inked)):
        return None
    return box, ink


def _is_nearly_one_piece(mask: np.ndarray) -> bool:
    """Return whether a coarse mask is one component once gaps of a pixel are closed."""
    if max(mask.shape) > _COARSE:
        return False
    grown = Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(3))
    return is_one_piece(np.asarray(grown) > 0)
