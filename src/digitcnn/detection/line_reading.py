"""Reads a found line as a whole, and corrects by it which digits it has and how they are named.

The detector sees a digit by itself. A network that reads along the line, taught by connectionist
temporal classification [1]_, says how probable any text is; the text that both find most probable
together counts.

References
----------
.. [1] Graves, Fernández, Gomez, Schmidhuber, ICML 2006: labelling unsegmented sequence data with
   recurrent neural networks.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from digitcnn.detection.boxes import Detections, is_of_height, join
from digitcnn.detection.detector import Found
from digitcnn.readings import SIGNS

LINES = "lines"  # the published network
SIGNS_BESIDE = "signs"  # and one of the same form, which knows what is no digit

Floats = npt.NDArray[np.float32]
Logs = npt.NDArray[np.float64]
Texts = npt.NDArray[np.intp]  # a row for each text: digits, LEFT_OUT where there is none
LEFT_OUT = -1

HEIGHT, DIGIT_HEIGHT = 32, 20  # pixels that the network sees of a line, and of its digits
STRIDE = 2  # columns for each answer
_MULTIPLE = 8  # columns
_MARGIN = 0.55  # digit heights before the first digit and behind the last
_LONGEST = 1600  # columns: a longer line is left as it was found
_STEEPEST = 0.2
_LEVEL_WRITING = 4.0  # squared heights of it, which a slope is measured against
_FADED = 8.0  # of 255: less contrast than this is not stretched
BLANK = 0
_NUM_DIGITS = 10
_OTHER = 1 + _NUM_DIGITS + len(SIGNS)  # the symbol of any other sign, or of a word
# A sign at least so surely, and a digit that is seen and named with such a product more surely:
# else it stays a digit, as a bold printed one does.
_SURELY = 0.8
_SURER, _PLAINLY = 0.9995, 0.74
# A word is read as one such symbol: its other letters lie so near, in heights, and score less.
_ADJOINING, _PLAIN = 0.5, 0.6
_PIXEL_MAX = 255
_NEVER = -1e9  # a logarithm of 0

# How much better than the text that detector and naming network found another must be.
_HEAD_START = 1.0
# Any text is as probable as this: what is sure and wrong must not overrule the others.
_DOUBT = math.log(0.01)
# The less, the more digits it has too many or too few: a printed word beside is many.
_MORE_DOUBT = math.log(0.1)
# A digit that was not chosen is considered if it is so sure and so level with the others.
_FAINTEST, _LEVEL = 0.1, 0.6
_MOST_NAMES, _POSSIBLE = 4, 0.003
_SUREST = 0.97  # no box is surer than this, so that it can be left out
_MOST_CHANGES = 16
_MOST_DOUBTS = 24  # places of a line: of more, as print has, nothing is corrected
# A digit that the detector has no box for is as sure as a faint one, and named as it was read with
# so much more probability; the network reads it soon after its left edge, in heights.
_UNSEEN, _AS_READ, _BEFORE, _BEHIND = 0.3, 0.5, 0.1, 0.5
_TINY = 1e-4  # a probability that is not quite none
_EMPTY = math.log(1 - 1e-4)
_LEAST = 1e-300  # and one that has a logarithm


@dataclass(frozen=True)
class Strip:
    """Where a line lies: its digits about `DIGIT_HEIGHT` rows tall in a strip of `HEIGHT` rows.

    Attributes
    ----------
    left, middle : float
        Of the strip's left edge, in the picture's pixels.
    step, slope : float
        The picture's pixels for each of the strip's, and how far it falls for each to the right.
    width : int
        Columns, a multiple of 8.
    """

    left: float
    middle: float
    step: float
    slope: float
    width: int


def strip_along(boxes: Floats) -> Strip | None:
    """Lay a strip along a line's digits, or return None where that would be too long.

    Parameters
    ----------
    boxes : ndarray of float32, shape (N, 4)
        Of the digits, in the picture's pixels.

    Returns
    -------
    strip : Strip or None
    """
    left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    (x, y), step = middles.mean(axis=0).tolist(), height / DIGIT_HEIGHT
    away = middles - (x, y)
    moment, spread = float(away[:, 0] @ away[:, 1]), float(away[:, 0] @ away[:, 0])
    slope = moment / (spread + _LEVEL_WRITING * height**2) if len(boxes) > 2 else 0.0
    slope = min(_STEEPEST, max(-_STEEPEST, slope))
    left -= _MARGIN * height
    width = math.ceil((right + _MARGIN * height - left) / step)
    width += -width % _MULTIPLE
    return Strip(left, y + slope * (left - x), step, slope, width) if width <= _LONGEST else None


def cut_line(found: Found, strip: Strip) -> npt.NDArray[np.uint8]:
    """Cut a line out, straightened.

    Parameters
    ----------
    found : Found
        What was found in the picture.
    strip : Strip
        Where the line lies.

    Returns
    -------
    line : ndarray of uint8, shape (HEIGHT, strip.width, 2)
        How bright it is, ink bright, and how much of it is a digit's ink.
    """
    left, top = strip.left, strip.middle - strip.step * HEIGHT / 2
    planes: list[tuple[npt.NDArray[Any], tuple[float, float]]] = [
        (found.gray, (1.0, 1.0)),
        (found.ink, found.scale),
    ]
    return np.stack(
        [
            _straightened(
                plane,
                (left * across, top * down),
                (strip.step * across, strip.step * down),
                strip.slope * down / across,
                strip.width,
            )
            for plane, (across, down) in planes
        ],
        axis=-1,
    )


def _straightened(
    plane: npt.NDArray[Any],
    corner: tuple[float, float],
    steps: tuple[float, float],
    slope: float,
    width: int,
) -> npt.NDArray[np.uint8]:
    """Sample a strip that begins at `corner` and falls by `slope`, its edges repeated outside.

    The plane is of uint8, or of float32 in [0, 1].
    """
    (left, top), (across, down) = corner, steps
    fall = slope * across * width
    factor = max(1, int(across))
    border = 2 * factor
    first_row, first_column = math.floor(top + min(0, fall)) - border, math.floor(left) - border
    last_row = math.ceil(top + max(0, fall) + down * HEIGHT) + border
    last_column = math.ceil(left + across * width) + border
    rows = np.arange(first_row, last_row).clip(0, plane.shape[0] - 1)
    columns = np.arange(first_column, last_column).clip(0, plane.shape[1] - 1)
    part = plane[rows][:, columns]
    if part.dtype != np.uint8:
        part = (part * _PIXEL_MAX).astype(np.uint8)
    image = Image.fromarray(part).reduce(factor)
    matrix = np.array([across, 0, left - first_column, slope * across, down, top - first_row])
    return np.asarray(
        image.transform(
            (width, HEIGHT),
            Image.Transform.AFFINE,
            (matrix / factor).tolist(),
            Image.Resampling.BILINEAR,
        )
    )


def as_input(line: npt.NDArray[np.uint8]) -> Floats:
    """Scale a line as the network takes it, shape (HEIGHT, W, 2)."""
    gray, ink = line[..., 0].astype(np.float32), line[..., 1].astype(np.float32)
    gray = (gray - gray.mean()) / (gray.std() + np.float32(_FADED))
    return np.stack([gray, ink / np.float32(127.5) - 1], axis=-1)


def symbol_logs(maps: Floats) -> Logs:
    """Return the logarithms of the probabilities, shape (T, 11), of nothing and each digit.

    T is at most half of the line's width.
    """
    logs = _log_softmax(maps)
    signs_too = [BLANK, *range(1 + _NUM_DIGITS, logs.shape[1])]
    nothing = np.logaddexp.reduce(logs[:, signs_too], axis=1)
    # Surely nothing, column after column, says no more than once.
    is_empty = nothing > _EMPTY
    is_told = ~(is_empty & np.roll(is_empty, 1))
    is_told[0] = True
    return np.column_stack([nothing, logs[:, 1 : 1 + _NUM_DIGITS]])[is_told]


def _log_softmax(maps: npt.NDArray[Any]) -> Logs:
    """Return the logarithm of each symbol's probability, a row for each column of a line."""
    logits = maps.reshape(-1, maps.shape[-1]).astype(np.float64)
    logs: Logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return logs


def symbols_of(logs: npt.NDArray[Any]) -> list[int]:
    """Return the symbols along the most probable path: a digit's is one more than itself."""
    path = logs.argmax(axis=1)
    is_new = np.diff(path, prepend=BLANK) != 0
    symbols: list[int] = path[is_new & (path != BLANK)].tolist()
    return symbols


def is_digit(maps: Floats, strip: Strip, line: Detections) -> npt.NDArray[np.bool_]:
    """Return which boxes are not surely another sign, as one of money, or a part of a word.

    Parameters
    ----------
    maps : ndarray of float32, shape (1, 1, T, 18)
        As the network of signs gives them for the strip.
    strip : Strip
    line : Detections
        The line's digits, left to right.

    Returns
    -------
    is_digit : ndarray of bool, shape (N,)
    """
    columns = np.exp(_log_softmax(maps))
    x = strip.left + np.arange(len(columns)) * STRIDE * strip.step
    margins = line.heights[:, None] * (-_BEFORE, _BEFORE)
    left, right = (line.boxes[:, ::2] + margins).T[:, :, None]
    is_inside = (x > left) & (x < right)
    other = np.where(is_inside, columns[:, _OTHER], 0).max(axis=1)
    digit = np.where(is_inside, columns[:, 1 : 1 + _NUM_DIGITS].max(axis=1), 0).max(axis=1)
    is_read = digit > 1 - _SURELY
    gaps = line.boxes[1:, 0] - line.boxes[:-1, 2]
    worth = line.scores * line.probabilities.max(axis=1)
    is_sign = (other >= np.where(worth > _PLAINLY, _SURER, _SURELY)) & ~is_read
    is_part = is_sign | (~is_read & (line.scores < _PLAIN))
    is_apart = (is_part[1:] != is_part[:-1]) | (gaps > _ADJOINING * np.median(line.heights))
    part = np.cumsum(np.append(False, is_apart))
    return ~np.isin(part, part[is_sign])


def unseen(maps: Floats, strip: Strip, line: Detections, *, size: tuple[int, int]) -> Detections:
    """Return faint digits where the text that is read along a line has one more than the boxes.

    Parameters
    ----------
    maps : ndarray of float32, shape (1, 1, T, K)
        As the network gives them for the strip.
    strip : Strip
    line : Detections
        The line's digits.
    size : (int, int)
        Width and height of the picture, which the boxes lie in.

    Returns
    -------
    digits : Detections
    """
    path = maps[0, 0].argmax(axis=1)
    path[path > _NUM_DIGITS] = BLANK
    starts = np.flatnonzero((np.diff(path, prepend=BLANK) != 0) & (path != BLANK))
    named = line[np.argsort(line.boxes[:, ::2].sum(axis=1), kind="stable")]
    found = (named.probabilities.argmax(axis=1) + 1).tolist()
    match = difflib.SequenceMatcher(None, found, path[starts].tolist(), autojunk=False)
    more = [
        place
        for what, *_, start, end in match.get_opcodes()
        if what == "insert"
        for place in range(start, end)
    ]
    x = strip.left + starts[more] * STRIDE * strip.step
    y = strip.middle + strip.slope * (x - strip.left)
    tall = DIGIT_HEIGHT * strip.step
    edges = x - _BEFORE * tall, y - tall / 2, x + _BEHIND * tall, y + tall / 2
    boxes = np.stack(edges, axis=1).clip(0, [*size, *size]).astype(np.float32)
    names = np.full((len(more), _NUM_DIGITS), (1 - _AS_READ) / _NUM_DIGITS, np.float32)
    names[np.arange(len(more)), path[starts[more]] - 1] += _AS_READ
    digits = Detections(boxes, np.full(len(more), _UNSEEN, np.float32), names)
    return digits[np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))]


def text_logs(logs: Logs, texts: Texts) -> npt.NDArray[np.float64]:
    """Compute how probable each text is, over all paths that give it: CTC's forward pass.

    Parameters
    ----------
    logs : ndarray of float, shape (T, 11)
        As `symbol_logs` gives them.
    texts : ndarray of int, shape (N, L)
        Digits, with `LEFT_OUT` anywhere between them.

    Returns
    -------
    logarithms : ndarray of float64, shape (N,)
    """
    kept = np.sort(np.where(texts == LEFT_OUT, 1, 0), axis=1, kind="stable") == 0
    order = np.argsort(texts == LEFT_OUT, axis=1, kind="stable")
    symbols = np.where(kept, np.take_along_axis(texts, order, axis=1) + 1, BLANK)
    number, length = symbols.shape
    states = np.zeros((number, 2 * length + 1), np.intp)
    states[:, 1::2] = symbols
    can_skip = np.zeros(states.shape)
    can_skip[:, 3::2] = symbols[:, 1:] != symbols[:, :-1]
    # As probabilities, which are added quickly; scaled at each column, so that none vanishes.
    columns = np.exp(logs)
    reached = np.zeros(states.shape)
    reached[:, :2] = columns[0][states[:, :2]]
    total = np.zeros(number)
    for column in columns[1:]:
        forward = reached.copy()
        forward[:, 1:] += reached[:, :-1]
        forward[:, 2:] += can_skip[:, 2:] * reached[:, :-2]
        reached = forward * column[states]
        scale = reached.max(axis=1).clip(_LEAST)
        reached /= scale[:, None]
        total += np.log(scale)
    rows, ends = np.arange(number), 2 * kept.sum(axis=1)
    before = np.where(ends > 0, reached[rows, np.maximum(ends - 1, 0)], 0)
    return total + np.log((reached[rows, ends] + before).clip(_LEAST))


def correct(
    line: Detections, others: Detections, logs: Logs, *, length: tuple[int, int] | None = None
) -> Detections:
    """Leave out, take in and rename digits of a line where the whole then is more probable.

    Only where reading along the line says something else, one change after the other, the best
    first, as long as one helps.

    Parameters
    ----------
    line : Detections
        The digits that were chosen, named by what sees each by itself.
    others : Detections
        Named likewise: what was found beside them and not chosen.
    logs : ndarray of float, shape (T, 11)
        As `symbol_logs` gives them for the line.
    length : (int, int), optional
        The fewest and the most digits that the line may have, as it has already.

    Returns
    -------
    line : Detections
        From left to right, named by both.
    """
    fewest, most = length or (0, len(line) + len(others))
    pool = join([line, others])
    order = np.argsort(pool.boxes[:, 0] + pool.boxes[:, 2], kind="stable")
    pool, was_chosen = pool[order], order < len(line)
    found = np.where(was_chosen, pool.probabilities.argmax(axis=1), LEFT_OUT)
    scores = pool.scores.clip(None, _SUREST)[:, None]
    # The first column is that there is no digit: where LEFT_OUT + 1 leads.
    own = np.log(np.hstack([1 - scores, scores * pool.probabilities.clip(_TINY)]))
    rank = np.argsort(np.argsort(-pool.probabilities, axis=1), axis=1)
    is_possible = (rank < _MOST_NAMES) & (pool.probabilities > _POSSIBLE)
    symbols = symbols_of(logs)
    is_doubtful = _in_doubt(found, symbols)[:, None]
    if is_doubtful.sum() > _MOST_DOUBTS:
        return line
    places, values = np.nonzero(is_doubtful & np.hstack([np.ones_like(is_doubtful), is_possible]))
    values -= 1

    def changed(text: Texts) -> Texts:
        texts = np.repeat(text[None], len(places), axis=0)
        texts[np.arange(len(places)), places] = values
        return texts

    def worth(texts: Texts) -> npt.NDArray[np.float64]:
        seen = own[np.arange(len(pool)), texts + 1].sum(axis=1)
        number = (texts != LEFT_OUT).sum(axis=1)
        is_allowed = (number >= fewest) & (number <= most)
        doubt = _DOUBT + _MORE_DOUBT * (np.abs(number - len(symbols)) - 1).clip(0)
        return np.where(is_allowed, seen + np.logaddexp(text_logs(logs, texts), doubt), _NEVER)

    best = found
    for _ in range(_MOST_CHANGES):
        texts = np.vstack([best[None], changed(best)])
        head_start = _HEAD_START * (texts == found).all(axis=1)
        at = int((worth(texts) + head_start).argmax())
        if (texts[at] == best).all():
            break
        best = texts[at]
    names: npt.NDArray[Any] = np.full((len(pool), _NUM_DIGITS), _NEVER)
    is_name = values != LEFT_OUT
    names[places[is_name], values[is_name]] = worth(changed(best)[is_name])
    names = np.exp(names - names.max(axis=1, keepdims=True)).astype(np.float32)
    names = np.where(is_doubtful, names / names.sum(axis=1, keepdims=True), pool.probabilities)
    kept = best != LEFT_OUT
    return Detections(pool.boxes[kept], pool.scores[kept], names[kept])


def _in_doubt(found: Texts, symbols: list[int]) -> npt.NDArray[np.bool_]:
    """Return which places of a text with gaps stand where the symbols differ, or right beside."""
    digits = np.flatnonzero(found != LEFT_OUT)
    is_doubtful = np.zeros(len(digits), bool)
    match = difflib.SequenceMatcher(None, (found[digits] + 1).tolist(), symbols, autojunk=False)
    for what, start, end, _, _ in match.get_opcodes():
        if what != "equal":
            is_doubtful[max(0, start - 1) : end + 1] = True
    last = np.cumsum(found != LEFT_OUT) - 1  # digit at or before each place
    following = last + (found == LEFT_OUT)
    ends = (0, len(digits) - 1)
    doubt: npt.NDArray[np.bool_] = (
        is_doubtful[last.clip(*ends)] | is_doubtful[following.clip(*ends)]
    )
    return doubt


def beside(line: Detections, others: Detections) -> npt.NDArray[np.intp]:
    """Return which of the others could be digits of the line, by their heights and places."""
    levels = (others.boxes[:, 1] + others.boxes[:, 3]) / 2
    usual = float(np.median(line.heights))
    away = levels - np.median((line.boxes[:, 1] + line.boxes[:, 3]) / 2)
    is_fit = is_of_height(others.heights, usual) & (np.abs(away) < _LEVEL * usual)
    return np.flatnonzero(is_fit & (others.scores > _FAINTEST))
