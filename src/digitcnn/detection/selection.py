"""Which of the found digits and signs belong to the writing, judged by their neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn.detection.boxes import Detections, common_height, is_of_height
from digitcnn.readings import SIGNS

Indices = npt.NDArray[np.intp]

# What is less sure counts if it stands beside what is surer, as tall and level with it.
_SURE, LIKELY = 0.48, 0.25
_BESIDE, _LEVEL, _AS_TALL = 1.2, 0.4, 1.5  # gap and step in heights, ratio of heights
_LEAST_MARK = 0.5
# A point or comma needs less in a gap between digits, from close ones to wide ones, in heights;
# farther apart are two numbers, and where half as many signs as digits are faint, it is dust.
_FAINT_MARK = 0.2
_CLOSE, _WIDE, _FARTHEST = 0.2, 0.4, 1.0
_BELOW = 0.5  # a line's foot: how far below its digits a comma lies, in their heights
_POINTS = (SIGNS.index("."), SIGNS.index(","))
_APART = 0.25  # of a digit's height: nearer signs are one
_DOUBTFUL = 0.35
_NOISE = 0.4  # half of what is found in noise is named with less probability
_PLAIN = 0.3  # score times probability of the surest digit: noise seldom has such
# Of so many digits one is surer than this: grain enlarged looks like many doubtful ones.
_CROWDS = ((4, 0.6), (6, 0.75))
# A digit alone, beside words of several, counts from this score times probability on: most
# that are less sure are letters, crosses and specks.
_ALONE = 0.5
# Several count if they are worth so much in the mean, and a word of any length if it is read as a
# whole at least so surely or is worth more: else it is print, cursive or grain. Where of all that
# was found less than this share counts, the page is one of print, and asks for more.
_SEEN, _WELL_SEEN = 0.35, 0.75
LEGIBLE, LEGIBLE_AMID_PRINT = 0.15, 0.5
WRITTEN = 0.6
# Where nothing is so sure: no more digits than these, in words of two and more read so surely.
_FAINT, _MOST_FAINT, _CONFIRMED = 0.3, 40, 0.8
# A faint digit alone: beside few others that could be one, so much surer than the second, and named
# and read so surely.
_FEW, _COULD_BE, _STANDS_OUT, _NAMED, _READ = 4, 0.2, 1.4, 0.95, 0.9
# How far the stroke of a bracket bends, in its heights: one of two, and one alone. How thin and how
# even it is, likewise; from how much ink on, and in how many rows, it is looked at.
_BENT, _MUCH_BENT, _THIN, _EVEN = 0.06, 0.12, 0.06, 0.01
_FAINT_INK, _CLEAR_INK, _FEWEST_ROWS = 0.35, 0.2, 6
# So many digits of another size, of so much score, are worth another look at the picture.
_NUMBER, _TRACE = 2, 0.15
# The middle of a box, as a part of its sides; as dark, between its paper and its ink, it is full.
_MIDDLE, _FULL = (0.4, 0.6), 0.8


def select_digits(digits: Detections, *, likely: float = LIKELY) -> Indices:
    """Return which digits are sure enough, by themselves or by their neighbours.

    All are about as tall as each other; the common height is the one that the surest boxes agree
    on. What is less sure than that, but no less than `likely`, needs a neighbour.
    """
    kept = _standing_out(digits, likely=likely, sure=_SURE)
    # Noise looks like all digits at once.
    names = digits.probabilities[kept].max(axis=1)
    is_named = 2 * (names > _NOISE).sum() > len(kept)
    is_plain = (digits.scores[kept] * names).max(initial=0) > _PLAIN
    is_noise = is_crowd(digits.scores[kept], _CROWDS)
    return kept if is_named and is_plain and not is_noise else kept[:0]


def select_faint(digits: Detections) -> Indices:
    """Return which digits would count if fainter ones did, and noise was none.

    For a picture in which nothing else was found: the words must be confirmed by reading them.
    """
    kept = _standing_out(digits, likely=LIKELY, sure=_FAINT)
    return kept if len(kept) <= _MOST_FAINT else kept[:0]


def select_lone(digits: Detections) -> Indices:
    """Return the one digit that stands out, if one does, however faint.

    For a picture in which nothing else was found: it must be confirmed by reading it.
    """
    first, second = np.append(digits.scores, (0.0, 0.0))[:2]
    is_one = first > LIKELY and first > _STANDS_OUT * second
    is_plain = is_one and (digits.scores > _COULD_BE).sum() <= _FEW
    return np.zeros(int(is_plain), np.intp)


def _standing_out(digits: Detections, *, likely: float, sure: float) -> Indices:
    """Return which digits have the common height and are sure, or stand beside one that is."""
    heights = digits.heights
    if not len(heights):
        return np.zeros(0, np.intp)
    worth = (digits.scores - _DOUBTFUL).clip(0)
    _, common = common_height(heights, worth, digits.scores)
    chosen = np.flatnonzero(is_of_height(heights, common) & (digits.scores > likely))
    return chosen[_held_by_neighbours(digits[chosen], sure)]


def is_crowd(scores: npt.NDArray[np.float32], crowds: tuple[tuple[int, float], ...]) -> bool:
    """Return whether one of the `crowds` is met: so many scores, and none as high as its least."""
    surest = scores.max(initial=0)
    return any(len(scores) >= many and surest < least for many, least in crowds)


def _held_by_neighbours(digits: Detections, sure: float) -> npt.NDArray[np.bool_]:
    """Return which digits are sure, or stand beside one that is kept."""
    left, top, right, bottom = digits.boxes.T
    heights, middles = digits.heights, (top + bottom) / 2
    smaller = np.minimum(heights, heights[:, None])
    gaps = np.maximum(left[:, None] - right, left - right[:, None])
    is_beside = (
        (gaps < _BESIDE * smaller)
        & (np.abs(middles[:, None] - middles) < _LEVEL * smaller)
        & (np.maximum(heights, heights[:, None]) < _AS_TALL * smaller)
    )
    kept = digits.scores > sure
    while (reached := kept | (is_beside & kept).any(axis=1)).sum() > kept.sum():
        kept = reached
    return kept


def stands(
    word: Detections, sureness: float, *, longest: int, least_sureness: float = LEGIBLE
) -> bool:
    """Return whether a word counts, which is read so surely, beside another of `longest` digits."""
    worth = worth_of(word)
    is_legible = sureness > least_sureness or worth > _WELL_SEEN
    if len(word) == 1 == longest:
        return is_legible
    return is_legible and worth > (_ALONE if len(word) == 1 else _SEEN)


def worth_of(digits: Detections) -> float:
    """Return how sure digits are, by score and name, in the mean: in [0, 1]; of none 0.

    Parameters
    ----------
    digits : Detections

    Returns
    -------
    worth : float
    """
    sure = digits.scores * digits.probabilities.max(axis=1)
    return float(sure.mean()) if len(digits) else 0.0


def is_confirmed(word: Detections, sureness: float, *, alone: bool = False) -> bool:
    """Return whether faint digits are some, read so surely: a word of several, or one alone."""
    if alone:
        return sureness > _READ and float(word.probabilities.max()) > _NAMED
    return len(word) > 1 and sureness > _CONFIRMED


def other_height(digits: Detections, read: Detections) -> float | None:
    """Return how tall traces of digits are that are much taller or smaller than what was read."""
    common = float(np.median(read.heights))
    other = digits[(digits.scores > _TRACE) & ~is_of_height(digits.heights, common)]
    middles = (other.boxes[:, None, :2] + other.boxes[:, None, 2:]) / 2
    is_within = (middles > read.boxes[:, :2]) & (middles < read.boxes[:, 2:])
    heights = other.heights[~np.any(np.all(is_within, axis=2), axis=1)]
    return float(np.median(heights)) if len(heights) >= _NUMBER else None


def are_discs(gray: npt.NDArray[np.uint8], word: Detections) -> bool:
    """Return whether all digits of a word are 0s that are full: punched holes, bullets, bubbles.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture, ink bright.
    word : Detections
    """
    return not word.probabilities.argmax(axis=1).any() and all(
        _is_full(gray[top : bottom + 1, left : right + 1])
        for left, top, right, bottom in word.boxes.astype(int)
    )


def _is_full(cell: npt.NDArray[np.uint8]) -> bool:
    """Return whether the middle of a box is as dark as its ink."""
    rows, columns = (
        slice(math.floor(_MIDDLE[0] * length), math.ceil(_MIDDLE[1] * length))
        for length in cell.shape
    )
    paper, ink = np.percentile(cell, (5, 90))
    return bool(np.median(cell[rows, columns]) > paper + _FULL * (ink - paper))


def without_brackets(gray: npt.NDArray[np.uint8], word: Detections) -> Detections:
    """Leave out the brackets around a number, which look like 1s.

    A bracket is one thin stroke that bends evenly, to the left before the number and to the right
    behind it. A 1 seldom does; one on its own must therefore bend more than two.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture, ink bright.
    word : Detections
        From left to right.

    Returns
    -------
    word : Detections
    """
    ends = word.probabilities[[0, -1]].argmax(axis=1), word.boxes[[0, -1]].astype(int)
    opening, closing = (
        sign * _bend(gray[top : bottom + 1, left : right + 1]) if name == 1 else 0.0
        for name, (left, top, right, bottom), sign in zip(*ends, (-1, 1), strict=True)
    )
    least = _BENT if min(opening, closing) > _BENT else _MUCH_BENT
    first, last = int(opening > least), len(word) - int(closing > least)
    return word[first:last] if last - first > 0 else word


def _bend(cell: npt.NDArray[np.uint8]) -> float:
    """Return how far a stroke's middle lies right of its ends, in its heights; 0 of what is none.

    A parabola is fitted to the middle of the ink of each row.
    """
    paper, ink = np.percentile(cell, (10, 97))
    weights = ((cell - paper) / max(1.0, ink - paper) - _FAINT_INK).clip(0)
    weights = weights[weights.max(axis=1) > _CLEAR_INK]
    if len(weights) < _FEWEST_ROWS:
        return 0.0
    height, width = weights.shape
    totals, columns, rows = weights.sum(axis=1), np.arange(width), np.linspace(-1, 1, height)
    middles = weights @ columns / totals
    spreads = np.sqrt((weights * (columns - middles[:, None]) ** 2).sum(axis=1) / totals)
    parabola = np.polyfit(rows, middles, 2)
    away = np.abs(np.polyval(parabola, rows) - middles)
    is_stroke = np.percentile(spreads, 90) < _THIN * height and away.mean() < _EVEN * height
    return float(-parabola[0] / height) if is_stroke else 0.0


def select_marks(signs: Detections, digits: Detections) -> Indices:
    """Return which signs stand in a line with digits, free of them, where such a sign stands.

    A point or comma makes room: in a gap between two digits it may be fainter than elsewhere.
    """
    if not len(signs) or not len(digits):
        return np.zeros(0, np.intp)
    middles = (signs.boxes[:, :2] + signs.boxes[:, 2:]) / 2
    nearest = _nearest(middles, digits.boxes)
    left, top, right, bottom = digits.boxes[nearest].T
    height = bottom - top
    level = (middles[:, 1] - top) / height
    away = np.maximum(left - middles[:, 0], middles[:, 0] - right) / height
    names = signs.probabilities.argmax(axis=1)
    lowest, highest = np.array([_LEVELS[sign] for sign in SIGNS])[names].T
    is_level = (level > lowest) & (level < highest)
    is_near = (away > -0.3) & (away < 1.6) & (signs.heights < 1.7 * height)
    is_point = np.isin(names, _POINTS)
    # A point that could be a comma is one of the two.
    either = signs.probabilities[:, _POINTS].sum(axis=1)
    scores = np.where(is_point, np.minimum(1, either), signs.scores)
    is_clean = (signs.scores > _FAINT_MARK).sum() <= len(digits) / 2 + 1
    room = _room_around(middles, digits, height) if is_clean else np.zeros(len(signs))
    widths, least = (_CLOSE, _WIDE), (_LEAST_MARK, _FAINT_MARK)
    is_between = is_point & (room < _FARTHEST)
    needed = np.where(is_between, np.interp(room, widths, least), _LEAST_MARK)
    chosen = np.flatnonzero((scores > needed) & is_level & is_near)
    kept: list[int] = []
    for index in chosen[np.argsort(-scores[chosen], kind="stable")].tolist():
        # Looks at several scales put one small sign's boxes beside each other.
        apart = np.abs(middles[kept] - middles[index]).max(axis=1, initial=0)
        if (apart > _APART * height[index]).all():
            kept.append(index)
    return np.array(sorted(kept), np.intp)


def _room_around(
    middles: npt.NDArray[np.floating[Any]],
    digits: Detections,
    heights: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return how wide the gap between two digits is that each point lies in, in `heights`.

    Where no digit is on one of the sides, it is infinite.
    """
    left, top, right, bottom = digits.boxes.T
    x, y = middles[:, :1], middles[:, 1:]
    is_level = (y > top) & (y < bottom + _BELOW * (bottom - top))
    is_before = (left + right) / 2 < x
    begin = np.where(is_level & is_before, right, -np.inf).max(axis=1)
    end = np.where(is_level & ~is_before, left, np.inf).min(axis=1)
    room: npt.NDArray[np.float32] = (end - begin) / heights
    return room


# How far below the neighbouring digit's top a sign's middle lies, in its heights.
_LEVELS = {
    ".": (0.55, 1.35),
    ",": (0.6, 1.6),
    "-": (0.1, 1.0),
    "/": (0.1, 0.95),
    ":": (0.2, 0.95),
    "+": (0.1, 1.0),
}


def _nearest(points: npt.NDArray[np.floating[Any]], boxes: npt.NDArray[np.float32]) -> Indices:
    """Return for each point the box that it is least far from, sideways or up and down."""
    across = np.maximum(boxes[:, 0] - points[:, :1], points[:, :1] - boxes[:, 2]).clip(0)
    down = np.maximum(boxes[:, 1] - points[:, 1:], points[:, 1:] - boxes[:, 3]).clip(0)
    return (across**2 + 4 * down**2).argmin(axis=1)
