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
import tempfile
from typing import Any

import numpy as np
from checkout import use_published_files
from reporting import begin_options, format_table, show

from digitcnn import load_pretrained, predict, train
from digitcnn.synthesis import draw_digits

SCREENING_SEED, TRAINING_SEED, HELD_OUT_SEED = 1_000, 2_000, 3_000
SCREENED_DIGITS = 40


def main() -> None:
    """Print a table: a line for each hand, and the mean."""
    parser = begin_options(__doc__)
    add = parser.add_argument
    add("--weights", default="conv-pool-dropout", help="published, or a training run's folder")
    add("--screened", type=int, default=200, help="hands to choose from")
    add("--hands", type=int, default=5, help="the hardest so many")
    add("--seeds", type=int, default=2, help="trainings for each hand")
    add("--pictures", type=int, default=40, help="to fine-tune on")
    add("--held-out", type=int, default=200, help="to measure on")
    add("--epochs", type=int, help="(default: the recipe's)")
    add("--learning-rate", type=float, help="(default: a tenth of the recipe's)")
    arguments = parser.parse_args()
    use_published_files()

    before, rows = load_pretrained(arguments.weights), {}
    for hand in hardest_hands(before, arguments.screened)[: arguments.hands]:
        trials = [measure(before, hand, seed, arguments) for seed in range(arguments.seeds)]
        rows[f"{hand}"] = np.mean(trials, axis=0)
        print(f"hand {hand}", *rows[f"{hand}"], sep="  ", flush=True)
    rows["mean"] = np.mean(list(rows.values()), axis=0)
    lines = [
        (name, f"{was:.1%}", f"{now:.1%}", f"{mended:.1f}", f"{made:.1f}")
        for name, (was, now, mended, made) in rows.items()
    ]
    head = (f"`{arguments.weights}`, hand", "before", "after", "errors mended", "errors made")
    how = f"{arguments.pictures} pictures, {arguments.held_out} others measured"
    text = format_table(head, lines, f"python benchmarks/finetune.py, {how}")
    show(text, arguments.page, "finetune")


def hardest_hands(model: Any, count: int) -> list[int]:
    """Sort hands by how many digits of a first draw are misread, the most first."""
    errors = []
    for hand in range(count):
        images, labels = draw_digits(SCREENED_DIGITS, seed=SCREENING_SEED, hand=hand)
        errors.append(int((predict(images, model=model) != labels).sum()))
    print(f"{count} hands, {sum(error == 0 for error in errors)} of them read without an error\n")
    return np.argsort(-np.array(errors), kind="stable").tolist()


def measure(
    before: Any, hand: int, seed: int, arguments: argparse.Namespace
) -> tuple[float, float, int, int]:
    """Fine-tune on one draw of a hand; return what another draw says: accuracies, errors."""
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


if __name__ == "__main__":
    main()
