"""Pens, papers, light and cameras: what `make_examples.py` makes its pictures from.

Planes are float arrays of shape (H, W), pictures of shape (H, W, 3); both hold reflectance or
brightness in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.synthesis import digits
from digitcnn.synthesis.geometry import Glyph, Path
from digitcnn.synthesis.hands import Hand, write
from digitcnn.synthesis.pens import Pen

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]
Color = tuple[float, float, float]
Size = tuple[int, int]  # width, height

# How numbers are written: one form for each digit.
NUMBER_FORMS = (
    digits.draw_oval_zero,
    digits.draw_flagged_one,
    digits.draw_plain_two,
    digits.draw_round_three,
    digits.draw_open_four,
    digits.draw_two_stroke_five,
    digits.draw_curved_six,
    digits.draw_seven,
    digits.draw_one_stroke_eight,
    digits.draw_closed_nine,
)

SUPERSAMPLING = 3
_UNUSED_PEN = Pen(kind="round", width=0.05, ink=1, angle=0, shake=0, grid=28, blocky=False)


def write_digit(
    form: Callable[[np.random.Generator], Glyph],
    seed: int,
    *,
    center: tuple[float, float],
    height: float,
    slant: float = 0.1,
    aspect: float = 1.0,
    wobble: float = 0.008,
) -> list[Path]:
    """Write one digit: pen paths in pixels, `height` tall, around `center`."""
    hand = Hand(
        pen=_UNUSED_PEN,
        slant=slant,
        aspect=aspect,
        rotation=0.0,
        wobble=wobble,
        warp=0.015,
        loose=0.008,
        height=0.7,
        smooth=True,
    )
    rng = np.random.default_rng(seed)
    paths = write(form(rng), hand, side=1000, rng=rng, style_rng=rng)
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = height / (high[1] - low[1])
    return [(path - (low + high) / 2) * scale + np.array(center) for path in paths]


def write_number(
    text: str,
    seed: int,
    *,
    start: tuple[float, float],
    height: float,
    gap: float = 0.3,
    slant: float = 0.1,
) -> list[Path]:
    """Write digits and decimal points from left to right: pen paths in pixels.

    `start` is the left end of the line through their middles, `gap` the space between two in
    parts of their height.
    """
    rng = np.random.default_rng(seed)
    paths: list[Path] = []
    x, middle = start
    for place, letter in enumerate(text):
        if letter == " ":
            x += 0.6 * height
        elif letter == ".":
            y = middle + 0.5 * height
            paths.append(np.array([[x, y - 1.0], [x + 1.0, y]]))
            x += gap * height
        else:
            y = middle + rng.normal(0, 0.03) * height
            tall = height * rng.normal(1, 0.04)
            form = NUMBER_FORMS[int(letter)]
            digit = write_digit(form, seed + place, center=(x, y), height=tall, slant=slant)
            across = np.concatenate(digit)[:, 0]
            paths += [path + np.array([x - across.min(), 0.0]) for path in digit]
            x += np.ptp(across) + gap * height
    return paths


def pull_pen(size: Size, paths: list[Path], width: float, *, taper: float = 0.0) -> Plane:
    """Cover the paper along the paths; `taper` is how much thinner each stroke ends."""
    canvas = Image.new("L", (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    for path in paths:
        points = _densely(path * SUPERSAMPLING)
        along = np.linspace(0, 1, len(points))
        thinner = 1 - taper * np.maximum(along, 0.6 * (1 - along) ** 3) ** 2
        radii = np.maximum(0.6, width * SUPERSAMPLING / 2 * thinner)
        for (x, y), radius in zip(points.tolist(), radii.tolist(), strict=True):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(canvas.reduce(SUPERSAMPLING), np.float32) / 255


def _densely(path: Path) -> Path:
    """Resample a path at steps of one pixel."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    at = np.concatenate([[0], np.cumsum(steps)])
    where = np.linspace(0, at[-1], max(2, round(at[-1])))
    return np.stack([np.interp(where, at, path[:, axis]) for axis in (0, 1)], axis=1)


def clouds(size: Size, pitch: float, rng: np.random.Generator) -> Plane:
    """Give smooth noise of mean 0 and deviation 1 whose lumps are `pitch` pixels wide."""
    coarse = (max(2, round(size[0] / pitch) + 1), max(2, round(size[1] / pitch) + 1))
    values = rng.normal(0, 1, coarse[::-1]).astype(np.float32)
    plane = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC))
    return (plane - plane.mean()) / (plane.std() + 1e-6)


def paper(size: Size, color: Color, rng: np.random.Generator, *, grain: float = 0.008) -> Picture:
    """Give a blank sheet with its fibres."""
    fibres = 0.6 * clouds(size, 2.2, rng) + 0.3 * clouds(size, 7, rng) + 0.3 * clouds(size, 90, rng)
    sheet = np.array(color, np.float32) * (1 + grain * fibres[..., None])
    return np.clip(sheet, 0, 1)


def rule(
    sheet: Picture, *, pitch: float, first: float, color: Color, width: float = 1.6, tilt: float = 0
) -> Picture:
    """Print ruled lines on a sheet; `tilt` is their fall from left to right, in pixels."""
    height, length = sheet.shape[:2]
    paths = [
        np.array([[-5.0, y - tilt / 2], [length + 5.0, y + tilt / 2]])
        for y in np.arange(first, height + pitch, pitch)
    ]
    return lay_ink(sheet, pull_pen((length, height), paths, width), color)


def lay_ink(sheet: Picture, cover: Plane, color: Color, *, strength: float = 1.0) -> Picture:
    """Let ink through which no light comes but its own colour cover a part of the sheet."""
    amount = (np.clip(cover, 0, 1) * strength)[..., None]
    return sheet * (1 - amount) + sheet * np.array(color, np.float32) * amount


def light(
    size: Size,
    rng: np.random.Generator,
    *,
    toward: tuple[float, float],
    fall: float,
    patchy: float = 0.03,
) -> Plane:
    """Give a lamp's light: brightest on the side `toward`, darker by `fall` across the picture."""
    width, height = size
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    slope = (x * toward[0] + y * toward[1]) / np.hypot(*toward)
    vignette = 1 - 0.06 * (x**2 + y**2)
    plane = (1 - fall * (1 - slope) / 2) * vignette
    return (plane * (1 + patchy * clouds(size, max(size) / 2.5, rng))).astype(np.float32)


def shadow(size: Size, *, edge: tuple[float, float, float], soft: float, depth: float) -> Plane:
    """Give the shadow of the hand that holds the phone, beyond the line a x + b y = c."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    wavy = 0.03 * np.sin(7 * x + 3 * y)
    beyond = edge[0] * x + edge[1] * y + wavy - edge[2]
    return (1 - depth / (1 + np.exp(-beyond / soft))).astype(np.float32)


def photograph(
    scene: Picture,
    lit: Plane,
    rng: np.random.Generator,
    *,
    tint: Color = (1.0, 0.98, 0.94),
    blur: float = 0.9,
    noise: float = 0.012,
) -> Image.Image:
    """Take the picture: light, lens, the sensor's noise, and the sharpening of phones."""
    exposed = np.clip(scene * lit[..., None] * np.array(tint, np.float32), 0, 1)
    picture = to_image(exposed).filter(ImageFilter.GaussianBlur(blur))
    size = picture.size
    grey = rng.normal(0, noise, (size[1], size[0], 1))
    colored = np.stack([clouds(size, 3, rng) for _ in range(3)], axis=2) * noise * 0.5
    noisy = np.asarray(picture, np.float32) / 255 + grey + colored
    return to_image(noisy).filter(ImageFilter.UnsharpMask(radius=1.5, percent=70, threshold=0))


def to_image(picture: NDArray[np.floating]) -> Image.Image:
    """Turn brightness in [0, 1] into an 8-bit picture."""
    return Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def tilt(picture: Image.Image, corners: list[tuple[float, float]]) -> Image.Image:
    """Look at a scene slantwise: `corners` of the scene, clockwise, come to the picture's."""
    width, height = picture.size
    target = [(0, 0), (width, 0), (width, height), (0, height)]
    rows, values = [], []
    for (x, y), (u, v) in zip(target, corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    coefficients = np.linalg.solve(np.array(rows, float), np.array(values, float)).tolist()
    return picture.transform(
        picture.size,
        Image.Transform.PERSPECTIVE,
        coefficients,
        Image.Resampling.BICUBIC,
    )
