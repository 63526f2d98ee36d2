"""A sheet that lies on a ground of its own in a drawing, exact to the pixel."""

from __future__ import annotations

import numpy as np

from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._filters import running

# Below this many pixels on a side a sheet cannot be told from a digit.
_LEAST_SIDE = 60

# A sheet fills this part of a rectangle and covers this part of the picture; a handwritten 0 with
# all its inside would fill no more than pi / 4.
_SHEET_FILL = 0.88
# The same on a coarse copy, which rules most pictures out at little cost.
_SHEET_GUESS = 0.8
_SHEET_COVER = 0.2
_SHEET_MARGIN = 0.03
# What differs from the sheet by this part of its contrast is ink on it, of which there is some but
# not too much.
_SHEET_DIFFERENCE = 0.3
_SHEET_INK = (0.003, 0.45)


def find_sheet(ink: np.ndarray) -> np.ndarray | None:
    """Find a sheet of paper on a ground, with the ink on it, where that is what a picture shows.

    The largest piece of what differs from the ground is a sheet if it is, with its holes, a
    rectangle in any position, and if something on it differs from the rest of it.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        What differs from the ground and how much, 0 elsewhere.

    Returns
    -------
    inside : ndarray of bool, shape (H, W), or None
        The sheet, without its very edge unless that is a straight and sharp one.
    """
    if max(ink.shape) < _LEAST_SIDE:
        return None
    mask = ink > 0
    if not may_have_sheet(mask):
        return None
    found = _sheet_outline(mask, fill=_SHEET_FILL)
    if found is None or max(found[1].shape) < _LEAST_SIDE:
        return None
    (top, left, bottom, right), filled = found
    longer = max(filled.shape)
    shrunk = filled if filled.all() else _shrunk(filled, _SHEET_MARGIN * longer)
    if not shrunk.any():
        return None
    levels = ink[top:bottom, left:right][shrunk]
    differs = np.abs(levels - np.median(levels)) > _SHEET_DIFFERENCE * levels.max()
    if not _SHEET_INK[0] <= differs.mean() <= _SHEET_INK[1]:
        return None
    inside = np.zeros(ink.shape, bool)
    inside[top:bottom, left:right] = shrunk
    return inside


def may_have_sheet(mask: np.ndarray) -> bool:
    """Decide from a coarse copy of a mask whether its largest piece may be a sheet."""
    step = -(-max(mask.shape) // _LEAST_SIDE)
    return _sheet_outline(mask[::step, ::step], fill=_SHEET_GUESS) is not None


def _sheet_outline(
    mask: np.ndarray, *, fill: float
) -> tuple[tuple[int, int, int, int], np.ndarray] | None:
    """Return the box of the largest piece, and the piece with its holes, if that is a rectangle."""
    least_area = (1 - _SHEET_INK[1]) * _SHEET_COVER * mask.size
    if np.count_nonzero(mask) < least_area:
        return None
    pieces = find_components(mask)
    main = int(pieces.areas.argmax())
    top, left, bottom, right = pieces.boxes[main].tolist()
    if pieces.areas[main] < least_area or (bottom - top, right - left) == mask.shape:
        return None
    piece = pieces.mask(np.arange(len(pieces.areas)) == main)[top:bottom, left:right]
    filled = fill_between(piece)
    area = np.count_nonzero(filled)
    if area < _SHEET_COVER * mask.size or area < fill * _least_rectangle(filled):
        return None
    return (top, left, bottom, right), filled


def fill_between(piece: np.ndarray) -> np.ndarray:
    """Fill what lies between two pixels of a piece both in its row and in its column."""
    return _between_ends(piece) & _between_ends(np.ascontiguousarray(piece.T)).T


def _between_ends(lines: np.ndarray) -> np.ndarray:
    """Fill each row from its first to its last pixel."""
    first, end = lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    end[~lines.any(axis=1)] = 0
    x = np.arange(lines.shape[1])
    return (x >= first[:, None]) & (x < end[:, None])


def _shrunk(filled: np.ndarray, margin: float) -> np.ndarray:
    """Take a margin, in pixels, off a shape on all sides."""
    width = max(2, round(margin))
    return running(np.minimum, np.pad(filled, width), 2 * width + 1)[width:-width, width:-width]


def _least_rectangle(filled: np.ndarray) -> float:
    """Return the area of the smallest rectangle, in any position, around a filled shape."""
    rows = np.flatnonzero(filled.any(axis=1))
    lefts = filled[rows].argmax(axis=1)
    rights = filled.shape[1] - filled[rows, ::-1].argmax(axis=1)
    # The corners of the pixels at both ends of each row.
    y = np.concatenate([rows, rows, rows + 1, rows + 1])
    x = np.concatenate([lefts, rights, lefts, rights])
    angles = np.radians(np.arange(0, 90, 3))
    along = np.outer(np.cos(angles), x) + np.outer(np.sin(angles), y)
    across = np.outer(np.cos(angles), y) - np.outer(np.sin(angles), x)
    return float((np.ptp(along, axis=1) * np.ptp(across, axis=1)).min())
