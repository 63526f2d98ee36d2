"""Single glyphs to set pages with: digits by the hand that wrote them, letters, scribbles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitcnn._checks import whole_number
from digitcnn.synthesis.digits import DIGITS
from digitcnn.synthesis.hands import draw_form, sample_hand
from digitcnn.synthesis.nondigits import NONDIGIT_FORMS

Glyph = NDArray[np.uint8]  # (height, width), ink bright on 0, cut to its ink

PIXEL_MAX = 255
_SIDE = 72
_MOST_HANDS = 100_000
_REPEATS = 2  # of each digit in a hand: nobody writes a digit twice alike
FAINTEST = 40  # of 255: below it a pixel does not count for a glyph's extent

# What an MNIST digit's stroke is wide, in its heights.
_MNIST_STROKE = 0.12


@dataclass(frozen=True)
class HandGlyphs:
    """The glyphs of one hand: `digits[d]` are several drawings of digit d."""

    digits: tuple[tuple[Glyph, ...], ...]
    stroke: float  # the pen's width, in glyph heights


class GlyphBank:
    """Drawn once, and set into thousands of pages.

    Parameters
    ----------
    hands : int
        How many hands to draw, each with all ten digits.
    seed : int
        The same seed draws the same glyphs.
    images, labels : ndarray, optional
        MNIST's training images, uint8 (N, 28, 28), and their digits: taken in as written by
        nobody in particular.
    """

    def __init__(
        self,
        *,
        hands: int,
        seed: int,
        images: NDArray[np.uint8] | None = None,
        labels: NDArray[np.int64] | None = None,
    ) -> None:
        hands = whole_number("hands", hands, least=1, most=_MOST_HANDS, such_as=1_200)
        rng = np.random.default_rng(whole_number("seed", seed, most=None, such_as=0))
        self.hands = [_draw_hand(rng) for _ in range(hands)]
        self.nondigits = [glyph for _ in range(2 * hands) if (glyph := _draw_nondigit(rng)).size]
        self._mnist: list[list[Glyph]] = [[] for _ in DIGITS]
        if images is not None and labels is not None:
            for image, label in zip(images, labels.tolist(), strict=True):
                self._mnist[label].append(trim(image))

    def sample_hand(self, rng: np.random.Generator, *, mnist: float) -> HandGlyphs:
        """Return one hand's glyphs; with probability `mnist`, some of MNIST's digits."""
        if rng.random() < mnist and all(self._mnist):
            picked = tuple(
                tuple(glyphs[index] for index in rng.integers(len(glyphs), size=_REPEATS))
                for glyphs in self._mnist
            )
            return HandGlyphs(picked, _MNIST_STROKE)
        return self.hands[rng.integers(len(self.hands))]

    def sample_nondigit(self, rng: np.random.Generator) -> Glyph:
        """Return a letter, a scribble, an arrow or another thing that is no digit."""
        return self.nondigits[rng.integers(len(self.nondigits))]


def _draw_hand(rng: np.random.Generator) -> HandGlyphs:
    hand = sample_hand(rng)
    digits = []
    for forms in DIGITS:
        style = int(rng.integers(2**32))  # what stays the same from one time to the next
        drawn = [
            draw_form(forms, hand, side=_SIDE, rng=rng, style_rng=np.random.default_rng(style))
            for _ in range(_REPEATS)
        ]
        digits.append(tuple(trim(image) for image in drawn))
    return HandGlyphs(tuple(digits), hand.pen.width)


def _draw_nondigit(rng: np.random.Generator) -> Glyph:
    hand = sample_hand(rng)
    return trim(draw_form(NONDIGIT_FORMS, hand, side=_SIDE, rng=rng, style_rng=rng))


def trim(image: NDArray[np.uint8]) -> Glyph:
    """Cut an image to its ink."""
    inked = image > FAINTEST
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return image[:0, :0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def set_glyph(
    glyph: Glyph, height: float, *, stretch: float = 1.0, slant: float = 0.0, angle: float = 0.0
) -> Glyph:
    """Bring a glyph to a height in pixels, stretched in width, slanted and turned (radians)."""
    rows = max(3, round(height))
    columns = max(2, round(height * stretch * glyph.shape[1] / glyph.shape[0]))
    image = Image.fromarray(glyph).resize((columns, rows), Image.Resampling.BILINEAR)
    if abs(slant) < 0.02 and abs(angle) < 0.02:
        return np.asarray(image)
    cos, sin = math.cos(angle), math.sin(angle)
    width = math.ceil(columns * cos + rows * (abs(slant) + abs(sin))) + 2
    tall = math.ceil(rows * cos + columns * abs(sin)) + 2
    # From the new pixel back to the old one: turned back, then unslanted.
    a, b, d, e = cos + slant * -sin, sin + slant * cos, -sin, cos
    x, y = (width - 1) / 2, (tall - 1) / 2
    c = (columns - 1) / 2 - a * x - b * y
    f = (rows - 1) / 2 - d * x - e * y
    turned = image.transform(
        (width, tall), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    return trim(np.asarray(turned))
