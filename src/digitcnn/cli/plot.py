"""`digitcnn plot`: a chart or a grid of pictures in a file."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import digitcnn
from digitcnn.cli._console import WEIGHTS_HELP, add_command, watched, write_line
from digitcnn.cli.evaluate import load_dataset
from digitcnn.cli.pictures import open_model, write_picture
from digitcnn.errors import CorruptFileError, DigitcnnError, InvalidArgumentError

_DOTS_PER_INCH = 150
_NUM_VARIANTS = 19  # with the original, two rows


def add_plot(commands: Any) -> None:
    """Describe the arguments."""
    typed = dict.fromkeys(("labels", "folder", "path"), "--dataset")
    typed |= dict.fromkeys(("image", "images", "run_dir"), "SUBJECT")
    parser = add_command(
        commands,
        _run,
        "plot",
        "draw a chart or a grid of pictures into a file",
        'Needs pip install "digitcnn[plots]". KIND is samples, predictions, misclassified, '
        "confusion or reliability, of a dataset; curves, of a training run's folder; steps, "
        "augmentation or features, of a picture; or filters, of a network. Features and filters "
        "need TensorFlow.",
        "digitcnn plot confusion --dataset mnist-test --output confusion.png",
        "digitcnn plot curves runs/base",
        "digitcnn plot steps seven.jpg",
        typed=typed | {"model": "--weights"},
    )
    parser.add_argument("kind", type=_kind, metavar="KIND", help="what to draw: see above")
    parser.add_argument(
        "subject", nargs="?", metavar="SUBJECT", help="the picture or the folder that it is of"
    )
    parser.add_argument("--weights", default="base", help=WEIGHTS_HELP)
    parser.add_argument(
        "--dataset",
        default="mnist-test",
        help="as for evaluate (default: %(default)s)",
    )
    parser.add_argument(
        "--count", type=int, default=40, metavar="N", help="pictures at most (default: %(default)s)"
    )
    parser.add_argument("--output", metavar="FILE", help="a picture file (default: KIND.png)")


def _kind(text: str) -> str:
    """Read the name of a plot."""
    from digitcnn._checks import nearest

    if text not in _KINDS:
        raise argparse.ArgumentTypeError(
            f"must be one of {', '.join(_KINDS)}; got {text!r}. {nearest(text, _KINDS)}"
        )
    return text


def _run(arguments: argparse.Namespace) -> int:
    """Draw, write and name the file."""
    import numpy as np

    draw = _KINDS[arguments.kind]
    is_of_dataset = draw in _OF_DATASETS
    if arguments.subject is not None and is_of_dataset:
        raise InvalidArgumentError(
            argument="SUBJECT",
            rule=f"be left out where the plot is of a dataset, as {arguments.kind} is",
            got=repr(arguments.subject),
            remedy="Name the data by --dataset, and a network or a run's folder by --weights.",
        )
    axes = draw(arguments, *(_dataset(arguments) if is_of_dataset else ()))
    output = arguments.output or arguments.kind
    if not Path(output).suffix:
        output += ".png"
    save = functools.partial(np.ravel(axes)[0].figure.savefig, dpi=_DOTS_PER_INCH)
    write_picture(save, output, "--output", "matplotlib", ".png, .svg or .pdf")
    write_line(output)
    return 0


def _samples(arguments: argparse.Namespace, images: Any, labels: Any) -> Any:
    return digitcnn.plots.sample_grid(images, labels, count=arguments.count)


def _predictions(arguments: argparse.Namespace, images: Any, labels: Any) -> Any:
    images, labels = images[: arguments.count], labels[: arguments.count]
    probabilities = _probabilities(arguments, images)
    return digitcnn.plots.prediction_grid(images, probabilities, labels, count=arguments.count)


def _misclassified(arguments: argparse.Namespace, images: Any, labels: Any) -> Any:
    probabilities = _probabilities(arguments, images)
    return digitcnn.plots.misclassified(images, probabilities, labels, count=arguments.count)


def _confusion(arguments: argparse.Namespace, images: Any, labels: Any) -> Any:
    evaluation = digitcnn.Evaluation(labels, _probabilities(arguments, images))
    return digitcnn.plots.confusion_matrix(evaluation.confusion)


def _reliability(arguments: argparse.Namespace, images: Any, labels: Any) -> Any:
    return digitcnn.plots.reliability_diagram(_probabilities(arguments, images), labels)


def _curves(arguments: argparse.Namespace) -> Any:
    from digitcnn.training._folders import read_history

    folder = Path(_subject(arguments, "the folder of a training"))
    try:
        record = digitcnn.training.read_run(folder)
    except CorruptFileError:
        # Of a training that was stopped, or is under way.
        epochs, title = read_history(folder), f"{folder.name}, so far"
        if not epochs:
            raise
    else:
        epochs, title = record.history, str(record.recipe["name"])
    history = {name: [epoch[name] for epoch in epochs] for name in epochs[0]}
    return digitcnn.plots.training_curves(history, title=title)


def _augmentation(arguments: argparse.Namespace) -> Any:
    batch = digitcnn.preprocess(_subject(arguments, "a picture"))
    variants = digitcnn.augment(batch.repeat(_NUM_VARIANTS, axis=0), seed=0)
    columns = (_NUM_VARIANTS + 1) // 2
    return digitcnn.plots.augmentation_preview(batch[0], variants, columns=columns)


def _steps(arguments: argparse.Namespace) -> Any:
    return digitcnn.plots.steps(digitcnn.explain(_subject(arguments, "a picture")))


def _filters(arguments: argparse.Namespace) -> Any:
    return digitcnn.plots.filters(_network(arguments))


def _features(arguments: argparse.Namespace) -> Any:
    import numpy as np

    from digitcnn.plots import first_convolution

    batch = digitcnn.preprocess(_subject(arguments, "a picture"))
    maps = first_convolution(_network(arguments))(batch)
    return digitcnn.plots.feature_maps(np.asarray(maps))


_OF_DATASETS = (_samples, _predictions, _misclassified, _confusion, _reliability)
_OF_SUBJECTS = (_curves, _augmentation, _steps, _filters, _features)
_KINDS: dict[str, Callable[..., Any]] = {
    draw.__name__.lstrip("_"): draw for draw in (*_OF_DATASETS, *_OF_SUBJECTS)
}


def _network(arguments: argparse.Namespace) -> Any:
    """Load what `--weights` names with Keras, which alone shows its layers."""
    from digitcnn.cli._process import import_quietly

    import_quietly()
    return digitcnn.load_pretrained(arguments.weights)


def _subject(arguments: argparse.Namespace, what: str) -> str:
    """Return the picture or the folder that a kind of plot is of."""
    if arguments.subject is None:
        raise InvalidArgumentError(
            argument=f"{arguments.kind}",
            rule=f"be followed by {what}",
            got="nothing",
            remedy="Name it after the kind.",
        )
    return str(arguments.subject)


def _dataset(arguments: argparse.Namespace) -> tuple[Any, Any]:
    """Return labelled images of one size: MNIST's, or a folder's after preprocessing."""
    import numpy as np

    images, labels = load_dataset(arguments.dataset)
    if isinstance(images, list):
        images = np.concatenate([_prepared(path) for path in watched(images)])
    return images, labels


def _prepared(path: Path) -> Any:
    """Preprocess a picture of a folder; an error names the file."""
    try:
        return digitcnn.preprocess(path)
    except DigitcnnError as error:
        error.add_note(str(path))
        error.argument = "--dataset"
        raise


def _probabilities(arguments: argparse.Namespace, images: Any) -> Any:
    return digitcnn.predict_proba(images, model=open_model(arguments.weights))
