"""Single glyphs to set pages with: digits by the hand that wrote them, signs, letters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digitcnn._checks import whole_number
from digitcnn.synthesis.digits import DIGITS_IN_LINES
from digitcnn.synthesis.hands import (
    PIXEL_MAX,
    Form,
    Hand,
    Path,
    Stroke,
    arc,
    draw_form,
    jitter,
    ring,
    sample_hand,
    trace,
    trace_form,
)
from digitcnn.synthesis.nondigits import NONDIGIT_FORMS

T = TypeVar("T")
Glyph = NDArray[np.uint8]  # (height, width), ink bright on 0, cut to its ink

_SIDE = 72
_MOUSE_SHARE = 0.15  # of the hands
_MOST_HANDS = 100_000
_REPEATS = 2  # of each digit in a hand: nobody writes a digit twice alike
FAINTEST = 40  # of 255: below it a pixel does not count for a glyph's extent

# What an MNIST digit's stroke is wide, in its heights.
_MNIST_STROKE = 0.12

_SUPERSAMPLING = 3
_LEAST_STROKE = 1.2  # pixels
_MARGIN = 0.4  # of a digit's height, around what is drawn


@dataclass(frozen=True)
class HandGlyphs:
    """The glyphs of one hand: `digits[d]` are several drawings of digit d."""

    digits: tuple[tuple[Glyph, ...], ...]
    stroke: float  # the pen's width, in glyph heights
    # A mouse draws thin straight pieces, which no image of a glyph keeps: drawn anew at each size.
    paths: tuple[tuple[list[Path], ...], ...] | None = None


class GlyphBank:
    """Drawn once, and set into thousands of pages.

    Parameters
    ----------
    hands : int
        How many hands to draw, each with all ten digits.
    seed : int
        The same seed draws the same glyphs.
    images, labels : ndarray, optional
        MNIST's training images, uint8 (N, 28, 28), and their digits: taken in as written by
        nobody in particular.
    """

    def __init__(
        self,
        *,
        hands: int,
        seed: int,
        images: NDArray[np.uint8] | None = None,
        labels: NDArray[np.int64] | None = None,
    ) -> None:
        hands = whole_number("hands", hands, least=1, most=_MOST_HANDS, such_as=1_200)
        rng = np.random.default_rng(whole_number("seed", seed, most=None, such_as=0))
        self.hands = [
            _draw_mouse_hand(rng) if rng.random() < _MOUSE_SHARE else _draw_hand(rng)
            for _ in range(hands)
        ]
        drawn = (
            draw_form(NONDIGIT_FORMS, sample_hand(rng), side=_SIDE, rng=rng, style_rng=rng)
            for _ in range(2 * hands)
        )
        self.nondigits = [glyph for glyph in map(trim, drawn) if glyph.size]
        self._mnist: list[list[Glyph]] = [[] for _ in DIGITS_IN_LINES]
        if images is not None and labels is not None:
            for image, label in zip(images, labels.tolist(), strict=True):
                self._mnist[label].append(trim(image))

    def sample_hand(self, rng: np.random.Generator, *, mnist: float) -> HandGlyphs:
        """Return one hand's glyphs; with probability `mnist`, some of MNIST's digits."""
        if rng.random() < mnist and all(self._mnist):
            picked = tuple(
                tuple(glyphs[index] for index in rng.integers(len(glyphs), size=_REPEATS))
                for glyphs in self._mnist
            )
            return HandGlyphs(picked, _MNIST_STROKE)
        return self.hands[rng.integers(len(self.hands))]

    def sample_nondigit(self, rng: np.random.Generator) -> Glyph:
        """Return a letter, a scribble, an arrow or another thing that is no digit."""
        return self.nondigits[rng.integers(len(self.nondigits))]


def _write_digits(
    write: Callable[..., T], hand: Hand, rng: np.random.Generator
) -> tuple[tuple[T, ...], ...]:
    """Let a hand write all digits, each a few times."""
    written = []
    for forms in DIGITS_IN_LINES:
        style = int(rng.integers(2**32))  # what stays the same from one time to the next
        styles = [np.random.default_rng(style) for _ in range(_REPEATS)]
        written.append(
            tuple(write(forms, hand, side=_SIDE, rng=rng, style_rng=each) for each in styles)
        )
    return tuple(written)


def _draw_hand(rng: np.random.Generator) -> HandGlyphs:
    hand = sample_hand(rng)
    digits = _write_digits(draw_form, hand, rng)
    return HandGlyphs(tuple(tuple(map(trim, drawn)) for drawn in digits), hand.pen.width)


def _draw_mouse_hand(rng: np.random.Generator) -> HandGlyphs:
    """Draw all digits with a mouse: straight pieces, few or many, of a thin line."""
    hand = sample_hand(rng)
    step = int(rng.choice([2, 3, 6, 6]))  # of the points that a smooth path has
    traced = _write_digits(trace_form, hand, rng)
    paths = tuple(tuple(_pieces(each, step) for each in drawn) for drawn in traced)
    digits = tuple(tuple(draw_paths(each, _SIDE, 2) for each in drawn) for drawn in paths)
    return HandGlyphs(digits, rng.choice([0.0, 0.015, 0.03, 0.05]), paths)


def _pieces(paths: list[Path], step: int) -> list[Path]:
    """Return paths of unit height from the origin, with one point of `step`."""
    points = np.concatenate(paths)
    low, height = points.min(axis=0), np.ptp(points[:, 1])
    return [(np.concatenate([path[:-1:step], path[-1:]]) - low) / height for path in paths]


def draw_paths(
    paths: list[Path],
    height: float,
    width: int,
    *,
    stretch: float = 1.0,
    slant: float = 0.0,
    waist: float = 0.5,
) -> Glyph:
    """Draw paths of unit height as lines of `width` pixels, with hard edges."""
    drawn = []
    for x, y in (path.T for path in paths):
        down = np.interp(y, (0, 0.5, 1), (0, waist, 1))
        drawn.append(np.stack([x * stretch - slant * down, down], axis=1) * height)
    low = np.concatenate(drawn).min(axis=0) - width
    size = np.ceil(np.concatenate(drawn).max(axis=0) - low).astype(int) + width + 1
    canvas = Image.new("L", (int(size[0]), int(size[1])))
    draw = ImageDraw.Draw(canvas)
    for path in drawn:
        draw.line((path - low).ravel().tolist(), fill=PIXEL_MAX, width=width, joint="curve")
    return trim(np.asarray(canvas))


def trim(image: NDArray[np.uint8]) -> Glyph:
    """Cut an image to its ink."""
    inked = image > FAINTEST
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return image[:0, :0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def set_glyph(
    glyph: Glyph,
    height: float,
    *,
    stretch: float = 1.0,
    slant: float = 0.0,
    angle: float = 0.0,
    waist: float = 0.5,
) -> Glyph:
    """Bring a glyph to a height in pixels, stretched in width, slanted and turned (radians).

    What lies above half of its height comes to lie above `waist`: a long tail, or a short one.
    """
    rows = max(3, round(height))
    columns = max(2, round(height * stretch * glyph.shape[1] / glyph.shape[0]))
    image = Image.fromarray(glyph)
    if waist == 0.5:
        image = image.resize((columns, rows), Image.Resampling.BILINEAR)
    else:
        (wide, tall), upper, whole = (
            image.size,
            round(waist * rows),
            Image.new("L", (columns, rows)),
        )
        for top, bottom, start, end in ((0, upper, 0, tall / 2), (upper, rows, tall / 2, tall)):
            size, box = (columns, bottom - top), (0, start, wide, end)
            whole.paste(image.resize(size, Image.Resampling.BILINEAR, box), (0, top))
        image = whole
    if abs(slant) < 0.02 and abs(angle) < 0.02:
        return np.asarray(image)
    cos, sin = math.cos(angle), math.sin(angle)
    width = math.ceil(columns * cos + rows * (abs(slant) + abs(sin))) + 2
    tall = math.ceil(rows * cos + columns * abs(sin)) + 2
    # From the new pixel back to the old one: turned back, then unslanted.
    a, b, d, e = cos + slant * -sin, sin + slant * cos, -sin, cos
    x, y = (width - 1) / 2, (tall - 1) / 2
    c = (columns - 1) / 2 - a * x - b * y
    f = (rows - 1) / 2 - d * x - e * y
    turned = image.transform(
        (width, tall), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    return trim(np.asarray(turned))


def _jitter(rng: np.random.Generator, amount: float = 0.04) -> float:
    return float(rng.normal(0, amount))


def _dot(x: float, y: float, rng: np.random.Generator) -> Stroke:
    return [(x, y), (x + 0.02 + abs(_jitter(rng, 0.015)), y + _jitter(rng, 0.015))]


def _bar(length: float, y: float, rng: np.random.Generator) -> Stroke:
    return [(_jitter(rng), y + _jitter(rng)), (length, y + _jitter(rng))]


def _point(rng: np.random.Generator) -> list[Stroke]:
    return [_dot(0, 0.98 + _jitter(rng, 0.02), rng)]


def _comma(rng: np.random.Generator) -> list[Stroke]:
    drop = rng.uniform(0.12, 0.34)
    return [[(0.08, 0.94), (0.08 + _jitter(rng), 1 + 0.3 * drop), (_jitter(rng), 1 + drop)]]


def _minus(rng: np.random.Generator) -> list[Stroke]:
    return [_bar(rng.uniform(0.3, 0.75), 0.5 + _jitter(rng, 0.08), rng)]


def _slash(rng: np.random.Generator) -> list[Stroke]:
    across = 0.35 + abs(_jitter(rng, 0.16))
    return [[(across, -0.1 + _jitter(rng)), (0, 1.1 + _jitter(rng))]]


def _colon(rng: np.random.Generator) -> list[Stroke]:
    return [_dot(0, rng.uniform(0.2, 0.45), rng), _dot(0, rng.uniform(0.83, 0.98), rng)]


def _plus(rng: np.random.Generator) -> list[Stroke]:
    length = rng.uniform(0.3, 0.75)
    middle, half = length / 2 + _jitter(rng), length / 2
    upright = [(middle, 0.5 - half + _jitter(rng)), (middle + _jitter(rng), 0.5 + half)]
    return [_bar(length, 0.5, rng), upright]


def _equals(rng: np.random.Generator) -> list[Stroke]:
    length = rng.uniform(0.3, 0.75)
    return [_bar(length, 0.38, rng), _bar(length, 0.64, rng)]


def _times(rng: np.random.Generator) -> list[Stroke]:
    length = rng.uniform(0.3, 0.75)
    falling = [(_jitter(rng), 0.3 + _jitter(rng)), (length, 0.9 + _jitter(rng))]
    return [falling, [(length + _jitter(rng), 0.3), (_jitter(rng), 0.9 + _jitter(rng))]]


def _bracket(rng: np.random.Generator, way: int) -> list[Stroke]:
    bulge = rng.uniform(0.1, 0.3) * way
    turn = np.linspace(-1, 1, 7).tolist()
    return [[(0.3 + bulge * (1 - t * t), 0.5 + 0.65 * t) for t in turn]]


def _wave(rng: np.random.Generator) -> list[Stroke]:
    tall = rng.uniform(0.05, 0.15)
    along = np.linspace(0, 1, 12).tolist()
    return [[(t, 0.5 + tall * math.sin(2 * math.pi * t)) for t in along]]


def _curve(rng: np.random.Generator, *points: tuple[float, float]) -> Stroke:
    """Return a smooth stroke through points, each a little off its place."""
    moved = jitter([list(points)], 0.03, rng)[0]
    return [(x, y) for x, y in trace(moved).tolist()]


def _oval(rng: np.random.Generator, x: float, y: float, wide: float, tall: float) -> Stroke:
    return [(x, y) for x, y in trace(ring(rng, (x, y), (wide, tall))).tolist()]


def _dollar(rng: np.random.Generator) -> list[Stroke]:
    right, left = rng.uniform(0.3, 0.5), rng.uniform(-0.05, 0.08)
    body = _curve(
        rng,
        (right, 0.22),
        ((left + right) / 2, rng.uniform(0.02, 0.12)),
        (left, 0.25),
        ((left + right) / 2, 0.5),
        (right, 0.72),
        ((left + right) / 2, rng.uniform(0.86, 0.97)),
        (left, 0.8),
    )
    x, over = (left + right) / 2 + _jitter(rng), rng.uniform(-0.08, 0.2)
    if rng.random() < 0.25:
        ends = [[(x, -over), (x, 0.15)], [(x, 0.85), (x, 1 + over)]]
    else:
        ends = [[(x + _jitter(rng), -over), (x + _jitter(rng), 1 + over)]]
    if rng.random() < 0.25:
        ends.append([(x + 0.12, -over), (x + 0.12, 1 + over)])
    return [body, *ends]


def _euro(rng: np.random.Generator) -> list[Stroke]:
    wide = rng.uniform(0.25, 0.42)
    body = _curve(
        rng, *arc((0.3, 0.5), (wide, 0.5), rng.uniform(-70, -30), rng.uniform(-325, -290))
    )
    bars = [_bar(rng.uniform(0.25, 0.5), y, rng) for y in (0.42, rng.uniform(0.52, 0.66))]
    left = rng.uniform(-0.2, 0.05)
    return [body, *([(x + left, y) for x, y in bar] for bar in bars)]


def _pound(rng: np.random.Generator) -> list[Stroke]:
    body = _curve(
        rng,
        (rng.uniform(0.4, 0.55), 0.18),
        (0.3, 0.0),
        (0.16, 0.14),
        (0.2, 0.5),
        (0.14, 0.88),
        (0.0, 0.97),
        (0.04, 0.86),
        (0.3, 0.95),
        (rng.uniform(0.45, 0.6), 0.9),
    )
    return [body, _bar(rng.uniform(0.3, 0.45), 0.5, rng)]


def _yen(rng: np.random.Generator) -> list[Stroke]:
    middle = rng.uniform(0.4, 0.55)
    arms = [(_jitter(rng), 0.0), (0.26, middle), (0.5 + _jitter(rng), 0.0)]
    bars = [_bar(0.5, y + _jitter(rng, 0.02), rng) for y in (0.58, 0.74)]
    return [arms, [(0.26, middle), (0.26 + _jitter(rng), 1.0)], *bars[rng.integers(2) :]]


def _percent(rng: np.random.Generator) -> list[Stroke]:
    wide, tall = rng.uniform(0.07, 0.16), rng.uniform(0.1, 0.2)
    across = rng.uniform(0.4, 0.75)
    slash = [(across + _jitter(rng), _jitter(rng)), (0.05 + _jitter(rng), 1 + _jitter(rng))]
    first = _oval(rng, 0.08, tall + rng.uniform(0, 0.15), wide, tall)
    return [first, slash, _oval(rng, across + 0.05, 1 - tall - rng.uniform(0, 0.1), wide, tall)]


def _hash(rng: np.random.Generator) -> list[Stroke]:
    lean = rng.uniform(0, 0.15)
    uprights = [[(x + lean, _jitter(rng)), (x, 1 + _jitter(rng))] for x in (0.15, 0.38)]
    return [*uprights, _bar(0.6, 0.34, rng), _bar(0.6, 0.66, rng)]


# Strokes in the height of the digits beside, y downwards from their top.
_DRAWN: dict[str, Form] = {
    ".": _point,
    ",": _comma,
    "-": _minus,
    "/": _slash,
    ":": _colon,
    "+": _plus,
    "=": _equals,
    "x": _times,
    "(": lambda rng: _bracket(rng, -1),
    ")": lambda rng: _bracket(rng, 1),
    "~": _wave,
    "$": _dollar,
    "€": _euro,
    "£": _pound,
    "¥": _yen,
    "%": _percent,
    "#": _hash,
}


def draw_sign(
    sign: str, height: float, stroke: float, rng: np.random.Generator
) -> tuple[Glyph, float]:
    """Draw a sign to stand beside digits of this height."""
    scale = height * _SUPERSAMPLING
    width = max(_LEAST_STROKE * _SUPERSAMPLING, scale * stroke)
    side = round((1 + 2 * _MARGIN) * scale) + 8
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    half = width / 2 - 0.5
    for path in _DRAWN[sign](rng):
        points = [((x + _MARGIN) * scale, (y + _MARGIN) * scale) for x, y in path]
        draw.line(points, fill=PIXEL_MAX, width=max(1, round(width)), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - half, y - half, x + half, y + half), fill=PIXEL_MAX)
    small = np.asarray(canvas.reduce(_SUPERSAMPLING))
    rows = np.flatnonzero((small > FAINTEST).any(axis=1))
    middle = ((rows[0] + rows[-1] + 1) / 2 / height - _MARGIN) if len(rows) else 0.5
    return trim(small), middle
