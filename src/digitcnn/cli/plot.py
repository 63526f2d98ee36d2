"""`digitcnn plot`: a chart or a grid of pictures in a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn import plots
from digitcnn.cli._datasets import MNIST, load_mnist_part, load_own
from digitcnn.cli._output import watched, write_line
from digitcnn.cli._tensorflow import import_quietly
from digitcnn.cli.predict import open_model
from digitcnn.errors import DigitcnnError, InvalidArgumentError
from digitcnn.evaluation import Evaluation
from digitcnn.inference import predict_proba
from digitcnn.preprocessing import explain, preprocess

_DOTS_PER_INCH = 150
_OF_DATASETS = ("samples", "predictions", "misclassified", "confusion", "reliability")
_NUM_VARIANTS = 19  # with the original, two rows


def run(arguments: argparse.Namespace) -> int:
    """Draw, write and name the file."""
    if arguments.subject is not None and arguments.kind in _OF_DATASETS:
        raise InvalidArgumentError(
            argument="SUBJECT",
            rule=f"be left out where the plot is of a dataset, as {arguments.kind} is",
            got=repr(arguments.subject),
            remedy="Name the data by --dataset, and a network or a run's folder by --weights.",
        )
    axes = _KINDS[arguments.kind](arguments)
    output = arguments.output or arguments.kind
    if not Path(output).suffix:
        output += ".png"
    try:
        np.ravel(axes)[0].figure.savefig(output, dpi=_DOTS_PER_INCH)
    # RuntimeError where a form needs a program, as .pgf does LaTeX.
    except (ValueError, RuntimeError) as error:
        raise InvalidArgumentError(
            argument="--output",
            rule="end in a form that matplotlib writes",
            got=repr(output),
            reason=f"which fails with: {str(error).rstrip('.')}",
            remedy="Name one such as .png, .svg or .pdf.",
        ) from error
    except OSError as error:
        raise InvalidArgumentError(
            argument="--output",
            rule="be a file that can be written",
            got=repr(output),
            reason=f"which fails with: {error.strerror or error}",
            remedy="Make its folder first, or name another.",
        ) from error
    write_line(output)
    return 0


def _samples(arguments: argparse.Namespace) -> Any:
    images, labels = _dataset(arguments)
    return plots.sample_grid(images, labels, count=arguments.count)


def _predictions(arguments: argparse.Namespace) -> Any:
    images, labels = _dataset(arguments)
    images, labels = images[: arguments.count], labels[: arguments.count]
    probabilities = _probabilities(arguments, images)
    return plots.prediction_grid(images, probabilities, labels, count=arguments.count)


def _misclassified(arguments: argparse.Namespace) -> Any:
    images, labels = _dataset(arguments)
    return plots.misclassified(
        images, _probabilities(arguments, images), labels, count=arguments.count
    )


def _confusion(arguments: argparse.Namespace) -> Any:
    images, labels = _dataset(arguments)
    evaluation = Evaluation(labels, _probabilities(arguments, images))
    return plots.confusion_matrix(evaluation.confusion)


def _reliability(arguments: argparse.Namespace) -> Any:
    images, labels = _dataset(arguments)
    return plots.reliability_diagram(_probabilities(arguments, images), labels)


def _curves(arguments: argparse.Namespace) -> Any:
    from digitcnn.training import read_run

    record = read_run(_subject(arguments, "the folder of a finished training"))
    history = {name: [epoch[name] for epoch in record.history] for name in record.history[0]}
    return plots.training_curves(history, title=str(record.recipe["name"]))


def _augmentation(arguments: argparse.Namespace) -> Any:
    from digitcnn.augmentation import augment

    batch = preprocess(_subject(arguments, "a picture"))
    variants = augment(np.repeat(batch, _NUM_VARIANTS, axis=0), seed=0)
    return plots.augmentation_preview(batch[0], variants, columns=(_NUM_VARIANTS + 1) // 2)


def _steps(arguments: argparse.Namespace) -> Any:
    return plots.steps(explain(_subject(arguments, "a picture")))


def _filters(arguments: argparse.Namespace) -> Any:
    return plots.filters(_first_convolution(_network(arguments)).kernel)


def _features(arguments: argparse.Namespace) -> Any:
    batch = preprocess(_subject(arguments, "a picture"))
    return plots.feature_maps(np.asarray(_first_convolution(_network(arguments))(batch)))


def _network(arguments: argparse.Namespace) -> Any:
    """Load what `--weights` names with Keras, which alone shows its layers."""
    import_quietly()
    from digitcnn.models import load_pretrained

    return load_pretrained(arguments.weights)


def _first_convolution(network: Any) -> Any:
    """Find it in a network, or in the first member of an ensemble."""
    first = next(layer for layer in network.layers if hasattr(layer, "kernel") or _members(layer))
    return _first_convolution(first) if _members(first) else first


def _members(layer: Any) -> list[Any]:
    return getattr(layer, "layers", [])


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


def _dataset(arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Return labelled images of one size: MNIST's, or a folder's after preprocessing."""
    if arguments.dataset in MNIST:
        return load_mnist_part(arguments.dataset)
    paths, labels = load_own(arguments.dataset)
    if not isinstance(paths, list):
        return paths, labels
    return np.concatenate([_prepared(path) for path in watched(paths)]), labels


def _prepared(path: Path) -> np.ndarray:
    """Preprocess a picture of a folder; an error names the file."""
    try:
        return preprocess(path)
    except DigitcnnError as error:
        error.add_note(str(path))
        error.argument = "--dataset"
        raise


def _probabilities(arguments: argparse.Namespace, images: np.ndarray) -> np.ndarray:
    return predict_proba(images, model=open_model(arguments.weights))


_KINDS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "samples": _samples,
    "predictions": _predictions,
    "misclassified": _misclassified,
    "confusion": _confusion,
    "reliability": _reliability,
    "curves": _curves,
    "augmentation": _augmentation,
    "steps": _steps,
    "filters": _filters,
    "features": _features,
}
