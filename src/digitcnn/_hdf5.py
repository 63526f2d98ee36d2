"""Reads files of weights, refusing what HDF5 can hold beside plain arrays.

HDF5 knows links that lead into other files, arrays whose values lie in any file of the machine, and
filters that unpack a few bytes to gigabytes. Weights need none of it.
"""

from __future__ import annotations

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


class _OddityError(Exception):
    """What a file holds that files of weights do not hold."""


def check_plain(path: Path, *, argument: str, remedy: str) -> None:
    """Refuse a file that holds anything beside groups of plain arrays of numbers."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _arrays(file)
    except Exception as error:
        raise CorruptFileError(
            argument=argument,
            rule="hold plain arrays",
            got=repr(str(path)),
            reason=_reason(error),
            remedy=remedy,
        ) from error


def copy_arrays(source: Path, target: Path, *, rule: str, remedy: str) -> None:
    """Put the arrays of one file in the place of those of another, which has the right ones."""
    import h5py

    try:
        with h5py.File(target, "r+") as own:
            wanted = _arrays(own)
            _check_size(source, sum(dataset.nbytes for dataset in wanted.values()))
            with h5py.File(source, "r") as file:
                given = _arrays(file)
                _check_names(set(given), set(wanted))
                for name, dataset in wanted.items():
                    _check_form(given[name], dataset)
                    dataset[...] = _checked_values(given[name])
    except Exception as error:
        raise CorruptFileError(
            argument="weights",
            rule=rule,
            got=repr(str(source)),
            reason=_reason(error),
            remedy=remedy,
        ) from error


def _reason(error: Exception) -> str:
    """Return why a file is refused; h5py raises nearly anything over a damaged one."""
    if isinstance(error, _OddityError):
        return str(error)
    return f"which cannot be read: {' '.join(str(error).split()).rstrip('.')}"


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


def _check_form(given: Any, wanted: Any) -> None:
    if given.shape != wanted.shape:
        raise _OddityError(f"whose {given.name!r} has the shape {given.shape}, not {wanted.shape}")
    if given.id.get_type() != wanted.id.get_type():
        raise _OddityError(f"whose {given.name!r} is of {given.dtype}, not of {wanted.dtype}")


def _checked_values(dataset: Any) -> Any:
    values = dataset[()]
    if not np.isfinite(values).all():
        raise _OddityError(f"whose {dataset.name!r} holds values that are not finite")
    return values
