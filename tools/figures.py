"""Measure what the README, the model card and other pages state, and write it there.

    python tools/figures.py [--pictures FOLDER] [--numbers FOLDER] [--nondigits FILE.npz]
                            [--beside PROGRAM...] [--only NAME...]

Replaces what stands between `<!-- figures: NAME -->` and `<!-- end -->` in these pages, and draws
the pictures in `docs/images`. FOLDER and FILE are as `benchmarks/accuracy.py` and
`benchmarks/read_numbers.py` take them; without them those figures stay as they are.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from reporting import write_figures

from digitcnn import explain, plots, predict_proba, preprocess, read

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "benchmarks"))
import accuracy  # noqa: E402 - where to find them is said above
import read_numbers  # noqa: E402
import scene_kinds  # noqa: E402
import speed  # noqa: E402

PAGES = [
    PROJECT / "README.md",
    *(PROJECT / "docs" / f"{name}.md" for name in ("model-card", "experiments", "numbers")),
]
PICTURES = PROJECT / "docs" / "images"
SEED = 7
IMAGES = "images"


def main() -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", help="folder of labelled pictures")
    parser.add_argument("--numbers", help="folder of labelled pictures of numbers")
    parser.add_argument("--beside", nargs="+", help="what else reads the numbers")
    parser.add_argument("--nondigits", help="file of pictures of what is no digit")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the figures, or `images`")
    arguments = parser.parse_args()
    everything = ["--brief", "--split", "test"]
    for option in ("pictures", "nondigits"):
        if path := getattr(arguments, option):
            everything += [f"--{option}", path]
    measures: dict[str, Callable[[], object]] = {
        "mnist": partial(accuracy.main, ["mnist", "--weights", "base"]),
        "accuracy": partial(accuracy.main, ["mnist"]),
        "everything": partial(accuracy.main, everything),
        "cold start": speed.cold_start_table,
        IMAGES: draw_images,
    }
    if arguments.pictures:
        both = ["--weights", "base", "base:tutorial", "--pictures", arguments.pictures]
        measures["pictures"] = partial(accuracy.main, ["pictures", *both])
    if arguments.numbers:
        measures["numbers"] = partial(read_numbers.main, [arguments.numbers])
        if arguments.beside:
            others = ["--beside", *arguments.beside]
            measures["numbers beside"] = partial(read_numbers.main, [arguments.numbers, *others])
    wanted = arguments.only or [*measures]
    if unknown := set(wanted) - {*measures}:
        parser.error(f"unknown, or without its FOLDER or FILE: {', '.join(sorted(unknown))}")
    for name in wanted:
        table = measures[name]()
        for page in PAGES if name != IMAGES else ():
            write_figures(page, name, str(table))


def draw_images() -> None:
    """Draw the pictures of the pages."""
    draw_examples(PICTURES / "examples.png")
    draw_scenes(PICTURES / "scenes.jpg")
    steps = plots.steps(explain(PROJECT / "examples" / "seven-crossed.jpg"))
    steps[0, 0].figure.savefig(PICTURES / "steps.png", dpi=72)
    log = PROJECT / "examples" / "numbers" / "meter-log.jpg"
    drawn = plots.reading(log, read(log)).figure
    drawn.savefig(PICTURES / "numbers.jpg", dpi=84, pil_kwargs={"quality": 80})


def draw_examples(path: Path) -> None:
    """Draw the pictures of `examples/` with the digit read in each."""
    suffixes = (".jpg", ".png", ".gif")
    pictures = sorted(each for each in (PROJECT / "examples").iterdir() if each.suffix in suffixes)
    with mpl.rc_context({"font.size": 15}):
        rows = -(-len(pictures) // 7)
        figure = Figure(figsize=(1.75 * 7, 2.2 * rows), layout="constrained")
        axes = figure.subplots(rows, 7).ravel()
        for ax in axes:
            ax.axis("off")
        for ax, picture in zip(axes, pictures, strict=False):
            ax.imshow(_thumbnail(picture), interpolation="nearest")
            ax.set_title(_answer(picture))
        figure.savefig(path, dpi=72)


def draw_scenes(path: Path) -> None:
    """Draw a scene of every other kind, what is made of it, and the digit read."""
    kinds = list(scene_kinds.KINDS)[1::2][:18]
    with mpl.rc_context({"font.size": 10}):
        figure = Figure(figsize=(2.1 * 6, 2.1 * 3), layout="constrained")
        for ax, kind in zip(figure.subplots(3, 6).ravel(), kinds, strict=True):
            _, scene = scene_kinds.draw(kind, 0, SEED)
            ax.imshow(Image.open(io.BytesIO(scene)).convert("RGB"))
            inset = ax.inset_axes((0.66, 0.02, 0.32, 0.42))
            inset.imshow(preprocess(scene)[0, ..., 0], cmap="gray", vmin=0, vmax=1)
            ax.axis("off")
            inset.axis("off")
            ax.set_title(f"{kind}\n{_answer(scene)}")
        figure.savefig(path, dpi=84, pil_kwargs={"quality": 80})


def _answer(picture: Path | bytes) -> str:
    probabilities = predict_proba(picture)
    return f"{probabilities.argmax()}  ({probabilities.max():.0%})"


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
