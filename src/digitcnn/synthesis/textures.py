"""Pictures that no few pen strokes make up: blobs, grain, digits run together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.synthesis.digits import DIGITS
from digitcnn.synthesis.geometry import arc, chance, trace
from digitcnn.synthesis.hands import draw_form, sample_hand

Picture = NDArray[np.uint8]
Texture = Callable[[int, np.random.Generator], Picture]

PIXEL_MAX = 255


def _waves(side: int, rng: np.random.Generator, count: int, fastest: float) -> NDArray[np.float64]:
    """Return a smooth random field in [0, 1]."""
    ys, xs = np.mgrid[:side, :side] / side
    field = np.zeros((side, side))
    for _ in range(count):
        along, across, phase = rng.uniform(-fastest, fastest, 3)
        field += np.sin(2 * math.pi * (along * xs + across * ys) + phase)
    lowest, highest = field.min(), field.max()
    scaled: NDArray[np.float64] = (field - lowest) / max(highest - lowest, 1e-9)
    return scaled


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


TEXTURES: tuple[tuple[float, Texture], ...] = (
    (0.2, _blob),
    (0.08, _disc),
    (0.14, _noise),
    (0.1, _cloth),
    (0.08, _hatching),
    (0.4, _two_digits),
)
