"""What probabilities are, the digits they name, and the labels they are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn._checks import label_array, real_number
from digitcnn.errors import InvalidArgumentError

Probabilities = npt.NDArray[np.float32]
Digits = npt.NDArray[np.int64]

NUM_CLASSES = 10
REFUSED = -1

# A softmax in half precision leaves a row's sum this far from 1; logits are farther off.
_SUM_TOLERANCE = 0.01


def choose_digits(
    probabilities: npt.NDArray[np.floating[Any]], *, min_confidence: float = 0.0
) -> Digits:
    """Name the likeliest digit of each row, or -1 where it is not likely enough, or NaN.

    Examples
    --------
    >>> choose_digits(np.eye(10)[[3, 8]])
    array([3, 8])
    """
    digits: Digits = probabilities.argmax(axis=1).astype(np.int64, copy=False)
    # A NaN fails the comparison.
    digits[~(probabilities.max(axis=1) >= min_confidence)] = REFUSED
    return digits


def as_labels(labels: npt.ArrayLike, *, num_images: int | None = None) -> Digits:
    """Check labels and give them as an array, one for each image."""
    if not np.iterable(labels):
        labels = [labels]  # type: ignore[assignment]  # one alone, in whatever form
    digits = label_array(labels, num_images=num_images, num_classes=NUM_CLASSES)
    if not len(digits):
        raise InvalidArgumentError(
            argument="labels",
            rule="hold one label at least",
            got="none",
            remedy="Pass one for each image.",
        )
    return digits


def as_probabilities(output: Any, num_images: int) -> Probabilities:
    """Bring what a network gave to rows that sum to 1, or refuse what are no probabilities."""
    try:
        rows: npt.NDArray[np.float64] = np.asarray(output, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidArgumentError(
            argument="model",
            rule="give an array of probabilities",
            got=type(output).__name__,
            remedy="Let it return what numpy.asarray takes.",
        ) from error
    if rows.shape != (num_images, NUM_CLASSES):
        raise InvalidArgumentError(
            argument="model",
            rule=(
                f"give probabilities of shape {(num_images, NUM_CLASSES)} for {num_images} images"
            ),
            got=f"shape {rows.shape}",
            remedy="End it with ten outputs.",
        )
    sums = rows.sum(axis=1, keepdims=True)
    # A NaN fails each comparison.
    if not (
        rows.min() >= 0 and sums.min() >= 1 - _SUM_TOLERANCE and sums.max() <= 1 + _SUM_TOLERANCE
    ):
        raise InvalidArgumentError(
            argument="model",
            rule="give probabilities whose rows sum to 1",
            got=(
                f"values from {rows.min():.6g} to {rows.max():.6g} and a sum of {sums.flat[0]:.6g}"
            ),
            remedy="End it with softmax.",
        )
    probabilities: Probabilities = (rows / sums).astype(np.float32)
    return probabilities


def checked_confidence(value: float) -> float:
    """Return `min_confidence` as a float, or refuse it."""
    rule = "a number in [0, 1]"
    return real_number("min_confidence", value, rule, lambda least: 0 <= least <= 1, such_as=0.9)
