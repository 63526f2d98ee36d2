"""`digitcnn train`: a training run in a folder of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from digitcnn import datasets, training
from digitcnn.cli._memory import kept_memory
from digitcnn.cli._output import write_line
from digitcnn.cli._tensorflow import import_quietly
from digitcnn.training._folders import BEGINNING_FOLDER

# What is not given is left to `train` itself.
_OPTIONS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "patience",
    "monitor",
    "class_weight",
    "verbose",
    "seed",
    "initial_weights",
    "validation_size",
    "validation_fraction",
)


def run(arguments: argparse.Namespace) -> int:
    """Train, and say what came of it and where it lies."""
    training.get_recipe(arguments.recipe)  # before pictures and Keras are loaded
    images: Any = None
    labels = None
    if arguments.images is not None:
        is_file = Path(arguments.images).is_file()
        load = datasets.load_file if is_file else datasets.load_folder
        images, labels = load(arguments.images)
    run_dir = arguments.run_dir or str(Path("runs") / arguments.recipe)
    given = {name: getattr(arguments, name) for name in _OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    import_quietly()
    try:
        with kept_memory():
            finished = training.train(
                images, labels, recipe=arguments.recipe, run_dir=run_dir, **options
            )
    except KeyboardInterrupt:
        saved = _count_epochs(Path(run_dir))
        print(
            f"\ndigitcnn: stopped; {saved} finished epochs are saved, and the same command goes on "
            f"from {run_dir}",
            file=sys.stderr,
        )
        raise
    for name, value in finished.metrics.items():
        write_line(f"{name} {value:.6g}")
    write_line(f"run_dir {finished.run_dir}")
    return 0


def _count_epochs(run_dir: Path) -> int:
    """Count the epochs that a run has finished: the rows of its tables, but for the headings."""
    folders = (run_dir / BEGINNING_FOLDER, run_dir)
    tables = filter(Path.exists, (folder / "history.csv" for folder in folders))
    return sum(len(table.read_text(encoding="utf-8").splitlines()) - 1 for table in tables)
