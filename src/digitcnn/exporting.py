"""Networks written for other programs: Keras weights, ONNX, TensorFlow Lite, SavedModel."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from digitcnn._checks import needing, one_of
from digitcnn.errors import InvalidArgumentError
from digitcnn.models import as_network, export_onnx

__all__ = ["FORMATS", "export"]

_WEIGHTS_ENDING = ".weights.h5"  # the only one that Keras takes for weights alone


def export(model: Any, path: str | os.PathLike[str], *, format: str = "onnx") -> Path:  # noqa: A002 - as in `resolve`
    """Write a network in a form that other programs read.

    Parameters
    ----------
    model : str, os.PathLike, TrainingRun or keras.Model
        Published weights, a run's folder, or what `build_model`, `load_pretrained` or `train`
        gives.
    path : str or os.PathLike
        The file, or for "savedmodel" the folder, to write; a file that was there is replaced.
    format : str
        "onnx", for `predict` and ONNX Runtime; "h5", the weights alone for `load_pretrained`, in a
        file that ends in `.weights.h5`; "tflite", for phones and small devices; "savedmodel", for
        TensorFlow Serving.

    Returns
    -------
    path : pathlib.Path
        What was written. Each takes float32 (N, 28, 28, 1) as :func:`digitcnn.preprocess` gives it,
        and gives float32 (N, 10); of "reader", "lines" and "ink", what `build_model` says.

    Raises
    ------
    InvalidArgumentError
        If `model` is none, the format is unknown, the file's ending is another, or it cannot be
        written.
    DigitcnnError
        As :func:`digitcnn.load_pretrained` does.
    MissingDependencyError
        If a package that the format needs is not installed.

    Examples
    --------
    >>> from digitcnn import exporting
    >>> exporting.export("base", "base.tflite", format="tflite")  # doctest: +SKIP
    PosixPath('base.tflite')
    """
    one_of("format", format, FORMATS)
    path = Path(path)
    if format == "h5" and not path.name.endswith(_WEIGHTS_ENDING):
        raise InvalidArgumentError(
            argument="path",
            rule=f"end in {_WEIGHTS_ENDING} for the format 'h5'",
            got=repr(str(path)),
            remedy=f"Name it {path.stem + _WEIGHTS_ENDING!r}.",
        )
    if not path.parent.is_dir():
        raise InvalidArgumentError(
            argument="path",
            rule="lie in a folder that exists",
            got=repr(str(path)),
            remedy="Make the folder first.",
        )
    network = as_network(model)
    if not hasattr(network, "save_weights"):
        raise InvalidArgumentError(
            argument="model",
            rule="be a Keras model, published weights or a run",
            got=type(model).__name__,
            remedy="Pass what load_pretrained() or train() gives.",
        )
    try:
        _WRITERS[format](network, path)
    except OSError as error:
        raise InvalidArgumentError(
            argument="path",
            rule="be a place to write to",
            got=repr(str(path)),
            reason=f"which fails with: {error.strerror or error}",
            remedy="Choose another one.",
        ) from error
    return path


def _import_tensorflow() -> Any:
    with needing("export() to this format needs TensorFlow", "export"):
        import tensorflow as tf
    return tf


def _write_saved(model: Any, path: Path) -> None:
    """Write a SavedModel with one signature, of any batch size."""
    _import_tensorflow()
    model.export(path, format="tf_saved_model", verbose=False)


def _write_tflite(model: Any, path: Path) -> None:
    """Write a TensorFlow Lite flatbuffer of float32."""
    tf = _import_tensorflow()
    # `from_keras_model` does the same, and prints a page on the way.
    with tempfile.TemporaryDirectory() as folder:
        _write_saved(model, Path(folder))
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "h5": lambda model, path: model.save_weights(path),
    "onnx": export_onnx,
    "tflite": _write_tflite,
    "savedmodel": _write_saved,
}
FORMATS = tuple(_WRITERS)
