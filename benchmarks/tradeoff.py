"""Set what each published network makes of MNIST beside what it makes of drawn scenes.

    python benchmarks/tradeoff.py [--weights NAME...] [--pictures N] [--plot FILE] [--page PAGE]

A network that reads MNIST best need not be the one for a person with a phone: the scenes are those
of `benchmarks/scenes.py`, squared paper to blackboards, drawn once and preprocessed once, so that
the networks alone differ. What the preprocessing refuses counts as misread by all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn import DigitClassifier, Evaluation, NoDigitError, datasets, preprocess
from digitcnn.architectures import DETECTORS
from digitcnn.weights import Weights, list_weights, resolve

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]
from checkout import use_published_files  # noqa: E402 - where to find them is said above
from pages import fill_place, format_table  # noqa: E402
from scene_kinds import KINDS  # noqa: E402
from scenes import draw  # noqa: E402

NAME = "tradeoff"  # of the table in the page
# Nearer than this, two names would be written over each other.
_LABEL_RATIO = 1.1  # of MNIST errors
_LABEL_WIDTH = 0.002  # of the scenes
OURS, TUTORIALS = "#0072B2", "#D55E00"  # Okabe and Ito's blue and vermilion


def draw_scenes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw so many of each kind: canonical images, their digits, and how many are refused."""
    images, digits, refused = [], [], 0
    for kind in KINDS:
        for index in range(count):
            digit, content = draw(kind, index, seed)
            try:
                images.append(preprocess(content))
            except NoDigitError:
                refused += 1
                continue
            digits.append(digit)
    return np.concatenate(images), np.array(digits), refused


def measure(
    record: Weights,
    test: tuple[np.ndarray, np.ndarray],
    scenes: tuple[np.ndarray, np.ndarray, int],
) -> dict[str, Any]:
    """Measure one network on both."""
    classifier = DigitClassifier(resolve(record.id, format="onnx"))
    images, digits, refused = scenes
    wrong = int((classifier.predict(images) != digits).sum())
    return {
        "weights": record.id,
        "recipe": record.recipe,
        "parameters": record.num_parameters,
        "mnist errors": Evaluation(test[1], classifier.predict_proba(test[0])).num_errors,
        "scenes misread": (wrong + refused) / (len(digits) + refused),
    }


def table(rows: list[dict[str, Any]], scenes: int, command: str) -> str:
    """Write a line for each network."""
    head = ("weights", "parameters", "MNIST test, errors in 10,000", f"{scenes:,} scenes, misread")
    lines = [
        (
            row["weights"],
            f"{row['parameters']:,}",
            str(row["mnist errors"]),
            f"{row['scenes misread']:.1%}",
        )
        for row in rows
    ]
    return format_table(head, lines, command)


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw each network: down is better on MNIST, left is better on pictures."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.add_subplot(
        xlabel="scenes misread (%)", ylabel="MNIST test images misread, of 10,000"
    )
    ax.set_yscale("log")
    furthest = max(100 * row["scenes misread"] for row in rows)
    for group in _neighbours(rows):
        for row in group:
            is_ours = row["recipe"] in ("base", "large", "tiny")
            color, marker = (OURS, "o") if is_ours else (TUTORIALS, "s")
            place = (100 * row["scenes misread"], row["mnist errors"])
            ax.plot(*place, linestyle="none", markersize=8, color=color, marker=marker)
        x, y = 100 * group[0]["scenes misread"], group[0]["mnist errors"]
        ax.annotate(
            ", ".join(row["weights"] for row in group),
            (x, y),
            xytext=(-4, 8),
            textcoords="offset points",
            # Centred, a long name would reach over the axis at the left.
            horizontalalignment="left" if x < furthest / 4 else "center",
        )
    ax.yaxis.set_major_locator(
        FixedLocator([10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000])
    )
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())
    ax.margins(0.15)
    ax.set_xlim(left=0)
    ax.grid(visible=True, which="major", alpha=0.3)
    ax.set_title("Down and to the left is better; squares: the tutorials' networks", loc="left")
    figure.savefig(path, dpi=110)


def _neighbours(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group what lies so near that names would be written over each other, the uppermost first."""
    groups: list[list[dict[str, Any]]] = []
    for row in sorted(rows, key=lambda row: -row["mnist errors"]):
        for group in groups:
            ratio = group[0]["mnist errors"] / max(row["mnist errors"], 1)
            apart = abs(group[0]["scenes misread"] - row["scenes misread"])
            if ratio < _LABEL_RATIO and apart < _LABEL_WIDTH:
                group.append(row)
                break
        else:
            groups.append([row])
    return groups


def main() -> int:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", nargs="+", help="names; by default the newest of each")
    parser.add_argument("--pictures", type=int, default=20, help="how many of each kind of scene")
    parser.add_argument("--seed", type=int, default=0, help="another one draws other scenes")
    parser.add_argument("--plot", type=Path, help="draw to this file")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    use_published_files()

    records = [record for record in list_weights() if record.architecture not in DETECTORS]
    newest = {record.name: record for record in records}  # sorted by version
    known = {record.id: record for record in records} | newest
    _, test = datasets.load_mnist()
    scenes = draw_scenes(arguments.pictures, arguments.seed)
    rows = [measure(known[name], test, scenes) for name in arguments.weights or newest]
    rows.sort(key=lambda row: row["mnist errors"])
    command = f"python benchmarks/tradeoff.py, seed {arguments.seed}"
    text = table(rows, len(scenes[1]) + scenes[2], command)
    print(text)
    if arguments.plot:
        plot(rows, arguments.plot)
    if arguments.page:
        fill_place(arguments.page, NAME, text)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
