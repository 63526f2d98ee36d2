"""Train `base` with and without the stroke generator's digits, and measure what they bring.

    python benchmarks/strokes.py FOLDER [--seeds 3] [--epochs 6] [--runs FOLDER] [--page PAGE.md]

FOLDER is as `benchmarks/pictures.py` takes it. The network and its training are those of the `base`
recipe, shortened to so many epochs, on MNIST's 60,000 images without damaged copies and without
things that are no digit, so that only the drawn digits differ. The last epoch counts. Finished
trainings in the runs' folder are taken as they are, an unfinished one goes on.

MNIST's test set is measured at the end only. The last column reads digits drawn anew: what the one
network has learnt from its likes, and the other has never seen.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
from pictures import read_pictures, summarize

from digitcnn import datasets, evaluate, predict_proba, train
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES, Recipe

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))
from pages import fill_place, format_table  # noqa: E402 - where to find it is said above

NAME = "strokes"  # of the table in the page
DRAWN = 2000
DRAWN_SEED = 2**31  # apart from all that the trainings draw by
MEASURES = ("MNIST test", "pictures", "over sources", "drawn digits")


def recipes(epochs: int) -> dict[str, Recipe]:
    """Give the two recipes to compare."""
    alone = dataclasses.replace(
        RECIPES["base"], epochs=epochs, drawn_digits=0, drawn_nondigits=0, damaged=0, ending=None
    )
    drawn = dataclasses.replace(alone, drawn_digits=RECIPES["base"].drawn_digits)
    return {"MNIST alone": alone, "MNIST and drawn digits": drawn}


def measure(recipe: Recipe, seed: int, run_dir: Path, folder: Path) -> dict[str, float]:
    """Train one network and measure it on everything."""
    model = train(recipe=recipe, seed=seed, validation_size=0, run_dir=run_dir, verbose=2).model
    _, test = datasets.load_mnist()
    read = summarize(read_pictures(folder, lambda path: predict_proba(path, model=model)))
    drawn = evaluate(model, *draw_digits(DRAWN, seed=DRAWN_SEED))
    values = (
        evaluate(model, *test).accuracy,
        read["accuracy"],
        read["accuracy_over_sources"],
        drawn.accuracy,
    )
    return dict(zip(MEASURES, values, strict=True))


def table(figures: dict[str, list[dict[str, float]]], epochs: int) -> str:
    """Write a Markdown table of means and standard deviations over the seeds."""
    rows = [
        (name, str(len(rows)), *(_spread([row[measure] for row in rows]) for measure in MEASURES))
        for name, rows in figures.items()
    ]
    command = f"python benchmarks/strokes.py FOLDER --epochs {epochs}"
    return format_table(("trained on", "seeds", *MEASURES), rows, command)


def _spread(values: list[float]) -> str:
    """Write a mean, and the deviation where there is more than one value."""
    mean = f"{np.mean(values):.2%}"
    return f"{mean} ± {np.std(values, ddof=1):.2%}" if len(values) > 1 else mean


def main() -> int:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="labelled pictures and manifest.csv")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--runs", type=Path, default=Path("runs/strokes"), help="their folders")
    parser.add_argument("--page", type=Path, help="write the table into this Markdown page")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()

    figures: dict[str, list[dict[str, float]]] = {}
    for seed in range(arguments.seeds):
        for name, recipe in recipes(arguments.epochs).items():
            run_dir = arguments.runs / f"{name.replace(' ', '-').lower()}-{seed}"
            row = measure(recipe, seed, run_dir, arguments.folder)
            figures.setdefault(name, []).append(row)
            print(f"{name}, seed {seed}: {row}", flush=True)
    text = table(figures, arguments.epochs)
    print(text)
    if arguments.page:
        fill_place(arguments.page, NAME, text)
    if arguments.json:
        record = {"epochs": arguments.epochs, "figures": figures}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
