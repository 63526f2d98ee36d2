"""Measure what the README, the model card and other pages state, and write it there.

    python tools/figures.py [--pictures FOLDER] [--numbers FOLDER] [--nondigits FILE.npz]
                            [--only NAME...]

Replaces what stands between `<!-- figures: NAME -->` and `<!-- end -->` in these pages, and draws
the pictures in `docs/images`. FOLDER and FILE are as `benchmarks/accuracy.py` and
`benchmarks/read_numbers.py` take them; without them those figures stay as they are.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from reporting import write_figures

from digitcnn import explain, plots, predict_proba, preprocess, read

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "benchmarks"))
import accuracy  # noqa: E402 - where to find them is said above
import scene_kinds  # noqa: E402
import speed  # noqa: E402

PAGES = (
    PROJECT / "README.md",
    PROJECT / "docs" / "model-card.md",
    PROJECT / "docs" / "experiments.md",
    PROJECT / "docs" / "numbers.md",
)
COLUMNS = 7
SCENES = (3, 6)  # rows and columns
SEED = 7
IMAGES = "images"


def main() -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=Path, help="folder of labelled pictures")
    parser.add_argument("--numbers", type=Path, help="folder of labelled pictures of numbers")
    parser.add_argument("--nondigits", type=Path, help="file of pictures of what is no digit")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the figures, or `images`")
    arguments = parser.parse_args()
    pictures = str(arguments.pictures)
    everything = ["--split", "test", "--brief"]
    for option in ("pictures", "nondigits"):
        if folder := getattr(arguments, option):
            everything += [f"--{option}", str(folder)]
    both = ("--weights", "base", "base:tutorial", "--pictures", pictures)
    measures: dict[str, Callable[[], str]] = {
        "mnist": lambda: accuracy.main(["mnist", "--weights", "base"]),
        "accuracy": lambda: accuracy.main(["mnist"]),
        "everything": lambda: accuracy.main(everything),
        "cold start": speed.cold_start_table,
    }
    if arguments.pictures:
        measures["pictures"] = lambda: accuracy.main(["pictures", *both])
    if arguments.numbers:
        measures["numbers"] = lambda: number_figures(arguments.numbers)
    wanted = arguments.only or [*measures, IMAGES]
    unknown = set(wanted) - {*measures, IMAGES}
    if unknown:
        parser.error(f"unknown, or without its FOLDER or FILE: {', '.join(sorted(unknown))}")
    for name in set(wanted) - {IMAGES}:
        table = measures[name]()
        for page in PAGES:
            write_figures(page, name, table)
    if IMAGES in wanted:
        draw_examples(PROJECT / "docs" / "images" / "examples.png")
        draw_scenes(PROJECT / "docs" / "images" / "scenes.jpg")
        steps = plots.steps(explain(PROJECT / "examples" / "seven-crossed.jpg"))
        steps[0, 0].figure.savefig(PROJECT / "docs" / "images" / "steps.png", dpi=72)
        log = PROJECT / "examples" / "numbers" / "meter-log.jpg"
        drawn = plots.reading(log, read(log)).figure
        path = PROJECT / "docs" / "images" / "numbers.jpg"
        drawn.savefig(path, dpi=84, pil_kwargs={"quality": 80})


def number_figures(folder: Path) -> str:
    """Measure people's own pictures of numbers by the benchmark that does so."""
    command = [sys.executable, str(PROJECT / "benchmarks" / "read_numbers.py"), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this project's own
    return done.stdout.strip() + "\n"


def draw_examples(path: Path) -> None:
    """Draw the pictures of `examples/` with the digit read in each."""
    pictures = sorted(
        each for each in (PROJECT / "examples").iterdir() if each.suffix in (".jpg", ".png", ".gif")
    )
    with mpl.rc_context({"font.size": 15}):
        rows = -(-len(pictures) // COLUMNS)
        figure = Figure(figsize=(1.75 * COLUMNS, 2.2 * rows), layout="constrained")
        axes = figure.subplots(rows, COLUMNS).ravel()
        for ax in axes:
            ax.axis("off")
        for ax, picture in zip(axes, pictures, strict=False):
            probabilities = predict_proba(picture)
            ax.imshow(_thumbnail(picture), interpolation="nearest")
            ax.set_title(f"{probabilities.argmax()}  ({probabilities.max():.0%})")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=72)


def draw_scenes(path: Path) -> None:
    """Draw a scene of every other kind, what is made of it, and the digit read."""
    kinds = list(scene_kinds.KINDS)[1::2][: SCENES[0] * SCENES[1]]
    with mpl.rc_context({"font.size": 10}):
        figure = Figure(figsize=(2.1 * SCENES[1], 2.1 * SCENES[0]), layout="constrained")
        for ax, kind in zip(figure.subplots(*SCENES).ravel(), kinds, strict=True):
            _, scene = scene_kinds.draw(kind, 0, SEED)
            probabilities = predict_proba(scene)
            with Image.open(io.BytesIO(scene)) as picture:
                ax.imshow(ImageOps.exif_transpose(picture).convert("RGB"))
            inset = ax.inset_axes((0.66, 0.02, 0.32, 0.42))
            inset.imshow(preprocess(scene)[0, ..., 0], cmap="gray", vmin=0, vmax=1)
            ax.set_title(f"{kind}\n{probabilities.argmax()}  ({probabilities.max():.0%})")
            for each in (ax, inset):
                each.axis("off")
        figure.savefig(path, dpi=84, pil_kwargs={"quality": 80})


def _thumbnail(path: Path) -> Image.Image:
    """Show a picture in a square of white, transparency in pale grey."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I"):
            picture = picture.point(lambda value: value / 256).convert("L")
        picture = picture.convert("RGBA")
    ground = Image.new("RGBA", picture.size, (225, 228, 232))
    ground.alpha_composite(picture)
    return ImageOps.pad(ground.convert("RGB"), (240, 240), Image.Resampling.BOX, color="white")


if __name__ == "__main__":
    main()
