"""Enter newly published weights into the registry; what was published before never changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from digitcnn import weights
from digitcnn.weights import Weights

SUFFIXES = {"onnx": ".onnx", "h5": ".weights.h5"}


def published_filename(name: str, version: int, form: str) -> str:
    """Name the file that a version of some weights is published under."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or re.search(r"-v[0-9]+$", name):
        raise SystemExit(f"{name!r} must be lower-case words joined by hyphens, without a version")
    if form not in SUFFIXES or version < 1:
        raise SystemExit(f"nothing is published as version {version} in the format {form!r}")
    return f"digitcnn-{name}-v{version}{SUFFIXES[form]}"


def next_version(name: str) -> int:
    """Return the version of some weights that would be published next."""
    return 1 + max(
        (each.version for each in weights.list_weights() if each.name == name), default=0
    )


def add_record(record: Weights) -> None:
    """Enter the next version of some weights."""
    expected = next_version(record.name)
    if record.version != expected:
        raise SystemExit(f"{record.id} must be {record.name}-v{expected}, the next version")
    for form in SUFFIXES:
        filename = published_filename(record.name, record.version, form)
        if getattr(record, form).filename != filename:
            raise SystemExit(f"{getattr(record, form).filename} must be called {filename}")
    write_registry(weights.BUNDLE / weights.REGISTRY, (*weights.list_weights(), record))


def write_registry(path: Path, records: Iterable[Weights]) -> None:
    """Write the records, sorted by name, then by version."""
    rows = sorted(records, key=lambda record: (record.name, record.version))
    text = json.dumps([asdict(each) for each in rows], indent=2, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    weights.read_registry.cache_clear()
