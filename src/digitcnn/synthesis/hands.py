"""A hand: how one person slants, squeezes and shakes whatever is written, and the pen held."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitcnn.synthesis.geometry import Glyph, Path, chance, jitter, trace, warp
from digitcnn.synthesis.pens import Pen, ink_paths, sample_pen

# How often a form is met, and what draws it.
Forms = Sequence[tuple[float, Callable[[np.random.Generator], Glyph]]]

REPEAT_JITTER = 0.007


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
    return Hand(
        pen=sample_pen(rng),
        slant=math.tan(math.radians(min(30.0, max(-25.0, slant)))),
        aspect=math.exp(min(0.4, max(-0.4, rng.normal(0, 0.17)))),
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
