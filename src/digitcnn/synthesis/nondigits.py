"""Things that are no digit: letters, invented signs, scribbles, and what `textures` holds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from digitcnn.synthesis.geometry import Glyph, Stroke, arc, chance, corner
from digitcnn.synthesis.hands import draw_form, sample_hand
from digitcnn.synthesis.letters import LETTERS
from digitcnn.synthesis.textures import TEXTURES

Draw = Callable[[np.random.Generator], Glyph]
TEXTURE_SHARE = 0.36


def _letter(rng: np.random.Generator) -> Glyph:
    return LETTERS[rng.integers(len(LETTERS))]


def _points(rng: np.random.Generator, count: int) -> Stroke:
    """Return random points in the unit square."""
    return [(x, y) for x, y in rng.random((count, 2)).tolist()]


def _scribble(rng: np.random.Generator) -> Glyph:
    return [_points(rng, int(rng.integers(9, 28)))]


def _zigzag(rng: np.random.Generator) -> Glyph:
    upright = chance(rng, 0.35)
    # Few turns upright would make a 3 or a 2.
    turns = int(rng.integers(8 if upright else 5, 14))
    height, pitch = rng.uniform(0.25, 1), rng.uniform(0.5, 1.3) / turns
    sharp = chance(rng, 0.6)
    path: Stroke = []
    for index in range(turns):
        x, y = index * pitch, (index % 2) * height
        path += corner(x, y) if sharp else [(x, y)]
    return [[(y, x) for x, y in path]] if upright else [path]


def _crossing_lines(rng: np.random.Generator) -> Glyph:
    return [_points(rng, 2) for _ in range(rng.integers(4, 9))]


def _tick(rng: np.random.Generator) -> Glyph:
    low = rng.uniform(0.2, 0.4)
    start = (0, rng.uniform(0.45, 0.7))
    return [[start, *corner(low, 1), (rng.uniform(0.8, 1.2), rng.uniform(0, 0.2))]]


def _cross(rng: np.random.Generator) -> Glyph:
    half = rng.uniform(0.35, 0.6)
    first = rng.uniform(-10, 10) + rng.choice([0.0, 45.0])
    return [_spoke(half, first), _spoke(half * rng.uniform(0.8, 1.1), first + 90)]


def _spoke(half: float, degrees: float) -> Stroke:
    """Return a line through the middle of the box."""
    x, y = half * math.cos(math.radians(degrees)), half * math.sin(math.radians(degrees))
    return [(0.5 - x, 0.5 - y), (0.5 + x, 0.5 + y)]


def _star(rng: np.random.Generator) -> Glyph:
    spikes = int(rng.integers(5, 8))
    if chance(rng, 0.5):
        return [_spoke(0.5, 180 * index / spikes) for index in range(spikes)]
    path: Stroke = []
    for index in range(2 * spikes + 1):
        angle = math.pi * index / spikes - math.pi / 2
        radius = 0.5 if index % 2 == 0 else 0.21
        path += corner(0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle))
    return [path]


def _spiral(rng: np.random.Generator) -> Glyph:
    start = rng.uniform(0, 360)
    turn = rng.uniform(2.4, 4.5) * 360 * rng.choice([-1.0, 1.0])
    return [arc((0.5, 0.5), (0.5, 0.5), start, start + turn, grow=rng.uniform(0.03, 0.15))]


def _arrow(rng: np.random.Generator) -> Glyph:
    # Pointing up it would be a 1 with two flags, so it points to a side or down.
    angle = math.radians(rng.choice([0.0, 90.0, 180.0, 35.0, 145.0]) + rng.uniform(-12, 12))
    tip = (0.5 + 0.5 * math.cos(angle), 0.5 + 0.5 * math.sin(angle))
    tail = (0.5 - 0.5 * math.cos(angle), 0.5 - 0.5 * math.sin(angle))
    size, spread = rng.uniform(0.25, 0.42), rng.uniform(0.5, 0.8)
    barbs = [
        (tip[0] - size * math.cos(angle + side), tip[1] - size * math.sin(angle + side))
        for side in (spread, -spread)
    ]
    return [[tail, tip], [barbs[0], *corner(*tip), barbs[1]]]


def _polygon(rng: np.random.Generator) -> Glyph:
    """Return a triangle, or four or five corners with all diagonals: without, it could be a 0."""
    sides = int(rng.integers(3, 6))
    start = rng.uniform(0, 360)
    angles = [math.radians(start + 360 * index / sides) for index in range(sides)]
    corners = [(0.5 + 0.5 * math.cos(angle), 0.5 + 0.5 * math.sin(angle)) for angle in angles]
    outline: Stroke = [point for x, y in [*corners, corners[0]] for point in corner(x, y)]
    diagonals = {4: 2, 5: 5}.get(sides, 0)
    return [outline, *([corners[k], corners[(k + 2) % sides]] for k in range(diagonals))]


def _invented_sign(rng: np.random.Generator) -> Glyph:
    """Return several strokes in a square, as signs of other scripts are built."""
    strokes = [_sign_stroke(rng) for _ in range(rng.integers(2, 6))]
    frame: Glyph = [
        [(rng.uniform(0, 0.2), 0.05), *corner(1, 0), (1, rng.uniform(0.5, 1))],
        [(0, 0.5), (1, 0.5)],
        [(0.5, 0), (0.5, 1)],
        [(0.5, 0.3), (0.3, 0.7), (0, 1)],
        [(0.5, 0.3), (0.7, 0.7), (1, 1)],
    ]
    # Three pieces that no digit joins, whatever the random strokes happen to be.
    return [*strokes, *(frame[k] for k in rng.choice(len(frame), 3, replace=False))]


def _sign_stroke(rng: np.random.Generator) -> Stroke:
    """Return a stroke across the square, down it, between two points, or a bend."""
    row, column = (rng.integers(0, 3, 2) / 2).tolist()
    bend = rng.uniform(0, 360)
    ways: tuple[Stroke, ...] = (
        [(0, row), (1, row + rng.normal(0, 0.05))],
        [(column, 0), (column + rng.normal(0, 0.05), 1)],
        [(column, row), *_points(rng, 1)],
        arc((column, row), (0.3, 0.3), bend, bend + rng.uniform(90, 200)),
    )
    return ways[rng.choice(4, p=[0.35, 0.3, 0.2, 0.15])]


def _row_of_marks(rng: np.random.Generator) -> Glyph:
    """Return several short strokes: tally marks crossed out, or lines beneath each other."""
    count = int(rng.integers(3, 7))
    bend = rng.normal(0, 0.12)
    marks: Glyph = [
        [(k / count, 0), (k / count + bend, 0.3), (k / count, 0.6)] for k in range(count)
    ]
    if chance(rng, 0.4):
        return [*marks, [(-0.1, 0.5), (1, 0.1)]]
    return [[(y, x) for x, y in mark] for mark in marks] if chance(rng, 0.5) else marks


# (how often, how drawn)
NONDIGIT_FORMS: tuple[tuple[float, Draw], ...] = (
    (0.3, _letter),
    (0.15, _scribble),
    (0.07, _zigzag),
    (0.06, _crossing_lines),
    (0.04, _tick),
    (0.05, _cross),
    (0.04, _star),
    (0.04, _spiral),
    (0.04, _arrow),
    (0.04, _polygon),
    (0.13, _invented_sign),
    (0.04, _row_of_marks),
)


def draw_nondigit(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one thing that is no digit."""
    if rng.random() < TEXTURE_SHARE:
        shares = [share for share, _ in TEXTURES]
        return TEXTURES[rng.choice(len(TEXTURES), p=shares)][1](side, rng)
    return draw_form(NONDIGIT_FORMS, sample_hand(rng), side=side, rng=rng, style_rng=rng)
