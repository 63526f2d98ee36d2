"""Hypothesis strategies: what users pass, right and wrong.

All shrink towards few, small, empty pictures. The digits that are drawn come from the stroke
generator, one for each seed, which Hypothesis shrinks towards 0.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import itertools

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from digitcnn.strokes import draw_digits, draw_nondigits

# Enough to tell one image from many and to have an order.
MOST_IMAGES = 4
NUM_DRAWN = 200

PIXELS_8 = hnp.from_dtype(np.dtype(np.uint8))


@functools.lru_cache(maxsize=4)
def _drawing_pool(side):
    """Draw some digits once: drawing takes longer than preprocessing."""
    images, _ = draw_digits(NUM_DRAWN, seed=side, side=side)
    images.flags.writeable = False
    return images


def drawn_digits(side=64):
    """Give one drawn digit: uint8, shape (side, side), ink bright on 0."""
    return st.integers(0, NUM_DRAWN - 1).map(lambda index: _drawing_pool(side)[index])


def fresh_digits(side=96):
    """Give a digit that no other test has seen, and its label; slower than `drawn_digits`."""
    return st.integers(0, 2**32).map(lambda seed: draw_digits(1, seed=seed, side=side))


def nondigits(side=48):
    """Give a drawn scribble, letter, shape or texture: uint8, shape (side, side)."""
    return st.integers(0, 2**32).map(lambda seed: draw_nondigits(1, seed=seed, side=side)[0])


@st.composite
def uint8_batches(draw, side=40):
    """Give up to four drawn digits as a batch: uint8, shape (N, side, side)."""
    digits = draw(st.lists(drawn_digits(side), min_size=1, max_size=MOST_IMAGES))
    return np.stack(digits)


def float_batches(side=40):
    """Give up to four drawn digits as a batch: float32 in [0, 1], shape (N, side, side)."""
    return uint8_batches(side).map(lambda batch: batch / np.float32(255))


@st.composite
def framed_digits(draw, side=40, most_margin=30):
    """Give a drawn digit with margins of the ground's grey on all four sides."""
    digit = draw(drawn_digits(side))
    margins = [draw(st.integers(0, most_margin)) for _ in range(4)]
    return np.pad(digit, (margins[:2], margins[2:]))


def any_pictures(most=40):
    """Give any uint8 picture: grey, RGB or RGBA, of any shape up to `most` pixels a side."""
    sides = st.integers(1, most)
    shapes = st.one_of(
        st.tuples(sides, sides),
        st.tuples(sides, sides, st.sampled_from([1, 3, 4])),
    )
    return shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape, elements=PIXELS_8))


def photographs():
    """Give a photograph: a drawn digit on uneven, noisy paper, as uint8 of shape (120, 90)."""

    def photograph(digit, seed, pen):
        rng = np.random.default_rng(seed)
        ink = np.pad(digit / 255, ((28, 28), (13, 13)))
        slope = np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1), 90)
        page = 220 * slope * (1 - ink * pen) + rng.normal(0, 3, ink.shape)
        return np.clip(page, 0, 255).astype(np.uint8)

    return st.builds(photograph, drawn_digits(64), st.integers(0, 2**16), st.floats(0.4, 0.9))


def encode(pixels, image_format="PNG", **options):
    """Encode an array as a picture file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format, **options)
    return file.getvalue()


def _wrong_values():
    """Give arrays of a right shape whose values are no picture's."""
    fine = np.zeros((28, 28))
    spoilt = {
        "NaN": np.where(np.eye(28) == 1, np.nan, fine),
        "infinity": np.where(np.eye(28) == 1, np.inf, fine),
        "minus infinity": np.where(np.eye(28) == 1, -np.inf, fine),
        "negative floats": fine - 0.5,
        "floats beyond 1": fine + 1.5,
        "floats beyond 255": fine + 300,
        "negative integers": np.full((28, 28), -1),
        "integers beyond 255": np.full((28, 28), 256),
        "complex": fine.astype(complex),
        "datetimes": fine.astype("datetime64[s]"),
        "durations": fine.astype("timedelta64[s]"),
        "objects": fine.astype(object),
        "strings": fine.astype(str),
        "bytes": fine.astype(bytes),
        "records": np.zeros((28, 28), [("a", np.uint8), ("b", np.uint8)]),
    }
    return list(spoilt.items())


def _wrong_shapes():
    """Give arrays of right values whose shape is no picture's, nor a batch's."""
    shapes = [(), (7,), (0, 0), (0, 28), (28, 0), (28, 28, 0), (2, 0, 28), (2, 28, 28, 2)]
    shapes += [(2, 28, 28, 5), (1, 2, 28, 28, 3), (28, 0, 3)]
    return [(f"shape {shape}", np.ones(shape, np.uint8)) for shape in shapes]


def _wrong_objects():
    """Give what is neither a picture nor several."""
    things = [None, 5, 1.5, 1j, True, object(), {"a": 1}, len, int, dt.date(2000, 1, 1)]
    things += [itertools.count().__next__, [None], [5, 6], [[0, 1], [2]], [[[0, 1], [1, 0]]], [{}]]
    things += [
        "",
        "no such file",
        b"",
        b"no picture",
        bytearray(5),
        [b"GIF89a"],
        io.StringIO("text"),
    ]
    return [(f"{type(thing).__name__} {thing!r:.30}", thing) for thing in things]


MALFORMED = dict([*_wrong_values(), *_wrong_shapes(), *_wrong_objects()])


def malformed_images():
    """Give anything that `preprocess` must refuse."""
    return st.sampled_from(list(MALFORMED)).map(MALFORMED.get)


def malformed_items():
    """Give one array that cannot be an item of a list of images."""
    kinds = [name for name, _ in [*_wrong_values(), *_wrong_shapes()]]
    # A batch in a batch is as wrong as the rest.
    return st.sampled_from([*kinds, "batch"]).map(
        lambda kind: MALFORMED.get(kind, np.ones((2, 30, 30), np.uint8))
    )
