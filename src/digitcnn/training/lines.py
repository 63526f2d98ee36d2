"""What the network that reads lines learns from, by which loss, and how well it reads others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from digitcnn.detection import group_lines, published_detector
from digitcnn.detection.line_reading import (
    BLANK,
    HEIGHT,
    STRIDE,
    as_input,
    cut_line,
    strip_along,
    symbols_of,
)
from digitcnn.readings import SIGNS
from digitcnn.synthesis import Page
from digitcnn.synthesis.pages import IGNORED, NOTHING

Floats = npt.NDArray[np.float32]

_WIDTH, _MOST_SYMBOLS = 256, 32  # longer lines are left out
_COLUMNS = 3  # of the picture, at least, for each symbol
_NUM_DIGITS = 10
_SHAKE = 0.06  # of a digit's height: how far from the truth the detector's boxes lie
_FOUND_AT = (22.0, 55.0)  # heights in pixels at which digits are looked at
_SIDES = (64, 512)  # of a look
_OTHER = _NUM_DIGITS + len(SIGNS)  # what stands for anything else
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

    What is no digit and stands in it, as a dollar's sign, is cut out with it, as if found.
    """
    is_digit = (page.labels >= 0) & (page.labels < _NUM_DIGITS)
    digits, names = page.boxes[is_digit], page.labels[is_digit]
    is_other = page.labels == NOTHING
    is_sign = (page.labels >= _NUM_DIGITS) | is_other
    signs, kinds = page.boxes[is_sign], np.where(is_other, _OTHER, page.labels)[is_sign]
    boxes = np.concatenate([digits, page.boxes[is_other]])
    if not len(boxes):
        return
    usual = float(np.median(boxes[:, 3] - boxes[:, 1]))
    factor = rng.uniform(*_FOUND_AT) / usual
    side = round(max(page.picture.shape) * factor)
    found = published_detector().find_at(page.picture, min(_SIDES[1], max(_SIDES[0], side)))
    boxes += rng.normal(0, _SHAKE * usual, boxes.shape).astype(np.float32)
    for members in group_lines(boxes):
        strip, own = strip_along(boxes[members]), members[members < len(digits)]
        if strip is None or strip.width > _WIDTH:
            continue
        if _standing_in(boxes[members], page.boxes[page.labels == IGNORED]).any():
            continue  # what the page's edge cuts in two may be read or not
        among = _standing_in(boxes[members], signs)
        order = np.argsort(
            np.concatenate([digits[own], signs[among]])[:, ::2].sum(axis=1), kind="stable"
        )
        symbols = 1 + np.concatenate([names[own], kinds[among]])[order]
        if len(symbols) <= min(strip.width // _COLUMNS, _MOST_SYMBOLS):
            yield cut_line(found, strip), symbols


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
    return ops.mean(losses / ops.cast(lengths, "float32"))


def measure_lines(pages: list[Page]) -> Callable[[Any], dict[str, float]]:
    """Return what measures which part of the lines of pages a network reads exactly."""
    lines, targets = line_examples(pages, np.random.default_rng(len(pages)))

    def measure(model: Any) -> dict[str, float]:
        maps = model.predict(lines, batch_size=_CHUNK, verbose=0)
        exact = [
            symbols_of(line[0, :columns]) == [symbol for symbol in text if symbol != BLANK]
            for line, (columns, *text) in zip(maps, targets.tolist(), strict=True)
        ]
        return {"text_accuracy": float(np.mean(exact))}

    return measure
