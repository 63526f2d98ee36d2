"""Picture files: their bytes, read once and in bounded measure, and what Pillow makes of them."""

from __future__ import annotations

import binascii
import contextlib
import io
import math
import os
import stat
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from digitcnn.errors import DigitcnnError, ImageReadError, InvalidImageError

# Larger than any picture that Pillow's own limit on pixels lets through uncompressed.
MAX_FILE_BYTES = 2**30
_READ_BYTES = 2**20
_TABLE_BYTES = 2**14  # of a file, in which a row of a table lies
_FEWEST_CHARACTERS = 30  # of such a row: 17 numbers and what parts them

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Pillow hands these to an external program or to the operating system, which run what they say.
_PROGRAM_FORMATS = ("EPS", "WMF")
# Each scan of a progressive JPEG goes over all its pixels; programs write a dozen of them. So many
# pixels, counted once for each scan, take some seconds.
_SCAN_MARKER = b"\xff\xda"
_MOST_SCANNED_PIXELS = 2**31
# How the files of PNG, JPEG, GIF, WebP and BMP begin when they are written in base64.
_BASE64_STARTS = ("iVBORw0K", "/9j/", "R0lGOD", "UklGR", "Qk0")
# How other files begin that people have in place of a picture: what they are, and their cure.
_OTHER_KINDS = (
    (b"%PDF", "a PDF", "Save its pages as PNG, with `pdftoppm -r 200 -png` for one."),
    (b"<!DOCTYPE HTML", "a web page", "Check what address it was fetched from."),
    (b"<HTML", "a web page", "Check what address it was fetched from."),
    (b"<SVG", "SVG, lines and no pixels", "Save it as PNG."),
    (b"<?XML", "XML", "Save it as PNG, if it is SVG."),
    (b"PK\x03\x04", "an archive or an office document", "Take the pictures out of it."),
)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def read_path(path: str | os.PathLike[Any]) -> bytes:
    """Read a file that a path names; folders, pipes and devices are none.

    Raises
    ------
    ImageReadError
        If there is no such regular file, or it cannot be read.
    """
    name: Any = f"a {type(path).__name__}"
    try:
        name = os.fspath(path)
        if isinstance(name, str):
            if name.startswith("data:"):
                return decode_data_url(name)
            if name.startswith("~") and not os.path.lexists(name):
                name = os.path.expanduser(name)  # noqa: PTH111 - as below
        _refuse_irregular(name)
        with open(name, "rb") as file:  # noqa: PTH123 - `path` may be any os.PathLike, of bytes too
            return read_file(file, repr(name))
    except FileNotFoundError as error:
        raise ImageReadError(
            argument="images", rule="name existing files", got=repr(name), remedy=_cure_of(name)
        ) from error
    except DigitcnnError:
        raise
    # OSError; ValueError for an embedded null byte; and whatever a caller's own __fspath__ raises.
    except Exception as error:
        said = getattr(error, "strerror", None) or error  # without the name, which may be long
        raise ImageReadError(
            argument="images",
            rule="name readable files",
            got=repr(name),
            reason=f"which fails with: {said}",
            remedy=_cure_of(name, "Check the path and its permissions."),
        ) from error


def _cure_of(name: str | bytes, otherwise: str = "Check the path.") -> str:
    """Return how to read what a text that names no file may stand for."""
    text = os.fsdecode(name)
    if text.startswith(_BASE64_STARTS):
        return "If it is a picture in base64, pass base64.b64decode(text)."
    scheme, is_address, _ = text.partition(":/")  # one slash: pathlib leaves no more
    if is_address and scheme.isalnum() and len(scheme) > 1:  # C:/ is a drive
        return "Fetch it first, as by urllib.request.urlopen(address).read(), and pass the bytes."
    return otherwise


def decode_data_url(url: str) -> bytes:
    """Return the bytes that a data URL holds, as web pages and canvases send pictures.

    Raises
    ------
    ImageReadError
        If it is not in base64, or not whole.
    """
    head, _, body = url.partition(",")
    reason = "which is not in base64"
    if head.endswith(";base64"):
        try:
            # A form that was sent without escapes has its + turned into spaces.
            return binascii.a2b_base64(body.replace(" ", "+") + "==")
        except ValueError as error:
            reason = f"which fails with: {error}"
    raise ImageReadError(
        argument="images",
        rule="hold data URLs in base64",
        got=repr(url),
        reason=reason,
        remedy="Pass all of what canvas.toDataURL() gives, or the decoded bytes.",
    )


def _refuse_irregular(name: str | bytes) -> None:
    """Refuse folders, pipes and devices."""
    mode = os.stat(name).st_mode  # noqa: PTH116 - as above
    if stat.S_ISDIR(mode):
        raise ImageReadError(
            argument="images",
            rule="name picture files",
            got=f"the folder {name!r}",
            remedy="Pass the files in it.",
        )
    # A pipe would block, a device might never end.
    if not stat.S_ISREG(mode):
        raise ImageReadError(
            argument="images",
            rule="name regular files",
            got=repr(name),
            reason="which is a pipe or device",
            remedy="Open it in mode 'rb' and pass that.",
        )


def read_file(file: Any, name: str = "an open file") -> bytes:
    """Read an open binary file to its end.

    Parameters
    ----------
    file : binary file
        Whatever has a `read` that takes a number of bytes.
    name : str
        What to call it in messages.

    Raises
    ------
    InvalidImageError
        If it gives text, or more than any picture holds.
    ImageReadError
        If reading fails.
    """
    content = io.BytesIO()  # gives its bytes without a copy
    while content.tell() <= MAX_FILE_BYTES:
        try:
            part = file.read(_READ_BYTES)
        # Whatever a caller's own file object raises.
        except Exception as error:
            raise ImageReadError(
                argument="images",
                rule="hold readable files",
                got=name,
                reason=f"whose read() fails with: {error}",
                remedy="Check that it is open for reading.",
            ) from error
        if hasattr(part, "__await__"):
            return _read_behind(file, part)
        if not isinstance(part, bytes | bytearray | memoryview):
            raise InvalidImageError(
                argument="images",
                rule="hold binary files",
                got=name,
                reason=f"whose read() gives {type(part).__name__}",
                remedy="Open it in mode 'rb'.",
            )
        if not part:
            return content.getvalue()
        content.write(part)
    raise InvalidImageError(
        argument="images",
        rule=f"hold files of at most {MAX_FILE_BYTES} bytes",
        got="more",
        remedy="Crop or shrink the picture first.",
    )


def _read_behind(file: Any, promise: Any) -> bytes:
    """Read the file that an asynchronous upload, as FastAPI's, holds open."""
    if hasattr(promise, "close"):
        promise.close()  # else Python warns that nobody awaited it
    if hasattr(file, "file"):
        return read_file(file.file, f"the file of a {type(file).__name__}")
    raise InvalidImageError(
        argument="images",
        rule="hold binary files",
        got=type(file).__name__,
        reason="whose read() must be awaited",
        remedy="Pass the bytes: await it first.",
    )


@contextlib.contextmanager
def opened(content: bytes, name: str) -> Iterator[Image.Image]:
    """Open an encoded picture; whatever fails until the block ends names the file.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        What to call it in messages.
    """
    if not content:
        raise ImageReadError(
            argument="images",
            rule="hold encoded pictures",
            got=name,
            reason="which is empty",
            remedy="Check where it comes from; a file that was just written must be rewound.",
        )
    try:
        with _open(content) as image:
            _refuse_program(image, name)
            _refuse_scans(image, content, name)
            with reading(name):
                yield image
    except UnidentifiedImageError as error:
        raise _unidentified(content, name) from error
    except DigitcnnError:
        raise
    except Image.DecompressionBombError as error:
        raise InvalidImageError(
            argument="images",
            rule="hold pictures of sane size",
            got=name,
            reason=f"of which Pillow says: {error}",
            remedy="Crop or shrink it first.",
        ) from error
    # Pillow's plugins raise many kinds on damaged headers.
    except Exception as error:
        raise _damaged(name, error) from error


def _open(content: bytes) -> Image.Image:
    """Open a picture; a sound PNG of sane size by its own plugin.

    `Image.open` loads five plugins first, and what they import: in a new process that takes as long
    as all that comes after. Whatever it would refuse, it refuses here too.
    """
    if content.startswith(_PNG_SIGNATURE):
        from PIL.PngImagePlugin import PngImageFile

        with contextlib.suppress(Exception):
            image = PngImageFile(io.BytesIO(content))
            if image.width * image.height <= (Image.MAX_IMAGE_PIXELS or math.inf):
                return image
    return Image.open(io.BytesIO(content))


def _refuse_program(image: Image.Image, name: str) -> None:
    """Refuse formats whose decoding runs what they say."""
    if image.format in _PROGRAM_FORMATS:
        raise ImageReadError(
            argument="images",
            rule="hold pixels",
            got=name,
            reason=f"which is {image.format}, a format of drawing commands",
            remedy="Save it as PNG.",
        )


def _refuse_scans(image: Image.Image, content: bytes, name: str) -> None:
    """Refuse a JPEG of so many pixels, passed over so often, that decoding it takes minutes."""
    if image.format not in ("JPEG", "MPO"):
        return
    num_scans = _count_pairs(content, _SCAN_MARKER)
    if num_scans * image.width * image.height > _MOST_SCANNED_PIXELS:
        raise InvalidImageError(
            argument="images",
            rule="hold pictures that can be decoded in seconds",
            got=name,
            reason=f"a JPEG of {image.width} x {image.height} pixels in {num_scans} scans",
            remedy="Save it again as PNG.",
        )


def _count_pairs(content: bytes, pair: bytes) -> int:
    """Count a pair of bytes, in a fifth of the time that `bytes.count` takes for a photo."""
    values = np.frombuffer(content, np.uint8)
    first = np.flatnonzero(values[:-1] == pair[0])
    return int(np.count_nonzero(values[first + 1] == pair[1]))


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises while it decodes into an error that names the picture."""
    try:
        yield
    except DigitcnnError:
        raise
    # SyntaxError, ValueError, struct.error, IndexError, zlib.error, MemoryError and more.
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ImageReadError:
    """Return the error that a picture cannot be decoded."""
    return ImageReadError(
        argument="images",
        rule="hold readable pictures",
        got=name,
        reason=f"which fails with: {str(error).rstrip('.') or type(error).__name__}",
        remedy="Open it in an image viewer and save it again as PNG.",
    )


def _unidentified(content: bytes, name: str) -> ImageReadError:
    """Return why Pillow does not know a file, with its cure if it is of a kind that has one."""
    reason = "which is of no known format or damaged at its start"
    remedy = "Save it as PNG or JPEG."
    if content.startswith(tuple(start.encode() for start in _BASE64_STARTS)):
        reason = "which looks like base64"
        remedy = "Pass base64.b64decode() of it."
    elif _is_table(content):
        reason = "which looks like a table of numbers"
        remedy = (
            "`digitcnn bulk` reads its rows; datasets.load_file() gives the images and labels in "
            "it, and `digitcnn evaluate --dataset FILE` measures on them."
        )
    elif content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        reason = "which is HEIC or AVIF"
        remedy = (
            "Save it as JPEG or PNG, or install pillow-heif and call "
            "pillow_heif.register_heif_opener()."
        )
    elif content[4:8] == b"ftyp":
        reason, remedy = "which is a video", "Save one of its frames as PNG."
    beginning = content[:_TABLE_BYTES].lstrip().upper()
    for start, kind, cure in _OTHER_KINDS:
        if beginning.startswith(start):
            reason, remedy = f"which is {kind}", cure
    return ImageReadError(
        argument="images",
        rule="hold pictures that Pillow can open",
        got=name,
        reason=reason,
        remedy=remedy,
    )


def _is_table(content: bytes) -> bool:
    """Recognize a table of text, such as CSV, by its second line, as the first may hold names."""
    lines = content[:_TABLE_BYTES].splitlines()
    row = lines[min(1, len(lines) - 1)] if lines else b""
    return len(row) > _FEWEST_CHARACTERS and not row.strip(b'0123456789.,;:+-eE\t "')
