"""Where the one digit of a picture is, and which of its pixels are the digit's ink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from digitcnn.detection import Detector, Found
from digitcnn.detection.selection import is_crowd
from digitcnn.detection.show_through import shows_through
from digitcnn.errors import NoDigitError
from digitcnn.images import Picture
from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._geometry import dilate, ink_box

Inspect = Callable[[Found], None]

# Longer sides in pixels at which the network looks: the finer ones only as long as nothing sure
# has been found.
_SIDES = (128, 256, 512)
# In a picture of so few pixels each is several of a look's, and its edges look like strokes': a
# second look at so much of the size sees them elsewhere.
_COARSE, _COARSER = 40, 0.75
_SURE = 0.5
_LEAST_SCORE = 0.2
# Noise looks like many doubtful digits: so many of this score and more, none of them surer than so.
_DOUBTFUL = 0.15
_CROWDS = ((4, 0.6), (20, 0.8))
_MOST_LIKELY = 4  # digits of which one is chosen that does not show through the paper
_FAR_SURER = 2.0  # than the second: a tiny digit in the grain of a large page
# A digit of fewer pixels, or of more, is looked at again at the size that the network knows best,
# cut out with so much around it on each side; unless it is found there with less than so much of
# the score.
_LEAST_SIDE, _BEST_SIDE, _MOST_SIDE = 55, 80, 105
_MARGIN = 0.3
_MOST_LOOKS = 3
_AS_SURE = 0.6

# Ink below the first level is none; the digit's components reach the second.
_TRACE, _INK = 0.05, 0.15
_REACH = 2  # pixels that the trace reaches beyond the components
_AROUND = 0.1  # of the digit's longer side: how far its ink may reach beyond its box
_SPECK = 0.03  # of its largest component
_OWN = 0.5  # of a component, in the box: otherwise it is another's


@dataclass(frozen=True)
class Sight:
    """The digit as the network saw it.

    Attributes
    ----------
    picture : Picture
        The region that was looked at.
    ink : ndarray of float32, shape (H, W)
        How much of each pixel of the look is the digit's ink, in [0, 1]; 0 in all but the digit.
    box : tuple of float
        Left, top, right and bottom of the digit with all of its ink, in pixels of the region.
    side : float
        The longer side of that box, in pixels of the look.
    score : float
        How sure it is that a digit is there, in [0, 1].
    """

    picture: Picture
    ink: np.ndarray
    box: tuple[float, float, float, float]
    side: float
    score: float


def find_digit(picture: Picture, detector: Detector, inspect: Inspect | None) -> Sight:
    """Find the digit of a picture, near enough to see its strokes.

    Parameters
    ----------
    picture : Picture
    detector : Detector
    inspect : callable, optional
        Sees what the first look finds, and raises what speaks against it.

    Returns
    -------
    sight : Sight

    Raises
    ------
    NoDigitError
        If none of the looks finds a digit.
    """
    best: Sight | None = None
    gray = picture.gray
    longer = max(gray.shape)
    for side in _SIDES:
        if side > _SIDES[0] and longer <= side // 2:
            break
        found = _look(gray, detector, side)
        if inspect is not None and side == _SIDES[0]:
            inspect(found)
        sight = _surest(picture, found)
        if sight is not None and (best is None or sight.score > best.score):
            best = sight
        if best is not None and best.score > _SURE:
            break
    if best is None:
        raise NoDigitError(
            argument="images",
            rule="hold a digit",
            got="a picture in which none is found",
            remedy="Give a picture with one digit in it.",
        )
    for _ in range(_MOST_LOOKS - 1):
        if _LEAST_SIDE <= best.side <= _MOST_SIDE:
            break
        closer = _closer(best, detector)
        if closer is None or closer.score < _AS_SURE * best.score:
            break
        best = closer
    return best


def _look(gray: np.ndarray, detector: Detector, side: int) -> Found:
    """Look at a picture; at one as small as MNIST's twice, and take the mean of the ink."""
    found = detector.find_at(gray, side)
    if max(gray.shape) > _COARSE:
        return found
    height, width = found.ink.shape
    coarser = Image.fromarray(detector.find_at(gray, round(_COARSER * side)).ink)
    other = np.asarray(coarser.resize((width, height), Image.Resampling.BILINEAR))
    return replace(found, ink=(found.ink + other) / 2)


def _surest(picture: Picture, found: Found) -> Sight | None:
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
    index = int(likely[~shows_through(found.gray, digits[likely])][0])
    scale = np.array(found.scale * 2)
    box = digits.boxes[index] * scale  # in pixels of the look
    ink = _digit_ink(found.ink, box)
    if ink.any():
        top, left, bottom, right = ink_box(ink > 0)
        box = np.concatenate(
            [np.minimum(box[:2], (left, top)), np.maximum(box[2:], (right, bottom))]
        )
    side = float((box[2:] - box[:2]).max())
    left, top, right, bottom = (box / scale).tolist()
    return Sight(picture, ink, (left, top, right, bottom), side, float(digits.scores[index]))


def _stands_out(scores: np.ndarray) -> bool:
    """Return whether one digit is far surer than what looks like one in the paper's grain."""
    second, first = np.partition(scores, -2)[-2:]
    return bool(first > _SURE and first > _FAR_SURER * second)


def _digit_ink(ink: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the ink of the digit in a box, and 0 elsewhere.

    Its components reach beyond the box where the box is too small, and what lies in the box by
    chance belongs to a component elsewhere.
    """
    mask = ink > _INK
    if not mask.any():
        return np.zeros_like(ink)
    left, top, right, bottom = box.tolist()
    around = _AROUND * max(right - left, bottom - top)
    inside = np.zeros(ink.shape, bool)
    rows = slice(max(0, int(top - around)), int(bottom + around) + 1)
    inside[rows, max(0, int(left - around)) : int(right + around) + 1] = True
    components = find_components(mask)
    own = components.sums(mask & inside)
    kept = (own > _OWN * components.areas) & (own >= _SPECK * own.max())
    kept[own.argmax()] = True
    grown = dilate(components.mask(kept), _REACH)[_REACH:-_REACH, _REACH:-_REACH]
    return np.where(grown & (ink > _TRACE), ink, np.float32(0))


def _closer(sight: Sight, detector: Detector) -> Sight | None:
    """Look at the digit again, cut out of the original; None where that shows no digit."""
    height, width = sight.picture.plane.shape
    left, top, right, bottom = sight.box
    margin = _MARGIN * max(right - left, bottom - top)
    box = (
        max(0, int(top - margin)),
        max(0, int(left - margin)),
        min(height, int(bottom + margin) + 1),
        min(width, int(right + margin) + 1),
    )
    share = max(right - left, bottom - top) / max(box[2] - box[0], box[3] - box[1])
    # No longer than the first look: a pixel more would have the network pad it by 32.
    side = min(_SIDES[0], round(_BEST_SIDE / min(1, share)))
    region = sight.picture.closer(box, least=side)
    return _surest(region, detector.find_at(region.gray, side))
