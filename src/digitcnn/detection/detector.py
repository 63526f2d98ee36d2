"""Runs the detector over a picture at several scales, and keeps the one that fits the writing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from digitcnn._sessions import LazySession
from digitcnn.detection.boxes import (
    INK,
    Detections,
    as_plane,
    common_height,
    find_peaks,
    is_of_height,
    join,
    merge,
    sigmoid,
    suppress,
)

READER = "reader"

Floats = npt.NDArray[np.float32]

# Longer sides, in pixels, at which a picture is looked at; finer ones only as long as they help.
SIDES = (96, 160, 256, 416, 672, 1088, 1760)
_LARGEST_ENLARGEMENT = 4.0
_SHOWN, _LONGEST = 32.0, 2048  # where digits of a known height are looked for, so tall; the side

PIXEL_MAX = 255
_MARGIN = 16  # pixels of padding around a picture
_MULTIPLE = 32  # the network halves its maps three times beyond the stride

# Dark strokes in a dim picture, and bright ones in a bright one: in a copy of about so many pixels,
# what stands out from so much around it, as a part of the longer side, is so skewed.
_GLANCE, _SURROUNDINGS, _DARK_STROKES = 96, 0.06, -0.5

_LEAST_SCORE = 0.1
# Heights in pixels at which the network is at its best.
_SHORTEST, _TALLEST = 20.0, 90.0
_COMFORTABLE = 36.0  # a height at which looking closer adds nothing
_LARGE = 40.0  # and one at which it does not even where the last look was the best yet
_PLAIN = 0.15  # what one digit, or two, are worth that can hardly be missed
# A 0 alone can be a ring, a cup's stain or a frame: up to this height, smaller digits are looked
# for, of which one so sure within it, so far from its edge in its sides, is what is read.
_RING, _SURE, _INNER = 240.0, 0.8, 0.08
_SEEN = 0.5  # a digit of another height counts against a look from this score on
# Looks at which digits have such heights are averaged.
_LEAST, _MOST = 14.0, 120.0
_WORTH = 0.15  # and what they find is worth so much of what the best one finds
_COVERED, _PAPER = 0.12, 30  # of a digit's height around it; the percentile there that is paper
_AROUND = 0.08  # of its longer side: the margin that a digit is cut out with
# Scores below this count for nothing when scales are compared.
_DOUBTFUL = 0.35


@dataclass(frozen=True)
class Found:
    """What one look at a picture found.

    Attributes
    ----------
    digits, signs : Detections
        In pixels of the picture.
    gray : ndarray of uint8, shape (H, W)
        The picture, ink bright.
    ink : ndarray of float32, shape (h, w)
        How much of each pixel is a digit's ink, in [0, 1], at the scale of the look.
    scale : tuple of float
        Pixels of `ink` for one of the picture's, across and down.
    """

    digits: Detections
    signs: Detections
    gray: npt.NDArray[np.uint8]
    ink: Floats
    scale: tuple[float, float]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.gray.shape[1], self.gray.shape[0]

    def ink_of(self, box: Floats) -> Floats:
        """Return the ink in a box of the picture, with a little around it."""
        left, top, right, bottom = box * np.array(self.scale * 2, np.float32)
        margin = _AROUND * max(right - left, bottom - top)
        rows = slice(max(0, int(top - margin)), int(bottom + margin) + 1)
        columns = slice(max(0, int(left - margin)), int(right + margin) + 1)
        return self.ink[rows, columns]


class Detector:
    """Finds digits and signs.

    Parameters
    ----------
    run : callable
        Takes float32 (1, H, W, 1) in [0, 1], sides multiples of 32, and gives the maps
        (1, H / 4, W / 4, channels).
    """

    def __init__(self, run: Callable[[Floats], Floats]) -> None:
        self._run = run

    def find(self, gray: npt.NDArray[np.uint8]) -> Found:
        """Find the digits and the signs of a picture, at the scale that shows them best.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)

        Returns
        -------
        found : Found
        """
        gray = to_dark_background(gray)
        looks: list[Found] = []
        values: list[float] = []
        heights: list[float] = []
        for side in _sides(gray):
            looks.append(self._look(gray, side))
            value, height = judge(looks[-1])
            values.append(value)
            heights.append(height)
            best = int(np.argmax(values))
            enough = _LARGE if best == len(looks) - 1 else _COMFORTABLE
            if _ring(looks[best]) is not None:
                height, enough = heights[best], _RING
            if (
                values[best] > _PLAIN
                and height * looks[-1].scale[1] > enough
                and _is_usual(height, looks[-1].digits)
            ):
                break
        inner = _within_ring(looks[best:])
        if inner is not None:
            return inner
        chosen, height = looks[best], heights[best]
        readable = [
            look
            for look, value in zip(looks, values, strict=True)
            if _LEAST < height * look.scale[1] < _MOST and value >= _WORTH * max(values)
        ]
        if len(readable) < 2:
            return chosen
        return replace(
            chosen,
            digits=suppress(merge([look.digits for look in readable])),
            # A point fades where digits are small: the look that shows it best counts.
            signs=suppress(join([look.signs for look in readable])),
        )

    def find_at(self, gray: npt.NDArray[np.uint8], side: int) -> Found:
        """Find digits and signs at one scale, whatever their heights."""
        return self._look(to_dark_background(gray), side)

    def find_more(self, found: Found, boxes: Floats, height: float) -> Found:
        """Look once more, without what was found, where digits of another height show well.

        Parameters
        ----------
        found : Found
        boxes : ndarray of float32, shape (N, 4)
            What to leave out.
        height : float
            Of the digits looked for, in pixels of the picture.

        Returns
        -------
        found : Found
        """
        factor = min(_LARGEST_ENLARGEMENT, _SHOWN / height)
        side = min(_LONGEST, round(max(found.size) * factor))
        return self._look(_erase(found.gray, boxes), side)

    def _look(self, gray: npt.NDArray[np.uint8], side: int) -> Found:
        """Find what a picture with a dark background shows at one scale."""
        factor = side / max(gray.shape)
        rows, columns = (max(1, round(length * factor)) for length in gray.shape)
        method = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
        resized = np.asarray(Image.fromarray(gray).resize((columns, rows), method))
        padding = [
            (_MARGIN, _MARGIN + -(length + 2 * _MARGIN) % _MULTIPLE) for length in (rows, columns)
        ]
        padded = np.pad(resized, padding, "edge").astype(np.float32) / np.float32(PIXEL_MAX)
        maps = self._run(padded[None, :, :, None])[0]
        across, down = columns / gray.shape[1], rows / gray.shape[0]
        limits = np.array([columns, rows, columns, rows], np.float32)
        back = np.array([across, down, across, down], np.float32)
        found = []
        for each in find_peaks(maps, least=_LEAST_SCORE):
            boxes = ((each.boxes - _MARGIN).clip(0, limits) / back).astype(np.float32)
            sized = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
            found.append(suppress(Detections(boxes, each.scores, each.probabilities)[sized]))
        ink = as_plane(sigmoid(maps[..., INK]))[
            _MARGIN : _MARGIN + rows, _MARGIN : _MARGIN + columns
        ]
        return Found(found[0], found[1], gray, ink, (across, down))


@cache
def published_detector() -> Detector:
    """Return the published detector; on one thread, as a caller may have several of its own."""
    return Detector(LazySession(READER, 1, form="maps").run)


def to_dark_background(gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a picture or its negative, so that ink is bright and the network knows one kind.

    Most of a picture is background: what is mostly bright has dark ink. So has a dim photograph,
    and a bright one may have bright ink, which strokes show: the background is then brought to
    black, as the network knows it. A picture and its negative give the same.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)

    Returns
    -------
    dark : ndarray of uint8, shape (H, W)
        The picture itself where its ink is bright already.
    """
    mean = gray.mean()
    is_bright = mean > PIXEL_MAX / 2 or (mean == PIXEL_MAX / 2 and gray[0, 0] > PIXEL_MAX / 2)
    dark = PIXEL_MAX - gray if is_bright else gray
    small = Image.fromarray(dark).reduce(max(1, max(dark.shape) // _GLANCE))
    if _skewness(small) > _DARK_STROKES:
        return dark
    brightest = np.asarray(small).max()
    inverted: npt.NDArray[np.uint8] = brightest - np.minimum(dark, brightest)
    return inverted


def _erase(gray: npt.NDArray[np.uint8], boxes: Floats) -> npt.NDArray[np.uint8]:
    """Return a copy of a picture, ink bright, with digits covered by the paper around each."""
    erased = gray.copy()
    for left, top, right, bottom in boxes.astype(int).tolist():
        margin = int(_COVERED * (bottom - top))
        rows = slice(max(0, top - margin), bottom + margin + 1)
        columns = slice(max(0, left - margin), right + margin + 1)
        part = erased[rows, columns]
        frame = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
        part[:] = np.percentile(frame, _PAPER)
    return erased


def _skewness(image: Image.Image) -> float:
    """Return the skewness of what stands out from its surroundings: negative for dark strokes."""
    blur = ImageFilter.BoxBlur(_SURROUNDINGS * max(image.size))
    above = np.asarray(image, np.float32) - np.asarray(image.filter(blur), np.float32)
    above -= above.mean()  # the blur rounds down
    squares = above * above
    return float((squares * above).mean() / (squares.mean() ** 1.5 + 1e-6))


def _sides(gray: npt.NDArray[np.uint8]) -> list[int]:
    longer = max(gray.shape)
    sides = [side for side in SIDES if side <= _LARGEST_ENLARGEMENT * longer]
    return sides or [math.ceil(_LARGEST_ENLARGEMENT * longer)]


def _is_usual(height: float, digits: Detections) -> bool:
    """Return whether no more digits have another height than have this one."""
    is_such = is_of_height(digits.heights[digits.scores > _SEEN], height)
    return bool(2 * is_such.sum() >= len(is_such))


def _ring(look: Found) -> Floats | None:
    """Return the box of the one digit that a look shows, if it is a 0."""
    digits = look.digits[look.digits.scores > _DOUBTFUL]
    if len(digits) != 1 or digits.probabilities[0].argmax() != 0:
        return None
    return digits.boxes[0]


def _within_ring(looks: list[Found]) -> Found | None:
    """Return what a closer look finds in the 0 that the first one shows, if anything."""
    ring = _ring(looks[0])
    if ring is None:
        return None
    margin = np.tile(_INNER * (ring[2:] - ring[:2]), 2) * (1, 1, -1, -1)
    inner = ring + margin
    for look in looks[1:]:
        boxes = look.digits.boxes
        is_inside = (boxes[:, :2] > inner[:2]).all(axis=1) & (boxes[:, 2:] < inner[2:]).all(axis=1)
        digits = look.digits[np.flatnonzero(is_inside)]
        if digits.scores.max(initial=0) > _SURE:
            return replace(look, digits=digits)
    return None


def judge(found: Found) -> tuple[float, float]:
    """Return how much one look finds: the sum of the scores of boxes of like height, and it.

    Parameters
    ----------
    found : Found

    Returns
    -------
    value, height : float
        The height in pixels of the picture.
    """
    digits = found.digits
    if not len(digits):
        return 0.0, 0.0
    heights = digits.heights
    seen = heights * found.scale[1]
    fit = np.where((seen > _SHORTEST) & (seen < _TALLEST), 1.0, 0.6)
    worth = (digits.scores - _DOUBTFUL).clip(0) ** 2 * fit
    return common_height(heights, worth, digits.scores)
