"""Measure how long each recipe takes, and what a training on few pictures is worth.

    python benchmarks/recipes.py times [--recipes NAME...] [--page docs/training.md]
    python benchmarks/recipes.py few [--recipes NAME...] [--pictures N...] [--epochs N...]

`times` draws and trains a little of each recipe, and reckons what the whole takes on MNIST.
`few` trains with the recipe's weight average and without, from the same seed, on the first of
MNIST's training images, and measures on 5,000 others, which no recipe's training sees.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import time
from itertools import product

import checkout  # noqa: F401 - says where reporting.py lies
import keras
import numpy as np
from reporting import begin_options, format_table, show

from digitcnn import datasets, evaluate, train
from digitcnn.training import RECIPES, Recipe

TRAINED = 55_000  # of MNIST, without those kept apart


class StepTimes(keras.callbacks.Callback):
    """Notes when each step of the last epoch ends."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:  # noqa: ARG002 - Keras' signature
        """Begin with none."""
        self.ends = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: ARG002 - Keras' signature
        """Note the time."""
        self.ends.append(time.perf_counter())


def measure_time(recipe: Recipe, images: np.ndarray, labels: np.ndarray) -> tuple[str, ...]:
    """Return the recipe's name, and the minutes of drawing, of an epoch and of all of it."""
    drawn = recipe.drawn_digits + recipe.drawn_nondigits + recipe.damaged
    quick = dataclasses.replace(recipe, drawn_digits=0, drawn_nondigits=0, damaged=0, ending=None)
    before, steps = [], []
    # With all that comes before the first step, and with what every training begins with.
    for each, count in ((recipe, len(images)), (quick, 200)):
        watch, begun = StepTimes(), time.perf_counter()
        options = {"epochs": 1, "validation_size": 0, "callbacks": [watch], "verbose": 0}
        train(images[:count], labels[:count], recipe=each, **options)
        before.append(watch.ends[0] - begun)
        steps.append(np.diff(watch.ends))
    # The first steps compile; a median leaves them out, and other programs' turns.
    step = float(np.median(steps[0]))
    drawing = max(0, before[0] - before[1]) / len(images) * TRAINED if drawn else 0
    epoch = (TRAINED + drawn * TRAINED / 60_000) / recipe.batch_size * step
    epochs = recipe.epochs + (recipe.ending.epochs if recipe.ending else 0)
    cells = (drawing / 60, epoch / 60, (drawing + epochs * epoch) / 60)
    return (f"`{recipe.name}`", f"{epochs}", *(f"{minutes:.1f}" for minutes in cells))


def measure_few(recipe: Recipe, pictures: int, epochs: int) -> tuple[str, ...]:
    """Return the accuracy with the weight average and without, and the difference in points."""
    (images, labels), _ = datasets.load_mnist()
    (images, labels), held_out = datasets.train_validation_split(images, labels)
    accuracies = []
    for average in (recipe.weight_average, 0.0):
        each = dataclasses.replace(recipe, weight_average=average, ending=None, epochs=epochs)
        run = train(images[:pictures], labels[:pictures], recipe=each, validation_size=0, verbose=0)
        accuracies.append(evaluate(run, *held_out).accuracy)
    averaged, plain = accuracies
    cells = (f"{averaged:.1%}", f"{plain:.1%}", f"{100 * (averaged - plain):+.1f}")
    return (f"`{recipe.name}`", f"{pictures:,}", f"{epochs}", *cells)


def main() -> None:
    """Print a table, and write it into a page."""
    parser = begin_options(__doc__)
    parser.add_argument("what", choices=("times", "few"))
    parser.add_argument("--recipes", nargs="+", choices=[*RECIPES])
    parser.add_argument("--pictures", nargs="+", type=int, default=[50, 200, 1_000, 3_000])
    parser.add_argument("--epochs", nargs="+", type=int, default=[1, 3, 20])
    arguments = parser.parse_args()
    is_times = arguments.what == "times"
    names = arguments.recipes or [
        name
        for name, recipe in RECIPES.items()
        if recipe.pages is None and (is_times or recipe.weight_average)
    ]
    if is_times:
        head = ("recipe", "epochs at most", "drawing, min", "an epoch, min", "all, min")
        images, labels = (each[:3_000] for each in datasets.load_mnist()[0])
        measured = (measure_time(RECIPES[name], images, labels) for name in names)
    else:
        head = ("recipe", "pictures", "epochs", "accuracy", "without the average", "points")
        keys = product(names, arguments.epochs, arguments.pictures)
        measured = (measure_few(RECIPES[name], count, epochs) for name, epochs, count in keys)
    rows = []
    for row in measured:
        rows.append(row)
        print(*row, sep="  ", flush=True)
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs"
    text = format_table(head, rows, f"python benchmarks/recipes.py {arguments.what}, on {machine}")
    show(text, arguments.page, f"recipes {arguments.what}")


if __name__ == "__main__":
    main()
