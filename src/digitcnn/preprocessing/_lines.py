"""Ruled lines: finding them, and taking them out of the ink."""

from __future__ import annotations

import numpy as np

from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._filters import quantile, running

# Below this many pixels on a side a line cannot be told from a stroke.
_LEAST_SIDE = 60

# Runs of ink of this part of the picture's side may be part of a ruled line, which reaches over
# most of the side and is no thicker than a small part of it.
_LINE_RUN = 1 / 10
_LINE_REACH = 0.9
_LINE_THICKNESS = 1 / 40
_LINE_GAP = 1 / 2
_LINE_COVER = 0.5
# One or two lines are ruled, not written, only if they are this much fainter than the other ink.
_FAINTER = 0.75
_FEW_LINES = 2


def drop_lines(mask: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Take ruled lines out of a mask, but for the places where a stroke crosses them.

    Lines are ruled if there are several, or if they are fainter than the other ink.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All ink.
    ink : ndarray of float32, shape (H, W)
        How strong it is.

    Returns
    -------
    mask : ndarray of bool, shape (H, W)
        The same array where there are no such lines.
    """
    if min(mask.shape) < _LEAST_SIDE:
        return mask
    across, down = find_lines(mask), find_lines(mask.T)
    if not across.any() and not down.any():
        return mask
    rest = mask & ~across & ~down.T
    if not rest.any():
        return mask
    # The rest holds the digit; what is left of its strokes tells how strong they are.
    strength = quantile(ink[rest], 0.75)
    if _are_ruled(across, ink, strength):
        mask = mask & ~(across & ~_crossings(mask, across))
    if _are_ruled(down, ink.T, strength):
        mask = mask & ~(down & ~_crossings(mask.T, down)).T
    return mask


def may_have_lines(mask: np.ndarray, box: tuple[int, int, int, int]) -> bool:
    """Return whether there are lines, ruled or not, in a mask whose true pixels fill a box."""
    top, left, bottom, right = box
    height, width = mask.shape
    return (right - left >= _LINE_REACH * width and bool(find_lines(mask).any())) or (
        bottom - top >= _LINE_REACH * height and bool(find_lines(mask.T).any())
    )


def find_lines(
    mask: np.ndarray, *, thickness: int | None = None, goes_on: bool = True
) -> np.ndarray:
    """Mark the nearly horizontal thin lines that reach over most of the width, gaps allowed.

    What the edge cuts goes on beyond it, unless the mask was cut to the ink's own box.
    """
    height, width = mask.shape
    columns = np.flatnonzero(mask.any(axis=0))
    if np.ptp(columns) + 1 < _LINE_REACH * width:
        return np.zeros_like(mask)
    if thickness is None:
        thickness = max(2, round(_LINE_THICKNESS * height))
    # Long runs first, then thin ones: where lines cross others, only their runs are thin.
    long_runs = _opened(mask, max(2, round(_LINE_RUN * width)), axis=1, goes_on=goes_on)
    long_runs &= ~_opened(long_runs, thickness + 1, axis=0, goes_on=goes_on)
    if np.count_nonzero(long_runs.any(axis=0)) < _LINE_COVER * width:
        return np.zeros_like(mask)
    # Each run is made longer at both ends, so that the parts of a broken line meet.
    bridged = find_components(running(np.maximum, long_runs, round(_LINE_GAP * width), axes=(1,)))
    lines = np.zeros_like(mask)
    tops, lefts, bottoms, rights = bridged.boxes.T
    is_flat = (rights - lefts >= _LINE_REACH * width) & (bottoms - tops <= 4 * thickness)
    for index in np.flatnonzero(is_flat):
        piece = bridged.mask(np.arange(len(is_flat)) == index) & long_runs
        lines |= _straight_part(piece, thickness)
    return lines


def _straight_part(piece: np.ndarray, thickness: int) -> np.ndarray:
    """Keep what lies along the straight line through a flat piece, if that is a ruled line."""
    width = piece.shape[1]
    counts = piece.sum(axis=0)
    usual = np.median(counts[counts > 0])
    # A stroke that runs along the line makes it thicker there.
    clear = np.flatnonzero((counts > 0) & (counts <= usual + 1))
    centers = (np.arange(len(piece)) @ piece[:, clear]) / counts[clear]
    slope, start = np.polyfit(clear, centers, 1) if len(clear) > 1 else (0.0, centers.mean())
    expected = start + slope * np.arange(width)
    line = piece & (np.abs(np.arange(len(piece))[:, None] - expected) <= usual / 2 + 1)
    columns = np.flatnonzero(line.any(axis=0))
    is_ruled = (
        usual <= thickness
        and len(columns) >= _LINE_COVER * width
        and np.ptp(columns) + 1 >= _LINE_REACH * width
    )
    return line if is_ruled else np.zeros_like(piece)


def _opened(mask: np.ndarray, window: int, *, axis: int, goes_on: bool = True) -> np.ndarray:
    """Keep the runs along an axis that are at least `window` pixels long."""
    if not goes_on:
        margin = [(window, window) if each == axis else (0, 0) for each in range(2)]
        inner = [slice(before, -after or None) for before, after in margin]
        return _opened(np.pad(mask, margin), window, axis=axis)[tuple(inner)]
    kept = running(np.minimum, mask, window, axes=(axis,))
    # Reversed, so that the window's longer half lies on the other side and the runs come back.
    flipped = running(np.maximum, np.flip(kept, axis), window, axes=(axis,))
    return mask & np.flip(flipped, axis)


def _are_ruled(lines: np.ndarray, ink: np.ndarray, strength: float) -> bool:
    """Distinguish ruled lines from long horizontal strokes of a digit that fills its picture."""
    if not lines.any():
        return False
    gap = round(_LINE_GAP * lines.shape[1])
    count = len(find_components(running(np.maximum, lines, gap, axes=(1,))).areas)
    return count > _FEW_LINES or bool(np.median(ink[lines]) < _FAINTER * strength)


def _crossings(mask: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Mark where the ink at a horizontal line reaches clearly higher or lower than the line."""
    thickness = int(lines.sum(axis=0).max())
    num_lines = max(1, len(np.flatnonzero(np.diff(lines.any(axis=1).astype(np.int8)) == 1)))
    window = 2 * max(1, round(thickness / num_lines)) + 3
    return _opened(mask, window, axis=0)
