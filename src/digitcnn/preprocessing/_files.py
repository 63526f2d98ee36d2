"""Picture files: their bytes, read once and in bounded measure, and what Pillow makes of them."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from typing import Any

from PIL import Image, UnidentifiedImageError

from digitcnn.errors import DigitcnnError, ImageReadError, InvalidImageError

# Larger than any picture that Pillow's own limit on pixels lets through uncompressed.
MAX_FILE_BYTES = 2**30
_READ_BYTES = 2**20

# Pillow hands these to an external program or to the operating system, which run what they say.
_PROGRAM_FORMATS = ("EPS", "WMF")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def read_path(path: str | os.PathLike[Any]) -> bytes:
    """Read a file that a path names; folders, pipes and devices are none.

    Raises
    ------
    ImageReadError
        If there is no such regular file, or it cannot be read.
    """
    try:
        name = os.fspath(path)
        mode = os.stat(name).st_mode  # noqa: PTH116 - `path` may be any os.PathLike, of bytes too
        if stat.S_ISDIR(mode):
            raise ImageReadError(
                f"`images` must name picture files; got the folder {name!r}. Pass the files in it."
            )
        # A pipe would block, a device might never end.
        if not stat.S_ISREG(mode):
            raise ImageReadError(
                f"`images` must name regular files; got {name!r}, a pipe or device. "
                "Open it in mode 'rb' and pass that."
            )
        with open(name, "rb") as file:  # noqa: PTH123 - as above
            return read_file(file)
    except FileNotFoundError as error:
        raise ImageReadError(
            f"`images` must name existing files; got {name!r}. Check the path."
        ) from error
    except DigitcnnError:
        raise
    # ValueError: an embedded null byte; TypeError: a __fspath__ that gives no path.
    except (OSError, ValueError, TypeError) as error:
        raise ImageReadError(
            f"`images` must name readable files; got {path!r}, which fails with: {error}. "
            "Check the path and its permissions."
        ) from error


def read_file(file: Any) -> bytes:
    """Read an open binary file to its end.

    Raises
    ------
    InvalidImageError
        If it gives text, or more than any picture holds.
    ImageReadError
        If reading fails.
    """
    content = bytearray()
    while len(content) <= MAX_FILE_BYTES:
        try:
            part = file.read(_READ_BYTES)
        # Whatever a caller's own file object raises.
        except Exception as error:
            raise ImageReadError(
                f"`images` must hold readable files; got one whose read() fails with: {error}. "
                "Check that it is open for reading."
            ) from error
        if not isinstance(part, bytes | bytearray | memoryview):
            raise InvalidImageError(
                "`images` must hold binary files; got one whose read() gives "
                f"{type(part).__name__}. Open it in mode 'rb'."
            )
        if not part:
            return bytes(content)
        content += part
    raise InvalidImageError(
        f"`images` must hold files of at most {MAX_FILE_BYTES} bytes; got more. "
        "Crop or shrink the picture first."
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
            f"`images` must hold encoded pictures; got {name}, which is empty. "
            "Check where it comes from; a file that was just written must be rewound."
        )
    try:
        with Image.open(io.BytesIO(content)) as image:
            _refuse_program(image, name)
            with reading(name):
                yield image
    except UnidentifiedImageError as error:
        raise ImageReadError(_unidentified(content, name)) from error
    except DigitcnnError:
        raise
    # A warning is raised where the caller made errors of warnings.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImageError(
            f"`images` must hold pictures of sane size; got {name}: {error}. "
            "Crop or shrink it first."
        ) from error
    # Pillow's plugins raise many kinds on damaged headers.
    except Exception as error:
        raise ImageReadError(_damaged(name, error)) from error


def _refuse_program(image: Image.Image, name: str) -> None:
    """Refuse formats whose decoding runs what they say."""
    if image.format in _PROGRAM_FORMATS:
        raise ImageReadError(
            f"`images` must hold pixels; got {name}, which is {image.format}, a format of "
            "drawing commands. Save it as PNG."
        )


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises while it decodes into an error that names the picture."""
    try:
        yield
    except DigitcnnError:
        raise
    # SyntaxError, ValueError, struct.error, IndexError, zlib.error, MemoryError and more.
    except Exception as error:
        raise ImageReadError(_damaged(name, error)) from error


def _damaged(name: str, error: Exception) -> str:
    """Say that a picture cannot be decoded."""
    reason = str(error) or type(error).__name__
    return (
        f"`images` must hold readable pictures; got {name}, which fails with: {reason}. "
        "Open it in an image viewer and save it again as PNG."
    )


def _unidentified(content: bytes, name: str) -> str:
    """Say why Pillow does not know a file: HEIC has a cure, the rest is no picture."""
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        return (
            f"`images` must hold pictures that Pillow can open; got {name}, which is HEIC or AVIF. "
            "Save it as JPEG or PNG, or install pillow-heif and call "
            "pillow_heif.register_heif_opener()."
        )
    return (
        f"`images` must hold pictures that Pillow can open; got {name}, which is of no known "
        "format or damaged at its start. Save it as PNG or JPEG."
    )
