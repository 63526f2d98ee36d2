"""What the detector learns of pages, by which loss, and how well it finds digits on others."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from digitcnn.detection import to_dark_background
from digitcnn.detection.boxes import BOX, BOX_UNIT, INK, NAMES, STRIDE, find_peaks, suppress
from digitcnn.evaluation import evaluate_detection
from digitcnn.readings import SIGNS
from digitcnn.synthesis import Page
from digitcnn.synthesis.pages import IGNORED, NOTHING
from digitcnn.training.ink import ink_loss

Floats = npt.NDArray[np.float32]

# The channels of what is to be learnt of each cell: how near a digit's or a sign's middle is;
# whether anything may be learnt there; the box, and how much it counts; the name; the ink.
HEAT = slice(0, 1 + len(SIGNS))
VALID = slice(HEAT.stop, HEAT.stop + 1)
BOX_TARGET = slice(VALID.stop, VALID.stop + 4)
BOX_WEIGHT = slice(BOX_TARGET.stop, BOX_TARGET.stop + 1)
NAME_TARGET = slice(BOX_WEIGHT.stop, BOX_WEIGHT.stop + 10)
INK_TARGET = slice(NAME_TARGET.stop, NAME_TARGET.stop + STRIDE * STRIDE)
NUM_TARGETS = INK_TARGET.stop

_NUM_DIGITS = 10
# The peak around a middle: its standard deviation as a part of the box; the least one, in cells.
_PEAK_WIDTH, _PEAK_LEAST = 1 / 6, 0.7
# Of the cells around a middle, which learn the box as well: a peak may come out one cell off.
_NEIGHBOUR_WEIGHT = 0.3
_PIXEL_MAX = 255
_BOX_SHARE = 0.5
# Where the middle is; how wide and tall the box, in logarithms.
_SIDE_WEIGHTS = (1.0, 1.0, 2.0, 2.0)
_SMOOTHING = 0.02  # of names: no handwriting is surely one digit
_LEAST_SCORE = 0.3
_CHUNK = 32


def page_examples(pages: list[Page], _: np.random.Generator) -> tuple[Floats, Floats]:
    """Return pages as the detector takes them, with what its maps should say."""
    return as_batch(pages), np.stack([make_targets(page) for page in pages])


def as_batch(pages: list[Page]) -> Floats:
    """Stack pictures of one size as the network takes them, shape (N, H, W, 1)."""
    pictures = np.stack([to_dark_background(page.picture) for page in pages])[..., None]
    batch: Floats = pictures.astype(np.float32) / np.float32(_PIXEL_MAX)
    return batch


def make_targets(page: Page) -> Floats:
    """Write down what the maps should say of a page, shape (H / 4, W / 4, NUM_TARGETS).

    At the middle of each box is a peak of 1 that falls off as a bell does; its cell, and its
    neighbours with less weight, know the box and the name. Larger boxes come first, so that the
    smaller ones within them count. What the page's edge cuts in two is left to the network.
    """
    height, width = page.picture.shape
    rows, columns = height // STRIDE, width // STRIDE
    targets = np.zeros((rows, columns, NUM_TARGETS), np.float32)
    targets[..., VALID] = 1
    left, top, right, bottom = page.boxes.T
    for index in np.argsort(-(right - left) * (bottom - top)):
        label = int(page.labels[index])
        if label == IGNORED:
            x0, y0, x1, y1 = (max(0, int(edge / STRIDE)) for edge in page.boxes[index])
            targets[y0 : y1 + 1, x0 : x1 + 1, VALID] = 0
        elif label != NOTHING:
            _mark(targets, page.boxes[index], label)
    ink = page.ink.reshape(rows, STRIDE, columns, STRIDE).swapaxes(1, 2)
    targets[..., INK_TARGET] = ink.reshape(rows, columns, -1) / np.float32(_PIXEL_MAX)
    return targets


def _mark(targets: Floats, box: Floats, label: int) -> None:
    """Mark one digit or sign in the targets."""
    rows, columns = targets.shape[:2]
    left, top, right, bottom = (float(edge) for edge in box)
    across, down = (left + right) / 2 / STRIDE, (top + bottom) / 2 / STRIDE
    column, row = min(columns - 1, int(across)), min(rows - 1, int(down))
    targets[row, column, VALID] = 1
    wide = max(_PEAK_LEAST, (right - left) / STRIDE * _PEAK_WIDTH)
    tall = max(_PEAK_LEAST, (bottom - top) / STRIDE * _PEAK_WIDTH)
    bell = np.outer(
        np.exp(-0.5 * ((np.arange(rows) - row) / tall) ** 2),
        np.exp(-0.5 * ((np.arange(columns) - column) / wide) ** 2),
    ).astype(np.float32)
    heat = targets[..., max(0, label - _NUM_DIGITS + 1)]
    np.maximum(heat, bell, out=heat)
    for near_row, near_column in itertools.product(
        range(max(0, row - 1), min(rows, row + 2)),
        range(max(0, column - 1), min(columns, column + 2)),
    ):
        cell = targets[near_row, near_column]
        is_middle = (near_row, near_column) == (row, column)
        if cell[BOX_WEIGHT] == 1 or (cell[BOX_WEIGHT] > 0 and not is_middle):
            continue  # another's
        cell[BOX_TARGET] = (
            across - near_column,
            down - near_row,
            np.log((right - left) / BOX_UNIT),
            np.log((bottom - top) / BOX_UNIT),
        )
        cell[BOX_WEIGHT] = 1 if is_middle else _NEIGHBOUR_WEIGHT
        cell[NAME_TARGET] = 0
        if label < _NUM_DIGITS:
            cell[NAME_TARGET.start + label] = 1


def page_loss(targets: Any, maps: Any) -> Any:
    """Compute what the detector is to make small: peaks, boxes, names and ink together."""
    weight = targets[..., BOX_WEIGHT]
    return (
        _focal_loss(targets[..., HEAT], targets[..., VALID], maps[..., HEAT])
        + _BOX_SHARE * _box_loss(targets[..., BOX_TARGET], weight, maps[..., BOX])
        + _name_loss(targets[..., NAME_TARGET], weight, maps[..., NAMES])
        + ink_loss(targets[..., INK_TARGET], maps[..., INK], valid=targets[..., VALID])
    )


def _focal_loss(heat: Any, valid: Any, logits: Any) -> Any:
    """Compute CenterNet's focal loss of the peaks [1]_, for each peak.

    Cross entropy in which what is sure already counts little, and a cell beside a peak less the
    nearer it is: a peak one cell off is hardly wrong.

    .. [1] Zhou, Wang, Krähenbühl, 2019. arXiv:1904.07850, equation 1
    """
    scores = ops.sigmoid(logits)
    is_peak = ops.cast(heat >= 1, "float32")
    at_peaks = is_peak * (1 - scores) ** 2 * ops.log_sigmoid(logits)
    elsewhere = (1 - is_peak) * (1 - heat) ** 4 * scores**2 * ops.log_sigmoid(-logits)
    return -ops.sum(valid * (at_peaks + elsewhere)) / (ops.sum(is_peak) + 1)


def _box_loss(box: Any, weight: Any, found: Any) -> Any:
    """Compute the mean distance of the boxes: the middle's in cells, the sides' in logarithms."""
    sides = ops.array(_SIDE_WEIGHTS, "float32")
    return ops.sum(weight * sides * ops.abs(box - found)) / (ops.sum(weight) + 1)


def _name_loss(names: Any, weight: Any, logits: Any) -> Any:
    """Compute the mean cross entropy of the names, where a digit's middle is or is near."""
    counts = weight[..., 0] * ops.sum(names, axis=-1)
    wanted = names * (1 - _SMOOTHING) + _SMOOTHING / names.shape[-1]
    losses = -ops.sum(wanted * ops.log_softmax(logits), axis=-1)
    return ops.sum(counts * losses) / (ops.sum(counts) + 1)


def measure_detection(pages: list[Page]) -> Callable[[Any], dict[str, float]]:
    """Return what measures how well a network finds the digits of pages, all of one size."""

    def measure(model: Any) -> dict[str, float]:
        found = []
        for start in range(0, len(pages), _CHUNK):
            for maps in model.predict_on_batch(as_batch(pages[start : start + _CHUNK])):
                digits, _ = find_peaks(np.asarray(maps, np.float32), least=_LEAST_SCORE)
                found.append(suppress(digits))
        return evaluate_detection(found, pages)._asdict()

    return measure
