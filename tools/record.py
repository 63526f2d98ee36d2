"""Record anew what the preprocessing makes of drawn scenes, after a deliberate change.

    python tools/record.py [--sheet FILE]

Says what changed, and draws it: each changed scene with what came of it before and what comes of it
now. Look at it before you commit `tests/records`.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from digitcnn import NoDigitError, preprocess

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tools")]
from pages import save_sheet  # noqa: E402 - where to find them is said above
from scene_kinds import KINDS, draw  # noqa: E402

RECORD = ROOT / "tests" / "records" / "scenes.png"
KEYS = [(kind, index) for kind in KINDS for index in range(2)]
CELL, LINE, COLUMNS = 112, 14, 4  # of the sheet


def make() -> np.ndarray:
    """Return each scene's canonical image: uint8, shape (N, 28, 28); without a digit, nothing."""
    images = np.zeros((len(KEYS), 28, 28), np.uint8)
    for place, (kind, index) in enumerate(KEYS):
        try:
            ink = preprocess(draw(kind, index, 0)[1])[0, ..., 0]
        except NoDigitError:
            continue
        images[place] = np.rint(ink * 255)
    return images


def read() -> np.ndarray:
    """Read the record; a kind that is new has nothing in it yet."""
    images = np.zeros((len(KEYS), 28, 28), np.uint8)
    if RECORD.exists():
        rows = np.asarray(Image.open(RECORD)).reshape(-1, 28, 2, 28).swapaxes(1, 2)
        found = rows.reshape(-1, 28, 28)[: len(KEYS)]
        images[: len(found)] = found
    return images


def draw_strip(key: tuple[str, int], before: np.ndarray, now: np.ndarray) -> Image.Image:
    """Draw a scene beside what came of it before and what comes of it now."""
    strip = Image.new("RGB", (3 * CELL, CELL + LINE), "white")
    ImageDraw.Draw(strip).text((2, 0), f"{key[0]} {key[1]}", fill="black")
    scene = Image.open(io.BytesIO(draw(*key, 0)[1])).convert("RGB")
    shown = [ImageOps.contain(scene, (CELL - 4, CELL - 4))]
    shown += [Image.fromarray(each).resize((CELL - 4, CELL - 4)) for each in (before, now)]
    for place, picture in enumerate(shown):
        strip.paste(picture, (place * CELL + 2, LINE))
    return strip


def main() -> None:
    """Compare, draw and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="draw what changed to this file")
    sheet = parser.parse_args().sheet
    before, now = read(), make()
    changed = np.flatnonzero((before != now).any(axis=(1, 2))).tolist()
    print(f"{len(changed)} of {len(KEYS)} changed: {[KEYS[place] for place in changed]}")
    if sheet:
        strips = [draw_strip(KEYS[place], before[place], now[place]) for place in changed]
        save_sheet(strips, COLUMNS, sheet)
    pairs = now.reshape(-1, 2, 28, 28).swapaxes(1, 2).reshape(-1, 56)
    Image.fromarray(pairs).save(RECORD, optimize=True)


if __name__ == "__main__":
    main()
