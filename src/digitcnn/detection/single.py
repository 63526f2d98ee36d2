"""Where the one digit of a picture is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from digitcnn.detection.detector import Detector, Found
from digitcnn.detection.selection import is_crowd
from digitcnn.detection.show_through import shows_through

Inspect = Callable[[Found], None]
Box = npt.NDArray[np.float32]

# Longer sides in pixels at which the network looks: the finer ones only as long as nothing sure
# has been found.
_SIDES = (128, 256, 512)
_SURE = 0.5
_LEAST_SCORE = 0.2
# Noise looks like many doubtful digits: so many of this score and more, none of them surer than so.
_DOUBTFUL = 0.15
_CROWDS = ((4, 0.6), (20, 0.8))
_MOST_LIKELY = 4  # digits of which one is chosen that does not show through the paper
_FAR_SURER = 2.0  # than the second: a tiny digit in the grain of a large page


def find_one(
    gray: npt.NDArray[np.uint8], detector: Detector, inspect: Inspect | None = None
) -> Box | None:
    """Find the one digit of a picture.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
    detector : Detector
    inspect : callable, optional
        Sees what the first look finds, and raises what speaks against it.

    Returns
    -------
    box : ndarray of float32, shape (4,), or None
        Left, top, right and bottom; None where no look finds a digit.
    """
    best: Box | None = None
    best_score = 0.0
    for side in _SIDES:
        if side > _SIDES[0] and max(gray.shape) <= side // 2:
            break
        found = detector.find_at(gray, side)
        if inspect is not None and side == _SIDES[0]:
            inspect(found)
        index = _surest(found)
        if index is not None:
            box, score = found.digits.boxes[index], found.digits.scores[index]
            if score > best_score and not _is_within(box, best):
                best, best_score = box, score
        if best_score > _SURE:
            break
    return best


def _is_within(box: Box, other: Box | None) -> bool:
    """Return whether a box's middle lies in another, as that of a part of a digit does."""
    if other is None:
        return False
    middle = (box[:2] + box[2:]) / 2
    return bool((middle > other[:2]).all() and (middle < other[2:]).all())


def _surest(found: Found) -> int | None:
    """Return the surest digit; of two that are, the larger."""
    digits = found.digits
    doubtful = digits.scores[digits.scores > _DOUBTFUL]
    if doubtful.max(initial=0) < _LEAST_SCORE:
        return None
    if is_crowd(doubtful, _CROWDS) and not _stands_out(doubtful):
        return None
    sides = (digits.boxes[:, 2:] - digits.boxes[:, :2]).max(axis=1)
    worth = digits.scores * np.sqrt((sides / sides.max()).clip(0.2, 1))
    worth[digits.scores < _LEAST_SCORE] = 0
    likely = np.argsort(-worth, kind="stable")[:_MOST_LIKELY]
    likely = likely[worth[likely] > 0]
    return int(likely[~shows_through(found.gray, digits[likely])][0])


def _stands_out(scores: npt.NDArray[np.float32]) -> bool:
    """Return whether one digit is far surer than what looks like one in the paper's grain."""
    second, first = np.partition(scores, -2)[-2:]
    return bool(first > _SURE and first > _FAR_SURER * second)
