"""Pictures that no few pen strokes make up: silhouettes, blobs, grain, digits run together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.strokes.digits import DIGITS
from digitcnn.strokes.drawing import draw_form
from digitcnn.strokes.geometry import Stroke, arc, chance, jitter, trace
from digitcnn.strokes.hands import sample_hand

Picture = NDArray[np.uint8]
Texture = Callable[[int, np.random.Generator], Picture]

PIXEL_MAX = 255

# Outlines in the unit square, y downwards.
_SILHOUETTES: tuple[Stroke, ...] = (
    # shirt with short sleeves
    [
        (0.3, 0),
        (0.5, 0.06),
        (0.7, 0),
        (1, 0.2),
        (0.9, 0.42),
        (0.75, 0.35),
        (0.75, 1),
        (0.25, 1),
        (0.25, 0.35),
        (0.1, 0.42),
        (0, 0.2),
    ],
    # pullover with long sleeves
    [
        (0.32, 0),
        (0.68, 0),
        (0.88, 0.15),
        (1, 0.95),
        (0.86, 0.97),
        (0.74, 0.4),
        (0.74, 1),
        (0.26, 1),
        (0.26, 0.4),
        (0.14, 0.97),
        (0, 0.95),
        (0.12, 0.15),
    ],
    # trousers
    [(0.2, 0), (0.8, 0), (0.92, 1), (0.62, 1), (0.5, 0.3), (0.38, 1), (0.08, 1)],
    # dress
    [(0.35, 0), (0.42, 0.1), (0.58, 0.1), (0.65, 0), (0.64, 0.4), (0.9, 1), (0.1, 1), (0.36, 0.4)],
    # low shoe
    [(0, 0.35), (0.25, 0.42), (0.5, 0.55), (0.95, 0.68), (1, 0.85), (0, 0.85)],
    # ankle boot
    [(0, 0), (0.42, 0), (0.45, 0.5), (0.95, 0.7), (1, 1), (0.3, 1), (0.28, 0.9), (0.2, 1), (0, 1)],
    # pump
    [
        (0, 0.2),
        (0.15, 0.3),
        (0.5, 0.65),
        (1, 0.75),
        (1, 0.85),
        (0.5, 0.85),
        (0.15, 0.55),
        (0.1, 0.9),
        (0.03, 0.9),
    ],
    # bag with a handle
    [
        (0, 0.35),
        (0.25, 0.35),
        (0.3, 0.1),
        (0.7, 0.1),
        (0.75, 0.35),
        (1, 0.35),
        (0.95, 1),
        (0.05, 1),
    ],
    # house, tree, heart
    [(0, 0.45), (0.5, 0), (1, 0.45), (0.85, 0.45), (0.85, 1), (0.15, 1), (0.15, 0.45)],
    [
        (0.5, 0),
        (0.9, 0.5),
        (0.7, 0.5),
        (1, 0.8),
        (0.57, 0.8),
        (0.57, 1),
        (0.43, 1),
        (0.43, 0.8),
        (0, 0.8),
        (0.3, 0.5),
        (0.1, 0.5),
    ],
    [(0.5, 0.2), (0.75, 0), (1, 0.25), (0.5, 1), (0, 0.25), (0.25, 0)],
)


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


def _silhouette(side: int, rng: np.random.Generator) -> Picture:
    shape = _SILHOUETTES[rng.integers(len(_SILHOUETTES))]
    outline = np.array(jitter([shape], rng.uniform(0, 0.03), rng)[0])
    # A mirrored or toppled shoe is a shoe still; squeezing trousers would make an 11 of them.
    if chance(rng, 0.5):
        outline[:, 0] = 1 - outline[:, 0]
    return _fill(outline * [rng.uniform(0.75, 1), rng.uniform(0.75, 1)], side, rng)


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
    (0.3, _silhouette),
    (0.12, _blob),
    (0.06, _disc),
    (0.1, _noise),
    (0.08, _cloth),
    (0.06, _hatching),
    (0.28, _two_digits),
)
