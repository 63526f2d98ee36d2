"""`digitcnn evaluate`: the report of a network on MNIST or on a folder."""

from __future__ import annotations

import argparse
import difflib
import os
from pathlib import Path
from typing import Any

import digitcnn
from digitcnn.cli._console import WEIGHTS_HELP, add_command, report, watched, write_line
from digitcnn.cli.pictures import open_model
from digitcnn.errors import DigitcnnError, InvalidArgumentError

MNIST = ("mnist-test", "mnist-validation")


def add_evaluate(commands: Any) -> None:
    """Describe the arguments."""
    typed = dict.fromkeys(("images", "labels", "folder", "path"), "--dataset")
    parser = add_command(
        commands,
        _run,
        "evaluate",
        "measure a network on labelled pictures",
        "Prints accuracy, loss, calibration, and precision and recall of each digit. Pictures that "
        "cannot be read are left out, and the exit status is 1.",
        "digitcnn evaluate --weights base --dataset mnist-test",
        "digitcnn evaluate --dataset my-digits    # with my-digits/7/seven.jpg and so on",
        typed=typed | {"model": "--weights"},
    )
    parser.add_argument("--weights", default="base", help=WEIGHTS_HELP)
    parser.add_argument(
        "--dataset",
        default="mnist-test",
        help="mnist-test, mnist-validation (5,000 of the training part, from which base and tiny "
        "have learnt), a folder that holds folders 0 to 9, or a file of digits: CSV, npz, IDX "
        "(default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def _run(arguments: argparse.Namespace) -> int:
    """Print the report; the status is 1 if pictures had to be left out of it."""
    model = open_model(arguments.weights)
    images, labels = load_dataset(arguments.dataset)
    if isinstance(images, list):
        evaluation = _evaluate_files(model, images, labels, arguments)
    else:
        evaluation = digitcnn.evaluate(model, images, labels)
    write_line(evaluation.to_json() if arguments.json else str(evaluation))
    return 1 if evaluation.unread else 0


def _evaluate_files(
    model: Any, paths: list[Path], all_labels: Any, arguments: argparse.Namespace
) -> digitcnn.Evaluation:
    """Measure on the pictures that can be read, telling which cannot."""
    import numpy as np

    rows, labels, unread = [], [], []
    pairs = list(zip(paths, all_labels, strict=True))
    for index, (path, label) in enumerate(watched(pairs)):
        try:
            rows.append(digitcnn.predict_proba(path, model=model))
            labels.append(label)
        except DigitcnnError as error:
            error.add_note(f"{path}, left out")
            report(error, arguments)
            unread.append(index)
    if not rows:
        raise InvalidArgumentError(
            argument="--dataset",
            rule="hold pictures that can be read",
            got=f"none in {arguments.dataset!r}",
            remedy="Mend the pictures named above.",
        )
    return digitcnn.Evaluation(np.array(labels), np.array(rows), unread)


def load_dataset(name: str) -> tuple[Any, Any]:
    """Load a part of MNIST or a file, or list the paths of a folder."""
    if name in MNIST:
        train, test = digitcnn.datasets.load_mnist()
        return test if name == "mnist-test" else digitcnn.datasets.train_validation_split(*train)[1]
    if os.path.isfile(name):  # noqa: PTH113 - Path refuses names with a NUL
        return digitcnn.datasets.load_file(name, part="test")
    if not os.path.isdir(name):  # noqa: PTH112 - as above
        close = difflib.get_close_matches(name, MNIST, n=1)
        raise InvalidArgumentError(
            argument="--dataset",
            rule=f"be {', '.join(MNIST)}, a folder that holds folders 0 to 9, or a file of digits",
            got=repr(name),
            remedy=f"Did you mean {close[0]}?" if close else "Check the path.",
        )
    return digitcnn.datasets.load_folder(name)
