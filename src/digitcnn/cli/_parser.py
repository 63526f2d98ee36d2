"""What the commands build their arguments from: parsers whose help has examples, and values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from digitcnn.cli._output import printable

WEIGHTS_HELP = (
    "a published name (base), an .onnx or .weights.h5 file, or a training run's folder; the last "
    "two need TensorFlow (default: %(default)s)"
)


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
    commands: Any, name: str, summary: str, details: str = "", *examples: str
) -> argparse.ArgumentParser:
    """Add a command whose help ends with examples."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {details}",
        epilog="\n  ".join(["examples:" if len(examples) > 1 else "example:", *examples]),
        formatter_class=_ExampleFormatter,
    )
    return parser


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the pictures that a command answers one after another."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a picture, a folder of pictures, or - for standard input",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit status 1 also where an answer is unsure, more likely wrong than right, which "
        "standard error says in any case",
    )


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
