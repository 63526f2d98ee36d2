"""Measure how well digits are read in scenes of the project's own drawing.

    python benchmarks/scenes.py [--weights NAME] [--pictures N] [--seed N] [--kind NAME]...
                                [--sheet FILE] [--gallery FILE] [--json FILE]

Squared paper, sheets on wood, shadows, pencils, canvases: a row for each kind in `scene_kinds`.
Digits and scenes are drawn from a fixed seed, each digit equally often. What is read wrongly with
90 % and more is counted apart: `min_confidence` does not hold that back.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from checkout import use_published_files
from PIL import Image, ImageDraw, ImageOps
from scene_kinds import KINDS, Draft

from digitcnn import DigitClassifier, NoDigitError, preprocess

REFUSED = -1
SURE = 0.9
NUM_DIGITS = 10
CELL = 180  # pixels
ROW = 6


@dataclass(frozen=True)
class Reading:
    """One scene, the digit in it and what was read."""

    kind: str
    index: int
    digit: int
    answer: int
    confidence: float
    content: bytes

    @property
    def is_right(self) -> bool:
        """Say whether the digit was read."""
        return self.answer == self.digit


def draw(kind: str, index: int, seed: int) -> tuple[int, bytes]:
    """Draw one scene: the digit in it and the encoded picture."""
    # By name, so that a new kind leaves the others as they are; the first digits differ.
    name = crc32(kind.encode())
    digit = (index + name) % NUM_DIGITS
    rng = np.random.default_rng((seed, index, name))
    return digit, KINDS[kind](Draft(digit, rng))


def read(classifier: DigitClassifier, kind: str, index: int, seed: int) -> Reading:
    """Draw one scene and read it."""
    digit, content = draw(kind, index, seed)
    try:
        probabilities = classifier.predict_proba(content)
    except NoDigitError:
        return Reading(kind, index, digit, REFUSED, 0.0, content)
    answer, confidence = int(probabilities.argmax()), float(probabilities.max())
    return Reading(kind, index, digit, answer, confidence, content)


def count(readings: list[Reading]) -> dict[str, int]:
    """Count what was read rightly, refused, and read wrongly with how much confidence."""
    wrong = [r for r in readings if not r.is_right and r.answer != REFUSED]
    return {
        "pictures": len(readings),
        "right": sum(reading.is_right for reading in readings),
        "refused": sum(reading.answer == REFUSED for reading in readings),
        "wrong": len(wrong),
        "wrong and sure": sum(reading.confidence >= SURE for reading in wrong),
    }


def print_row(name: str, counts: dict[str, int]) -> None:
    """Print a row of the table."""
    share = counts["right"] / counts["pictures"]
    rest = "".join(f"{counts[column]:>16}" for column in ("refused", "wrong", "wrong and sure"))
    print(f"{name:24}{counts['pictures']:>9}{share:>9.1%}{rest}", flush=True)


def draw_sheet(shown: list[Reading]) -> Image.Image:
    """Draw each scene, what the network was given, and the answer."""
    rows = -(-len(shown) // ROW)
    sheet = Image.new("RGB", (ROW * CELL, max(1, rows) * (CELL + 75)), "white")
    pen = ImageDraw.Draw(sheet)
    for place, reading in enumerate(shown):
        left, top = place % ROW * CELL, place // ROW * (CELL + 75)
        answer = (
            "none" if reading.answer == REFUSED else f"{reading.answer} {reading.confidence:.2f}"
        )
        pen.text((left, top), f"{reading.kind[:20]} {reading.digit}: {answer}", fill="black")
        with Image.open(io.BytesIO(reading.content)) as picture:
            small = ImageOps.contain(picture.convert("RGB"), (CELL - 4, CELL - 30))
        sheet.paste(small, (left, top + 12))
        if reading.answer != REFUSED:
            given = (preprocess(reading.content)[0, ..., 0] * 255).astype(np.uint8)
            sheet.paste(Image.fromarray(given).resize((84, 84)), (left, top + CELL - 15))
    return sheet


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", default="base", help="published name or .onnx file")
    parser.add_argument("--pictures", type=int, default=30, help="how many of each kind")
    parser.add_argument("--seed", type=int, default=0, help="another one draws other scenes")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this one")
    parser.add_argument("--sheet", type=Path, help="draw what was misread to this file")
    parser.add_argument("--gallery", type=Path, help="draw the first of each kind to this file")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    use_published_files()

    classifier = DigitClassifier(arguments.weights, threads=1)
    print(f"weights {arguments.weights}, seed {arguments.seed}\n")
    print(
        f"{'kind':24}{'pictures':>9}{'right':>9}"
        + "".join(f"{column:>16}" for column in ("refused", "wrong", f"wrong, {SURE:.0%} sure"))
    )
    readings: list[Reading] = []
    figures = {}
    for kind in arguments.kind or KINDS:
        group = [
            read(classifier, kind, index, arguments.seed) for index in range(arguments.pictures)
        ]
        figures[kind] = count(group)
        print_row(kind, figures[kind])
        readings += group
    figures["all"] = count(readings)
    print_row("all", figures["all"])
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if arguments.sheet:
        draw_sheet([r for r in readings if not r.is_right]).save(arguments.sheet)
    if arguments.gallery:
        draw_sheet([r for r in readings if r.index == 0]).save(arguments.gallery)
    return 0


if __name__ == "__main__":
    sys.exit(main())
