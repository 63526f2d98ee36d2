"""What commands share: how arguments are described, lines written, and errors told as typed."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from digitcnn.errors import DigitcnnError, SeveralDigitsError

_Item = TypeVar("_Item")

WEIGHTS_HELP = (
    "a published name (base), an .onnx or .weights.h5 file, or a training run's folder; the last "
    "two need TensorFlow (default: %(default)s)"
)
_REFRESH_S = 0.1
_BAR_COLUMNS = 60
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES |= {0x2028: r"\u2028", 0x2029: r"\u2029"}


class Parser(argparse.ArgumentParser):
    """Says in one line, without moving the cursor, what is wrong with a command line."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        super().error(printable(message))


class _ExampleFormatter(argparse.HelpFormatter):
    """Wraps texts, but for the examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("example") else super()._fill_text(text, width, indent)


def add_command(
    commands: Any,
    run: Callable[[argparse.Namespace], int],
    name: str,
    summary: str,
    details: str,
    *examples: str,
    typed: Mapping[str, str],
) -> argparse.ArgumentParser:
    """Add a command whose help ends with examples.

    `typed` says what arguments of functions are called here where that is not an option's name.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {details}",
        epilog="\n  ".join(["examples:" if len(examples) > 1 else "example:", *examples]),
        formatter_class=_ExampleFormatter,
    )
    parser.set_defaults(run=run, typed=typed)
    return parser


def add_min_confidence(parser: argparse.ArgumentParser, text: str) -> None:
    """Add the least probability that an answer must have."""
    parser.add_argument(
        "--min-confidence",
        type=value("probability", _probability),
        default=0.0,
        metavar="P",
        help=f"{text} (default: %(default)s)",
    )


def _probability(text: str) -> float:
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"must be a number in 0 to 1; got {text}")
    return float(text)


def value(name: str, read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Set the name by which argparse's message calls what a function reads."""
    read.__name__ = name
    return read


def options_in(arguments: argparse.Namespace, *others: str) -> dict[str, Any]:
    """Return what was given beside these others, by the names that a function has for it."""
    others = ("command", "run", "typed", *others)
    return {
        name: given
        for name, given in vars(arguments).items()
        if name not in others and given is not None
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
    """Return the text of an error for who typed options rather than arguments of a function."""
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
    return name.translate(_ESCAPES)
