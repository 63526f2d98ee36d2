"""Fitting a network with Keras, so that a kill at any moment costs one epoch and nothing else."""

from __future__ import annotations

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
from digitcnn._runs import WEIGHTS_FILE
from digitcnn.errors import InvalidArgumentError
from digitcnn.models import OWN, build_model, load_pretrained
from digitcnn.synthesis import Page
from digitcnn.training._folders import History, State, read_state, whole, write_history, write_state
from digitcnn.training._samples import EpochPlan, Samples
from digitcnn.training.detector import PageValidation, page_loss
from digitcnn.training.lines import LineValidation, line_examples, line_loss
from digitcnn.training.pages import PagePlan, draw_validation_pages, page_examples
from digitcnn.training.recipes import OPTIMIZERS, Recipe

_NAME_BYTES = 4096  # of HDF5's own, for each variable
_CHUNK_BYTES = 1 << 20


class _Teaching(NamedTuple):
    """What a network is shown of pages, what it is to make small, and what measures it."""

    examples: Callable[[list[Page], np.random.Generator], tuple[Any, Any]]
    loss: Callable[[Any, Any], Any]
    validation: Callable[[list[Page]], Any]


PAGE_TEACHING = {
    "reader": _Teaching(page_examples, page_loss, PageValidation),
    "lines": _Teaching(line_examples, line_loss, LineValidation),
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

    def load(self, weights: str | os.PathLike[str]) -> Any:
        """Build it with weights, or with those of a run's folder."""
        if self.own is None:
            return load_pretrained(weights, architecture=self.architecture)
        model = self.build()
        model.load_weights(Path(weights) / WEIGHTS_FILE)
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
    rule, got = "be a Sequential or functional keras.Model", type(model).__name__
    if isinstance(model, keras.Model) and model.built:
        refuse_bytes_network(model)
        try:
            output = keras.models.clone_model(model)(np.zeros((1, 28, 28, 1), np.float32))
            as_probabilities(keras.ops.convert_to_numpy(output), 1)
        except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
            rule = "take batches of shape (N, 28, 28, 1), give ten probabilities and be copied"
            raise InvalidArgumentError(
                argument="model",
                rule=rule,
                got=got,
                reason=f"which fails with: {str(error).splitlines()[0].rstrip('.')}",
                remedy="Replace its Lambda by a layer class of your own."
                if "Lambda" in str(error)
                else "Begin it with keras.Input((28, 28, 1)), end it with softmax.",
            ) from error
        return Network(OWN, model)
    if isinstance(model, keras.Model):
        got += ", whose layers have no shapes yet"
    raise InvalidArgumentError(
        argument="model",
        rule=rule,
        got=got,
        remedy="Begin it with keras.Input((28, 28, 1)), end it with softmax.",
    )


def fit(
    network: Network,
    recipe: Recipe,
    plan: EpochPlan | PagePlan,
    validation: Samples,
    *,
    folder: Path,
    initial_weights: str | os.PathLike[str] | None,
    callbacks: Sequence[Any],
    verbose: int | str,
) -> tuple[History, dict[str, float]]:
    """Train from the last checkpoint to the end, and write the weights that count."""
    keras.utils.set_random_seed(plan.seed)
    model = _start(network, recipe, plan.num_steps, initial_weights)
    state = read_state(folder)
    if state.history:
        # The optimizer's variables exist only once it knows the model's.
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / state.weights)
    if len(state.history) < recipe.epochs and not has_stalled(state.history, recipe):
        model.fit(
            plan.batches(first_epoch=len(state.history)),
            steps_per_epoch=plan.num_steps,
            shuffle=False,
            initial_epoch=len(state.history),
            epochs=recipe.epochs,
            validation_data=None
            if recipe.pages or not len(validation)
            else (validation.batch(), validation.targets),
            validation_batch_size=500,
            callbacks=[*_own_callbacks(recipe, plan.seed, folder, state, validation), *callbacks],
            verbose=verbose,
        )
    metrics = _choose_weights(model, recipe, folder, read_state(folder))
    # A fresh model, without the optimizer's variables.
    finished = network.build()
    finished.set_weights(model.get_weights())
    _save(finished, folder / WEIGHTS_FILE)
    return read_state(folder).history, metrics


def _start(
    network: Network,
    recipe: Recipe,
    steps_per_epoch: int,
    initial_weights: str | os.PathLike[str] | None,
) -> Any:
    """Build and compile the network that the first epoch begins with."""
    if initial_weights is None:
        model = network.build()
        _fit_statistics(model, steps_per_epoch * recipe.epochs)
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


def _fit_statistics(model: Any, num_steps: int) -> None:
    """Have batch normalisation learn its statistics in so few steps."""
    for layer in _layers_of(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = fitting_momentum(layer.momentum, num_steps)


def _own_callbacks(
    recipe: Recipe, seed: int, folder: Path, state: State, validation: Samples
) -> list[Any]:
    """List what keeps a run, in the order it must happen in at the end of an epoch."""
    recorder = _Recorder(folder, state, recipe)
    own: list[Any] = [_SeedDropout(seed), _RawCheckpoint(folder)]
    if recipe.weight_average:
        # After the checkpoint, which goes on from the raw weights; before what judges a network.
        own.append(_AverageBetweenEpochs())
    if recipe.pages and len(validation):
        pages = draw_validation_pages(recipe.pages, validation, seed=seed)
        own.append(PAGE_TEACHING[recipe.architecture].validation(pages))
    # Told before the epoch counts: killed in between, it is told again, and never left out.
    return [*own, *event_logs(folder), recorder]


class _SeedDropout(keras.callbacks.Callback):  # type: ignore[misc]
    """Seed dropout anew for each epoch: Keras does not store its state with the weights."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        for index, layer in enumerate(_layers_of(self.model)):
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                words = np.random.SeedSequence([self.seed, epoch, index]).generate_state(2)
                generator.state.assign(words)


def _layers_of(model: Any) -> Iterator[Any]:
    """Go through a network's layers, and through those of an ensemble's members."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers_of(layer)


class _AverageBetweenEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Put the average into the network at an epoch's end, and the raw weights back at the next.

    To the bit, so that a resumed training goes on from the same: `SwapEMAWeights` swaps them by
    additions, which round (Keras 3.15, TensorFlow).
    """

    def __init__(self) -> None:
        super().__init__()
        self.raw: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        for variable, value in zip(self.model.trainable_variables, self.raw, strict=False):
            variable.assign(value)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        variables = self.model.trainable_variables
        self.raw = [keras.ops.convert_to_numpy(variable) for variable in variables]
        self.model.optimizer.finalize_variable_values(variables)


class _RawCheckpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Write what the next epoch would begin with: weights and the optimizer's state."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        _save(self.model, self.folder / _epoch_file(epoch))


class _Recorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Keep the best epoch's weights and the history, and stop when nothing improves.

    The small file that names the others is written last, so that a kill at any moment leaves a
    state to go on from.
    """

    def __init__(self, folder: Path, state: State, recipe: Recipe) -> None:
        super().__init__()
        self.folder = folder
        self.state = state
        self.recipe = recipe

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        best = self.state.best
        if _best_epoch([*self.state.history, metrics]) == len(self.state.history):
            best = f"best-{epoch + 1:03d}.weights.h5"
            _save(self.model, self.folder / best)
        history = [*self.state.history, metrics]
        self.state = State(weights=_epoch_file(epoch), best=best, history=history)
        write_state(self.folder, self.state)
        write_history(self.folder, history)
        if has_stalled(history, self.recipe):
            self.model.stop_training = True


def _best_epoch(history: History) -> int:
    """Return the epoch of the highest validation accuracy; of several, of the least loss.

    A small validation set is soon read without an error, long before the network is sure of it.
    Counted from 0; -1 where nothing was kept apart.
    """
    rated = [index for index, epoch in enumerate(history) if "val_accuracy" in epoch]
    return max(
        rated,
        key=lambda index: (history[index]["val_accuracy"], -history[index]["val_loss"]),
        default=-1,
    )


def has_stalled(history: History, recipe: Recipe) -> bool:
    """Return whether what the recipe monitors has not become better for as long as its patience."""
    values = [epoch[recipe.monitor] for epoch in history if recipe.monitor in epoch]
    if not recipe.patience or not values:
        return False
    best = min(values) if recipe.monitor == "val_loss" else max(values)
    return len(values) - 1 - values.index(best) >= recipe.patience


def _choose_weights(model: Any, recipe: Recipe, folder: Path, state: State) -> dict[str, float]:
    """Load the best epoch's weights or, without validation, the last epoch's average."""
    if state.best:
        model.load_weights(folder / state.best)
        best = _best_epoch(state.history)
        return {
            "validation_accuracy": state.history[best]["val_accuracy"],
            "best_epoch": 1 + best,
        }
    # From the file, because Keras leaves raw or averaged weights behind, as the case may be.
    model.load_weights(folder / state.weights)
    if recipe.weight_average:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    last = state.history[-1]
    if recipe.pages:
        return {f"validation_{name[4:]}": last[name] for name in last if name.startswith("val_")}
    return {"training_accuracy": last["accuracy"]}


def _epoch_file(epoch: int) -> str:
    """Name the file of an epoch, counted from 0, by its number, counted from 1."""
    return f"epoch-{epoch + 1:03d}.weights.h5"


def _save(model: Any, path: Path) -> None:
    """Write weights whole or not at all."""
    with whole(path) as partial:
        _reserve(partial, _stored_size(model))
        model.save_weights(partial)


def _stored_size(model: Any) -> int:
    """Count the bytes that the variables take in a file, with room for their names."""
    optimizer = getattr(model, "optimizer", None)  # none where it was not compiled
    variables = [*model.variables, *getattr(optimizer, "variables", ())]
    return sum(math.prod(each.shape) * 4 + _NAME_BYTES for each in variables)


def _reserve(path: Path, size: int) -> None:
    """Fail now if a file of this size cannot be written.

    HDF5 keeps what it could not write until the process ends, and then crashes (h5py 3.14).
    """
    chunk = bytes(min(size, _CHUNK_BYTES))
    with path.open("wb") as stream:
        for start in range(0, size, _CHUNK_BYTES):
            stream.write(chunk[: size - start])


LOG_FOLDER = "tensorboard"
_PARTS = {"train": "", "validation": "val_"}


class EventLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes each epoch's metrics: `epoch_loss` and so on, for training and for validation.

    Keras' own callback needs TensorBoard to be installed where the training runs (TensorFlow 2.21).
    A training that goes on adds a file to those there are; TensorBoard shows them as one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder / LOG_FOLDER
        self._writers: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        rates = {"learning_rate": float(self.model.optimizer.learning_rate)}
        for name, value in {**(logs or {}), **rates}.items():
            part = "validation" if name.startswith("val_") else "train"
            self._write(part, f"epoch_{name.removeprefix(_PARTS[part])}", value, epoch)

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


def event_logs(folder: Path) -> list[keras.callbacks.Callback]:
    """Return the callback that writes the logs, or none on another backend."""
    return [EventLog(folder)] if keras.backend.backend() == "tensorflow" else []


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
