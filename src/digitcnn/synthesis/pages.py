"""Pages: lines of digits in one hand, with signs and other things between and around them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.readings import SIGNS
from digitcnn.synthesis import surroundings
from digitcnn.synthesis.cameras import draw_noise, photograph_page
from digitcnn.synthesis.glyphs import (
    FAINTEST,
    Glyph,
    GlyphBank,
    HandGlyphs,
    draw_paths,
    draw_sign,
    set_glyph,
)
from digitcnn.synthesis.hands import PIXEL_MAX, pick

__all__ = ["Page", "draw_page"]


IGNORED, NOTHING = -1, -2  # labels of what may be found or not, and of what is no digit
_NUM_DIGITS = 10
_MNIST_SHARE = 0.35  # of the hands

# A digit that a page's edge leaves so much of is to be found, and of which it leaves less, not.
_WHOLE = 0.8
_GONE = 0.3

_JOINED = 0.5  # of the neighbours in a joined hand
_WRITTEN = 0.6  # of its height, at least, that a digit must show

_SHORTEST = 13  # pixels: the least height of digits

# (how often, pattern): d a digit, D one to eight of them, n a letter or the like, w a word in
# running hand, p a printed one.
_PATTERNS: tuple[tuple[float, str], ...] = (
    (0.26, "D"),
    (0.07, "dd"),
    (0.10, "d"),
    (0.08, "d d d d d"),
    (0.05, "d  d  d  d"),
    (0.06, "D D D"),
    (0.05, "D.ddd"),
    (0.04, "D,ddd"),
    (0.05, "D,d"),
    (0.05, "D.d"),
    (0.02, "D.ddd,dd"),
    (0.04, "-D"),
    (0.02, "D-"),
    (0.02, "D,-"),
    (0.02, "D.-"),
    (0.02, "D.ddd-"),
    (0.02, "D.ddd.-"),
    (0.01, "D="),
    (0.02, "dd/dd/dddd"),
    (0.02, "dd.dd.dd"),
    (0.02, "dd:dd"),
    (0.03, "D-D"),
    (0.03, "D+D"),
    (0.02, "D+D=D"),
    (0.02, "DxD=D"),
    (0.01, "D-D+(D)"),
    (0.02, "~D~"),
    (0.02, "n D"),
    (0.02, "D n"),
    (0.02, "Dn=D"),
    (0.03, "w D w"),
    (0.01, "nnn"),
    (0.02, "$D"),
    (0.015, "$D.dd"),
    (0.006, "D$"),
    (0.015, "€D"),
    (0.015, "D,dd€"),
    (0.01, "£D.dd"),
    (0.006, "¥D"),
    (0.02, "D%"),
    (0.006, "D,d%"),
    (0.01, "#D"),
    (0.03, "p D"),
    (0.01, "p D p"),
    (0.02, "p p D"),
    (0.015, "p p p"),
)
_OTHER_SIGNS = frozenset("$€£¥%#")
# So many pages show two pictures of a digit alone, or of none.
_SINGLE_SHARE = 0.25
_NOISE_SHARE = 0.02  # shows nothing but grain or a pattern
_SINGLE_PATTERNS = ("d",) * 18 + ("", "n", "dn", "nd", "d+", "-d")


@dataclass(frozen=True)
class Page:
    """A drawn picture and what is written in it.

    Attributes
    ----------
    picture : ndarray of uint8, shape (H, W)
        Grayscale.
    boxes : ndarray of float32, shape (N, 4)
        Left, top, right and bottom of each digit and sign, in pixels, as they were written.
    labels : ndarray of int64, shape (N,)
        The digit, or 10 and more for a sign: `digitcnn.readings.SIGNS[label - 10]`. -1 marks what
        the edge cuts in two, which is neither to be found nor to be left out; -2 what is no digit
        and stands in a line of them: a dollar's sign, a printed word.
    ink : ndarray of uint8, shape (H, W)
        How much of each pixel is the ink of a digit.
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    ink: NDArray[np.uint8]


Placed = tuple[Glyph, int, int]  # with its left and its top on the sheet


class _Sheet:
    """A page while it is written on."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.digits, self.others = np.zeros((2, height, width), np.uint8)
        self.boxes: list[tuple[float, float, float, float]] = []
        self.labels: list[int] = []
        self.lines: list[tuple[int, int]] = []  # first and last box of each

    def put(self, glyph: Glyph, left: int, top: int, label: int | None) -> None:
        """Write a glyph, as far as it lies on the sheet; one with a label is to be found."""
        layer = self.digits if label in range(_NUM_DIGITS) else self.others
        if _paste(layer, glyph, left, top) and label is not None:
            self.boxes.append((left, top, left + glyph.shape[1], top + glyph.shape[0]))
            self.labels.append(label)


def _paste(layer: NDArray[np.uint8], ink: Glyph, left: int, top: int) -> bool:
    """Add ink to a layer, as far as it lies on it; return whether any of it does."""
    y, x = max(top, 0), max(left, 0)
    part = layer[y : max(top + ink.shape[0], 0), x : max(left + ink.shape[1], 0)]
    shown = ink[y - top :, x - left :][: part.shape[0], : part.shape[1]]
    np.maximum(part, shown, out=part)
    return bool(part.size)


def draw_page(
    bank: GlyphBank,
    rng: np.random.Generator,
    *,
    height: int = 128,
    width: int = 256,
    is_single: bool = False,
) -> Page:
    """Draw a page: digits of one or several lines, amid what real pages hold besides.

    Parameters
    ----------
    bank : GlyphBank
        The glyphs to set it with.
    rng : numpy.random.Generator
        Decides everything.
    height, width : int
        Of the page, in pixels.
    is_single : bool
        Whether it shows one digit, with little beside it, and more often in a bad light.

    Returns
    -------
    page : Page
    """
    if is_single:
        return _draw(bank, rng, height, width, is_single=True, is_harsh=True)
    if width >= 2 * height and rng.random() < _SINGLE_SHARE:
        half = width // 2
        return _side_by_side(
            _draw(bank, rng, height, half, is_single=True),
            _draw(bank, rng, height, width - half, is_single=True),
        )
    return _draw(bank, rng, height, width)


def _side_by_side(left: Page, right: Page) -> Page:
    shift = np.array([left.ink.shape[1], 0, left.ink.shape[1], 0], np.float32)
    return Page(
        np.hstack([left.picture, right.picture]),
        np.concatenate([left.boxes, right.boxes + shift]),
        np.concatenate([left.labels, right.labels]),
        np.hstack([left.ink, right.ink]),
    )


def _draw(
    bank: GlyphBank,
    rng: np.random.Generator,
    height: int,
    width: int,
    *,
    is_single: bool = False,
    is_harsh: bool = False,
) -> Page:
    """Draw a page of any digits, or of one alone, or with little beside it."""
    if rng.random() < _NOISE_SHARE:
        nothing = np.zeros((height, width), np.uint8)
        picture = draw_noise(height, width, rng)
        return Page(picture, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), nothing)
    sheet = _Sheet(height, width)
    size = _sample_size(height, rng)
    writing = _sample_writing(bank, size, rng)
    if is_single:
        writing.pattern = _SINGLE_PATTERNS[rng.integers(len(_SINGLE_PATTERNS))]
    _write_lines(sheet, bank, writing, rng)
    digits = _thicken(sheet.digits, size, writing.hand.stroke, rng, is_bold=is_single)
    boxes = np.array(sheet.boxes, np.float32).reshape(-1, 4)
    rules = Image.new("L", (width, height))
    draw = ImageDraw.Draw(rules)
    for share, surround in _SURROUNDINGS:
        if rng.random() < share:
            surround(draw, boxes, size, rng)
    if rng.random() < 0.35:
        _write_words(sheet.others, boxes, writing, rng)
    for share, mark in _MARKS:
        if rng.random() < share and sheet.lines:
            mark(draw, sheet, writing, rng)
    layers = np.stack([digits, sheet.others, np.asarray(rules)])
    if rng.random() < (0.7 if is_single else 0.55) and len(boxes):
        left, top, right, bottom = _sample_window(sheet, boxes, size, rng)
        layers = layers[:, top:bottom, left:right]
        boxes = boxes - np.array([left, top, left, top], np.float32)
    picture = photograph_page(layers, boxes, rng, is_harsh=is_harsh)
    labels = np.array(sheet.labels, np.int64)
    return _framed(Page(picture, boxes, labels, layers[0]), height, width, rng)


def _sample_size(height: int, rng: np.random.Generator) -> float:
    """Return the digits' height in pixels."""
    most = 0.86 * height
    if rng.random() < 0.35:
        return float(rng.uniform(30, most))
    return float(np.exp(rng.uniform(math.log(_SHORTEST), math.log(most))))


@dataclass
class _Writing:
    """How the lines of one page are written."""

    hand: HandGlyphs
    size: float  # height of the digits, pixels
    slope: float  # of the lines, down to the right
    slant: float  # of the digits, sideways for each unit of height
    gap: float  # between neighbours, in heights
    uneven: float = 0.08  # spread of the digits' heights, as a part of them
    zero: float = 1.0  # height of a 0, as a part of the others'
    pattern: str | None = None  # of every line; each its own where there is none
    kerned: bool = False  # whether neighbours stand by their ink instead of their boxes
    joined: bool = False  # whether the pen stays down between some digits

    @property
    def stroke(self) -> float:
        """Width of the pen for what is drawn beside the digits, in heights."""
        return min(0.16, max(0.03, self.hand.stroke))


def _sample_writing(bank: GlyphBank, size: float, rng: np.random.Generator) -> _Writing:
    slant = rng.normal(0, 0.12) if rng.random() < 0.78 else rng.uniform(0.15, 0.8)
    return _Writing(
        hand=bank.sample_hand(rng, mnist=_MNIST_SHARE),
        size=size,
        slope=rng.normal(0, 0.025) if rng.random() < 0.8 else rng.uniform(-0.18, 0.18),
        slant=slant,
        gap=rng.choice([-0.12, 0.0, 0.15, 0.35, 0.8], p=[0.15, 0.22, 0.33, 0.23, 0.07]),
        uneven=0.08 if rng.random() < 0.8 else 0.18,
        zero=1.0 if rng.random() < 0.85 else rng.uniform(0.55, 0.85),
        kerned=abs(slant) > 0.3 or rng.random() < 0.6,
        joined=rng.random() < 0.1,
    )


def _write_lines(
    sheet: _Sheet, bank: GlyphBank, writing: _Writing, rng: np.random.Generator
) -> None:
    """Write one line somewhere, or lines down the sheet."""
    size = writing.size
    leading = size * rng.uniform(1.05, 2.2)
    is_alone = writing.pattern is not None or rng.random() < 0.35
    room = max(1.0, sheet.height - size)
    top = rng.uniform(0, room) if is_alone else rng.uniform(-0.3 * size, min(room, 1.2 * size))
    if rng.random() < 0.06:
        writing.pattern = "nnnwn"  # a page without digits
    while top < sheet.height - 0.5 * size:
        begun = len(sheet.boxes)
        _write_line(sheet, bank, writing, top, rng)
        if len(sheet.boxes) > begun:
            sheet.lines.append((begun, len(sheet.boxes)))
        if is_alone:
            break
        if rng.random() < 0.1:
            writing.hand = bank.sample_hand(rng, mnist=_MNIST_SHARE)
        top += leading * rng.normal(1, 0.06)


def _write_line(
    sheet: _Sheet, bank: GlyphBank, writing: _Writing, top: float, rng: np.random.Generator
) -> None:
    """Write one line of a pattern, as far as it fits."""
    pattern = pick(_PATTERNS, rng) if writing.pattern is None else writing.pattern
    size, gap = writing.size, writing.gap
    x = rng.uniform(-0.4 * size, 0.4 * sheet.width) if rng.random() < 0.7 else rng.uniform(0, 8)
    weights = _digit_weights(rng)
    stroke = writing.stroke * rng.uniform(0.8, 1.3)
    edge = _Edge(sheet.height, reach=round(0.12 * size) + 1)
    last: Placed | None = None
    signs = ["d" * int(rng.integers(1, 9)) if sign == "D" else sign for sign in pattern]
    for sign in "".join(signs):
        if x > sheet.width - 0.2 * size:
            break
        y = top + writing.slope * (x - sheet.width / 2)
        if sign == " ":
            x += size * rng.uniform(0.25, 0.8)
            continue
        glyph, middle, label = _glyph_of(
            sign, bank, writing, weights=weights, stroke=stroke, rng=rng
        )
        if not glyph.size:
            continue
        top_y = round(y + middle * size - glyph.shape[0] / 2)
        if writing.kerned:
            x -= edge.overhang(glyph, round(x), top_y)
        placed = glyph, round(x), top_y
        sheet.put(*placed, label)
        if label not in range(_NUM_DIGITS):
            last = None
        else:
            if writing.joined and last is not None and rng.random() < _JOINED:
                _join(sheet.digits, last, placed, stroke * size)
            last = placed
        edge.pass_by(*placed)
        free = gap * rng.uniform(0.6, 1.4) + rng.normal(0, 0.06)
        x += glyph.shape[1] + size * max(-0.16, free)


def _join(ink: NDArray[np.uint8], first: Placed, second: Placed, width: float) -> None:
    """Lead the pen on from the right end of one digit to the left end of the next."""
    ends = []
    for (glyph, left, top), side in ((first, -1), (second, 0)):
        rows, columns = np.nonzero(glyph > FAINTEST)
        if not len(rows):  # nothing is left of a hairline made small
            return
        at = np.argsort(columns, kind="stable")[side]
        ends.append((left + int(columns[at]), top + int(rows[at])))
    image = Image.fromarray(ink)
    ImageDraw.Draw(image).line(ends, fill=PIXEL_MAX, width=max(1, round(0.7 * width)))
    ink[:] = np.asarray(image)


def _glyph_of(
    sign: str,
    bank: GlyphBank,
    writing: _Writing,
    *,
    weights: NDArray[np.float64],
    stroke: float,
    rng: np.random.Generator,
) -> tuple[Glyph, float, int | None]:
    """Draw what a sign of a pattern stands for: with its middle's height, and its label."""
    size = writing.size
    if sign == "d":
        label = int(rng.choice(_NUM_DIGITS, p=weights))
        middle = 0.5 if label else 1 - writing.zero / 2
        return _write_digit(label, writing, rng), middle + rng.normal(0, 0.05), label
    if sign == "n":
        glyph = bank.sample_nondigit(rng)
        tall = size * rng.uniform(0.5, 1.1) * min(1, glyph.shape[0] / max(glyph.shape) + 0.2)
        return set_glyph(glyph, tall, slant=writing.slant), 1 - tall / size / 2, None
    if sign == "w":
        glyph = surroundings.draw_cursive_word(size * rng.uniform(0.5, 1), stroke, rng)
        return glyph, 0.9 - glyph.shape[0] / size / 2, None
    if sign == "p":
        glyph = surroundings.draw_label(size * rng.uniform(0.5, 1.2), rng)
        return glyph, 1 - glyph.shape[0] / size / 2 + rng.normal(0, 0.05), NOTHING
    glyph, middle = draw_sign(sign, size, stroke, rng)
    if sign in SIGNS:
        return glyph, middle, _NUM_DIGITS + SIGNS.index(sign)
    return glyph, middle, NOTHING if sign in _OTHER_SIGNS else None


class _Edge:
    """How far right the ink of a line reaches at each height, so that slanted digits close up."""

    def __init__(self, height: int, *, reach: int) -> None:
        self._margin = 2 * height
        self._reach = reach
        self._ends = np.full(height + 2 * self._margin, -np.inf)
        self._end = -np.inf  # of the last glyph's box

    def overhang(self, glyph: Glyph, left: int, top: int) -> float:
        """Return how much further left a glyph may stand than beside the last one's box."""
        first = self._margin + top
        inked = glyph > FAINTEST
        starts = np.where(inked.any(axis=1), inked.argmax(axis=1), np.inf)
        ends = self._ends[first - self._reach : first + len(glyph) + self._reach]
        ends = np.lib.stride_tricks.sliding_window_view(ends, 2 * self._reach + 1).max(axis=1)
        free = float((left + starts - ends).min())
        if not np.isfinite(free):
            return 0.0
        return min(max(0.0, free - (left - self._end)), 0.7 * glyph.shape[1])

    def pass_by(self, glyph: Glyph, left: int, top: int) -> None:
        """Note where a glyph ends."""
        inked = glyph[:, ::-1] > FAINTEST
        ends = np.where(inked.any(axis=1), left + glyph.shape[1] - inked.argmax(axis=1), -np.inf)
        beside = self._ends[self._margin + top : self._margin + top + len(glyph)]
        np.maximum(beside, ends, out=beside)
        self._end = left + glyph.shape[1]


def _write_digit(digit: int, writing: _Writing, rng: np.random.Generator) -> Glyph:
    drawn = writing.hand.digits[digit]
    chosen = int(rng.integers(len(drawn)))
    glyph = drawn[chosen]
    tall = writing.size * min(1.5, max(0.5, rng.normal(1, writing.uneven)))
    tall *= 1 if digit else writing.zero
    if glyph.shape[0] < 0.8 * glyph.shape[1]:  # a wide one, not to grow into its neighbours
        tall *= glyph.shape[0] / glyph.shape[1] + 0.1
    shape = {"stretch": rng.uniform(0.8, 1.25), "slant": writing.slant + rng.normal(0, 0.03)}
    if rng.random() < 0.4:
        shape["waist"] = min(0.72, max(0.28, rng.normal(0.5, 0.09)))
    if writing.hand.paths is not None:
        width = max(1, round(writing.size * writing.hand.stroke))
        written = draw_paths(writing.hand.paths[digit][chosen], tall, width, **shape)
    else:
        written = set_glyph(glyph, tall, angle=-math.atan(writing.slope), **shape)
    # Of a hairline made small a speck may be left, which is no digit.
    return written if written.shape[0] > _WRITTEN * tall else written[:0, :0]


def _digit_weights(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how often each digit stands in a line: mostly alike, now and then many 1s or 0s."""
    weights = np.ones(_NUM_DIGITS)
    if rng.random() < 0.25:
        weights[rng.choice([0, 0, 1, 1, 1, 7])] += rng.uniform(2, 12)
    return weights / weights.sum()


def _thicken(
    ink: NDArray[np.uint8], size: float, pen: float, rng: np.random.Generator, *, is_bold: bool
) -> NDArray[np.uint8]:
    """Now and then make the strokes bolder, finer or softer than the glyphs have them."""
    chosen = rng.random()
    image = Image.fromarray(ink)
    if chosen < 0.15 and size > 35:
        # Up to a marker's stroke, a fifth of the height.
        for _ in range(round(size * rng.uniform(0.01, 0.08 if is_bold else 0.05))):
            image = image.filter(ImageFilter.MaxFilter(3))
    elif chosen < 0.3 and size * pen > 4.5:
        image = image.filter(ImageFilter.MinFilter(3 if size * pen < 8 else 5))
    elif chosen < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    elif chosen < 0.44:
        image = _broken(image, size, rng)
    return np.asarray(image)


def _broken(image: Image.Image, size: float, rng: np.random.Generator) -> Image.Image:
    """Break the strokes here and there, as a dry pen does."""
    holes = image.copy()
    draw = ImageDraw.Draw(holes)
    radius = size * rng.uniform(0.02, 0.06)
    gaps = round(image.width * image.height / size**2 * rng.uniform(3, 12))
    for x, y in (rng.random((min(gaps, 3000), 2)) * image.size).tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return holes


def _write_words(
    layer: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    writing: _Writing,
    rng: np.random.Generator,
) -> None:
    """Print or write words where no digit stands."""
    height, width = layer.shape
    for _ in range(rng.integers(1, 7)):
        tall = min(writing.size, 50) * rng.uniform(0.3, 1.1) + 5
        kind = rng.random()
        if kind < 0.2:
            word = surroundings.draw_small_print(rng)
        elif kind < 0.45:
            word = surroundings.draw_printed_word(tall, rng)
        elif kind < 0.65:
            word = surroundings.draw_label(tall, rng)
        else:
            word = surroundings.draw_cursive_word(tall, writing.stroke, rng)
        top = int(rng.integers(-word.shape[0] // 2, height))
        left = int(rng.integers(-word.shape[1] // 2, width))
        low = max(left, 0) - 1, max(top, 0) - 1
        right, bottom = min(left + word.shape[1], width), min(top + word.shape[0], height)
        if surroundings.is_clear(boxes, *low, right + 1, bottom + 1):
            _paste(layer, word, left, top)


def _underline(
    draw: ImageDraw.ImageDraw, sheet: _Sheet, writing: _Writing, rng: np.random.Generator
) -> None:
    """Underline one line of digits, once or twice."""
    first, last = sheet.lines[rng.integers(len(sheet.lines))]
    left, _, right, bottom = np.array(sheet.boxes[first:last]).T
    size = writing.size
    y = bottom.max() + size * rng.uniform(-0.05, 0.3)
    width = max(1, round(size * writing.stroke))
    for _ in range(rng.integers(1, 3)):
        ends = rng.normal(0, 0.1 * size, 4) * (1, 0.5, 1, 0.5)
        line = (left.min() + ends[0], y + ends[1], right.max() + ends[2], y + ends[3])
        draw.line(line, fill=PIXEL_MAX, width=width)
        y += size * 0.12


def _encircle(
    draw: ImageDraw.ImageDraw, sheet: _Sheet, writing: _Writing, rng: np.random.Generator
) -> None:
    """Draw a ring around one line of digits, or around one of them, free of it."""
    first, last = sheet.lines[rng.integers(len(sheet.lines))]
    if rng.random() < 0.4:
        first = int(rng.integers(first, last))
        last = first + 1
    left, top, right, bottom = np.array(sheet.boxes[first:last]).T
    low = np.array([left.min(), top.min()])
    half = (np.array([right.max(), bottom.max()]) - low) / 2
    # An ellipse meets the corners of a box whose half sides are its own over the root of 2.
    radii = half * math.sqrt(2) + writing.size * rng.uniform(0, 0.35, 2)
    turns = rng.uniform(1.9, 2.3) * math.pi
    angles = rng.uniform(0, 2 * math.pi) + np.linspace(0, turns, 60)
    radii = radii * np.linspace(1, rng.normal(1, 0.06), len(angles))[:, None]
    path = low + half + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    width = max(1, round(writing.size * writing.stroke))
    draw.line(path.ravel().tolist(), fill=PIXEL_MAX, width=width, joint="curve")


# How often what stands around a page's digits, and by what one of its lines is marked.
_SURROUNDINGS = (
    (0.3, surroundings.draw_rulings),
    (0.45, surroundings.draw_cells),
    (0.12, surroundings.draw_scribbles),
)
_MARKS = ((0.12, _underline), (0.04, _encircle))


def _sample_window(
    sheet: _Sheet, boxes: NDArray[np.float32], size: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Return a part of the page around a line, around all lines, or around one digit."""
    chosen = rng.random()
    if chosen < 0.75:
        first, last = sheet.lines[rng.integers(len(sheet.lines))]
        inside = boxes[first:last]
    elif chosen < 0.88:
        inside = boxes
    else:
        inside = boxes[rng.integers(len(boxes))][None]
    left, top = inside[:, :2].min(axis=0)
    right, bottom = inside[:, 2:].max(axis=0)
    tight = rng.random() < 0.35
    margins = size * (rng.uniform(-0.02, 0.12, 4) if tight else rng.uniform(0.0, 1.0, 4))
    left, top = max(0, int(left - margins[0])), max(0, int(top - margins[1]))
    right = min(sheet.width, int(right + margins[2]) + 1)
    bottom = min(sheet.height, int(bottom + margins[3]) + 1)
    return left, top, max(right, left + 8), max(bottom, top + 8)


def _rescaled(page: Page, height: int, width: int, rng: np.random.Generator) -> Page:
    """Enlarge a cut-out towards the size of a page, as a reader would."""
    rows, columns = page.ink.shape
    room = min(height / rows, width / columns)
    tallest = float((page.boxes[:, 3] - page.boxes[:, 1]).max(initial=1))
    scale = min(room, 0.9 * height / tallest) * (rng.uniform(0.6, 1) if rng.random() < 0.6 else 1)
    scale = max(scale, min(room, _SHORTEST / tallest))
    size = max(4, int(columns * scale)), max(4, int(rows * scale))
    method = Image.Resampling.BICUBIC if rng.random() < 0.7 else Image.Resampling.BILINEAR
    across, down = size[0] / columns, size[1] / rows
    return Page(
        np.asarray(Image.fromarray(page.picture).resize(size, method)),
        page.boxes * np.array([across, down, across, down], np.float32),
        page.labels,
        np.asarray(Image.fromarray(page.ink).resize(size, Image.Resampling.BILINEAR)),
    )


def _framed(page: Page, height: int, width: int, rng: np.random.Generator) -> Page:
    """Pad a cut-out by its edge to the size of a page, and clip the boxes."""
    if page.ink.shape != (height, width):
        page = _rescaled(page, height, width, rng)
    rows, columns = page.ink.shape
    boxes = page.boxes.clip(0, np.array([columns, rows, columns, rows], np.float32))
    shown = _areas(boxes) / np.maximum(_areas(page.boxes), 1)
    kept = shown > _GONE
    labels = np.where(shown >= _WHOLE, page.labels, IGNORED)
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    margins = ((top, height - rows - top), (left, width - columns - left))
    return Page(
        np.pad(page.picture, margins, "edge"),
        boxes[kept] + np.array([left, top, left, top], np.float32),
        labels[kept],
        np.pad(page.ink, margins),
    )


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
