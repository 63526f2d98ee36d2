"""Which pieces of the ink belong to the digit, and what is noise."""

from __future__ import annotations

from itertools import product

import numpy as np

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing._components import Components, find_components

# More pieces than this, the largest a small part of them all, are noise.
_MANY_PIECES = 50
_MAIN_PART = 0.1
# Neighbours in noise know nothing of each other: in boxes of 20 x 20 pixels their correlation stays
# below 0.06 in 99 of 100, while that of MNIST's digits reduced to one-pixel outlines, the raggedest
# ink there is, is above it in 95 of 100. Where noise of black and white hangs together in one
# piece, half of all neighbours differ; in those outlines it is 0.44 in 1 of 100. Below so many
# pixels there is no telling.
_NOISE_CORRELATION = 0.05
_NOISE_CHANGES = 0.43
_NOISE_PIXELS = 200
# A 1 drawn as a bar fills its box but for the corners, which have no neighbours of their kind.
_NOISE_MOST_INK = 0.95
# Pixels and their neighbours below, on the right, and aslant.
_NEIGHBORS = (
    (np.s_[:-1], np.s_[1:]),
    (np.s_[:, :-1], np.s_[:, 1:]),
    (np.s_[:-1, :-1], np.s_[1:, 1:]),
    (np.s_[:-1, 1:], np.s_[1:, :-1]),
)
# Of a line's pixels fewer have one neighbour or none, and fewer have four or more, than of noise's.
_LINE_LONE = 0.05
_LINE_CROWDED = 0.4
# A line to write on is so flat, and so much longer than the digit.
_FLAT = 0.1
_LONGER = 1.3
# Of a digit that the edge cuts, more than this part is no wider than strokes.
_STROKE_PART = 0.4
# What is paler than this part of the digit's strength was not written with its pen.
_PALE = 0.5
# A pen that skips leaves gaps of this part of the digit.
_SKIP = 0.12
# No digit of MNIST comes in more than four pieces.
_FEW_PIECES = 6


def select_pieces(mask: np.ndarray, pieces: Components, contrast: np.ndarray) -> np.ndarray:
    """Keep the pieces of ink that make up the digit; drop specks and what the edge cuts.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All ink.
    pieces : Components
        Its components.
    contrast : ndarray of float32, shape (H, W)
        How strong it is.

    Returns
    -------
    digit : ndarray of bool, shape (H, W)
        The heaviest piece, and others that are large enough or lie within its reach.

    Raises
    ------
    NoDigitError
        If the ink is nothing but specks.
    """
    if len(pieces.areas) <= 1:
        return mask
    height, width = mask.shape
    tops, lefts, bottoms, rights = pieces.boxes.T
    heights, widths = bottoms - tops, rights - lefts
    touches_edge = _touches_edge(pieces)
    is_line = ((widths >= 0.9 * width) & (heights <= 0.1 * height)) | (
        (heights >= 0.9 * height) & (widths <= 0.1 * width)
    )
    weights = pieces.sums(np.where(mask, contrast, 0))
    standing = np.where(is_line, 0.01, np.where(touches_edge, 0.3, 1.0))
    main = int((weights * standing).argmax())
    _refuse_specks(len(pieces.areas), pieces.areas[main] / pieces.areas.sum())
    is_line |= _lines_beside(pieces.boxes, main)
    shares = weights / weights[main]
    strengths = weights / pieces.areas
    is_line |= strengths < _PALE * strengths[main]
    gaps = _gaps(pieces.boxes, pieces.boxes[main])
    is_fragment = (shares >= 0.01) & (gaps <= 0) & ~is_line
    may_be_part = (shares >= 0.06) & ~touches_edge & ~is_line
    keep = is_fragment | (may_be_part & (gaps <= _reach(pieces.boxes[main])))
    keep[main] = True
    return pieces.mask(_joined(pieces.boxes, keep, may_be_part))


def are_grounds(mask: np.ndarray, strokes: np.ndarray) -> bool:
    """Return whether what touches the edge is mostly wider than strokes: no ink, but a ground.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All that stands out.
    strokes : ndarray of bool, shape (H, W)
        What stands out and is no wider than strokes are.
    """
    pieces = find_components(mask)
    touches = _touches_edge(pieces)
    return bool(pieces.sums(strokes)[touches].sum() < _STROKE_PART * pieces.areas[touches].sum())


def _touches_edge(pieces: Components) -> np.ndarray:
    """Mark the pieces that touch an edge of the picture."""
    height, width = pieces.shape
    tops, lefts, bottoms, rights = pieces.boxes.T
    return (tops == 0) | (lefts == 0) | (bottoms == height) | (rights == width)


def _joined(boxes: np.ndarray, keep: np.ndarray, may_join: np.ndarray) -> np.ndarray:
    """Add to the pieces kept those near one of them, and so on: strokes of a pen that skips."""
    waiting = list(np.flatnonzero(keep))
    keep = keep.copy()
    whole = max(np.ptp(boxes[keep][:, [0, 2]]), np.ptp(boxes[keep][:, [1, 3]]))
    while waiting:
        near = may_join & ~keep & (_gaps(boxes, boxes[waiting.pop()]) <= _SKIP * whole)
        keep |= near
        waiting += list(np.flatnonzero(near))
    return keep


def _lines_beside(boxes: np.ndarray, main: int) -> np.ndarray:
    """Mark what is flat, longer than the digit and beside it: a line of a form."""
    tops, lefts, bottoms, rights = boxes.T
    heights, widths = bottoms - tops, rights - lefts
    is_apart = (tops >= bottoms[main]) | (bottoms <= tops[main])
    is_lying = (heights <= _FLAT * widths) & (widths > _LONGER * widths[main]) & is_apart
    is_apart = (lefts >= rights[main]) | (rights <= lefts[main])
    is_upright = (widths <= _FLAT * heights) & (heights > _LONGER * heights[main]) & is_apart
    return is_lying | is_upright


def _gaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return how far boxes lie from one of them, in pixels; what overlaps it lies below 0."""
    tops, lefts, bottoms, rights = boxes.T
    top, left, bottom, right = box
    down = np.maximum(top - bottoms, tops - bottom)
    return np.maximum(down, np.maximum(left - rights, lefts - right))


def _reach(box: np.ndarray) -> float:
    """Return how far from the heaviest piece others may lie, in pixels."""
    return 0.35 * max(box[2] - box[0], box[3] - box[1])


def drop_specks(mask: np.ndarray) -> np.ndarray:
    """Drop the small pieces of a digit at MNIST's own scale, if it comes in too many.

    A few small pieces may be parts of the digit, where the pen skipped; more are specks.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All ink.

    Returns
    -------
    digit : ndarray of bool, shape (H, W)
        The pieces that are no specks; the same array where there are few.

    Raises
    ------
    NoDigitError
        If the ink is nothing but specks.
    """
    pieces = find_components(mask)
    if len(pieces.areas) <= _FEW_PIECES:
        return mask
    # Before its smaller pieces go, which are what tells it from a digit.
    refuse_noise(mask)
    largest = pieces.areas.max()
    _refuse_specks(len(pieces.areas), largest / pieces.areas.sum())
    return pieces.mask(pieces.areas >= _MAIN_PART * largest)


def _refuse_specks(num_pieces: int, main_part: float) -> None:
    """Refuse ink of many pieces, of which the main one is but a small part."""
    if num_pieces > _MANY_PIECES and main_part < _MAIN_PART:
        raise NoDigitError(
            argument="images",
            rule="hold a digit",
            got=f"a picture of {num_pieces} specks",
            remedy="Give a picture with one connected digit.",
        )


def _is_thin_line(mask: np.ndarray) -> bool:
    """Recognize lines one pixel wide, whose pixels have few neighbours each, but rarely none."""
    padded = np.pad(mask, 1).astype(np.uint8)
    height, width = mask.shape
    shifts = product(range(3), range(3))
    windows = [padded[y : y + height, x : x + width] for y, x in shifts]
    near = np.sum(windows, axis=0)[mask] - 1
    return bool(np.mean(near <= 1) < _LINE_LONE and np.mean(near >= 4) < _LINE_CROWDED)


def refuse_noise(mask: np.ndarray) -> None:
    """Refuse a mask whose pixels know nothing of their neighbours.

    Raises
    ------
    NoDigitError
        If a pixel's being ink says next to nothing of its eight neighbours.
    """
    share = np.count_nonzero(mask) / mask.size
    if mask.size < _NOISE_PIXELS or min(mask.shape) == 1 or share > _NOISE_MOST_INK:
        return
    covariances, changes = [], []
    for first, second in _NEIGHBORS:
        one, other = mask[first], mask[second]
        both, either = (np.count_nonzero(each) / one.size for each in (one & other, one | other))
        # The mean of (one - share) * (other - share).
        covariances.append(both - share * (both + either) + share * share)
        changes.append(either - both)
    is_random = sum(covariances) / 4 < _NOISE_CORRELATION * share * (1 - share)
    many_changes = (changes[0] + changes[1]) / 2 > _NOISE_CHANGES
    if (is_random or many_changes) and not _is_thin_line(mask):
        raise NoDigitError(
            argument="images",
            rule="hold a digit",
            got="a picture of noise",
            remedy="Give a picture with one connected digit.",
        )
