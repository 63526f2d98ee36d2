"""Labelled digits in the files that data sets come in: IDX, tables of numbers, NumPy's archives."""

from __future__ import annotations

import bz2
import gzip
import math
import os
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from digitcnn.errors import CorruptFileError, UnavailableError

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

_TYPE_UINT8 = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 20
_OPENERS = {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress}
_LABEL_COLUMNS = ("label", "class", "digit", "target", "y")
_PEN_SCALE, _PEN_MARGIN, _PEN_WIDTH = 100, 20, 9  # pendigits' own, and what we draw it with
_NPZ_NAMES = (("x_{part}", "y_{part}"), ("images", "labels"), ("x", "y"), ("X", "y"))


def _unreadable(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        argument="path",
        rule="be a file that can be read",
        got=path,
        reason=f"which fails with: {error.strerror or error}",
        remedy="Check the path and its permissions.",
    )


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    """Read an array of bytes from a file in the IDX format, gzipped or plain.

    Parameters
    ----------
    path : path
        The file, such as `train-images-idx3-ubyte.gz`.

    Returns
    -------
    array : ndarray of uint8
        In the shape that the file states.

    Raises
    ------
    CorruptFileError
        If it is no IDX file of unsigned bytes, or holds fewer or more than it states.
    UnavailableError
        If it cannot be opened.

    References
    ----------
    .. [1] LeCun, Cortes, Burges, The MNIST database. http://yann.lecun.com/exdb/mnist/
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            is_packed = stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        with gzip.open(path) if is_packed else path.open("rb") as stream:
            return _parse_idx(path, cast(IO[bytes], stream))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _no_idx(path, f"damaged gzip data: {error}") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _parse_idx(path: Path, stream: IO[bytes]) -> npt.NDArray[np.uint8]:
    """Read the magic number, the sizes of the axes, then exactly as many bytes."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[3] == 0:
        raise _no_idx(path, f"the magic number {magic.hex() or 'of an empty file'}")
    if magic[2] != _TYPE_UINT8:
        raise _no_idx(path, f"values of type 0x{magic[2]:02x}")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise _no_idx(path, f"{len(header)} bytes of sizes for {magic[3]} axes")
    shape = tuple(int(side) for side in np.frombuffer(header, ">u4"))
    size = math.prod(shape)
    values = _read_up_to(stream, size)
    if len(values) < size:
        raise _no_idx(path, f"{len(values)} bytes of values instead of {size}")
    if stream.read(1):
        raise _no_idx(path, f"more than the {size} bytes of values that it states")
    try:
        return np.frombuffer(values, np.uint8).reshape(shape)
    except ValueError as error:
        raise _no_idx(path, f"a shape that no array has: {error}") from error


def _read_up_to(stream: IO[bytes], size: int) -> bytearray:
    """Read in pieces: a false size must not reserve memory that the file cannot fill."""
    values = bytearray()
    while len(values) < size:
        chunk = stream.read(min(size - len(values), _CHUNK_BYTES))
        if not chunk:
            break
        values += chunk
    return values


def _no_idx(path: Path, what: str) -> CorruptFileError:
    return CorruptFileError(
        argument="path",
        rule="be an IDX file of unsigned bytes",
        got=f"{what} in {path}",
        remedy="Fetch it again.",
    )


def read_table(path: Path) -> tuple[Images, Labels]:
    """Read a table of text: a row for each digit, with its label and its values.

    Known by the number of columns: 785 are MNIST's as Kaggle and others have it, 257 or LIBSVM's
    `index:value` USPS, 65 UCI's optdigits, 17 its pendigits, whose strokes are drawn.
    """
    text = _read_text(path)
    lines = text.splitlines()
    try:
        if ":" in lines[0]:
            return _sparse(lines)
        names = [name.strip(" \"'").lower() for name in re.split("[,;\t ]+", lines[0].strip())]
        has_names = any(re.search("[a-df-z]", name) for name in names)
        rows = np.loadtxt(
            (re.sub("[,;\t]+", " ", line) for line in lines[has_names:]), np.float64, ndmin=2
        )
        return _dense(rows, names if has_names else [])
    except (ValueError, IndexError, OverflowError) as error:
        raise CorruptFileError(
            argument="path",
            rule="be a table with a label and 16, 64, 256 or 784 values to a row",
            got=path,
            reason=f"of which is said: {' '.join(str(error).split())}",
            remedy="Pass images and labels as arrays instead.",
        ) from error


def _read_text(path: Path) -> str:
    """Read a text file, packed or plain."""
    try:
        content = path.read_bytes()
        return _OPENERS.get(content[:2], bytes)(content).decode("utf-8-sig")
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise CorruptFileError(
            argument="path",
            rule="be a text file, plain or packed by gzip or bzip2",
            got=path,
            reason=f"which fails with: {error}",
            remedy="Write images and labels together, by numpy.savez."
            if path.suffix == ".npy"
            else "Fetch it again.",
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _dense(rows: npt.NDArray[np.float64], names: list[str]) -> tuple[Images, Labels]:
    """Part rows of all values, whose first or last is the label."""
    if not np.isfinite(rows).all():
        raise ValueError("a value is missing or infinite")
    width = rows.shape[1] - 1
    named = [index for index, name in enumerate(names) if name in _LABEL_COLUMNS]
    if names and not named:
        raise ValueError(
            f"no column is called {', '.join(_LABEL_COLUMNS)}; "
            "`digitcnn bulk` reads images without labels"
        )
    # UCI writes the label last.
    column = named[0] if named else width if width in (16, 64) else 0
    values = np.delete(rows, column, axis=1)
    labels = _as_digits(rows[:, column])
    if width == 16:
        return _drawn(values), labels
    return _as_images(values), labels


def _sparse(lines: list[str]) -> tuple[Images, Labels]:
    """Read LIBSVM's rows: a label, then `index:value`, indices from 1, zeros left out."""
    cells = [line.split() for line in lines if line.strip()]
    labels = np.array([float(row[0]) for row in cells])
    pairs = [[pair.split(":") for pair in row[1:]] for row in cells]
    last = max(int(index) for row in pairs for index, _ in row)
    values = np.zeros((len(cells), 256 if last <= 256 else 784))
    for row, filled in zip(values, pairs, strict=True):
        for index, value in filled:
            row[int(index) - 1] = float(value)
    # Of USPS the digits are written 1 to 10.
    return _as_images(values), _as_digits(labels - 1 if labels.max() == 10 else labels)


def _as_digits(labels: npt.NDArray[np.float64]) -> Labels:
    """Refuse labels that are no digits."""
    wrong = np.flatnonzero(~np.isin(labels, range(10)))
    if wrong.size:
        raise ValueError(f"the label of row {wrong[0] + 1} is {labels[wrong[0]]:g}")
    return labels.astype(np.int64)


def _as_images(values: npt.NDArray[np.float64]) -> Images:
    """Make square images of rows that go from -1 to 1, 0 to 1, 0 to 16 or 0 to 255."""
    side = round(values.shape[1] ** 0.5)
    if side**2 != values.shape[1] or side not in (8, 16, 28):
        raise ValueError(f"rows hold {values.shape[1]} values")
    least, greatest = values.min(), values.max()
    low = -1 if least < 0 else 0
    high = next(top for top in (1, 16, 255, np.inf) if greatest <= top)
    if least < low or high == np.inf:
        raise ValueError(f"values go from {least:g} to {greatest:g}")
    scaled = (values - low) * (255 / (high - low))
    return np.rint(scaled).astype(np.uint8).reshape(-1, side, side)


def _drawn(points: npt.NDArray[np.float64]) -> Images:
    """Draw pens' ways of eight points each, x and y from 0 to 100, y upwards."""
    if points.min() < 0 or points.max() > _PEN_SCALE:
        raise ValueError(f"points go from {points.min():g} to {points.max():g}")
    side = _PEN_SCALE + 2 * _PEN_MARGIN
    pictures = np.empty((len(points), side, side), np.uint8)
    for picture, way in zip(pictures, points.reshape(len(points), -1, 2), strict=True):
        canvas = Image.new("L", (side, side))
        line = [(_PEN_MARGIN + x, side - 1 - _PEN_MARGIN - y) for x, y in way.tolist()]
        ImageDraw.Draw(canvas).line(line, fill=255, width=_PEN_WIDTH, joint="curve")
        picture[...] = np.asarray(canvas)
    return pictures


def read_npz(path: Path, part: str) -> tuple[Any, Any]:
    """Read images and labels from a NumPy archive, Keras' `mnist.npz` or one of the same kind."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            for names in _NPZ_NAMES:
                images, labels = (name.format(part=part) for name in names)
                if images in stored and labels in stored:
                    return stored[images], stored[labels]
            reason = f"which holds {', '.join(stored.files) or 'nothing'}"
    except (ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        reason = f"which fails with: {error}"
    except OSError as error:
        raise _unreadable(path, error) from error
    raise CorruptFileError(
        argument="path",
        rule=f"be a NumPy archive that holds x_{part} and y_{part}, images and labels, or x and y",
        got=path,
        reason=reason,
        remedy="Write one with numpy.savez(path, images=images, labels=labels).",
    )
