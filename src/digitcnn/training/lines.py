"""What the network that reads lines learns from, by which loss, and how well it reads others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from digitcnn.detection import Found, group_lines, published_detector
from digitcnn.detection.line_reading import (
    BLANK,
    HEIGHT,
    STRIDE,
    as_input,
    cut_line,
    strip_along,
    symbols_of,
)
from digitcnn.synthesis import Page
from digitcnn.synthesis.surroundings import is_clear

Floats = npt.NDArray[np.float32]

_WIDTH, _MOST_SYMBOLS = 256, 32  # longer lines are left out
_COLUMNS = 3  # of the picture, at least, for each symbol
_NUM_DIGITS = 10
_SHAKE = 0.06  # of a digit's height: how far from the truth the detector's boxes lie
_FOUND_AT = (22.0, 55.0)  # heights in pixels at which digits are looked at
_SIDES = (64, 512)  # of a look
# So many strips reach on over what stands beside a line, so far, in heights.
_REACHING, _REACH = 0.35, (0.4, 4.0)
# What is no digit and found with more than this score; so many lines of that to a page.
_TAKEN, _MOST_OTHERS = 0.25, 2
_SIGN_LEVEL = 0.9  # heights from a digit's middle to that of a sign beside it
_CHUNK = 64

_Example = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def line_examples(pages: list[Page], rng: np.random.Generator) -> tuple[Floats, npt.NDArray[Any]]:
    """Cut all lines out of pages, as the reader would, with what stands in them.

    Parameters
    ----------
    pages : list of Page
        If none of them holds a line, there are no examples.
    rng : numpy.random.Generator
        Shakes the boxes that the lines are cut out by.

    Returns
    -------
    lines : ndarray of float32, shape (N, HEIGHT, 256, 2)
        Padded on the right with what has no ink.
    targets : ndarray of int32, shape (N, 33)
        How many columns the network gives for the line, and its symbols, `BLANK` behind them.
    """
    found = [each for page in pages for each in _lines_of(page, rng)]
    lines = np.zeros((len(found), HEIGHT, _WIDTH, 2), np.float32)
    lines[..., 1] = -1
    targets = np.full((len(found), 1 + _MOST_SYMBOLS), BLANK, np.int32)
    for index, (line, symbols) in enumerate(found):
        lines[index, :, : line.shape[1]] = as_input(line)
        targets[index, 0] = line.shape[1] // STRIDE
        targets[index, 1 : 1 + len(symbols)] = symbols
    return lines, targets


def _lines_of(page: Page, rng: np.random.Generator) -> Iterator[_Example]:
    """Yield each line of a page, cut out, with its symbols from left to right.

    Some reach on over what stands beside, as where a letter is found; and what is taken for a line
    and is none has no symbols.
    """
    is_digit = (page.labels >= 0) & (page.labels < _NUM_DIGITS)
    digits, names = page.boxes[is_digit], page.labels[is_digit]
    is_sign = page.labels >= _NUM_DIGITS
    signs, kinds = page.boxes[is_sign], page.labels[is_sign]
    heights = digits[:, 3] - digits[:, 1]
    usual = float(np.median(heights)) if len(heights) else float(rng.uniform(15, 60))
    side = round(max(page.picture.shape) * rng.uniform(*_FOUND_AT) / usual)
    found = published_detector().find_at(page.picture, min(_SIDES[1], max(_SIDES[0], side)))
    for members in group_lines(digits) if len(digits) else ():
        line = digits[members]
        among = _standing_in(line, signs)
        own = np.concatenate([np.flatnonzero(is_digit)[members], np.flatnonzero(is_sign)[among]])
        others = np.delete(page.boxes, own, axis=0)
        shake = rng.normal(0, _SHAKE * float(np.median(heights[members])), line.shape)
        seen = (line + shake).astype(np.float32)
        if rng.random() < _REACHING:
            seen = _reach_on(seen, others, rng)
        strip = strip_along(seen)
        if strip is None or strip.width > _WIDTH or _standing_in(seen, others).any():
            continue
        order = np.argsort(np.concatenate([line, signs[among]])[:, ::2].sum(axis=1), kind="stable")
        symbols = 1 + np.concatenate([names[members], kinds[among]])[order]
        if len(symbols) <= min(strip.width // _COLUMNS, _MOST_SYMBOLS):
            yield cut_line(found, strip), symbols
    yield from itertools.islice(_lines_of_others(found, page), _MOST_OTHERS)


def _reach_on(line: Floats, others: Floats, rng: np.random.Generator) -> Floats:
    """Return a line's boxes with one more at one end, or both, where none of the others lies."""
    boxes = [line]
    height = float(np.median(line[:, 3] - line[:, 1]))
    for side, way in ((0, -1), (2, 1)):
        end = line[line[:, side].argmax() if way > 0 else line[:, side].argmin()]
        far = end[side] + way * height * rng.uniform(*_REACH)
        box = np.array([min(far, end[side]), end[1], max(far, end[side]), end[3]], np.float32)
        if rng.random() < 0.6 and is_clear(others, *box.tolist()):
            box[2 - side] = far - way * height / 2
            boxes.append(box[None])
    return np.concatenate(boxes)


def _lines_of_others(found: Found, page: Page) -> Iterator[_Example]:
    """Yield what the detector takes for lines where no digit stands: letters, words, grain."""
    boxes = found.digits.boxes[found.digits.scores > _TAKEN]
    margin = (boxes[:, 3:] - boxes[:, 1:2]) / 2 * (-1, 0, 1, 0)
    wrong = boxes[[is_clear(page.boxes, *box) for box in (boxes + margin).tolist()]]
    for members in group_lines(wrong) if len(wrong) else ():
        strip = strip_along(wrong[members])
        if strip is not None and strip.width <= _WIDTH:
            yield cut_line(found, strip), np.zeros(0, np.int64)


def _standing_in(line: Floats, signs: Floats) -> npt.NDArray[np.bool_]:
    """Return which boxes stand among the digits of a line, or right beside them."""
    reach = float(np.median(line[:, 3] - line[:, 1]))
    x, y = (signs[:, :2] + signs[:, 2:]).T / 2
    nearest = np.abs(line[:, ::2].mean(axis=1) - x[:, None]).argmin(axis=1)
    is_level = np.abs(line[nearest, 1::2].mean(axis=1) - y) < _SIGN_LEVEL * reach
    is_inside = (x > line[:, 0].min() - reach / 2) & (x < line[:, 2].max() + reach / 2)
    return is_level & is_inside


def line_loss(targets: Any, maps: Any) -> Any:
    """Compute CTC's loss [1]_ of each line, a symbol of a long one counting as one of a short.

    .. [1] Graves, Fernández, Gomez, Schmidhuber, ICML 2006.
    """
    texts, columns = targets[:, 1:], ops.cast(targets[:, 0], "int32")
    lengths = ops.sum(ops.cast(texts != BLANK, "int32"), axis=1)
    logits = ops.cast(ops.squeeze(maps, axis=1), "float32")
    losses = ops.ctc_loss(ops.cast(texts, "int32"), logits, lengths, columns, mask_index=BLANK)
    return ops.mean(losses / ops.cast(ops.maximum(lengths, 1), "float32"))


class LineValidation(keras.callbacks.Callback):  # type: ignore[misc]
    """Measure at the end of each epoch how many lines of pages kept apart are read exactly."""

    def __init__(self, pages: list[Page]) -> None:
        super().__init__()
        self.lines, self.targets = line_examples(pages, np.random.default_rng(len(pages)))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        """Measure, and tell the callbacks that come after."""
        if logs is not None:
            logs["val_text_accuracy"] = self.measure(self.model)

    def measure(self, model: Any) -> float:
        """Return the part of the lines whose symbols are all read, and no others."""
        maps = model.predict(self.lines, batch_size=_CHUNK, verbose=0)
        exact = [
            symbols_of(line[0, :columns]) == [symbol for symbol in text if symbol != BLANK]
            for line, (columns, *text) in zip(maps, self.targets.tolist(), strict=True)
        ]
        return float(np.mean(exact))
