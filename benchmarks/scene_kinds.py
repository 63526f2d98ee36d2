"""Scenes that people photograph, scan and draw digits in: what `accuracy.py scenes` measures.

Each kind is a function from a `Draft` to an encoded picture. Planes hold reflectance or brightness
in [0, 1] and have shape (H, W, 3), covers of ink shape (H, W). No training draws any of them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.synthesis.digits import DIGITS
from digitcnn.synthesis.hands import Pen, draw_form, sample_hand

WIDTH, HEIGHT = SIZE = 640, 480  # pixels of most scenes
MIDDLE = (WIDTH / 2, HEIGHT / 2)
PIXEL_MAX = 255
BLUE = (0.55, 0.67, 0.86)  # of printed rules
GRAY = (0.6, 0.6, 0.62)
INKS = ((0.1, 0.1, 0.12), (0.12, 0.17, 0.5), (0.2, 0.2, 0.22), (0.55, 0.1, 0.12))
BLACK = INKS[:1]
PAPERS = ((0.95, 0.94, 0.92), (0.9, 0.9, 0.9), (0.96, 0.93, 0.82))

Size, Point = tuple[int, int], tuple[float, float]
Drawing = Callable[[ImageDraw.ImageDraw], object]


@dataclass(frozen=True)
class Draft:
    """A digit to be written, and the chance that everything else is drawn from."""

    digit: int
    rng: np.random.Generator

    def cut(self, *, height: float, pen: float) -> np.ndarray:
        """Draw the digit, the pen a part of its height wide, and cut it to its box."""
        round_pen = Pen(kind="round", width=pen, ink=1, angle=0, shake=0, grid=28, blocky=False)
        hand = replace(sample_hand(self.rng), pen=round_pen, height=0.5)
        side = max(24, round(2 * height))
        ink = draw_form(DIGITS[self.digit], hand, side=side, rng=self.rng, style_rng=self.rng)
        rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
        box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return box.astype(np.float32) / PIXEL_MAX

    def cover(
        self, height: float, pen: float = 0.05, *, size: Size = SIZE, center: Point | None = None
    ) -> np.ndarray:
        """Cover paper of `size` with ink: the digit, `height` pixels tall."""
        ink, (width, length) = self.cut(height=height, pen=pen), size
        uniform = self.rng.uniform
        x, y = center or (width * uniform(0.42, 0.58), length * uniform(0.45, 0.55))
        page = Image.new("L", size)
        page.paste(to_image(ink), (round(x - ink.shape[1] / 2), round(y - ink.shape[0] / 2)))
        return np.asarray(page, np.float32) / PIXEL_MAX

    def pick(self, things: Sequence[Any]) -> Any:
        """Choose one of several."""
        return things[int(self.rng.integers(len(things)))]

    def paper(self, size: Size = SIZE, grain: float = 0.008) -> np.ndarray:
        """Return a blank sheet of some colour, with its fibres."""
        fibres = 0.7 * self.clouds(2.2, size) + 0.3 * self.clouds(60, size)
        return np.array(self.pick(PAPERS), np.float32) * (1 + grain * fibres[..., None])

    def clouds(self, pitch: float, size: Size = SIZE) -> np.ndarray:
        """Return smooth noise of deviation 1 whose lumps are `pitch` pixels wide: shape (H, W)."""
        coarse = [max(2, round(side / pitch) + 1) for side in size]
        values = Image.fromarray(self.rng.normal(0, 1, coarse[::-1]).astype(np.float32))
        plane = np.asarray(values.resize(size, Image.Resampling.BICUBIC))
        return (plane - plane.mean()) / (plane.std() + 1e-6)

    def printed(self, drawing: Drawing, *colors: tuple[float, ...], soft: float = 0) -> np.ndarray:
        """Return paper with something drawn on it in one of some colours."""
        return self.written(self.paper(), drawn(drawing, soft), colors)

    def written(self, scene: np.ndarray, cover: np.ndarray, inks: Sequence[Any] = INKS) -> Any:
        """Lay ink of one of some colours over a scene."""
        return lay(scene, cover, self.pick(inks))

    def light(self, size: Size = SIZE, fall: float = 0.25) -> np.ndarray:
        """Return a lamp's light, darker by `fall` on the far side: shape (H, W, 1)."""
        angle = self.rng.uniform(0, 2 * np.pi)
        x, y = positions(size)
        slope = (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2)
        return (0.97 * (1 - fall * (slope + 1) / 2 - 0.05 * (x * x + y * y)))[..., None]

    def lit(
        self, scene: np.ndarray, cover: np.ndarray, inks: Sequence[Any] = INKS, fall: float = 0.25
    ) -> np.ndarray:
        """Write on a scene, and light it."""
        return self.written(scene, cover, inks) * self.light(scene.shape[1::-1], fall)

    def note(
        self,
        height: float,
        pen: float = 0.05,
        *,
        on: np.ndarray | None = None,
        center: Point | None = None,
        inks: Sequence[Any] = INKS,
        fall: float = 0.25,
        blur: float = 0.8,
    ) -> bytes:
        """Write the digit on a blank sheet or on a scene, and photograph it by a lamp's light."""
        scene = self.paper() if on is None else on
        cover = self.cover(height, pen, center=center)
        return self.photo(self.lit(scene, cover, inks, fall), blur=blur)

    def photo(
        self, scene: np.ndarray, *, blur: float = 0.8, noise: float = 0.01, quality: int = 75
    ) -> bytes:
        """Take the picture: lens, the sensor's noise, JPEG."""
        picture = to_image(scene).filter(ImageFilter.GaussianBlur(blur))
        grains = self.rng.normal(0, noise, scene.shape[:2])[..., None]
        grains = grains + 0.4 * self.rng.normal(0, noise, scene.shape)
        return encoded(np.asarray(picture) / PIXEL_MAX + grains, quality=quality)


def positions(size: Size = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of each pixel, -1..1: shape (H, W) each."""
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    return x, y


def to_image(plane: np.ndarray) -> Image.Image:
    """Turn brightness in [0, 1] into an 8-bit picture."""
    return Image.fromarray(np.rint(np.clip(plane, 0, 1) * PIXEL_MAX).astype(np.uint8))


def encoded(plane: np.ndarray, **jpeg: int) -> bytes:
    """Encode brightness as JPEG of a quality, or else as PNG."""
    file = io.BytesIO()
    to_image(plane).save(file, "JPEG" if jpeg else "PNG", **jpeg)
    return file.getvalue()


def lay(scene: np.ndarray, cover: np.ndarray, color: tuple[float, ...]) -> np.ndarray:
    """Lay ink over a scene."""
    amount = cover[..., None]
    return scene * (1 - amount) + np.array(color, np.float32) * amount


def drawn(drawing: Drawing, soft: float = 0) -> np.ndarray:
    """Draw at twice the size on an empty plane, its edges smoothed: a cover of shape (H, W)."""
    canvas = Image.new("L", (2 * WIDTH, 2 * HEIGHT))
    drawing(ImageDraw.Draw(canvas))
    plane = canvas.reduce(2).filter(ImageFilter.GaussianBlur(soft))
    return np.asarray(plane, np.float32) / PIXEL_MAX


def rules(
    *, pitch: float, width: float, first: float, tilt: float = 0.0, down: bool = True
) -> np.ndarray:
    """Cover paper with squares, or with parallel lines: `tilt` in parts of a side."""
    long, high, pen = 2 * WIDTH, 2 * HEIGHT, max(1, round(2 * width))

    def drawing(draw: ImageDraw.ImageDraw) -> None:
        for y in np.arange(2 * first - high, 2 * high, 2 * pitch):
            draw.line((-9, y, long + 9, y + tilt * long), fill=PIXEL_MAX, width=pen)
        for x in np.arange(2 * first - long, 2 * long, 2 * pitch) if down else ():
            draw.line((x, -9, x - tilt * high, high + 9), fill=PIXEL_MAX, width=pen)

    return drawn(drawing)


# Printed paper.


def _ruled(draft: Draft, *, down: bool, pitch: tuple[float, float], dark: bool = False) -> bytes:
    uniform, tilt = draft.rng.uniform, 0.015 if dark else 0.02
    height = uniform(*((150, 220) if dark else (130, 200)))
    pitch_, width = uniform(*pitch), uniform(0.8, 1.6 if dark else 2.2)
    cover = rules(
        pitch=pitch_, width=width, first=uniform(0, 40), tilt=uniform(-tilt, tilt), down=down
    )
    colors, shade = (((0.4, 0.42, 0.5),), 1) if dark else ((BLUE, GRAY), 0.8)
    scene = draft.written(draft.paper(), shade * cover, colors)
    pen, strength, inks = (0.055, 0.95, BLACK) if dark else (0.045, 0.92, INKS[:3])
    return draft.photo(draft.lit(scene, strength * draft.cover(height, pen), inks, 0.15))


def _millimetre_paper(draft: Draft) -> bytes:
    pitch, first = draft.rng.uniform(9, 14), draft.rng.uniform(0, 40)
    thin = rules(pitch=pitch, width=0.6, first=first)
    thick = rules(pitch=5 * pitch, width=1.4, first=first)
    scene = lay(draft.paper(), np.maximum(0.5 * thin, 0.8 * thick), (0.92, 0.6, 0.42))
    return draft.photo(draft.lit(scene, 0.95 * draft.cover(180, 0.06), BLACK, 0.15))


def _dotted_paper(draft: Draft) -> bytes:
    pitch = round(draft.rng.uniform(40, 70))

    def dots(draw: ImageDraw.ImageDraw) -> None:
        for y in range(11, 2 * HEIGHT, pitch):
            for x in range(17, 2 * WIDTH, pitch):
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=PIXEL_MAX)

    scene = draft.printed(dots, (0.55, 0.55, 0.58))
    return draft.photo(draft.lit(scene, 0.95 * draft.cover(190), INKS, 0.15))


def _form_box(draft: Draft) -> bytes:
    side = draft.rng.uniform(1.35, 1.8) * 200
    box = (WIDTH - side, HEIGHT - side, WIDTH + side, HEIGHT + side)
    scene = draft.printed(partial(_outline, boxes=(box,), width=6), BLUE, (0.2, 0.2, 0.2))
    return draft.photo(draft.written(scene, draft.cover(200, center=MIDDLE)), noise=0.006)


def _form_comb(draft: Draft) -> bytes:
    cell, height = 110, draft.rng.uniform(80, 90)
    boxes = [(2 * left, 340, 2 * (left + cell), 600) for left in range(35, 585, cell)]
    scene = draft.printed(partial(_outline, boxes=boxes, width=4), (0.35, 0.35, 0.38))
    center = (35 + cell * int(draft.rng.integers(5)) + 55, 235)
    return draft.photo(draft.written(scene, draft.cover(height, 0.08, center=center)), noise=0.006)


def _outline(draw: ImageDraw.ImageDraw, boxes: Sequence[Any], width: int) -> None:
    for box in boxes:
        draw.rectangle(box, outline=PIXEL_MAX, width=width)


def _underlined(draft: Draft) -> bytes:
    line = partial(ImageDraw.ImageDraw.line, xy=(300, 760, 1000, 765), fill=PIXEL_MAX, width=5)
    scene = draft.printed(line, (0.25, 0.25, 0.28))
    return draft.note(190, on=scene, center=(WIDTH / 2, 255), fall=0.15)


# Sheets and tables.


def _table(draft: Draft, kind: str) -> np.ndarray:
    """Return a table: wood with its grain, or a plain one."""
    if kind == "dark":
        return np.full((HEIGHT, WIDTH, 3), 0.16, np.float32)
    base = np.array(draft.pick(((0.45, 0.3, 0.18), (0.6, 0.44, 0.28), (0.35, 0.24, 0.16))))
    if kind == "plain":
        return np.broadcast_to(base, (HEIGHT, WIDTH, 3)).astype(np.float32)
    x, y = positions()
    bent = 14 * y + 1.5 * draft.clouds(160) + 0.5 * draft.clouds(50) + x
    fibres = Image.fromarray(draft.clouds(1.5, (WIDTH // 30, HEIGHT))).resize(SIZE)
    grain = 0.09 * np.sin(2.2 * bent) + 0.05 * np.asarray(fibres)
    return (base * (1 + grain[..., None])).astype(np.float32)


def _sheet_on_table(draft: Draft, kind: str, *, fall: float) -> bytes:
    uniform = draft.rng.uniform
    angle, half = np.radians(uniform(-15, 15)), (uniform(170, 235), uniform(140, 175))
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half @ turn + MIDDLE
    outline = [(2 * x, 2 * y) for x, y in corners.tolist()]
    sheet = drawn(lambda draw: draw.polygon(outline, fill=PIXEL_MAX))[..., None]
    scene = _table(draft, kind) * (1 - sheet) + draft.paper() * sheet
    center = (WIDTH / 2 + uniform(-40, 40), HEIGHT / 2 + uniform(-25, 25))
    return draft.note(150, 0.055, on=scene, center=center, fall=fall)


def _table_at_one_side(draft: Draft) -> bytes:
    angle = np.radians(draft.pick((0, 90, 180, 270)) + draft.rng.uniform(-8, 8))
    x, y = positions()
    beyond = x * np.cos(angle) + y * np.sin(angle) - draft.rng.uniform(0.72, 0.88)
    table = np.clip(beyond * 300, 0, 1)[..., None]
    scene = draft.paper() * (1 - table) + _table(draft, draft.pick(("wood", "dark"))) * table
    return draft.note(190, on=scene, center=MIDDLE, fall=0.2)


def _scanner_border(draft: Draft) -> bytes:
    scene = draft.written(draft.paper(), draft.cover(210))
    right, bottom = int(draft.rng.integers(12, 70)), int(draft.rng.integers(0, 60))
    scene[:, WIDTH - right :] = 0.06
    if bottom > 10:
        scene[HEIGHT - bottom :] = 0.06
    return draft.photo(scene, noise=0.006)


def _spiral_holes(draft: Draft) -> bytes:
    pitch, radius = draft.rng.uniform(30, 44), draft.rng.uniform(7, 11)

    def holes(draw: ImageDraw.ImageDraw) -> None:
        for x in np.arange(20, WIDTH, pitch):
            box = (x - radius, 26 - radius, x + radius, 26 + radius)
            draw.ellipse([2 * side for side in box], fill=PIXEL_MAX)

    scene = draft.printed(holes, (0.12, 0.11, 0.1))
    return draft.note(200, on=scene, center=(WIDTH / 2, HEIGHT * 0.57))


def _finger_at_the_border(draft: Draft) -> bytes:
    left = draft.rng.uniform(60, WIDTH - 160)
    box = [2 * side for side in (left, HEIGHT - 75, left + 90, HEIGHT + 160)]
    finger = partial(ImageDraw.ImageDraw.rounded_rectangle, xy=box, radius=85, fill=PIXEL_MAX)
    scene = draft.printed(finger, (0.78, 0.55, 0.45), soft=1.5)
    return draft.note(210, on=scene, center=(WIDTH / 2, 200))


def _pen_at_the_border(draft: Draft) -> bytes:
    pen = partial(ImageDraw.ImageDraw.line, xy=(1140, 340, 1380, 1020), fill=PIXEL_MAX, width=46)
    scene = draft.printed(pen, (0.1, 0.12, 0.35))
    return draft.note(230, on=scene, center=(260, HEIGHT / 2))


# Light.


def _shadowed(draft: Draft, *, soft: float, depth: tuple[float, float]) -> bytes:
    angle = draft.rng.uniform(0, 2 * np.pi)
    x, y = positions()
    bent = 0.06 * np.sin(3 * x + 2 * y + draft.rng.uniform(0, 6))
    beyond = x * np.cos(angle) + y * np.sin(angle) + bent - draft.rng.uniform(-0.2, 0.45)
    dark = draft.rng.uniform(*depth) / (1 + np.exp(-beyond / soft))
    scene = draft.lit(draft.paper(), draft.cover(240), INKS, 0.15)
    return draft.photo(scene * (1 - dark[..., None]))


def _folded_paper(draft: Draft) -> bytes:
    x, y = positions()
    folds = np.exp(-np.abs(x - draft.rng.uniform(-0.6, 0.6)) / 0.012)
    folds = folds + np.exp(-np.abs(y - draft.rng.uniform(-0.6, 0.6)) / 0.012)
    tilted = 0.08 * ((x > 0) ^ (y > 0))
    scene = draft.lit(draft.paper(), draft.cover(230))
    return draft.photo(scene * (1 - 0.12 * folds - tilted)[..., None])


def _whiteboard_glare(draft: Draft) -> bytes:
    board = np.full((HEIGHT, WIDTH, 3), 0.82, np.float32)
    markers = ((0.1, 0.1, 0.12), (0.1, 0.2, 0.6), (0.75, 0.1, 0.12), (0.05, 0.45, 0.25))
    scene, (x, y) = draft.lit(board, draft.cover(260, 0.06), markers), positions()
    spot = ((x - draft.rng.uniform(-0.8, 0.8)) / 0.25) ** 2 + ((y + 0.7) / 0.2) ** 2
    return draft.photo(scene + 0.5 * np.exp(-spot)[..., None])


def _blackboard(draft: Draft) -> bytes:
    board = np.full((HEIGHT, WIDTH, 3), (0.14, 0.2, 0.17), np.float32)
    board = board + 0.02 * draft.clouds(120)[..., None] + 0.01 * draft.clouds(9)[..., None]
    chalk = draft.cover(250, 0.07)
    chalk = chalk * np.clip(0.75 + 0.4 * draft.clouds(1.7), 0, 1)
    return draft.photo(draft.lit(board, chalk, ((0.93, 0.93, 0.9),), 0.35))


# Ink.


def _pale_pencil(draft: Draft) -> bytes:
    tooth = np.clip(0.7 + 0.35 * draft.clouds(2.2), 0, 1)
    cover = draft.rng.uniform(0.3, 0.45) * tooth * draft.cover(230, 0.035)
    return draft.photo(draft.lit(draft.paper(grain=0.012), cover, ((0.3, 0.3, 0.32),)))


def _colored_ground(draft: Draft) -> bytes:
    cards = ((0.85, 0.3, 0.3), (0.25, 0.55, 0.8), (0.95, 0.8, 0.2), (0.3, 0.65, 0.4))
    card = draft.paper() / 0.94 * np.array(draft.pick(cards))
    inks = ((0.08, 0.08, 0.1), (0.97, 0.97, 0.97), (0.15, 0.15, 0.5))
    return draft.note(250, 0.08, on=card, inks=inks)


def _thick_marker(draft: Draft) -> bytes:
    cover = draft.cover(420, 0.15, center=MIDDLE)
    return draft.photo(draft.lit(draft.paper(), cover))


def _hairline(draft: Draft) -> bytes:
    side = int(draft.rng.integers(500, 2000))
    height = side * draft.rng.uniform(0.35, 0.7)
    return encoded(1.0 - (draft.cover(height, 1.2 / height, size=(side, side)) > 0.3))


def _tiny_digit(draft: Draft) -> bytes:
    size, uniform = (1600, 1200), draft.rng.uniform
    center = (uniform(200, 1400), uniform(200, 1000))
    cover = draft.cover(uniform(45, 90), 0.08, size=size, center=center)
    return draft.photo(draft.lit(draft.paper(size), cover))


def _tight_crop(draft: Draft) -> bytes:
    ink, trim = draft.cut(height=200, pen=0.07), int(draft.rng.integers(0, 4))
    height, width = ink.shape
    ink = ink[trim : height - trim, trim : max(width - trim, trim + 1)]
    return draft.photo(draft.written(draft.paper(ink.shape[::-1]), ink), blur=0.6)


def _at_the_edge(draft: Draft) -> bytes:
    ink, page = draft.cut(height=260, pen=0.06), np.zeros((HEIGHT, WIDTH), np.float32)
    height, width = ink.shape
    left = int(draft.rng.integers(0, WIDTH - width))
    rows = slice(height) if draft.pick((True, False)) else slice(HEIGHT - height, HEIGHT)
    page[rows, left : left + width] = ink
    return draft.photo(draft.lit(draft.paper(), page))


def _see_through(draft: Draft) -> bytes:
    other = Draft(int(draft.rng.integers(10)), draft.rng)
    page = other.cover(260, center=(draft.rng.uniform(150, 490), HEIGHT / 2))
    soft = to_image(page[:, ::-1]).filter(ImageFilter.GaussianBlur(2.5))
    scene = lay(draft.paper(), 0.14 * np.asarray(soft) / PIXEL_MAX, INKS[0])
    return draft.note(230, on=scene, inks=BLACK, fall=0.1)


def _smudged(draft: Draft) -> bytes:
    cover = draft.cover(230, 0.045)
    smear = 0.35 * np.stack([np.roll(cover, step, 1) for step in range(0, 60, 4)]).mean(axis=0)
    x, y = positions()
    stain = 0.1 * np.exp(-(((x - 0.6) / 0.2) ** 2) - ((y + 0.4) / 0.25) ** 2)
    cover = np.clip(0.7 * cover + smear + stain, 0, 1)
    return draft.photo(draft.lit(draft.paper(), cover, ((0.25, 0.25, 0.27),)))


def _drawn_twice(draft: Draft) -> bytes:
    cover, integers = draft.cover(230, 0.03), draft.rng.integers
    again = np.roll(cover, (int(integers(-6, 7)), int(integers(-6, 7))), (0, 1))
    return draft.photo(draft.lit(draft.paper(), np.maximum(cover, again)))


def _broken_strokes(draft: Draft) -> bytes:
    flow = np.clip(1.4 + 1.6 * draft.clouds(16), 0, 1)
    return draft.photo(draft.lit(draft.paper(), flow * draft.cover(240, 0.06)))


# Cameras.


def _poor_jpeg(draft: Draft) -> bytes:
    size = (240, 240)
    scene = draft.lit(draft.paper(size), draft.cover(120, size=size))
    return draft.photo(scene, quality=int(draft.rng.integers(10, 31)))


def _noisy_night(draft: Draft) -> bytes:
    scene = draft.written(draft.paper(), draft.cover(240, 0.06))
    return draft.photo(0.4 * scene * draft.light(), noise=0.05)


# Computers.


def _canvas(draft: Draft) -> bytes:
    cover = draft.cover(190, 0.1, size=(280, 280))
    return encoded(cover if draft.pick((True, False)) else 1 - cover)


def _canvas_with_border(draft: Draft) -> bytes:
    plane = 1 - draft.cover(170, 0.08, size=(280, 280))
    width = int(draft.rng.integers(1, 5))
    inside = np.zeros(plane.shape, np.bool_)
    inside[width:-width, width:-width] = True
    return encoded(np.where(inside, plane, draft.pick((0.0, 0.4, 0.6))))


def _border_in_jpeg(draft: Draft) -> bytes:
    plane = 1 - draft.cover(170, 0.08, size=(300, 300))
    width, inset = int(draft.rng.integers(1, 4)), int(draft.rng.integers(0, 8))
    edge, first = np.zeros(plane.shape, np.bool_), inset + width
    edge[inset : 300 - inset, inset : 300 - inset] = True
    edge[first : 300 - first, first : 300 - first] = False
    return encoded(np.where(edge, 0.1, plane), quality=80)


def _screenshot(draft: Draft) -> bytes:
    scene = np.full((HEIGHT, WIDTH, 3), 0.94, np.float32)
    scene[:34] = draft.pick(((0.2, 0.22, 0.26), (0.16, 0.38, 0.72)))
    scene[8:26, WIDTH - 40 : WIDTH - 22] = 0.85
    scene[50:460, 60:580] = 1
    scene[[50, 459], 60:580] = scene[50:460, [60, 579]] = 0.65
    return encoded(lay(scene, draft.cover(230, center=(320, 255)), (0, 0, 0)))


def _on_transparent(draft: Draft) -> bytes:
    cover = draft.cover(190, 0.08, size=(280, 280))
    rgba = np.zeros((280, 280, 4), np.float32)
    rgba[..., :3] = draft.pick((0, PIXEL_MAX, 90)) / PIXEL_MAX
    rgba[..., 3] = cover
    return encoded(rgba)


# What each shows is said by its name.
KINDS: dict[str, Callable[[Draft], bytes]] = {
    "clean": lambda draft: encoded(1 - draft.cover(200)),
    "canvas": _canvas,
    "on paper": lambda draft: draft.note(240),
    "squared wide": partial(_ruled, down=True, pitch=(80, 140)),
    "squared narrow": partial(_ruled, down=True, pitch=(22, 60)),
    "squared dark": partial(_ruled, down=True, pitch=(35, 90), dark=True),
    "millimetre paper": _millimetre_paper,
    "ruled wide": partial(_ruled, down=False, pitch=(60, 90)),
    "ruled narrow": partial(_ruled, down=False, pitch=(22, 50)),
    "dotted paper": _dotted_paper,
    "form box": _form_box,
    "form comb": _form_comb,
    "underlined": _underlined,
    "sheet on plain table": partial(_sheet_on_table, kind="plain", fall=0.35),
    "sheet on wood": partial(_sheet_on_table, kind="wood", fall=0.25),
    "sheet on dark table": partial(_sheet_on_table, kind="dark", fall=0.2),
    "table at one side": _table_at_one_side,
    "scanner border": _scanner_border,
    "spiral holes": _spiral_holes,
    "finger at the border": _finger_at_the_border,
    "pen at the border": _pen_at_the_border,
    "soft shadow": partial(_shadowed, soft=0.15, depth=(0.25, 0.5)),
    "narrow shadow": partial(_shadowed, soft=0.04, depth=(0.2, 0.45)),
    "hard shadow": partial(_shadowed, soft=0.008, depth=(0.2, 0.45)),
    "strong gradient": lambda draft: draft.note(240, fall=0.7),
    "folded paper": _folded_paper,
    "whiteboard glare": _whiteboard_glare,
    "blackboard": _blackboard,
    "pale pencil": _pale_pencil,
    "colored ground": _colored_ground,
    "thick marker": _thick_marker,
    "hairline": _hairline,
    "hairline photo": lambda draft: draft.note(330, 0.01, inks=BLACK),
    "tiny digit": _tiny_digit,
    "tight crop": _tight_crop,
    "at the edge": _at_the_edge,
    "see through": _see_through,
    "smudged": _smudged,
    "drawn twice": _drawn_twice,
    "broken strokes": _broken_strokes,
    "poor jpeg": _poor_jpeg,
    "noisy night": _noisy_night,
    "out of focus": lambda draft: draft.note(230, blur=6),
    "canvas with border": _canvas_with_border,
    "border in jpeg": _border_in_jpeg,
    "screenshot": _screenshot,
    "on transparent": _on_transparent,
}


def draw(kind: str, index: int, seed: int) -> tuple[int, bytes]:
    """Draw one scene: return the digit in it and the encoded picture."""
    # By name, so that a new kind leaves the others as they are; the first digits differ.
    name = crc32(kind.encode())
    digit = (index + name) % 10
    return digit, KINDS[kind](Draft(digit, np.random.default_rng((seed, index, name))))
