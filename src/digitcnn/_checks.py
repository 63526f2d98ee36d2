"""Checks of arguments that several rooms take: numbers, names, arrays, labels, probabilities."""

from __future__ import annotations

import contextlib
import difflib
import math
import operator
import reprlib
import sys
from collections.abc import Callable, Collection, Iterator
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn.errors import InvalidArgumentError, MissingDependencyError

# What NumPy, Keras and TensorFlow all take as a seed.
LARGEST_SEED = 2**32 - 1
_MOST_THREADS = 1024
_OF_BYTES = 0.05  # a Rescaling by less than this is of pixels from 0 to 255


def whole_number(
    name: str, value: Any, *, least: int = 0, most: int | None = sys.maxsize, such_as: int
) -> int:
    """Return a whole number as an int, or refuse what is none or out of range.

    Examples
    --------
    >>> whole_number("epochs", np.int16(3), least=1, such_as=5)
    3
    """
    try:
        # NumPy 1 still takes its own booleans for an index.
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    is_too_great = number is not None and most is not None and number > most
    if number is None or number < least or is_too_great:
        is_open = most in (None, sys.maxsize) and not is_too_great
        span = f"of at least {least}" if is_open else f"in {least}..{most}"
        raise InvalidArgumentError(
            argument=name,
            rule=f"be a whole number {span}",
            got=shown(value),
            remedy=f"Pass an int such as {such_as}.",
        )
    return number


def seed_number(value: Any) -> int:
    """Return a seed that NumPy, Keras and TensorFlow all take as an int, or refuse it."""
    return whole_number("seed", value, most=LARGEST_SEED, such_as=0)


def generator_of(seed: Any) -> np.random.Generator:
    """Return NumPy's generator of a seed of any length; a generator as it is."""
    if isinstance(seed, np.random.Generator):
        return seed
    try:
        number = whole_number("seed", seed, most=None, such_as=0)
    except InvalidArgumentError as error:
        error.remedy += " A numpy.random.Generator will do, too."
        raise
    return np.random.default_rng(number)


def real_number(
    name: str, value: Any, rule: str, is_allowed: Callable[[float], bool], *, such_as: float
) -> float:
    """Return a number as a float, or refuse what is none or breaks the rule, which may meet NaN."""
    number = math.nan
    # A whole number may be too great for a float.
    with contextlib.suppress(OverflowError):
        if isinstance(value, Real) and not isinstance(value, bool):
            number = float(value)
    if not is_allowed(number):
        raise InvalidArgumentError(
            argument=name,
            rule=f"be {rule}",
            got=shown(value),
            remedy=f"Pass one such as {such_as:g}.",
        )
    return number


def one_of(name: str, value: Any, known: Collection[str]) -> str:
    """Return one of the known names, or refuse what is none of them."""
    if not isinstance(value, str) or value not in known:
        raise InvalidArgumentError(
            argument=name,
            rule=f"be one of {', '.join(known)}",
            got=shown(value),
            remedy=nearest(value, known),
        )
    return value


def errors_choice(errors: Any) -> str:
    """Return what to do with a picture that cannot be read, or refuse it."""
    return one_of("errors", errors, ("raise", "return"))


def thread_count(threads: Any) -> int | None:
    """Return how many threads may work, or None for as many as there are CPUs."""
    if threads is None:
        return None
    # Of a number that no machine has, ONNX Runtime does not recover.
    return whole_number("threads", threads, least=1, most=_MOST_THREADS, such_as=4)


def nearest(value: Any, known: Collection[str]) -> str:
    """Propose the known name that one may have been meant for, or any."""
    close = difflib.get_close_matches(value, known, n=1) if isinstance(value, str) else []
    return f"Did you mean {close[0]!r}?" if close else "Choose one of these."


def array_of(name: str, value: Any, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """Return an argument as an array, or refuse what NumPy makes none of."""
    try:
        return np.asarray(value, dtype)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        wanted = "" if dtype is None else " of numbers"
        raise InvalidArgumentError(
            argument=name,
            rule=f"be an array{wanted}",
            got=type(value).__name__,
            reason=f"of which NumPy says: {error}",
            remedy="Pass what numpy.asarray takes.",
        ) from error


def label_array(
    labels: Any, *, num_images: int | None = None, num_classes: int | None = None
) -> npt.NDArray[np.int64]:
    """Return labels as an array, or refuse them."""
    array = array_of("labels", labels)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidArgumentError(
            argument="labels",
            rule="be integers of shape (N,)",
            got=f"{array.dtype} of shape {array.shape}",
            remedy=_label_remedy(array),
        )
    if num_images is not None and len(array) != num_images:
        raise InvalidArgumentError(
            argument="labels",
            rule="hold one label for each image",
            got=f"{len(array)} for {num_images}",
            remedy="Pass both from the same source.",
        )
    if num_classes is not None:
        wrong = np.flatnonzero((array < 0) | (array >= num_classes))
        if wrong.size:
            raise InvalidArgumentError(
                argument="labels",
                rule=f"lie in 0..{num_classes - 1}",
                got=f"{array[wrong[0]]} at index {wrong[0]}",
                remedy="Drop that image or mend its label.",
            )
    return array.astype(np.int64) if array.size else np.zeros(0, np.int64)


def _label_remedy(array: npt.NDArray[Any]) -> str:
    """Return how such an array becomes labels."""
    if array.ndim == 2 and array.shape[1] > 1:
        return "From one-hot rows, take argmax(axis=1)."
    if array.ndim > 1 and array.size == len(array):
        return "From a column, take labels.ravel()."
    if array.dtype.kind == "f" and array.ndim == 1 and (array == np.rint(array)).all():
        return "From whole numbers, take labels.astype(int)."
    if array.dtype.kind in "USO" and array.ndim == 1:
        return "From text or objects, take labels.astype(int)."
    return "Pass one whole number for each image."


def shown(value: Any) -> str:
    """Write what was got for a message: short, and whatever its own `repr` does."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no whole number of over 4,300 digits
        return f"{type(value).__name__} of thousands of digits"


@contextlib.contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """Raise, where an import within the block fails, which extra brings it: "tune() needs X"."""
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(
            f"{what}; it is not installed.", remedy=f'Type: pip install "digitcnn[{extra}]"'
        ) from error


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


def refuse_bytes_network(model: Any) -> None:
    """Refuse a Keras model that divides pixels by 255 itself: it is given them from 0 to 1."""
    for layer in getattr(model, "layers", ())[:2]:
        scale = getattr(layer, "scale", 1)
        if type(layer).__name__ == "Rescaling" and np.ndim(scale) == 0 and 0 < scale < _OF_BYTES:
            raise InvalidArgumentError(
                argument="model",
                rule="take pixels from 0 to 1, as they come here",
                got=f"a Keras model that begins with Rescaling({scale:.3g})",
                remedy="Leave that layer out.",
            )


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
