"""Measure trainings that differ by their seed alone, and state the mean and the spread.

    python tools/seeds.py RUN_FOLDER... [--members N] [--page docs/model-card.md]

Every training counts with its last epoch, on MNIST's test set. That is looked at once for each: the
answer is kept in the run's folder and entered in the page's list of looks. With `--members`, each N
runs in the order given are one ensemble. The table takes the place of the recipe's in the page;
nothing is chosen by it.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from looks import enter_look, named
from pages import fill_place, format_table

from digitcnn import Evaluation, datasets, load_pretrained, preprocess
from digitcnn.training import RunRecord, read_run

ANSWERS_FILE = "mnist-test.npy"


def answers(run: RunRecord, images: np.ndarray) -> np.ndarray:
    """Give a training's probabilities for the test images, computed once."""
    path = run.run_dir / ANSWERS_FILE
    if not path.exists():
        model = load_pretrained(run.run_dir)
        np.save(path, model.predict(preprocess(images), batch_size=500, verbose=0))
    return np.load(path)


def measure(group: Sequence[RunRecord], images: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Measure one training, or several as an ensemble."""
    return Evaluation(labels, np.mean([answers(run, images) for run in group], axis=0))


def table(groups: Sequence[Sequence[RunRecord]], measured: Sequence[Evaluation]) -> str:
    """State each seed and, below, what all come to."""
    rows = [
        (named(run.seed for run in group), f"{each.accuracy:.2%}", str(each.num_errors))
        for group, each in zip(groups, measured, strict=True)
    ]
    rows.append(("mean", *spread(measured)))
    recipe = named(run.recipe["name"] for run in groups[0])
    head = (f"`{recipe}`, seed", "MNIST test", "errors")
    members = f" --members {len(groups[0])}" if len(groups[0]) > 1 else ""
    run = groups[0][0]
    how = f"{run.num_images:,} images, {len(run.history)} epochs, the last one counts"
    return format_table(head, rows, f"python tools/seeds.py RUN_FOLDER...{members}, {how}")


def spread(measured: Sequence[Evaluation]) -> tuple[str, str]:
    """Give the mean and the standard deviation of accuracies, and the mean of the errors."""
    accuracies = [each.accuracy for each in measured]
    mean = f"{statistics.mean(accuracies):.3%}"
    deviation = f" ± {statistics.stdev(accuracies):.3%}" if len(accuracies) > 1 else ""
    return mean + deviation, f"{statistics.mean(each.num_errors for each in measured):.1f}"


def title(group: Sequence[RunRecord]) -> str:
    """Name what is measured, as the page's place for it is named."""
    recipe = named(run.recipe["name"] for run in group)
    return f"{recipe} seeds" if len(group) == 1 else f"{recipe} seeds by {len(group)}"


def _check_alike(runs: Sequence[RunRecord]) -> None:
    """Refuse runs that differ by more than their seed, or that chose an epoch."""

    def made_of(run: RunRecord) -> Any:
        return run.recipe, run.num_images, run.validation_size

    if any(made_of(run) != made_of(runs[0]) for run in runs):
        raise SystemExit("the runs differ by more than their seed")
    if len({run.seed for run in runs}) < len(runs):
        raise SystemExit("two runs have the same seed")
    if runs[0].validation_size:
        raise SystemExit("the runs chose their epoch by validation; train with validation_size=0")


def main(options: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run_dirs", nargs="+", type=Path, help="folders of finished training runs")
    parser.add_argument("--members", type=int, default=1, help="runs to an ensemble")
    parser.add_argument("--page", type=Path, help="write the table and the looks into this page")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args(options)

    runs = [read_run(folder) for folder in arguments.run_dirs]
    _check_alike(runs)
    size = arguments.members
    if len(runs) % size:
        raise SystemExit(f"{len(runs)} runs make no whole number of ensembles of {size}")
    groups = [runs[start : start + size] for start in range(0, len(runs), size)]
    _, (images, labels) = datasets.load_mnist()
    measured = [measure(group, images, labels) for group in groups]
    text = table(groups, measured)
    print(text)
    if arguments.page:
        fill_place(arguments.page, title(groups[0]), text)
        for group, each in zip(groups, measured, strict=True):
            enter_look(arguments.page, group, each)
    if arguments.json:
        found = [
            {"seeds": [run.seed for run in group], "errors": each.num_errors}
            for group, each in zip(groups, measured, strict=True)
        ]
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
