"""Measure what the README, the model card and the page on numbers state, and write it there.

    python tools/figures.py [--pictures FOLDER] [--numbers FOLDER] [--nondigits FILE.npz]
                            [--only NAME...]

Replaces what stands between `<!-- figures: NAME -->` and `<!-- end -->` in these pages, and draws
the pictures in `docs/images`. FOLDER and FILE are as `benchmarks/pictures.py`,
`benchmarks/read_numbers.py` and `benchmarks/nondigits.py` take them; without them those figures
stay as they are.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from pages import format_table, write_figures
from PIL import Image, ImageOps

from digitcnn import datasets, evaluate, explain, plots, predict_proba, read
from digitcnn.weights import get_weights

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "benchmarks"))
from accuracy import cell as accuracy_cell  # noqa: E402 - where to find it is said above

PAGES = (
    PROJECT / "README.md",
    PROJECT / "docs" / "model-card.md",
    PROJECT / "docs" / "numbers.md",
)
COLUMNS = 7
IMAGES = "images"


def main() -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=Path, help="folder of labelled pictures")
    parser.add_argument("--numbers", type=Path, help="folder of labelled pictures of numbers")
    parser.add_argument("--nondigits", type=Path, help="file of pictures of what is no digit")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the figures, or `images`")
    arguments = parser.parse_args()
    measures: dict[str, Callable[[], str]] = {
        "mnist": mnist_figures,
        "weights": lambda: accuracy_figures("weights"),
        "pairs": lambda: accuracy_figures("pairs"),
        "damages": damage_figures,
        "cold start": cold_start_figures,
    }
    if arguments.pictures:
        measures["pictures"] = lambda: picture_figures(arguments.pictures)
    if arguments.numbers:
        measures["numbers"] = lambda: number_figures(arguments.numbers)
    if arguments.nondigits:
        measures["nondigits"] = lambda: nondigit_figures(arguments.nondigits)
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
        steps = plots.steps(explain(PROJECT / "examples" / "seven-crossed.jpg"))
        steps[0, 0].figure.savefig(PROJECT / "docs" / "images" / "steps.png", dpi=72)
        log = PROJECT / "examples" / "numbers" / "meter-log.jpg"
        drawn = plots.reading(log, read(log)).figure
        path = PROJECT / "docs" / "images" / "numbers.jpg"
        drawn.savefig(path, dpi=84, pil_kwargs={"quality": 80})


def mnist_figures() -> str:
    """Measure the default weights on MNIST's test set."""
    _, (images, labels) = datasets.load_mnist()
    record = get_weights("base")
    result = evaluate("base", images, labels)
    return format_table(
        ("MNIST's test set, 10,000 images", record.id),
        [
            ("accuracy", f"{result.accuracy:.2%}"),
            ("images misread", str(result.num_errors)),
            ("expected calibration error", f"{result.calibration_error:.2%}"),
            ("parameters", f"{record.num_parameters:,}"),
            ("multiply-adds for an image", f"{record.multiply_adds:,}"),
            ("size of the `.onnx` file", f"{record.onnx.size / 1e6:.2f} MB"),
        ],
        "digitcnn evaluate --weights base --dataset mnist-test",
    )


def picture_figures(folder: Path) -> str:
    """Measure people's own pictures, as the library reads them and as tutorials feed them."""
    ways = _run("pictures.py", str(folder), "--baseline")["ways"]
    ours, theirs = ways.values()
    rows = [
        (f"{kind}, {row['pictures']}", f"{row['accuracy']:.1%}", f"{other['accuracy']:.1%}")
        for (kind, row), other in zip(ours["kinds"].items(), theirs["kinds"].values(), strict=True)
    ]
    for name, key in (
        (f"all, {ours['pictures']}", "accuracy"),
        (f"mean over {ours['sources']} people", "accuracy_over_sources"),
    ):
        rows.append((name, f"{ours[key]:.1%}", f"{theirs[key]:.1%}"))
    errors = (f"{way['calibration_error']:.1%}" for way in (ours, theirs))
    rows.append(("expected calibration error", *errors))
    return format_table(
        ("people's own pictures", "digitcnn", "the same network, fed as tutorials do"),
        rows,
        "python benchmarks/pictures.py FOLDER --baseline",
    )


def number_figures(folder: Path) -> str:
    """Measure people's own pictures of numbers: the benchmark's table, and what it says below."""
    command = [sys.executable, str(PROJECT / "benchmarks" / "read_numbers.py"), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - as below
    lines = [line for line in done.stdout.splitlines() if line]
    table = [line for line in lines if line.startswith("|")]
    below = [f"* {line}" for line in lines[1:] if not line.startswith("|")]
    text = "\n".join([*table, "", *below])
    return f"{text}\n\nCommand: `python benchmarks/read_numbers.py FOLDER`\n"


@functools.cache
def _accuracy() -> dict[str, list[dict[str, Any]]]:
    """Measure all published networks from their files."""
    return _run("accuracy.py")


def accuracy_figures(part: str) -> str:
    """Write what the networks come to, or how they compare image by image."""
    rows = _accuracy()[part]
    head = list(rows[0])
    cells = [[accuracy_cell(name, row[name]) for name in head] for row in rows]
    return format_table(head, cells, "python benchmarks/accuracy.py")


def damage_figures() -> str:
    """Measure the test images after each kind of damage."""
    errors = _run("corruptions.py", "--split", "test")
    damages = {name: error for name, error in errors.items() if name != "none"}
    rows = [(name, f"{error:.1%}") for name, error in damages.items()]
    rows.append(("mean", f"{sum(damages.values()) / len(damages):.1%}"))
    head = ("damage to MNIST's test images", "misread or refused")
    return format_table(head, rows, "python benchmarks/corruptions.py --split test")


def nondigit_figures(file: Path) -> str:
    """Measure how much of what is no digit is refused."""
    measured = _run("nondigits.py", str(file))
    rows = [
        (
            "confidence that 99% of 5,000 MNIST training digits reach",
            f"{measured['threshold']:.3f}",
        ),
        ("of what is no digit, refused by it", f"{measured['refused']:.1%}"),
        ("of letters that look like a digit, refused by it", f"{measured['lookalikes']:.1%}"),
    ]
    head = ("letters, clothing, other scripts, doodles", get_weights("base").id)
    return format_table(head, rows, "python benchmarks/nondigits.py FILE.npz")


def cold_start_figures() -> str:
    """Measure the time and memory of a first prediction."""
    measured = _run("cold_start.py", may_miss=True)
    rows = [
        (name, f"{row['seconds']:.2f} s", f"{row['peak_mib']:.0f} MiB")
        for name, row in measured["jobs"].items()
    ]
    return format_table(
        ("one picture in a new process", "time", "peak memory"),
        rows,
        f"python benchmarks/cold_start.py, median of {measured['repeats']}; {measured['machine']}",
    )


def _run(benchmark: str, *options: str, may_miss: bool = False) -> dict[str, Any]:
    """Run a benchmark and read its figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        command = [sys.executable, str(PROJECT / "benchmarks" / benchmark), *options]
        subprocess.run([*command, "--json", str(path)], check=not may_miss)  # noqa: S603 - this project's own
        return json.loads(path.read_text(encoding="utf-8"))


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
