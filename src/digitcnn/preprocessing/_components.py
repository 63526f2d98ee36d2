"""Connected components of a mask, in NumPy, by runs of pixels.

SciPy labels components too, but would add 143 MB to an installation of 190 MB for this one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Components:
    """The 8-connected components of a mask, described run by run.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the mask, in pixels.
    starts, ends : ndarray of int64, shape (R,)
        First pixel and first pixel past each horizontal run, as flat indices into the mask.
    owner : ndarray of int64, shape (R,)
        The component, 0..C-1, to which each run belongs.
    areas : ndarray of int64, shape (C,)
        Pixels in each component.
    boxes : ndarray of int64, shape (C, 4)
        Top, left, bottom and right of each component; bottom and right are exclusive.
    """

    shape: tuple[int, int]
    starts: np.ndarray
    ends: np.ndarray
    owner: np.ndarray
    areas: np.ndarray
    boxes: np.ndarray

    def mask(self, keep: np.ndarray) -> np.ndarray:
        """Paint the components for which `keep`, a bool array of shape (C,), is true."""
        runs = keep[self.owner]
        starts, lengths = self.starts[runs], (self.ends - self.starts)[runs]
        places = np.arange(lengths.sum())
        places += np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        mask = np.zeros(self.shape, bool)
        mask.ravel()[places] = True
        return mask

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Add up `values`, an array of the mask's shape, over each component."""
        # Most are 0, and need not be added.
        places = np.flatnonzero(values)
        running = np.concatenate([[0.0], np.cumsum(values.ravel()[places], dtype=np.float64)])
        before, after = np.searchsorted(places, self.starts), np.searchsorted(places, self.ends)
        return np.bincount(self.owner, running[after] - running[before], minlength=len(self.areas))


def find_components(mask: np.ndarray) -> Components:
    """Find the 8-connected components of a bool array of shape (H, W)."""
    height, width = mask.shape
    starts, ends = _runs(mask)
    roots = _roots(starts, ends, width + 1)
    is_root = roots == np.arange(len(roots))
    owner = (np.cumsum(is_root) - 1)[roots]
    num_components = np.count_nonzero(is_root)

    rows, lefts = np.divmod(starts, width + 1)
    rights = lefts + ends - starts
    boxes = np.empty((num_components, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = max(height, width), 0
    for column, reduce, values in (
        (0, np.minimum, rows),
        (1, np.minimum, lefts),
        (2, np.maximum, rows + 1),
        (3, np.maximum, rights),
    ):
        reduce.at(boxes[:, column], owner, values)
    return Components(
        shape=(height, width),
        starts=rows * width + lefts,
        ends=rows * width + rights,
        owner=owner,
        areas=np.bincount(owner, ends - starts, minlength=num_components).astype(np.int64),
        boxes=boxes,
    )


def is_one_piece(mask: np.ndarray) -> bool:
    """Return whether a bool array (H, W), not empty, has one 8-connected component only."""
    return not _roots(*_runs(mask), mask.shape[1] + 1).any()


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts and ends of the runs, in rows that are one pixel wider than the mask."""
    height, width = mask.shape
    # An empty column at the right keeps a run from reaching into the next row, an empty pixel
    # before all others lets the first one begin a run.
    padded = np.zeros(height * (width + 1) + 1, bool)
    padded[1:].reshape(height, width + 1)[:, :width] = mask
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return edges[::2], edges[1::2]


def _roots(starts: np.ndarray, ends: np.ndarray, stride: int) -> np.ndarray:
    """Return the first run of each run's component, by pointer jumping."""
    upper, lower = _touching_runs(starts, ends, stride)
    parent = np.arange(len(starts))
    # Most runs touch one of the row above and no other: hung on it, they are done at once.
    parent[lower] = upper
    while True:
        # Each jump halves the way to the first, which is shorter than this power of 2.
        for _ in range(len(parent).bit_length()):
            parent = parent[parent]
        one, other = parent[upper], parent[lower]
        if np.array_equal(one, other):
            return parent
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))


def _touching_runs(
    starts: np.ndarray, ends: np.ndarray, stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pair each run with those of the next row that it touches, corners included."""
    first = np.searchsorted(ends, starts + stride, side="left")
    last = np.searchsorted(starts, ends + stride, side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(starts)), counts)
    offsets = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(first, counts) + offsets
