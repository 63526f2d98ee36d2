"""A hand: how one person slants, squeezes and shakes what is written, and the pen that inks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digitcnn.synthesis.geometry import TINY, Glyph, Path, chance, jitter, trace, warp

Kind = Literal["round", "ballpoint", "marker", "pencil", "nib", "brush", "pixel"]

PIXEL_MAX = 255
_SUPERSAMPLING = 3
_THINNEST = 0.011  # of the side
GAPE = 1.5  # pixels of the supersampled canvas
# (kind, how often, thinnest, thickest), widths in glyph heights.
_PENS: tuple[tuple[Kind, float, float, float], ...] = (
    ("round", 0.34, 0.018, 0.16),
    ("ballpoint", 0.16, 0.014, 0.04),
    ("marker", 0.11, 0.05, 0.16),
    ("pencil", 0.1, 0.016, 0.05),
    ("nib", 0.08, 0.04, 0.13),
    ("brush", 0.09, 0.05, 0.16),
    ("pixel", 0.12, 0.03, 0.13),
)
_CUMULATIVE = np.cumsum([share for _, share, _, _ in _PENS])


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
    kind, _, thinnest, thickest = _PENS[int(np.searchsorted(_CUMULATIVE, rng.random()))]
    return Pen(
        kind=kind,
        width=thinnest * (thickest / thinnest) ** rng.uniform(0, 1),
        ink=rng.uniform(0.4, 0.9) if kind == "pencil" else min(1.0, rng.uniform(0.7, 1.3)),
        angle=rng.normal(-0.7, 0.3),
        shake=rng.uniform(0, 0.6),
        grid=int(rng.integers(22, 44)),
        blocky=chance(rng, 0.5),
    )


def ink_paths(
    paths: list[Path], pen: Pen, *, side: int, height: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw the paths with the pen; `height` is what the pen's width is measured in, in pixels."""
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
    length = np.sqrt((step * step).sum(axis=1)) + TINY
    along = (step[1:] * step[:-1]).sum(axis=1)
    across = step[1:, 0] * step[:-1, 1] - step[1:, 1] * step[:-1, 0]
    turned_back = along < 0
    gape = np.abs(across) / (length[1:] * length[:-1]) * width
    return np.flatnonzero((gape > GAPE) | turned_back) + 1


def _pressure(count: int, pen: Pen, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the width along a path, relative to the pen's."""
    along = np.linspace(0, 1, count)
    if pen.kind == "ballpoint":
        swell: NDArray[np.float64] = np.sin(rng.uniform(2, 9) * along + rng.uniform(0, 6))
        return 1 + 0.18 * swell
    start, end = rng.uniform(0.3, 1, 2)
    swell = 0.35 + 0.65 * np.sin(np.pi * along) ** 0.5
    taper: NDArray[np.float64] = swell * (start + (end - start) * along) ** 0.5
    return taper


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


# How often a form is met, and what draws it.
Forms = Sequence[tuple[float, Callable[[np.random.Generator], Glyph]]]

REPEAT_JITTER = 0.007
_NARROW_SHARE = 0.12


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
    narrow = chance(rng, _NARROW_SHARE)
    aspect = rng.uniform(-0.92, -0.4) if narrow else min(0.4, max(-0.4, rng.normal(0, 0.17)))
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


def write(
    glyph: Glyph,
    hand: Hand,
    *,
    side: int,
    rng: np.random.Generator,
    style_rng: np.random.Generator,
) -> list[Path]:
    """Turn a glyph into pen paths in pixels, as this hand writes it.

    `style_rng` decides what a hand repeats, `rng` what differs from one time to the next.
    """
    glyph = jitter(jitter(glyph, hand.wobble, style_rng), REPEAT_JITTER, rng)
    paths = [trace(stroke, smooth=hand.smooth) for stroke in glyph]
    if len(paths) > 1:
        paths = [path + rng.normal(0, hand.loose, 2) for path in paths]
    ends = np.cumsum([len(path) for path in paths])[:-1]
    points = warp(np.concatenate(paths), hand.warp, style_rng)
    return np.split(_place(points, hand, side, rng), ends)


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
    placed: Path = (points - (low + high) / 2) * scale + side / 2 + shift
    return placed


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
    return ink_paths(paths, hand.pen, side=side, height=hand.height * side, rng=rng)


def trace_form(
    forms: Forms,
    hand: Hand,
    *,
    side: int,
    rng: np.random.Generator,
    style_rng: np.random.Generator,
) -> list[Path]:
    """Pick one of the forms by its weight and return the pen's paths, in pixels."""
    shares = np.cumsum([share for share, _ in forms])
    form = forms[int(np.searchsorted(shares / shares[-1], style_rng.random(), side="right"))][1]
    return write(form(style_rng), hand, side=side, rng=rng, style_rng=style_rng)
