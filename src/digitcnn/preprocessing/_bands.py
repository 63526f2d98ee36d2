"""Bands of a picture that are printed in negative, as stripes behind a digit are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from digitcnn.preprocessing._values import PLANE_MAX

# Across the edge of a band most pixels turn into their negative: neighbours differ by this part of
# full scale on the average, and add up to full scale within this part. Strokes that end just there
# are what is left.
_LEAST_JUMP = 0.45
_MOST_UNLIKE = 0.5
# Most of them are ground and turn the same way: so much do the means of both sides differ.
_LEAST_STEP = 0.1

# Where a digit keeps clear of the picture's sides, this part of them is ground of one tone.
_EVEN_FRAME = 0.98
# This part of the strokes' pixels at the edges has such a pixel across the edge.
_LEAST_GOING_ON = 0.5
# A narrower band, as a part of the picture, may be a stroke of a digit that was cut out closely.
_LEAST_BAND = 0.12
_LEAST_SIDE = 16  # pixels


def undo_negative_bands(plane: np.ndarray) -> np.ndarray:
    """Turn bands in negative back, upright ones and then those from side to side.

    The widest band that shows two tones, and so perhaps a digit, stays as it is. A band of one
    tone within the picture stays, too: it may as well be a stroke. A negative of the picture gives
    the negative of the result.

    Parameters
    ----------
    plane : ndarray of uint16, shape (H, W)
        Grey.

    Returns
    -------
    even : ndarray of uint16, shape (H, W)
        The plane itself, if it has no such bands.
    """
    upright = _undo_upright(plane)
    turned = upright.T
    level = _undo_upright(turned)
    return upright if level is turned else np.ascontiguousarray(level.T)


def _undo_upright(plane: np.ndarray) -> np.ndarray:
    """Turn those bands back that run from top to bottom."""
    width = plane.shape[1]
    edges = _edges(plane) if width >= _LEAST_SIDE else []
    bounds = list(pairwise([0, *edges, width]))
    if not edges or min(right - left for left, right in bounds) < _LEAST_BAND * width:
        return plane
    wide = [right - left if _has_two_tones(plane[:, left:right]) else 0 for left, right in bounds]
    if not any(wide):
        return plane
    kept = int(np.argmax(wide))
    even = plane.copy()
    for index, (left, right) in enumerate(bounds):
        at_side = index in (0, len(bounds) - 1)
        if (index - kept) % 2 and (wide[index] or at_side):
            even[:, left:right] = PLANE_MAX - plane[:, left:right]
    return even if _has_even_frame(even) or _strokes_go_on(plane, bounds) else plane


def _edges(plane: np.ndarray) -> list[int]:
    """Find the columns that are, but for their neighbour on the left being a negative, its like."""
    steps = np.abs(np.diff(plane.mean(axis=0)))
    candidates = np.flatnonzero(steps >= _LEAST_STEP * PLANE_MAX)
    before, after = (plane[:, candidates + offset].astype(np.int32) for offset in (0, 1))
    jump = np.abs(after - before).mean(axis=0)
    unlike = np.abs(before + after - PLANE_MAX).mean(axis=0)
    edges = (jump >= _LEAST_JUMP * PLANE_MAX) & (unlike <= _MOST_UNLIKE * PLANE_MAX)
    return (candidates[edges] + 1).tolist()


def may_have_bands(ink: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether a side of the ink on a flat ground may be the edge of a band.

    Parameters
    ----------
    ink : ndarray of float32, shape (H', W')
        How much it differs from the ground, in [0, 1], cut to its box.
    shape : tuple of int
        Height and width of the picture.
    """
    height, width = shape
    return _has_steep_edge(ink, height) or _has_steep_edge(ink.T, width)


def _has_steep_edge(ink: np.ndarray, height: int) -> bool:
    """Return whether neighbouring columns differ as at a band's edge, in a picture so high."""
    if len(ink) < _LEAST_JUMP * height:
        return False
    sums = np.concatenate([[0], ink.sum(axis=0), [0]])
    steps = np.abs(np.diff(sums))
    # The first and the last have the ground for a neighbour, from which all their ink differs.
    jumps = [steps[0], steps[-1]]
    candidates = np.flatnonzero(steps[1:-1] >= _LEAST_STEP * height)
    jumps += [np.abs(ink[:, column + 1] - ink[:, column]).sum() for column in candidates]
    return bool(max(jumps) >= _LEAST_JUMP * height)


def _has_even_frame(plane: np.ndarray) -> bool:
    """Return whether nearly all of the outermost pixels have one tone."""
    frame = np.concatenate([plane[[0, -1]].ravel(), plane[1:-1, [0, -1]].ravel()])
    bright = np.count_nonzero(frame > PLANE_MAX // 2) / len(frame)
    return bool(max(bright, 1 - bright) >= _EVEN_FRAME)


def _strokes_go_on(plane: np.ndarray, bounds: list[tuple[int, int]]) -> bool:
    """Return whether strokes go on, in negative, across the edges: a true stroke's do not."""
    bright = plane > PLANE_MAX // 2
    ground = [2 * np.count_nonzero(bright[:, a:b]) > bright[:, a:b].size for a, b in bounds]
    if any(one == other for one, other in pairwise(ground)):
        return False
    ends = ends_both = 0
    for (_, column), one, other in zip(bounds, ground, ground[1:], strict=False):
        before, after = bright[:, column - 1] != one, bright[:, column] != other
        ends += int(np.count_nonzero(before | after))
        ends_both += int(np.count_nonzero(before & after))
    return ends_both >= _LEAST_GOING_ON * ends


def _has_two_tones(band: np.ndarray) -> bool:
    """Return whether a band shows both dark and bright."""
    return bool(np.ptp(band) > PLANE_MAX // 2)
