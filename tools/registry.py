"""What publishing writes down: a record of the weights, and each look at MNIST's test set.

What was published before never changes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from digitcnn import Evaluation, weights
from digitcnn.training import RunRecord
from digitcnn.weights import Weights

SUFFIXES = {"onnx": ".onnx", "h5": ".weights.h5"}


def published_filename(name: str, version: int, form: str) -> str:
    """Name the file that a version of some weights is published under."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or re.search(r"-v[0-9]+$", name):
        raise SystemExit(f"{name!r} must be lower-case words joined by hyphens, without a version")
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


def enter_look(page: Path, runs: Sequence[RunRecord], seen: Evaluation, weights: str = "") -> None:
    """Add a line to the list of looks at the test set, which ends the page.

    `runs` are the members of an ensemble, or one. `weights` is what they are published as; without,
    a network that is in the list already is not entered again.
    """
    columns = (
        named(run.recipe["name"] for run in runs),
        named(run.seed for run in runs),
        named(f"{run.num_images:,}" for run in runs),
        named(len(run.history) for run in runs),
        str(seen.num_errors),
        f"{seen.accuracy:.2%}",
    )
    line = f"| {' | '.join(columns)} |\n"
    if weights or line not in page.read_text(encoding="utf-8"):
        today = dt.datetime.now(tz=dt.UTC).date().isoformat()
        with page.open("a", encoding="utf-8") as card:
            card.write(f"| {today} | {weights or 'not published'} {line}")


def named(values: Iterable[object]) -> str:
    """Join what differs."""
    return " + ".join(dict.fromkeys(str(value) for value in values))
