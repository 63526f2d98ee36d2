"""Rewrites a file of Keras' weights so that it takes less room."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

# Since 2008 every HDF5 reads this one.
FORMAT = ("v108", "v108")

# An array up to this size may lie in its header, which HDF5 limits to 64 KiB in all.
COMPACT_BYTES = 60_000


def pack(path: Path) -> None:
    """Rewrite Keras' weights in less room; it reads them as before.

    Each of its datasets and groups takes hundreds of bytes in HDF5's oldest format, more than most
    of the arrays of a small network, and layers without any have two empty groups each.
    """
    packed = path.with_name(f"packed-{path.name}")
    try:
        with h5py.File(path) as source, h5py.File(packed, "w", libver=FORMAT) as target:
            _copy_packed(source, target)
        packed.replace(path)
    finally:
        packed.unlink(missing_ok=True)


def _copy_packed(source: h5py.Group, target: h5py.Group) -> None:
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Dataset):
            _write_packed(target, name, item[()])
        elif _holds_arrays(item):
            _copy_packed(item, target.create_group(name))


def _holds_arrays(group: h5py.Group) -> bool:
    """Tell whether there is an array in a group, at any depth."""
    return any(isinstance(item, h5py.Dataset) or _holds_arrays(item) for item in group.values())


def _write_packed(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Write an array, into its own header where that has room."""
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if array.nbytes <= COMPACT_BYTES:
        layout.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(array.shape) if array.shape else h5py.h5s.create(h5py.h5s.SCALAR)
    kind = h5py.h5t.py_create(array.dtype, logical=True)
    h5py.Dataset(h5py.h5d.create(group.id, name.encode(), kind, space, layout))[...] = array
