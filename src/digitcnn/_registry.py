"""The records of published weights, and the registry file that holds them.

The registry is `_weights/registry.json` within the package, beside the files that the wheel brings
along. Records are entered by publishing, never typed by hand. All published files lie in the
repository's `weights/`; those of the newest `base` and `tiny` are copied here, and tests hold both
to the record. Copies, because Git keeps equal files once, while links break on Windows and in ZIP
archives and a mapping in the build is unseen by an editable installation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from digitcnn._published import AnyPath, PublishedFile
from digitcnn.errors import InvalidArgumentError

WeightsFormat = Literal["onnx", "h5"]

_SUFFIXES: dict[WeightsFormat, str] = {"onnx": ".onnx", "h5": ".weights.h5"}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION_SUFFIX = re.compile(r"-v[0-9]+$")


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
        """Give the name with its version, such as `base-v1`."""
        return f"{self.name}-v{self.version}"

    def file(self, format: WeightsFormat) -> PublishedFile:  # noqa: A002  as in locate
        """Give the record of the file in one format."""
        return self.onnx if format == "onnx" else self.h5


def published_filename(name: str, version: int, format: WeightsFormat) -> str:  # noqa: A002  as in locate
    """Name the file that a version of some weights is published under.

    Parameters
    ----------
    name : str
        Lower-case words and numbers joined by hyphens, the last no version.
    version : int
        At least 1.
    format : {"onnx", "h5"}
        The format of the file.

    Returns
    -------
    filename : str
        The name, without a folder.

    Examples
    --------
    >>> published_filename("base", 1, "h5")
    'digitcnn-base-v1.weights.h5'
    """
    if not _NAME.fullmatch(name) or _VERSION_SUFFIX.search(name):
        raise InvalidArgumentError(
            argument="name",
            rule="be lower-case words joined by hyphens, without a version",
            got=repr(name),
            remedy="Pass one such as 'base'.",
        )
    if format not in _SUFFIXES or version < 1:
        raise InvalidArgumentError(
            argument="version",
            rule=f"be at least 1 and `format` one of {', '.join(_SUFFIXES)}",
            got=f"{version!r} and {format!r}",
            remedy="Pass 1 and 'onnx', say.",
        )
    return f"digitcnn-{name}-v{version}{_SUFFIXES[format]}"


def next_version(name: str, *, registry_path: AnyPath | None = None) -> int:
    """Say which version of some weights would be published next.

    Parameters
    ----------
    name : str
        A name, published before or not.
    registry_path : path, optional
        The registry; None is the package's own.

    Returns
    -------
    version : int
        One more than the newest, so 1 for a new name.
    """
    versions = (each.version for each in read_registry(registry_path) if each.name == name)
    return 1 + max(versions, default=0)


def add_record(record: Weights, *, registry_path: AnyPath | None = None) -> None:
    """Enter newly published weights into the registry; what was published before stays.

    Parameters
    ----------
    record : Weights
        The next version of its name.
    registry_path : path, optional
        The registry; None is the package's own, as in a checkout of the project.

    Raises
    ------
    InvalidArgumentError
        If the version is not the next one, or a file is not named as published files are.
    """
    expected = next_version(record.name, registry_path=registry_path)
    if record.version != expected:
        raise InvalidArgumentError(
            argument="record",
            rule="carry the next version, because a published one never changes",
            got=record.id,
            remedy=f"Publish it as {record.name}-v{expected}.",
        )
    for form in _SUFFIXES:
        filename = published_filename(record.name, record.version, form)
        if record.file(form).filename != filename:
            raise InvalidArgumentError(
                argument="record",
                rule=f"name its {form} file {filename}",
                got=record.file(form).filename,
                remedy="Rename the file.",
            )
    records = sorted((*read_registry(registry_path), record), key=_sort_key)
    text = json.dumps([asdict(each) for each in records], indent=2, allow_nan=False) + "\n"
    path = _registry_file(registry_path)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


def bundle_folder() -> Path:
    """Name the folder of what travels inside the package."""
    return Path(__file__).with_name("_weights")


def read_registry(registry_path: AnyPath | None = None) -> tuple[Weights, ...]:
    """Read the records, sorted by name, then by version."""
    rows = json.loads(_registry_file(registry_path).read_text(encoding="utf-8"))
    return tuple(sorted((_from_json(row) for row in rows), key=_sort_key))


def _registry_file(registry_path: AnyPath | None) -> Path:
    return bundle_folder() / "registry.json" if registry_path is None else Path(registry_path)


def _from_json(row: dict[str, Any]) -> Weights:
    files: dict[str, Any] = {form: PublishedFile(**row[form]) for form in _SUFFIXES}
    return Weights(**(row | files))


def _sort_key(record: Weights) -> tuple[str, int]:
    return record.name, record.version
