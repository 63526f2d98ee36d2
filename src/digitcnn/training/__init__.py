"""Training: `train()` turns images, or MNIST, into a network by a recipe, and can be resumed."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn.augmentation import Augmentation
from digitcnn.datasets import load_mnist, train_validation_split
from digitcnn.errors import InvalidArgumentError
from digitcnn.models import build_model, import_keras, load_pretrained
from digitcnn.training._runs import RUN_FILE, WEIGHTS_FILE, RunRecord, read_run
from digitcnn.training._samples import EpochPlan, Samples, make_pools, parts, pool_size
from digitcnn.training.recipes import RECIPES, Recipe, get_recipe

__all__ = ["RECIPES", "Recipe", "RunRecord", "TrainingRun", "get_recipe", "read_run", "train"]

_BEST_FILE = "best.weights.h5"


@dataclass(frozen=True)
class TrainingRun:
    """What came of a training.

    Attributes
    ----------
    model : keras.Model
        The trained network: of the epoch with the best validation accuracy or, where nothing was
        kept apart for validation, of the last epoch.
    history : dict of str to list of float
        Each metric, epoch by epoch: "accuracy", "loss", "val_accuracy", "val_loss".
    metrics : dict of str to float
        Of the model: "validation_accuracy" and "best_epoch", if there was validation.
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


def train(
    images: Any = None,
    labels: Any = None,
    *,
    recipe: str | Recipe = "base",
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    validation_size: int | None = None,
    augment: bool | Augmentation | None = None,
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
        Instead of the recipe's own.
    validation_size : int, optional
        How many images to keep apart, evenly over the digits, to choose the best epoch by. By
        default 5,000 of MNIST, or a twelfth of `images`. With 0, all images are trained on and the
        last epoch counts.
    augment : bool or Augmentation, optional
        False for none, True for the default one; by default the recipe's own.
    initial_weights : str or os.PathLike, optional
        Published weights, or a run's folder, to start from instead of chance: fine-tuning.
    seed : int
        Decides initial weights, order and changes: the same seed gives the same weights on the
        same machine. Keras' global seed is set to it.
    run_dir : str or os.PathLike, optional
        Where checkpoints, history and weights go, by default a new temporary folder. If it holds
        the same training, unfinished, that goes on to the same result; if finished, it is
        returned.
    callbacks : sequence of keras.callbacks.Callback
        Called beside the library's own.
    verbose : int or str
        Keras' progress bar: 0 for silence, 2 for a line for each epoch.

    Returns
    -------
    run : TrainingRun
        The network and how it came about.

    Raises
    ------
    InvalidArgumentError
        If images and labels do not belong together, or an option is out of range.
    MissingDependencyError
        If Keras is not installed.

    Examples
    --------
    >>> from digitcnn import train
    >>> run = train(recipe="conv5x5", epochs=1)  # doctest: +SKIP
    >>> run.metrics["validation_accuracy"]  # doctest: +SKIP
    0.9796
    """
    import_keras("train")
    recipe = _changed(
        get_recipe(recipe),
        augment,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    given, validation = _given_samples(images, labels, validation_size)
    folder = Path(run_dir) if run_dir is not None else Path(tempfile.mkdtemp(prefix="digitcnn-"))
    folder.mkdir(parents=True, exist_ok=True)
    plan_record = {
        "architecture": recipe.architecture,
        "recipe": _jsonable(recipe),
        "seed": seed,
        "num_images": len(given),
        "validation_size": len(validation),
    }
    _claim_folder(folder, plan_record)
    if not (folder / RUN_FILE).exists():
        plan = EpochPlan(
            given=given,
            pools=_pools(recipe, given, seed, folder, verbose),
            parts=parts(recipe),
            augmentation=recipe.augmentation,
            batch_size=recipe.batch_size,
            seed=seed,
        )
        history, metrics = _fit(
            recipe,
            plan,
            validation,
            folder=folder,
            initial_weights=initial_weights,
            callbacks=callbacks,
            verbose=verbose,
        )
        from digitcnn.training._callbacks import write_json

        write_json(
            folder / RUN_FILE,
            {**plan_record, "metrics": metrics, "history": history, "versions": _versions()},
        )
    record = read_run(folder)
    return TrainingRun(
        model=load_pretrained(folder),
        history={name: [epoch[name] for epoch in record.history] for name in record.history[0]},
        metrics=record.metrics,
        recipe=recipe,
        run_dir=folder,
    )


def _changed(recipe: Recipe, augment: bool | Augmentation | None, **changes: Any) -> Recipe:
    """Put the call's own options into the recipe, each checked."""
    changes = {name: value for name, value in changes.items() if value is not None}
    for name, value in changes.items():
        if not value > 0:
            raise InvalidArgumentError(f"`{name}` must be positive; got {value!r}. Leave it out.")
    if augment is not None:
        on = Augmentation() if augment is True else augment or None
        changes["augmentation"] = on
    return dataclasses.replace(recipe, **changes)


def _given_samples(
    images: Any, labels: Any, validation_size: int | None
) -> tuple[Samples, Samples]:
    """Preprocess the training images and keep some of them apart."""
    if (images is None) != (labels is None):
        raise InvalidArgumentError(
            "`images` and `labels` must be given together; got one of them. Leave out both to "
            "train on MNIST."
        )
    if images is None:
        (images, labels), _ = load_mnist()
    labels = np.asarray(labels, np.int64)
    samples = Samples.of(images, labels)
    if len(samples) != len(labels) or not len(labels):
        raise InvalidArgumentError(
            f"`labels` must hold one label for each of {len(samples)} images; got {len(labels)}. "
            "Check that both come from the same place."
        )
    if validation_size is None:
        validation_size = len(labels) // 12
    if validation_size == 0:
        return samples, Samples(samples.pixels[:0], samples.targets[:0])
    training, validation = train_validation_split(
        np.arange(len(labels)), labels, validation_size=validation_size
    )
    return tuple(  # type: ignore[return-value]
        Samples(samples.pixels[part], samples.targets[part]) for part, _ in (training, validation)
    )


def _pools(
    recipe: Recipe, given: Samples, seed: int, folder: Path, verbose: int | str
) -> list[Samples]:
    """Make the recipe's pools, or take them from a run that was interrupted."""
    path = folder / "pools.npz"
    if not path.exists():
        import keras

        if verbose and parts(recipe) != (0, 0, 0):
            print("Drawing pictures to learn from", flush=True)  # noqa: T201 - as Keras does
        bar = keras.utils.Progbar(pool_size(recipe) or None, verbose=0 if verbose == 0 else 1)
        pools = make_pools(recipe, given, seed=seed, progress=bar.add)
        arrays: dict[str, Any] = {}
        for index, pool in enumerate(pools):
            arrays[f"pixels{index}"], arrays[f"targets{index}"] = pool.pixels, pool.targets
        partial = folder / "partial-pools.npz"
        np.savez(partial, **arrays)
        partial.replace(path)
    with np.load(path) as stored:
        return [
            Samples(stored[f"pixels{index}"], stored[f"targets{index}"])
            for index in range(len(stored.files) // 2)
        ]


def _fit(
    recipe: Recipe,
    plan: EpochPlan,
    validation: Samples,
    *,
    folder: Path,
    initial_weights: str | os.PathLike[str] | None,
    callbacks: Sequence[Any],
    verbose: int | str,
) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Train from the last checkpoint to the end, and write the weights that count."""
    import keras

    from digitcnn.training._callbacks import Checkpoint, read_state

    keras.utils.set_random_seed(plan.seed)
    if initial_weights is None:
        model = build_model(recipe.architecture)
    else:
        model = load_pretrained(initial_weights)
    model.compile(
        optimizer=_optimizer(keras, recipe, plan.num_steps),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        # On two CPU cores XLA halved the images per second (Keras 3.15, TensorFlow 2.21).
        jit_compile=False,
    )
    state = read_state(folder)
    history: list[dict[str, float]] = []
    if state:
        # The optimizer's variables exist only once it knows the model's.
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / state["weights"])
        history = state["history"]
    own: list[Any] = [Checkpoint(folder, history)]
    if recipe.weight_average:
        # After the checkpoint, which keeps the raw weights; before whatever judges them.
        own.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    has_validation = len(validation) > 0
    if has_validation:
        own.append(
            keras.callbacks.ModelCheckpoint(
                folder / _BEST_FILE,
                monitor="val_accuracy",
                save_best_only=True,
                save_weights_only=True,
                initial_value_threshold=max(
                    (epoch["val_accuracy"] for epoch in history), default=None
                ),
            )
        )
        if recipe.patience:
            own.append(keras.callbacks.EarlyStopping(monitor="val_loss", patience=recipe.patience))
    own.append(keras.callbacks.CSVLogger(folder / "history.csv", append=bool(history)))
    if len(history) < recipe.epochs:
        model.fit(
            plan.batches(first_epoch=len(history)),
            steps_per_epoch=plan.num_steps,
            shuffle=False,
            initial_epoch=len(history),
            epochs=recipe.epochs,
            validation_data=(
                ((validation.pixels / np.float32(255))[..., None], validation.targets)
                if has_validation
                else None
            ),
            validation_batch_size=500,
            callbacks=[*own, *callbacks],
            verbose=verbose,
        )
    metrics: dict[str, float] = {}
    if has_validation:
        accuracies = [epoch["val_accuracy"] for epoch in history]
        metrics["validation_accuracy"] = max(accuracies)
        metrics["best_epoch"] = 1 + accuracies.index(max(accuracies))
        model.load_weights(folder / _BEST_FILE)
    # Without the optimizer's variables, which a fresh model does not have.
    finished = build_model(recipe.architecture)
    finished.set_weights(model.get_weights())
    finished.save_weights(folder / f"partial-{WEIGHTS_FILE}")
    (folder / f"partial-{WEIGHTS_FILE}").replace(folder / WEIGHTS_FILE)
    return history, metrics


def _optimizer(keras: Any, recipe: Recipe, steps_per_epoch: int) -> Any:
    """Build the recipe's optimizer with its schedule and weight average."""
    rate: Any = recipe.learning_rate
    if recipe.cosine_decay:
        total = steps_per_epoch * recipe.epochs
        warmup = min(steps_per_epoch, total // 2)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, total - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
        )
    options: dict[str, Any] = {}
    if recipe.weight_average:
        options = {"use_ema": True, "ema_momentum": recipe.weight_average}
    if recipe.optimizer == "adamw":
        options["weight_decay"] = recipe.weight_decay
    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "adadelta": keras.optimizers.Adadelta,
    }
    return kinds[recipe.optimizer](rate, **options)


def _claim_folder(folder: Path, record: dict[str, Any]) -> None:
    """Write down what the folder is for, or refuse one that holds another training."""
    from digitcnn.training._callbacks import write_json

    path = folder / "plan.json"
    if not path.exists():
        write_json(path, record)
    elif json.loads(path.read_text(encoding="utf-8")) != record:
        raise InvalidArgumentError(
            f"`run_dir` must be empty or hold the same training; got {str(folder)!r} with another "
            "recipe, seed or number of images. Choose another folder."
        )


def _jsonable(recipe: Recipe) -> dict[str, Any]:
    """Write a recipe as JSON gives it back."""
    fields: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return fields


def _versions() -> dict[str, str]:
    """Name the versions that decide what a seed gives."""
    import keras

    versions = {"python": platform.python_version(), "keras_backend": keras.backend.backend()}
    for package in ("digitcnn", "keras", "tensorflow", "numpy", "pillow"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
