"""`digitcnn evaluate`: the report of a network on MNIST or on a folder."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from digitcnn.cli._datasets import MNIST, load_mnist_part, load_own
from digitcnn.cli._output import report, watched, write_line
from digitcnn.cli.predict import open_model
from digitcnn.errors import DigitcnnError, InvalidArgumentError
from digitcnn.evaluation import Evaluation, evaluate
from digitcnn.inference import predict_proba


def run(arguments: argparse.Namespace) -> int:
    """Print the report; the status is 1 if pictures had to be left out of it."""
    model = open_model(arguments.weights)
    num_unread = 0
    if arguments.dataset in MNIST:
        evaluation = evaluate(model, *load_mnist_part(arguments.dataset))
    else:
        evaluation, num_unread = _evaluate_own(model, arguments.dataset)
    write_line(evaluation.to_json() if arguments.json else str(evaluation))
    return 1 if num_unread else 0


def _evaluate_own(model: Any, folder: str) -> tuple[Evaluation, int]:
    """Measure on the pictures of a folder that can be read, telling which cannot, or on a file."""
    rows, labels = [], []
    paths, all_labels = load_own(folder)
    if not isinstance(paths, list):
        return evaluate(model, paths, all_labels), 0
    for path, label in watched(list(zip(paths, all_labels, strict=True))):
        try:
            rows.append(predict_proba(path, model=model))
            labels.append(label)
        except DigitcnnError as error:
            error.add_note(f"{path}, left out")
            report(error, "evaluate")
    if not rows:
        raise InvalidArgumentError(
            argument="--dataset",
            rule="hold pictures that can be read",
            got=f"none in {folder!r}",
            remedy="Mend the pictures named above.",
        )
    return Evaluation(np.array(labels), np.array(rows)), len(paths) - len(rows)
