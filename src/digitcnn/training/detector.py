"""What the detector learns by, and how well it finds digits on pages kept apart."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from digitcnn.detection.boxes import BOX, INK, NAMES, Detections, find_peaks, suppress
from digitcnn.evaluation import evaluate_detection
from digitcnn.synthesis import Page
from digitcnn.training.pages import (
    BOX_TARGET,
    BOX_WEIGHT,
    HEAT,
    INK_TARGET,
    NAME_TARGET,
    VALID,
    as_batch,
)

_BOX_SHARE, _INK_SHARE = 0.5, 2.0
_SIDE_WEIGHTS = (
    1.0,
    1.0,
    2.0,
    2.0,
)  # where the middle is; how wide and tall the box, in logarithms
_SMOOTHING = 0.02  # of names: no handwriting is surely one digit
_LEAST_SCORE = 0.3
_CHUNK = 32


def page_loss(targets: Any, maps: Any) -> Any:
    """Compute what the detector is to make small: peaks, boxes, names and ink together."""
    weight = targets[..., BOX_WEIGHT]
    return (
        _focal_loss(targets[..., HEAT], targets[..., VALID], maps[..., HEAT])
        + _BOX_SHARE * _box_loss(targets[..., BOX_TARGET], weight, maps[..., BOX])
        + _name_loss(targets[..., NAME_TARGET], weight, maps[..., NAMES])
        + _ink_loss(targets[..., INK_TARGET], targets[..., VALID], maps[..., INK])
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


def _ink_loss(ink: Any, valid: Any, logits: Any) -> Any:
    """Compute the ink's cross entropy, pixel by pixel, and Dice's coefficient of each page [1]_.

    Most of a page is no ink; the second does not care how much there is of that, and counts a
    page of hairlines as much as one of markers.

    .. [1] Milletari, Navab, Ahmadi, 3DV 2016. arXiv:1606.04797
    """
    scores = ops.sigmoid(logits)
    losses = -(ink * ops.log_sigmoid(logits) + (1 - ink) * ops.log_sigmoid(-logits))
    page = (1, 2, 3)
    shared = 2 * ops.sum(scores * ink, axis=page) + 1
    both = ops.sum(scores * scores, axis=page) + ops.sum(ink * ink, axis=page) + 1
    return _INK_SHARE * ops.mean(valid * losses) + ops.mean(1 - shared / both)


def find_digits(model: Any, pages: list[Page]) -> list[Detections]:
    """Find the digits of each page, all of one size."""
    found = []
    for start in range(0, len(pages), _CHUNK):
        for maps in model.predict_on_batch(as_batch(pages[start : start + _CHUNK])):
            digits, _ = find_peaks(np.asarray(maps, np.float32), least=_LEAST_SCORE)
            found.append(suppress(digits))
    return found


class PageValidation(keras.callbacks.Callback):  # type: ignore[misc]
    """Measure at the end of each epoch how well digits are found on pages kept apart."""

    def __init__(self, pages: list[Page]) -> None:
        super().__init__()
        self.pages = pages

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        """Measure, and tell the callbacks that come after."""
        measured = evaluate_detection(find_digits(self.model, self.pages), self.pages)
        if logs is not None:
            logs.update(
                val_precision=measured.precision,
                val_recall=measured.recall,
                val_digit_accuracy=measured.digit_accuracy,
            )
