"""Draw a sheet of the pages that networks learn from, each digit in a box.

    python tools/pages.py sheet.png [--seed 0] [--single]

Nine rows of six, in hands that follow from the seed; with `--single` those of one digit, from which
`ink` learns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from reporting import COLUMNS, save_sheet

from digitcnn.synthesis import GlyphBank, Page, draw_page

ROWS, HANDS = 9, 60


def boxed(page: Page) -> Image.Image:
    """Return a page's picture: red boxes around digits, green around signs, grey where cut off."""
    image = Image.fromarray(page.picture).convert("RGB")
    draw = ImageDraw.Draw(image)
    for box, label in zip(page.boxes.tolist(), page.labels.tolist(), strict=True):
        draw.rectangle(box, outline="grey" if label < 0 else "red" if label < 10 else "green")
    return image


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sheet", type=Path, help="the picture to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--single", action="store_true", help="one digit each, in harsher light")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    bank = GlyphBank(hands=HANDS, seed=arguments.seed)
    options = {"width": 128, "is_single": True} if arguments.single else {}
    pages = [draw_page(bank, rng, **options) for _ in range(ROWS * COLUMNS)]
    save_sheet([("", [boxed(page)]) for page in pages], arguments.sheet)
