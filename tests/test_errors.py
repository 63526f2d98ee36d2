"""Whatever is wrong is said by an error of the library's own, which names the item and the cure."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from strategies import MALFORMED, bomb, encode

from digitcnn import errors, explain, preprocess
from digitcnn.errors import (
    DigitcnnError,
    ImageReadError,
    InvalidImageError,
    NoDigitError,
)
from digitcnn.synthesis import draw_digits

DIGIT = draw_digits(1, seed=3, side=60)[0][0]


KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DigitcnnError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_data(kind):
    """Each is a builtin error too, writes its text from its parts, and survives pickle and copy."""
    error = kind(argument="images", rule="hold a digit", got="none", remedy="Drop it.")
    error.argument, error.index = "scans", 3

    assert str(error) == "`scans[3]` must hold a digit; got none. Drop it."
    assert [each.code for each in KINDS].count(error.code) == 1
    assert kind is DigitcnnError or issubclass(kind, (ValueError, OSError, ImportError))
    for each in (error, kind("It needs pooch.", remedy="Install it.")):
        for other in (pickle.loads(pickle.dumps(each)), copy.copy(each)):
            assert (str(other), vars(other)) == (str(each), vars(each))


def test_a_bad_item_is_told_in_parts():
    """Argument, index, code and remedy of an error in a batch, however long, are to be read."""
    batch = np.stack([DIGIT] * 300)
    batch[290] = 7
    with pytest.raises(
        NoDigitError, match=r"`images\[290\]` must hold a digit; got a blank"
    ) as caught:
        preprocess(batch)
    error = caught.value

    assert (error.code, error.argument, error.index) == ("no_digit", "images", 290)
    assert error.remedy == "Give a picture with visible ink."


class Proxy:
    """Stands for nothing, and says so whatever it is asked, as web frameworks' proxies do."""

    def __getattr__(self, name):
        """Fail."""
        raise RuntimeError(f"outside of a context: {name}")


class Impostor:
    """Fails when it is asked for its class."""

    @property
    def __class__(self):
        """Fail."""
        raise KeyError("class")


class Unplaced(os.PathLike):
    """A path that cannot say which."""

    def __fspath__(self):
        """Fail."""
        raise KeyError("place")


def released():
    """Give a view of bytes that are gone."""
    view = memoryview(encode(DIGIT))
    view.release()
    return view


NOT_FINITE = np.where(DIGIT > 0, np.float32(np.inf), np.float32(np.nan))
# What fails when it is looked at, and what holds no values of a picture's, beside malformed arrays.
ODD = MALFORMED | {
    "a class of arrays": np.ndarray,
    "a class of numbers": np.float32,
    "a class of pictures": Image.Image,
    "a proxy": Proxy(),
    "an impostor": Impostor(),
    "a path of no place": Unplaced(),
    "a released view": released(),
    "a PIL image that is not finite": Image.fromarray(NOT_FINITE),
    "a TIFF that is not finite": encode(NOT_FINITE, "TIFF"),
    "half a PIL image": Image.open(io.BytesIO(encode(DIGIT)[:-60])),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_picture_is_refused(kind):
    """It is named, alone and by its index in a list, with the cure; an array is left as it was."""
    thing = ODD[kind]
    before = thing.copy() if type(thing) is np.ndarray else None

    for call in (preprocess, explain):
        told = r"^`images?(\[0\])?` must .*; got .*\. [A-Z].*\.$"
        with pytest.raises(DigitcnnError, match=told):
            call(thing)
    with pytest.raises(DigitcnnError, match=r"`images\[1\]"):
        preprocess([DIGIT, thing])

    assert before is None or before.tobytes() == thing.tobytes()


def test_what_was_not_awaited_is_to_be_awaited():
    """An upload's `read()` without `await` gives a coroutine, which no array is made of."""

    async def read():
        return b""

    with contextlib.closing(read()) as promise:
        for thing in (promise, [promise]):
            with pytest.raises(InvalidImageError, match=r"coroutine\. Await it first"):
                preprocess(thing)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"`images\[3\]` must hold finite values; got NaN"),
        (-np.inf, r"`images\[3\]` must hold finite values; got infinity"),
        (-0.25, r"`images\[3\]` must hold floats in 0\.\.1; got values from -0\.25"),
        (1.5, r"`images\[3\]` must hold floats in 0\.\.1; got values up to 1\.5"),
    ],
)
def test_one_bad_value_in_an_array_is_named(value, message):
    """In an array too the message names the image by its index."""
    batch = np.stack([DIGIT / 255] * 5)
    batch[3, 7, 7] = value

    with pytest.raises(InvalidImageError, match=message):
        preprocess(batch)


def test_integers_of_every_width_are_checked():
    """None but those of 8 and 16 bits without a sign may reach above 255, or below 0."""
    for dtype in (np.int8, np.int16, np.uint32, np.int64, np.uint64):
        wrong = [-1] if np.dtype(dtype).kind == "i" else []
        wrong += [256] if np.dtype(dtype).itemsize > 1 else []
        for value in wrong:
            with pytest.raises(InvalidImageError, match=f"in 0..255; got values .*{value}"):
                preprocess(np.array([[0, value]], dtype))


def test_images_of_different_spans_in_one_array_are_refused():
    """An array has one span: what would do for each image alone does not for all."""
    batch = np.stack([DIGIT / 255, DIGIT.astype(float)])

    with pytest.raises(InvalidImageError, match=r"`images` must hold floats in 0\.\.1.*not whole"):
        preprocess(batch)
    assert 2 == len(preprocess(list(batch)))


NOISE = np.random.default_rng(0)
BLANK = {
    "black": np.zeros((28, 28), np.uint8),
    "one colour": np.full((50, 70, 3), (200, 100, 50), np.uint8),
    "one pixel": np.zeros((1, 1)),
    "uniform noise": NOISE.integers(0, 256, (64, 64), dtype=np.uint8),
    "normal noise": NOISE.normal(128, 20, (300, 300)).astype(np.uint8),
    "dots": NOISE.integers(0, 2, (28, 28), dtype=np.uint8) * 255,
    "no width": Image.new("L", (0, 5)),
    "no height": np.zeros((5, 0)),
    "transparent": np.dstack([DIGIT, DIGIT, DIGIT, 0 * DIGIT]),
    "a transparent file": encode(np.dstack([DIGIT, DIGIT, DIGIT, 0 * DIGIT])),
}


@pytest.mark.parametrize("kind", BLANK)
def test_a_blank_picture_holds_no_digit(kind):
    """One single gray, noise from edge to edge, no pixel or none that is visible: no digit."""
    with pytest.raises(NoDigitError, match=r"must hold (a digit|(visible )?pictures.*); got "):
        preprocess(BLANK[kind])


# Files.


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.png", r"must name existing files; got '.*nowhere\.png'"),
        (".", r"got the folder '.*'\. Pass the files in it"),
        ("pipe", "a pipe or device"),
        ("/dev/zero", "a pipe or device"),
        ("/proc/self/mem", "got '/proc/self/mem', whose read"),
        ("four.txt", "of no known format"),
        ("a\0b", "must name readable files"),
        ("x" * 5000, "must name readable files"),
    ],
    ids=["missing", "folder", "pipe", "device", "failing", "text", "no name", "long name"],
)
def test_a_path_that_leads_to_no_picture_is_named(tmp_path, monkeypatch, path, message):
    """What is missing, might block, never ends or holds no picture is refused with the cure."""
    monkeypatch.chdir(tmp_path)
    if path.startswith("/") and not Path(path).exists():
        pytest.skip("this system has no such file")
    (tmp_path / "four.txt").write_text("no picture")
    if path == "pipe":
        pytest.importorskip("fcntl", reason="POSIX has named pipes")
        os.mkfifo(path)

    with pytest.raises(ImageReadError, match=message):
        preprocess(path)


def test_a_name_that_is_no_text_is_a_path(tmp_path):
    """File names need not be UTF-8."""
    name = os.fsencode(tmp_path) + b"/four-\xff.png"
    try:
        Path(os.fsdecode(name)).write_bytes(encode(DIGIT))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")

    assert (1, 28, 28, 1) == preprocess(os.fsdecode(name)).shape


def test_an_open_file_that_gives_no_picture_is_refused(tmp_path):
    """One in text mode, one at its end and one whose read() fails have each their own message."""
    (tmp_path / "four.txt").write_text("no picture")
    spent = io.BytesIO(encode(DIGIT))
    preprocess(spent)

    class Broken:
        def read(self, size=-1):
            raise OSError(size, "the disk is on fire")

    with pytest.raises(ImageReadError, match="rewound"):
        preprocess(spent)
    with (tmp_path / "four.txt").open() as file, pytest.raises(InvalidImageError, match="'rb'"):
        preprocess(file)
    with pytest.raises(ImageReadError, match="the disk is on fire") as caught:
        preprocess(Broken())
    assert isinstance(caught.value.__cause__, OSError)


def test_a_stream_without_end_is_refused(monkeypatch):
    """What gives more than any picture holds is read no further."""
    monkeypatch.setattr("digitcnn.images.files.MAX_FILE_BYTES", 2**21)

    class Endless:
        count = 0

        def read(self, size=-1):
            self.count += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(InvalidImageError, match="must hold files of at most 2097152 bytes"):
        preprocess(stream)
    assert stream.count <= 2**22


def test_decompression_bombs_are_refused():
    """A small file of 30,000 x 30,000 pixels is refused before it is decoded."""
    with pytest.raises(InvalidImageError, match=r"of sane size; got .*attack\. Crop or"):
        preprocess(bomb(30_000))


def scan_bomb(num_scans):
    """Write a small JPEG that asks for 20,000 x 8,000 pixels to be passed over many times."""
    content = encode(np.zeros((8, 8), np.uint8), "JPEG")
    header = content.index(b"\xff\xc0") + 5
    scan = content.index(b"\xff\xda")
    size = struct.pack(">HH", 8_000, 20_000)
    return content[:header] + size + content[header + 4 : scan] + content[scan:-2] * num_scans


@pytest.mark.parametrize("num_scans", [5_000, 14])
@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
def test_a_jpeg_of_endless_scans_is_refused(num_scans):
    """A file that would be decoded for minutes is refused before it is."""
    with pytest.raises(InvalidImageError, match=f"decoded in seconds; got .* in {num_scans} scans"):
        preprocess(scan_bomb(num_scans))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_four_bytes_take_bounded_memory(mode):
    """What is made of them on the way takes less than the picture itself."""
    image = Image.new(mode, (4000, 4000), 1)
    image.paste(0, (1500, 1000, 1900, 3000))
    tracemalloc.start()
    try:
        preprocess(image)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * 4000 * 4000 * 2.5


# What the caller's own objects do.


def test_an_iterator_that_fails_is_named():
    """The error says how far it came, and is chained; one of the library's own is passed on."""

    def images(fail):
        yield from [DIGIT, DIGIT]
        fail()

    with pytest.raises(InvalidImageError, match="fails after 2 images with KeyError") as caught:
        preprocess(images(lambda: {}["the third"]))
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(NoDigitError, match="blank"):
        preprocess(images(lambda: preprocess(np.zeros((9, 9)))))


def test_a_tensor_that_fails_is_refused():
    """Tensors on a GPU, say, fail in `__array__`: the reason is passed on."""

    class OnDevice:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("call .cpu() first")

    for images in (OnDevice(), [OnDevice()]):
        with pytest.raises(InvalidImageError, match=r"OnDevice.*call \.cpu\(\) first"):
            preprocess(images)


def test_explain_takes_one_image():
    """Several images are refused, one that is wrong is called `image`."""
    with pytest.raises(InvalidImageError, match="`image` must be one picture; got list"):
        explain([DIGIT])
    with pytest.raises(InvalidImageError, match=r"`image` must hold paths.*got NoneType"):
        explain(None)
    with pytest.raises(InvalidImageError, match="`image` must hold finite values"):
        explain(np.full((9, 9), np.nan))
