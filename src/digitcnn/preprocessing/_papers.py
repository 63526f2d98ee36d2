"""A sheet of paper in a photograph: on a table, whole or cut off by the picture's edges."""

from __future__ import annotations

import numpy as np
from PIL import Image

from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._filters import opening, reduced, running
from digitcnn.preprocessing._ink import otsu_threshold
from digitcnn.preprocessing._sheets import fill_between

# Sheets are looked for in copies of this size, in pixels, where grain and strokes fade.
_SIDE = 96
_LEAST_SIDE = 60  # of the picture

# Paper and table differ by more than this part of the picture's range, and each is this even.
_LEAST_GAP = 0.25

# The sheet covers this part of the picture: a whole one, and one that the edges cut.
_WHOLE_COVER = 0.12
_CUT_COVER = 0.4
# A sheet fills this part of its convex hull, and a whole one this part of a rectangle around it; a
# handwritten 0 with all its inside would fill no more than pi / 4.
_HULL_FILL = 0.93
_RECTANGLE_FILL = 0.86
# A sheet that the edges cut reaches along this part of a whole side of the picture.
_CONTACT = 0.6
# What lies outside of it is more than a line along the edge.
_LEAST_OUTSIDE = 0.02
# The sheet's rim is left out, in pixels of the copy.
_RIM = 2
# What differs from the paper by this part of the step from paper to table is ink on it, of which
# there is some but not too much.
_INK_STEP = 0.25
_INK_SHARE = (0.002, 0.35)

# Directions, 6 degrees apart; those of the second half stand upright on those of the first.
_COSINES, _SINES = (turn(np.radians(np.arange(0, 180, 6))) for turn in (np.cos, np.sin))


def find_paper(plane: np.ndarray) -> np.ndarray | None:
    """Find the sheet of paper in a photograph that shows more than the sheet.

    Parameters
    ----------
    plane : ndarray of float32, shape (H, W)
        Grey in [0, 1].

    Returns
    -------
    inside : ndarray of bool, shape (H, W), or None
        The sheet without its rim; None where there is none with ink on it.
    """
    if min(plane.shape) < _LEAST_SIDE:
        return None
    coarse = reduced(plane, _SIDE)
    low, high = float(coarse.min()), float(coarse.max())
    if high - low < 2 / 255:
        return None
    threshold = otsu_threshold(coarse - low, high - low) + low
    is_bright = coarse > threshold
    for mask in (is_bright, ~is_bright):
        region = _region(mask)
        if region is None:
            continue
        inner = _shrunk(region, _RIM)
        near, far = region & ~_shrunk(inner, 2), ~region & ~_shrunk(~region, 4)
        # A sheet ends at once; light that falls off does so slowly.
        gap = abs(float(np.median(coarse[near])) - float(np.median(coarse[far])))
        if gap < _LEAST_GAP * (high - low):
            continue
        if inner.any() and _holds_ink(coarse, inner, gap):
            height, width = plane.shape
            return np.asarray(Image.fromarray(inner).resize((width, height)))
    return None


def _region(mask: np.ndarray) -> np.ndarray | None:
    """Return the largest piece with its holes, if it has the shape of a sheet."""
    if np.count_nonzero(mask) < 0.5 * _WHOLE_COVER * mask.size:
        return None
    # Off with the bridges to bright spots of the table.
    opened = opening(mask, 3)
    pieces = find_components(opened)
    main = int(pieces.areas.argmax()) if len(pieces.areas) else -1
    if main < 0 or pieces.areas[main] < 0.5 * _WHOLE_COVER * mask.size:
        return None
    piece = pieces.mask(np.arange(len(pieces.areas)) == main)
    filled = np.count_nonzero(fill_between(piece))
    # What fills the picture has a hull that does, which need not be found.
    if filled > (1 - _LEAST_OUTSIDE) * mask.size:
        return None
    # What can be told without the hull comes before it.
    low, high = _extents(piece)
    contact = max(piece[0].mean(), piece[-1].mean(), piece[:, 0].mean(), piece[:, -1].mean())
    if contact == 0:
        least_cover, is_sheet = _WHOLE_COVER, filled >= _RECTANGLE_FILL * _least_box(low, high)
    else:
        least_cover, is_sheet = _CUT_COVER, contact >= _CONTACT
    if not is_sheet:
        return None
    hull = _hull(mask.shape, low, high)
    area = np.count_nonzero(hull)
    if not least_cover * mask.size <= area <= (1 - _LEAST_OUTSIDE) * mask.size:
        return None
    return hull if filled >= _HULL_FILL * area else None


def _holds_ink(coarse: np.ndarray, inner: np.ndarray, gap: float) -> bool:
    """Return whether something stands out from the sheet, and not all over its rim."""
    window = _SIDE // 9
    paper = np.where(inner, coarse, np.median(coarse[inner]).astype(np.float32))
    opened, closed = opening(paper, window), -opening(-paper, window)
    differs = inner & (np.maximum(paper - opened, closed - paper) > _INK_STEP * gap)
    share = np.count_nonzero(differs) / np.count_nonzero(inner)
    if not _INK_SHARE[0] <= share <= _INK_SHARE[1]:
        return False
    pieces = find_components(differs)
    is_main = np.arange(len(pieces.areas)) == pieces.areas.argmax()
    # A digit does not reach from the sheet onto the table, but into a shadow.
    return not (pieces.mask(is_main) & ~_shrunk(inner, 1)).any()


def _extents(piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far a piece reaches along each direction: its least and greatest positions."""
    # No line beyond the ends of a row touches the piece but there.
    rows = np.flatnonzero(piece.any(axis=1))
    first = piece[rows].argmax(axis=1)
    last = piece.shape[1] - 1 - piece[rows, ::-1].argmax(axis=1)
    x, y = np.concatenate([first, last]), np.concatenate([rows, rows])
    along = np.outer(_COSINES, x) + np.outer(_SINES, y)
    return along.min(axis=1), along.max(axis=1)


def _least_box(low: np.ndarray, high: np.ndarray) -> float:
    """Return the area of the least rectangle around a piece, turned as may be."""
    widths = high - low + np.abs(_COSINES) + np.abs(_SINES)
    half = len(widths) // 2
    return float((widths[:half] * widths[half:]).min())


def _hull(shape: tuple[int, ...], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the convex hull of a piece, as far as so many directions tell it."""
    # Where each direction lets a row begin and end; no cosine is exactly 0.
    rest = np.outer(_SINES, np.arange(shape[0]))
    bounds = [
        (position[:, None] - rest) / _COSINES[:, None] for position in (low - 1e-6, high + 1e-6)
    ]
    first, last = np.minimum(*bounds).max(axis=0), np.maximum(*bounds).min(axis=0)
    x = np.arange(shape[1])
    return (x >= first[:, None]) & (x <= last[:, None])


def _shrunk(region: np.ndarray, width: int) -> np.ndarray:
    """Take a rim off a shape, but not where the picture's edge cuts it."""
    padded = np.pad(region, width, mode="edge")
    return running(np.minimum, padded, 2 * width + 1)[width:-width, width:-width]
