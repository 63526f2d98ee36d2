"""The list of looks at MNIST's test set: every one is written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

from digitcnn import Evaluation
from digitcnn.training import RunRecord


def enter_look(page: Path, runs: Sequence[RunRecord], seen: Evaluation, weights: str = "") -> None:
    """Add a line to the list, which ends the page.

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
    if not weights and line in page.read_text(encoding="utf-8"):
        return
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    with page.open("a", encoding="utf-8") as card:
        card.write(f"| {today} | {weights or 'not published'} {line}")


def named(values: Iterable[object]) -> str:
    """Join what differs."""
    return " + ".join(dict.fromkeys(str(value) for value in values))
