"""Groups boxes into lines, and puts lines and what stands in them into reading order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Middles = npt.NDArray[np.floating]

_REACH = 0.55  # of the smaller height: how far the middles of neighbours may differ
_STEEPEST = 0.18  # ten degrees
# Neighbours, from which the slope is measured, are no farther apart, in heights.
_NEAR = 4.0
# Farther apart, in heights, are two words, as a form's label and what is written beside it.
_APART = 4.0
# Squared heights: how much level writing is assumed before anything is measured.
_DOUBT = 4.0


def group_lines(boxes: Floats) -> list[npt.NDArray[np.intp]]:
    """Return the lines of text, top to bottom, each as the indices of its boxes, left to right.

    All lines of a page slope alike, by at most ten degrees: the slope is measured first, and each
    box is then held against the last one of each line to its left.

    Parameters
    ----------
    boxes : ndarray of float32, shape (N, 4)
        Left, top, right, bottom.

    Returns
    -------
    lines : list of ndarray of int
        Each box is in one line.
    """
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    heights = boxes[:, 3] - boxes[:, 1]
    levels = middles[:, 1] - _slope(middles, heights) * middles[:, 0]
    lines: list[list[int]] = []
    last_levels, last_heights = np.zeros((2, len(boxes)))  # of the end of each line
    for index in np.argsort(middles[:, 0], kind="stable").tolist():
        ends = slice(len(lines))
        least = np.minimum(heights[index], last_heights[ends])
        apart = np.abs(levels[index] - last_levels[ends]) / least
        nearest = int(apart.argmin()) if lines else 0
        if lines and apart[nearest] < _REACH:
            lines[nearest].append(index)
        else:
            nearest = len(lines)
            lines.append([index])
        last_levels[nearest] = levels[lines[nearest][-2:]].mean()
        last_heights[nearest] = heights[index]
    lines.sort(key=lambda line: float(levels[line].mean()))
    return [np.array(line) for line in lines]


def split_words(boxes: Floats) -> list[npt.NDArray[np.intp]]:
    """Return the words of a line, left to right, each as the indices of its boxes.

    Parameters
    ----------
    boxes : ndarray of float32, shape (N, 4)
        Of one line, as `group_lines` orders them.

    Returns
    -------
    words : list of ndarray of int
        Wide gaps lie between them.
    """
    gaps = boxes[1:, 0] - np.maximum.accumulate(boxes[:-1, 2])
    is_wide = gaps > _APART * np.median(boxes[:, 3] - boxes[:, 1])
    return np.split(np.arange(len(boxes)), np.flatnonzero(is_wide) + 1)


def _slope(middles: Middles, heights: Floats) -> float:
    """Return how lines fall to the right: the slope of chains of neighbours, fitted together."""
    right = middles[None, :, 0] - middles[:, None, 0]
    down = middles[None, :, 1] - middles[:, None, 1]
    reach = heights[:, None]
    is_beside = (right > 0.3 * reach) & (right < _NEAR * reach) & (np.abs(down) < 0.7 * reach)
    chain = np.arange(len(middles))
    for index in np.argsort(middles[:, 0], kind="stable").tolist():
        if is_beside[index].any():
            nearest = np.where(is_beside[index], right[index], np.inf).argmin()
            chain[nearest] = chain[index]
    moment = spread = 0.0
    for members in (middles[chain == each] for each in set(chain.tolist())):
        x, y = (members - members.mean(axis=0)).T
        moment, spread = moment + float(x @ y), spread + float(x @ x)
    # A few boxes near each other show no slope: so much level writing is added to them.
    slope = moment / (spread + _DOUBT * float((heights**2).mean())) if len(middles) else 0.0
    return min(_STEEPEST, max(-_STEEPEST, slope))
