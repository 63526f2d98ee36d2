"""Encoded pictures against Pillow's decoding of them, and growth with their number."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.answering import encoded
from benchmarks.cold_start import MIB, run_once
from benchmarks.timing import Line, in_turn
from digitcnn import DigitClassifier, preprocess
from digitcnn.synthesis import draw_digits

JPEG_SIZE = (4000, 3000)
CANVAS_SIDE = 280
# The scale at which pictures are first looked at: the longer side is at most this many pixels.
WORKING_SIDE = 512

STREAM = """\
import itertools
from digitcnn import DigitClassifier, preprocess
from digitcnn.synthesis import draw_digits
image = (preprocess(draw_digits(1, seed=0)[0])[0, ..., 0] * 255).round().astype("uint8")
count = sum(1 for _ in DigitClassifier().iter_proba(itertools.repeat(image, {count})))
print(count)
"""


def jpeg(*, quick: bool) -> Iterator[Line]:
    """Measure a phone's photo."""
    content, classifier = phone_jpeg(), DigitClassifier()
    factor = -(-max(JPEG_SIZE) // WORKING_SIDE)

    def decode() -> None:
        with Image.open(io.BytesIO(content)) as image:
            # In colour, as the library has to: ink may stand out by its colour alone.
            image.draft(None, (JPEG_SIZE[0] // factor, JPEG_SIZE[1] // factor))
            image.load()

    times = in_turn(
        {"ours": lambda: classifier.predict(content), "pillow": decode}, rounds=_rounds(quick)
    )
    yield Line(
        "jpeg",
        "12-megapixel phone JPEG",
        "Pillow decoding it in colour with `draft` to reduced scale",
        1.5,
        times["ours"],
        times["pillow"],
    )


def canvases(*, quick: bool) -> Iterator[Line]:
    """Measure what web pages' canvases give."""
    count = 100 if quick else 1000
    contents, classifier = canvas_pngs(count), DigitClassifier()

    def decode() -> None:
        for content in contents:
            with Image.open(io.BytesIO(content)) as image:
                image.load()

    times = in_turn(
        {"ours": lambda: classifier.predict(contents), "pillow": decode}, rounds=_rounds(quick)
    )
    yield Line(
        "canvas",
        f"{count:,} canvas PNGs of {CANVAS_SIDE} x {CANVAS_SIDE}",
        "Pillow decoding them",
        2.5,
        times["ours"],
        times["pillow"],
    )


def growth(*, quick: bool) -> Iterator[Line]:
    """Compare ten times as many images with once as many."""
    few, classifier = 1000 if quick else 10_000, DigitClassifier()
    pixels = np.rint(_digits(100) * 255).astype(np.uint8)
    small = np.tile(pixels, (few // 100, 1, 1))
    large = np.tile(small, (10, 1, 1))
    times = in_turn(
        {"large": lambda: classifier.predict(large), "small": lambda: classifier.predict(small)},
        rounds=3,
    )
    yield Line(
        "growth",
        f"growth: {10 * few:,} arrays",
        f"{few:,} of them",
        10.5,
        times["large"],
        times["small"],
    )


def memory(*, quick: bool) -> Iterator[Line]:
    """Compare what a long iterator takes with what a short one does."""
    counts = {"many": 20_000 if quick else 1_000_000, "few": 10_000}
    runs = {name: run_once(STREAM.format(count=count)) for name, count in counts.items()}
    yield Line(
        "memory",
        f"peak memory of an iterator of {counts['many']:,}",
        f"of one of {counts['few']:,}",
        1.05,
        [runs["many"].peak_bytes / MIB],
        [runs["few"].peak_bytes / MIB],
        unit="MiB",
    )


def _rounds(quick: bool) -> int:
    return 3 if quick else 9


def _digits(count: int) -> np.ndarray:
    return preprocess(draw_digits(count, seed=0)[0])[..., 0]


def phone_jpeg() -> bytes:
    """Draw a photo as a phone takes it: a digit in ink on paper, unevenly lit, with grain."""
    width, height = JPEG_SIZE
    ink = Image.fromarray(draw_digits(1, seed=4, side=1024)[0][0])
    page = Image.new("L", JPEG_SIZE)
    page.paste(ink, ((width - ink.width) // 2, (height - ink.height) // 2))
    page = page.filter(ImageFilter.GaussianBlur(3))
    rng = np.random.default_rng(0)
    across, down = np.linspace(0.8, 1, width), np.linspace(0.85, 1, height)
    light = 225 * np.outer(down, across)
    grey = light * (1 - 0.75 * np.asarray(page, np.float32) / 255)
    # Paper is never quite grey, and a sensor's grain differs between its colours.
    pixels = grey[..., None] * (1.0, 0.98, 0.93) + rng.normal(0, 2.5, (height, width, 3))
    photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return encoded(photo, "JPEG", quality=90)


def canvas_pngs(count: int) -> list[bytes]:
    """Draw what a web page's canvas gives: black strokes on white, in RGBA."""
    drawn, _ = draw_digits(count, seed=5, side=CANVAS_SIDE)
    return [encoded(Image.fromarray(255 - digit).convert("RGBA"), "PNG") for digit in drawn]
