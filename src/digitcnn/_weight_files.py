"""Reads files of weights, which anybody may have made, as far as they hold a plain network.

HDF5 knows links that lead into other files, arrays whose values lie in any file of the machine, and
filters that unpack a few bytes to gigabytes. Weights need none of it.

ONNX files can name other files to read, and hold graphs within operators, which may do so, too.
ONNX Runtime has no switch against it, and predicting does without the package `onnx`: so this walks
the file's protocol buffers itself [1]_, and refuses every field that it does not know. Which
operators there are ONNX Runtime checks. What is left can compute, and nothing else; how long and in
how much memory is not bounded.

References
----------
.. [1] https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, for the numbers of the fields.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn.errors import CorruptFileError

# A residual network of twenty layers, with its optimizer, has some 300 objects, seven deep.
OBJECTS_MAX = 5_000
DEPTH_MAX = 16
# An optimizer keeps up to three more values for each weight.
SIZE_FACTOR_MAX = 8
SIZE_MARGIN = 1 << 20

_LAYOUTS = ("COMPACT", "CONTIGUOUS")
_OPTIMIZER = "optimizer/"

ONNX_SIZE_MAX = 64 << 20  # the largest network of this library takes 10 MB

# Attributes that ONNX Runtime divides by; the oldest versions end the process at a 0.
_COUNTS = frozenset((b"strides", b"dilations", b"kernel_shape", b"group", b"blocksize"))
_COUNT_MAX = 4096

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


class _OddityError(Exception):
    """What a file holds that files of weights do not hold."""


@contextlib.contextmanager
def _refusing(path: Path, *, rule: str, remedy: str, argument: str = "weights") -> Iterator[None]:
    """Refuse the file by name, whatever is said against it."""
    try:
        yield
    except Exception as error:  # h5py raises nearly anything over a damaged file
        said = " ".join(str(error).split())
        is_odd = isinstance(error, _OddityError)
        raise CorruptFileError(
            argument=argument,
            rule=rule,
            got=repr(str(path)),
            reason=said if is_odd else f"which cannot be read: {said}",
            remedy=remedy,
        ) from error


def check_plain(path: Path, *, argument: str, remedy: str) -> None:
    """Refuse an HDF5 file that holds anything beside groups of plain arrays of numbers."""
    import h5py

    with (
        _refusing(path, argument=argument, rule="hold plain arrays", remedy=remedy),
        h5py.File(path, "r") as file,
    ):
        _arrays(file)


def copy_arrays(source: Path, target: Path, *, rule: str, remedy: str) -> None:
    """Put the arrays of an HDF5 file in the place of those of another, which has the right ones."""
    import h5py

    with _refusing(source, rule=rule, remedy=remedy), h5py.File(target, "r+") as own:
        wanted = _arrays(own)
        _check_size(source, sum(dataset.nbytes for dataset in wanted.values()))
        with h5py.File(source, "r") as file:
            given = _arrays(file)
            _check_names(set(given), set(wanted))
            for name, dataset in wanted.items():
                dataset[...] = _checked_values(given[name], dataset)


def _arrays(file: Any) -> dict[str, Any]:
    """Find all arrays by their paths, without following anything that leads elsewhere."""
    import h5py

    found: dict[str, Any] = {}
    pending = [("", file)]
    seen = 0
    while pending:
        prefix, group = pending.pop()
        for name in group:
            path = f"{prefix}{name}"
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise _OddityError(
                    f"which holds a link of the kind {type(link).__name__} at {path!r}"
                )
            seen += 1
            if seen > OBJECTS_MAX or path.count("/") > DEPTH_MAX:
                raise _OddityError("which holds more objects, or deeper ones, than any weights do")
            item = group[name]
            if isinstance(item, h5py.Group):
                pending.append((f"{path}/", item))
            elif isinstance(item, h5py.Dataset):
                _check_storage(item)
                found[path] = item
            else:
                raise _OddityError(f"which holds a {type(item).__name__} at {path!r}")
    return found


def _check_storage(dataset: Any) -> None:
    """Refuse values that lie in another file, in pieces, behind a filter or nowhere."""
    import h5py

    properties = dataset.id.get_create_plist()
    if properties.get_layout() not in {getattr(h5py.h5d, name) for name in _LAYOUTS}:
        raise _OddityError(f"whose {dataset.name!r} is virtual or lies in pieces")
    if properties.get_external_count():
        raise _OddityError(f"whose {dataset.name!r} lies in another file")
    if dataset.dtype.kind not in "iuf" or dataset.shape is None:
        raise _OddityError(f"whose {dataset.name!r} holds no numbers but {dataset.dtype}")
    if dataset.id.get_storage_size() != dataset.nbytes:
        raise _OddityError(f"whose {dataset.name!r} has the values of its shape nowhere")


def _check_size(path: Path, needed: int) -> None:
    size = path.stat().st_size
    limit = SIZE_FACTOR_MAX * needed + SIZE_MARGIN
    if size > limit:
        raise _OddityError(
            f"which has {size} bytes, more than the {limit} that such weights can need"
        )


def _check_names(given: set[str], wanted: set[str]) -> None:
    given = {name for name in given if not name.startswith(_OPTIMIZER)}
    for problem, names in (("lacks", wanted - given), ("holds besides", given - wanted)):
        if names:
            raise _OddityError(f"which {problem} {', '.join(map(repr, sorted(names)[:3]))}")


def _checked_values(given: Any, wanted: Any) -> Any:
    """Return the values of an array, which must be of the same form as another's, and finite."""
    if given.shape != wanted.shape:
        raise _OddityError(f"whose {given.name!r} has the shape {given.shape}, not {wanted.shape}")
    if given.id.get_type() != wanted.id.get_type():
        raise _OddityError(f"whose {given.name!r} is of {given.dtype}, not of {wanted.dtype}")
    values = given[()]
    if not np.isfinite(values).all():
        raise _OddityError(f"whose {given.name!r} holds values that are not finite")
    return values


def read_network(path: Path) -> bytes:
    """Read an `.onnx` file, or refuse one that is more than a plain network."""
    rule = "be an ONNX file of a plain feed-forward network"
    remedy = "Export the network again, or pass a function of your own that runs it."
    with _refusing(path, rule=rule, remedy=remedy), path.open("rb") as stream:
        content = stream.read(ONNX_SIZE_MAX + 1)
        _check_model(memoryview(content))
    return content


def _check_model(data: memoryview) -> None:
    """Refuse what is no network, or more than a plain one."""
    if len(data) > ONNX_SIZE_MAX:
        raise _OddityError(f"which has more than {ONNX_SIZE_MAX >> 20} MiB")
    if all(number != 7 for number, _ in _fields(data)):
        raise _OddityError("which holds no network")
    # Left out: functions, and what trains it.
    _check(data, "model", {7: _check_graph}, ignored={1, 2, 3, 4, 5, 6, 8, 14})


def _check_graph(data: memoryview) -> None:
    # Left out: sparse weights.
    _check(data, "graph", {1: _check_node, 5: _check_tensor}, ignored={2, 10, 11, 12, 13, 14, 16})


def _check_node(data: memoryview) -> None:
    _check(data, "operator", {5: _check_attribute}, ignored={1, 2, 3, 4, 6, 7, 9})


def _check_attribute(data: memoryview) -> None:
    fields = list(_fields(data))
    names = [
        bytes(value) for number, value in fields if number == 1 and isinstance(value, memoryview)
    ]
    counts = _COUNTS.intersection(names)
    if counts and any(map(_is_no_count, fields)):
        raise _OddityError(f"whose {min(counts).decode()} is not from 1 to {_COUNT_MAX}")
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
                raise _OddityError(f"whose {kind} has a number where field {number} belongs")
            checks[number](value)
        elif number not in ignored:
            raise _OddityError(f"whose {kind} has the field {number}, which no plain one needs")


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
            raise _OddityError("which is no ONNX file")
        if at > len(data):
            raise _OddityError("which is no ONNX file, or not all of one")
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
    raise _OddityError("which is no ONNX file, or not all of one")
