"""Train the networks of five well-known MNIST tutorials, and set their claims beside what comes.

    python benchmarks/tutorials.py [--seeds 3] [--recipes NAME...] [--page docs/tutorials.md]
                                   [--card docs/model-card.md]

Every training keeps a folder of its own, so that a call which was stopped goes on when it is given
again, and finished ones are only reported. Each network does as its tutorial does: where that
keeps the best epoch, the best by validation accuracy, else the last. The test set is looked at
once for each network, after its training, and nothing is chosen by it; `--card` lists these looks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from digitcnn import TrainingRun, datasets, evaluate, train
from digitcnn.training import read_run

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))
from looks import enter_look  # noqa: E402 - where to find them is said above
from pages import fill_place, format_table  # noqa: E402

NAME = "tutorials"  # of the table in the page
MEASURED_FILE = "measured.json"
SECONDS_FILE = "seconds.json"


@dataclass(frozen=True)
class Tutorial:
    """What a tutorial claims, and what of its training a recipe does not hold.

    Attributes
    ----------
    recipe : str
        Its name in `RECIPES`.
    claim : str
        In the tutorial's words.
    validates : bool
        Whether 5,000 of the 60,000 are kept apart.
    keeps_best : bool
        Whether the epoch with the best validation accuracy counts, rather than the last.
    """

    recipe: str
    claim: str
    validates: bool
    keeps_best: bool


TUTORIALS = (
    Tutorial("conv-pool-dropout", "about 98% test", validates=True, keeps_best=True),
    Tutorial("conv5x5", "98.98% test", validates=False, keeps_best=False),
    Tutorial("three-conv", "about 98% validation", validates=True, keeps_best=False),
    Tutorial("two-conv-dropout", "92.4% test", validates=True, keeps_best=True),
    Tutorial("conv-pool", "about 98% test, 99% train", validates=False, keeps_best=False),
)


class EpochSeconds(keras.callbacks.Callback):  # type: ignore[misc]
    """Write how long each epoch took, so that the sum outlives a kill."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        """Start the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        """Stop it; an epoch that is done again replaces its first time."""
        seconds = read_json(self.path) or {}
        write_json(self.path, {**seconds, str(epoch): time.perf_counter() - self.began})


def train_tutorial(
    tutorial: Tutorial, seed: int, folder: Path, *, epochs: int | None, num_images: int | None
) -> TrainingRun:
    """Train one network as its tutorial does, or go on with what the folder holds of it."""
    (images, labels), _ = datasets.load_mnist()
    images, labels = images[:num_images], labels[:num_images]
    validation_size = num_validation(len(labels)) if tutorial.validates else 0
    if validation_size and not tutorial.keeps_best:
        # train() would keep the best epoch, so it is not shown what it could choose by.
        (images, labels), _ = datasets.train_validation_split(
            images, labels, validation_size=validation_size
        )
        validation_size = 0
    return train(
        images,
        labels,
        recipe=tutorial.recipe,
        epochs=epochs,
        validation_size=validation_size,
        seed=seed,
        run_dir=folder,
        callbacks=[EpochSeconds(folder / SECONDS_FILE)],
        verbose=2,
    )


def num_validation(num_images: int) -> int:
    """Give how many are kept apart: 5,000 of 60,000."""
    return num_images // 12


def measure(
    tutorial: Tutorial, run: TrainingRun, *, num_images: int | None, card: Path | None
) -> dict[str, Any]:
    """Measure a trained network on what it was not trained on; list the look at the test set."""
    (images, labels), test = datasets.load_mnist()
    seen = evaluate(run.model, *test)
    if card:
        enter_look(card, [read_run(run.run_dir)], seen)
    measured: dict[str, Any] = {
        "test_accuracy": seen.accuracy,
        "train_accuracy": run.history["accuracy"][-1],
        "epochs": len(run.history["loss"]),
        "seconds": sum((read_json(run.run_dir / SECONDS_FILE) or {}).values()),
    }
    if tutorial.validates:
        _, validation = datasets.train_validation_split(
            images[:num_images],
            labels[:num_images],
            validation_size=num_validation(len(labels[:num_images])),
        )
        measured["validation_accuracy"] = evaluate(run.model, *validation).accuracy
    return measured


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Set the claims beside the means over the seeds."""
    rows = [
        (
            f"`{tutorial.recipe}`",
            tutorial.claim,
            spread([each["test_accuracy"] for each in found[tutorial.recipe]]),
            spread([each.get("validation_accuracy") for each in found[tutorial.recipe]]),
            spread([each["train_accuracy"] for each in found[tutorial.recipe]]),
            spread([each["epochs"] for each in found[tutorial.recipe]], "{:.0f}"),
            # Of the one that was disturbed least.
            f"{min(each['seconds'] for each in found[tutorial.recipe]) / 60:.1f} min",
            str(len(found[tutorial.recipe])),
        )
        for tutorial in TUTORIALS
        if found.get(tutorial.recipe)
    ]
    head = ("recipe", "the tutorial claims", "test", "validation", "train", "epochs", "quickest")
    command = f"python benchmarks/tutorials.py, on {machine()}"
    return format_table((*head, "seeds"), rows, command)


def spread(values: list[float | None], form: str = "{:.2%}") -> str:
    """Give the mean of what was measured and, of accuracies, the standard deviation."""
    known = [value for value in values if value is not None]
    if not known:
        return "none"
    mean = form.format(statistics.mean(known))
    if form != "{:.2%}" or len(known) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(known):.2%}"


def machine() -> str:
    """Name what the times were measured on."""
    return f"{platform.machine()}, {os.cpu_count()} CPUs"


def read_json(path: Path) -> Any:
    """Read a file, or None where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_json(path: Path, content: Any) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f"partial-{path.name}")
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def find_measured(runs: Path) -> dict[str, list[dict[str, Any]]]:
    """Read what was measured of each finished training."""
    return {
        each.recipe: [
            {"seed": int(path.parent.name.rpartition("-")[2]), **read_json(path)}
            for path in sorted(runs.glob(f"{each.recipe}-[0-9]*/{MEASURED_FILE}"))
        ]
        for each in TUTORIALS
    }


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [each.recipe for each in TUTORIALS]
    parser.add_argument("--recipes", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3, help="how many; 0 reports what there is")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "tutorials")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    parser.add_argument("--card", type=Path, help="enter each look at the test set in this page")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--epochs", type=int, help="instead of the recipes', to try it out")
    parser.add_argument("--images", type=int, help="of the 60,000, to try it out")
    arguments = parser.parse_args()
    if (arguments.epochs or arguments.images) and (arguments.page or arguments.card):
        parser.error("--page and --card are for whole trainings; leave out --epochs and --images")
    return arguments


def main() -> int:
    """Train what is missing, measure it, and print the table."""
    arguments = _arguments()
    # Seed by seed, so that a table of one seed is there first.
    for seed in range(arguments.seeds):
        for tutorial in TUTORIALS:
            if tutorial.recipe not in arguments.recipes:
                continue
            folder = arguments.runs / f"{tutorial.recipe}-{seed}"
            print(f"\n{tutorial.recipe}, seed {seed}, in {folder}", flush=True)
            run = train_tutorial(
                tutorial, seed, folder, epochs=arguments.epochs, num_images=arguments.images
            )
            # The test set is looked at once.
            if not (folder / MEASURED_FILE).exists():
                measured = measure(tutorial, run, num_images=arguments.images, card=arguments.card)
                write_json(folder / MEASURED_FILE, measured)
    found = find_measured(arguments.runs)
    text = table(found)
    print(f"\n{text}")
    if arguments.json:
        recipes = {
            each.recipe: {"claim": each.claim, "runs": found[each.recipe]} for each in TUTORIALS
        }
        write_json(arguments.json, {"machine": machine(), "recipes": recipes})
    if arguments.page:
        fill_place(arguments.page, NAME, text)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on")
