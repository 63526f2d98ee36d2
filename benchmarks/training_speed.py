"""How long training takes: a step of `base` against stock Keras, `fast` against Keras' example."""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import os
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from fresh import run_once

from digitcnn import datasets
from digitcnn.cli._process import kept_memory
from digitcnn.training import RECIPES

# Of the 60,000, so that drawing what `base` learns from beside them takes seconds.
EPOCH_IMAGES = 6000
FAST = """\
from digitcnn.cli import main
options = ["--validation-size", "0", "--seed", "{seed}", "--verbose", "0", "--run-dir", {path!r}]
main(["train", "--recipe", "fast", *options])
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
model.fit(x_train, y_train, batch_size=128, epochs=12, validation_split=0.1, verbose=0)
"""


@functools.cache
def steps(rounds: int) -> dict[str, list[float]]:
    """Time a step of `base`, of it without what makes its images, and of stock Keras, in turn."""
    times: dict[str, list[float]] = {"base": [], "plain": [], "keras": []}
    # A process for each, because what one leaves behind in memory can slow the next.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as processes:
        for number in range(rounds):
            for name in list(times)[:: -1 if number % 2 else 1]:
                times[name].append(processes.submit(_time_step, name).result())
    return times


def _time_step(name: str) -> float:
    """Train for two epochs; return the median time of a step of the second."""
    if name == "keras":
        # As Keras comes by itself: another line may have set it for this process, too.
        os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
    import keras
    from recipes import StepTimes

    from digitcnn import build_model, train

    (images, labels), _ = datasets.load_mnist()
    images, labels = images[:EPOCH_IMAGES], labels[:EPOCH_IMAGES]
    base, watch = RECIPES["base"], StepTimes()
    options = {"epochs": 2, "verbose": 0, "callbacks": [watch]}
    if name == "keras":
        model = build_model("base")
        model.compile(optimizer="adamw", loss="categorical_crossentropy", metrics=["accuracy"])
        batch = (images / np.float32(255))[..., None]
        targets = keras.utils.to_categorical(labels, 10)
        model.fit(batch, targets, batch_size=base.batch_size, **options)
    else:
        bare = {"augmentation": None, "drawn_digits": 0, "drawn_nondigits": 0, "damaged": 0}
        recipe = dataclasses.replace(base, **(bare if name == "plain" else {}))
        with kept_memory():  # as `digitcnn train` has it
            train(images, labels, recipe=recipe, validation_size=0, **options)
    return statistics.median(np.diff(watch.ends))


@functools.cache
def fast(seeds: int) -> tuple[list[float], list[float]]:
    """Train `fast` from nothing in fresh processes; return the seconds and the errors in 100."""
    from digitcnn import load_pretrained

    _, (images, labels) = datasets.load_mnist()
    times, errors = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            path = str(Path(folder) / str(seed))
            times.append(run_once(FAST.format(seed=seed, path=path)).seconds)
            model = load_pretrained(path)
            answers = model.predict((images / np.float32(255))[..., None], 500, verbose=0)
            errors.append(100 * float((answers.argmax(1) != labels).mean()))
    return times, errors
