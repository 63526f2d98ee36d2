"""Things that are no digit: letters, invented signs, scribbles, blobs, digits run together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.synthesis.digits import DIGITS
from digitcnn.synthesis.hands import (
    PIXEL_MAX,
    Forms,
    Glyph,
    Stroke,
    arc,
    chance,
    corner,
    draw_form,
    parse_strokes,
    pick,
    sample_hand,
    trace,
)

# Left out are letters that look like a digit: B b C c G g I i j L l O o Q q S s u V v Z z y.
# A D has corners here, a J its bar, and a U is wide.
_LETTERS = (
    "0 1, .3 0!, .62 1; .12 .62, .5 .62",  # A
    "0 0, 0 1; 0 0!, .3 .02, .7 .3, .7 .7, .3 .98, 0 1",  # D
    "0 0!, 0 1!, .3 .98, .7 .7, .7 .3, .3 .02, -.06 0",  # D
    ".5 0, 0 0!, 0 1!, .52 1; 0 .48, .42 .48",  # E
    ".5 0, 0 0!, 0 1; 0 .45, .4 .45",  # F
    "0 0, 0 1; .55 0, .55 1; 0 .5, .55 .5",  # H
    "0 .02, .75 0; .4 0, .4 .8, .28 1, .05 .95, -.05 .72",  # J
    "0 0, 0 1; .5 0, .02 .52!, .55 1",  # K
    "0 1, .05 0!, .4 .7!, .75 0!, .8 1",  # M
    "0 1, 0 0!, .6 1!, .6 0",  # N
    "0 1, 0 0!, .35 .02, .5 .25, .35 .48, .02 .52",  # P
    "0 1, 0 0!, .35 .02, .48 .25, .33 .48, .02 .5; .2 .5, .55 1",  # R
    "0 0, .75 .02; .37 0, .37 1",  # T
    "0 0, .02 .7, .14 .95, .3 1, .54 .95, .7 .7, .72 0",  # U
    "0 0, 0 .75, .25 1, .5 .75, .52 0!, .52 .9, .62 1",  # U
    "0 0, .2 1!, .42 .3!, .64 1!, .85 0",  # W
    "0 0, .6 1; .6 0, 0 1",  # X
    "0 0, .32 .48!, .64 0; .32 .48, .32 1",  # Y
    ".42 .12, .18 0, 0 .45, .15 .95, .4 .7; .45 .02, .43 .8, .6 1",  # a
    ".02 .18, .25 0, .45 .2, .45 .8, .58 1; .44 .45, .15 .5, .02 .75, .18 1, .43 .82",  # a
    ".42 .5, .2 .4, 0 .7, .15 1, .42 .8; .45 0, .45 1",  # d
    ".03 .5, .55 .45, .5 .15, .25 0, 0 .45, .2 .97, .55 .85",  # e
    ".5 .06, .32 0, .22 .2, .22 1; .02 .4, .45 .4",  # f
    "0 0, 0 1; 0 .6, .22 .42, .4 .6, .4 1",  # h
    "0 0, 0 1; .4 .42, .02 .7!, .45 1",  # k
    "0 0, 0 1!, .03 .35, .2 .02, .35 .3, .35 1; .35 .35, .55 .02, .72 .3, .72 1",  # m
    "0 0, 0 1!, .04 .4, .28 .02, .5 .3, .5 1",  # n
    "0 0, .05 .85, .22 .9, .38 .2, .42 .85, .6 .9, .78 0",  # w
    "0 .05, .2 .1, .4 .9, .6 .95; .6 0, 0 1",  # x
    ".7 1, .2 .3, .3 0, .45 .18, .05 .65, .1 .98, .35 .98, .68 .5",  # ampersand
    ".25 0, .15 1; .55 0, .45 1; 0 .33, .7 .3; 0 .68, .68 .65",  # hash
    "0 .2, .22 0, .45 .2, .25 .48, .22 .7; .22 .93, .23 1",  # question mark
)

Picture = NDArray[np.uint8]
Texture = Callable[[int, np.random.Generator], Picture]


def _waves(side: int, rng: np.random.Generator, count: int, fastest: float) -> NDArray[np.float64]:
    """Return a smooth random field in [0, 1]."""
    ys, xs = np.mgrid[:side, :side] / side
    field = np.zeros((side, side))
    for _ in range(count):
        along, across, phase = rng.uniform(-fastest, fastest, 3)
        field += np.sin(2 * math.pi * (along * xs + across * ys) + phase)
    lowest, highest = field.min(), field.max()
    return (field - lowest) / max(highest - lowest, 1e-9)


def _fill(outline: NDArray[np.float64], side: int, rng: np.random.Generator) -> Picture:
    """Fill an outline given in the unit square, with an even or a patterned cloth."""
    size = rng.uniform(0.6, 0.9) * side
    low = (side - size) / 2 + rng.normal(0, 0.03, 2) * side
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).polygon((outline * size + low).ravel().tolist(), fill=PIXEL_MAX)
    ink = np.asarray(canvas.filter(ImageFilter.GaussianBlur(side / 192)), dtype=np.float64)
    ink *= rng.uniform(0.5, 1)
    if chance(rng, 0.6):
        ink *= 1 - rng.uniform(0.2, 0.7) * _waves(side, rng, 3, rng.uniform(1, 8))
    return ink.astype(np.uint8)


def _blob(side: int, rng: np.random.Generator) -> Picture:
    """Draw a filled lump, never slim enough for a 1."""
    corners = int(rng.integers(5, 12))
    radii = rng.uniform(0.5, 1, corners)
    angles = np.sort(rng.uniform(0, 360, corners)) / 180 * math.pi
    flat = rng.uniform(0.55, 1)
    points = np.stack([np.cos(angles), np.sin(angles) * flat], axis=1) * radii[:, None]
    outline = trace([*points.tolist(), points[0].tolist()], smooth=chance(rng, 0.7))
    outline -= outline.min(axis=0)
    return _fill(outline / outline.max(), side, rng)


def _disc(side: int, rng: np.random.Generator) -> Picture:
    """Draw a full disc or block."""
    radii = (0.5, 0.5 * rng.uniform(0.6, 1))
    shape = arc((0.5, 0.5), radii, 0, 360, power=rng.uniform(0.15, 1))
    return _fill(trace(shape), side, rng)


def _noise(side: int, rng: np.random.Generator) -> Picture:
    """Draw grain, fine or coarse, dense or sparse."""
    coarse = int(rng.integers(8, side + 1))
    grain = rng.random((coarse, coarse)) ** rng.uniform(0.5, 6)
    if chance(rng, 0.4):
        grain = (grain > rng.uniform(0.3, 0.8)).astype(np.float64)
        grain[0, 0] = 1
    enlarged = Image.fromarray((grain * PIXEL_MAX).astype(np.uint8)).resize(
        (side, side), Image.Resampling.NEAREST
    )
    return np.asarray(enlarged)


def _cloth(side: int, rng: np.random.Generator) -> Picture:
    """Draw stripes, checks or clouds from edge to edge."""
    field = _waves(side, rng, int(rng.integers(3, 6)), rng.uniform(3, 9))
    if chance(rng, 0.4):
        field = np.round(field)
    return (field * rng.uniform(120, PIXEL_MAX)).astype(np.uint8)


def _hatching(side: int, rng: np.random.Generator) -> Picture:
    """Draw a grid or parallel lines."""
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    pitch = rng.uniform(0.1, 0.24) * side
    width = max(1, round(rng.uniform(0.08, 0.5) * pitch))
    offset = rng.uniform(0, pitch)
    for at in np.arange(offset, side, pitch).tolist():
        draw.line((at, 0, at, side), fill=PIXEL_MAX, width=width)
        if pitch > 0 and offset < pitch * 0.7:
            draw.line((0, at, side, at), fill=PIXEL_MAX, width=width)
    return np.asarray(canvas.rotate(rng.uniform(0, 90), Image.Resampling.BILINEAR))


def _two_digits(side: int, rng: np.random.Generator) -> Picture:
    """Draw two digits in one frame, side by side, or what a cut through their middle shows."""
    hand = sample_hand(rng)
    # Half a 1 is a 1, so it takes no part.
    pair = [
        draw_form(DIGITS[digit], hand, side=side, rng=rng, style_rng=rng)
        for digit in rng.choice([0, 2, 3, 4, 5, 6, 7, 8, 9], 2).tolist()
    ]
    trimmed = [_trim(picture) for picture in pair]
    gap = np.zeros((side, int(rng.integers(0, side // 10))), np.uint8)
    joined = np.concatenate([trimmed[0], gap, trimmed[1]], axis=1)
    if chance(rng, 0.5):
        left = int(trimmed[0].shape[1] * rng.uniform(0.35, 0.6))
        right = joined.shape[1] - int(trimmed[1].shape[1] * rng.uniform(0.35, 0.6))
        joined = joined[:, left:right]
    return _fit(joined, side)


def _trim(picture: Picture) -> Picture:
    """Cut the empty columns away."""
    inked = np.flatnonzero(picture.any(axis=0))
    return picture[:, inked[0] : inked[-1] + 1]


def _fit(picture: Picture, side: int) -> Picture:
    """Shrink a picture into the middle of a square frame."""
    height, width = picture.shape
    scale = min(1.0, 0.94 * side / width)
    small = Image.fromarray(picture).resize(
        (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX
    )
    frame = Image.new("L", (side, side))
    frame.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return np.asarray(frame)


_TEXTURES: tuple[tuple[float, Texture], ...] = (
    (0.2, _blob),
    (0.08, _disc),
    (0.14, _noise),
    (0.1, _cloth),
    (0.08, _hatching),
    (0.4, _two_digits),
)


def _letter(rng: np.random.Generator) -> Glyph:
    return parse_strokes(_LETTERS[rng.integers(len(_LETTERS))])


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


NONDIGIT_FORMS: Forms = (
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
    if rng.random() < 0.36:
        return pick(_TEXTURES, rng)(side, rng)
    return draw_form(NONDIGIT_FORMS, sample_hand(rng), side=side, rng=rng, style_rng=rng)
