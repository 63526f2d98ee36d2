"""Measure how long each recipe takes, and what a training on few pictures is worth.

    python benchmarks/recipes.py times [--recipes NAME...] [--page docs/training.md]
    python benchmarks/recipes.py few [--recipes NAME...] [--pictures N...] [--epochs N...]

`times` draws and trains a little of each recipe, and reckons what the whole takes on MNIST.
`few` trains with the recipe's weight average and without, from the same seed, on the first of
MNIST's training images, and measures on 5,000 others, which no recipe's training sees.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import sys
import time
from pathlib import Path

import keras
import numpy as np

from digitcnn import datasets, evaluate, train
from digitcnn.training import RECIPES, Recipe

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
from pages import fill_place, format_table

TRAINED = 55_000  # of MNIST, without those kept apart
DETECTORS = ("reader",)  # reads pages: neither its time nor its worth is told in MNIST's images


class StepTimes(keras.callbacks.Callback):
    """Notes when each step ends."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.ends = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note the time."""
        del batch, logs
        self.ends.append(time.perf_counter())


def measure_time(recipe: Recipe, images: np.ndarray, labels: np.ndarray) -> tuple[str, ...]:
    """Give the recipe's name, and the minutes of drawing, of an epoch and of all of it."""
    drawn = recipe.drawn_digits + recipe.drawn_nondigits + recipe.damaged
    steps = StepTimes()
    begun = time.perf_counter()
    train(images, labels, recipe=recipe, epochs=1, validation_size=0, callbacks=[steps], verbose=0)
    # The first steps compile; a median leaves them out, and other programs' turns.
    step = float(np.median(np.diff(steps.ends)))
    before = steps.ends[0] - begun  # drawing, and what every training begins with
    begun = time.perf_counter()
    quick = dataclasses.replace(recipe, drawn_digits=0, drawn_nondigits=0, damaged=0, ending=None)
    start = StepTimes()
    train(images[:200], labels[:200], recipe=quick, epochs=1, callbacks=[start], verbose=0)
    drawing = max(0, before - (start.ends[0] - begun)) / len(images) * TRAINED if drawn else 0
    epoch = (TRAINED + drawn * TRAINED / 60_000) / recipe.batch_size * step
    epochs = recipe.epochs + (recipe.ending.epochs if recipe.ending else 0)
    cells = (drawing / 60, epoch / 60, (drawing + epochs * epoch) / 60)
    return (f"`{recipe.name}`", f"{epochs}", *(f"{minutes:.1f}" for minutes in cells))


def measure_few(recipe: Recipe, pictures: int, epochs: int) -> tuple[str, ...]:
    """Give the accuracy with the weight average and without, and the difference in points."""
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
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("times", "few"))
    parser.add_argument("--recipes", nargs="+", choices=[*RECIPES])
    parser.add_argument("--pictures", nargs="+", type=int, default=[50, 200, 1_000, 3_000])
    parser.add_argument("--epochs", nargs="+", type=int, default=[1, 3, 20])
    parser.add_argument("--page", type=Path, help="write the table into this page")
    arguments = parser.parse_args()
    known = [each for each in RECIPES if each not in DETECTORS]
    rows = []
    if arguments.what == "times":
        head = ("recipe", "epochs at most", "drawing, min", "an epoch, min", "all, min")
        (images, labels), _ = datasets.load_mnist()
        for name in arguments.recipes or known:
            rows.append(measure_time(RECIPES[name], images[:3_000], labels[:3_000]))
            print(*rows[-1], sep="  ", flush=True)
    else:
        head = ("recipe", "pictures", "epochs", "accuracy", "without the average", "points")
        averaged = [each for each in known if RECIPES[each].weight_average]
        for name in arguments.recipes or averaged:
            for epochs in arguments.epochs:
                for pictures in arguments.pictures:
                    rows.append(measure_few(RECIPES[name], pictures, epochs))
                    print(*rows[-1], sep="  ", flush=True)
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs"
    text = format_table(head, rows, f"python benchmarks/recipes.py {arguments.what}; {machine}")
    print(f"\n{text}")
    if arguments.page:
        fill_place(arguments.page, f"recipes {arguments.what}", text)


if __name__ == "__main__":
    main()
