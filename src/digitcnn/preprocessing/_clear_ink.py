"""Drawings of one digit and nothing else, whose ink is taken as it is; hairlines are widened."""

from __future__ import annotations

import numpy as np

from digitcnn.images.values import PLANE_MAX
from digitcnn.preprocessing._geometry import crop, dilate, ink_box, strengthen

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
# A hairline fades where it is scaled to 20 pixels: it is widened to this part of the longer side.
_LEAST_WIDTH = 0.07
_HALF = 0.5  # of full strength: a stroke's edge


def find_clear_ink(plane: np.ndarray) -> np.ndarray | None:
    """Find the ink of a drawing that is one connected component on a flat background.

    Most of what is drawn on a screen is so: there is nothing to leave out, and nothing to guess.

    Parameters
    ----------
    plane : ndarray of uint16, shape (H, W)
        Grayscale; ink dark or bright.

    Returns
    -------
    ink : ndarray of float32, shape (H', W'), or None
        The ink in its box, in [0, 1]; None where there may be more to see.
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
    if not is_drawn or not (count_components(inked) == 1 or _is_nearly_one_piece(inked)):
        return None
    return ink


def widen_hairlines(ink: np.ndarray) -> np.ndarray:
    """Widen thin strokes as far as no loop closes and none opens.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        The ink of one digit in its box, in [0, 1].

    Returns
    -------
    widened : ndarray of float32, shape (H + 2 * n, W + 2 * n)
        The same array where nothing is thin.
    """
    mask = ink > _HALF
    inner = ~dilate(~mask, 1)[1:-1, 1:-1]
    width = 2 * mask.sum() / max(1, np.count_nonzero(mask & ~inner))
    reach = round((_LEAST_WIDTH * max(ink.shape) - width) / 2)
    holes = _count_holes(mask) if reach > 0 else 0
    for each in range(reach, 0, -1):
        widened = dilate(ink, each)
        if _count_holes(widened > _HALF) == holes:
            return widened
    return ink


def _count_holes(mask: np.ndarray) -> int:
    """Count the loops of the strokes: parts of the background but for the one outside."""
    return count_components(~np.pad(mask, 1)) - 1


def _is_nearly_one_piece(mask: np.ndarray) -> bool:
    """Return whether a coarse mask is one component once gaps of a pixel are closed."""
    if max(mask.shape) > _COARSE:
        return False
    return count_components(dilate(mask, 1)) == 1


def count_components(mask: np.ndarray) -> int:
    """Count the 8-connected components of a bool array (H, W), by runs of pixels.

    SciPy labels components too, but would add 143 MB to an installation of 190 MB for this one
    step.
    """
    roots = _roots(*_runs(mask), mask.shape[1] + 1)
    return int(np.count_nonzero(roots == np.arange(len(roots))))


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts and ends of the runs, in rows that are one pixel wider than the mask."""
    height, width = mask.shape
    # An empty column at the right keeps a run from reaching into the next row, an empty pixel
    # before all others lets the first one begin a run.
    padded = np.zeros(height * (width + 1) + 1, bool)
    padded[1:].reshape(height, width + 1)[:, :width] = mask
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return edges[::2], edges[1::2]


def _roots(starts: np.ndarray, ends: np.ndarray, stride: int) -> np.ndarray:
    """Return the first run of each run's component, by pointer jumping."""
    upper, lower = _touching_runs(starts, ends, stride)
    parent = np.arange(len(starts))
    # Most runs touch one of the row above and no other: hung on it, they are done at once.
    parent[lower] = upper
    while True:
        # Each jump halves the way to the first, which is shorter than this power of 2.
        for _ in range(len(parent).bit_length()):
            parent = parent[parent]
        one, other = parent[upper], parent[lower]
        if np.array_equal(one, other):
            return parent
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))


def _touching_runs(
    starts: np.ndarray, ends: np.ndarray, stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pair each run with those of the next row that it touches, corners included."""
    first = np.searchsorted(ends, starts + stride, side="left")
    last = np.searchsorted(starts, ends + stride, side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(starts)), counts)
    offsets = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(first, counts) + offsets
