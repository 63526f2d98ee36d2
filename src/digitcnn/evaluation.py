"""Measures what was read: digits, numbers, and how well digits are found on pages."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from digitcnn._checks import (
    NUM_CLASSES,
    Digits,
    Probabilities,
    array_of,
    as_labels,
    as_probabilities,
    choose_digits,
    real_number,
)
from digitcnn.detection import Detections
from digitcnn.errors import InvalidArgumentError
from digitcnn.images import is_single
from digitcnn.inference import Errors, predict_proba
from digitcnn.readings import Reading
from digitcnn.synthesis import Page
from digitcnn.synthesis.pages import IGNORED

__all__ = [
    "CalibrationBin",
    "ClassReport",
    "Confusion",
    "DetectionScores",
    "Evaluation",
    "ReadingEvaluation",
    "evaluate",
    "evaluate_detection",
]

NUM_BINS = 15
NUM_LISTED = 10
_NUM_READING_BINS = 10  # people have hundreds of pictures of numbers, not thousands

# Keras, too, takes a probability for no less than this before the logarithm.
_LEAST_PROBABILITY = 1e-7


class ClassReport(NamedTuple):
    """How well one digit is read; 0 where a share is of nothing, as scikit-learn has it."""

    precision: float
    recall: float
    f1: float
    support: int


class Confusion(NamedTuple):
    """How often one digit was read as another."""

    label: int
    prediction: int
    num_images: int


class CalibrationBin(NamedTuple):
    """Images of like confidence: what was promised, and what was kept; NaN where there are none."""

    lower: float
    upper: float
    num_images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What a network's answers are worth, all of it counted from labels and probabilities.

    `str()` gives a report as scikit-learn prints it.

    Parameters
    ----------
    labels : array-like of int, shape (N,)
        The true digits; at least one.
    probabilities : array-like of float, shape (N, 10)
        What was answered; rows sum to 1.
    unread : sequence of int
        Indices, among all pictures that were given, of those that could not be read. They are in
        no other measure.

    Raises
    ------
    InvalidArgumentError
        If they are no digits or no probabilities, or not as many of the one as of the other.

    Examples
    --------
    >>> evaluation = Evaluation([3, 8, 8], np.eye(10)[[3, 3, 8]])
    >>> evaluation.num_errors, evaluation.confusions
    (1, [Confusion(label=8, prediction=3, num_images=1)])
    """

    labels: Digits
    probabilities: Probabilities
    unread: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Check both once; all else can rely on them."""
        rows = np.atleast_2d(array_of("probabilities", self.probabilities))
        object.__setattr__(self, "labels", as_labels(self.labels, num_images=len(rows)))
        object.__setattr__(self, "probabilities", as_probabilities(rows, len(rows)))

    @property
    def num_images(self) -> int:
        """How many images were read."""
        return len(self.labels)

    @cached_property
    def predictions(self) -> Digits:
        """The answers, int64 of shape (N,)."""
        return choose_digits(self.probabilities)

    @cached_property
    def confidences(self) -> Probabilities:
        """The probability of each answer, float32 of shape (N,)."""
        return self.probabilities.max(axis=1)

    @property
    def num_errors(self) -> int:
        """How many images were misread."""
        return len(self.errors)

    @property
    def accuracy(self) -> float:
        """The share of images that were read rightly."""
        return (self.num_images - self.num_errors) / self.num_images

    @cached_property
    def loss(self) -> float:
        """The mean negative logarithm of the probability given to the true digit."""
        given = self.probabilities[np.arange(self.num_images), self.labels].astype(np.float64)
        return float(-np.log(np.maximum(given, _LEAST_PROBABILITY)).mean())

    @cached_property
    def errors(self) -> npt.NDArray[np.intp]:
        """The indices of the misread images, the most confidently wrong first."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        return wrong[np.argsort(-self.confidences[wrong], kind="stable")]

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """How many images of each digit (row) were read as each (column), shape (10, 10)."""
        pairs = NUM_CLASSES * self.labels + self.predictions
        counts = np.bincount(pairs, minlength=NUM_CLASSES**2).astype(np.int64)
        return counts.reshape(NUM_CLASSES, NUM_CLASSES)

    @cached_property
    def confusions(self) -> list[Confusion]:
        """Which digit was read as which other, the most frequent first."""
        found = [
            Confusion(label, prediction, int(self.confusion[label, prediction]))
            for label, prediction in np.argwhere(self.confusion).tolist()
            if label != prediction
        ]
        return sorted(found, key=lambda each: -each.num_images)

    @cached_property
    def classes(self) -> tuple[ClassReport, ...]:
        """Precision, recall, F1 and support of each digit, 0 to 9."""
        right = np.diagonal(self.confusion)
        answered, support = self.confusion.sum(axis=0), self.confusion.sum(axis=1)
        precision, recall = _shares(right, answered), _shares(right, support)
        f1 = _shares(2 * right, answered + support)
        columns = (precision.tolist(), recall.tolist(), f1.tolist(), support.tolist())
        return tuple(ClassReport(*row) for row in zip(*columns, strict=True))

    @cached_property
    def calibration(self) -> tuple[CalibrationBin, ...]:
        """Fifteen bins of equal width, with the confidence and the accuracy in each.

        A confidence on the border of two bins belongs to the lower.
        """
        return calibration_bins(self.confidences, self.predictions == self.labels, NUM_BINS)

    @cached_property
    def calibration_error(self) -> float:
        """The expected calibration error [1]_: how far confidence and accuracy lie apart.

        References
        ----------
        .. [1] Guo, Pleiss, Sun, Weinberger, ICML 2017. arXiv:1706.04599
        """
        return expected_calibration_error(self.calibration)

    def to_dict(self) -> dict[str, Any]:
        """Return all measures as plain Python numbers, lists and dicts.

        Returns
        -------
        measures : dict
            Under the names of the attributes; "errors" holds the most confident ones only, and the
            probabilities stay behind.
        """
        return {
            "num_images": self.num_images,
            "num_errors": self.num_errors,
            "num_unread": len(self.unread),
            "accuracy": self.accuracy,
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            "classes": [
                {"digit": digit, **each._asdict()} for digit, each in enumerate(self.classes)
            ],
            "confusion": self.confusion.tolist(),
            "confusions": [each._asdict() for each in self.confusions],
            "calibration": [
                {
                    name: None if math.isnan(value) else value
                    for name, value in each._asdict().items()
                }
                for each in self.calibration
            ],
            "errors": [
                {
                    "index": index,
                    "label": int(self.labels[index]),
                    "prediction": int(self.predictions[index]),
                    "confidence": float(self.confidences[index]),
                }
                for index in self.errors[:NUM_LISTED].tolist()
            ],
        }

    def to_json(self) -> str:
        """Return what :meth:`to_dict` gives as JSON.

        Returns
        -------
        text : str
            One object, indented.
        """
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __repr__(self) -> str:
        """Name what was measured in one line."""
        return f"<Evaluation: {self._headline()}>"

    def __str__(self) -> str:
        """Report as scikit-learn does, with loss, calibration and the top confusions."""
        listed = self.confusions[:NUM_LISTED]
        confusions = ", ".join(
            f"{each.label} as {each.prediction} ({each.num_images})" for each in listed
        )
        return "\n".join(
            [
                self._headline(),
                f"loss {self.loss:.4f}, expected calibration error {self.calibration_error:.2%}",
                f"most often misread: {confusions or 'none'}",
                "",
                *_table(self),
            ]
        )

    def _headline(self) -> str:
        unread = f", {len(self.unread):,} more could not be read" if self.unread else ""
        counted = f"{self.num_errors:,} errors in {self.num_images:,}{unread}"
        return f"accuracy {self.accuracy:.2%}: {counted}"


def evaluate(
    model_or_weights: Any, images: Any, labels: npt.ArrayLike, *, errors: Errors = "raise"
) -> Evaluation:
    """Measure a network on labelled images.

    Parameters
    ----------
    model_or_weights : str, os.PathLike, Weights, DigitClassifier, keras.Model or callable
        As `model` of :func:`digitcnn.predict`.
    images : image or iterable of images
        Pictures in any form that :func:`digitcnn.preprocess` takes, one at least.
    labels : array-like of int, shape (N,)
        The digit of each.
    errors : str
        "raise", or "return": what cannot be read is then listed in `Evaluation.unread` and left out
        of the rest.

    Returns
    -------
    evaluation : Evaluation
        `print` it for a report.

    Raises
    ------
    InvalidArgumentError
        If `labels` are no digits, or not as many as `images`, or none of these can be read.
    DigitcnnError
        As :func:`digitcnn.predict` does.

    Examples
    --------
    >>> from digitcnn import datasets, evaluate
    >>> _, (test_images, test_labels) = datasets.load_mnist()  # doctest: +SKIP
    >>> print(evaluate("base", test_images, test_labels))  # doctest: +SKIP
    """
    # Refused before the work rather than after it, where the number is known.
    if isinstance(images, list | tuple) or (hasattr(images, "shape") and not is_single(images)):
        labels = as_labels(labels, num_images=len(images))
    rows = np.atleast_2d(predict_proba(images, model=model_or_weights, errors=errors))
    labels = as_labels(labels, num_images=len(rows))
    is_read = ~np.isnan(rows[:, 0])
    if len(rows) and not is_read.any():
        raise InvalidArgumentError(
            argument="images",
            rule="hold pictures that can be read",
            got=f"{len(rows)} of which none can",
            remedy="Pass errors='raise', which tells why.",
        )
    return Evaluation(labels[is_read], rows[is_read], np.flatnonzero(~is_read).tolist())


def _shares(parts: npt.NDArray[np.int64], wholes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Divide, giving 0 where the whole is nothing."""
    return np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0)


def _table(evaluation: Evaluation) -> list[str]:
    """Lay out the classes that occur, with their means, as scikit-learn's report does."""
    occurs = evaluation.confusion.sum(axis=0) + evaluation.confusion.sum(axis=1) > 0
    rows = np.array(evaluation.classes)[occurs]  # (classes, 4)
    shares, support = rows[:, :3], rows[:, 3]
    total = evaluation.num_images
    titles = "".join(f" {title:>9}" for title in ("precision", "recall", "f1-score", "support"))
    digits = [
        _row(str(digit), row[:3], row[3])
        for digit, row in zip(np.flatnonzero(occurs), rows, strict=True)
    ]
    return [
        f"{'':12} {titles}",
        "",
        *digits,
        "",
        f"{'accuracy':>12} {'':20}{evaluation.accuracy:10.4f}{total:10}",
        _row("macro avg", shares.mean(axis=0), total),
        _row("weighted avg", np.average(shares, axis=0, weights=support), total),
    ]


def _row(title: str, shares: npt.NDArray[np.float64], support: float) -> str:
    """Lay out a line of the table."""
    return f"{title:>12} {''.join(f'{share:10.4f}' for share in shares)}{support:10.0f}"


def calibration_bins(
    confidences: npt.NDArray[Any], is_right: npt.NDArray[np.bool_], num_bins: int
) -> tuple[CalibrationBin, ...]:
    """Sort answers into bins of equal width; a confidence on a border belongs to the lower bin."""
    edges = np.linspace(0, 1, num_bins + 1)
    bins = np.clip(np.searchsorted(edges, confidences) - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bins, confidences, num_bins) / counts
        accuracy = np.bincount(bins, is_right, num_bins) / counts
    columns = (edges[:-1], edges[1:], counts, confidence, accuracy)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(CalibrationBin(*row) for row in rows)


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Return how far confidence and accuracy lie apart, each bin by how much it holds."""
    filled = [each for each in bins if each.num_images]
    gaps = sum(each.num_images * abs(each.confidence - each.accuracy) for each in filled)
    return gaps / sum(each.num_images for each in filled)


@dataclass(frozen=True, eq=False, repr=False)
class ReadingEvaluation:
    r"""What readings of numbers are worth, beside the texts that stand in the pictures.

    Parameters
    ----------
    readings : Reading or iterable of Reading
        As :func:`digitcnn.read` gives them; at least one.
    texts : str or iterable of str
        The digits of each picture in reading order. White space in them does not count.
    with_signs : bool
        Whether the texts have the signs, too: "12.50" instead of "1250".

    Raises
    ------
    InvalidArgumentError
        If there is no reading, or not a text for each.

    Examples
    --------
    >>> from digitcnn import read
    >>> from digitcnn.evaluation import ReadingEvaluation
    >>> readings = read(["examples/numbers/cheque-amount.jpg"])  # doctest: +SKIP
    >>> ReadingEvaluation(readings, ["1250"])  # doctest: +SKIP
    <ReadingEvaluation: 100.0% exact of 1, character error rate 0.0%>
    """

    readings: Sequence[Reading]
    texts: Sequence[str]
    with_signs: bool = False

    def __post_init__(self) -> None:
        """Check that each reading has its text."""
        for name, kind in (("readings", Reading), ("texts", str)):
            given: Any = getattr(self, name)
            values = (given,) if isinstance(given, kind) else tuple(given)
            if strange := [each for each in values if not isinstance(each, kind)]:
                raise InvalidArgumentError(
                    argument=name,
                    rule=f"hold objects of type {kind.__name__}",
                    got=type(strange[0]).__name__,
                    remedy="Pass what digitcnn.read() gave, and a text for each picture.",
                )
            object.__setattr__(self, name, values)
        if not self.num_pictures or self.num_pictures != len(self.texts):
            raise InvalidArgumentError(
                argument="texts",
                rule="hold one for each reading, of which there is at least one",
                got=f"{len(self.texts)} of {self.num_pictures}",
                remedy="Leave out the pictures that you have no text for.",
            )

    @property
    def num_pictures(self) -> int:
        """How many pictures were read."""
        return len(self.readings)

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        """What was read and what stands there, for each picture."""
        read = (each.full_text if self.with_signs else each.text for each in self.readings)
        pairs = zip(read, self.texts, strict=True)
        return [("".join(got.split()), "".join(text.split())) for got, text in pairs]

    @cached_property
    def is_exact(self) -> npt.NDArray[np.bool_]:
        """Whether each picture's whole text was read, and nothing else: bool of shape (N,)."""
        return np.array([got == text for got, text in self._pairs])

    @cached_property
    def confidences(self) -> npt.NDArray[np.float64]:
        """How probable each reading takes itself to be, float64 of shape (N,)."""
        return np.array([each.confidence for each in self.readings])

    @property
    def accuracy(self) -> float:
        """The part of the pictures that were read exactly."""
        return float(self.is_exact.mean())

    @property
    def character_error_rate(self) -> float:
        """Characters to be put in, taken out or changed, for each that was to be read."""
        num_edits = sum(_edits(*pair) for pair in self._pairs)
        return num_edits / max(1, sum(len(text) for _, text in self._pairs))

    @property
    def calibration_error(self) -> float:
        """The expected calibration error of whole texts, over ten bins."""
        bins = calibration_bins(self.confidences, self.is_exact, _NUM_READING_BINS)
        return expected_calibration_error(bins)

    def accuracy_of_surest(self, part: float) -> float:
        """Return the accuracy that is left where a person reads the least sure pictures.

        Parameters
        ----------
        part : float
            Of the pictures, more than 0 and at most 1: the surest that are not looked at again.

        Returns
        -------
        accuracy : float
        """
        rule = "more than 0 and at most 1"
        part = real_number("part", part, rule, lambda share: 0 < share <= 1, such_as=0.8)
        surest = np.argsort(-self.confidences, kind="stable")
        return float(self.is_exact[surest[: max(1, round(part * len(surest)))]].mean())

    def __repr__(self) -> str:
        """Summarize how much was read in one line."""
        exact = f"{self.accuracy:.1%} exact of {self.num_pictures:,}"
        error_rate = f"character error rate {self.character_error_rate:.1%}"
        return f"<ReadingEvaluation: {exact}, {error_rate}>"


def _edits(first: str, second: str) -> int:
    """Return the Levenshtein distance of two texts."""
    before = list(range(len(second) + 1))
    for row, left in enumerate(first, 1):
        after = [row]
        for column, right in enumerate(second):
            change = before[column] + (left != right)
            after.append(min(change, before[column + 1] + 1, after[-1] + 1))
        before = after
    return before[-1]


class DetectionScores(NamedTuple):
    """How well digits are found on pages: each a part of 1, and 0 of nothing."""

    precision: float  # of what was found, is a digit
    recall: float  # of the digits, was found
    digit_accuracy: float  # of the digits found, was named rightly


def evaluate_detection(
    found: Sequence[Detections], pages: Sequence[Page], *, overlap: float = 0.5
) -> DetectionScores:
    """Measure how well the digits of pages are found and named.

    Parameters
    ----------
    found : sequence of Detections
        The digits found on each page.
    pages : sequence of Page
        As :func:`digitcnn.synthesis.draw_page` gives them. Signs do not count, nor does what is
        found where the page's edge cuts a digit in two.
    overlap : float
        A digit is found by a box whose intersection with its own is at least this part of their
        union; each by one box, the surest first.

    Returns
    -------
    scores : DetectionScores
    """
    num_found = num_digits = num_matched = num_named = 0
    for detections, page in zip(found, pages, strict=True):
        is_digit = (page.labels >= 0) & (page.labels < NUM_CLASSES)
        digits = page.labels[is_digit]
        shares = _overlaps(detections.boxes, page.boxes[is_digit])
        cut = _overlaps(detections.boxes, page.boxes[page.labels == IGNORED])
        is_free = np.ones(len(digits), bool)
        num_digits += len(digits)
        for index in np.argsort(-detections.scores, kind="stable"):
            candidates = np.where(is_free, shares[index], 0)
            best = int(candidates.argmax()) if len(candidates) else -1
            if best < 0 or candidates[best] < overlap:
                num_found += not cut[index].any()
                continue
            is_free[best] = False
            num_found += 1
            num_matched += 1
            num_named += int(detections.probabilities[index].argmax() == digits[best])
    return DetectionScores(
        precision=_part(num_matched, num_found),
        recall=_part(num_matched, num_digits),
        digit_accuracy=_part(num_named, num_matched),
    )


def _overlaps(boxes: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> Probabilities:
    """Return the intersection over the union of each box with each other one."""
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = (high - low).clip(0).prod(axis=-1)
    areas, other_areas = ((each[:, 2:] - each[:, :2]).prod(axis=-1) for each in (boxes, others))
    return shared / np.maximum(areas[:, None] + other_areas - shared, 1e-9)


def _part(count: int, total: int) -> float:
    return count / total if total else 0.0
