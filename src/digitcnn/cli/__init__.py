"""The command `digitcnn`: arguments in, the public functions called, an exit status out.

0 is success; 1 a failure, told in one line on standard error; 2 a wrong command line; 130 an
interrupt and 141 a closed pipe, as shells have it. For each command a module has its arguments
(`add_...`) and what it does, which imports what it needs only then.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import NoReturn

from digitcnn import __version__
from digitcnn.cli._console import Parser, drop_output, report, some_output
from digitcnn.errors import DigitcnnError

COMMANDS = {  # and the module of each
    "predict": "pictures",
    "read": "pictures",
    "bulk": "bulk",
    "evaluate": "evaluate",
    "train": "train",
    "plot": "plot",
    "export": "weights",
    "serve": "serve",
    "weights": "weights",
}
_FAILED = 1
_INTERRUPTED = 130
_PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the command's name; by default those of this process.

    Returns
    -------
    status : int
        The exit status.
    """
    with some_output(), warnings.catch_warnings():
        # What can be read past is read, and what cannot is an error.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        arguments = _parse(sys.argv[1:] if argv is None else argv)
        try:
            return int(arguments.run(arguments))
        except BrokenPipeError:
            drop_output()
            return _PIPE_CLOSED
        except KeyboardInterrupt:
            return _INTERRUPTED
        except (DigitcnnError, OSError) as error:
            report(error, arguments)
            return _FAILED


def console() -> NoReturn:
    """Run the command line as the process that it was given to, and end that with its status.

    After an interrupt the process ends at once: what was worth keeping is in files, and TensorFlow
    takes many seconds to give back what a training in progress holds (TensorFlow 2.21).
    """
    status = main()
    if status == _INTERRUPTED:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with contextlib.suppress(OSError, ValueError):  # a closed pipe or file
                stream.flush()
        os._exit(status)
    sys.exit(status)


def build_parser(names: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Describe the command line, with these commands."""
    parser = Parser(
        prog="digitcnn", description="Reads handwritten digits in pictures of any kind."
    )
    parser.add_argument("--version", action="version", version=f"digitcnn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names:
        module = importlib.import_module(f"{__name__}.{COMMANDS[name]}")
        getattr(module, f"add_{name}")(commands)
    return parser


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """Read a command line; one that is wrong ends the program with its usage."""
    is_known = bool(words) and words[0] in COMMANDS
    parser = build_parser(words[:1] if is_known else COMMANDS)
    for word in itertools.takewhile(lambda word: word != "--", words):
        # argparse would take the value for the end of all options, and the option for a list.
        if word.startswith("--") and word.endswith("=--") and word.count("=") == 1:
            parser.error(f"argument {word[:-3]}: expected one argument")
    return parser.parse_args(words)
