"""Measure what fine-tuning on a few dozen pictures gains for the hands that are read worst.

    python benchmarks/finetune.py [--weights NAME or RUN FOLDER] [--page docs/training.md]

A hand is one writer of the stroke generator: the same form of each digit, the same slant and pen.
By default the network is a tutorial's, which has seen MNIST alone: `base` has learnt from the
stroke generator. Most hands are read well, and need no fine-tuning. So many are read first, from a
draw that is used for nothing else, and those misread most are taken; what is trained on and what is
measured on are two further draws of the same hand. A training takes some seconds, the whole a
minute or two on an idle machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn import load_pretrained, predict, train
from digitcnn.synthesis import draw_digits

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]
from checkout import use_published_files  # noqa: E402 - where to find them is said above
from pages import fill_place, format_table  # noqa: E402

NAME = "finetune"  # of the table in the page
SCREENING_SEED, TRAINING_SEED, HELD_OUT_SEED = 1_000, 2_000, 3_000
SCREENED_DIGITS = 40


def main() -> None:
    """Print a table: a line for each hand, and the mean."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--weights", default="conv-pool-dropout", help="published, or a training run's folder"
    )
    parser.add_argument("--screened", type=int, default=200, help="hands to choose from")
    parser.add_argument("--hands", type=int, default=5, help="the hardest so many")
    parser.add_argument("--seeds", type=int, default=2, help="trainings for each hand")
    parser.add_argument("--pictures", type=int, default=40, help="to fine-tune on")
    parser.add_argument("--held-out", type=int, default=200, help="to measure on")
    parser.add_argument("--epochs", type=int, help="(default: the recipe's)")
    parser.add_argument("--learning-rate", type=float, help="(default: a tenth of the recipe's)")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    arguments = parser.parse_args()
    use_published_files()

    before = load_pretrained(arguments.weights)
    hands = hardest_hands(before, arguments.screened)[: arguments.hands]
    rows = []
    for hand in hands:
        rows.append(measure(before, hand, arguments))
        print(*cells(f"hand {hand}", rows[-1]), sep="  ", flush=True)
    lines = [cells(f"{hand}", row) for hand, row in zip(hands, rows, strict=True)]
    lines.append(cells("mean", np.mean(rows, axis=0)))
    head = (f"`{arguments.weights}`, hand", "before", "after", "errors mended", "errors made")
    how = f"{arguments.pictures} pictures, {arguments.held_out} others measured"
    text = format_table(head, lines, f"python benchmarks/finetune.py, {how}")
    print(f"\n{text}")
    if arguments.page:
        fill_place(arguments.page, NAME, text)


def hardest_hands(model: Any, count: int) -> list[int]:
    """Sort hands by how many digits of a first draw are misread, the most first."""
    errors = []
    for hand in range(count):
        images, labels = draw_digits(SCREENED_DIGITS, seed=SCREENING_SEED, hand=hand)
        errors.append(int((predict(images, model=model) != labels).sum()))
    print(f"{count} hands, {sum(error == 0 for error in errors)} of them read without an error\n")
    return np.argsort(-np.array(errors), kind="stable").tolist()


def measure(before: Any, hand: int, arguments: argparse.Namespace) -> np.ndarray:
    """Give accuracy before and after, and how many errors were mended and made, over the seeds."""
    return np.mean(
        [measure_once(before, hand, seed, arguments) for seed in range(arguments.seeds)], axis=0
    )


def measure_once(
    before: Any, hand: int, seed: int, arguments: argparse.Namespace
) -> tuple[float, float, int, int]:
    """Fine-tune on one draw of a hand and measure on another."""
    pictures = draw_digits(arguments.pictures, seed=TRAINING_SEED + seed, hand=hand)
    images, labels = draw_digits(arguments.held_out, seed=HELD_OUT_SEED + seed, hand=hand)
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            *pictures,
            recipe=before.name,  # as the recipe of each published network is called
            initial_weights=arguments.weights,
            epochs=arguments.epochs,
            learning_rate=arguments.learning_rate,
            validation_size=0,
            seed=seed,
            run_dir=folder,
            verbose=0,
        )
    was_right, is_right = (predict(images, model=model) == labels for model in (before, run))
    mended, made = (is_right & ~was_right).sum(), (was_right & ~is_right).sum()
    return was_right.mean(), is_right.mean(), mended, made


def cells(name: str, row: np.ndarray) -> tuple[str, ...]:
    """Write a line of the table."""
    was, now, mended, made = row
    return name, f"{was:.1%}", f"{now:.1%}", f"{mended:.1f}", f"{made:.1f}"


if __name__ == "__main__":
    main()
