"""The command line as argparse sees it: commands, options, and a help with examples for each."""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from digitcnn import __version__
from digitcnn._checks import nearest
from digitcnn.cli._output import printable

_PLOTS = (
    "samples",
    "predictions",
    "misclassified",
    "confusion",
    "reliability",
    "curves",
    "augmentation",
    "steps",
    "filters",
    "features",
)
# Here, because `--help` must not wait for the room they live in.
_RECIPES = {
    "base": "the library's own, 99.7 % on MNIST's test images; hours",
    "large": "as base, with the deeper network vgg, 99.7 %; many hours",
    "tiny": "fewer than 10,000 parameters, 99.6 %; hours",
    "fast": "two epochs of a small network; 20 seconds",
    "conv-pool": "two convolutions, 99.1 %; 2 minutes",
    "three-conv": "three convolutions, 99.1 %; 2 minutes",
    "conv5x5": "wide filters, 99.3 %; 3 minutes",
    "conv-pool-dropout": "blocks with dropout and augmentation, 99.4 %; 4 minutes",
    "two-conv-dropout": "two convolutions by Adadelta, 99.1 %; 13 minutes",
    "vgg": "deeper, in blocks; hours",
    "resnet": "deeper, with shortcuts; hours",
    "reader": "finds every digit of a page, learns from drawn ones; hours",
}
_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}
_MOST_DIGITS = 99  # that `read` takes for a length
_WEIGHTS_HELP = (
    "a published name (base), an .onnx or .weights.h5 file, or a training run's folder; the last "
    "two need TensorFlow (default: %(default)s)"
)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read a command line; one that is wrong ends the program with its usage."""
    parser = build_parser()
    options = itertools.takewhile(lambda word: word != "--", words)
    for name, is_given, value in (word.partition("=") for word in options):
        # argparse would take the value for the end of all options, and the option for a list.
        if name.startswith("--") and is_given and value == "--":
            parser.error(f"argument {name}: expected one argument")
    return parser.parse_args(words)


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = _Parser(
        prog="digitcnn", description="Reads handwritten digits in pictures of any kind."
    )
    parser.add_argument("--version", action="version", version=f"digitcnn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_predict,
        _add_read,
        _add_bulk,
        _add_evaluate,
        _add_train,
        _add_plot,
        _add_export,
        _add_serve,
        _add_weights,
    ):
        add(commands)
    return parser


def _add_predict(commands: Any) -> None:
    parser = _add_command(
        commands,
        "predict",
        "read the digit in each picture",
        "A single FILE gives the digit alone, several or a folder give FILE, a tab and the digit; "
        "-1 where less sure than asked for. Errors about a file go to standard error; the others "
        "are still read, and the exit status is 1. Folders within a folder are left out.",
        "digitcnn predict seven.jpg",
        "digitcnn predict scans/ --json --min-confidence 0.9",
    )
    _add_files(parser)
    parser.add_argument("--weights", default="base", help=_WEIGHTS_HELP)
    parser.add_argument(
        "--min-confidence",
        type=_probability,
        default=0.0,
        metavar="P",
        help="answer -1 below this probability, 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--proba", action="store_true", help="add the ten probabilities, separated by tabs"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: file, digit, confidence, unsure and, with --proba, "
        "probabilities; file and error for a bad file",
    )
    _add_strict(parser)


def _add_read(commands: Any) -> None:
    parser = _add_command(
        commands,
        "read",
        "read all digits in each picture: numbers, lines, forms",
        "A single FILE gives its text, a line for each line of writing; several or a folder give "
        "FILE, a tab and the lines, separated by spaces. Signs that stand between digits, as the "
        "comma in 12,50, are part of it; --json has the digits alone, too. Without digits the text "
        "is empty. Errors about a file go to standard error; the others are still read, and the "
        "exit status is 1. Folders within a folder are left out.",
        "digitcnn read cheque.jpg",
        "digitcnn read scans/ --length 5 --json --draw drawn/",
    )
    _add_files(parser)
    parser.add_argument(
        "--weights",
        default="reader",
        help="a published name or an .onnx file of a network that finds digits "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--min-confidence",
        type=_probability,
        default=0.0,
        metavar="P",
        help="leave out digits below this probability, 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--length",
        type=_length,
        metavar="N",
        help="how many digits each line has, where that is known: 5, or 4-6 for four to six",
    )
    parser.add_argument(
        "--draw",
        metavar="OUT",
        help="draw the picture with what was read in it: a picture file or, for several FILEs, a "
        "folder",
    )
    parser.add_argument(
        "--cells",
        type=_cells,
        metavar="RxC",
        help="sort the digits into a grid of R rows and C columns over the picture, such as 2x5: "
        "a line for each row, cells separated by tabs or, behind a FILE, by commas",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: file, text, full_text, confidence, size, unsure, cells, and "
        "lines with the box, confidence and probabilities of each digit; file and error for a bad "
        "file",
    )
    _add_strict(parser)


def _add_bulk(commands: Any) -> None:
    parser = _add_command(
        commands,
        "bulk",
        "read pictures by the million into Parquet files, here or on a cluster",
        'Needs pip install "digitcnn[bulk]". SOURCE is a folder with all folders in it, a glob, a '
        "Parquet file or folder of encoded pictures, a CSV file of 784 pixels a row, or an address "
        "such as s3://bucket/scans. A picture that cannot be read is a row with its error. A job "
        "that was stopped goes on when the same command is given again.",
        "digitcnn bulk scans/ --out answers/",
        "digitcnn bulk train.csv --out checked/ --task predict --labels label",
        "digitcnn bulk s3://forms/2025 --out /shared/answers --scheduler tcp://10.0.0.1:8786",
    )
    parser.add_argument("source", metavar="SOURCE", help="the pictures: see above")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the answers go")
    parser.add_argument(
        "--task",
        choices=("read", "predict"),
        default="read",
        help="all digits of each picture, or the one (default: %(default)s)",
    )
    parser.add_argument("--weights", help="a published name or an .onnx file (default: the task's)")
    parser.add_argument(
        "--min-confidence",
        type=_probability,
        default=0.0,
        metavar="P",
        help="as for read and predict (default: %(default)s)",
    )
    parser.add_argument(
        "--column", metavar="NAME", help="the column of pictures, where Parquet has several"
    )
    parser.add_argument(
        "--labels", metavar="NAME", help="the column of right answers: adds accuracy and confusion"
    )
    parser.add_argument(
        "--shard-size",
        type=int,
        metavar="N",
        help="pictures to a file of answers (default: 200 of read, 1000 of predict)",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes here (default: one for each CPU)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster (default: DASK_SCHEDULER_ADDRESS, else this machine)",
    )
    parser.add_argument("--quiet", action="store_true", help="print neither progress nor summary")


def _add_evaluate(commands: Any) -> None:
    parser = _add_command(
        commands,
        "evaluate",
        "measure a network on labelled pictures",
        "Prints accuracy, loss, calibration, and precision and recall of each digit. Pictures that "
        "cannot be read are left out, and the exit status is 1.",
        "digitcnn evaluate --weights base --dataset mnist-test",
        "digitcnn evaluate --dataset my-digits    # with my-digits/7/seven.jpg and so on",
    )
    parser.add_argument("--weights", default="base", help=_WEIGHTS_HELP)
    parser.add_argument(
        "--dataset",
        default="mnist-test",
        help="mnist-test, mnist-validation (5,000 of the training part, from which base and tiny "
        "have learnt), or a folder that holds folders 0 to 9 (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def _add_train(commands: Any) -> None:
    parser = _add_command(
        commands,
        "train",
        "train a network, on MNIST unless told otherwise",
        "Needs TensorFlow. A run that was stopped goes on when the same command is given again.",
        "digitcnn train --recipe conv5x5 --run-dir runs/conv5x5",
        "digitcnn train --images my-digits --recipe conv-pool --epochs 20",
    )
    recipes = "\n".join(f"  {name:18} {line}" for name, line in _RECIPES.items())
    parser.epilog = f"{parser.epilog}\n\nrecipes, with the time for MNIST on two CPUs:\n{recipes}"
    parser.add_argument(
        "--recipe", default="base", metavar="NAME", help="one of those below (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's")
    parser.add_argument("--batch-size", type=int, metavar="N", help="instead of the recipe's")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed trains the same network (default: 0)"
    )
    parser.add_argument(
        "--run-dir", metavar="DIR", help="where the results go (default: runs/RECIPE)"
    )
    parser.add_argument(
        "--images", metavar="FOLDER", help="pictures in folders 0 to 9, instead of MNIST"
    )
    parser.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="instead of the recipe's"
    )
    parser.add_argument(
        "--initial-weights",
        metavar="WEIGHTS",
        help="fine-tune these: a published name or a training run's folder",
    )
    parser.add_argument(
        "--patience", type=int, metavar="N", help="stop after N epochs without a better validation"
    )
    parser.add_argument(
        "--monitor",
        choices=("val_loss", "val_accuracy"),
        help="what patience goes by (default: val_loss)",
    )
    parser.add_argument(
        "--class-weight",
        choices=("balanced",),
        help="have digits count alike, however many images there are of each",
    )
    said = parser.add_mutually_exclusive_group()
    said.add_argument(
        "--quiet", dest="verbose", action="store_const", const=0, help="show no progress"
    )
    said.add_argument(
        "--verbose",
        action="store_const",
        const=1,
        help="show a bar where there is no terminal, too, instead of a line for each epoch",
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--validation-size",
        type=int,
        metavar="N",
        help="images kept apart to choose the epoch by (default: a twelfth of all)",
    )
    kept.add_argument(
        "--validation-fraction", type=float, metavar="PART", help="the same as a part of all"
    )


def _add_plot(commands: Any) -> None:
    parser = _add_command(
        commands,
        "plot",
        "draw a chart or a grid of pictures into a file",
        'Needs pip install "digitcnn[plots]". KIND is samples, predictions, misclassified, '
        "confusion or reliability, of a dataset; curves, of a training run's folder; steps, "
        "augmentation or features, of a picture; or filters, of a network. Features and filters "
        "need TensorFlow.",
        "digitcnn plot confusion --dataset mnist-test --output confusion.png",
        "digitcnn plot curves runs/base",
        "digitcnn plot steps seven.jpg",
    )
    parser.add_argument("kind", type=_plot_kind, metavar="KIND", help="what to draw: see above")
    parser.add_argument(
        "subject", nargs="?", metavar="SUBJECT", help="the picture or the folder that it is of"
    )
    parser.add_argument("--weights", default="base", help=_WEIGHTS_HELP)
    parser.add_argument(
        "--dataset",
        default="mnist-test",
        help="as for evaluate (default: %(default)s)",
    )
    parser.add_argument(
        "--count", type=int, default=40, metavar="N", help="pictures at most (default: %(default)s)"
    )
    parser.add_argument("--output", metavar="FILE", help="a picture file (default: KIND.png)")


def _add_export(commands: Any) -> None:
    parser = _add_command(
        commands,
        "export",
        "write a network for other programs",
        'Needs pip install "digitcnn[export]".',
        "digitcnn export base --format tflite --output base.tflite",
        "digitcnn export runs/mine --format onnx",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a published name (base), a training run's folder, or a .weights.h5 file",
    )
    parser.add_argument(
        "--format",
        choices=("h5", "onnx", "tflite", "savedmodel"),
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


def _add_serve(commands: Any) -> None:
    parser = _add_command(
        commands,
        "serve",
        "open a page to draw on, and a service for other programs",
        'Needs pip install "digitcnn[serve]". Listens on this machine alone unless told otherwise; '
        "with another --host, set DIGITCNN_TOKEN to what clients must send as a bearer token.",
        "digitcnn serve --open",
        "digitcnn serve --port 8080 --samples my-digits",
    )
    parser.add_argument("--host", default="127.0.0.1", help="(default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8000, metavar="N", help="0 is any free one (default: 8000)"
    )
    parser.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="processes (default: 1)"
    )
    parser.add_argument(
        "--weights",
        default="base",
        help="what names single digits: a published name or an .onnx file (default: %(default)s)",
    )
    parser.add_argument(
        "--max-bytes",
        type=_bytes,
        default=20_000_000,
        metavar="SIZE",
        help="the largest request, as 20MB (default: 20MB)",
    )
    parser.add_argument(
        "--samples",
        metavar="DIR",
        help="keep what is corrected on the page in this folder, by its digit, to train with",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that the service is called by, behind a proxy; may be given several times",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a page of another host that may call the service, as https://example.org",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def _add_weights(commands: Any) -> None:
    parser = _add_command(
        commands,
        "weights",
        "list, find, fetch and check published weights",
        None,
        "digitcnn weights list",
        "digitcnn weights fetch base",
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


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a picture, a folder of pictures, or - for standard input",
    )


def _add_strict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit status 1 also where an answer is unsure, more likely wrong than right, which "
        "standard error says in any case",
    )


def _add_command(
    commands: Any,
    name: str,
    summary: str,
    details: str | None,
    *examples: str,
) -> argparse.ArgumentParser:
    """Add a command whose help ends with examples."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {details or ''}",
        epilog="\n  ".join(["examples:" if len(examples) > 1 else "example:", *examples]),
        formatter_class=_ExampleFormatter,
    )
    return parser


class _Parser(argparse.ArgumentParser):
    """Says in one line, without moving the cursor, what is wrong with a command line."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


class _ExampleFormatter(argparse.HelpFormatter):
    """Wraps texts, but for the examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("example") else super()._fill_text(text, width, indent)


def _plot_kind(text: str) -> str:
    """Read the name of a plot."""
    if text not in _PLOTS:
        raise argparse.ArgumentTypeError(
            f"must be one of {', '.join(_PLOTS)}; got {text!r}. {nearest(text, _PLOTS)}"
        )
    return text


def _probability(text: str) -> float:
    """Read a number in [0, 1]; argparse names this function in its message."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number in 0 to 1; got {text}")
    return value


_probability.__name__ = "probability"  # in argparse's message about what is no number


def _length(text: str) -> int | tuple[int, int]:
    """Read a number of digits, or the least and the most of them."""
    least, is_range, most = text.partition("-")
    ends = int(least), int(most if is_range else least)
    if not 1 <= ends[0] <= ends[1] <= _MOST_DIGITS:
        raise ValueError(text)
    return ends if is_range else ends[0]


def _cells(text: str) -> tuple[int, int]:
    """Read a number of rows and one of columns."""
    rows, _, columns = text.lower().partition("x")
    cells = int(rows), int(columns)
    if not all(1 <= number <= _MOST_DIGITS for number in cells):
        raise ValueError(text)
    return cells


_cells.__name__ = "grid"  # such as 2x5
_length.__name__ = "number of digits"


def _port(text: str) -> int:
    """Read the number of a port."""
    if not 0 <= (port := int(text)) < 2**16:
        raise ValueError(text)
    return port


def _count(text: str) -> int:
    """Read a whole number of at least 1."""
    if (count := int(text)) < 1:
        raise ValueError(text)
    return count


def _bytes(text: str) -> int:
    """Read a number of bytes, as 20MB or 500000."""
    found = re.fullmatch(r"(\d+) ?([kMG]?)B?", text)
    if found is None or not (size := int(found[1]) * _UNITS[found[2]]):
        raise ValueError(text)
    return size


_port.__name__, _count.__name__, _bytes.__name__ = "port", "whole number", "number of bytes"
