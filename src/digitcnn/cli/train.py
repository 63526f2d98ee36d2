"""`digitcnn train`: a training run in a folder of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from digitcnn._checks import one_of
from digitcnn.cli._console import add_command, options_in, write_line

# Here, because `--help` must not wait for the room they live in.
_RECIPES = {
    "base": "the library's own, 99.7 % on MNIST's test images; hours",
    "large": "as base, with the deeper network vgg, 99.7 %; many hours",
    "tiny": "fewer than 10,000 parameters, 99.6 %; hours",
    "fast": "two epochs of a small network; 20 seconds",
    "conv-pool": "two convolutions, 99.1 %; 2 minutes",
    "three-conv": "three convolutions, 99.1 %; 2 minutes",
    "conv5x5": "wide filters, 99.3 %; 3 minutes",
    "conv-pool-dropout": "blocks with dropout and augmentation, 99.4 %; 4 minutes",
    "two-conv-dropout": "two convolutions by Adadelta, 99.1 %; 13 minutes",
    "vgg": "deeper, in blocks; hours",
    "resnet": "deeper, with shortcuts; hours",
    "reader": "finds every digit of a page, learns from drawn ones; hours",
    "lines": "reads a line that was found, learns from drawn pages; hours",
    "ink": "tells one digit's ink from all else, learns from drawn pages; hours",
}


def add_train(commands: Any) -> None:
    """Describe the arguments."""
    typed = dict.fromkeys(("labels", "folder", "path"), "--images")
    parser = add_command(
        commands,
        _run,
        "train",
        "train a network, on MNIST unless told otherwise",
        "Needs TensorFlow. A run that was stopped goes on when the same command is given again.",
        "digitcnn train --recipe conv5x5 --run-dir runs/conv5x5",
        "digitcnn train --images my-digits --recipe conv-pool --epochs 20",
        typed=typed | {"weights": "--initial-weights"},
    )
    recipes = "\n".join(f"  {name:18} {line}" for name, line in _RECIPES.items())
    parser.epilog = f"{parser.epilog}\n\nrecipes, with the time for MNIST on two CPUs:\n{recipes}"
    parser.add_argument(
        "--recipe", default="base", metavar="NAME", help="one of those below (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's")
    parser.add_argument("--batch-size", type=int, metavar="N", help="instead of the recipe's")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed trains the same network (default: 0)"
    )
    parser.add_argument(
        "--run-dir", metavar="DIR", help="where the results go (default: runs/RECIPE)"
    )
    parser.add_argument(
        "--images",
        metavar="PATH",
        help="pictures in folders 0 to 9, or a file of digits (CSV, npz, IDX), instead of MNIST",
    )
    parser.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="instead of the recipe's"
    )
    parser.add_argument(
        "--initial-weights",
        metavar="WEIGHTS",
        help="fine-tune these: a published name or a training run's folder",
    )
    parser.add_argument(
        "--patience", type=int, metavar="N", help="stop after N epochs without a better validation"
    )
    parser.add_argument(
        "--monitor",
        choices=("val_loss", "val_accuracy"),
        help="what patience goes by (default: val_loss)",
    )
    parser.add_argument(
        "--class-weight",
        choices=("balanced",),
        help="have digits count alike, however many images there are of each",
    )
    said = parser.add_mutually_exclusive_group()
    said.add_argument(
        "--quiet", dest="verbose", action="store_const", const=0, help="show no progress"
    )
    said.add_argument(
        "--verbose",
        action="store_const",
        const=1,
        help="show a bar where there is no terminal, too, instead of a line for each epoch",
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--validation-size",
        type=int,
        metavar="N",
        help="images kept apart to choose the epoch by (default: a twelfth of all)",
    )
    kept.add_argument(
        "--validation-fraction", type=float, metavar="PART", help="the same as a part of all"
    )


def _run(arguments: argparse.Namespace) -> int:
    """Train, and say what came of it and where it lies."""
    from digitcnn import datasets, training
    from digitcnn.cli._process import import_quietly, kept_memory
    from digitcnn.training._folders import read_history

    recipe = one_of("recipe", arguments.recipe, _RECIPES)
    images: Any = None
    labels = None
    if arguments.images is not None:
        is_file = Path(arguments.images).is_file()
        load = datasets.load_file if is_file else datasets.load_folder
        images, labels = load(arguments.images)
    run_dir = arguments.run_dir or str(Path("runs") / recipe)
    # What is not given is left to `train` itself.
    options = options_in(arguments, "recipe", "run_dir", "images")
    import_quietly()
    try:
        with kept_memory():
            finished = training.train(images, labels, recipe=recipe, run_dir=run_dir, **options)
    except KeyboardInterrupt:
        saved = len(read_history(Path(run_dir)))
        print(
            f"\ndigitcnn: stopped; {saved} finished epochs are saved, and the same command goes on "
            f"from {run_dir}",
            file=sys.stderr,
        )
        raise
    for name, value in finished.metrics.items():
        write_line(f"{name} {value:.6g}")
    write_line(f"run_dir {finished.run_dir}")
    return 0
