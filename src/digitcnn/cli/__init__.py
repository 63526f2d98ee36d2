"""The command `digitcnn`: arguments in, the public functions called, an exit status out.

0 is success; 1 a failure, told in one line on standard error; 2 a wrong command line; 130 an
interrupt and 141 a closed pipe, as shells have it. Each command's module, and what it needs, is
imported when that command is given.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from digitcnn.cli._output import drop_output, report, some_output
from digitcnn.cli._parser import parse
from digitcnn.errors import DigitcnnError

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
        return _run(parse(sys.argv[1:] if argv is None else argv))


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


def _run(arguments: argparse.Namespace) -> int:
    """Run a command; give its status, or that of what went wrong."""
    try:
        command = importlib.import_module(f"{__name__}.{arguments.command}")
        return int(command.run(arguments))
    except BrokenPipeError:
        drop_output()
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (DigitcnnError, OSError) as error:
        report(error, arguments.command)
        return _FAILED
