"""`digitcnn train`: a training run in a folder of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from digitcnn import datasets, training
from digitcnn.cli._output import write_line

# What is not given is left to `train` itself.
_OPTIONS = ("epochs", "batch_size", "seed", "validation_size")


def run(arguments: argparse.Namespace) -> int:
    """Train, and say what came of it and where it lies."""
    images, labels = (None, None)
    if arguments.images is not None:
        images, labels = datasets.load_folder(arguments.images)
    run_dir = arguments.run_dir or str(Path("runs") / arguments.recipe)
    given = {name: getattr(arguments, name) for name in _OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    try:
        finished = training.train(
            images, labels, recipe=arguments.recipe, run_dir=run_dir, **options
        )
    except KeyboardInterrupt:
        print(f"digitcnn: stopped; the same command goes on from {run_dir}", file=sys.stderr)
        raise
    for name, value in finished.metrics.items():
        write_line(f"{name} {value:.6g}")
    write_line(f"run_dir {finished.run_dir}")
    return 0
