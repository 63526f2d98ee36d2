"""Writes lines, whatever the names in them hold, and errors in the words of the command line."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator

from digitcnn.errors import DigitcnnError

# What stands on the command line for an argument that an error of the library names.
_TYPED = {
    "predict": {"images": "FILE", "weights": "--weights"},
    "read": {"images": "FILE", "weights": "--weights"},
    "evaluate": {
        "images": "--dataset",
        "labels": "--dataset",
        "folder": "--dataset",
        "path": "--dataset",
        "weights": "--weights",
        "model": "--weights",
    },
    "train": {
        "images": "--images",
        "labels": "--images",
        "folder": "--images",
        "path": "--images",
        "weights": "--initial-weights",
        "initial_weights": "--initial-weights",
        "recipe": "--recipe",
        "epochs": "--epochs",
        "batch_size": "--batch-size",
        "learning_rate": "--learning-rate",
        "patience": "--patience",
        "validation_size": "--validation-size",
        "validation_fraction": "--validation-fraction",
        "seed": "--seed",
        "run_dir": "--run-dir",
    },
    "plot": {
        "image": "SUBJECT",
        "images": "SUBJECT",
        "labels": "--dataset",
        "folder": "--dataset",
        "path": "--dataset",
        "weights": "--weights",
        "model": "--weights",
        "run_dir": "SUBJECT",
        "count": "--count",
    },
    "export": {
        "weights": "MODEL",
        "path": "--output",
        "format": "--format",
        "architecture": "--architecture",
    },
    "weights": {"weights": "NAME", "format": "--format"},
}


def write_line(text: str) -> None:
    """Print a line at once; what is no text in a file's name goes out byte for byte."""
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(os.fsencode(text) + b"\n")
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def some_output() -> Iterator[None]:
    """Give a standard output where it is closed: argparse and Keras write to what there is."""
    if sys.stdout is not None:
        yield
        return
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - no file of anybody's
        contextlib.redirect_stdout(nowhere),
    ):
        yield


def drop_output() -> None:
    """Lead standard output nowhere: Python writes what is left once more at the end."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report(error: BaseException, command: str) -> None:
    """Print an error on standard error, in one line; its notes, such as a file's name, first."""
    if sys.stderr is not None:  # closed; `print` would take standard output
        said = [*getattr(error, "__notes__", ()), as_typed(error, command)]
        text = printable(" ".join(": ".join(said).split()))
        print(f"digitcnn: error: {text}", file=sys.stderr, flush=True)


def as_typed(error: BaseException, command: str) -> str:
    """Word an error for who typed options rather than arguments of a function."""
    if isinstance(error, DigitcnnError):
        typed = _TYPED[command].get(error.argument or "")
        if typed is not None:
            error.argument, error.index = typed, None
    return str(error)


def printable(name: str) -> str:
    """Escape control characters, so that a name neither breaks its line nor moves the cursor."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", _escaped, name)


def _escaped(found: re.Match[str]) -> str:
    """Write a character by its number."""
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
