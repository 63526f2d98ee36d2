"""The signs that stand between and before digits, and others that count for nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from digitcnn.synthesis.geometry import Stroke
from digitcnn.synthesis.glyphs import FAINTEST, PIXEL_MAX, Glyph, trim

SIGNS = (".", ",", "-", "/", ":", "+")

_SUPERSAMPLING = 3
_LEAST_STROKE = 1.2  # pixels
_MARGIN = 0.4  # of a digit's height, around what is drawn

# Strokes in the height of the digits beside, y downwards from their top.
Strokes = list[Stroke]


def _jitter(rng: np.random.Generator, amount: float = 0.04) -> float:
    return float(rng.normal(0, amount))


def _dot(x: float, y: float, rng: np.random.Generator) -> Stroke:
    return [(x, y), (x + 0.02 + abs(_jitter(rng, 0.015)), y + _jitter(rng, 0.015))]


def _bar(length: float, y: float, rng: np.random.Generator) -> Stroke:
    return [(_jitter(rng), y + _jitter(rng)), (length, y + _jitter(rng))]


def _point(rng: np.random.Generator) -> Strokes:
    return [_dot(0, 0.98 + _jitter(rng, 0.02), rng)]


def _comma(rng: np.random.Generator) -> Strokes:
    drop = rng.uniform(0.12, 0.34)
    return [[(0.08, 0.94), (0.08 + _jitter(rng), 1 + 0.3 * drop), (_jitter(rng), 1 + drop)]]


def _minus(rng: np.random.Generator) -> Strokes:
    return [_bar(rng.uniform(0.3, 0.75), 0.5 + _jitter(rng, 0.08), rng)]


def _slash(rng: np.random.Generator) -> Strokes:
    across = 0.35 + abs(_jitter(rng, 0.16))
    return [[(across, -0.1 + _jitter(rng)), (0, 1.1 + _jitter(rng))]]


def _colon(rng: np.random.Generator) -> Strokes:
    return [_dot(0, rng.uniform(0.2, 0.45), rng), _dot(0, rng.uniform(0.83, 0.98), rng)]


def _plus(rng: np.random.Generator) -> Strokes:
    length = rng.uniform(0.3, 0.75)
    middle, half = length / 2 + _jitter(rng), length / 2
    upright = [(middle, 0.5 - half + _jitter(rng)), (middle + _jitter(rng), 0.5 + half)]
    return [_bar(length, 0.5, rng), upright]


def _equals(rng: np.random.Generator) -> Strokes:
    length = rng.uniform(0.3, 0.75)
    return [_bar(length, 0.38, rng), _bar(length, 0.64, rng)]


def _times(rng: np.random.Generator) -> Strokes:
    length = rng.uniform(0.3, 0.75)
    falling = [(_jitter(rng), 0.3 + _jitter(rng)), (length, 0.9 + _jitter(rng))]
    return [falling, [(length + _jitter(rng), 0.3), (_jitter(rng), 0.9 + _jitter(rng))]]


def _bracket(rng: np.random.Generator, way: int) -> Strokes:
    bulge = rng.uniform(0.1, 0.3) * way
    turn = np.linspace(-1, 1, 7).tolist()
    return [[(0.3 + bulge * (1 - t * t), 0.5 + 0.65 * t) for t in turn]]


def _wave(rng: np.random.Generator) -> Strokes:
    tall = rng.uniform(0.05, 0.15)
    along = np.linspace(0, 1, 12).tolist()
    return [[(t, 0.5 + tall * math.sin(2 * math.pi * t)) for t in along]]


_DRAWN: dict[str, Callable[[np.random.Generator], Strokes]] = {
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
