"""Enter newly published weights into the registry; what was published before never changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from digitcnn import weights
from digitcnn.weights import Weights, WeightsFormat

_SUFFIXES: dict[WeightsFormat, str] = {"onnx": ".onnx", "h5": ".weights.h5"}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION_SUFFIX = re.compile(r"-v[0-9]+$")


def published_filename(name: str, version: int, format: WeightsFormat) -> str:  # noqa: A002  as in resolve
    """Name the file that a version of some weights is published under."""
    if not _NAME.fullmatch(name) or _VERSION_SUFFIX.search(name):
        raise SystemExit(f"{name!r} must be lower-case words joined by hyphens, without a version")
    if format not in get_args(WeightsFormat) or version < 1:
        raise SystemExit(f"nothing is published as version {version} in the format {format!r}")
    return f"digitcnn-{name}-v{version}{_SUFFIXES[format]}"


def next_version(name: str) -> int:
    """Say which version of some weights would be published next."""
    versions = (each.version for each in weights.list_weights() if each.name == name)
    return 1 + max(versions, default=0)


def add_record(record: Weights) -> None:
    """Enter the next version of some weights."""
    expected = next_version(record.name)
    if record.version != expected:
        raise SystemExit(f"{record.id} must be {record.name}-v{expected}, the next version")
    for form in get_args(WeightsFormat):
        filename = published_filename(record.name, record.version, form)
        if record.file(form).filename != filename:
            raise SystemExit(f"{record.file(form).filename} must be called {filename}")
    write_registry(weights.BUNDLE / weights.REGISTRY, (*weights.list_weights(), record))


def write_registry(path: Path, records: Iterable[Weights]) -> None:
    """Write the records, sorted by name, then by version."""
    rows = sorted(records, key=lambda record: (record.name, record.version))
    text = json.dumps([asdict(each) for each in rows], indent=2, allow_nan=False) + "\n"
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
    weights.read_registry.cache_clear()
