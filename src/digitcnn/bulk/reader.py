"""One batch of pictures to columns of answers, errors among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn._checks import checked_confidence, choose_digits, one_of
from digitcnn.detection import READER
from digitcnn.errors import DigitcnnError
from digitcnn.inference import DigitClassifier
from digitcnn.reading import DigitReader
from digitcnn.readings import Reading
from digitcnn.weights import DEFAULT, Weights, pin

TASKS = {"read": READER, "predict": DEFAULT}  # and the weights of each

Columns = dict[str, list[Any]]


class BatchReader:
    """Reads batches of columns, one row for each picture: a function to hand to an engine.

    It may be pickled; the network is opened where it is first called, with one thread, and kept.

    Parameters
    ----------
    task : str
        "read": every digit of each picture. "predict": the one digit of each.
    column : str
        Which column holds the pictures, in any form that :func:`digitcnn.preprocess` takes, such as
        encoded bytes; or as Hugging Face's data sets have them, as a dict of bytes and path.
    weights : str, os.PathLike or Weights, optional
        The name of published weights, or an `.onnx` file; by default those of the task.
    min_confidence : float
        As :func:`digitcnn.read` and :func:`digitcnn.predict` take it.

    Raises
    ------
    InvalidArgumentError
        If an argument is not what is asked for.
    UnknownWeightsError
        If nothing has been published under that name.

    Examples
    --------
    >>> reader = BatchReader(task="predict", column="image")
    >>> answers = reader({"id": ["a"], "image": [np.zeros((28, 28), np.uint8)]})
    >>> answers["id"], answers["digit"], answers["code"]
    (['a'], [None], ['no_digit'])
    """

    def __init__(
        self,
        *,
        task: str = "read",
        column: str = "bytes",
        weights: str | Path | Weights | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        self.task = one_of("task", task, TASKS)
        self.column = column
        self.weights = pin(TASKS[task] if weights is None else weights)
        self.min_confidence = checked_confidence(min_confidence)

    def __call__(self, batch: Mapping[str, Any]) -> Columns:
        """Answer a batch."""
        kept = {name: list(batch[name]) for name in batch if name != self.column}
        return kept | self.answer(list(batch[self.column]))

    def answer(self, images: Sequence[Any]) -> Columns:
        """Answer pictures alone.

        Parameters
        ----------
        images : sequence of images
            An exception among them is taken for why there is no picture.

        Returns
        -------
        columns : dict of str to list
            Of "read": text, full_text and boxes; of "predict": digit, -1 where less sure than asked
            for. Then confidence; and error and code, which are None but where a picture could not
            be read, and all else is.
        """
        images = [image["bytes"] if isinstance(image, dict) else image for image in images]
        errors = [image if isinstance(image, DigitcnnError) else None for image in images]
        present = [index for index, error in enumerate(errors) if error is None]
        answers: list[tuple[Any, ...]] = [(None,) * len(self._names) for _ in images]
        answer = self._read if self.task == "read" else self._predict
        found = answer([images[index] for index in present]) if present else []
        for index, each in zip(present, found, strict=True):
            if isinstance(each, DigitcnnError):
                errors[index] = each
            else:
                answers[index] = each
        columns = {name: [row[at] for row in answers] for at, name in enumerate(self._names)}
        said = [None if error is None else _said(error) for error in errors]
        codes = [None if error is None else error.code for error in errors]
        return {**columns, "error": said, "code": codes}

    @property
    def _names(self) -> tuple[str, ...]:
        own = ("text", "full_text", "boxes") if self.task == "read" else ("digit",)
        return (*own, "confidence")

    @cached_property
    def _network(self) -> Any:
        opened = DigitReader if self.task == "read" else DigitClassifier
        return opened(self.weights, threads=1)

    def _read(self, images: list[Any]) -> list[Any]:
        readings = self._network.iter_read(
            images, min_confidence=self.min_confidence, errors="return"
        )
        return [_row(reading) for reading in readings]

    def _predict(self, images: list[Any]) -> list[Any]:
        # Rows of pixels are looked at together, ten times as fast.
        shapes = {_uint8_shape(image) for image in images}
        batch = np.stack(images) if len(shapes) == 1 and None not in shapes else images
        rows = self._network.predict_proba(batch, errors="return")
        answers: list[Any] = self._chosen(rows)
        for index in np.flatnonzero(np.isnan(rows[:, 0])):  # why, only the error says
            try:
                answers[index] = self._chosen(self._network.predict_proba(images[index]))[0]
            except DigitcnnError as error:
                answers[index] = error
        return answers

    def _chosen(self, rows: np.ndarray) -> list[tuple[int, float]]:
        digits = choose_digits(rows, min_confidence=self.min_confidence)
        return list(zip(digits.tolist(), rows.max(axis=1).tolist(), strict=True))


def _uint8_shape(image: Any) -> tuple[int, ...] | None:
    """Return the shape of an array of bytes, whose values mean the same in any company."""
    is_array = isinstance(image, np.ndarray) and image.dtype == np.uint8
    return image.shape if is_array else None


def _row(reading: Reading) -> Any:
    if reading.error is not None:
        return reading.error
    boxes = [list(digit.box) for digit in reading.digits]
    return reading.text, reading.full_text, boxes, reading.confidence


def _said(error: DigitcnnError) -> str:
    """Return an error's text without its place in a batch."""
    error.index = None
    return str(error)
