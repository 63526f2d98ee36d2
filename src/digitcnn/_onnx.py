"""Reads an `.onnx` file as far as it takes to know that it is a plain feed-forward network.

ONNX files can name other files to read, and hold graphs within operators, which may do so, too.
ONNX Runtime has no switch against it, and predicting does without the package `onnx`: so this walks
the file's protocol buffers itself, and refuses every field that it does not know. Which operators
there are ONNX Runtime checks. What is left can compute, and nothing else; how long and in how much
memory is not bounded.

References
----------
.. [1] https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, for the numbers of the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeGuard

from digitcnn.errors import CorruptFileError

SIZE_MAX = 64 << 20  # the largest network of this library takes 10 MB

# Attributes that ONNX Runtime divides by; the oldest versions end the process at a 0.
_COUNTS = frozenset((b"strides", b"dilations", b"kernel_shape", b"group", b"blocksize"))
_COUNT_MAX = 4096

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


class OddityError(Exception):
    """What a file holds that a plain network does not."""


def read_network(path: Path) -> bytes:
    """Read an `.onnx` file, or refuse one that is more than a plain network."""
    try:
        with path.open("rb") as stream:
            content = stream.read(SIZE_MAX + 1)
        check_model(memoryview(content))
    except (OddityError, OSError) as error:
        is_odd = isinstance(error, OddityError)
        raise CorruptFileError(
            argument="weights",
            rule="be an ONNX file of a plain feed-forward network",
            got=repr(str(path)),
            reason=str(error) if is_odd else f"which fails with: {error}",
            remedy="Export the network again, or pass a function of your own that runs it.",
        ) from error
    return content


def check_model(data: memoryview) -> None:
    """Refuse what is no network, or more than a plain one."""
    if len(data) > SIZE_MAX:
        raise OddityError(f"which has more than {SIZE_MAX >> 20} MiB")
    if all(number != 7 for number, _ in _fields(data)):
        raise OddityError("which holds no network")
    # Left out: functions, and what trains it.
    _check(data, "model", {7: _check_graph}, ignored={1, 2, 3, 4, 5, 6, 8, 14})


def _check_graph(data: memoryview) -> None:
    # Left out: sparse weights.
    _check(data, "graph", {1: _check_node, 5: _check_tensor}, ignored={2, 10, 11, 12, 13, 14, 16})


def _check_node(data: memoryview) -> None:
    _check(data, "operator", {5: _check_attribute}, ignored={1, 2, 3, 4, 6, 7, 9})


def _check_attribute(data: memoryview) -> None:
    fields = list(_fields(data))
    names = [bytes(value) for number, value in fields if number == 1 and _is_bytes(value)]
    counts = _COUNTS.intersection(names)
    if counts and any(map(_is_no_count, fields)):
        raise OddityError(f"whose {min(counts).decode()} is not from 1 to {_COUNT_MAX}")
    # Left out: graphs, sparse tensors, types, and references to a function's attributes.
    _check(data, "attribute", {5: _check_tensor}, ignored={1, 2, 3, 4, 7, 8, 9, 13, 20})


def _is_no_count(field: tuple[int, int | memoryview | None]) -> bool:
    """Return whether a field of an attribute holds a number, or several, out of bounds."""
    number, value = field
    if number not in (3, 8):
        return False
    numbers = [value]
    if isinstance(value, memoryview):  # several numbers, one after the other
        numbers, at = [], 0
        while at < len(value):
            each, at = _varint(value, at)
            numbers.append(each)
    return not all(isinstance(each, int) and 1 <= each <= _COUNT_MAX for each in numbers)


def _is_bytes(value: int | memoryview | None) -> TypeGuard[memoryview]:
    return isinstance(value, memoryview)


def _check_tensor(data: memoryview) -> None:
    # Left out: text, and what leads to another file.
    _check(data, "tensor", {}, ignored={1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 16})


def _check(
    data: memoryview,
    kind: str,
    checks: Mapping[int, Callable[[memoryview], None]],
    ignored: set[int],
) -> None:
    """Check the fields of a message; refuse those that are neither checked nor ignored."""
    for number, value in _fields(data):
        if number in checks:
            if not isinstance(value, memoryview):
                raise OddityError(f"whose {kind} has a number where field {number} belongs")
            checks[number](value)
        elif number not in ignored:
            raise OddityError(f"whose {kind} has the field {number}, which no plain one needs")


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview | None]]:
    """Yield each field of a protocol buffer: its number, and its value if that is whole or bytes.

    References
    ----------
    .. [1] https://protobuf.dev/programming-guides/encoding/
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: int | memoryview | None = None
        if key & 7 == _VARINT:
            value, at = _varint(data, at)
        elif key & 7 == _LENGTH:
            length, at = _varint(data, at)
            value = data[at : at + length]
            at += length
        elif key & 7 in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if key & 7 == _EIGHT_BYTES else 4
        else:
            raise OddityError("which is no ONNX file")
        if at > len(data):
            raise OddityError("which is no ONNX file, or not all of one")
        yield key >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; give it and where the next field begins."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise OddityError("which is no ONNX file, or not all of one")
