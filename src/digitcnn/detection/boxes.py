"""What the detector's maps say: a peak for each digit and sign, with its box and its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from digitcnn.readings import SIGNS

Floats = npt.NDArray[np.float32]

STRIDE = 4  # pixels of the picture for each cell of the maps
BOX_UNIT = 16  # pixels: boxes of this size have logarithms of 0
_MOST_PEAKS = 1500  # in one look: more are noise
# Heights of one hand's digits in one picture, relative to the common one: of those that agree.
_ALIKE = (0.6, 1.6)
_SHORTEST, _TALLEST = 0.5, 1.9  # of all digits in it
# Print and grain have more than so many boxes of one height with such scores, and few surer ones.
_CROWD, _DOUBTFUL, _CROWD_WORTH = 60, (0.15, 0.6), 0.01
_TINY = 1e-4  # a probability that is not quite none

# The maps' channels: is there a digit's middle, is there a sign's; which digit; the box; the ink.
DIGIT = 0
SIGN = slice(1, 1 + len(SIGNS))
NAMES = slice(SIGN.stop, SIGN.stop + 10)
BOX = slice(NAMES.stop, NAMES.stop + 4)
INK = slice(BOX.stop, BOX.stop + STRIDE * STRIDE)
NUM_CHANNELS = INK.stop


@dataclass(frozen=True)
class Detections:
    """Found digits or signs, the surest first.

    Attributes
    ----------
    boxes : ndarray of float32, shape (N, 4)
        Left, top, right, bottom in pixels.
    scores : ndarray of float32, shape (N,)
        How sure it is that something is there, in [0, 1].
    probabilities : ndarray of float32, shape (N, K)
        Of the ten digits, or of the signs; rows of digits sum to 1.
    """

    boxes: Floats
    scores: Floats
    probabilities: Floats

    def __len__(self) -> int:
        """Count them."""
        return len(self.scores)

    def __getitem__(
        self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice
    ) -> Detections:
        """Return some of them."""
        return Detections(self.boxes[chosen], self.scores[chosen], self.probabilities[chosen])

    @property
    def heights(self) -> Floats:
        """Of the boxes, in pixels."""
        return self.boxes[:, 3] - self.boxes[:, 1]


def find_peaks(maps: Floats, *, least: float) -> tuple[Detections, Detections]:
    """Read the digits and the signs off the detector's maps.

    Parameters
    ----------
    maps : ndarray of float32, shape (H / 4, W / 4, NUM_CHANNELS)
        As the network gives them.
    least : float
        The least score of a peak.

    Returns
    -------
    digits, signs : Detections
    """
    digit_scores = sigmoid(maps[..., DIGIT])
    rows, columns = _peaks(digit_scores, least)
    names = maps[rows, columns, NAMES]
    names = np.exp(names - names.max(axis=1, keepdims=True))
    digits = Detections(
        _boxes_at(maps, rows, columns),
        digit_scores[rows, columns],
        names / names.sum(axis=1, keepdims=True),
    )
    sign_scores = sigmoid(maps[..., SIGN])
    rows, columns = _peaks(sign_scores.max(axis=-1), least)
    each = sign_scores[rows, columns]
    signs = Detections(_boxes_at(maps, rows, columns), each.max(axis=1, initial=0), each)
    return digits, signs


def sigmoid(logits: Floats) -> Floats:
    """Return the probabilities that logits stand for."""
    scores: Floats = 1 / (1 + np.exp(-logits.clip(-30, 30)))
    return scores


def as_plane(cells: Floats) -> Floats:
    """Put each cell's square of values in its place: (H, W, S * S) becomes (H * S, W * S)."""
    rows, columns, count = cells.shape
    side = math.isqrt(count)
    squares = cells.reshape(rows, columns, side, side).swapaxes(1, 2)
    return squares.reshape(rows * side, columns * side)


def _peaks(scores: Floats, least: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return where a cell exceeds `least` and no neighbour exceeds it."""
    around = np.pad(scores, 1)
    rows, columns = scores.shape
    highest = np.maximum(np.maximum(around[:-2], around[1:-1]), around[2:])
    highest = np.maximum(np.maximum(highest[:, :-2], highest[:, 1:-1]), highest[:, 2:])
    found = np.nonzero((scores >= highest[:rows, :columns]) & (scores > least))
    surest = np.argsort(-scores[found], kind="stable")[:_MOST_PEAKS]
    return found[0][surest], found[1][surest]


def _boxes_at(maps: Floats, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Floats:
    across, down, wide, tall = maps[rows, columns, BOX].T
    x, y = (columns + across) * STRIDE, (rows + down) * STRIDE
    half_wide, half_tall = (BOX_UNIT / 2 * np.exp(side.clip(-4, 4)) for side in (wide, tall))
    boxes = np.stack([x - half_wide, y - half_tall, x + half_wide, y + half_tall], axis=1)
    return boxes.astype(np.float32)


def join(looks: Sequence[Detections]) -> Detections:
    """Put together what several looks at one picture found."""
    return Detections(
        np.concatenate([look.boxes for look in looks]),
        np.concatenate([look.scores for look in looks]),
        np.concatenate([look.probabilities for look in looks]),
    )


def merge(looks: Sequence[Detections], *, overlap: float = 0.5) -> Detections:
    """Average what several looks at one picture found.

    Parameters
    ----------
    looks : sequence of Detections
        Of the same picture, in the same pixels.
    overlap : float
        Two boxes are of the same digit if their intersection is more than this part of their union.

    Returns
    -------
    merged : Detections
        The surest first. A score is the mean over all looks, 0 where one found nothing; boxes and
        probabilities are weighted with the scores, these in the logarithm.
    """
    found = join(looks)
    boxes, scores = found.boxes, found.scores
    logarithms = np.log(found.probabilities + _TINY)
    look_of = np.repeat(np.arange(len(looks)), [len(look) for look in looks])
    areas = _areas(boxes)
    free = np.ones(len(scores), bool)
    merged = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if not free[index]:
            continue
        shared = _shared(boxes[index], boxes)
        members = np.flatnonzero((shared > overlap * (areas[index] + areas - shared)) & free)
        members = members if len(members) else np.array([index])  # a box without an area
        free[members] = False
        # Of each look the surest; they come in no order of scores.
        members = members[np.argsort(-scores[members], kind="stable")]
        members = members[np.unique(look_of[members], return_index=True)[1]]
        total = scores[members].sum()
        weights = (scores[members] / total)[:, None]
        names = np.exp((logarithms[members] * weights).sum(axis=0))
        names /= names.sum()
        merged.append(((boxes[members] * weights).sum(axis=0), total / len(looks), names))
    merged.sort(key=lambda each: -each[1])
    return Detections(
        np.array([box for box, _, _ in merged], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in merged], np.float32),
        np.array([names for _, _, names in merged], np.float32).reshape(-1, logarithms.shape[1]),
    )


def _areas(boxes: Floats) -> Floats:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _shared(box: Floats, boxes: Floats) -> Floats:
    """Return the intersection of a box with each of others, in square pixels."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    return (high - low).clip(0).prod(axis=1)


def suppress(found: Detections, *, overlap: float = 0.35, inside: float = 0.5) -> Detections:
    """Keep the surest of those that overlap: greedy non-maximum suppression.

    Parameters
    ----------
    found : Detections
    overlap : float
        Two boxes are one if their intersection is more than this part of their union.
    inside : float
        And if it is more than this part of the smaller one.

    Returns
    -------
    kept : Detections
        The surest first.
    """
    boxes, areas = found.boxes, _areas(found.boxes)
    kept: list[int] = []
    for index in np.argsort(-found.scores, kind="stable").tolist():
        # One by one: noise has thousands of peaks, and a table of all pairs would not fit.
        shared = _shared(boxes[index], boxes[kept])
        union = areas[index] + areas[kept] - shared
        least = np.minimum(areas[index], areas[kept])
        if not ((shared > overlap * union) | (shared > inside * least)).any():
            kept.append(index)
    return found[np.array(kept, np.intp)]


def is_of_height(heights: Floats, common: float) -> npt.NDArray[np.bool_]:
    """Return which heights are those of digits of one picture, whose common height is given."""
    is_fit: npt.NDArray[np.bool_] = (heights > _SHORTEST * common) & (heights < _TALLEST * common)
    return is_fit


def common_height(heights: Floats, worth: Floats, scores: Floats) -> tuple[float, float]:
    """Find the height that boxes share, each counted by its worth.

    Dozens of doubtful boxes, and fewer sure ones, are print or grain: they count for little.

    Parameters
    ----------
    heights, worth, scores : ndarray of float32, shape (N,)
        Of the boxes; at least one.

    Returns
    -------
    total, height : float
        What the boxes of about the common height are worth together, and that height.
    """
    alike = (heights > _ALIKE[0] * heights[:, None]) & (heights < _ALIKE[1] * heights[:, None])
    low, sure = _DOUBTFUL
    num_doubtful = alike @ ((scores > low) & (scores < sure)).astype(np.float32)
    num_sure = alike @ (scores >= sure).astype(np.float32)
    totals = alike @ worth
    totals[(num_doubtful > _CROWD) & (num_doubtful > num_sure)] *= _CROWD_WORTH
    at = int(totals.argmax())
    return float(totals[at]), float(heights[at])
