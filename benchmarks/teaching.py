"""Training: an epoch of `base` against stock Keras, and `fast` against Keras' own example."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import multiprocessing
import os
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from benchmarks.cold_start import run_once
from benchmarks.timing import Line
from digitcnn import datasets
from digitcnn.training import RECIPES

# Of the 60,000, so that drawing what `base` learns from beside them takes seconds.
EPOCH_IMAGES = 6000

FAST = """\
from digitcnn import train
run = train(recipe="fast", validation_size=0, seed={seed}, verbose=0)
run.model.save_weights({path!r})
"""

# https://keras.io/examples/vision/mnist_convnet/ by F. Chollet, Apache 2.0, its network and its
# settings; only where the images come from is another.
CONVNET = """\
import keras, numpy
from keras import layers
from digitcnn.datasets import load_mnist
(x_train, y_train), _ = load_mnist()
x_train = numpy.expand_dims(x_train.astype("float32") / 255, -1)
y_train = keras.utils.to_categorical(y_train, 10)
model = keras.Sequential([
    keras.Input(shape=(28, 28, 1)),
    layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Flatten(),
    layers.Dropout(0.5),
    layers.Dense(10, activation="softmax"),
])
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(
    x_train, y_train, batch_size=128, epochs={epochs}, validation_split=0.1, verbose=0
)
"""
CONVNET_EPOCHS = 12


def epoch(*, quick: bool) -> Iterator[Line]:
    """Measure an epoch of `base`, as it is and without what makes its images, against Keras."""
    rounds = 1 if quick else 5
    yardstick = "the same network and batch, stock Keras `fit` in float32"
    what = "`base` training, a step of 128 images"
    if importlib.util.find_spec("keras") is None:
        yield Line("base-epoch", what, yardstick, 1, note="not installed")
        return
    (images, labels), _ = datasets.load_mnist()
    images, labels = images[:EPOCH_IMAGES], labels[:EPOCH_IMAGES]
    base = RECIPES["base"]
    plain = dataclasses.replace(
        base, augmentation=None, drawn_digits=0, drawn_nondigits=0, damaged=0
    )
    jobs: dict[str, Callable[[], float]] = {
        "base": functools.partial(_library_step, base, images, labels),
        "plain": functools.partial(_library_step, plain, images, labels),
        "keras": functools.partial(_keras_step, images, labels, batch_size=base.batch_size),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    # A process for each, because what one leaves behind in memory can slow the next.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as processes:
        for number in range(rounds):
            for name in list(jobs)[:: -1 if number % 2 else 1]:
                times[name].append(processes.submit(jobs[name]).result())
    note = f"in two epochs of {EPOCH_IMAGES:,} images of MNIST"
    yield Line("base-epoch", what, yardstick, 1, times["base"], times["keras"], note=note)
    yield Line(
        "plain-epoch",
        "the same without augmentation and drawings",
        yardstick,
        1,
        times["plain"],
        times["keras"],
        note=note,
    )


def _library_step(recipe: Any, images: np.ndarray, labels: np.ndarray) -> float:
    from digitcnn import train

    watch = _step_watch()
    train(
        images,
        labels,
        recipe=recipe,
        epochs=2,
        validation_size=0,
        verbose=0,
        callbacks=[watch],
    )
    return statistics.median(watch.seconds)


def _keras_step(images: np.ndarray, labels: np.ndarray, *, batch_size: int) -> float:
    # As Keras comes by itself: another line may have had the library set it for this process, too.
    os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
    import keras

    from digitcnn import build_model

    model = build_model("base")
    model.compile(optimizer="adamw", loss="categorical_crossentropy", metrics=["accuracy"])
    watch = _step_watch()
    batch = (images / np.float32(255))[..., None]
    targets = keras.utils.to_categorical(labels, 10)
    model.fit(batch, targets, batch_size=batch_size, epochs=2, verbose=0, callbacks=[watch])
    return statistics.median(watch.seconds)


def _step_watch() -> Any:
    """Make a callback that times whole steps: reading the batch and learning from it."""
    import time

    import keras

    class Watch(keras.callbacks.Callback):
        """Note the time from each step's end to the next one's."""

        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []
            self.last = None

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras' signature
            self.last = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras' signature
            now = time.perf_counter()
            if self.last is not None:
                self.seconds.append(now - self.last)
            self.last = now

    return Watch()


def fast(*, quick: bool) -> Iterator[Line]:
    """Measure `fast` from nothing, and Keras' own example, each in fresh processes."""
    import tempfile
    from pathlib import Path

    what = '`recipe="fast"`: from nothing to a trained network, five seeds'
    yardstick = f"Keras' own MNIST convnet example ({CONVNET_EPOCHS} epochs, batch 128)"
    if importlib.util.find_spec("keras") is None:
        yield Line("fast", what, yardstick, 1 / 10, note="not installed")
        return
    seeds = range(1 if quick else 5)
    # A run of the example takes minutes: it stands among the runs of `fast`, and at their end.
    examples_after = {0} if quick else {1, 4}
    ours, theirs, accuracies = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            path = str(Path(folder) / f"{seed}.weights.h5")
            ours.append(run_once(FAST.format(seed=seed, path=path)).seconds)
            accuracies.append(_test_accuracy(path))
            if seed in examples_after:
                epochs = 1 if quick else CONVNET_EPOCHS
                theirs.append(run_once(CONVNET.format(epochs=epochs)).seconds)
    note = f"test accuracy {statistics.mean(accuracies):.2%}"
    if len(accuracies) > 1:
        note += f", standard deviation {100 * statistics.stdev(accuracies):.2f} points"
    if quick:
        note += "; the example trained for one epoch only"
    target = None if quick else 1 / 10
    yield Line("fast", what, yardstick, target, ours, theirs, note=note)
    wrong = [100 * (1 - accuracy) for accuracy in accuracies]
    yield Line(
        "fast-errors",
        '`recipe="fast"`: images of MNIST\'s test set misread',
        "one in a hundred",
        1,
        [statistics.mean(wrong)],
        [1.0],
        unit="%",
        note=note,
    )


def _test_accuracy(path: str) -> float:
    from digitcnn import load_pretrained

    _, (images, labels) = datasets.load_mnist()
    model = load_pretrained(path, architecture="fast")
    probabilities = model.predict((images / np.float32(255))[..., None], 500, verbose=0)
    return float((probabilities.argmax(1) == labels).mean())
