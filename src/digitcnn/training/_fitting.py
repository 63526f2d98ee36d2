"""Fitting a network with Keras, so that a kill at any moment costs one epoch and nothing else."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from digitcnn._checks import as_probabilities, refuse_bytes_network
from digitcnn._runs import RUN_FILE, WEIGHTS_FILE, RunRecord, read_run
from digitcnn._weight_files import check_plain
from digitcnn.errors import InvalidArgumentError
from digitcnn.models import OWN, build_model, load_pretrained
from digitcnn.synthesis import Page
from digitcnn.training._folders import (
    ANEW,
    BEGINNING_FOLDER,
    History,
    as_fields,
    claim,
    drop_checkpoints,
    finish,
    read_history,
    read_pools,
    sole_use,
    whole,
    write_history,
    write_pools,
)
from digitcnn.training._samples import (
    EpochPlan,
    PagePlan,
    Samples,
    describe,
    draw_validation_pages,
    make_pools,
    pool_sizes,
)
from digitcnn.training.detector import measure_detection, page_examples, page_loss
from digitcnn.training.ink import ink_examples, ink_loss, measure_ink
from digitcnn.training.lines import line_examples, line_loss, measure_lines
from digitcnn.training.recipes import OPTIMIZERS, Recipe

_NAME_BYTES = 4096  # of HDF5's own, for each variable

AnyPath = str | os.PathLike[str]


class _Teaching(NamedTuple):
    """What a network is shown of pages, what it is to make small, and what measures it."""

    examples: Callable[[list[Page], np.random.Generator], tuple[Any, Any]]
    loss: Callable[[Any, Any], Any]
    measuring: Callable[[list[Page]], Callable[[Any], dict[str, float]]]


PAGE_TEACHING = {
    "reader": _Teaching(page_examples, page_loss, measure_detection),
    "lines": _Teaching(line_examples, line_loss, measure_lines),
    "ink": _Teaching(ink_examples, ink_loss, measure_ink),
}


@dataclass(frozen=True)
class Network:
    """What is trained: a known architecture, or a model of the caller's own, which stays as it is.

    Attributes
    ----------
    architecture : str
        What `build_model` calls it; "own" for the caller's.
    own : keras.Model or None
        The caller's.
    """

    architecture: str
    own: Any = None

    def build(self) -> Any:
        """Build it anew: with random weights, or those of the caller's model."""
        if self.own is None:
            return build_model(self.architecture)
        model = keras.models.clone_model(self.own)
        model.set_weights(self.own.get_weights())
        return model

    def load(self, weights: AnyPath) -> Any:
        """Build it with weights, or with those of a run's folder."""
        if self.own is None:
            return load_pretrained(weights, architecture=self.architecture)
        model, path = self.build(), Path(weights) / WEIGHTS_FILE
        check_plain(path, argument="run_dir", remedy=ANEW)
        model.load_weights(path)
        return model

    def describe(self) -> dict[str, Any]:
        """Name what decides whether two of them are the same, but for the weights."""
        if self.own is None:
            return {"architecture": self.architecture}
        layers = [
            [type(layer).__name__, [list(weight.shape) for weight in layer.weights]]
            for layer in _layers_of(self.own)
        ]
        return {"architecture": self.architecture, "layers": layers}

    def layout(self) -> dict[str, Any]:
        """Describe a caller's model so that a run's folder can be loaded without it."""
        return {} if self.own is None else {"network": json.loads(self.own.to_json())}


def own_network(model: Any) -> Network:
    """Check a caller's model."""
    rule, got, reason = "be a Sequential or functional keras.Model", type(model).__name__, ""
    remedy = "Begin it with keras.Input((28, 28, 1)), end it with softmax."
    if isinstance(model, keras.Model) and model.built:
        refuse_bytes_network(model)
        try:
            output = keras.models.clone_model(model)(np.zeros((1, 28, 28, 1), np.float32))
            as_probabilities(keras.ops.convert_to_numpy(output), 1)
        except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
            rule = "take batches of shape (N, 28, 28, 1), give ten probabilities and be copied"
            reason = f"which fails with: {str(error).splitlines()[0]}"
            if "Lambda" in str(error):
                remedy = "Replace its Lambda by a layer class of your own."
        else:
            return Network(OWN, model)
    elif isinstance(model, keras.Model):
        got += ", whose layers have no shapes yet"
    raise InvalidArgumentError(argument="model", rule=rule, got=got, reason=reason, remedy=remedy)


@dataclass(frozen=True)
class Task:
    """What a training is about, whatever the recipe."""

    network: Network
    given: Samples
    validation: Samples
    seed: int
    class_weights: np.ndarray | None
    origin: str | None  # the SHA-256 of the weights to start from
    callbacks: Sequence[Any]
    verbose: int | str


def carry_out(
    task: Task,
    recipe: Recipe,
    folder: Path,
    initial_weights: AnyPath | None,
    pools: list[Samples] | None = None,
) -> RunRecord:
    """Train by a recipe in a folder, or go on there; a recipe's beginning has a folder inside."""
    plan = {
        **task.network.describe(),
        "recipe": as_fields(recipe),
        "seed": task.seed,
        "num_images": len(task.given),
        "validation_size": len(task.validation),
        "data": describe(task.given, task.validation),
        "initial_weights": task.origin,
    }
    if task.class_weights is not None:
        plan["class_weight"] = task.class_weights.tolist()
    claim(folder, plan)
    if (folder / RUN_FILE).exists():
        return read_run(folder)
    with sole_use(folder):
        part = recipe.ending or recipe
        # What takes minutes to draw is drawn once, for the beginning and the ending.
        pools = pools or _pools(task, (part, recipe), folder)
        if recipe.ending is not None:
            beginning = folder / BEGINNING_FOLDER
            beginning.mkdir(exist_ok=True)
            alone = dataclasses.replace(recipe, ending=None)
            carry_out(task, alone, beginning, initial_weights, pools)
            initial_weights = beginning
        metrics = fit(task, part, folder, initial_weights, pools)
        finish(folder, plan | task.network.layout(), metrics)
    return read_run(folder)


def _pools(task: Task, recipes: Sequence[Recipe], folder: Path) -> list[Samples]:
    """Make the pools of recipes, or take them from a run that was interrupted."""
    pools = read_pools(folder)
    if pools is None:
        sizes = pool_sizes(recipes, len(task.given))
        if task.verbose and sum(sizes):
            print(f"Drawing {sum(sizes):,} pictures to learn from", flush=True)  # noqa: T201 - as Keras does
        # A bar would fill a log, where lines are asked for.
        bar = keras.utils.Progbar(sum(sizes) or None, verbose=0 if task.verbose in (0, 2) else 1)
        pools = make_pools(sizes, task.given, seed=task.seed, progress=bar.add)
        write_pools(folder, pools)
    return pools


def fit(
    task: Task,
    recipe: Recipe,
    folder: Path,
    initial_weights: AnyPath | None,
    pools: list[Samples],
) -> dict[str, float]:
    """Train from the last checkpoint to the end, and write the weights that count."""
    validation = task.validation if len(task.validation) else None
    plan: EpochPlan | PagePlan
    if recipe.pages is not None:
        examples = PAGE_TEACHING[recipe.architecture].examples
        plan = PagePlan(task.given, recipe.pages, recipe.batch_size, task.seed, examples)
    else:
        plan = EpochPlan(task.given, pools, recipe, task.seed, task.class_weights)
    keras.utils.set_random_seed(task.seed)
    model = _start(task.network, recipe, plan.num_steps, initial_weights)
    before = read_history(folder / BEGINNING_FOLDER)
    history = read_history(folder)[len(before) :]
    if history:
        for name in _checkpoints(history):
            check_plain(folder / name, argument="run_dir", remedy=ANEW)
        # The optimizer's variables exist only once it knows the model's.
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / _checkpoints(history)[0])
    if len(history) < recipe.epochs and not has_stalled(history, recipe):
        own: list[Any] = [_RawWeights(folder, recipe, task.seed)]
        if recipe.pages is not None and validation:
            pages = draw_validation_pages(recipe.pages, validation, seed=task.seed)
            measure = PAGE_TEACHING[recipe.architecture].measuring(pages)
            own.append(
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda _, logs: logs.update(
                        {f"val_{name}": value for name, value in measure(model).items()}
                    )
                )
            )
        # Told before the epoch counts: killed in between, it is told again, and never left out.
        own += [EventLog(folder)] if keras.backend.backend() == "tensorflow" else []
        own.append(_Recorder(folder, recipe, before, history))
        model.fit(
            plan.batches(first_epoch=len(history)),
            steps_per_epoch=plan.num_steps,
            shuffle=False,
            initial_epoch=len(history),
            epochs=recipe.epochs,
            validation_data=None
            if recipe.pages or not validation
            else (validation.batch(), validation.targets),
            validation_batch_size=500,
            callbacks=[*own, *task.callbacks],
            verbose=task.verbose,
        )
    metrics = _choose_weights(model, recipe, folder, history)
    if "best_epoch" in metrics:
        metrics["best_epoch"] += len(before)
    # A fresh model, without the optimizer's variables.
    finished = task.network.build()
    finished.set_weights(model.get_weights())
    _save(finished, folder / WEIGHTS_FILE)
    return metrics


def _start(
    network: Network, recipe: Recipe, steps_per_epoch: int, initial_weights: AnyPath | None
) -> Any:
    """Build and compile the network that the first epoch begins with."""
    if initial_weights is None:
        model = network.build()
        # Batch normalisation is to learn its statistics in so few steps.
        for layer in _layers_of(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                num_steps = steps_per_epoch * recipe.epochs
                layer.momentum = fitting_momentum(layer.momentum, num_steps)
    else:
        model = network.load(initial_weights)
    model.compile(
        optimizer=make_optimizer(recipe, steps_per_epoch),
        loss=PAGE_TEACHING[recipe.architecture].loss
        if recipe.pages
        else "categorical_crossentropy",
        metrics=None if recipe.pages else ["accuracy"],
        # On two CPU cores XLA makes TensorFlow start seconds later and then run no faster (Keras
        # 3.15, TensorFlow 2.21); JAX is nothing without it.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    return model


def _layers_of(model: Any) -> Iterator[Any]:
    """Go through a network's layers, and through those of an ensemble's members."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers_of(layer)


class _RawWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Begins each epoch with the weights that a resumed training would begin it with.

    At its end it writes them with the optimizer's state, then puts their average in their place,
    for what judges the network. They come back to the bit: `SwapEMAWeights` swaps by additions,
    which round (Keras 3.15, TensorFlow). Dropout is seeded anew for each epoch, because Keras does
    not store its state with the weights.
    """

    def __init__(self, folder: Path, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self.folder, self.recipe, self.seed = folder, recipe, seed
        self.raw: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        for variable, value in zip(self.model.trainable_variables, self.raw, strict=False):
            variable.assign(value)
        for index, layer in enumerate(_layers_of(self.model)):
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                words = np.random.SeedSequence([self.seed, epoch, index]).generate_state(2)
                generator.state.assign(words)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        _save(self.model, self.folder / _checkpoint("epoch", epoch + 1))
        if self.recipe.weight_average:
            variables = self.model.trainable_variables
            self.raw = [keras.ops.convert_to_numpy(variable) for variable in variables]
            self.model.optimizer.finalize_variable_values(variables)


class _Recorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the best epoch's weights and the history, and stops when nothing improves.

    The history is written last, so that a kill at any moment leaves a state to go on from.
    """

    def __init__(self, folder: Path, recipe: Recipe, before: History, history: History) -> None:
        super().__init__()
        self.folder, self.recipe = folder, recipe
        self.before, self.history = before, history

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        names = _checkpoints(self.history)
        if (best := _checkpoint("best", epoch + 1)) in names:
            _save(self.model, self.folder / best)
        write_history(self.folder, [*self.before, *self.history])
        drop_checkpoints(self.folder, but=names)
        if has_stalled(self.history, self.recipe):
            self.model.stop_training = True


def _checkpoint(kind: str, number: int) -> str:
    """Name the weights of an epoch, counted from 1."""
    return f"{kind}-{number:03d}.weights.h5"


def _checkpoints(history: History) -> list[str]:
    """Name the weights that the next epoch begins with and, with validation, those of the best."""
    best = _best_epoch(history)
    own = [_checkpoint("best", best)] if best else []
    return [_checkpoint("epoch", len(history)), *own]


def _best_epoch(history: History) -> int:
    """Return the epoch of the highest validation accuracy; of several, of the least loss.

    A small validation set is soon read without an error, long before the network is sure of it.
    Counted from 1; 0 where nothing was kept apart.
    """
    rated = [number for number, epoch in enumerate(history, 1) if "val_accuracy" in epoch]
    return max(
        rated,
        key=lambda number: (
            history[number - 1]["val_accuracy"],
            -history[number - 1]["val_loss"],
        ),
        default=0,
    )


def has_stalled(history: History, recipe: Recipe) -> bool:
    """Return whether what the recipe monitors has not become better for as long as its patience."""
    values = [epoch[recipe.monitor] for epoch in history if recipe.monitor in epoch]
    if not recipe.patience or not values:
        return False
    best = min(values) if recipe.monitor == "val_loss" else max(values)
    return len(values) - 1 - values.index(best) >= recipe.patience


def _choose_weights(model: Any, recipe: Recipe, folder: Path, history: History) -> dict[str, float]:
    """Load the best epoch's weights or, without validation, the last epoch's average."""
    # From the file, because Keras leaves raw or averaged weights behind, as the case may be.
    model.load_weights(folder / _checkpoints(history)[-1])
    if best := _best_epoch(history):
        return {
            "validation_accuracy": history[best - 1]["val_accuracy"],
            "best_epoch": best,
        }
    if recipe.weight_average:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    last = history[-1]
    if recipe.pages:
        return {f"validation_{name[4:]}": last[name] for name in last if name.startswith("val_")}
    return {"training_accuracy": last["accuracy"]}


def _save(model: Any, path: Path) -> None:
    """Write weights whole or not at all."""
    with whole(path) as partial:
        # Fail now if so much cannot be written: HDF5 keeps what it could not write until the
        # process ends, and then crashes (h5py 3.14).
        partial.write_bytes(bytes(_stored_size(model)))
        model.save_weights(partial)


def _stored_size(model: Any) -> int:
    """Count the bytes that the variables take in a file, with room for their names."""
    optimizer = getattr(model, "optimizer", None)  # none where it was not compiled
    variables = [*model.variables, *getattr(optimizer, "variables", ())]
    return sum(math.prod(each.shape) * 4 + _NAME_BYTES for each in variables)


class EventLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes each epoch's metrics: `epoch_loss` and so on, for training and for validation.

    Keras' own callback needs TensorBoard to be installed where the training runs (TensorFlow 2.21).
    A training that goes on adds a file to those there are; TensorBoard shows them as one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder / "tensorboard"
        self._writers: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        rates = {"learning_rate": float(self.model.optimizer.learning_rate)}
        for name, value in {**(logs or {}), **rates}.items():
            part = "validation" if name.startswith("val_") else "train"
            self._write(part, f"epoch_{name.removeprefix('val_')}", value, epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        for writer in self._writers.values():
            writer.close()

    def _write(self, part: str, tag: str, value: float, step: int) -> None:
        """Write one number so that TensorBoard takes it for a scalar."""
        import tensorflow as tf

        if part not in self._writers:
            self._writers[part] = tf.summary.create_file_writer(str(self._folder / part))
        metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
            data_class="DATA_CLASS_SCALAR",
        )
        with self._writers[part].as_default():
            tf.summary.write(tag, tf.constant(value, tf.float32), step, metadata)
        self._writers[part].flush()


_schedules = keras.optimizers.schedules

# Of one-cycle: where the rate begins and ends, as parts of the greatest, and how long it rises.
_ONE_CYCLE_START, _ONE_CYCLE_END, _ONE_CYCLE_RISE = 1 / 25, 1e-4, 0.3
_EXPONENTIAL_END = 0.01

# What an average begins with must count for nothing in the end: e ** -6 of it, or less, is left.
_MEMORY_PART = 6


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> Any:
    """Build the recipe's optimizer with its schedule and weight average."""
    options: dict[str, Any] = {}
    if recipe.weight_average:
        total = steps_per_epoch * recipe.epochs
        options = {"use_ema": True, "ema_momentum": fitting_momentum(recipe.weight_average, total)}
    if recipe.clip_norm:
        options["clipnorm"] = recipe.clip_norm
    if recipe.optimizer == "adamw":
        options["weight_decay"] = recipe.weight_decay
    kind = getattr(keras.optimizers, OPTIMIZERS[recipe.optimizer])
    return kind(learning_rate(recipe, steps_per_epoch), **options)


def fitting_momentum(momentum: float, num_steps: int) -> float:
    """Lower the momentum of a moving average where so few steps would not fill it."""
    return min(momentum, max(0.0, 1 - _MEMORY_PART / num_steps))


def learning_rate(recipe: Recipe, steps_per_epoch: int) -> Any:
    """Build the recipe's learning rate: a number, or Keras' schedule over all its steps."""
    greatest, total = recipe.learning_rate, steps_per_epoch * recipe.epochs
    if recipe.schedule == "cosine":
        return _rise_and_fall(greatest, total, rise=min(steps_per_epoch, total // 2))
    if recipe.schedule == "one-cycle":
        rise = round(total * _ONE_CYCLE_RISE)
        return _rise_and_fall(
            greatest, total, rise=rise, start=_ONE_CYCLE_START, end=_ONE_CYCLE_END
        )
    if recipe.schedule == "exponential":
        return _schedules.ExponentialDecay(greatest, total, decay_rate=_EXPONENTIAL_END)
    return greatest


def _rise_and_fall(
    greatest: float, total: int, *, rise: int, start: float = 0.0, end: float = 0.0
) -> Any:
    """Rise in a line, then fall along a cosine; start and end are parts of the greatest rate."""
    return _schedules.CosineDecay(
        start * greatest, total - rise, alpha=end, warmup_target=greatest, warmup_steps=rise
    )
