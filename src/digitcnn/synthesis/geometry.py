"""Curves: from a few control points to the smooth path that a pen follows.

A stroke is a list of points (x, y), y downwards, in a box one unit high. The path runs through
all of them; a point written twice in a row is a sharp corner.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Stroke = list[tuple[float, float]]
Glyph = list[Stroke]
Path = NDArray[np.float64]  # (points, 2)

SAMPLES_PER_SPAN = 6
TINY = 1e-9  # of a glyph's height: nearer points are one
_T = np.linspace(0, 1, SAMPLES_PER_SPAN, endpoint=False)[:, None]
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
    spans = length > TINY
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
    tangent /= np.sqrt((tangent * tangent).sum(axis=1, keepdims=True)) + TINY
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


def warp(path: Path, amount: float, rng: np.random.Generator) -> Path:
    """Bend the plane by a few slow waves, as no two halves of a hand's digit match."""
    waves = rng.normal(0, amount, (3, 2))
    pitch = rng.normal(0, 2.8, (2, 3))
    phase = rng.uniform(0, 2 * math.pi, 3)
    bent: Path = path + np.sin(path @ pitch + phase) @ waves
    return bent
