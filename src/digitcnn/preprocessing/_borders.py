"""Borders and frames: the outline of a canvas, a scanner's black rim, a printed box."""

from __future__ import annotations

import numpy as np

from digitcnn.preprocessing._components import Components
from digitcnn.preprocessing._filters import sample
from digitcnn.preprocessing._lines import find_lines

# A border is no wider than this part of the side it follows, and lies no further in.
_BORDER_PART = 8
_LEAST_SIDE = 28
# On a smaller picture one straight line may be a stroke: only a border on all sides is one.
_ONE_SIDED = 60
# Along a line of one colour the values span less than this part of the picture's range; a border
# differs from the ground by more than this part of it.
_EVEN_LINE = 0.3
_BORDER_CONTRAST = 0.25
_GROUND_CONTRAST = 0.1
# Anti-aliasing and JPEG blur the border's inner edge over so many lines.
_BLUR = 3

# A frame's sides are straight lines: this part of each is ink, in a band this part of the box wide.
_SIDE_COVER = 0.85
_SIDE_BAND = 1 / 16
# What stands in a frame is at least this high, in parts of it, and the frame at least so large, in
# parts of the picture's longer side.
_LEAST_INSIDE = 0.2
_LEAST_FRAME = 0.2
# Below this many pixels on a side a frame cannot be told from a stroke.
_LEAST_FRAME_SIDE = 40
# Its lines are no thicker than this part of the picture's longer side.
_THICKEST = 1 / 40


def trim_border(plane: np.ndarray) -> tuple[int, int, int, int] | None:
    """Find what a border leaves of a picture: lines along its sides that are no part of a digit.

    A border's lines have one colour from end to end, and inside them lies a whole line of ground;
    under the bar of a 7 that fills its picture lies its stem.

    Parameters
    ----------
    plane : ndarray of uint16, shape (H, W)
        Grey; ink dark or bright.

    Returns
    -------
    box : tuple of int or None
        Top, left, bottom and right of the inside; None where there is no border.
    """
    height, width = plane.shape
    shorter = min(height, width)
    if shorter < _LEAST_SIDE:
        return None
    levels = sample(plane)
    span = int(levels.max()) - int(levels.min())
    bands = [_band(lines) for lines in (plane, plane[::-1], plane.T, plane.T[::-1])]
    # Most pictures have the same even ground along all sides: no border, and nothing to count.
    if max(high.max() for _, high in bands) == min(low.min() for low, _ in bands):
        return None
    ground = float(np.median(levels))
    widths = [_border_width(low, high, ground, span) for low, high in bands]
    if not any(widths) or (shorter < _ONE_SIDED and not all(widths)):
        return None
    above, below, before, after = widths
    return above, before, height - below, width - after


def _band(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest value of each line of a border, but for its ends."""
    ends = _most_border(lines.shape[1])
    band = lines[: _most_border(len(lines)) + _BLUR + 1, ends:-ends]
    return band.min(axis=1).astype(np.float32), band.max(axis=1).astype(np.float32)


def _most_border(length: int) -> int:
    """Return how wide a border may be, and how much of a line's ends is left out, in pixels."""
    return max(2, length // _BORDER_PART)


def may_have_border(mask: np.ndarray, box: tuple[int, int, int, int]) -> bool:
    """Return whether some line of a drawing shows no ground between its ends, as a border's do.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All that differs from a flat ground.
    box : tuple of int
        Its top, left, bottom and right.
    """
    top, left, bottom, right = box
    return _has_full_line(mask, left, right) or _has_full_line(mask.T, top, bottom)


def _has_full_line(lines: np.ndarray, start: int, end: int) -> bool:
    """Return whether some line is full between `start` and `end`, but for its ends."""
    width = lines.shape[1]
    ends = _most_border(width)
    is_long = start <= ends and end >= width - ends
    return is_long and bool(lines[:, ends:-ends].all(axis=1).any())


def _border_width(low: np.ndarray, high: np.ndarray, ground: float, span: int) -> int:
    """Count the lines, from the first, that a border takes up with its blurred edge."""
    depth = len(low) - _BLUR - 1
    is_even = high - low <= _EVEN_LINE * span
    contrast = np.abs((low + high) / 2 - ground)
    is_border = is_even & (contrast > _BORDER_CONTRAST * span)
    # In a drawing a line is exactly even, and its border may differ by little.
    is_exact = (low == high) & (contrast > 0) & (low == low[0])
    is_border |= np.logical_and.accumulate(is_exact)
    is_ground = is_even & (contrast < _GROUND_CONTRAST * span)
    if not is_border[:depth].any():
        return 0
    last = int(np.flatnonzero(is_border[:depth])[-1])
    clear = np.flatnonzero(is_ground[last + 1 : last + 2 + _BLUR])
    # All lines up to the border are of one colour too, be they its own or the ground's.
    if not len(clear) or not is_even[: last + 1].all():
        return 0
    return last + 1 + int(clear[0])


def drop_frames(mask: np.ndarray, pieces: Components) -> np.ndarray:
    """Take printed boxes around a digit out of the ink, where the digit touches them too.

    A frame is a piece of ink with four straight sides and something inside.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All ink.
    pieces : Components
        Its components.

    Returns
    -------
    mask : ndarray of bool, shape (H, W)
        The same array where there is no frame.
    """
    thickest = max(2, round(_THICKEST * max(mask.shape)))
    sides = pieces.boxes[:, 2:] - pieces.boxes[:, :2]
    is_large = (sides.max(axis=1) >= _LEAST_FRAME * max(mask.shape)) & (
        sides.min(axis=1) >= _LEAST_FRAME_SIDE
    )
    result = mask
    for index in np.flatnonzero(is_large):
        top, left, bottom, right = pieces.boxes[index].tolist()
        piece = mask[top:bottom, left:right]
        # All that is in the box has straight sides if the piece alone has.
        if not has_straight_sides(piece):
            continue
        piece = pieces.mask(np.arange(len(is_large)) == index)[top:bottom, left:right]
        if not has_straight_sides(piece):
            continue
        lines = find_lines(piece, thickness=thickest, goes_on=False)
        lines |= find_lines(piece.T, thickness=thickest, goes_on=False).T
        rows = np.flatnonzero((mask[top:bottom, left:right] & ~lines).any(axis=1))
        if len(rows) and np.ptp(rows) + 1 >= _LEAST_INSIDE * (bottom - top):
            result = result.copy()
            result[top:bottom, left:right] &= ~lines
    return result


def has_straight_sides(piece: np.ndarray) -> bool:
    """Return whether ink runs along all four sides of a piece's box."""
    for side in (piece, piece[::-1], piece.T, piece.T[::-1]):
        band = max(2, round(_SIDE_BAND * len(side)))
        if side[:band].any(axis=0).mean() < _SIDE_COVER:
            return False
    return True
