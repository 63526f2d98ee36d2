"""Pictures in the forms in which people have them are read alike, or the message names the cure."""

from __future__ import annotations

import base64
import gc
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from strategies import encode

import digitcnn
from digitcnn import preprocess
from digitcnn.errors import DigitcnnError, ImageReadError
from digitcnn.synthesis import draw_digits

(SEVEN,), _ = draw_digits(1, seed=5, digits=[7], side=60)
FILE = encode(SEVEN)
TEXT = base64.b64encode(FILE).decode()
SMALL = np.round(preprocess(SEVEN)[0, :, :, 0] * 255).astype(np.uint8)
DRAWN = np.round(preprocess(draw_digits(40, seed=1)[0])[..., 0] * 255).astype(np.uint8)
ROWS, LABELS = DRAWN.reshape(40, -1), np.arange(40)[:, None] % 10
DIGITS = (DRAWN[:, 2:26:3, 2:26:3] // 16).reshape(40, 64).astype(float)


class Upload:
    """What FastAPI passes for an uploaded file."""

    def __init__(self, content):
        self.file = io.BytesIO(content)

    async def read(self, size=-1):
        """Return the content, to who awaits it."""
        return self.file.read(size)


class Promise:
    """A file that can be read by awaiting it alone."""

    async def read(self, _size=-1):
        """Return nothing."""
        return b""


ONE = {
    "a masked array": lambda: np.ma.masked_array(SMALL, SMALL == 0),
    "a matrix": lambda: np.asmatrix(SMALL),
    "grey with opacity": lambda: np.asarray(Image.fromarray(SEVEN).convert("LA")),
    "a data URL": lambda: f"data:image/png;base64,{TEXT}",
    "a data URL sent as a form": lambda: f"data:image/png;base64,{TEXT.replace('+', ' ')}",
    "the bytes of a data URL": f"data:image/png;base64,{TEXT}".encode,
    "an asynchronous upload": lambda: Upload(FILE),
    "an editor's dict": lambda: {"background": None, "layers": [], "composite": SEVEN},
    "a canvas's result": lambda: SimpleNamespace(image_data=SEVEN, json_data=None),
    "a path from home": lambda: "~/seven.png",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Make a home with a picture in it."""
    (tmp_path / "seven.png").write_bytes(FILE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("form", ONE)
def test_one_picture_is_read_in_every_form(form):
    """Each function gives for one picture what it gives for the same as an array."""
    same = SMALL if form in ("a masked array", "a matrix") else SEVEN

    assert digitcnn.predict(ONE[form]()) == 7
    assert np.array_equal(digitcnn.predict_proba(ONE[form]()), digitcnn.predict_proba(same))
    assert np.array_equal(preprocess(ONE[form]()), preprocess(same))
    assert repr(digitcnn.read(ONE[form]())) == repr(digitcnn.read(same))


MANY = {
    "a column of objects": lambda: np.array([FILE, SEVEN, "~/seven.png"], object),
    "a column of paths": lambda: np.array(["~/seven.png"] * 3),
    "batches": lambda: iter([np.stack([SEVEN] * 2), np.stack([SEVEN])]),
    "a masked batch": lambda: np.ma.masked_array(np.stack([SEVEN] * 2 + [SEVEN[::-1]])),
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("form", MANY)
def test_many_pictures_are_read_in_every_form(form):
    """Columns of a table and batches one after another are as many pictures as they hold."""
    assert digitcnn.predict(MANY[form]())[:2].tolist() == [7, 7]
    assert digitcnn.predict_proba(MANY[form]()).shape == (3, 10)
    assert len(preprocess(MANY[form]())) == 3
    assert [reading.text for reading in digitcnn.read(MANY[form]())][:2] == ["7", "7"]


REFUSED = {
    "rows of 784": (ROWS, r"flattened images of 28 x 28\. Pass .*\(images\)\.reshape"),
    "a row of 785": (np.hstack([LABELS, ROWS])[:1], r"labels\. Pass .*\[:, 1:\]\.reshape"),
    "rows of 785": (np.hstack([LABELS, ROWS]), r"labels\. Pass .*\[:, 1:\]\.reshape"),
    "rows of 786": (np.hstack([LABELS, LABELS, ROWS]), r"\[:, 2:\]\.reshape"),
    "columns of 784": (ROWS.T, r"Pass numpy\.asarray\(images\)\.T\.reshape"),
    "rows of 64": (DIGITS, r"images of 8 x 8\. Pass .*\.reshape\(-1, 8, 8\) / 16"),
    "rows of 65": (np.hstack([DIGITS, LABELS]), r"\[:, :-1\]\.reshape\(-1, 8, 8\) / 16"),
    "a value too many": (np.append(7, ROWS[0]), r"\[1:\]\.reshape\(-1, 28, 28\)"),
    "channels first": (np.stack([SEVEN] * 3) / 255, r"one picture\. Call numpy\.moveaxis"),
    "colours first": (
        np.stack([255 - SEVEN, 255 - SEVEN // 2, 0 * SEVEN + 255]),
        r"one picture\. Call numpy\.moveaxis",
    ),
    "base64": (TEXT, r"pass base64\.b64decode\(text\)"),
    "the bytes of base64": (TEXT.encode(), r"looks like base64\. Pass base64\.b64decode\(\)"),
    "half a data URL": ("data:image/png;base64,iVBOR", r"Pass all of what canvas\.toDataURL"),
    "another data URL": ("data:image/svg+xml,%3Csvg/%3E", r"not in base64\. Pass all"),
    "an address": ("https://example.com/seven.png", r"Fetch it first, as by urllib"),
    "a bucket": ("s3://digits/seven.png", r"Fetch it first, as by urllib"),
    "a file to await": (Promise(), r"must be awaited\. Pass the bytes: await it first"),
    "an empty editor": ({"composite": None}, r"canvas with nothing on it"),
    "an empty canvas": (SimpleNamespace(image_data=None), r"canvas with nothing on it"),
    "pairs with labels": ([(SEVEN, 7)], r"images\[0\].* got tuple\. .*pass the images"),
    "numbers in lists": (SEVEN.tolist(), r"numbers in lists, pass numpy\.asarray of the whole"),
    "pictures in lists": (SMALL[None].tolist(), r"numbers in lists, pass numpy\.asarray"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(100), r"HEIC.*pillow_heif\.register_heif_opener"),
    "PostScript": (encode(SEVEN, "EPS"), "EPS, a format of drawing commands"),
    "PDF": (encode(SEVEN, "PDF"), "a PDF. Save its pages as PNG"),
    "a web page": (b"\n<!doctype html><html><body>404</body></html>", "a web page. Check what"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG, lines and no pixels"),
    "office": (b"PK\3\4" + bytes(100), "an office document. Take the pictures out"),
    "a video": (b"\0\0\0\x20ftypisom" + bytes(100), "a video. Save one of its frames"),
    "a name": (b"four.png", "no known format"),
    "a table as a file": (b"label,pixel0\n" + b"7,0,0,255," * 20, r"datasets\.load_file\(\) gives"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_only_looks_like_a_picture_is_refused(form):
    """The message says what it seems to be, and how to put it right, in few words."""
    images, cure = REFUSED[form]
    for function in (digitcnn.predict, digitcnn.predict_proba, preprocess, digitcnn.read):
        if function is digitcnn.read and form.startswith("an empty"):
            assert not digitcnn.read(images).text
            continue
        with pytest.raises(DigitcnnError, match=cure) as caught:
            function(images)
        assert len(str(caught.value)) < 400
    gc.collect()  # a coroutine that nobody awaits warns when it goes


def test_a_picture_as_wide_as_a_table_is_read():
    """Only what holds a digit in each row is a table, and three gray pictures are no colour one."""
    for height, width in ((300, 784), (90, 785), (784, 120), (64, 64)):
        side = min(height, width)
        page = np.zeros((height, width), np.uint8)
        top, left = (height - side) // 2, (width - side) // 2
        page[top : top + side, left : left + side] = Image.fromarray(SEVEN).resize((side, side))
        assert digitcnn.predict(page) == 7
    assert len(preprocess(DRAWN[:3])) == len(preprocess([SEVEN] * 3)) == 3


def test_a_picture_whose_file_is_closed_says_so(tmp_path):
    """A PIL image that was opened in a `with` and not loaded in it has its own cure."""
    (tmp_path / "seven.png").write_bytes(FILE)
    with Image.open(tmp_path / "seven.png") as closed:
        pass
    emptied = Image.new("L", (9, 9))
    emptied.close()

    for image in (closed, emptied):
        with pytest.raises(ImageReadError, match=r"load\(\) before its file is closed"):
            preprocess(image)


@pytest.mark.parametrize("start", ["", "data:image/png;base64,", "/9j/", "a\0b"])
def test_no_message_repeats_a_long_text(start):
    """Whatever text is passed for a picture, its message stays short."""
    for images in (start + "A" * 800_000, [(start + "A" * 800_000).encode()]):
        with pytest.raises(DigitcnnError, match="must") as caught:
            preprocess(images)
        assert len(caught.value.got) <= 80
        assert "A" * 80 not in str(caught.value)
