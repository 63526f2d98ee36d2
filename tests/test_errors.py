"""Whatever is wrong is said by an error of the library's own, which names the item and the cure."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import itertools
import os
import pickle
import re
import struct
import threading
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from strategies import MALFORMED, encode, malformed_images, malformed_items

from digitcnn import errors, explain, preprocess
from digitcnn.errors import (
    DigitcnnError,
    ImageReadError,
    InvalidImageError,
    NoDigitError,
)
from digitcnn.synthesis import draw_digits

DIGIT = draw_digits(1, seed=3, side=60)[0][0]
FORMATS = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "JPEG2000"]


def kinds():
    """List the library's errors."""
    return [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, DigitcnnError)
    ]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_each_error_is_a_builtin_one_too(kind):
    """Each is documented and, but for the base, also what a caller would expect."""
    assert kind.__doc__
    assert kind is DigitcnnError or issubclass(kind, (ValueError, OSError, ImportError))


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_errors_travel_between_processes(kind):
    """An error comes through pickling and copying with its text and all that it is made of."""
    error = kind(argument="images", index=2, rule="hold a digit", got="none", remedy="Drop it.")
    worded = kind("It needs pooch.", remedy="Install it.")

    for each in (error, worded):
        for other in (pickle.loads(pickle.dumps(each)), copy.copy(each)):
            assert (str(other), vars(other)) == (str(each), vars(each))


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_errors_are_data(kind):
    """Each has a code of its own, and writes its text from its parts whenever it is asked."""
    error = kind(argument="images", rule="hold a digit", got="none", remedy="Drop it.")

    error.argument, error.index = "scans", 3

    assert str(error) == "`scans[3]` must hold a digit; got none. Drop it."
    assert [each.code for each in kinds()].count(error.code) == 1


def test_a_bad_item_is_told_in_parts():
    """Argument, index, code and remedy of an error in a batch are there to be read."""
    with pytest.raises(NoDigitError, match="blank picture") as caught:
        preprocess([DIGIT, np.zeros((9, 9))])
    error = caught.value

    assert (error.code, error.argument, error.index) == ("no_digit", "images", 1)
    assert error.remedy == "Give a picture with visible ink."


def test_what_was_got_is_shown_in_short():
    """Of what is long, both ends are shown, in 80 characters together."""
    name = f"{'long' * 60}.png"
    with pytest.raises(ImageReadError, match="Check the path") as caught:
        preprocess(name)

    assert len(caught.value.got) == 80
    assert re.fullmatch(r"'long.*\.\.\..*long\.png'", caught.value.got)
    assert f"got {caught.value.got}. Check" in str(caught.value)


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_no_picture_is_refused(kind):
    """Every malformed kind is refused with a message in the design's shape."""
    with pytest.raises(DigitcnnError, match=r"^`images(\[0\])?` must .*; got .*\. [A-Z].*\.$"):
        preprocess(MALFORMED[kind])


@given(malformed_images(), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_one_bad_item_is_named(malformed, position):
    """In a list the message names the item that is wrong by its index."""
    images = [DIGIT] * position + [malformed, DIGIT]

    with pytest.raises(DigitcnnError, match=rf"`images\[{position}\]"):
        preprocess(images)


@given(malformed_items(), st.integers(0, 2))
@settings(max_examples=30, deadline=None)
def test_refusing_leaves_the_input_alone(malformed, position):
    """An array that is refused is not written to."""
    before = malformed.copy()
    with pytest.raises(DigitcnnError, match="must"):
        preprocess([DIGIT] * position + [malformed])

    assert before.tobytes() == malformed.tobytes()


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


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint32, np.int64, np.uint64])
def test_integers_of_every_width_are_checked(dtype):
    """None but those of 8 and 16 bits without a sign may reach above 255, or below 0."""
    wrong = [-1] if np.dtype(dtype).kind == "i" else []
    wrong += [256] if np.dtype(dtype).itemsize > 1 else []
    for value in wrong:
        with pytest.raises(InvalidImageError, match=f"integers in 0..255; got values .*{value}"):
            preprocess(np.array([[0, value]], dtype))


def test_images_of_different_spans_in_one_array_are_refused():
    """An array has one span: what would do for each image alone does not for all."""
    batch = np.stack([DIGIT / 255, DIGIT.astype(float)])

    with pytest.raises(InvalidImageError, match=r"`images` must hold floats in 0\.\.1.*not whole"):
        preprocess(batch)
    assert 2 == len(preprocess(list(batch)))


def test_a_blank_image_in_an_array_is_named():
    """Where nothing is wrong with the values, the one without a digit is named."""
    batch = np.stack([DIGIT] * 300)
    batch[290] = 7

    with pytest.raises(NoDigitError, match=r"`images\[290\]` must hold a digit; got a blank"):
        preprocess(batch)


@pytest.mark.parametrize(
    "blank",
    [
        np.zeros((28, 28), np.uint8),
        np.full((28, 28), 255, np.uint8),
        np.full((50, 70, 3), (200, 100, 50), np.uint8),
        np.ones((300, 300)),
        np.zeros((1, 1)),
        np.zeros((40, 40), bool),
        np.full((700, 900), 0.3),
    ],
)
def test_a_blank_picture_holds_no_digit(blank):
    """One single grey, black, white or colour is nothing to read."""
    with pytest.raises(NoDigitError, match=r"must hold a digit; got a blank picture"):
        preprocess(blank)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", [28, 64, 300])
@pytest.mark.parametrize("spread", ["uniform", "normal", "faint", "binary"])
def test_noise_holds_no_digit(seed, side, spread):
    """Noise from edge to edge is nothing to read, whatever its distribution and size."""
    rng = np.random.default_rng(seed)
    noise = {
        "uniform": rng.uniform(0, 256, (side, side)),
        "normal": rng.normal(128, 40, (side, side)),
        "faint": rng.normal(230, 2, (side, side)),
        "binary": rng.integers(0, 2, (side, side)) * 255,
    }[spread]

    with pytest.raises(NoDigitError, match="must hold a digit"):
        preprocess(np.clip(noise, 0, 255).astype(np.uint8))


def test_a_transparent_picture_holds_no_digit():
    """Where nothing is visible there is nothing to read, whatever lies below."""
    rgba = np.dstack([DIGIT, DIGIT, DIGIT, 0 * DIGIT])

    with pytest.raises(NoDigitError, match="fully transparent"):
        preprocess(rgba)
    with pytest.raises(NoDigitError, match="fully transparent"):
        explain(encode(rgba))


def test_an_image_without_pixels_holds_no_digit():
    """PIL images and arrays of no height or width are refused."""
    with pytest.raises(NoDigitError, match=r"a PIL image of size \(0, 5\)"):
        preprocess(Image.new("L", (0, 5)))
    with pytest.raises(NoDigitError, match=r"an array of shape \(5, 0\)"):
        preprocess(np.zeros((5, 0)))


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_float_images_must_be_finite(value, name):
    """NaN and infinity inside a float TIFF or PIL image are refused."""
    pixels = np.where(DIGIT > 0, np.float32(value), np.float32(0))

    with pytest.raises(InvalidImageError, match=f"must hold finite values; got {name}"):
        preprocess(Image.fromarray(pixels))
    with pytest.raises(InvalidImageError, match=f"must hold finite values; got {name}"):
        preprocess(encode(pixels, "TIFF"))


# Files.


def test_a_missing_file_is_named(tmp_path):
    """The message quotes the path, and names the item in a list."""
    with pytest.raises(ImageReadError, match=r"must name existing files; got '.*nowhere\.png'"):
        preprocess(tmp_path / "nowhere.png")
    with pytest.raises(OSError, match=r"`images\[1\]` must name existing files"):
        preprocess([DIGIT, str(tmp_path / "nowhere.png")])


def test_a_folder_is_no_picture(tmp_path):
    """A folder is refused with the cure."""
    with pytest.raises(ImageReadError, match=r"got the folder '.*'\. Pass the files in it"):
        preprocess(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_no_pictures(tmp_path):
    """What might block or never end is not opened."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ImageReadError, match="a pipe or device"):
        preprocess(tmp_path / "pipe")
    with pytest.raises(ImageReadError, match="a pipe or device"):
        preprocess("/dev/zero")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file"
)
def test_an_unreadable_file_is_named(tmp_path):
    """A file without permission is refused with its path."""
    path = tmp_path / "secret.png"
    path.write_bytes(encode(DIGIT))
    path.chmod(0)

    with pytest.raises(ImageReadError, match=r"must name readable files; got .*secret\.png"):
        preprocess(path)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_an_impossible_path_is_refused(path):
    """Paths that no system takes are refused like any other."""
    with pytest.raises(ImageReadError, match="must name readable files"):
        preprocess(path)


def test_a_name_that_is_no_text_is_a_path(tmp_path):
    """File names need not be UTF-8."""
    name = os.fsencode(tmp_path) + b"/four-\xff.png"
    try:
        with open(name, "wb") as file:  # noqa: PTH123 - pathlib takes no bytes
            file.write(encode(DIGIT))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")

    assert (1, 28, 28, 1) == preprocess(os.fsdecode(name)).shape
    with pytest.raises(ImageReadError, match="no known format"):
        # Bytes are contents, not a path.
        preprocess(name)


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_truncated_files_are_refused(image_format, part):
    """A file of any format that ends too early is an ImageReadError, or all there is of a digit."""
    content = encode(DIGIT, image_format)

    try:
        assert (1, 28, 28, 1) == preprocess(content[: int(part * len(content))]).shape
    except DigitcnnError as error:
        assert "`images` must" in str(error)  # noqa: PT017 - either end is right


@pytest.mark.parametrize("image_format", FORMATS)
def test_damaged_files_never_crash(image_format):
    """Bytes overwritten anywhere in a file of any format give an answer or a DigitcnnError."""
    content = encode(DIGIT, image_format)
    rng = np.random.default_rng(len(content))
    for _ in range(40):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            damaged[place] = rng.integers(256)
        # Pillow warns of some damage before it reads on.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                preprocess(bytes(damaged))
            except DigitcnnError:
                continue


def test_a_truncated_pil_image_is_refused():
    """An image that the caller opened may fail as late as here."""
    image = Image.open(io.BytesIO(encode(DIGIT)[:-60]))

    with pytest.raises(ImageReadError, match="a PIL image, which fails with"):
        preprocess(image)


def test_a_closed_pil_image_is_refused():
    """A closed image is an ImageReadError, not a ValueError of Pillow's."""
    image = Image.open(io.BytesIO(encode(DIGIT)))
    image.close()

    with pytest.raises(ImageReadError, match="a PIL image, which fails with"):
        preprocess(image)


def test_a_text_file_is_refused(tmp_path):
    """A file opened in text mode is told from a binary one."""
    path = tmp_path / "four.png"
    path.write_text("no picture")

    with path.open(encoding="utf-8") as file, pytest.raises(InvalidImageError, match="mode 'rb'"):
        preprocess(file)
    with pytest.raises(ImageReadError, match="of no known format"):
        preprocess(path)


def test_a_spent_file_is_refused():
    """A file that stands at its end says what is wrong."""
    file = io.BytesIO(encode(DIGIT))
    preprocess(file)

    with pytest.raises(ImageReadError, match="rewound"):
        preprocess(file)


def test_a_file_that_fails_is_refused():
    """Whatever a file's own read() raises is chained to the library's error."""

    class Broken:
        def read(self, size=-1):
            raise OSError(size, "the disk is on fire")

    with pytest.raises(ImageReadError, match="the disk is on fire") as caught:
        preprocess(Broken())
    assert isinstance(caught.value.__cause__, OSError)


def test_a_stream_without_end_is_refused(monkeypatch):
    """What gives more than any picture holds is read no further."""
    monkeypatch.setattr("digitcnn.preprocessing._files.MAX_FILE_BYTES", 2**21)

    class Endless:
        count = 0

        def read(self, size=-1):
            self.count += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(InvalidImageError, match="must hold files of at most 2097152 bytes"):
        preprocess(stream)
    assert stream.count <= 2**22


def test_heic_is_refused_with_the_cure():
    """HEIC, which Pillow cannot open, is called by its name."""
    with pytest.raises(ImageReadError, match=r"HEIC.*pillow_heif\.register_heif_opener"):
        preprocess(b"\0\0\0\x18ftypheic" + bytes(100))


def test_drawing_commands_are_not_run():
    """PostScript, which Pillow hands to Ghostscript, is refused."""
    file = io.BytesIO()
    Image.fromarray(DIGIT).save(file, "EPS")

    with pytest.raises(ImageReadError, match="EPS, a format of drawing commands"):
        preprocess(file.getvalue())


def bomb(side):
    """Write a PNG that claims `side` x `side` pixels in a few bytes."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10_000)))
        + chunk(b"IEND", b"")
    )


def test_decompression_bombs_are_refused():
    """A small file of 30,000 x 30,000 pixels is refused before it is decoded."""
    with pytest.raises(InvalidImageError, match=r"of sane size; got .*attack\. Crop or"):
        preprocess(bomb(30_000))


def damaged_but_readable():
    """Give a TIFF whose EXIF is damaged, of which Pillow warns before it reads on."""
    content = bytearray(encode(DIGIT, "TIFF", dpi=(72, 72)))
    entry = content.index(struct.pack("<HHI", 282, 5, 1))  # its resolution
    content[entry + 8 : entry + 12] = struct.pack("<I", 2**31 - 1)
    return bytes(content)


def test_pillows_warnings_are_the_programs_to_filter():
    """What Pillow warns of is read past; its warnings come through, and no filter is touched."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = warnings.filters[:]
        batch = preprocess(damaged_but_readable())
        after = warnings.filters[:]

    assert (1, 28, 28, 1) == batch.shape
    assert {"PIL"} == {Path(each.filename).parent.name for each in caught}
    assert before == after


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


def test_pillows_limits_stay_as_they_were():
    """Neither Pillow's limit on pixels nor its refusal of truncated files is touched."""
    before = Image.MAX_IMAGE_PIXELS, Image.core, warnings.filters[:]
    preprocess(encode(DIGIT))

    assert before == (Image.MAX_IMAGE_PIXELS, Image.core, warnings.filters[:])


# What the caller's own objects do.


def test_an_iterator_that_fails_is_named():
    """A generator that raises half-way: the error says how far it came, and is chained."""

    def images():
        yield DIGIT
        yield DIGIT
        raise KeyError("the third")

    with pytest.raises(InvalidImageError, match="fails after 2 images with KeyError") as caught:
        preprocess(images())
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_iterators_own_refusal_stays():
    """A generator that itself runs into one of the library's errors passes it on."""

    def images():
        yield DIGIT
        preprocess(np.zeros((9, 9)))

    with pytest.raises(NoDigitError, match="blank"):
        preprocess(images())


def test_a_tensor_that_fails_is_refused():
    """Tensors on a GPU, say, fail in `__array__`: the reason is passed on."""

    class OnDevice:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("call .cpu() first")

    for images in (OnDevice(), [OnDevice()]):
        with pytest.raises(InvalidImageError, match=r"OnDevice.*call \.cpu\(\) first"):
            preprocess(images)


def test_a_path_that_is_none_is_refused():
    """Whatever an `os.PathLike` raises or gives is an ImageReadError."""

    class NoPath(os.PathLike):
        def __fspath__(self):
            return 5

    with pytest.raises(ImageReadError, match="must name readable files"):
        preprocess(NoPath())


def test_a_file_that_changes_is_read_or_refused(tmp_path):
    """While another thread truncates, grows, removes and replaces it, nothing else comes of it."""
    path, content = tmp_path / "four.png", encode(DIGIT)
    path.write_bytes(content)
    stop = threading.Event()

    def rewrite():
        for step in itertools.cycle((content[:200], b"", content * 3, None, content)):
            if stop.is_set():
                return
            path.unlink(missing_ok=True) if step is None else path.write_bytes(step)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(200):
            with contextlib.suppress(ImageReadError):
                assert (1, 28, 28, 1) == preprocess(path).shape
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("size", [(1, 1), (1, 100_000), (100_000, 1)])
@pytest.mark.parametrize("form", ["array", "PNG", "TIFF", "PIL"])
def test_threads_of_pixels_are_answered(size, form):
    """The thinnest pictures, blank and with a mark, come to an answer or to NoDigitError."""
    for mark in (0, 255):
        pixels = np.zeros(size, np.uint8)
        pixels.ravel()[len(pixels.ravel()) // 2 :][:300] = mark
        picture = {"array": pixels, "PIL": Image.fromarray(pixels)}.get(form)
        with contextlib.suppress(NoDigitError):
            preprocess(encode(pixels, form) if picture is None else picture)


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


class Shapeless:
    """An array whose shape is none."""

    shape = property(lambda self: self.nothing)

    def __array__(self, dtype=None, copy=None):
        """Give a digit."""
        return DIGIT


def released():
    """Give a view of bytes that are gone."""
    view = memoryview(encode(DIGIT))
    view.release()
    return view


HOSTILE = {
    "a class of arrays": np.ndarray,
    "a class of numbers": np.float32,
    "a class of pictures": Image.Image,
    "a proxy": Proxy(),
    "an impostor": Impostor(),
    "a path of no place": Unplaced(),
    "a released view": released(),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("function", [preprocess, explain])
def test_objects_that_fail_are_refused(kind, function):
    """Whatever an object's own code raises becomes the library's error, alone and in a list."""
    with pytest.raises(DigitcnnError, match=r"^`images?` must .*; got .*\. [A-Z].*\.$"):
        function(HOSTILE[kind])
    with pytest.raises(DigitcnnError, match=r"^`images\[0\]` must .*; got .*\. [A-Z].*\.$"):
        preprocess([HOSTILE[kind]])


def test_an_array_that_cannot_say_its_shape_is_asked_for_its_values():
    """Where `shape` fails, `__array__` decides."""
    np.testing.assert_array_equal(preprocess(Shapeless()), preprocess(DIGIT))


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs Linux's /proc")  # noqa: PTH110
def test_a_file_that_cannot_be_read_is_named():
    """An error while reading names the path, not only what went wrong."""
    with pytest.raises(ImageReadError, match="got '/proc/self/mem', whose read"):
        preprocess("/proc/self/mem")


def test_explain_takes_one_image():
    """Several images are refused, one that is wrong is called `image`."""
    with pytest.raises(InvalidImageError, match="`image` must be one picture; got list"):
        explain([DIGIT])
    with pytest.raises(InvalidImageError, match=r"`image` must hold paths.*got NoneType"):
        explain(None)
    with pytest.raises(InvalidImageError, match="`image` must hold finite values"):
        explain(np.full((9, 9), np.nan))
