"""`digitcnn weights` and `digitcnn export`: published networks, and any written for others."""

from __future__ import annotations

import argparse
from typing import Any

import digitcnn
from digitcnn.cli._console import add_command, report, write_line
from digitcnn.errors import CorruptFileError, UnavailableError

_ENDINGS = {"h5": ".weights.h5", "onnx": ".onnx", "tflite": ".tflite", "savedmodel": ""}


def add_export(commands: Any) -> None:
    """Describe the arguments of `digitcnn export`."""
    parser = add_command(
        commands,
        _export,
        "export",
        "write a network for other programs",
        'Needs pip install "digitcnn[export]".',
        "digitcnn export base --format tflite --output base.tflite",
        "digitcnn export runs/mine --format onnx",
        typed={"model": "MODEL", "weights": "MODEL", "path": "--output"},
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a published name (base), a training run's folder, or a .weights.h5 file",
    )
    parser.add_argument(
        "--format",
        choices=tuple(_ENDINGS),
        default="onnx",
        help="weights for Keras, ONNX, TensorFlow Lite or a SavedModel folder "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="what to write (default: the architecture's name)"
    )
    parser.add_argument(
        "--architecture", metavar="NAME", help="what a .weights.h5 file is for (default: base)"
    )


def _export(arguments: argparse.Namespace) -> int:
    """Write the network and name the file."""
    from digitcnn.cli._process import import_quietly
    from digitcnn.exporting import export

    import_quietly()
    model = digitcnn.load_pretrained(arguments.model, architecture=arguments.architecture)
    output = arguments.output or f"{model.name}{_ENDINGS[arguments.format]}"
    write_line(str(export(model, output, format=arguments.format)))
    return 0


def add_weights(commands: Any) -> None:
    """Describe the arguments of `digitcnn weights`."""
    parser = add_command(
        commands,
        _weights,
        "weights",
        "list, find, fetch and check published weights",
        "",
        "digitcnn weights list",
        "digitcnn weights fetch base",
        typed={"weights": "NAME"},
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list what has been published")
    path = actions.add_parser(
        "path", help="print where the file lies on this machine; downloads nothing"
    )
    path.add_argument("name", metavar="NAME")
    path.add_argument(
        "--format", choices=("onnx", "h5"), default="onnx", help="(default: %(default)s)"
    )
    fetch = actions.add_parser(
        "fetch", help="download the files unless they are here, and print where they lie"
    )
    fetch.add_argument("name", metavar="NAME")
    verify = actions.add_parser("verify", help="check the files on this machine")
    verify.add_argument("name", metavar="NAME", nargs="?", help="(default: all)")


def _weights(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    if arguments.action == "list":
        return _list()
    if arguments.action == "verify":
        return _verify(arguments)
    if arguments.action == "path":
        paths = [digitcnn.weights.resolve(arguments.name, format=arguments.format, download=False)]
    else:
        paths = [*digitcnn.weights.fetch_weights(arguments.name).values()]
    for path in paths:
        write_line(str(path))
    return 0


def _list() -> int:
    """Print a line for each set of weights, and whether its files are on this machine."""
    write_line(
        f"{'weights':24} {'architecture':20} {'parameters':>10} {'MNIST test':>10}  "
        f"{'published':10}  here"
    )
    for record in digitcnn.weights.list_weights():
        accuracy = record.metrics.get("mnist_test_accuracy")
        write_line(
            f"{record.id:24} {record.architecture:20} {record.num_parameters:10,} "
            f"{'-' if accuracy is None else f'{accuracy:.2%}':>10}  {record.date}  "
            f"{_presence(record)}"
        )
    return 0


def _presence(record: Any) -> str:
    """Return whether both files are on this machine."""
    try:
        digitcnn.weights.verify(record)
    except CorruptFileError:
        return "damaged"
    except UnavailableError:
        return "no"
    return "yes"


def _verify(arguments: argparse.Namespace) -> int:
    """Check one set of weights, which must be here, or all that are."""
    status, name = 0, arguments.name
    for record in (
        digitcnn.weights.list_weights() if name is None else [digitcnn.weights.get_weights(name)]
    ):
        try:
            digitcnn.weights.verify(record)
        except CorruptFileError as error:
            report(error, arguments)
            status = 1
        except UnavailableError:
            if name is not None:
                raise
            write_line(f"{record.id}: not on this machine")
        else:
            write_line(f"{record.id}: ok")
    return status
