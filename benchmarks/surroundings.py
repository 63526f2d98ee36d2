"""How well numbers are read amid what stands around them on real pages, on drawn pictures.

    python benchmarks/surroundings.py [--pictures 20] [--sheet FILE.png]

What is measured is what stands around the digits, which are MNIST's training images: labels in
Pillow's own font, which no page of the training has, and signs that are drawn anew here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import checkout  # noqa: F401 - says where reporting.py lies
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from reporting import begin_options, format_table, save_sheet, show

from digitcnn import DigitReader
from digitcnn.datasets import load_mnist
from digitcnn.synthesis.glyphs import set_glyph, trim

Picture = tuple[Image.Image, str]  # and what is written in it

SEED = 99  # thresholds were chosen on the drawings of other seeds
PAPER, INK = 245, 30
WORDS = (
    *("total", "amount", "date", "name", "street", "hotel", "no.", "visit", "weight"),
    *("bill", "room", "old", "price", "left", "to", "pay"),
)
SIGNS = {
    "$": [
        [(24, 5), (12, -3), (2, 6), (12, 18), (23, 27), (12, 39), (0, 31)],
        [(12, -8), (12, 44)],
    ],
    "€": [
        [(26, 4), (14, 0), (4, 10), (4, 28), (14, 38), (26, 35)],
        [(-4, 15), (18, 15)],
        [(-4, 23), (16, 23)],
    ],
    "£": [[(24, 8), (16, 0), (8, 6), (9, 20), (7, 34), (0, 38), (26, 37)], [(0, 20), (18, 20)]],
    "¥": [[(0, 0), (12, 18), (24, 0)], [(12, 18), (12, 40)], [(0, 24), (24, 24)]],
    "#": [[(9, 0), (5, 40)], [(21, 0), (17, 40)], [(0, 13), (27, 13)], [(0, 27), (26, 27)]],
}


class Pen:
    """Writes numbers and prints labels; the seed decides what."""

    def __init__(self, seed: int) -> None:
        (self.images, self.labels), _ = load_mnist()
        self.rng = np.random.default_rng(seed)

    def number(self, fewest: int, most: int, height: int = 40) -> tuple[Image.Image, str]:
        """Return ink, bright, of a number with a margin of half its height, and its text."""
        count = self.rng.integers(fewest, most + 1)
        picked = self.rng.integers(len(self.labels), size=count)
        margin, parts = height // 2, []
        for image in self.images[picked]:
            digit, down = set_glyph(trim(image), height), margin + int(self.rng.integers(-3, 4))
            before = round(0.15 * height) if parts else margin
            parts.append(np.pad(digit, ((down, 2 * margin - down), (before, 0))))
        ink = np.pad(np.hstack(parts), ((0, 0), (0, margin)))
        return Image.fromarray(ink), "".join(str(label) for label in self.labels[picked])

    def words(self, count: int) -> str:
        """Return so many words that forms print."""
        return " ".join(self.rng.choice(WORDS, count))

    def note(self, fewest: int, most: int, *, before: int = 0, behind: int = 0) -> Picture:
        """Write a number on a sheet of its own, with room before it and behind."""
        ink, text = self.number(fewest, most)
        sheet = paper(ink.width + before + behind, ink.height)
        write(sheet, ink, before, 0)
        return sheet, text


def paper(width: int, height: int) -> Image.Image:
    """Return an empty sheet."""
    return Image.new("L", (width, height), PAPER)


def write(sheet: Image.Image, ink: Image.Image, left: int, top: int) -> None:
    """Write ink on a sheet."""
    sheet.paste(INK, (left, top), ink)


def print_text(sheet: Image.Image, left: int, top: int, text: str, size: int) -> None:
    """Print text on a sheet."""
    font = ImageFont.load_default(size)
    ImageDraw.Draw(sheet).text((left, top), text, fill=INK, font=font)


# What each shows is said by its name in `KINDS`.


def _beside(pen: Pen, sign: str, *, behind: bool = False) -> Picture:
    sheet, text = pen.note(2, 5, before=0 if behind else 50, behind=60 if behind else 10)
    left, lean = sheet.width - 65 if behind else 25, pen.rng.normal(0, 0.1)
    for stroke in SIGNS[sign]:
        points = [(left + x - lean * y, 20 + y) for x, y in pen.rng.normal(stroke, 1)]
        ImageDraw.Draw(sheet).line(points, fill=INK, width=3, joint="curve")
    return sheet, text


def _percent(pen: Pen) -> Picture:
    sheet, text = pen.note(1, 3, behind=60)
    left, draw = sheet.width - 70, ImageDraw.Draw(sheet)
    draw.ellipse((left, 22, left + 14, 36), outline=INK, width=3)
    draw.ellipse((left + 22, 44, left + 36, 58), outline=INK, width=3)
    draw.line((left + 32, 20, left + 4, 62), fill=INK, width=3)
    return sheet, text


def _labelled(pen: Pen) -> Picture:
    sheet, text = pen.note(2, 5, before=150, behind=20)
    print_text(sheet, 10, 28, str(pen.rng.choice(WORDS)).title() + ":", 32)
    return sheet, text


def _encircled(pen: Pen) -> Picture:
    ink, text = pen.number(1, 3)
    sheet = paper(ink.width + 40, ink.height + 40)
    write(sheet, ink, 20, 20)
    ring = (16, 14, sheet.width - 16, sheet.height - 14)
    ImageDraw.Draw(sheet).ellipse(ring, outline=INK, width=3)
    return sheet, text


def _bracketed(pen: Pen) -> Picture:
    sheet, text = pen.note(2, 4, before=50, behind=50)
    down = np.linspace(-1, 1, 20)
    for left, side in ((50, 1), (sheet.width - 60, -1)):
        half, bent = pen.rng.uniform(22, 34), pen.rng.uniform(0.1, 0.25)
        across = left + side * bent * 2 * half * down**2
        points = np.column_stack([across, 38 + half * down]).ravel().tolist()
        ImageDraw.Draw(sheet).line(points, fill=INK, width=3, joint="curve")
    return sheet, text


def _two_sizes(pen: Pen) -> Picture:
    large, first = pen.number(2, 4, 90)
    small, second = pen.number(3, 6, int(pen.rng.integers(18, 46)))
    sheet = paper(800, 520)
    write(sheet, large, 80, 40)
    write(sheet, small, 80 + int(pen.rng.integers(200)), 280)
    return sheet, first + second


def _stained(pen: Pen) -> Picture:
    ink, text = pen.number(3, 6, 50)
    sheet = paper(900, 600)
    ImageDraw.Draw(sheet).ellipse((400, 250, 640, 490), outline=190, width=12)
    write(sheet, ink, 80, 80)
    return sheet, text


def _punched(pen: Pen) -> Picture:
    ink, text = pen.number(3, 6, 44)
    sheet = paper(ink.width + 150, 290)
    for top in (60, 200):
        ImageDraw.Draw(sheet).ellipse((15, top, 45, top + 30), fill=90)
    write(sheet, ink, 100, 100)
    return sheet, text


def _shown_through(pen: Pen) -> Picture:
    (ink, text), (other, _) = pen.number(2, 6), pen.number(2, 6)
    sheet, back = paper(500, 200), Image.new("L", (500, 200))
    left, top = (int(pen.rng.integers(most)) for most in (500 - other.width, 120))
    back.paste(ImageOps.mirror(other), (left, top))
    strength = pen.rng.uniform(0.1, 0.35)
    pale = back.filter(ImageFilter.GaussianBlur(1)).point(lambda value: round(strength * value))
    write(sheet, pale, 0, 0)
    write(sheet, ink, 60, 60)
    return sheet, text


def _in_two_inks(pen: Pen) -> Picture:
    (ink, first), (pencil, second) = pen.number(1, 3), pen.number(2, 5)
    sheet = paper(ink.width + pencil.width + 60, ink.height)
    write(sheet, ink, 0, 0)
    write(sheet, pencil.point(lambda value: round(0.3 * value)), ink.width + 60, 0)
    return sheet, first + second


def _in_glare(pen: Pen) -> Picture:
    ink, text = pen.number(2, 6)
    board = Image.new("L", (500, 200), 170)
    write(board, ink, 60, 60)
    glare = Image.new("L", board.size)
    x, y = int(pen.rng.integers(500)), int(pen.rng.integers(60))
    ImageDraw.Draw(glare).ellipse((x - 60, y - 35, x + 60, y + 35), fill=255)
    board.paste(255, (0, 0), glare.filter(ImageFilter.GaussianBlur(12)))
    return board, text


def _tilted(pen: Pen, degrees: float, lines: int = 1) -> Picture:
    inks, texts = zip(*(pen.number(3, 7) for _ in range(lines)), strict=True)
    sheet = paper(max(ink.width for ink in inks) + 80, lines * inks[0].height + 80)
    for line, ink in enumerate(inks):
        write(sheet, ink, 40, 40 + line * ink.height)
    side = pen.rng.choice([-1, 1])
    turned = sheet.rotate(side * degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=PAPER)
    return turned, "".join(texts)


def _form(pen: Pen) -> Picture:
    sheet, texts = paper(1240, 1754), ""
    for top in range(100, 1500, 140):
        print_text(sheet, 80, top + 8, pen.words(3).title() + ":", 30)
        ImageDraw.Draw(sheet).line((620, top + 60, 1150, top + 60), fill=90, width=2)
        ink, text = pen.number(2, 5)
        write(sheet, ink, 620, top - 12)
        texts += text
    return sheet, texts


def _scanned_letter(pen: Pen) -> Picture:
    sheet = paper(2480, 3508)  # A4 at 300 dots to an inch
    for top in range(300, 1500, 70):
        print_text(sheet, 250, top, pen.words(12), 44)
    ink, text = pen.number(3, 6, int(pen.rng.integers(60, 100)))
    write(sheet, ink, int(pen.rng.integers(200, 1500)), int(pen.rng.integers(1700, 3200)))
    return sheet, text


def _printed_number(pen: Pen) -> Picture:
    text = "".join(map(str, pen.rng.integers(10, size=pen.rng.integers(3, 7))))
    sheet = paper(260, 110)
    print_text(sheet, 30, 25, text, 48)
    return sheet, text


def _print_alone(pen: Pen) -> Picture:
    sheet, pitch = paper(1240, 1754), int(pen.rng.integers(36, 60))
    for top in range(100, 1600, pitch):
        print_text(sheet, 100, top, pen.words(12), 24)
    return sheet, ""


KINDS: dict[str, Callable[[Pen], Picture]] = {
    **{f"{sign} before": partial(_beside, sign=sign) for sign in SIGNS},
    "€ behind": partial(_beside, sign="€", behind=True),
    "percent": _percent,
    "behind a printed word": _labelled,
    "in a ring": _encircled,
    "in brackets": _bracketed,
    "above a much smaller number": _two_sizes,
    "beside a cup's stain": _stained,
    "beside punched holes": _punched,
    "beside what shows through": _shown_through,
    "in ink, and in pencil": _in_two_inks,
    "beside a lamp's reflection": _in_glare,
    "tilted by 12 degrees": partial(_tilted, degrees=12),
    "tilted by 24 degrees": partial(_tilted, degrees=24),
    "four lines tilted by 18 degrees": partial(_tilted, degrees=18, lines=4),
    "ten lines of a printed form": _form,
    "below a scanned letter": _scanned_letter,
    "a page of print, no number": _print_alone,
    "a printed number": _printed_number,
}


def main() -> None:
    """Draw the pictures of each kind, read them, and print how many are read exactly."""
    parser = begin_options(__doc__)
    parser.add_argument("--pictures", type=int, default=20, help="of each kind")
    parser.add_argument("--sheet", type=Path, help="draw what was misread into this file")
    arguments = parser.parse_args()
    reader, rows, misread = DigitReader(), [], []
    for name, draw in KINDS.items():
        pen, before = Pen(SEED), len(misread)
        for _ in range(arguments.pictures):
            sheet, text = draw(pen)
            got = reader.read(sheet).text.replace("\n", "")
            if got != text:
                misread.append((f"{text[:18]}: {got[:18]}", [sheet]))
        rows.append((name, f"{1 - (len(misread) - before) / arguments.pictures:.0%}"))
    command = f"python benchmarks/surroundings.py --pictures {arguments.pictures}"
    show(format_table(("number", "exact text"), rows, command), arguments.page, "surroundings")
    if arguments.sheet:
        save_sheet(misread, arguments.sheet)


if __name__ == "__main__":
    main()
