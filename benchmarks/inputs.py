"""Digits in the forms in which people have them, as `accuracy.py inputs` measures them.

    python benchmarks/inputs.py [--images 500] [--pictures FOLDER] [--sheet FILE.png]

Digits cut to their box, stretched, drawn with thick and thin pens, in a hard shadow, dithered: from
MNIST's images and from digits that `digitcnn.synthesis` draws by a seed that no training uses. The
share in brackets is what is asked for. `--pictures` adds people's own pictures, cut to the digit.
As a command it measures `base` on MNIST's test images; accuracy.py has more options.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import checkout  # noqa: F401 - says where reporting.py lies
import numpy as np
from PIL import Image, ImageFilter, ImageOps
from reporting import read_manifest

from digitcnn import DigitReader
from digitcnn.synthesis import draw_digits
from digitcnn.synthesis.digits import DIGITS, draw_flagged_one
from digitcnn.synthesis.hands import Forms, draw_form, sample_hand

SEED = 26
PIXEL_MAX = 255
LARGE = 100  # pixels: the height of an enlarged digit
THICK = 0.165  # heights of the digit; what comes out is nearly a fifth

Ink = np.ndarray  # uint8, bright on a background of 0
Rng = np.random.Generator
Digits = Iterator[tuple[Ink, int]]


def box_of(ink: Ink, level: float = 0) -> Ink:
    """Cut to the box of what exceeds a part of the brightest, as `cv2.boundingRect` gives it."""
    rows, columns = np.nonzero(ink > level * ink.max())
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def box_of_any(ink: Ink, rng: Rng) -> Ink:
    """Cut to the box of all ink, or to that of what a threshold leaves of it."""
    return box_of(ink, rng.choice([0, 0.5]))


def resized(ink: np.ndarray, width: int, height: int) -> Ink:
    """Scale to these sides, with soft edges."""
    return np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC))


def enlarged(ink: Ink) -> Ink:
    """Scale to a height of 100 pixels, with edges as crisp as a pen's."""
    cut = box_of(ink)
    scale = LARGE / max(cut.shape)
    width, height = (max(4, round(side * scale)) for side in cut.shape[::-1])
    large = resized(cut, width, height).astype(np.float64)
    return leveled((large - 0.5 * PIXEL_MAX) * 4 + 0.5 * PIXEL_MAX)


def either(ink: Ink, rng: Rng) -> np.ndarray:
    """Turn every other picture into its negative."""
    return ink if rng.random() < 0.5 else PIXEL_MAX - ink


def leveled(levels: np.ndarray) -> Ink:
    """Cut levels off where a picture ends."""
    return np.clip(levels, 0, PIXEL_MAX).astype(np.uint8)


def on_paper(ink: Ink, rng: Rng, light: float | np.ndarray = 1.0) -> np.ndarray:
    """Write dark on bright paper, with the grain of a camera."""
    paper, pen = rng.uniform(170, 245), rng.uniform(20, 90)
    levels = (paper + (pen - paper) * (ink / PIXEL_MAX)) * light
    return leveled(levels + rng.normal(0, 3, ink.shape))


def framed(ink: Ink, rng: Rng) -> Ink:
    """Put a digit somewhere near the middle of a larger frame."""
    top, bottom, left, right = rng.integers(LARGE // 5, LARGE // 2, 4)
    return np.pad(ink, ((top, bottom), (left, right)))


def stroke_width(ink: Ink) -> float:
    """Estimate a stroke's width in pixels: a quarter of it off each side leaves half of the ink."""
    steps, area = 0, np.count_nonzero(ink > PIXEL_MAX // 2)
    left, before = Image.fromarray(ink), area
    while True:
        left = left.filter(ImageFilter.MinFilter(3))
        now = np.count_nonzero(np.asarray(left) > PIXEL_MAX // 2)
        if now <= area / 2:
            return 4 * (steps + (before - area / 2) / max(1, before - now))
        steps, before = steps + 1, now


def thickened(ink: Ink) -> Ink:
    """Draw an enlarged digit anew with a thick pen with soft edges, and cut it by a threshold."""
    large = np.pad(enlarged(ink), LARGE // 4)
    while stroke_width(large) < THICK * max(box_of(large).shape):
        levels = np.asarray(Image.fromarray(large).filter(ImageFilter.GaussianBlur(2)), np.float64)
        large = leveled((levels - 0.2 * PIXEL_MAX) * 4)
    return box_of(np.asarray(Image.fromarray(large).filter(ImageFilter.GaussianBlur(2.5))), 0.5)


def gray_and_noisy(ink: Ink, rng: Rng) -> np.ndarray:
    """Write grey on grey, in noise."""
    dark, bright = rng.uniform(50, 90), rng.uniform(150, 190)
    levels = bright + (dark - bright) * (ink / PIXEL_MAX) + rng.normal(0, 8, ink.shape)
    return either(leveled(levels), rng)


def fitted(ink: Ink) -> np.ndarray:
    """Fit into 16 x 16, proportions kept, as USPS holds its digits: floats from 0 to 1."""
    picture = ImageOps.pad(Image.fromarray(box_of(ink)), (16, 16), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32) / PIXEL_MAX


def shadowed(ink: Ink, rng: Rng) -> np.ndarray:
    """Let the edge of a shadow, half as bright, fall across the digit."""
    canvas = framed(ink, rng)
    rows, columns = np.nonzero(canvas)
    index = rng.integers(len(rows))  # the edge runs through some point of the ink
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.indices(canvas.shape)
    beyond = (x - columns[index]) * np.cos(angle) + (y - rows[index]) * np.sin(angle)
    shade = np.clip(beyond + 0.5, 0, 1)  # soft over one pixel, as a camera sees it
    return on_paper(canvas, rng, 1 - 0.5 * shade)


def dithered(ink: Ink, rng: Rng) -> np.ndarray:
    """Turn a photo into black and white as `Image.convert("1")` does: grey becomes dots."""
    photo = on_paper(framed(ink, rng), rng, light=rng.uniform(0.75, 1))
    return np.asarray(Image.fromarray(photo).convert("1"))


def drawn_digits() -> Digits:
    """Draw digits in all ways of writing them, by all pens."""
    for seed in range(SEED, 2**31):
        images, labels = draw_digits(100, seed=seed)
        yield from zip(images, labels.tolist(), strict=True)


def written(
    forms: dict[int, Forms], thinnest: float, thickest: float, *, narrow: bool = False
) -> Digits:
    """Draw digits in these forms, by pens of these widths in heights of the digit."""
    rng = np.random.default_rng(SEED)
    while True:
        digit, hand = int(rng.choice(list(forms))), sample_hand(rng)
        pen = replace(hand.pen, kind="round", ink=1.0, width=rng.uniform(thinnest, thickest))
        hand = replace(hand, pen=pen)
        if narrow:
            hand = replace(hand, aspect=rng.uniform(0.4, 0.8), slant=rng.uniform(-0.3, 0.6))
        yield draw_form(forms[digit], hand, side=200, rng=rng, style_rng=rng), digit


def tight(ink: Ink, rng: Rng, side: int | None = None) -> np.ndarray:
    """Cut to the box, stretch it to a square or not, either polarity."""
    box = box_of_any(ink, rng)
    return either(box if side is None else resized(box, side, side), rng)


# What is made of MNIST's images, and of digits drawn.
OF_MNIST: dict[str, Callable[[Ink, Rng], np.ndarray]] = {
    "MNIST as it is": lambda ink, _: ink,
    "cut to the box, one pixel of margin": lambda ink, rng: either(np.pad(box_of(ink), 1), rng),
    "cut to the box, no margin (99.0%)": tight,
    "the same, stretched to 16 x 16 (94.0%)": partial(tight, side=16),
    "the same, stretched to 28 x 28 (95.0%)": partial(tight, side=28),
    "thick pen, cut tight, 100 pixels (97.0%)": lambda ink, rng: either(thickened(ink), rng),
    "the same, grey with noise (97.0%)": lambda ink, rng: gray_and_noisy(thickened(ink), rng),
    "as USPS: 16 x 16, tight, bright on dark (97.5%)": lambda ink, _: fitted(ink),
    "as Semeion: stretched to 16 x 16, black and white (94.0%)": lambda ink, rng: (
        resized(box_of_any(ink, rng), 16, 16) > PIXEL_MAX // 2
    ),
    "a hard shadow's edge across the digit (95.0%)": lambda ink, rng: shadowed(enlarged(ink), rng),
    "a photo dithered to black and white": lambda ink, rng: dithered(enlarged(ink), rng),
}
LOOPS = {digit: DIGITS[digit] for digit in (0, 6, 8, 9)}
OF_DRAWN: dict[str, tuple[Callable[[], Digits], Callable[[Ink, Rng], np.ndarray]]] = {
    "drawn, cut to the box": (drawn_digits, tight),
    "drawn, a hard shadow's edge across the digit": (
        drawn_digits,
        lambda ink, rng: shadowed(box_of(ink), rng),
    ),
    "drawn with a thick pen, cut tight": (
        partial(written, dict(enumerate(DIGITS)), THICK * 0.8, THICK),
        tight,
    ),
    "0, 6, 8, 9, narrow or slanted, drawn with a thin pen": (
        partial(written, LOOPS, 0.005, 0.02, narrow=True),
        lambda ink, _: PIXEL_MAX - ink,
    ),
    "1 with a flag, without a foot": (
        partial(written, {1: ((1.0, draw_flagged_one),)}, 0.03, 0.1),
        lambda ink, _: PIXEL_MAX - ink,
    ),
}


def draw_inputs(
    images: np.ndarray, labels: np.ndarray, count: int
) -> list[tuple[np.ndarray, int, str]]:
    """Draw so many pictures of each form, the same ones each time: picture, digit, form."""
    found = []
    ready = list(zip(images[:count], labels.tolist(), strict=False))
    for form, (digits, change) in {
        **{form: (partial(iter, ready), change) for form, change in OF_MNIST.items()},
        **OF_DRAWN,
    }.items():
        rng = np.random.default_rng(SEED)
        found += [(change(ink, rng), digit, form) for ink, digit in islice(digits(), count)]
    return found


def cut_pictures(folder: Path) -> list[tuple[np.ndarray, int, str]]:
    """Cut people's pictures to the digit, where the reader finds that digit alone."""
    reader, found = DigitReader(), []
    for row in read_manifest(folder):
        reading = reader.read(row["path"])
        if reading.text == row["label"]:
            with Image.open(row["path"]) as picture:
                upright = ImageOps.exif_transpose(picture).convert("RGBA")
            shown = Image.new("RGBA", upright.size, "white")
            shown.alpha_composite(upright)
            left, top, right, bottom = reading.digits[0].box
            box = (int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom)))
            digit = np.asarray(shown.convert("RGB").crop(box))
            found.append((digit, int(row["label"]), "people's pictures cut to the digit (97.0%)"))
    return found


if __name__ == "__main__":
    import accuracy  # which imports this file

    accuracy.main(["inputs", "--weights", "base", "--split", "test", *sys.argv[1:]])
