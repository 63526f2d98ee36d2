"""Measure how long each recipe takes, and what a training on few pictures is worth.

    python benchmarks/recipes.py times [--recipes NAME...] [--page docs/training.md]
    python benchmarks/recipes.py few [--recipes NAME...] [--pictures N...] [--epochs N...]
    python benchmarks/recipes.py finetune [--weights NAME or RUN FOLDER] [--hands 5]

`times` draws and trains a little of each recipe, and reckons what the whole takes on MNIST.
`few` trains with the recipe's weight average and without, from the same seed, on the first of
MNIST's training images, and measures on 5,000 others, which no recipe's training sees.

`finetune` goes on with 40 pictures of one of the writers of the stroke generator whose digits are
read worst: most are read well, so 200 are read first, from a draw that is used for nothing else.
What is trained on and what is measured on are two further draws of the same hand. By default the
network is a tutorial's, which has seen MNIST alone: `base` has learnt from the stroke generator.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import keras
import numpy as np
from checkout import use_published_files
from reporting import begin_options, format_table, machine, show

from digitcnn import datasets, evaluate, load_pretrained, predict, train
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES, Recipe

TRAINED = 55_000  # of MNIST, without those kept apart
SCREENING_SEED, TRAINING_SEED, HELD_OUT_SEED = 1_000, 2_000, 3_000
SCREENED_DIGITS, TUNED, HELD_OUT, TUNINGS = 40, 40, 200, 2  # of each hand


def step_watch() -> tuple[keras.callbacks.Callback, list[float]]:
    """Return what notes when each step of the last epoch ends, and where it does."""
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_, **__: ends.clear(),
        on_train_batch_end=lambda *_, **__: ends.append(time.perf_counter()),
    )
    return watch, ends


def measure_time(recipe: Recipe, images: np.ndarray, labels: np.ndarray) -> tuple[str, ...]:
    """Return the recipe's name, and the minutes of drawing, of an epoch and of all of it."""
    drawn = recipe.drawn_digits + recipe.drawn_nondigits + recipe.damaged
    quick = dataclasses.replace(recipe, drawn_digits=0, drawn_nondigits=0, damaged=0, ending=None)
    # So short a training learns next to nothing, which `train` would say.
    logging.getLogger("digitcnn").setLevel(logging.ERROR)
    before, steps = [], []
    # With all that comes before the first step, and with what every training begins with.
    for each, count in ((recipe, len(images)), (quick, 200)):
        (watch, ends), begun = step_watch(), time.perf_counter()
        options = {"epochs": 1, "validation_size": 0, "callbacks": [watch], "verbose": 0}
        train(images[:count], labels[:count], recipe=each, **options)
        before.append(ends[0] - begun)
        steps.append(np.diff(ends))
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


def finetune(arguments: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """Yield a row for each of the hands that are read worst, and the mean."""
    use_published_files()
    before, errors = load_pretrained(arguments.weights), []
    for hand in range(arguments.screened):
        images, labels = draw_digits(SCREENED_DIGITS, seed=SCREENING_SEED, hand=hand)
        errors.append(int((predict(images, model=before) != labels).sum()))
    print(f"{len(errors)} hands, {errors.count(0)} of them read without an error\n")
    rows = {}
    for hand in np.argsort(-np.array(errors), kind="stable")[: arguments.hands].tolist():
        trials = [tune(before, arguments.weights, hand, seed) for seed in range(TUNINGS)]
        rows[str(hand)] = np.mean(trials, axis=0)
    rows["mean"] = np.mean(list(rows.values()), axis=0)
    for name, (was, now, mended, made) in rows.items():
        yield name, f"{was:.1%}", f"{now:.1%}", f"{mended:.1f}", f"{made:.1f}"


def tune(before: Any, weights: str, hand: int, seed: int) -> tuple[float, float, int, int]:
    """Fine-tune on one draw of a hand; return what another draw says: accuracies, errors."""
    images, labels = draw_digits(HELD_OUT, seed=HELD_OUT_SEED + seed, hand=hand)
    run = train(
        *draw_digits(TUNED, seed=TRAINING_SEED + seed, hand=hand),
        recipe=before.name,  # as the recipe of each published network is called
        initial_weights=weights,
        validation_size=0,
        seed=seed,
        verbose=0,
    )
    was_right, is_right = (predict(images, model=model) == labels for model in (before, run))
    mended, made = (is_right & ~was_right).sum(), (was_right & ~is_right).sum()
    return was_right.mean(), is_right.mean(), mended, made


def main() -> None:
    """Print a table, and write it into a page."""
    parser = begin_options(__doc__)
    add = parser.add_argument
    add("what", choices=("times", "few", "finetune"))
    add("--recipes", nargs="+", choices=[*RECIPES])
    add("--pictures", nargs="+", type=int, default=[50, 200, 1_000, 3_000])
    add("--epochs", nargs="+", type=int, default=[1, 3, 20])
    add("--weights", default="conv-pool-dropout", help="published, or a training run's folder")
    add("--hands", type=int, default=5, help="the hardest so many")
    add("--screened", type=int, default=200, help="hands to choose from")
    arguments = parser.parse_args()
    names, how = arguments.recipes, f"on {machine()}"
    classifiers = [name for name, recipe in RECIPES.items() if recipe.pages is None]
    if arguments.what == "times":
        head = ("recipe", "epochs at most", "drawing, min", "an epoch, min", "all, min")
        images, labels = (each[:3_000] for each in datasets.load_mnist()[0])
        keys = names or classifiers
        measured = (measure_time(RECIPES[name], images, labels) for name in keys)
    elif arguments.what == "few":
        head = ("recipe", "pictures", "epochs", "accuracy", "without the average", "points")
        names = names or [name for name in classifiers if RECIPES[name].weight_average]
        keys = product(names, arguments.epochs, arguments.pictures)
        measured = (measure_few(RECIPES[name], count, epochs) for name, epochs, count in keys)
    else:
        head = (f"`{arguments.weights}`, hand", "before", "after", "errors mended", "errors made")
        measured, how = finetune(arguments), f"{TUNED} pictures, {HELD_OUT} others measured"
    rows = []
    for row in measured:
        rows.append(row)
        print(*row, sep="  ", flush=True)
    text = format_table(head, rows, f"python benchmarks/recipes.py {arguments.what}, {how}")
    show(text, arguments.page, f"recipes {arguments.what}")


if __name__ == "__main__":
    main()
