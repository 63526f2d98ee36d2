"""`digitcnn weights`: what has been published, and what of it lies on this machine."""

from __future__ import annotations

import argparse

from digitcnn import weights
from digitcnn.cli._output import report, write_line
from digitcnn.errors import CorruptFileError, UnavailableError


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    if arguments.action == "list":
        return _list()
    if arguments.action == "verify":
        return _verify(arguments.name)
    if arguments.action == "path":
        write_line(str(weights.resolve(arguments.name, format=arguments.format, download=False)))
    else:
        for path in weights.fetch_weights(arguments.name).values():
            write_line(str(path))
    return 0


def _list() -> int:
    """Print a line for each set of weights, and whether its files are on this machine."""
    write_line(
        f"{'weights':24} {'architecture':20} {'parameters':>10} {'MNIST test':>10}  "
        f"{'published':10}  here"
    )
    for record in weights.list_weights():
        accuracy = record.metrics.get("mnist_test_accuracy")
        write_line(
            f"{record.id:24} {record.architecture:20} {record.num_parameters:10,} "
            f"{'-' if accuracy is None else f'{accuracy:.2%}':>10}  {record.date}  "
            f"{_presence(record)}"
        )
    return 0


def _presence(record: weights.Weights) -> str:
    """Return whether both files are on this machine."""
    try:
        weights.verify(record)
    except CorruptFileError:
        return "damaged"
    except UnavailableError:
        return "no"
    return "yes"


def _verify(name: str | None) -> int:
    """Check one set of weights, which must be here, or all that are."""
    status = 0
    for record in weights.list_weights() if name is None else [weights.get_weights(name)]:
        try:
            weights.verify(record)
        except CorruptFileError as error:
            report(error, "weights")
            status = 1
        except UnavailableError:
            if name is not None:
                raise
            write_line(f"{record.id}: not on this machine")
        else:
            write_line(f"{record.id}: ok")
    return status
