"""The IDX format, in which MNIST was published."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from digitcnn._downloads import AnyPath
from digitcnn.errors import CorruptFileError, UnavailableError

_TYPE_UINT8 = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 20


def read_idx(path: AnyPath) -> npt.NDArray[np.uint8]:
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
        raise UnavailableError(
            argument="path",
            rule="be a file that can be read",
            got=path,
            reason=f"which fails with: {error.strerror or error}",
            remedy="Check the path and its permissions.",
        ) from error


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
