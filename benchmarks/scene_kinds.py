"""Scenes that people photograph, scan and draw digits in: what `scenes.py` measures.

Each kind is a function from a digit's path on paper to an encoded picture. Planes hold reflectance
or brightness in [0, 1] and have shape (H, W, 3), covers of ink shape (H, W).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.synthesis.digits import DIGITS
from digitcnn.synthesis.hands import draw_form, sample_hand
from digitcnn.synthesis.pens import Pen

WIDTH, HEIGHT = SIZE = 640, 480  # pixels of most scenes
PIXEL_MAX = 255
BLUE = (0.55, 0.67, 0.86)  # of printed rules
GRAY = (0.6, 0.6, 0.62)
INKS = ((0.1, 0.1, 0.12), (0.12, 0.17, 0.5), (0.2, 0.2, 0.22), (0.55, 0.1, 0.12))
PAPERS = ((0.95, 0.94, 0.92), (0.9, 0.9, 0.9), (0.96, 0.93, 0.82))

Thing = TypeVar("Thing")
Scene = Callable[["Draft"], bytes]


@dataclass(frozen=True)
class Draft:
    """A digit to be written, and the chance that everything else is drawn from."""

    digit: int
    rng: np.random.Generator

    def cover(
        self,
        *,
        height: float,
        pen: float = 0.05,
        size: tuple[int, int] = SIZE,
        center: tuple[float, float] | None = None,
    ) -> np.ndarray:
        """Cover paper of `size` with ink: a digit `height` tall, the pen a part of that wide."""
        width, length = size
        ink = self.cut(height=height, pen=pen)
        x, y = center or (
            width * self.rng.uniform(0.42, 0.58),
            length * self.rng.uniform(0.45, 0.55),
        )
        page = Image.new("L", size)
        page.paste(to_image(ink), (round(x - ink.shape[1] / 2), round(y - ink.shape[0] / 2)))
        return np.asarray(page, np.float32) / PIXEL_MAX

    def cut(self, *, height: float, pen: float) -> np.ndarray:
        """Draw the digit and cut it to its box."""
        round_pen = Pen(kind="round", width=pen, ink=1, angle=0, shake=0, grid=28, blocky=False)
        hand = replace(sample_hand(self.rng), pen=round_pen, height=0.5)
        side = max(24, round(2 * height))
        ink = draw_form(DIGITS[self.digit], hand, side=side, rng=self.rng, style_rng=self.rng)
        rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
        return (
            ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / PIXEL_MAX
        )

    def pick(self, things: tuple[Thing, ...]) -> Thing:
        """Choose one of several."""
        return things[int(self.rng.integers(len(things)))]

    def paper(self, size: tuple[int, int] = SIZE, grain: float = 0.008) -> np.ndarray:
        """Give a blank sheet of some colour, with its fibres."""
        fibres = 0.7 * self.clouds(size, 2.2) + 0.3 * self.clouds(size, 60)
        return np.array(self.pick(PAPERS), np.float32) * (1 + grain * fibres[..., None])

    def clouds(self, size: tuple[int, int], pitch: float) -> np.ndarray:
        """Give smooth noise of deviation 1 whose lumps are `pitch` pixels wide: shape (H, W)."""
        coarse = [max(2, round(side / pitch) + 1) for side in size]
        values = Image.fromarray(self.rng.normal(0, 1, coarse[::-1]).astype(np.float32))
        plane = np.asarray(values.resize(size, Image.Resampling.BICUBIC))
        return (plane - plane.mean()) / (plane.std() + 1e-6)

    def light(self, size: tuple[int, int] = SIZE, fall: float = 0.25) -> np.ndarray:
        """Give a lamp's light, darker by `fall` on the far side: shape (H, W, 1)."""
        angle = self.rng.uniform(0, 2 * np.pi)
        x, y = positions(size)
        slope = (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2)
        return (0.97 * (1 - fall * (slope + 1) / 2 - 0.05 * (x * x + y * y)))[..., None]

    def photo(
        self,
        scene: np.ndarray,
        *,
        blur: float = 0.8,
        noise: float = 0.01,
        quality: int = 75,
    ) -> bytes:
        """Take the picture: lens, the sensor's noise, JPEG."""
        picture = to_image(scene).filter(ImageFilter.GaussianBlur(blur))
        grains = self.rng.normal(0, noise, scene.shape[:2])[..., None]
        grains = grains + 0.4 * self.rng.normal(0, noise, scene.shape)
        return encoded(to_image(np.asarray(picture) / PIXEL_MAX + grains), quality=quality)


def positions(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Give x and y of each pixel, -1..1: shape (H, W) each."""
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    return x, y


def to_image(plane: np.ndarray) -> Image.Image:
    """Turn brightness in [0, 1] into an 8-bit picture."""
    return Image.fromarray(np.rint(np.clip(plane, 0, 1) * PIXEL_MAX).astype(np.uint8))


def encoded(picture: Image.Image, *, quality: int | None = None) -> bytes:
    """Encode as JPEG of a quality, or else as PNG."""
    file = io.BytesIO()
    if quality is None:
        picture.save(file, "PNG")
    else:
        picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def lay(scene: np.ndarray, cover: np.ndarray, color: tuple[float, ...]) -> np.ndarray:
    """Lay ink over a scene."""
    amount = cover[..., None]
    return scene * (1 - amount) + np.array(color, np.float32) * amount


def drawn(
    size: tuple[int, int], draw_on: Callable[[ImageDraw.ImageDraw], None], *, soft: float = 0.0
) -> np.ndarray:
    """Draw on an empty plane, its edges smoothed: a cover of shape (H, W)."""
    canvas = Image.new("L", (2 * size[0], 2 * size[1]))
    draw_on(ImageDraw.Draw(canvas))
    plane = canvas.reduce(2).filter(ImageFilter.GaussianBlur(soft))
    return np.asarray(plane, np.float32) / PIXEL_MAX


def rules(
    size: tuple[int, int],
    *,
    pitch: float,
    width: float,
    first: float,
    tilt: float = 0.0,
    across: bool = True,
    down: bool = False,
) -> np.ndarray:
    """Cover paper with parallel lines, or with squares: `tilt` in parts of a side."""
    long, high = 2 * size[0], 2 * size[1]

    def draw_on(draw: ImageDraw.ImageDraw) -> None:
        pen = max(1, round(2 * width))
        if across:
            for y in np.arange(2 * first - high, 2 * high, 2 * pitch):
                draw.line((-9, y, long + 9, y + tilt * long), fill=PIXEL_MAX, width=pen)
        if down:
            for x in np.arange(2 * first - long, 2 * long, 2 * pitch):
                draw.line((x, -9, x - tilt * high, high + 9), fill=PIXEL_MAX, width=pen)

    return drawn(size, draw_on)


# Plain.


def _clean(draft: Draft) -> bytes:
    return encoded(to_image(1 - draft.cover(height=200)))


def _on_paper(draft: Draft) -> bytes:
    scene = lay(draft.paper(), draft.cover(height=240), draft.pick(INKS)) * draft.light()
    return draft.photo(scene)


# Printed paper.


def _ruled(
    draft: Draft, *, down: bool, pitch: tuple[float, float], strength: float, pen: float = 0.045
) -> bytes:
    height = draft.rng.uniform(130, 200)
    cover = rules(
        SIZE,
        pitch=draft.rng.uniform(*pitch),
        width=draft.rng.uniform(0.8, 2.2),
        first=draft.rng.uniform(0, 40),
        tilt=draft.rng.uniform(-0.02, 0.02),
        down=down,
    )
    scene = lay(draft.paper(), strength * cover, draft.pick((BLUE, GRAY)))
    scene = lay(scene, 0.92 * draft.cover(height=height, pen=pen), draft.pick(INKS[:3]))
    return draft.photo(scene * draft.light(fall=0.15))


def _squared_dark(draft: Draft) -> bytes:
    height = draft.rng.uniform(150, 220)
    cover = rules(
        SIZE,
        pitch=draft.rng.uniform(35, 90),
        width=draft.rng.uniform(0.8, 1.6),
        first=draft.rng.uniform(0, 40),
        tilt=draft.rng.uniform(-0.015, 0.015),
        down=True,
    )
    scene = lay(draft.paper(), cover, (0.4, 0.42, 0.5))
    scene = lay(scene, 0.95 * draft.cover(height=height, pen=0.055), INKS[0])
    return draft.photo(scene * draft.light(fall=0.15))


def _millimetre_paper(draft: Draft) -> bytes:
    pitch, first = draft.rng.uniform(9, 14), draft.rng.uniform(0, 40)
    thin = rules(SIZE, pitch=pitch, width=0.6, first=first, down=True)
    thick = rules(SIZE, pitch=5 * pitch, width=1.4, first=first, down=True)
    scene = lay(draft.paper(), np.maximum(0.5 * thin, 0.8 * thick), (0.92, 0.6, 0.42))
    scene = lay(scene, 0.95 * draft.cover(height=180, pen=0.06), INKS[0])
    return draft.photo(scene * draft.light(fall=0.15))


def _dotted_paper(draft: Draft) -> bytes:
    pitch = round(draft.rng.uniform(40, 70))

    def draw_on(draw: ImageDraw.ImageDraw) -> None:
        for y in range(11, 2 * HEIGHT, pitch):
            for x in range(17, 2 * WIDTH, pitch):
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=PIXEL_MAX)

    scene = lay(draft.paper(), drawn(SIZE, draw_on), (0.55, 0.55, 0.58))
    scene = lay(scene, 0.95 * draft.cover(height=190), draft.pick(INKS))
    return draft.photo(scene * draft.light(fall=0.15))


def _form_box(draft: Draft) -> bytes:
    side = draft.rng.uniform(1.35, 1.8) * 200

    box = (WIDTH - side, HEIGHT - side, WIDTH + side, HEIGHT + side)
    scene = lay(
        draft.paper(),
        drawn(SIZE, lambda draw: draw.rectangle(box, outline=PIXEL_MAX, width=6)),
        draft.pick((BLUE, (0.2, 0.2, 0.2))),
    )
    cover = draft.cover(height=200, center=(WIDTH / 2, HEIGHT / 2))
    return draft.photo(lay(scene, cover, draft.pick(INKS)), noise=0.006)


def _form_comb(draft: Draft) -> bytes:
    cell, height = 110, draft.rng.uniform(80, 90)

    def draw_on(draw: ImageDraw.ImageDraw) -> None:
        for index in range(5):
            left = 2 * (35 + index * cell)
            box = (left, 2 * 170, left + 2 * cell, 2 * 300)
            draw.rectangle(box, outline=PIXEL_MAX, width=4)

    scene = lay(draft.paper(), drawn(SIZE, draw_on), (0.35, 0.35, 0.38))
    center = (35 + 110 * int(draft.rng.integers(5)) + 55, 235)
    cover = draft.cover(height=height, pen=0.08, center=center)
    return draft.photo(lay(scene, cover, draft.pick(INKS)), noise=0.006)


def _underlined(draft: Draft) -> bytes:
    scene = lay(
        draft.paper(),
        drawn(SIZE, lambda draw: draw.line((300, 760, 1000, 765), fill=PIXEL_MAX, width=5)),
        (0.25, 0.25, 0.28),
    )
    cover = draft.cover(height=190, center=(WIDTH / 2, 255))
    return draft.photo(lay(scene, cover, draft.pick(INKS)) * draft.light(fall=0.15))


# Sheets and tables.


def _table(draft: Draft, kind: str) -> np.ndarray:
    """Give a table: wood with its grain, or a plain one."""
    if kind == "dark":
        return np.full((HEIGHT, WIDTH, 3), 0.16, np.float32)
    base = np.array(draft.pick(((0.45, 0.3, 0.18), (0.6, 0.44, 0.28), (0.35, 0.24, 0.16))))
    if kind == "plain":
        return np.broadcast_to(base, (HEIGHT, WIDTH, 3)).astype(np.float32)
    x, y = positions(SIZE)
    bent = 14 * y + 1.5 * draft.clouds(SIZE, 160) + 0.5 * draft.clouds(SIZE, 50) + x
    fibres = Image.fromarray(draft.clouds((WIDTH // 30, HEIGHT), 1.5)).resize(SIZE)
    grain = 0.09 * np.sin(2.2 * bent) + 0.05 * np.asarray(fibres)
    return (base * (1 + grain[..., None])).astype(np.float32)


def _sheet_on_table(draft: Draft, kind: str, *, fall: float) -> bytes:
    angle = draft.rng.uniform(-15, 15)
    half = np.array([draft.rng.uniform(170, 235), draft.rng.uniform(140, 175)])
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    corners = corners @ np.array([(cosine, sine), (-sine, cosine)]) + (WIDTH / 2, HEIGHT / 2)

    sheet = drawn(
        SIZE,
        lambda draw: draw.polygon([(2 * x, 2 * y) for x, y in corners.tolist()], fill=PIXEL_MAX),
    )[..., None]
    scene = _table(draft, kind) * (1 - sheet) + draft.paper() * sheet
    center = (WIDTH / 2 + draft.rng.uniform(-40, 40), HEIGHT / 2 + draft.rng.uniform(-25, 25))
    scene = lay(scene, draft.cover(height=150, pen=0.055, center=center), draft.pick(INKS))
    return draft.photo(scene * draft.light(fall=fall))


def _table_at_one_side(draft: Draft) -> bytes:
    angle = np.radians(draft.pick((0, 90, 180, 270)) + draft.rng.uniform(-8, 8))
    x, y = positions(SIZE)
    beyond = x * np.cos(angle) + y * np.sin(angle) - draft.rng.uniform(0.72, 0.88)
    table = np.clip(beyond * 300, 0, 1)[..., None]
    scene = draft.paper() * (1 - table) + _table(draft, draft.pick(("wood", "dark"))) * table
    cover = draft.cover(height=190, center=(WIDTH / 2, HEIGHT / 2))
    return draft.photo(lay(scene, cover, draft.pick(INKS)) * draft.light(fall=0.2))


def _scanner_border(draft: Draft) -> bytes:
    scene = lay(draft.paper(), draft.cover(height=210), draft.pick(INKS))
    right, bottom = int(draft.rng.integers(12, 70)), int(draft.rng.integers(0, 60))
    scene[:, WIDTH - right :] = 0.06
    if bottom > 10:
        scene[HEIGHT - bottom :] = 0.06
    return draft.photo(scene, noise=0.006)


def _spiral_holes(draft: Draft) -> bytes:
    pitch, radius = draft.rng.uniform(30, 44), draft.rng.uniform(7, 11)

    def draw_on(draw: ImageDraw.ImageDraw) -> None:
        for x in np.arange(20, WIDTH, pitch):
            box = (x - radius, 26 - radius, x + radius, 26 + radius)
            draw.ellipse([2 * side for side in box], fill=PIXEL_MAX)

    scene = lay(draft.paper(), drawn(SIZE, draw_on), (0.12, 0.11, 0.1))
    cover = draft.cover(height=200, center=(WIDTH / 2, HEIGHT * 0.57))
    return draft.photo(lay(scene, cover, draft.pick(INKS)) * draft.light())


def _finger_at_the_border(draft: Draft) -> bytes:
    left = draft.rng.uniform(60, WIDTH - 160)

    box = (left, HEIGHT - 75, left + 90, HEIGHT + 160)
    scene = lay(
        draft.paper(),
        drawn(
            SIZE,
            lambda draw: draw.rounded_rectangle(
                [2 * side for side in box], radius=85, fill=PIXEL_MAX
            ),
            soft=1.5,
        ),
        (0.78, 0.55, 0.45),
    )
    cover = draft.cover(height=210, center=(WIDTH / 2, 200))
    return draft.photo(lay(scene, cover, draft.pick(INKS)) * draft.light())


def _pen_at_the_border(draft: Draft) -> bytes:
    scene = lay(
        draft.paper(),
        drawn(
            SIZE,
            lambda draw: draw.line((2 * 570, 2 * 170, 2 * 690, 2 * 510), fill=PIXEL_MAX, width=46),
        ),
        (0.1, 0.12, 0.35),
    )
    cover = draft.cover(height=230, center=(260, HEIGHT / 2))
    return draft.photo(lay(scene, cover, draft.pick(INKS)) * draft.light())


# Light.


def _shadowed(draft: Draft, *, soft: float, depth: tuple[float, float]) -> bytes:
    angle = draft.rng.uniform(0, 2 * np.pi)
    x, y = positions(SIZE)
    bent = 0.06 * np.sin(3 * x + 2 * y + draft.rng.uniform(0, 6))
    beyond = x * np.cos(angle) + y * np.sin(angle) + bent - draft.rng.uniform(-0.2, 0.45)
    dark = draft.rng.uniform(*depth) / (1 + np.exp(-beyond / soft))
    scene = lay(draft.paper(), draft.cover(height=240), draft.pick(INKS))
    return draft.photo(scene * draft.light(fall=0.15) * (1 - dark[..., None]))


def _strong_gradient(draft: Draft) -> bytes:
    scene = lay(draft.paper(), draft.cover(height=240), draft.pick(INKS))
    return draft.photo(scene * draft.light(fall=0.7))


def _folded_paper(draft: Draft) -> bytes:
    x, y = positions(SIZE)
    folds = np.exp(-np.abs(x - draft.rng.uniform(-0.6, 0.6)) / 0.012)
    folds = folds + np.exp(-np.abs(y - draft.rng.uniform(-0.6, 0.6)) / 0.012)
    tilted = 0.08 * ((x > 0) ^ (y > 0))
    scene = lay(draft.paper(), draft.cover(height=230), draft.pick(INKS))
    return draft.photo(scene * draft.light() * (1 - 0.12 * folds - tilted)[..., None])


def _whiteboard_glare(draft: Draft) -> bytes:
    board = np.full((HEIGHT, WIDTH, 3), 0.82, np.float32)
    colors = ((0.1, 0.1, 0.12), (0.1, 0.2, 0.6), (0.75, 0.1, 0.12), (0.05, 0.45, 0.25))
    scene = lay(board, draft.cover(height=260, pen=0.06), draft.pick(colors)) * draft.light()
    x, y = positions(SIZE)
    spot = ((x - draft.rng.uniform(-0.8, 0.8)) / 0.25) ** 2 + ((y + 0.7) / 0.2) ** 2
    return draft.photo(scene + 0.5 * np.exp(-spot)[..., None])


def _blackboard(draft: Draft) -> bytes:
    board = np.full((HEIGHT, WIDTH, 3), (0.14, 0.2, 0.17), np.float32)
    board = (
        board + 0.02 * draft.clouds(SIZE, 120)[..., None] + 0.01 * draft.clouds(SIZE, 9)[..., None]
    )
    chalk = draft.cover(height=250, pen=0.07)
    chalk = chalk * np.clip(0.75 + 0.4 * draft.clouds(SIZE, 1.7), 0, 1)
    return draft.photo(lay(board, chalk, (0.93, 0.93, 0.9)) * draft.light(fall=0.35))


# Ink.


def _pale_pencil(draft: Draft) -> bytes:
    tooth = np.clip(0.7 + 0.35 * draft.clouds(SIZE, 2.2), 0, 1)
    cover = draft.rng.uniform(0.3, 0.45) * tooth * draft.cover(height=230, pen=0.035)
    return draft.photo(lay(draft.paper(grain=0.012), cover, (0.3, 0.3, 0.32)) * draft.light())


def _colored_ground(draft: Draft) -> bytes:
    cards = ((0.85, 0.3, 0.3), (0.25, 0.55, 0.8), (0.95, 0.8, 0.2), (0.3, 0.65, 0.4))
    card = draft.paper() / 0.94 * np.array(draft.pick(cards))
    inks = ((0.08, 0.08, 0.1), (0.97, 0.97, 0.97), (0.15, 0.15, 0.5))
    scene = lay(card, draft.cover(height=250, pen=0.08), draft.pick(inks))
    return draft.photo(scene * draft.light())


def _thick_marker(draft: Draft) -> bytes:
    cover = draft.cover(height=420, pen=0.15, center=(WIDTH / 2, HEIGHT / 2))
    return draft.photo(lay(draft.paper(), cover, draft.pick(INKS)) * draft.light())


def _hairline(draft: Draft) -> bytes:
    side = int(draft.rng.integers(500, 2000))
    height = side * draft.rng.uniform(0.35, 0.7)
    ink = draft.cover(height=height, pen=1.2 / height, size=(side, side)) > 0.3
    return encoded(to_image(1.0 - ink))


def _hairline_photo(draft: Draft) -> bytes:
    scene = lay(draft.paper(), draft.cover(height=330, pen=0.01), INKS[0])
    return draft.photo(scene * draft.light())


def _tiny_digit(draft: Draft) -> bytes:
    size = (1600, 1200)
    center = (draft.rng.uniform(200, 1400), draft.rng.uniform(200, 1000))
    cover = draft.cover(height=draft.rng.uniform(45, 90), pen=0.08, size=size, center=center)
    scene = lay(draft.paper(size), cover, draft.pick(INKS)) * draft.light(size)
    return draft.photo(scene)


def _tight_crop(draft: Draft) -> bytes:
    ink = draft.cut(height=200, pen=0.07)
    trim = int(draft.rng.integers(0, 4))
    height, width = ink.shape
    ink = ink[trim : height - trim, trim : max(width - trim, trim + 1)]
    scene = lay(draft.paper((ink.shape[1], ink.shape[0])), ink, draft.pick(INKS))
    return draft.photo(scene, blur=0.6)


def _at_the_edge(draft: Draft) -> bytes:
    ink = draft.cut(height=260, pen=0.06)
    page = np.zeros((HEIGHT, WIDTH), np.float32)
    height, width = ink.shape
    left = int(draft.rng.integers(0, WIDTH - width))
    if draft.pick((True, False)):
        page[:height, left : left + width] = ink
    else:
        page[-height:, left : left + width] = ink
    return draft.photo(lay(draft.paper(), page, draft.pick(INKS)) * draft.light())


def _see_through(draft: Draft) -> bytes:
    page = Draft(int(draft.rng.integers(10)), draft.rng).cover(
        height=260, center=(draft.rng.uniform(150, 490), HEIGHT / 2)
    )
    soft = to_image(page[:, ::-1]).filter(ImageFilter.GaussianBlur(2.5))
    scene = lay(draft.paper(), 0.14 * np.asarray(soft) / PIXEL_MAX, INKS[0])
    return draft.photo(lay(scene, draft.cover(height=230), INKS[0]) * draft.light(fall=0.1))


def _smudged(draft: Draft) -> bytes:
    cover = draft.cover(height=230, pen=0.045)
    shifts = np.stack([np.roll(cover, step, axis=1) for step in range(0, 60, 4)])
    smear = 0.35 * shifts.mean(axis=0)
    x, y = positions(SIZE)
    stain = 0.1 * np.exp(-(((x - 0.6) / 0.2) ** 2) - ((y + 0.4) / 0.25) ** 2)
    scene = lay(draft.paper(), np.clip(0.7 * cover + smear + stain, 0, 1), (0.25, 0.25, 0.27))
    return draft.photo(scene * draft.light())


def _drawn_twice(draft: Draft) -> bytes:
    cover = draft.cover(height=230, pen=0.03)
    shift = (int(draft.rng.integers(-6, 7)), int(draft.rng.integers(-6, 7)))
    again = np.roll(cover, shift, (0, 1))
    scene = lay(draft.paper(), np.maximum(cover, again), draft.pick(INKS))
    return draft.photo(scene * draft.light())


def _broken_strokes(draft: Draft) -> bytes:
    flow = np.clip(1.4 + 1.6 * draft.clouds(SIZE, 16), 0, 1)
    scene = lay(draft.paper(), flow * draft.cover(height=240, pen=0.06), draft.pick(INKS))
    return draft.photo(scene * draft.light())


# Cameras.


def _poor_jpeg(draft: Draft) -> bytes:
    size = (240, 240)
    scene = lay(draft.paper(size), draft.cover(height=120, size=size), draft.pick(INKS))
    return draft.photo(scene * draft.light(size), quality=int(draft.rng.integers(10, 31)))


def _noisy_night(draft: Draft) -> bytes:
    scene = lay(draft.paper(), draft.cover(height=240, pen=0.06), draft.pick(INKS))
    return draft.photo(0.4 * scene * draft.light(), noise=0.05)


def _out_of_focus(draft: Draft) -> bytes:
    scene = lay(draft.paper(), draft.cover(height=230, pen=0.05), draft.pick(INKS))
    return draft.photo(scene * draft.light(), blur=6)


# Computers.


def _canvas(draft: Draft) -> bytes:
    cover = draft.cover(height=190, pen=0.1, size=(280, 280))
    return encoded(to_image(cover if draft.pick((True, False)) else 1 - cover))


def _canvas_with_border(draft: Draft) -> bytes:
    plane = 1 - draft.cover(height=170, pen=0.08, size=(280, 280))
    width = int(draft.rng.integers(1, 5))
    edge = np.ones_like(plane)
    edge[width:-width, width:-width] = 0
    return encoded(to_image(np.where(edge > 0, draft.pick((0.0, 0.4, 0.6)), plane)))


def _border_in_jpeg(draft: Draft) -> bytes:
    plane = 1 - draft.cover(height=170, pen=0.08, size=(300, 300))
    width, inset = int(draft.rng.integers(1, 4)), int(draft.rng.integers(0, 8))
    edge = np.zeros_like(plane)
    edge[inset : 300 - inset, inset : 300 - inset] = 1
    first = inset + width
    edge[first : 300 - first, first : 300 - first] = 0
    return encoded(to_image(np.where(edge > 0, 0.1, plane)), quality=80)


def _screenshot(draft: Draft) -> bytes:
    scene = np.full((HEIGHT, WIDTH, 3), 0.94, np.float32)
    scene[:34] = draft.pick(((0.2, 0.22, 0.26), (0.16, 0.38, 0.72)))
    scene[8:26, WIDTH - 40 : WIDTH - 22] = 0.85
    scene[50:460, 60:580] = 1
    scene[[50, 459], 60:580] = scene[50:460, [60, 579]] = 0.65
    cover = draft.cover(height=230, pen=0.05, center=(320, 255))
    return encoded(to_image(lay(scene, cover, (0, 0, 0))))


def _on_transparent(draft: Draft) -> bytes:
    cover = draft.cover(height=190, pen=0.08, size=(280, 280))
    rgba = np.zeros((280, 280, 4), np.uint8)
    rgba[..., :3] = draft.pick((0, PIXEL_MAX, 90))
    rgba[..., 3] = np.rint(cover * PIXEL_MAX)
    return encoded(Image.fromarray(rgba))


# What each shows is said by its name.
KINDS: dict[str, Scene] = {
    "clean": _clean,
    "canvas": _canvas,
    "on paper": _on_paper,
    "squared wide": partial(_ruled, down=True, pitch=(80, 140), strength=0.8),
    "squared narrow": partial(_ruled, down=True, pitch=(22, 60), strength=0.8),
    "squared dark": _squared_dark,
    "millimetre paper": _millimetre_paper,
    "ruled wide": partial(_ruled, down=False, pitch=(60, 90), strength=0.8),
    "ruled narrow": partial(_ruled, down=False, pitch=(22, 50), strength=0.8),
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
    "strong gradient": _strong_gradient,
    "folded paper": _folded_paper,
    "whiteboard glare": _whiteboard_glare,
    "blackboard": _blackboard,
    "pale pencil": _pale_pencil,
    "colored ground": _colored_ground,
    "thick marker": _thick_marker,
    "hairline": _hairline,
    "hairline photo": _hairline_photo,
    "tiny digit": _tiny_digit,
    "tight crop": _tight_crop,
    "at the edge": _at_the_edge,
    "see through": _see_through,
    "smudged": _smudged,
    "drawn twice": _drawn_twice,
    "broken strokes": _broken_strokes,
    "poor jpeg": _poor_jpeg,
    "noisy night": _noisy_night,
    "out of focus": _out_of_focus,
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
