"""What stands around digits on real pages: words, rulings, cells, stamps, patterns."""

from __future__ import annotations

import functools
import math
import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitcnn.synthesis.hands import PIXEL_MAX

# Letters that pass for digits.
_ALIKE = frozenset("IlOoSsZzqgbB")
_LETTERS = "".join(letter for letter in string.ascii_letters if letter not in _ALIKE)
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiou"
_PRINTED = _LETTERS + "....,,:-/()%&§#"

Boxes = NDArray[np.float32]  # (N, 4): left, top, right, bottom


@functools.cache
def _fonts() -> tuple[str, ...]:
    """Return the free fonts that come with Matplotlib, where it is installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return ()
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    names = ("DejaVu*", "STIXGeneral*", "cmr10*", "cmss10*", "cmtt10*", "cmti10*", "cmb10*")
    found = sorted(str(path) for name in names for path in folder.glob(f"{name}.ttf"))
    return tuple(path for path in found if "Display" not in path)


@functools.lru_cache(256)
def _font(index: int, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    fonts = _fonts()
    return ImageFont.truetype(fonts[index], size) if fonts else ImageFont.load_default(size)


def draw_printed_word(height: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Print a word of letters, without digits: letters that pass for digits are left out."""
    text = "".join(rng.choice(list(_PRINTED), rng.integers(1, 12)))
    return _printed(text, height, rng)


def draw_label(height: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Print a word as forms have it, whose other letters make plain that an o is not a 0."""
    while True:
        pairs = [
            rng.choice(list(_CONSONANTS)) + rng.choice(list(_VOWELS))
            for _ in range(rng.integers(2, 5))
        ]
        word = "".join(pairs)[: rng.integers(3, 9)] + rng.choice(["", "", "l", "s", "t", "n"])
        word = [word, word.title(), word.upper()][rng.choice(3, p=[0.35, 0.5, 0.15])]
        if 2 * sum(letter in _ALIKE for letter in word) <= len(word):
            break
    return _printed(word + rng.choice(["", ":", ".", " ="], p=[0.5, 0.3, 0.1, 0.1]), height, rng)


def draw_small_print(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Print a few lines too small to be read here, as forms have them: any letters and digits."""
    letters = list(string.ascii_letters + string.digits + "     .,")
    length = int(rng.integers(8, 50))
    lines = ["".join(rng.choice(letters, length)) for _ in range(rng.integers(1, 5))]
    return _printed("\n".join(lines), rng.uniform(6, 13), rng)


def _printed(text: str, height: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    font = _font(int(rng.integers(max(1, len(_fonts())))), max(6, round(height)))
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox(
        (0, 0), text, font=font
    )
    canvas = Image.new("L", (max(2, round(right - left)), max(2, round(bottom - top))))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=PIXEL_MAX, font=font)
    return np.asarray(canvas)


def draw_cursive_word(height: float, stroke: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Write joined-up strokes as a word of running hand looks from afar."""
    letters = int(rng.integers(2, 10))
    pitch = rng.uniform(0.45, 0.9)
    slant = rng.uniform(-0.1, 0.5)
    # One arch or loop a letter; some reach up or down, as l, f and g do.
    steps = 9
    time = np.linspace(0, letters, letters * steps)
    kinds = rng.random(letters)
    rise = np.where(kinds < 0.25, rng.uniform(1.8, 2.4), np.where(kinds < 0.35, -1.2, 1.0))
    size = np.repeat(rise, steps)
    loop = rng.uniform(-0.1, 0.45)
    y = -size * (0.5 - 0.5 * np.cos(2 * math.pi * time))
    x = (
        pitch * time
        + loop * np.sin(2 * math.pi * time)
        + np.repeat(rng.normal(0, 0.08, letters), steps)
    )
    points = np.stack([x - slant * y, y], axis=1) * (height * 0.5)
    points -= points.min(axis=0)
    extent = np.ceil(points.max(axis=0)).astype(int) + 6
    canvas = Image.new("L", (int(extent[0]), int(extent[1])))
    flat = (points + 3).ravel().tolist()
    width = max(1, round(stroke * height))
    ImageDraw.Draw(canvas).line(flat, fill=PIXEL_MAX, width=width, joint="curve")
    return np.asarray(canvas)


def draw_scribbles(
    draw: ImageDraw.ImageDraw, boxes: Boxes, size: float, rng: np.random.Generator
) -> None:
    """Draw signatures, crossings-out and flourishes that leave the digits alone."""
    width, height = draw.im.size
    for _ in range(rng.integers(1, 4)):
        steps = rng.normal(0, 0.3 * size, (int(rng.integers(3, 25)), 2)) * (1.4, 0.8)
        path = np.cumsum(steps, axis=0) + rng.random(2) * (width, height)
        low, high = path.min(axis=0) - 3, path.max(axis=0) + 3
        if is_clear(boxes, low[0], low[1], high[0], high[1]):
            draw.line(
                path.ravel().tolist(),
                fill=PIXEL_MAX,
                width=int(rng.integers(1, max(2, int(size) // 8))),
            )


def is_clear(boxes: Boxes, left: float, top: float, right: float, bottom: float) -> bool:
    """Return whether a region meets no box."""
    apart = (boxes[:, :2] >= (right, bottom)) | (boxes[:, 2:] <= (left, top))
    return bool(apart.any(axis=1).all())


@dataclass(frozen=True)
class _Rules:
    """A pen that rules upright and level lines, alike in tone, width and lean."""

    draw: ImageDraw.ImageDraw
    tone: int
    width: int
    lean: float

    def upright(self, x: float, top: float, bottom: float) -> None:
        ends = (x, top, x + self.lean * (bottom - top), bottom)
        self.draw.line(ends, fill=self.tone, width=self.width)

    def level(self, y: float, left: float, right: float) -> None:
        ends = (left, y, right, y - self.lean * (right - left))
        self.draw.line(ends, fill=self.tone, width=self.width)


def draw_rulings(
    draw: ImageDraw.ImageDraw, _: Boxes, size: float, rng: np.random.Generator
) -> None:
    """Draw lined or squared paper; `size` is the digits' height."""
    width, height = draw.im.size
    tone = int(rng.uniform(40, 230))
    lean = -rng.normal(0, 0.015)
    is_squared = rng.random() < 0.45
    pitch = max(6.0, size * (rng.uniform(0.3, 1.3) if is_squared else rng.uniform(0.8, 2.0)))
    rules = _Rules(draw, tone, 1 if is_squared else int(rng.integers(1, 3)), lean)
    for y in np.arange(rng.uniform(0, pitch), height, pitch).tolist():
        rules.level(y, 0, width)
    if is_squared:
        for x in np.arange(rng.uniform(0, pitch), width, pitch).tolist():
            rules.upright(x, 0, height)
    elif rng.random() < 0.2:  # the margin's line
        rules.upright(rng.uniform(0, width), 0, height)


def draw_cells(
    draw: ImageDraw.ImageDraw, boxes: Boxes, size: float, rng: np.random.Generator
) -> None:
    """Draw the borders of form cells: around digits, around a whole line, or a table's grid."""
    rules = _Rules(
        draw,
        tone=int(rng.uniform(60, 256)),
        width=int(rng.integers(1, max(2, int(size) // 10) + 1)),
        lean=rng.normal(0, 0.015),
    )
    kind = rng.random()
    if len(boxes) and kind < 0.3:
        for box in boxes:
            _rule_around(rules, box, size, rng, shares=(0.7, 0.5, 0.45, 0.45))
    elif len(boxes) and kind < 0.6:
        around = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
        reach = 1000.0 if rng.random() < 0.5 else 0.0
        _rule_around(rules, around, size, rng, shares=(0.75,) * 4, reach=reach)
    elif kind < 0.85:
        _rule_table(rules, size, rng)
    else:
        width, height = draw.im.size
        for _ in range(rng.integers(1, 5)):
            x, top = rng.uniform(0, width), rng.uniform(-0.3 * height, height)
            rules.upright(x, top, top + size * rng.uniform(1.3, 6))
        if rng.random() < 0.4:
            rules.level(rng.uniform(0, height), -9, width + 9)


def _rule_around(
    rules: _Rules,
    box: NDArray[np.float32],
    size: float,
    rng: np.random.Generator,
    *,
    shares: tuple[float, ...],
    reach: float = 0.0,
) -> None:
    """Rule some sides of a cell around a box; `reach` pixels beyond its corners."""
    left, top, right, bottom = (box + size * rng.uniform(0.04, 0.55, 4) * (-1, -1, 1, 1)).tolist()
    sides = (rng.random(4) < shares).tolist()
    for x, is_ruled in ((left, sides[0]), (right, sides[1])):
        if is_ruled:
            rules.upright(x, top - reach, bottom + reach)
    for y, is_ruled in ((top, sides[2]), (bottom, sides[3])):
        if is_ruled:
            rules.level(y, left - reach, right + reach)


def _rule_table(rules: _Rules, size: float, rng: np.random.Generator) -> None:
    """Rule a grid over the page; a few of its uprights begin further down."""
    width, height = rules.draw.im.size
    columns, rows = size * rng.uniform(0.8, 4), size * rng.uniform(1.1, 2.2)
    for x in np.arange(rng.uniform(0, columns), width, columns).tolist():
        top = rng.uniform(0, 0.6 * height) if rng.random() < 0.15 else -9
        rules.upright(x, top, height + 9)
    for y in np.arange(rng.uniform(0, rows), height, rows).tolist():
        rules.level(y, -9, width + 9)
