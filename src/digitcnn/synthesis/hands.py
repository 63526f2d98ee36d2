"""A hand: the strokes that are written, how one person slants and shakes them, and the pen.

A stroke is a list of points (x, y), y downwards, in a box one unit high. The path runs smoothly
through all of them; a point written twice in a row is a sharp corner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

T = TypeVar("T")
Kind = Literal["round", "ballpoint", "marker", "pencil", "nib", "brush", "pixel"]
Stroke = list[tuple[float, float]]
Glyph = list[Stroke]
Path = NDArray[np.float64]  # (points, 2)
Form = Callable[[np.random.Generator], Glyph]
Forms = Sequence[tuple[float, Form]]  # with how often each is met

PIXEL_MAX = 255
_SUPERSAMPLING = 3
_THINNEST = 0.011  # of the side
_GAPE = 1.5  # pixels of the supersampled canvas
_REPEAT_JITTER = 0.007
# How often, kind, thinnest, thickest; widths in glyph heights.
_PENS: tuple[tuple[float, tuple[Kind, float, float]], ...] = (
    (0.34, ("round", 0.018, 0.16)),
    (0.16, ("ballpoint", 0.014, 0.04)),
    (0.11, ("marker", 0.05, 0.16)),
    (0.1, ("pencil", 0.016, 0.05)),
    (0.08, ("nib", 0.04, 0.13)),
    (0.09, ("brush", 0.05, 0.16)),
    (0.12, ("pixel", 0.03, 0.13)),
)
_SAMPLES_PER_SPAN = 6
_TINY = 1e-9  # of a glyph's height: nearer points are one
_T = np.linspace(0, 1, _SAMPLES_PER_SPAN, endpoint=False)[:, None]
_HERMITE = np.hstack(
    [
        2 * _T**3 - 3 * _T**2 + 1,
        _T**3 - 2 * _T**2 + _T,
        -2 * _T**3 + 3 * _T**2,
        _T**3 - _T**2,
    ]
)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return True this often."""
    return bool(rng.random() < probability)


def pick(choices: Sequence[tuple[float, T]], rng: np.random.Generator) -> T:
    """Return one of the choices, each as often as its share says."""
    shares = np.cumsum([share for share, _ in choices])
    return choices[int(np.searchsorted(shares / shares[-1], rng.random(), side="right"))][1]


def parse_strokes(text: str) -> Glyph:
    """Read strokes written as "0 1, .3 0!, .6 1; .1 .6, .5 .6", where "!" marks a corner."""
    glyph: Glyph = []
    for stroke in text.split("; "):
        glyph.append([])
        for point in stroke.split(", "):
            x, y = map(float, point.rstrip("!").split())
            glyph[-1] += corner(x, y) if point.endswith("!") else [(x, y)]
    return glyph


def corner(x: float, y: float) -> Stroke:
    """Return a point where the pen turns sharply."""
    return [(x, y), (x, y)]


def arc(
    center: tuple[float, float],
    radii: tuple[float, float],
    start: float,
    stop: float,
    *,
    grow: float = 1.0,
    power: float = 1.0,
) -> Stroke:
    """Return points along an ellipse, from one angle to another.

    Angles are in degrees: 0 right, 90 down, 180 left, 270 up. The radii change evenly to `grow`
    times themselves; a `power` below 1 makes the ellipse squarish.
    """
    steps = max(2, round(abs(stop - start) / 40))
    points = []
    for step in range(steps + 1):
        angle = math.radians(start + (stop - start) * step / steps)
        scale = 1 + (grow - 1) * step / steps
        x, y = math.cos(angle), math.sin(angle)
        points.append(
            (
                center[0] + radii[0] * scale * math.copysign(abs(x) ** power, x),
                center[1] + radii[1] * scale * math.copysign(abs(y) ** power, y),
            )
        )
    return points


def ring(
    rng: np.random.Generator, center: tuple[float, float], radii: tuple[float, float]
) -> Stroke:
    """Return a loop as a hand closes it: begun near the top, meeting its start or not quite."""
    start = rng.uniform(225, 315)
    sweep = -(360 + rng.uniform(-12, 35))
    if chance(rng, 0.2):
        sweep = -sweep
    return arc(
        center, radii, start, start + sweep, grow=rng.normal(1, 0.05), power=rng.uniform(0.72, 1.05)
    )


def jitter(glyph: Glyph, amount: float, rng: np.random.Generator) -> Glyph:
    """Move every control point a little; corners stay corners."""
    moved = []
    for stroke in glyph:
        noise = rng.normal(0, amount, (len(stroke), 2)).tolist()
        path: Stroke = []
        for index, (x, y) in enumerate(stroke):
            if index and stroke[index - 1] == (x, y):
                path.append(path[-1])
            else:
                path.append((x + noise[index][0], y + noise[index][1]))
        moved.append(path)
    return moved


def trace(stroke: Stroke, *, smooth: bool = True) -> Path:
    """Follow a stroke's control points smoothly, or in straight lines between them."""
    points = np.array(stroke, dtype=np.float64)
    step = points[1:] - points[:-1]
    length = np.sqrt((step * step).sum(axis=1))
    spans = length > _TINY
    if not spans.any():
        return points[:1]
    chord = step[spans] / length[spans, None]
    leave = arrive = chord
    if smooth and len(stroke) > 2:
        leave, arrive = _tangents(points, spans, chord)
    reach = length[spans, None]
    after = points[1:][spans]
    ends = np.stack([points[:-1][spans], leave * reach, after, arrive * reach])  # (4, spans, 2)
    path = np.einsum("tk,ksd->std", _HERMITE, ends).reshape(-1, 2)
    return np.concatenate([path, after[-1:]])


def _tangents(points: Path, spans: NDArray[np.bool_], chord: Path) -> tuple[Path, Path]:
    """Return the unit tangents with which each span leaves and arrives."""
    tangent = np.empty_like(points)
    tangent[1:-1] = points[2:] - points[:-2]
    tangent[0], tangent[-1] = points[1] - points[0], points[-1] - points[-2]
    tangent /= np.sqrt((tangent * tangent).sum(axis=1, keepdims=True)) + _TINY
    leave, arrive = tangent[:-1][spans], tangent[1:][spans]
    # The path passes through a point that has spans on both sides; elsewhere the tangent is free,
    # and mirroring the other end's in the chord continues a circle as a circle.
    passing = np.zeros(len(points), np.bool_)
    passing[1:-1] = spans[1:] & spans[:-1]
    free_start, free_end = ~passing[:-1][spans], ~passing[1:][spans]
    mirrored_arrival = 2 * (chord * arrive).sum(axis=1, keepdims=True) * chord - arrive
    mirrored_leave = 2 * (chord * leave).sum(axis=1, keepdims=True) * chord - leave
    return (
        np.where(free_start[:, None], mirrored_arrival, leave),
        np.where(free_end[:, None], mirrored_leave, arrive),
    )


def _warp(path: Path, amount: float, rng: np.random.Generator) -> Path:
    """Bend the plane by a few slow waves, as no two halves of a hand's digit match."""
    waves = rng.normal(0, amount, (3, 2))
    pitch = rng.normal(0, 2.8, (2, 3))
    phase = rng.uniform(0, 2 * math.pi, 3)
    return path + np.sin(path @ pitch + phase) @ waves


@dataclass(frozen=True)
class Pen:
    """One drawing tool: `width` in glyph heights, `ink` from 0 to 1."""

    kind: Kind
    width: float
    ink: float
    angle: float  # of a nib's edge, radians
    shake: float  # of a mouse, in pixels of its coarse grid
    grid: int  # the coarse grid's side
    blocky: bool  # whether the coarse grid stays visible


def sample_pen(rng: np.random.Generator) -> Pen:
    """Draw a pen."""
    kind, thinnest, thickest = pick(_PENS, rng)
    return Pen(
        kind=kind,
        width=thinnest * (thickest / thinnest) ** rng.uniform(0, 1),
        ink=rng.uniform(0.4, 0.9) if kind == "pencil" else min(1.0, rng.uniform(0.7, 1.3)),
        angle=rng.normal(-0.7, 0.3),
        shake=rng.uniform(0, 0.6),
        grid=int(rng.integers(22, 44)),
        blocky=chance(rng, 0.5),
    )


def _ink(paths: list[Path], hand: Hand, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw the paths, in pixels, with the hand's pen."""
    pen, height = hand.pen, hand.height * side
    if pen.kind == "pixel":
        return _ink_pixels(paths, pen, side=side, height=height, rng=rng)
    canvas = Image.new("L", (side * _SUPERSAMPLING, side * _SUPERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    width = max(2.0, _THINNEST * side * _SUPERSAMPLING, pen.width * height * _SUPERSAMPLING)
    for path in paths:
        points = path * _SUPERSAMPLING
        if pen.kind == "nib":
            _sweep_nib(draw, points, width, pen.angle)
        elif pen.kind in ("ballpoint", "brush"):
            _pull(draw, points, width * _pressure(len(points), pen, rng), rng, pen)
        else:
            _pull_evenly(draw, points, width, blunt=pen.kind == "marker")
    ink = np.asarray(canvas.reduce(_SUPERSAMPLING), dtype=np.float32)
    strength = pen.ink * PIXEL_MAX / max(1.0, float(ink.max()))
    if pen.kind == "pencil":
        ink = ink * (1 - rng.uniform(0.2, 0.8) * rng.random(ink.shape, dtype=np.float32))
    return (ink * strength).astype(np.uint8)


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    radius = max(0.0, radius)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=PIXEL_MAX)


def _pull_evenly(draw: ImageDraw.ImageDraw, points: Path, width: float, *, blunt: bool) -> None:
    """Draw a line of one width."""
    flat = points.ravel().tolist()
    draw.line(flat, fill=PIXEL_MAX, width=max(1, round(width)))
    for index in _bends(points, width).tolist():
        _dot(draw, flat[2 * index], flat[2 * index + 1], width / 2 - 0.5)
    # A dot is round whatever the pen: without its ends nothing would be left of it.
    if not blunt or math.dist(flat[:2], flat[-2:]) < width:
        _dot(draw, flat[0], flat[1], width / 2 - 0.5)
        _dot(draw, flat[-2], flat[-1], width / 2 - 0.5)


def _bends(points: Path, width: float) -> NDArray[np.intp]:
    """Return where a wide line turns so sharply that its pieces gape on the outer side."""
    step = points[1:] - points[:-1]
    length = np.sqrt((step * step).sum(axis=1)) + _TINY
    along = (step[1:] * step[:-1]).sum(axis=1)
    across = step[1:, 0] * step[:-1, 1] - step[1:, 1] * step[:-1, 0]
    turned_back = along < 0
    gape = np.abs(across) / (length[1:] * length[:-1]) * width
    return np.flatnonzero((gape > _GAPE) | turned_back) + 1


def _pressure(count: int, pen: Pen, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the width along a path, relative to the pen's."""
    along = np.linspace(0, 1, count)
    if pen.kind == "ballpoint":
        return 1 + 0.18 * np.sin(rng.uniform(2, 9) * along + rng.uniform(0, 6))
    start, end = rng.uniform(0.3, 1, 2)
    swell = 0.35 + 0.65 * np.sin(np.pi * along) ** 0.5
    return swell * (start + (end - start) * along) ** 0.5


def _pull(
    draw: ImageDraw.ImageDraw,
    points: Path,
    widths: NDArray[np.float64],
    rng: np.random.Generator,
    pen: Pen,
) -> None:
    """Draw a line of changing width; a ball-point skips now and then."""
    skipped = -1
    if pen.kind == "ballpoint" and chance(rng, 0.12):
        skipped = int(rng.integers(0, len(points)))
    coordinates, breadths = points.tolist(), widths.tolist()
    for index, ((x, y), breadth) in enumerate(zip(coordinates, breadths, strict=True)):
        if index == skipped:
            continue
        _dot(draw, x, y, breadth / 2 - 0.5)
        if index and index - 1 != skipped:
            line = (*coordinates[index - 1], x, y)
            draw.line(line, fill=PIXEL_MAX, width=max(1, round(breadth)))


def _sweep_nib(draw: ImageDraw.ImageDraw, points: Path, width: float, angle: float) -> None:
    """Sweep a broad edge along the path: wide across the edge, thin along it."""
    edge_x, edge_y = width / 2 * math.cos(angle), width / 2 * math.sin(angle)
    coordinates = points.tolist()
    _pull_evenly(draw, points, max(2.0, width * 0.22), blunt=False)
    for (x0, y0), (x1, y1) in pairwise(coordinates):
        corners = (x0 - edge_x, y0 - edge_y, x0 + edge_x, y0 + edge_y)
        draw.polygon((*corners, x1 + edge_x, y1 + edge_y, x1 - edge_x, y1 - edge_y), fill=PIXEL_MAX)


def _ink_pixels(
    paths: list[Path], pen: Pen, *, side: int, height: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw as with a mouse in a paint program: a square brush on a coarse grid, then enlarged."""
    canvas = Image.new("L", (pen.grid, pen.grid))
    draw = ImageDraw.Draw(canvas)
    scale = pen.grid / side
    brush = max(1, round(pen.width * height * scale))
    for path in paths:
        points = path * scale + rng.normal(0, pen.shake / 2, path.shape)
        pixels = np.floor(np.concatenate([points[::2], points[-1:]])).astype(int).tolist()
        for x, y in pixels:
            draw.rectangle((x, y, x + brush - 1, y + brush - 1), fill=PIXEL_MAX)
        shift = (brush - 1) // 2
        draw.line([(x + shift, y + shift) for x, y in pixels], fill=PIXEL_MAX, width=brush)
    method = Image.Resampling.NEAREST if pen.blocky else Image.Resampling.BILINEAR
    enlarged = canvas.resize((side, side), method)
    return (np.asarray(enlarged, dtype=np.float32) * pen.ink).astype(np.uint8)


@dataclass(frozen=True)
class Hand:
    """What stays the same from one glyph to the next."""

    pen: Pen
    slant: float  # sideways shift per unit of height
    aspect: float
    rotation: float  # radians
    wobble: float
    warp: float
    loose: float  # how far strokes miss each other, in glyph heights
    height: float  # of the frame
    smooth: bool


def sample_hand(rng: np.random.Generator) -> Hand:
    """Draw a hand."""
    slant = rng.normal(6, 9) if chance(rng, 0.8) else rng.uniform(-25, 30)
    # Some write loops so narrow that a thin 0 is nearly a 1.
    is_narrow = chance(rng, 0.12)
    aspect = rng.uniform(-0.92, -0.4) if is_narrow else min(0.4, max(-0.4, rng.normal(0, 0.17)))
    return Hand(
        pen=sample_pen(rng),
        slant=math.tan(math.radians(min(31.0, max(-25.0, slant)))),
        aspect=math.exp(aspect),
        rotation=math.radians(min(10.0, max(-10.0, rng.normal(0, 3.2)))),
        wobble=rng.uniform(0.002, 0.022),
        warp=rng.uniform(0.0, 0.03),
        loose=rng.uniform(0.0, 0.025),
        height=rng.uniform(0.55, 0.86),
        smooth=chance(rng, 0.95),
    )


def _place(points: Path, hand: Hand, side: int, rng: np.random.Generator) -> Path:
    """Slant, turn, scale and put into the frame."""
    slant = hand.slant + rng.normal(0, 0.025)
    turn = hand.rotation + rng.normal(0, 0.02)
    aspect = hand.aspect * rng.normal(1, 0.03)
    cos, sin = math.cos(turn), math.sin(turn)
    # Stretched, then sheared, then turned, in one matrix.
    columns = [[aspect * cos, aspect * sin], [-slant * cos - sin, cos - slant * sin]]
    points = points @ np.array(columns)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    height = side * hand.height * rng.normal(1, 0.02)
    pen = hand.pen.width * height
    margin = 2 * side / 96
    room = side - 2 * margin - pen
    scale = min(height / extent[1], room / max(extent[0], extent[1]))
    free = (side - 2 * margin - pen - extent * scale) / 2
    shift = np.clip(rng.normal(0, 0.25, 2), -1, 1) * free
    return (points - (low + high) / 2) * scale + side / 2 + shift


def draw_form(
    forms: Forms,
    hand: Hand,
    *,
    side: int,
    rng: np.random.Generator,
    style_rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Pick one of the forms by its weight and draw it as this hand does.

    `style_rng` decides what a hand repeats, `rng` what differs from one time to the next.
    """
    paths = trace_form(forms, hand, side=side, rng=rng, style_rng=style_rng)
    return _ink(paths, hand, side, rng)


def trace_form(
    forms: Forms,
    hand: Hand,
    *,
    side: int,
    rng: np.random.Generator,
    style_rng: np.random.Generator,
) -> list[Path]:
    """Pick one of the forms by its weight and return the pen's paths, in pixels."""
    glyph = jitter(pick(forms, style_rng)(style_rng), hand.wobble, style_rng)
    paths = [trace(stroke, smooth=hand.smooth) for stroke in jitter(glyph, _REPEAT_JITTER, rng)]
    if len(paths) > 1:
        paths = [path + rng.normal(0, hand.loose, 2) for path in paths]
    ends = np.cumsum([len(path) for path in paths])[:-1]
    points = _warp(np.concatenate(paths), hand.warp, style_rng)
    return np.split(_place(points, hand, side, rng), ends)
