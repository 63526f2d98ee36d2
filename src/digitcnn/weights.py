"""Published weights: their records, and one way from whatever names weights to a checked file.

A set of weights is published once, as `digitcnn-<name>-v<N>.weights.h5` for Keras and
`digitcnn-<name>-v<N>.onnx` for ONNX Runtime, and never changes afterwards. Its record lies in
`_weights/registry.json` within the package, beside the files that the wheel brings along: copies of
those in the repository's `weights/`, because links break on Windows and in ZIP archives.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from digitcnn import _downloads
from digitcnn._downloads import AnyPath, PublishedFile
from digitcnn._runs import read_record
from digitcnn.errors import InvalidArgumentError, UnavailableError, UnknownWeightsError

__all__ = [
    "DEFAULT",
    "RELEASE_URL",
    "PublishedFile",
    "Weights",
    "WeightsFormat",
    "fetch_weights",
    "get_weights",
    "identify",
    "list_weights",
    "resolve",
    "verify",
]

DEFAULT = "base"
RELEASE_URL = "https://github.com/digitcnn/digitcnn/releases/download/weights"
BUNDLE = Path(__file__).with_name("_weights")  # what travels inside the package
REGISTRY = "registry.json"
_KERAS_SUFFIXES = (".h5", ".keras")

WeightsFormat = Literal["onnx", "h5"]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The record of one published set of weights.

    Attributes
    ----------
    name : str
        What the weights are for, such as `base`.
    version : int
        Counted from 1; a version never changes.
    architecture : str
        The name that `build_model` takes.
    h5, onnx : PublishedFile
        The file for Keras and the one for ONNX Runtime.
    num_parameters : int
        Values in the network, the statistics of its normalisation counted in.
    multiply_adds : int or None
        Multiplications with addition for one image, where counted.
    metrics : mapping of str to float
        What was measured, such as `mnist_test_accuracy`.
    recipe : str
        The name of the training recipe.
    date : str
        The day of publication, as YYYY-MM-DD.
    """

    name: str
    version: int
    architecture: str
    h5: PublishedFile
    onnx: PublishedFile
    num_parameters: int
    multiply_adds: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)
    recipe: str
    date: str

    @property
    def id(self) -> str:
        """Return the name with its version, such as `base-v1`."""
        return f"{self.name}-v{self.version}"

    def file(self, format: WeightsFormat) -> PublishedFile:  # noqa: A002  as in resolve
        """Return the record of the file in one format."""
        return self.onnx if format == "onnx" else self.h5


def list_weights() -> tuple[Weights, ...]:
    """List the records of all published weights.

    Returns
    -------
    records : tuple of Weights
        Sorted by name, then by version.

    Examples
    --------
    >>> all(record.version >= 1 for record in list_weights())
    True
    """
    return read_registry(_bundled(REGISTRY))


def get_weights(weights: str | Weights = DEFAULT) -> Weights:
    """Look up the record of published weights.

    Parameters
    ----------
    weights : str or Weights
        A name such as `base`, which means its newest version, or a name with a version such as
        `base-v1`, which stays the same for ever. A record is given back as it is.

    Returns
    -------
    record : Weights
        The record.

    Raises
    ------
    UnknownWeightsError
        If nothing has been published under that name; the message lists what has been.
    """
    if isinstance(weights, Weights):
        return weights
    if not isinstance(weights, str):
        raise InvalidArgumentError(
            argument="weights",
            rule="be a published name, a record or a path",
            got=type(weights).__name__,
            remedy=f"Pass one such as {DEFAULT!r}.",
        )
    found = [record for record in list_weights() if weights in (record.name, record.id)]
    if not found:
        raise _unknown(weights)
    return found[-1]


def identify(weights: AnyPath | Weights = DEFAULT) -> Weights | Path:
    """Distinguish published weights from files and folders of the user's own.

    Parameters
    ----------
    weights : str, path, Weights, TrainingRun or RunRecord
        A published name, a record, a file, or a training run or its folder. A string that is no
        published name is a path if it ends in `.onnx`, `.h5` or `.keras`, holds a path separator,
        or names what is there.

    Returns
    -------
    found : Weights or Path
        The record of published weights, or the path of one's own.

    Raises
    ------
    UnknownWeightsError
        If nothing has been published under that name.
    """
    weights = getattr(weights, "run_dir", weights)
    if isinstance(weights, os.PathLike):
        return Path(weights)
    # A folder that happens to be called like published weights does not hide them.
    if isinstance(weights, str) and weights not in _names() and _is_path(weights):
        return Path(weights)
    return get_weights(weights)


def resolve(
    weights: AnyPath | Weights = DEFAULT,
    *,
    format: WeightsFormat = "onnx",  # noqa: A002  the word users know from save(format=...)
    cache_dir: AnyPath | None = None,
    download: bool = True,
) -> Path:
    """Find the file of some weights on this machine, or bring it there.

    A published file is checked against its SHA-256 on each call. It is looked for in the installed
    package, in the folder that `DIGITCNN_WEIGHTS_DIR` names, and in the cache; then it is
    downloaded from `DIGITCNN_BASE_URL`, else from the release page, unless `DIGITCNN_OFFLINE` is
    set.

    Parameters
    ----------
    weights : str, path or Weights
        Whatever :func:`identify` takes.
    format : {"onnx", "h5"}
        The file for ONNX Runtime or the one for Keras. A file of your own is in the one it is in; a
        training run's folder holds one for Keras.
    cache_dir : path, optional
        The cache; None is what `DIGITCNN_CACHE_DIR` names, else the platform's cache folder.
    download : bool
        Whether the network may be used.

    Returns
    -------
    path : Path
        The file. One of your own is there, and not checked further.

    Raises
    ------
    UnknownWeightsError
        If nothing has been published under that name.
    CorruptFileError
        If a copy that this library may not replace does not hold the published bytes.
    UnavailableError
        If the file is neither here nor within reach; the message says how to place it by hand.
    """
    if format not in get_args(WeightsFormat):
        raise InvalidArgumentError(
            argument="format",
            rule='be "onnx" or "h5"',
            got=repr(format),
            remedy='Leave it out for "onnx".',
        )
    found = identify(weights)
    if isinstance(found, Path):
        return _own_file(found, format)
    file = found.file(format)
    bundled = _bundled(file.filename)
    if _downloads.is_file(bundled):
        return _downloads.verify(bundled, file, argument="weights", remedy="Reinstall digitcnn.")
    return _downloads.fetch(file, _sources(cache_dir), download=download)


def pin(weights: AnyPath | Weights) -> Weights | Path:
    """Return what names the same weights in every process: a record, or an absolute path."""
    found = identify(weights)
    if isinstance(found, Weights):
        return found
    return (found if needs_keras(found) else resolve(found, format="onnx")).absolute()


def needs_keras(found: Weights | Path) -> bool:
    """Recognize what `identify` found and Keras alone runs: a run's folder, `.weights.h5`."""
    if isinstance(found, Weights):
        return False
    return found.suffix in _KERAS_SUFFIXES or os.path.isdir(found)  # noqa: PTH112 - as below


def fetch_weights(
    weights: str | Weights = DEFAULT, *, cache_dir: AnyPath | None = None
) -> dict[WeightsFormat, Path]:
    """Bring both files of published weights onto this machine, for use offline later.

    Parameters
    ----------
    weights : str or Weights
        A published name or a record.
    cache_dir : path, optional
        As in `resolve`.

    Returns
    -------
    paths : dict of str to Path
        The checked file of each format.

    Raises
    ------
    DigitcnnError
        As `resolve` does.
    """
    return _both_files(weights, cache_dir=cache_dir, download=True)


def verify(
    weights: str | Weights = DEFAULT, *, cache_dir: AnyPath | None = None
) -> dict[WeightsFormat, Path]:
    """Check both files of published weights as they lie on this machine, without the network.

    Parameters
    ----------
    weights : str or Weights
        A published name or a record.
    cache_dir : path, optional
        As in `resolve`.

    Returns
    -------
    paths : dict of str to Path
        The checked file of each format.

    Raises
    ------
    CorruptFileError
        If a file does not hold the published bytes.
    UnavailableError
        If a file is not on this machine.
    """
    return _both_files(weights, cache_dir=cache_dir, download=False)


def _sources(cache_dir: AnyPath | None) -> _downloads.Sources:
    return _downloads.Sources(
        folder_variable="DIGITCNN_WEIGHTS_DIR",
        cache=_downloads.cache_folder("weights", cache_dir),
        base_urls=(_downloads.setting("DIGITCNN_BASE_URL") or RELEASE_URL,),
        argument="weights",
    )


def _both_files(
    weights: str | Weights, *, cache_dir: AnyPath | None, download: bool
) -> dict[WeightsFormat, Path]:
    record = get_weights(weights)
    return {
        form: resolve(record, format=form, cache_dir=cache_dir, download=download)
        for form in get_args(WeightsFormat)
    }


def _is_path(text: str) -> bool:
    """Return whether a string that is no published name means a file or a folder."""
    is_there = os.path.exists(text)  # noqa: PTH110 - Path refuses names with a NUL
    endings = (".onnx", *_KERAS_SUFFIXES)
    return is_there or text.endswith(endings) or "/" in text or "\\" in text


def _own_file(path: Path, format: WeightsFormat) -> Path:  # noqa: A002  as in resolve
    """Return a file of the user's, or that of a training run."""
    if format == "h5" and os.path.isdir(path):  # noqa: PTH112 - as above
        return read_record(path, argument="weights").weights_path
    suffix = f".{format}"
    is_whole = path.suffix in _KERAS_SUFFIXES and not path.name.endswith(".weights.h5")
    if is_whole and _downloads.is_file(path):
        raise InvalidArgumentError(
            argument="weights",
            rule="be an .onnx or .weights.h5 file, a training run or a published name",
            got=path,
            reason="which may carry code, and which Keras alone loads",
            remedy=f"In Python, pass the model: keras.models.load_model({str(path)!r}).",
        )
    if path.suffix != suffix and not is_whole:
        raise InvalidArgumentError(
            argument="weights",
            rule=f"be a file in {suffix} here",
            got=path,
            remedy="Pass one, or a published name."
            if path.suffix != ".onnx"
            else "Pass its path to predict() or DigitClassifier() instead.",
        )
    if not _downloads.is_file(path):
        raise UnavailableError(
            argument="weights",
            rule="be an existing file or a published name",
            got=path,
            reason="which is no file",
            remedy="Check the path; `digitcnn weights list` prints the names.",
        )
    return path


def _bundled(filename: str) -> Path:
    """Return the path of a file that travels inside the package, be it there or not."""
    return BUNDLE / filename if BUNDLE.is_dir() else _unpacked(filename)


@functools.cache
def _unpacked(filename: str) -> Path:
    """Return the same where the package is imported from a zip file, unpacked until the end."""
    import atexit
    import contextlib
    from importlib import resources

    inside = resources.files(__package__) / BUNDLE.name / filename
    if not inside.is_file():
        return BUNDLE / filename
    kept = contextlib.ExitStack()
    atexit.register(kept.close)
    return kept.enter_context(resources.as_file(inside))


@functools.cache
def read_registry(path: Path) -> tuple[Weights, ...]:
    """Read the records, sorted by name, then by version."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(sorted(map(_from_json, rows), key=lambda record: (record.name, record.version)))


def _from_json(row: dict[str, Any]) -> Weights:
    files: dict[str, Any] = {form: PublishedFile(**row[form]) for form in get_args(WeightsFormat)}
    return Weights(**(row | files))


def _names() -> set[str]:
    return {name for record in list_weights() for name in (record.name, record.id)}


def _unknown(name: str) -> UnknownWeightsError:
    import difflib

    known = sorted(_names())
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return UnknownWeightsError(
        argument="weights",
        rule="be a published name or the path of a file",
        got=repr(name),
        remedy=f"{hint}Known names: {', '.join(known) or 'none yet'}.",
    )
