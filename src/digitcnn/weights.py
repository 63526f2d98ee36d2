"""Published weights: their records, and the way from a name to a checked file.

A set of weights is published once, as `digitcnn-<name>-v<N>.weights.h5` for Keras and
`digitcnn-<name>-v<N>.onnx` for ONNX Runtime, and never changes afterwards. Its record lies in
`_weights/registry.json` within the package, beside the files that the wheel brings along.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

from digitcnn import _published, _registry
from digitcnn._published import AnyPath, PublishedFile
from digitcnn._registry import (
    Weights,
    WeightsFormat,
    add_record,
    next_version,
    published_filename,
)
from digitcnn.errors import InvalidArgumentError, UnavailableError, UnknownWeightsError

__all__ = [
    "DEFAULT",
    "RELEASE_URL",
    "PublishedFile",
    "Weights",
    "WeightsFormat",
    "add_record",
    "fetch_weights",
    "get_weights",
    "list_weights",
    "locate",
    "next_version",
    "published_filename",
    "verify",
]

DEFAULT = "base"
RELEASE_URL = "https://github.com/digitcnn/digitcnn/releases/download/weights"


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
    return _registry.read_registry()


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
    records = list_weights()
    found = [record for record in records if weights in (record.name, record.id)]
    if not found:
        raise _unknown(weights, records)
    return found[-1]


def locate(
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
        A published name, a record, or a file of your own. A string is a file if it ends in `.onnx`
        or `.h5` or holds a path separator.
    format : {"onnx", "h5"}
        The file for ONNX Runtime or the one for Keras. A file of your own is in the one it is in.
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
    if isinstance(weights, os.PathLike) or (isinstance(weights, str) and _is_path(weights)):
        return _check_own(Path(weights), format)
    file = get_weights(weights).file(format)
    bundled = _registry.bundle_folder() / file.filename
    if _published.is_file(bundled):
        return _published.check(bundled, file, remedy="Reinstall digitcnn.")
    # Not before, for what came with the package: logging alone takes milliseconds to import.
    from digitcnn import _fetch

    return _fetch.obtain(file, _sources(cache_dir), download=download)


def fetch_weights(
    weights: str | Weights = DEFAULT, *, cache_dir: AnyPath | None = None
) -> dict[WeightsFormat, Path]:
    """Bring both files of published weights onto this machine, for use offline later.

    Parameters
    ----------
    weights : str or Weights
        A published name or a record.
    cache_dir : path, optional
        As in `locate`.

    Returns
    -------
    paths : dict of str to Path
        The checked file of each format.

    Raises
    ------
    DigitcnnError
        As `locate` does.
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
        As in `locate`.

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


def _sources(cache_dir: AnyPath | None) -> _published.Sources:
    return _published.Sources(
        folder_variable="DIGITCNN_WEIGHTS_DIR",
        cache=_published.cache_folder("weights", cache_dir),
        base_urls=(_published.setting("DIGITCNN_BASE_URL") or RELEASE_URL,),
    )


def _both_files(
    weights: str | Weights, *, cache_dir: AnyPath | None, download: bool
) -> dict[WeightsFormat, Path]:
    record = get_weights(weights)
    return {
        form: locate(record, format=form, cache_dir=cache_dir, download=download)
        for form in get_args(WeightsFormat)
    }


def _is_path(text: str) -> bool:
    """Say whether a string means a file rather than a published name."""
    return text.endswith((".onnx", ".h5")) or "/" in text or "\\" in text


def _check_own(path: Path, format: WeightsFormat) -> Path:  # noqa: A002  as in locate
    suffix = f".{format}"
    if path.suffix != suffix:
        raise InvalidArgumentError(
            argument="weights",
            rule=f"be a file in {suffix} here",
            got=path,
            remedy="Pass one, or a published name.",
        )
    if not _published.is_file(path):
        raise UnavailableError(
            argument="weights",
            rule="be an existing file or a published name",
            got=path,
            reason="which is no file",
            remedy="Check the path; `digitcnn weights list` prints the names.",
        )
    return path


def _unknown(name: str, records: tuple[Weights, ...]) -> UnknownWeightsError:
    import difflib

    known = sorted({record.name for record in records} | {record.id for record in records})
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return UnknownWeightsError(
        argument="weights",
        rule="be a published name or the path of a file",
        got=repr(name),
        remedy=f"{hint}Known names: {', '.join(known) or 'none yet'}.",
    )
