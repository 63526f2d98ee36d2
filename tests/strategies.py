"""Hypothesis strategies: what users pass, right and wrong.

All shrink towards few, small, empty pictures. The digits that are drawn come from the stroke
generator, one for each seed, which Hypothesis shrinks towards 0.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import itertools
import struct
import zlib
from unittest import mock

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from digitcnn.synthesis import draw_digits, draw_nondigits

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


def nondigits(side=48):
    """Give a drawn scribble, letter, shape or texture: uint8, shape (side, side)."""
    return st.integers(0, 2**32).map(lambda seed: draw_nondigits(1, seed=seed, side=side)[0])


@st.composite
def uint8_batches(draw, side=40):
    """Give up to four drawn digits as a batch: uint8, shape (N, side, side).

    All differ, as three alike may be taken for the channels of one picture.
    """
    different = {"min_size": 1, "max_size": MOST_IMAGES, "unique_by": np.ndarray.tobytes}
    digits = draw(st.lists(drawn_digits(side), **different))
    return np.stack(digits)


def float_batches(side=40):
    """Give up to four drawn digits as a batch: float32 in [0, 1], shape (N, side, side)."""
    return uint8_batches(side).map(lambda batch: batch / np.float32(255))


@st.composite
def framed_digits(draw):
    """Give a drawn digit with margins of the ground's grey on all four sides."""
    digit = draw(drawn_digits(40))
    margins = [draw(st.integers(0, 30)) for _ in range(4)]
    return np.pad(digit, (margins[:2], margins[2:]))


def any_pictures(most=40):
    """Give any uint8 picture: grey, RGB or RGBA, of any shape up to `most` pixels a side."""
    sides = st.integers(1, most)
    shapes = st.one_of(
        st.tuples(sides, sides),
        st.tuples(sides, sides, st.sampled_from([1, 2, 3, 4])),
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
    """Encode an array, or a PIL image, as a picture file."""
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, image_format, **options)
    return file.getvalue()


def bomb(side):
    """Give a PNG that claims `side` x `side` pixels in a few bytes."""

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


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
    things += ["", "no such file", b"", b"no picture", bytearray(5), [b"GIF89a"]]
    things += [io.StringIO("text")]
    return [(f"{type(thing).__name__} {number}", thing) for number, thing in enumerate(things)]


MALFORMED = dict([*_wrong_values(), *_wrong_shapes(), *_wrong_objects()])


def _masked(array):
    """Mask an array nowhere; NumPy finds no fill value for some records, and warns."""
    is_record = array.dtype.names is not None
    return array if is_record else np.ma.masked_array(array, mask=np.zeros(array.shape, bool))


# Anything at all, right or wrong, for `test_fuzz.py`.

_SHAPES = st.one_of(
    hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6),
    st.sampled_from([(28, 28), (1, 3000), (3000, 1), (2, 28, 28), (2, 40, 30, 4), (784,)]),
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5)),
)
_LAYOUTS = [
    lambda array: array,
    np.asfortranarray,
    np.transpose,
    lambda array: array[..., ::-2] if array.ndim else array,
    lambda array: np.broadcast_to(array, (2, *array.shape)),
    _masked,
    lambda array: array.astype(array.dtype.newbyteorder()),
    lambda array: np.array([array, None], object)[:1],
    lambda array: array.tolist(),
]
_ARRAYS = st.builds(
    lambda layout, array: layout(array),
    st.sampled_from(_LAYOUTS),
    hnp.arrays(st.one_of(hnp.scalar_dtypes(), hnp.array_dtypes(max_size=3)), _SHAPES),
)
_PIL_MODES = ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA"]
_PIL_MODES += ["RGBX", "RGBa", "La", "I;16", "I;16L", "I;16B"]


@st.composite
def _pil_images(draw):
    """Give a PIL image of any mode and size, in any state."""
    sides = st.integers(0, 60)
    image = Image.new(draw(st.sampled_from(_PIL_MODES)), draw(st.tuples(sides, sides)))
    odd = {
        "transparency": [0, 300, -1, b"\0\1", (1, 2, 3), "x"],
        "exif": [b"", b"junk", b"II*\0\xff"],
    }
    for name, values in odd.items():
        if draw(st.booleans()):
            image.info[name] = draw(st.sampled_from(values))
    if 0 not in image.size and draw(st.booleans()):
        image.paste(1, (0, 0, image.width // 2, image.height // 2 + 1))
    if draw(st.integers(0, 5)) == 0:
        image.close()
    return image


def _failing(name, error):
    """Give an object that fails wherever it is asked for `name`."""
    return type("Failing", (), {name: mock.PropertyMock(side_effect=error)})()


def _failing_iterator(items, error):
    """Give some items, then fail."""
    yield from items
    raise error


def _odd_file(parts):
    """Give a file whose read() gives one thing after the other."""
    file = io.BytesIO()
    parts = iter([*parts, b""])
    file.read = lambda _=-1: next(parts, b"")
    return file


_ERRORS = st.sampled_from(
    [RuntimeError("no"), KeyError("key"), OSError(5, "io"), StopIteration(), MemoryError()]
)
_JUNK = st.one_of(
    st.none() | st.integers() | st.floats() | st.complex_numbers() | st.dates(),
    st.text(max_size=8) | st.binary(max_size=64) | st.binary(max_size=64).map(memoryview),
    st.sampled_from([np.ndarray, Image.Image, len, ..., NotImplemented, Image, object(), range(3)]),
    st.builds(_failing, st.sampled_from(["__array__", "read", "shape", "__fspath__"]), _ERRORS),
)
_FILES = st.one_of(
    drawn_digits(40).map(encode),
    drawn_digits(40).map(encode).map(io.BytesIO),
    st.lists(st.binary(max_size=20) | st.none() | st.text(max_size=3), max_size=3).map(_odd_file),
)


def anything():
    """Give one image, many or what is neither, in every form that a caller might think of."""
    items = st.one_of(drawn_digits(40), _ARRAYS, _pil_images(), _FILES, _JUNK)
    lists = st.lists(items, max_size=MOST_IMAGES)
    return st.one_of(
        items,
        _ARRAYS,
        lists,
        lists.map(iter),
        lists.map(lambda items: dict(enumerate(items))),
        lists.map(lambda items: [items, items]),
        st.builds(_failing_iterator, lists, _ERRORS),
    )
