"""Writes lines, whatever the names in them hold, errors as typed, and how far a folder has come."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from digitcnn.errors import DigitcnnError, SeveralDigitsError

_Item = TypeVar("_Item")

_REFRESH_S = 0.1
_BAR_COLUMNS = 60


def write_line(text: str) -> None:
    """Print a line at once; what is no text in a file's name goes out byte for byte."""
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(os.fsencode(text) + b"\n")
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def some_output() -> Iterator[None]:
    """Open a standard output where it is closed: argparse and Keras write to what there is."""
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


def report(error: BaseException, arguments: argparse.Namespace) -> None:
    """Print an error on standard error, in one line; its notes, such as a file's name, first."""
    tell(": ".join(["error", *getattr(error, "__notes__", ()), as_typed(error, arguments)]))


def tell(text: str) -> None:
    """Print a line on standard error, over the bar that may stand there."""
    if sys.stderr is not None:  # closed; `print` would take standard output
        show_bar("")
        print(f"digitcnn: {printable(' '.join(text.split()))}", file=sys.stderr, flush=True)


def watched(items: Sequence[_Item]) -> Iterator[_Item]:
    """Yield items, and show on a terminal's standard error how many are done and the time left."""
    begun = shown = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now > shown + _REFRESH_S:
            minutes, seconds = divmod(round((now - begun) / done * (len(items) - done)), 60)
            show_bar(f"{done:,} of {len(items):,}, {minutes}:{seconds:02} left")
            shown = now
        yield item
    show_bar("")


def show_bar(text: str) -> None:
    """Write over the last line of a terminal; "" leaves it empty."""
    if sys.stderr is not None and sys.stderr.isatty():
        end = "" if text else "\r"
        print(f"\r{text:{_BAR_COLUMNS}}", end=end, file=sys.stderr, flush=True)


def as_typed(error: BaseException, arguments: argparse.Namespace) -> str:
    """Return the text of an error for who typed options rather than arguments of a function.

    `typed` of a command says what its arguments are called where that is not the option's name.
    """
    if isinstance(error, SeveralDigitsError):
        error.remedy = "`digitcnn read` reads every digit."
    name = getattr(error, "argument", None)
    if isinstance(error, DigitcnnError) and name:
        typed = arguments.typed.get(name)
        if typed is None and hasattr(arguments, name):
            typed = f"--{name.replace('_', '-')}"
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
