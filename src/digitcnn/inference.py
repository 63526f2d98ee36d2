"""Reads digits: from pictures in any form to answers with their probabilities."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from digitcnn._checks import (
    NUM_CLASSES,
    Digits,
    Probabilities,
    as_labels,
    as_probabilities,
    checked_confidence,
    choose_digits,
    errors_choice,
    refuse_bytes_network,
    thread_count,
    whole_number,
)
from digitcnn._sessions import LazySession, available_cpus
from digitcnn.errors import InvalidArgumentError
from digitcnn.images import is_single
from digitcnn.preprocessing import Failures, batches_of
from digitcnn.reading import refuse_several_digits
from digitcnn.weights import DEFAULT, Weights, needs_keras, pin

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["DigitClassifier", "predict", "predict_proba"]

Errors = Literal["raise", "return"]
Run = Callable[[npt.NDArray[np.float32]], Any]

# What is one picture, and what is many, by type alone; an array may be either.
OnePicture: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image"
ManyPictures: TypeAlias = list[Any] | tuple[Any, ...] | Iterator[Any]

CHUNK_SIZE = 256
_BATCH_SHAPE = (28, 28, 1)  # of one image in a batch


@overload
def predict(
    images: OnePicture, *, model: Any = None, min_confidence: float = 0.0, errors: Errors = "raise"
) -> int: ...
@overload
def predict(
    images: ManyPictures,
    *,
    model: Any = None,
    min_confidence: float = 0.0,
    errors: Errors = "raise",
) -> Digits: ...
@overload
def predict(
    images: Any, *, model: Any = None, min_confidence: float = 0.0, errors: Errors = "raise"
) -> Any: ...


def predict(
    images: Any,
    *,
    model: Any = None,
    min_confidence: float = 0.0,
    errors: Errors = "raise",
) -> int | Digits:
    """Read the digit in each picture.

    Parameters
    ----------
    images : image or iterable of images
        Pictures in any form that :func:`digitcnn.preprocess` takes.
    model : str, os.PathLike, Weights, DigitClassifier, TrainingRun, keras.Model or callable
        None, the default, and the names of published weights share one classifier for the whole
        process. The path of an `.onnx` file, and that of a training run's folder or a `.weights.h5`
        file of the architecture "base", which need Keras, is opened anew on each call: make a
        DigitClassifier to call it often. A Keras model, or any function, takes float32
        (n, 28, 28, 1) as `preprocess` gives it, and a Keras model the same values in any other
        shape, and returns probabilities of shape (n, 10).
    min_confidence : float
        The least probability, in [0, 1], at which a digit is named.
    errors : {"raise", "return"}
        Whether a picture that cannot be read raises, or leaves a -1 and lets the others be read.

    Returns
    -------
    digits : int or ndarray of int64, shape (N,)
        One image gives an `int`, many an array, none an empty one. -1 stands where the greatest
        probability is less than `min_confidence`.

    Raises
    ------
    InvalidImageError
        If an item is no picture. Its index is named.
    NoDigitError
        If a picture holds nothing to read.
    SeveralDigitsError
        If a picture plainly holds several digits: :func:`digitcnn.read` reads them all.
    ImageReadError
        If a file cannot be read.
    InvalidArgumentError
        If `model` or `min_confidence` is not what is asked for.

    See Also
    --------
    predict_proba : The probabilities of all ten digits.
    DigitClassifier : The same as an object, with threads bounded and streams of any length.

    Examples
    --------
    >>> predict("seven.jpg")  # doctest: +SKIP
    7
    >>> predict(["seven.jpg", "scribble.png"], min_confidence=0.9)  # doctest: +SKIP
    array([ 7, -1])
    """
    return _classifier(model).predict(images, min_confidence=min_confidence, errors=errors)


def predict_proba(images: Any, *, model: Any = None, errors: Errors = "raise") -> Probabilities:
    """Return the probability of each digit in each picture.

    Parameters
    ----------
    images : image or iterable of images
        Pictures in any form that :func:`digitcnn.preprocess` takes.
    model : str, os.PathLike, Weights, DigitClassifier, TrainingRun, keras.Model or callable
        As in :func:`predict`.
    errors : {"raise", "return"}
        Whether a picture that cannot be read raises, or leaves a row of NaN.

    Returns
    -------
    probabilities : ndarray of float32, shape (10,) or (N, 10)
        One image gives one row, many give an array of rows, none gives shape (0, 10). Each row
        sums to 1.

    Raises
    ------
    DigitcnnError
        As :func:`predict` does.

    Examples
    --------
    >>> predict_proba("seven.jpg").argmax()  # doctest: +SKIP
    7
    """
    return _classifier(model).predict_proba(images, errors=errors)


class DigitClassifier:
    """Reads digits with one network, kept ready.

    It may be shared by threads, inherited through a fork and pickled.

    Parameters
    ----------
    weights : str, os.PathLike, Weights, TrainingRun, keras.Model or callable
        The name of published weights ("base", or "base-v1" to pin a version), or a network of your
        own as `model` of :func:`predict`.
    threads : int, optional
        How many threads may work on one call; by default as many as the process may use CPUs. They
        are Keras' own to choose where it runs the network.

    Attributes
    ----------
    classes_ : ndarray of int64, shape (10,)
        The digit of each column of the probabilities: 0 to 9.

    Raises
    ------
    UnknownWeightsError
        If nothing has been published under that name.
    UnavailableError
        If the file is neither on this machine nor within reach.
    CorruptFileError
        If the file does not hold the published bytes, or no network of that form.

    Examples
    --------
    >>> classifier = DigitClassifier("base", threads=1)  # doctest: +SKIP
    >>> classifier.predict("seven.jpg")  # doctest: +SKIP
    7
    """

    def __init__(self, weights: Any = DEFAULT, *, threads: int | None = None) -> None:
        self._threads = thread_count(threads)
        is_named = isinstance(weights, str | os.PathLike | Weights)
        self._weights = pin(weights) if is_named else weights
        self._network: LazySession | _OwnNetwork
        if not is_named or needs_keras(self._weights):
            self._network = _OwnNetwork(self._weights)
        else:
            self._network = LazySession(self._weights, self._threads)
        self._network.open()
        self.classes_ = np.arange(NUM_CLASSES)

    @overload
    def predict(
        self, images: OnePicture, *, min_confidence: float = 0.0, errors: Errors = "raise"
    ) -> int: ...
    @overload
    def predict(
        self, images: ManyPictures, *, min_confidence: float = 0.0, errors: Errors = "raise"
    ) -> Digits: ...
    @overload
    def predict(
        self, images: Any, *, min_confidence: float = 0.0, errors: Errors = "raise"
    ) -> Any: ...
    def predict(
        self, images: Any, *, min_confidence: float = 0.0, errors: Errors = "raise"
    ) -> int | Digits:
        """Read the digit in each picture, as :func:`digitcnn.predict` does.

        Parameters
        ----------
        images : image or iterable of images
            Pictures in any form that :func:`digitcnn.preprocess` takes.
        min_confidence : float
            The least probability, in [0, 1], at which a digit is named.
        errors : {"raise", "return"}
            As in :func:`digitcnn.predict`.

        Returns
        -------
        digits : int or ndarray of int64, shape (N,)
            -1 stands where the greatest probability is less than `min_confidence`.
        """
        min_confidence = checked_confidence(min_confidence)
        chunks = [
            choose_digits(rows, min_confidence=min_confidence)
            for rows in self._chunks(images, CHUNK_SIZE, errors_choice(errors))
        ]
        if is_single(images):
            return int(chunks[0][0])
        return np.concatenate(chunks) if chunks else np.empty(0, np.int64)

    def predict_proba(self, images: Any, *, errors: Errors = "raise") -> Probabilities:
        """Return the probability of each digit, as :func:`digitcnn.predict_proba` does.

        Parameters
        ----------
        images : image or iterable of images
            Pictures in any form that :func:`digitcnn.preprocess` takes.
        errors : {"raise", "return"}
            As in :func:`digitcnn.predict_proba`.

        Returns
        -------
        probabilities : ndarray of float32, shape (10,) or (N, 10)
            Each row sums to 1.
        """
        chunks = list(self._chunks(images, CHUNK_SIZE, errors_choice(errors)))
        if is_single(images):
            return chunks[0].reshape(NUM_CLASSES)
        return np.concatenate(chunks) if chunks else np.empty((0, NUM_CLASSES), np.float32)

    def iter_proba(
        self,
        images: Any,
        *,
        chunk_size: int = CHUNK_SIZE,
        errors: Errors = "raise",
    ) -> Iterator[Probabilities]:
        """Yield the probabilities of one picture after the other, in constant memory.

        Parameters
        ----------
        images : image or iterable of images
            Pictures in any form that :func:`digitcnn.preprocess` takes, of any number.
        chunk_size : int
            How many pictures are read ahead and run at once; 1 answers each as it comes.
        errors : {"raise", "return"}
            As in :func:`digitcnn.predict_proba`.

        Yields
        ------
        probabilities : ndarray of float32, shape (10,)
            Sums to 1.
        """
        chunk_size = whole_number("chunk_size", chunk_size, least=1, such_as=CHUNK_SIZE)
        chunks = self._chunks(images, chunk_size, errors_choice(errors))
        return (row for rows in chunks for row in rows)

    def score(self, images: Any, labels: npt.ArrayLike) -> float:
        """Return the share of pictures that are read rightly.

        Parameters
        ----------
        images : image or iterable of images
            Pictures in any form that :func:`digitcnn.preprocess` takes.
        labels : array-like of int, shape (N,)
            The digit of each.

        Returns
        -------
        accuracy : float
            From 0 to 1.

        See Also
        --------
        digitcnn.evaluate : Much more than this one number.
        """
        digits = np.atleast_1d(self.predict(images))
        return float(np.mean(digits == as_labels(labels, num_images=len(digits))))

    def __repr__(self) -> str:
        """Name the weights and the threads."""
        name = self._weights.id if isinstance(self._weights, Weights) else str(self._weights)
        return f"DigitClassifier({name!r}, threads={self._threads})"

    def _chunks(self, images: Any, chunk_size: int, errors: str) -> Iterator[Probabilities]:
        """Yield the probabilities of so many images at a time, NaN for those that are not read."""
        # The CPUs take a while to count, and only a list is opened by several threads.
        is_list = isinstance(images, list | tuple)
        failures: Failures = {} if errors == "return" else None
        first = 0
        batches = batches_of(
            images,
            chunk_size=chunk_size,
            threads=(self._threads or available_cpus()) if is_list else 1,
            failures=failures,
            inspect=refuse_several_digits,
        )
        for batch in batches:
            rows = as_probabilities(self._network.run(batch), len(batch))
            end = first + len(batch)
            if failures:
                unread = [index for index in failures if index < end]
                rows[[index - first for index in unread]] = np.nan
                for index in unread:
                    del failures[index]
            first = end
            yield rows


_shared: dict[str | Weights, DigitClassifier] = {}


def _classifier(model: Any) -> DigitClassifier:
    """Return the classifier that the `model` which a caller passed is or stands for."""
    if isinstance(model, DigitClassifier):
        return model
    if model is None:
        model = DEFAULT
    is_named = isinstance(model, str | Weights)
    classifier = _shared.get(model) if is_named else None
    if classifier is None:
        classifier = DigitClassifier(model)
        if is_named and isinstance(classifier._weights, Weights):
            classifier = _shared.setdefault(model, classifier)
    return classifier


def _function_of(model: Any) -> Run:
    """Return what takes a batch to probabilities in a file, a run, a Keras model or a function."""
    from digitcnn.models import as_network

    model = as_network(model)
    # Keras' own `predict` prints a bar and is slow on few images.
    if hasattr(model, "predict_on_batch"):
        return _fed(model)
    if not callable(model):
        raise InvalidArgumentError(
            argument="model",
            rule=(
                "be the name of published weights, an .onnx or .weights.h5 file, a training run, "
                "a DigitClassifier, a Keras model or a function"
            ),
            got=type(model).__name__,
            remedy=f"Leave it out for {DEFAULT!r}.",
        )
    return model


def _fed(model: Any) -> Run:
    """Return what runs a Keras model, on rows of 784 values and the like, too; or refuse it."""
    refuse_bytes_network(model)
    shape = getattr(model, "input_shape", None)  # none before it is built
    if not isinstance(shape, tuple):
        return model.predict_on_batch
    sides = shape[1:]
    if None not in sides and math.prod(sides) == math.prod(_BATCH_SHAPE):
        return lambda batch: model.predict_on_batch(batch.reshape(len(batch), *sides))
    if len(sides) == len(_BATCH_SHAPE) and all(
        side in (None, wanted) for side, wanted in zip(sides, _BATCH_SHAPE, strict=True)
    ):
        return model.predict_on_batch
    raise InvalidArgumentError(
        argument="model",
        rule="take batches of shape (N, 28, 28, 1)",
        got=f"a Keras model that takes {shape}",
        remedy="Pass a function that brings a batch to that shape and calls the model.",
    )


class _OwnNetwork:
    """A network of the user's that Keras or a function runs, loaded at its first use.

    From a file it is loaded anew in an unpickling process; a model or function is pickled itself.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._function: Run | None = None

    def open(self) -> Run:
        """Return what runs it."""
        if self._function is None:
            self._function = _function_of(self._source)
        return self._function

    def run(self, batch: npt.NDArray[np.float32]) -> Any:
        """Return what the network makes of a batch."""
        return self.open()(batch)

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was made of it behind."""
        return {**self.__dict__, "_function": None}
