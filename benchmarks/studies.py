"""Train networks from several seeds, and set what comes of them in one table.

    python benchmarks/studies.py tutorials [--seeds 3] [--page docs/tutorials.md]
    python benchmarks/studies.py drawings --pictures FOLDER
    python benchmarks/studies.py seeds RUN_FOLDER... [--members N]

`tutorials` trains what well-known MNIST tutorials train, `drawings` the recipe of `base`,
shortened, with and without drawn digits; `seeds` reads trainings that differ by their seed alone,
with `--members` each N of them as one ensemble. Every training keeps a folder of its own, with what
was measured of it: one that was stopped goes on, a finished one is only reported. Those that
`--epochs` and `--images` make shorter, to try it out, lie apart. MNIST's test set is looked at once
for each, after its training, and nothing is chosen by it; `--card` enters these looks in a page.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import accuracy
import keras
import numpy as np
from checkout import ROOT
from registry import enter_look, named
from reporting import begin_options, format_table, machine, show

from digitcnn import (
    Evaluation,
    TrainingRun,
    datasets,
    evaluate,
    load_pretrained,
    predict_proba,
    preprocess,
    train,
)
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES, Recipe, read_run

MEASURED_FILE, SECONDS_FILE = "measured.json", "seconds.txt"
DRAWN, DRAWN_SEED = 2000, 2**31  # apart from all that the trainings draw by
SHORT_EPOCHS = 6


@dataclasses.dataclass(frozen=True)
class Variant:
    """A recipe, what a tutorial claims of it, and what of the tutorial no recipe holds."""

    name: str
    recipe: Recipe
    claim: str = "-"
    validates: bool = False  # a twelfth of the images, 5,000 of 60,000, is kept apart
    keeps_best: bool = False  # the epoch with the best validation accuracy counts, not the last


_BARE = {"drawn_digits": 0, "drawn_nondigits": 0, "damaged": 0, "ending": None}
_SHORT = dataclasses.replace(RECIPES["base"], epochs=SHORT_EPOCHS, **_BARE)
_WITH_DRAWN = dataclasses.replace(_SHORT, drawn_digits=RECIPES["base"].drawn_digits)


def tutorial(name: str, claim: str, **what_no_recipe_holds: bool) -> Variant:
    """Return the recipe that reproduces a tutorial, with what that claims in its own words."""
    return Variant(name, RECIPES[name], claim, **what_no_recipe_holds)


STUDIES = {
    "tutorials": (
        tutorial("conv-pool-dropout", "about 98% test", validates=True, keeps_best=True),
        tutorial("conv5x5", "98.98% test"),
        tutorial("three-conv", "about 98% validation", validates=True),
        tutorial("two-conv-dropout", "92.4% test", validates=True, keeps_best=True),
        tutorial("conv-pool", "about 98% test, 99% train"),
    ),
    "drawings": (
        Variant("MNIST alone", _SHORT),
        Variant("MNIST and drawn digits", _WITH_DRAWN),
    ),
}
COLUMNS = {
    "tutorials": ("test", "validation", "train", "epochs", "minutes"),
    "drawings": ("test", "pictures", "drawn digits"),
}


def note_seconds(path: Path) -> keras.callbacks.Callback:
    """Return what writes how long each epoch took, so that the sum outlives a kill."""
    begun: list[float] = []

    def note(epoch: int, *_: Any, **__: Any) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{epoch} {time.perf_counter() - begun[-1]}\n")

    begin = lambda *_, **__: begun.append(time.perf_counter())  # noqa: E731
    return keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=note)


def sum_seconds(path: Path) -> float:
    """Add the epochs up; one that was done again counts by its last time."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else ()
    return sum(float(seconds) for seconds in dict(line.split() for line in lines).values())


def train_variant(
    variant: Variant, seed: int, folder: Path, *, epochs: int | None, num_images: int | None
) -> TrainingRun:
    """Train one network, or go on with what the folder holds of it."""
    images, labels = (each[:num_images] for each in datasets.load_mnist()[0])
    validation_size = len(labels) // 12 if variant.validates else 0
    if validation_size and not variant.keeps_best:
        # train() would keep the best epoch, so it is not shown what it could choose by.
        (images, labels), _ = datasets.train_validation_split(
            images, labels, validation_size=validation_size
        )
        validation_size = 0
    return train(
        images,
        labels,
        recipe=variant.recipe,
        epochs=epochs,
        validation_size=validation_size,
        seed=seed,
        run_dir=folder,
        callbacks=[note_seconds(folder / SECONDS_FILE)],
        verbose=2,
    )


def measure(variant: Variant, run: TrainingRun, arguments: argparse.Namespace) -> dict[str, float]:
    """Measure a trained network on what it was not trained on; list the look at the test set."""
    whole, test = datasets.load_mnist()
    seen = evaluate(run.model, *test)
    if arguments.card:
        enter_look(arguments.card, [read_run(run.run_dir)], seen)
    images, labels = (each[: arguments.images] for each in whole)
    measured = {"test": seen.accuracy}
    if variant.validates:
        _, kept = datasets.train_validation_split(images, labels, validation_size=len(labels) // 12)
        measured["validation"] = evaluate(run.model, *kept).accuracy
    measured["train"] = run.history["accuracy"][-1]
    if "drawn digits" in COLUMNS[arguments.study]:
        drawn = draw_digits(DRAWN, seed=DRAWN_SEED)
        measured["drawn digits"] = evaluate(run.model, *drawn).accuracy
    if "pictures" in COLUMNS[arguments.study] and arguments.pictures:
        samples = accuracy.pictures(arguments)
        answers = predict_proba(samples.images, model=run.model, errors="return")
        measured["pictures"] = float(accuracy.is_right(samples, answers).mean())
    measured["epochs"] = len(run.history["loss"])
    measured["minutes"] = sum_seconds(run.run_dir / SECONDS_FILE) / 60
    return measured


def run_study(study: str, arguments: argparse.Namespace) -> str:
    """Train and measure what is missing; return the table of all that is there."""

    def file_of(variant: Variant, seed: int | str) -> Path:
        name = variant.name.replace(" ", "-").lower()
        return arguments.runs / f"{name}-{seed}" / MEASURED_FILE

    # Seed by seed, so that a table of one seed is there first.
    for seed in range(arguments.seeds):
        for variant in STUDIES[study]:
            file = file_of(variant, seed)
            if arguments.only in (None, variant.name) and not file.exists():
                print(f"\n{variant.name}, seed {seed}, in {file.parent}", flush=True)
                options = {"epochs": arguments.epochs, "num_images": arguments.images}
                run = train_variant(variant, seed, file.parent, **options)
                file.write_text(json.dumps(measure(variant, run, arguments)), "utf-8")
    found = {}
    for variant in STUDIES[study]:
        files = sorted(
            arguments.runs.glob(f"{file_of(variant, '[0-9]*').parent.name}/{MEASURED_FILE}")
        )
        if files:
            found[variant] = [json.loads(file.read_text("utf-8")) for file in files]
    rows = [
        (
            *(f"`{variant.name}`", variant.claim, str(len(runs))),
            *(spread(name, [run[name] for run in runs if name in run]) for name in COLUMNS[study]),
        )
        for variant, runs in found.items()
    ]
    command = f"python benchmarks/studies.py {study}, on {machine()}"
    return format_table(("trained by", "claim", "seeds", *COLUMNS[study]), rows, command)


def spread(name: str, values: Sequence[float]) -> str:
    """Write the mean of what was measured and, of accuracies, the standard deviation."""
    if not values:
        return "none"
    if name == "minutes":
        return f"{min(values):.1f}"  # of the one that was disturbed least
    if name == "epochs":
        return f"{statistics.mean(values):.0f}"
    deviation = f" ± {statistics.stdev(values):.2%}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2%}{deviation}"


def report_seeds(arguments: argparse.Namespace) -> tuple[str, str]:
    """Measure trainings that differ by their seed; return what they are, and the table."""
    runs, size = [read_run(folder) for folder in arguments.run_dirs], arguments.members
    first = runs[0]
    if any((run.recipe, run.num_images) != (first.recipe, first.num_images) for run in runs):
        sys.exit("the runs differ by more than their seed")
    if len({run.seed for run in runs}) < len(runs) or len(runs) % size:
        sys.exit(f"the runs must have a seed each, and make whole ensembles of {size}")
    if any(run.validation_size for run in runs):
        sys.exit("the runs chose their epoch by validation; train with validation_size=0")
    images, labels = datasets.load_mnist()[1]
    batch, rows, measured = preprocess(images), [], []
    answers = [
        load_pretrained(run.run_dir).predict(batch, batch_size=500, verbose=0) for run in runs
    ]
    for start in range(0, len(runs), size):
        group = runs[start : start + size]
        each = Evaluation(labels, np.mean(answers[start : start + size], axis=0))
        measured.append(each)
        rows.append(
            (named(run.seed for run in group), f"{each.accuracy:.2%}", f"{each.num_errors}")
        )
        if arguments.card:
            enter_look(arguments.card, group, each)
    errors = statistics.mean(each.num_errors for each in measured)
    rows.append(("mean", spread("test", [each.accuracy for each in measured]), f"{errors:.1f}"))
    members, by = (f" --members {size}", f" by {size}") if size > 1 else ("", "")
    command = f"python benchmarks/studies.py seeds RUN_FOLDER...{members}"
    how = f"{first.num_images:,} images, {len(first.history)} epochs, the last one counts"
    recipe = first.recipe["name"]
    head = (f"`{recipe}`, seed", "MNIST test", "errors")
    return f"{recipe} seeds{by}", format_table(head, rows, f"{command}, {how}")


def main(words: list[str] | None = None) -> None:
    """Train what is missing, measure it, and print the table."""
    parser = begin_options(__doc__)
    add = parser.add_argument
    add("study", choices=[*STUDIES, "seeds"])
    add("run_dirs", nargs="*", type=Path, help="folders of finished training runs")
    add("--members", type=int, default=1, help="runs to an ensemble")
    add("--only", metavar="NAME", help="of the networks to train")
    add("--seeds", type=int, default=3, help="how many; 0 reports what there is")
    add("--runs", type=Path, help="default: runs/trainings, or runs/tries of those made shorter")
    add("--pictures", type=Path, metavar="FOLDER", help="for `drawings`; as accuracy.py takes it")
    add("--card", type=Path, help="enter each look at the test set in this page")
    add("--epochs", type=int, help="instead of the recipes', to try it out")
    add("--images", type=int, help="of the 60,000, to try it out")
    arguments = parser.parse_args(words)
    names = [variant.name for variant in STUDIES.get(arguments.study, ())]
    if arguments.only not in (None, *names):
        parser.error(f"--only takes one of {', '.join(names)}; got {arguments.only!r}")
    is_try = arguments.epochs or arguments.images
    if is_try and (arguments.page or arguments.card):
        parser.error("--page and --card are for whole trainings; leave out --epochs and --images")
    if arguments.only and arguments.page:
        parser.error("--page is for all networks; leave out --only")
    arguments.runs = arguments.runs or ROOT / "runs" / ("tries" if is_try else "trainings")
    if arguments.study == "seeds":
        name, text = report_seeds(arguments)
    else:
        name, text = arguments.study, run_study(arguments.study, arguments)
    show(text, arguments.page, name)


if __name__ == "__main__":
    main()
