"""Count the ways through the library: the functions and files that a call passes from end to end.

    python tools/ways.py [--page docs/architecture.md]

Only the library's own count, imports do not. The way from MNIST to a checkpoint trains for one
epoch on 256 images; without TensorFlow it is left out.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from reporting import begin_options, format_table, show

import digitcnn
from digitcnn import cli, datasets, predict, read, train, weights

ROOT = Path(__file__).resolve().parents[1]
SOURCE = str(Path(digitcnn.__file__).parent) + os.sep
PHOTO = str(ROOT / "examples" / "seven-on-paper.jpg")
NUMBER = str(ROOT / "examples" / "numbers" / "cheque-amount.jpg")


def walk(name: str) -> set[tuple[str, str]]:
    """Return each function of the library that a way passes: its file and its name."""
    passed: set[tuple[str, str]] = set()

    def note(frame, event, _argument):  # noqa: ANN001, ANN202 - as sys.setprofile takes it
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(SOURCE) and code.co_name[0] != "<":
            passed.add((code.co_filename.removeprefix(SOURCE), code.co_qualname))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        with contextlib.redirect_stdout(None):
            WAYS[name]()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return passed


def train_shortly() -> None:
    """Train for one epoch on a few of MNIST's images, into a folder."""
    images, labels = (each[:256] for each in datasets.load_mnist()[0])
    with tempfile.TemporaryDirectory() as folder:
        options = {"epochs": 1, "validation_size": 0, "verbose": 0}
        train(images, labels, recipe="conv-pool", run_dir=folder, **options)


WAYS: dict[str, Callable[[], object]] = {
    "a phone photo, from `predict` to the answer": functools.partial(predict, PHOTO),
    "a cheque, from `read` to the text": functools.partial(read, NUMBER),
    "a weights' name to its file": functools.partial(weights.resolve, "base", format="onnx"),
    "`digitcnn predict --weights base` on the command line": functools.partial(
        cli.main, ["predict", PHOTO, "--weights", "base"]
    ),
    "MNIST to a checkpoint": train_shortly,
}


if __name__ == "__main__":
    page = begin_options(__doc__).parse_args().page
    rows = []
    for name, way in WAYS.items():
        if way is train_shortly and importlib.util.find_spec("keras") is None:
            continue
        # A fresh process for each: what one has cached, the next would not pass.
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            passed = process.submit(walk, name).result()
        rows.append((name, str(len(passed)), str(len({file for file, _ in passed}))))
    text = format_table(("way", "functions", "files"), rows, "python tools/ways.py")
    show(text, page, "ways")
