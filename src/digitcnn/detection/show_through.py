"""Show-through: what is written on the other side of the paper, paler than what is on this one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from digitcnn.detection.boxes import Detections
from digitcnn.detection.lines import group_lines
from digitcnn.detection.selection import worth_of

PIXEL_MAX = 255
Pixels = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.float64]

# It has less than so much of the page's strongest contrast, between the darkest of a digit and the
# paper around it. Where that is weaker than so many levels, all is faint.
_PALE, _PLAIN = 0.45, 80
# What is pale in a line and worth so much in the mean was written on this side, with a pencil.
_PENCIL = 0.7
_DARKEST, _PAPER = 98, 15  # percentiles of a box, and with so much of its height around it
_AROUND = 0.15
# Of a digit's box, what lies in no other's counts, if it is so large a part.
_OWN = 0.3
_STEP = 4  # rows and columns from which the paper's level is taken
_GLARE = 20  # levels by which paper in glare is whiter
_MOST = 200  # digits: so many are found on a page of print
_BEYOND = 1.1  # what is taken away, in contrasts of the darkest that shows through


def without_show_through(gray: Pixels, digits: Detections) -> Pixels | None:
    """Return a picture without what shows through its paper.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        Ink bright.
    digits : Detections
        What was found.

    Returns
    -------
    cleaned : ndarray of uint8, shape (H, W), or None
        None where nothing shows through, or what does cannot be told from a pencil, or from print.
    """
    if len(digits) > _MOST:
        return None
    papers, inks = _levels(gray, digits)
    is_pale = _are_pale(gray, papers, inks)
    if not is_pale.any():
        return None
    lines = [members[is_pale[members]] for members in group_lines(digits.boxes)]
    if any(worth_of(digits[pale]) > _PENCIL for pale in lines):
        return None
    paper, contrasts = np.median(papers), inks - papers
    taken, full = _BEYOND * contrasts[is_pale].max(), np.median(contrasts[~is_pale])
    ink = gray - np.float32(paper)
    ink[ink > 0] = (ink[ink > 0] - taken).clip(0) * (full / max(1.0, full - taken))
    cleaned: Pixels = (paper + ink).clip(0, PIXEL_MAX).astype(np.uint8)
    return cleaned


def shows_through(gray: Pixels, digits: Detections) -> npt.NDArray[np.bool_]:
    """Return which digits are far paler than the others, as those on the other side are.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        Ink bright.
    digits : Detections

    Returns
    -------
    is_pale : ndarray of bool, shape (N,)
    """
    if len(digits) < 2:  # none is paler than itself
        return np.zeros(len(digits), bool)
    return _are_pale(gray, *_levels(gray, digits))


def _are_pale(gray: Pixels, papers: Levels, inks: Levels) -> npt.NDArray[np.bool_]:
    """Return which digits are far paler than the others, by the levels of each."""
    if (inks - papers).max(initial=0) < _PLAIN:
        return np.zeros(len(inks), bool)
    # A shadow brings paper and ink nearer to black by one factor.
    contrasts = (inks - papers) / np.array([np.ones_like(papers), PIXEL_MAX + 1 - papers])
    least = _PALE * contrasts.max(axis=1)[:, None]
    is_pale: npt.NDArray[np.bool_] = (contrasts < least).all(axis=0)
    if not is_pale.any():
        return is_pale
    # In glare the paper is whiter than elsewhere, and all ink pale.
    return is_pale & (papers > np.median(gray[::_STEP, ::_STEP]) - _GLARE)


def _levels(gray: Pixels, digits: Detections) -> Levels:
    """Return how bright the paper around each digit is, and its ink: shape (2, N)."""
    levels, boxes = [], digits.boxes.astype(int)
    for index, (left, top, right, bottom) in enumerate(boxes.tolist()):
        margin = max(1, int(_AROUND * (bottom - top)))
        rows = slice(max(0, top - margin), bottom + margin + 1)
        columns = slice(max(0, left - margin), right + margin + 1)
        cell = gray[top : bottom + 1, left : right + 1]
        is_near = (boxes[:, :2] <= (right, bottom)) & (boxes[:, 2:] >= (left, top))
        others = np.setdiff1d(np.flatnonzero(is_near.all(axis=1)), index)
        own = _outside(boxes[others] - (left, top) * 2, cell.shape)
        ink = np.percentile(cell[own] if own.mean() > _OWN else cell, _DARKEST)
        levels.append((np.percentile(gray[rows, columns], _PAPER), ink))
    return np.array(levels).reshape(-1, 2).T


def _outside(boxes: npt.NDArray[np.int_], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which pixels lie in none of the boxes."""
    outside = np.ones(shape, bool)
    for left, top, right, bottom in boxes.clip(0).tolist():
        outside[top : bottom + 1, left : right + 1] = False
    return outside
