"""From ink on paper to the picture of it: paper, light, shadow, table, noise, blur, JPEG."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.synthesis.hands import PIXEL_MAX

Field = NDArray[np.float32]


def photograph_page(
    layers: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    is_harsh: bool = False,
) -> NDArray[np.uint8]:
    """Return the picture of a page; harsh ones have gaps, stripes, more show-through and glare.

    `layers`, of shape (3, H, W), are the digits' ink, other writing, and what is ruled.
    """
    ink, others, rules = layers.astype(np.float32) / PIXEL_MAX
    height, width = ink.shape
    if is_harsh and rng.random() < 0.09:
        ink = ink * _flow(boxes, height, width, rng)
    paper = rng.uniform(0.45, 1) if rng.random() < 0.6 else 1.0
    faintest = 0.08 if rng.random() < 0.15 else 0.12
    strength = rng.uniform(faintest, 1) if rng.random() < 0.5 else rng.uniform(0.5, 1)
    ground = np.full((height, width), np.float32(paper))
    ground = _stained(ground, ink, strength, rng, through=0.14 if is_harsh else 0.09)
    printed = rules * np.float32(rng.uniform(0.1, 1) * (1 if rng.random() < 0.5 else strength))
    written = np.maximum(ink, others * np.float32(rng.uniform(0.5, 1) if rng.random() < 0.5 else 1))
    page = ground * (1 - np.maximum(written * np.float32(strength), printed))
    clean = rng.random() < 0.25
    if not clean:
        page = _lit(page, rng, glare=0.3 if is_harsh else 0.12)
        page = _beside_table(page, boxes, rng)
        if rng.random() < 0.11:
            page = _on_table(page, boxes, rng)
        if rng.random() < 0.6:
            grain = rng.uniform(0, 0.06) * (0.4 + 0.6 * strength)
            page = page + np.float32(grain) * rng.standard_normal(page.shape, np.float32)
        if rng.random() < 0.1:
            page = _mottled(page, rng)
    if is_harsh and rng.random() < 0.07:
        page = _striped(page, boxes, rng)
    page = 1 - page if rng.random() < 0.3 else page
    image = Image.fromarray((page.clip(0, 1) * PIXEL_MAX).astype(np.uint8))
    if not clean or rng.random() < 0.3:
        image = _taken(image, boxes, rng)
    return np.asarray(image)


def _stained(
    ground: Field, ink: Field, strength: float, rng: np.random.Generator, *, through: float
) -> Field:
    """Return paper with what lies beneath the writing: a pattern, and what shows through."""
    height, width = ground.shape
    if rng.random() < 0.16:
        paper = float(ground[0, 0])
        depth = np.float32(paper * rng.uniform(0.04, 0.45) * min(1, 1.2 * strength))
        ground = ground - depth * _security_pattern(width, height, rng)
    if rng.random() < through:
        ground = _seen_through(ground, ink, strength, rng)
    return ground


def _flow(boxes: NDArray[np.float32], height: int, width: int, rng: np.random.Generator) -> Field:
    """Return how much ink a pen gives from place to place that runs dry now and then."""
    tall = float((boxes[:, 3] - boxes[:, 1]).max()) if len(boxes) else height / 2
    pitch = max(3.0, tall * rng.uniform(0.04, 0.12))
    knots = [max(2, round(side / pitch) + 1) for side in (height, width)]
    clouds = Image.fromarray(rng.standard_normal(knots, np.float32))
    clouds = clouds.resize((width, height), Image.Resampling.BICUBIC)
    least, spread = np.float32(rng.uniform(0.9, 2.0)), np.float32(rng.uniform(0.8, 2.0))
    flow: Field = (least + spread * np.asarray(clouds)).clip(0, 1)
    return flow


def _striped(page: Field, boxes: NDArray[np.float32], rng: np.random.Generator) -> Field:
    """Turn a band across the page, or all beside one, into its negative."""
    striped = page.copy()
    lines = striped if rng.random() < 0.3 else striped.T
    tall = float((boxes[:, 3] - boxes[:, 1]).max()) if len(boxes) else len(lines) / 2
    is_within = rng.random() < 0.5
    width = tall * (rng.uniform(0.15, 0.5) if is_within else rng.uniform(0.5, 1))
    start = rng.uniform(0, max(1.0, len(lines) - width))
    rows = np.arange(len(lines))
    chosen = ((rows >= start) & (rows < start + width)) == is_within
    lines[chosen] = 1 - lines[chosen]
    return striped


def _lit(page: Field, rng: np.random.Generator, *, glare: float) -> Field:
    """Light the page unevenly, and let shadows fall on it."""
    height, width = page.shape
    ys, xs = (
        np.linspace(-1, 1, height, dtype=np.float32)[:, None],
        np.linspace(-1, 1, width, dtype=np.float32),
    )
    if rng.random() < 0.6:
        along, across = rng.normal(0, 0.2, 2).astype(np.float32)
        page = page * (1 + np.clip(along * xs + across * ys, -0.5, 0.3))
        depth = np.float32(rng.uniform(0, 0.08))
        knots = rng.standard_normal((int(rng.integers(2, 9)), int(rng.integers(3, 14))), np.float32)
        clouds = Image.fromarray(knots).resize((width, height), Image.Resampling.BICUBIC)
        page = page * (1 + depth * np.asarray(clouds))
    if rng.random() < 0.22:
        angle, offset = rng.uniform(0, 2 * math.pi), rng.normal(0, 0.4)
        softness = math.exp(rng.uniform(math.log(3), math.log(80)))
        across = (math.cos(angle) * xs + math.sin(angle) * ys - offset) * softness
        shade = 1 / (1 + np.exp(-across.clip(-30, 30)))
        page = page * (1 - np.float32(rng.uniform(0.15, 0.6)) * shade.astype(np.float32))
    if rng.random() < glare:  # a lamp's reflection
        x, y = rng.uniform(-1, 1, 2)
        away = ((xs - x) / rng.uniform(0.1, 0.6)) ** 2 + ((ys - y) / rng.uniform(0.1, 0.6)) ** 2
        page = page + np.float32(rng.uniform(0.2, 1)) * np.exp(-away).astype(np.float32)
    return page


def _beside_table(page: Field, boxes: NDArray[np.float32], rng: np.random.Generator) -> Field:
    """Show a table, a black margin or the next sheet along some sides, up to the digits."""
    if rng.random() > 0.14:
        return page
    height, width = page.shape
    page = page.copy()
    room = {
        0: int(boxes[:, 0].min()) if len(boxes) else width // 3,
        1: width - int(boxes[:, 2].max()) if len(boxes) else width // 3,
        2: int(boxes[:, 1].min()) if len(boxes) else height // 3,
        3: height - int(boxes[:, 3].max()) if len(boxes) else height // 3,
    }
    for side in rng.choice(4, rng.integers(1, 3), replace=False).tolist():
        depth = int(rng.uniform(0.1, 1) * min(room[side] - 2, width // 3))
        if depth < 2:
            continue
        place = (np.s_[:, :depth], np.s_[:, -depth:], np.s_[:depth], np.s_[-depth:])[side]
        tone = rng.uniform(0, 0.2) if rng.random() < 0.5 else rng.uniform(0, 1)
        grain = np.float32(0.04 if rng.random() < 0.7 else 0.15)
        page[place] = np.float32(tone) + grain * rng.standard_normal(page[place].shape, np.float32)
    return page


def _seen_through(ground: Field, ink: Field, strength: float, rng: np.random.Generator) -> Field:
    """Let writing on the other side shine through: mirrored, soft and pale."""
    width = ground.shape[1]
    back = (np.roll(ink[:, ::-1], int(rng.integers(width)), axis=1) * PIXEL_MAX).astype(np.uint8)
    softened = Image.fromarray(back).filter(ImageFilter.BoxBlur(rng.uniform(0, 2)))
    depth = np.float32(rng.uniform(0.08, 0.35) * strength / PIXEL_MAX)
    return ground * (1 - depth * np.asarray(softened, np.float32))


def _on_table(page: Field, boxes: NDArray[np.float32], rng: np.random.Generator) -> Field:
    """Lay the sheet askew on a table: what lies beyond its edges is not paper."""
    height, width = page.shape
    if not len(boxes):
        return page
    angle = rng.normal(0, 0.15)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:], boxes[:, [0, 3]], boxes[:, [2, 1]]])
    turned = corners @ turn.T
    tall = float((boxes[:, 3] - boxes[:, 1]).max())
    margins = tall * rng.uniform(0.15, 1.5, 4)
    left, top = turned.min(axis=0) - margins[:2]
    right, bottom = turned.max(axis=0) + margins[2:]
    sheet = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) @ turn
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon(sheet.ravel().tolist(), fill=PIXEL_MAX)
    paper = np.asarray(mask, np.float32) / PIXEL_MAX
    tone = rng.uniform(0, 0.45) if rng.random() < 0.7 else rng.uniform(0.5, 1)
    table = np.full_like(page, np.float32(tone))
    if rng.random() < 0.4:
        table = table + np.float32(0.2) * _security_pattern(width, height, rng)
    grain = np.float32(rng.uniform(0, 0.06))
    table = table + grain * rng.standard_normal(page.shape, np.float32)
    return (paper * page + (1 - paper) * table).astype(np.float32)


def _mottled(page: Field, rng: np.random.Generator) -> Field:
    """Add specks, as of old paper and worn film."""
    height, width = page.shape
    coarse = rng.random((height // 2 + 1, width // 2 + 1)) < rng.uniform(0, 0.02)
    specks = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(specks, np.float32(rng.uniform(0, 1)), page)


def _taken(image: Image.Image, boxes: NDArray[np.float32], rng: np.random.Generator) -> Image.Image:
    """Blur, coarsen and compress."""
    size = image.size
    if rng.random() < 0.36 and len(boxes):
        tall = float((boxes[:, 3] - boxes[:, 1]).max())
        factor = math.exp(rng.uniform(math.log(12), math.log(34))) / max(tall, 1)
        if factor < 0.9 and min(size) * factor > 6:
            small = (max(4, round(size[0] * factor)), max(4, round(size[1] * factor)))
            image = image.resize(small, Image.Resampling.BOX)
            if rng.random() < 0.5:
                image = _compressed(image, rng)
            return image.resize(size, Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.3)))
    if rng.random() < 0.25:
        image = _compressed(image, rng)
    if rng.random() < 0.03:
        image = image.convert("1").convert("L")  # dithered
    return image


def _compressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the image as a JPEG of some quality keeps it."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(rng.integers(25, 90)))
    return Image.open(stream)


def _security_pattern(width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the fine waves, dots or hatching that cheques are printed on, in [0, 1]."""
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    pitch = rng.uniform(3, 14)
    angle = rng.uniform(0, math.pi)
    cos, sin = math.cos(angle), math.sin(angle)
    along, across = xs * cos + ys * sin, ys * cos - xs * sin
    bend = rng.uniform(0, 1.5) * np.sin(along * np.float32(rng.uniform(0.02, 0.25)))
    waves = np.sin(across * np.float32(2 * math.pi / pitch) + bend)
    if rng.random() < 0.4:
        waves = np.maximum(waves, np.sin(along * np.float32(2 * math.pi / pitch) + bend))
    elif rng.random() < 0.3:  # dots
        waves = waves * np.sin(along * np.float32(2 * math.pi / pitch))
    edge = rng.uniform(-0.2, 0.85)
    return np.clip((waves - edge) * rng.uniform(1.5, 5), 0, 1).astype(np.float32)


def draw_noise(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture of nothing: grain, specks, clouds or waves, of any contrast."""
    coarse = np.exp(rng.uniform(0, math.log(height / 2), 2))
    rows, columns = (max(2, round(side)) for side in (height, width) / coarse)
    if rng.random() < 0.25:
        field = _security_pattern(width, height, rng)
    else:
        field = rng.random((rows, columns), np.float32) ** rng.uniform(0.5, 6)
        if rng.random() < 0.3:
            field = (field > rng.uniform(0.1, 0.97)).astype(np.float32)
    method = Image.Resampling.NEAREST if rng.random() < 0.4 else Image.Resampling.BICUBIC
    enlarged = np.asarray(Image.fromarray(field).resize((width, height), method))
    depth = rng.uniform(0.03, 1)
    low = rng.uniform(0, 1 - depth)
    grain = np.float32(rng.uniform(0, 0.1)) * rng.standard_normal((height, width), np.float32)
    noise = np.float32(low) + np.float32(depth) * enlarged + grain
    return (noise.clip(0, 1) * PIXEL_MAX).astype(np.uint8)
