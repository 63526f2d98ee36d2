"""Training: `train()` turns images, or MNIST, into a network by a recipe, and can be resumed."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import math
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn._checks import as_labels, real_number, seed_number, shown, whole_number
from digitcnn._runs import RunRecord, read_run
from digitcnn.augmentation import Augmentation
from digitcnn.datasets import load_mnist, train_validation_split
from digitcnn.errors import InvalidArgumentError
from digitcnn.exporting import export
from digitcnn.models import find_weights, import_keras
from digitcnn.training._samples import Samples
from digitcnn.training.recipes import RECIPES, Pages, Recipe, get_recipe

logger = logging.getLogger("digitcnn")

# Nearer than this to what naming the commonest digit alone reads, a network has learnt nothing.
_NEAR_CHANCE = 0.1

__all__ = [
    "RECIPES",
    "Pages",
    "Recipe",
    "RunRecord",
    "TrainingRun",
    "get_recipe",
    "read_run",
    "train",
]


@dataclass(frozen=True, repr=False)
class TrainingRun:
    """What came of a training.

    Attributes
    ----------
    model : keras.Model
        The trained network: of the epoch with the best validation accuracy or, where nothing was
        kept apart for validation or it finds digits, of the last epoch.
    history : dict of str to list of float
        Each metric, epoch by epoch: "accuracy", "loss", "val_accuracy", "val_loss".
    metrics : dict of str to float
        Of the model: "validation_accuracy" and "best_epoch" or, where nothing was kept apart for
        validation, "training_accuracy", of the last epoch.
        Where it finds digits: "validation_precision", "validation_recall" and
        "validation_digit_accuracy", of the last epoch.
    recipe : Recipe
        As it was carried out, with the changes that the call asked for.
    run_dir : pathlib.Path
        The folder with all of it.
    """

    model: Any
    history: dict[str, list[float]]
    metrics: dict[str, float]
    recipe: Recipe
    run_dir: Path

    def __repr__(self) -> str:
        """Name the recipe, what came of it, and the folder in one line."""
        metrics = ", ".join(f"{name} {value:.6g}" for name, value in self.metrics.items())
        return f"<TrainingRun of {self.recipe.name!r}: {metrics}; in {str(self.run_dir)!r}>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the network to a file, in the format that the file's name ends in.

        Parameters
        ----------
        path : str or os.PathLike
            Ends in ".weights.h5", ".onnx" or ".keras". The first two are read by `predict`,
            `DigitClassifier` and `load_pretrained`; the last by `keras.models.load_model` alone,
            because such a file can carry code.

        Returns
        -------
        path : pathlib.Path
            The file.

        Raises
        ------
        InvalidArgumentError
            If the name has another ending, or its folder is not there.
        MissingDependencyError
            If the format needs a package that is not installed.
        """
        target = Path(path)
        formats = {".weights.h5": "h5", ".onnx": "onnx", ".keras": ""}
        found = next((name for end, name in formats.items() if target.name.endswith(end)), None)
        if found is None:
            raise InvalidArgumentError(
                argument="path",
                rule=f"end in {', '.join(formats)}",
                got=repr(str(target)),
                remedy=f"Name it {target.stem}.weights.h5 to load it here again; "
                "exporting.export() writes other formats.",
            )
        if found:
            return Path(export(self.model, target, format=found))
        self.model.save(target)
        return target


def train(
    images: Any = None,
    labels: Any = None,
    *,
    recipe: str | Recipe = "base",
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    validation_size: int | None = None,
    validation_fraction: float | None = None,
    augment: bool | Augmentation | None = None,
    patience: int | None = None,
    monitor: str | None = None,
    class_weight: str | Mapping[int, float] | None = None,
    model: Any = None,
    initial_weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    run_dir: str | os.PathLike[str] | None = None,
    callbacks: Sequence[Any] = (),
    verbose: int | str = "auto",
) -> TrainingRun:
    """Train a network, on MNIST unless told otherwise.

    Parameters
    ----------
    images : image or iterable of images, optional
        As :func:`digitcnn.preprocess` takes them. By default MNIST's 60,000 training images.
    labels : array_like of int, shape (N,), optional
        The digit in each image, 0..9; required with `images`.
    recipe : str or Recipe
        The architecture and how to train it; `digitcnn.training.RECIPES` holds the named ones.
    epochs, batch_size, learning_rate : optional
        Instead of the recipe's own. `epochs` leaves out the recipe's ending; `batch_size` holds for
        the ending, too, and `learning_rate` changes the ending's in proportion.
    validation_size : int, optional
        How many images to keep apart, evenly over the digits, to choose the best epoch by. By
        default 5,000 of MNIST, or a twelfth of `images`. With 0, all images are trained on and the
        last epoch counts.
    validation_fraction : float, optional
        The same as a part of all images, at least 0 and less than 1.
    augment : bool or Augmentation, optional
        False for none, True for the default one; by default the recipe's own.
    patience : int, optional
        Stop after so many epochs without a better `monitor`; by default as the recipe says.
    monitor : str, optional
        "val_loss", the default, or "val_accuracy".
    class_weight : mapping of int to float, or str, optional
        How much an image of each digit counts, those left out once; "balanced" has digits count
        alike, however many images there are of each.
    model : keras.Model, optional
        A network of your own, Sequential or functional, to train in place of the recipe's
        architecture, from the weights that it has. It takes batches of shape (N, 28, 28, 1) and
        gives ten probabilities; it is not changed itself, and need not be compiled.
    initial_weights : str or os.PathLike, optional
        Published weights, or a run's folder, to start from instead of chance: fine-tuning. A
        recipe that is named is then changed to keep what those weights know: see Notes.
    seed : int
        Decides initial weights, order and changes: the same seed gives the same weights on the
        same machine. Keras' global seed is set to it, and with it Python's and NumPy's.
    run_dir : str or os.PathLike, optional
        Where checkpoints, history and weights go, by default a new temporary folder. If it holds
        the same training, unfinished, that goes on to the same result; if finished, it is
        returned.
    callbacks : sequence of keras.callbacks.Callback
        Called beside the library's own. A recipe's ending counts its epochs from 0 again.
    verbose : int or str
        0 for silence, 1 for Keras' progress bar, 2 for a line for each epoch; "auto" is the bar
        on a terminal, the line elsewhere.

    Returns
    -------
    run : TrainingRun
        The network and how it came about.

    Raises
    ------
    InvalidArgumentError
        If images and labels do not belong together, an option is out of range, `initial_weights`
        are for another architecture, or `run_dir` holds another training or anything else, or is
        in use.
    DigitcnnError
        As :func:`digitcnn.preprocess` and :func:`digitcnn.load_pretrained` raise it.
    MissingDependencyError
        If Keras is not installed.

    Notes
    -----
    With `initial_weights`, a named recipe is followed at a tenth of its learning rate, in batches
    of at most 32, and without its weight average and its ending. Its own rate is meant for weights
    of chance, and wrecks good ones; its batches would make a single step of a few dozen pictures,
    and its average over thousands of steps would still be the weights that it began with.
    `learning_rate` and `batch_size` of the call count before that.

    A `Recipe` is carried out as it stands.

    "reader", "lines" and "ink" learn from pages drawn anew each epoch, with the training images
    among their digits, and are measured on pages with those kept apart. "lines" sees the ink that
    the published "reader" finds on them.

    Examples
    --------
    >>> from digitcnn import train
    >>> run = train(recipe="conv5x5", epochs=1)  # doctest: +SKIP
    >>> run.metrics["validation_accuracy"]  # doctest: +SKIP
    0.9796
    """
    recipe = _changed(
        _adapted(recipe, own_weights=initial_weights is not None),
        augment,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        monitor=monitor,
    )
    seed = seed_number(seed)
    import_keras("train")
    # Not before Keras is known to be there.
    from digitcnn.training._fitting import Network, Task, carry_out, own_network

    if model is not None and initial_weights is not None:
        raise InvalidArgumentError(
            "`model` and `initial_weights` must not both be given.",
            argument="initial_weights",
            remedy="A model is trained from the weights that it has: load them into it.",
        )
    network = Network(recipe.architecture) if model is None else own_network(model)
    origin = _checked_origin(initial_weights, recipe)
    given, validation = _given_samples(
        images, labels, lambda total: _checked_size(total, validation_size, validation_fraction)
    )
    folder = Path(run_dir) if run_dir is not None else Path(tempfile.mkdtemp(prefix="digitcnn-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            argument="run_dir",
            rule="be a folder that can be made",
            got=repr(str(folder)),
            reason=f"which fails with: {error}",
            remedy="Choose another one.",
        ) from error
    if verbose == "auto":  # Keras' bar for a terminal, and elsewhere a line for each epoch
        verbose = 1 if sys.stdout is not None and sys.stdout.isatty() else 2
    task = Task(
        network=network,
        given=given,
        validation=validation,
        seed=seed,
        class_weights=_class_weights(class_weight, given),
        origin=origin,
        callbacks=callbacks,
        verbose=verbose,
    )
    record = carry_out(task, recipe, folder, initial_weights)
    measured = validation if len(validation) else given
    _tell_if_near_chance(record, measured, is_fine_tuned=initial_weights is not None)
    return TrainingRun(
        model=network.load(folder),
        history={name: [epoch[name] for epoch in record.history] for name in record.history[0]},
        metrics=record.metrics,
        recipe=recipe,
        run_dir=folder,
    )


def _tell_if_near_chance(record: RunRecord, measured: Samples, *, is_fine_tuned: bool) -> None:
    """Log a warning where the network hardly reads more than a guess would."""
    accuracy = record.metrics.get("validation_accuracy", record.metrics.get("training_accuracy", 1))
    chance = float(measured.targets.mean(axis=0).max())
    if accuracy < min(1, chance + _NEAR_CHANCE):
        logger.warning(
            "The network reads %.0f%% of its images, hardly more than guessing would: it has "
            "learnt next to nothing (epochs: %d, images: %d). Train for more epochs, in smaller "
            "batches%s.",
            100 * accuracy,
            len(record.history),
            record.num_images,
            "" if is_fine_tuned else ", with more images, or from published weights",
        )


def _adapted(recipe: str | Recipe, *, own_weights: bool) -> Recipe:
    """Change a recipe, if it is a named one, to suit what the call brings along."""
    found = get_recipe(recipe)
    if isinstance(recipe, Recipe) or not own_weights:
        return found
    return dataclasses.replace(
        found,
        learning_rate=found.learning_rate / 10,
        batch_size=min(found.batch_size, 32),
        weight_average=0.0,
        ending=None,
    )


def _class_weights(
    class_weight: str | Mapping[int, float] | None, given: Samples
) -> np.ndarray | None:
    """Return each digit's weight, float32 of shape (10,), or None where all count alike."""
    if class_weight is None:
        return None
    counts = given.targets.sum(axis=0)
    weights = np.ones(len(counts), np.float32)
    if class_weight == "balanced":
        found = counts > 0
        weights[found] = counts[found].mean() / counts[found]
        return weights
    if not isinstance(class_weight, Mapping) or not all(
        digit in range(len(counts)) and 0 < weight < math.inf
        for digit, weight in class_weight.items()
    ):
        raise InvalidArgumentError(
            argument="class_weight",
            rule="be 'balanced', or a mapping of digits to positive numbers",
            got=shown(class_weight),
            remedy="Pass one such as {7: 2.0}.",
        )
    for digit, weight in class_weight.items():
        weights[digit] = weight
    return weights


def _checked_size(total: int, size: int | None, fraction: float | None) -> int:
    """Return how many images to keep apart of so many."""
    if fraction is None:
        default = total // 12
        if size is None:
            return default
        return whole_number("validation_size", size, most=total - 1, such_as=default)
    if size is not None:
        raise InvalidArgumentError(
            "`validation_size` and `validation_fraction` must not both be given; got "
            f"{shown(size)} and {shown(fraction)}.",
            argument="validation_size",
            remedy="Leave out one.",
        )
    rule = "at least 0 and less than 1"
    part = real_number(
        "validation_fraction", fraction, rule, lambda part: 0 <= part < 1, such_as=0.1
    )
    return round(total * part)


def _checked_origin(initial_weights: str | os.PathLike[str] | None, recipe: Recipe) -> str | None:
    """Find the weights to start from before any work is done; give their SHA-256."""
    if initial_weights is None:
        return None
    architecture, path = find_weights(initial_weights)
    if architecture not in (None, recipe.architecture):
        raise InvalidArgumentError(
            argument="initial_weights",
            rule=f"be for the recipe's architecture {recipe.architecture!r}",
            got=repr(initial_weights),
            reason=f"which is for {architecture!r}",
            remedy="Choose another recipe, or pass model=load_pretrained(...) to go on from them.",
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _changed(recipe: Recipe, augment: bool | Augmentation | None, **changes: Any) -> Recipe:
    """Put the call's own options into the recipe, which checks them."""
    changes = {name: value for name, value in changes.items() if value is not None}
    if augment is not None:
        if not isinstance(augment, bool | Augmentation):
            raise InvalidArgumentError(
                argument="augment",
                rule="be True, False or an Augmentation",
                got=shown(augment),
                remedy="Leave it out for the recipe's own.",
            )
        changes["augmentation"] = Augmentation() if augment is True else augment or None
    changed = dataclasses.replace(recipe, **changes, ending=None)
    if recipe.ending is None or "epochs" in changes:
        return changed
    if "learning_rate" in changes:
        part = recipe.ending.learning_rate / recipe.learning_rate
        changes["learning_rate"] = part * changed.learning_rate
    return dataclasses.replace(changed, ending=dataclasses.replace(recipe.ending, **changes))


def _given_samples(
    images: Any, labels: Any, validation_size: Callable[[int], int]
) -> tuple[Samples, Samples]:
    """Preprocess the training images and keep some of them apart, so many of so many."""
    if (images is None) != (labels is None):
        raise InvalidArgumentError(
            "`images` and `labels` must be given together; got one of them.",
            argument="labels",
            remedy="Leave out both to train on MNIST.",
        )
    if images is None:
        (images, labels), _ = load_mnist()
    labels = as_labels(labels)
    samples = Samples.of(images, labels)
    if len(samples) != len(labels):
        raise InvalidArgumentError(
            argument="labels",
            rule=f"hold one label for each of {len(samples)} images",
            got=len(labels),
            remedy="Check that both come from the same place.",
        )
    size = validation_size(len(labels))
    if size == 0:
        return samples, Samples(samples.pixels[:0], samples.targets[:0])
    training, validation = train_validation_split(
        np.arange(len(labels)), labels, validation_size=size
    )
    return tuple(  # type: ignore[return-value]
        Samples(samples.pixels[part], samples.targets[part]) for part, _ in (training, validation)
    )
