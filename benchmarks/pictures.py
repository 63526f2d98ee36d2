"""Measure how well people's own pictures are read.

    python benchmarks/pictures.py FOLDER [--baseline] [--sheet FILE.png] [--json FILE]

FOLDER holds `manifest.csv`, with a column for each picture's path, label, source and kind, and the
pictures. A picture that is refused counts as misread. `--baseline` adds what the same network reads
when it is fed as tutorials do: grey, resized to 28 x 28, divided by 255.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from checkout import use_published_files
from PIL import Image, ImageDraw, ImageOps

import digitcnn
from digitcnn import DigitcnnError, predict_proba
from digitcnn._sessions import NetworkSession
from digitcnn.evaluation import Evaluation
from digitcnn.weights import resolve

REFUSED = -1
CELL = 112  # pixels
GAP = 6
LINE = 12
GRAY_GREEN = (206, 218, 206)  # shows where a picture is transparent
VERMILION = (213, 94, 0)
MOST_STEPS = 8
ROW_WIDTH = 820  # pixels: room for the line above the cells

Read = Callable[[Path], np.ndarray]


@dataclass(frozen=True)
class Reading:
    """One picture, what it shows and what was read."""

    path: str
    label: int
    source: str
    kind: str
    answer: int
    probabilities: tuple[float, ...] = ()
    error: str = ""

    @property
    def confidence(self) -> float:
        """Give the probability of the answer, 0 for a refusal."""
        return max(self.probabilities, default=0.0)

    @property
    def is_right(self) -> bool:
        """Say whether the digit was read."""
        return self.answer == self.label


def read_pictures(folder: Path, read: Read) -> list[Reading]:
    """Read every picture in the manifest, one at a time, so that one refusal spoils no other."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    readings = []
    for row in rows:
        answer, probabilities, error = REFUSED, (), ""
        try:
            probabilities = tuple(read(folder / row["path"]).ravel().tolist())
        except (DigitcnnError, OSError) as refusal:
            error = f"{type(refusal).__name__}: {refusal}"
        else:
            answer = int(np.argmax(probabilities))
        place = (row["path"], int(row["label"]), row["source"], row["kind"])
        readings.append(Reading(*place, answer, probabilities, error))
    return readings


def tutorial_reader(weights: str) -> Read:
    """Feed the network as tutorials do."""
    session = NetworkSession(resolve(weights), threads=None)

    def read(path: Path) -> np.ndarray:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L").resize((28, 28)), np.float32) / 255
        return np.asarray(session.run(pixels[None, ..., None]))

    return read


def share(readings: Iterable[Reading]) -> float:
    """Give the share that was read rightly."""
    return float(np.mean([reading.is_right for reading in readings]))


def grouped(readings: Iterable[Reading], field: str) -> dict[str, list[Reading]]:
    """Part readings by one of their fields, in the order of its values."""
    groups = defaultdict(list)
    for reading in readings:
        groups[getattr(reading, field)].append(reading)
    return dict(sorted(groups.items()))


def summarize(readings: list[Reading]) -> dict[str, Any]:
    """Measure accuracy per kind, plain, and averaged over sources."""
    by_source = grouped(readings, "source").values()
    return {
        "pictures": len(readings),
        "sources": len(by_source),
        "accuracy": share(readings),
        "accuracy_over_sources": float(np.mean([share(group) for group in by_source])),
        "refused": sum(reading.answer == REFUSED for reading in readings),
        "calibration_error": calibration_error(readings),
        "kinds": {
            kind: {"pictures": len(group), "accuracy": share(group)}
            for kind, group in grouped(readings, "kind").items()
        },
        "misread": [
            asdict(reading) | {"confidence": reading.confidence}
            for reading in readings
            if not reading.is_right
        ],
    }


def calibration_error(readings: list[Reading]) -> float:
    """Give the expected calibration error over what was not refused, or NaN if all was."""
    answered = [reading for reading in readings if reading.probabilities]
    if not answered:
        return float("nan")
    labels = [reading.label for reading in answered]
    return Evaluation(labels, [reading.probabilities for reading in answered]).calibration_error


def print_table(summaries: dict[str, dict[str, Any]]) -> None:
    """Print accuracy per kind, one column for each way of feeding the network."""
    first = next(iter(summaries.values()))
    print(f"{'kind':24}{'pictures':>9}" + "".join(f"{name:>16}" for name in summaries))
    for kind, row in first["kinds"].items():
        shares = [summary["kinds"][kind]["accuracy"] for summary in summaries.values()]
        print(f"{kind:24}{row['pictures']:>9}" + "".join(f"{value:>16.2%}" for value in shares))
    for label, key, count in (
        ("all pictures", "accuracy", first["pictures"]),
        (f"mean over {first['sources']} sources", "accuracy_over_sources", ""),
    ):
        shares = [summary[key] for summary in summaries.values()]
        print(f"{label:24}{count:>9}" + "".join(f"{value:>16.2%}" for value in shares))
    errors = [summary["calibration_error"] for summary in summaries.values()]
    print(f"{'calibration error':33}" + "".join(f"{value:>16.2%}" for value in errors))


def print_misread(misread: list[dict[str, Any]]) -> None:
    """List what was misread: the picture, its digit, the answer and how sure, or the error."""
    print(f"\n{len(misread)} misread:")
    for row in misread:
        answer = row["error"] or f"read as {row['answer']} ({row['confidence']:.1%})"
        print(f"  {row['path']}: {row['label']} {answer}")


def draw_sheet(folder: Path, misread: list[dict[str, Any]]) -> Image.Image:
    """Draw a row for each misread picture: as it is, each step of preprocessing, the answer."""
    rows = [_draw_row(folder / row["path"], row) for row in misread]
    width = max((row.width for row in rows), default=CELL)
    height = sum(row.height + GAP for row in rows)
    sheet = Image.new("RGB", (width, max(1, height)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + GAP
    return sheet


def _draw_row(path: Path, row: dict[str, Any]) -> Image.Image:
    """Draw one misread picture."""
    cells = [("picture", _open(path))]
    try:
        cells += [
            (step.name, _to_gray(np.asarray(step.picture))) for step in digitcnn.explain(path)
        ]
    except DigitcnnError as refusal:
        cells.append((type(refusal).__name__, None))
    cells = cells[: MOST_STEPS + 1]
    width = max(ROW_WIDTH, len(cells) * (CELL + GAP))
    strip = Image.new("RGB", (width, CELL + 2 * LINE), "white")
    draw = ImageDraw.Draw(strip)
    for index, (name, picture) in enumerate(cells):
        left = index * (CELL + GAP)
        draw.text((left, LINE), name, fill="black")
        if picture is not None:
            fitted = ImageOps.contain(picture, (CELL, CELL), Image.Resampling.NEAREST)
            strip.paste(fitted, (left, 2 * LINE))
    answer = row["error"] or f"read as {row['answer']} ({row['confidence']:.1%})"
    draw.text((0, 0), f"{row['path']}: {row['label']}, {answer}"[:200], fill=VERMILION)
    return strip


def _open(path: Path) -> Image.Image | None:
    """Open a picture as a person would see it, or give None."""
    try:
        with Image.open(path) as picture:
            if picture.mode.startswith(("I", "F")):
                return _to_gray(np.asarray(picture, np.float64))
            shown = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError):
        return None
    ground = Image.new("RGBA", shown.size, GRAY_GREEN)
    ground.alpha_composite(shown)
    return ground.convert("RGB")


def _to_gray(plane: np.ndarray) -> Image.Image:
    """Stretch any plane to 8 bits: from 0 or its least value to its greatest."""
    plane = plane.astype(np.float64).reshape(plane.shape[:2])
    low = min(0.0, float(plane.min()))
    spread = max(float(plane.max()) - low, 1e-9)
    return Image.fromarray(np.rint((plane - low) / spread * 255).astype(np.uint8)).convert("RGB")


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds manifest.csv and the pictures")
    parser.add_argument("--weights", default="base", help="published name or .onnx file")
    parser.add_argument("--baseline", action="store_true", help="feed it as tutorials do, too")
    parser.add_argument("--sheet", type=Path, help="draw the misread pictures to this PNG")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    use_published_files()

    ways: dict[str, Read] = {"digitcnn": lambda path: predict_proba(path, model=arguments.weights)}
    if arguments.baseline:
        ways["as in tutorials"] = tutorial_reader(arguments.weights)
    summaries = {
        name: summarize(read_pictures(arguments.folder, read)) for name, read in ways.items()
    }
    print(f"weights {arguments.weights}, {summaries['digitcnn']['pictures']} pictures\n")
    print_table(summaries)
    print_misread(summaries["digitcnn"]["misread"])
    if arguments.json:
        record = {"weights": arguments.weights, "ways": summaries}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if arguments.sheet:
        draw_sheet(arguments.folder, summaries["digitcnn"]["misread"]).save(arguments.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
