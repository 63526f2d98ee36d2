"""Small filters on planes that NumPy and Pillow lack or have for 8 bits only."""

from __future__ import annotations

import numpy as np
from PIL import Image


def running(
    reduce: np.ufunc, plane: np.ndarray, window: int, *, axes: tuple[int, ...] = (0, 1)
) -> np.ndarray:
    """Take the minimum or maximum over a window around each pixel, square or along one axis.

    Doubling: a window of 2k pixels is two windows of k, so that a window of w takes log2(w) passes.
    """
    before = window // 2
    for axis in axes:
        length = plane.shape[axis]
        # The edge goes on beyond itself; np.pad does the same in five times the time.
        places = np.arange(-before, length + window - 1 - before).clip(0, length - 1)
        result = plane.take(places, axis)
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            first = [slice(None)] * 2
            second = [slice(None)] * 2
            first[axis], second[axis] = slice(None, -step), slice(step, None)
            result = reduce(result[tuple(first)], result[tuple(second)])
            reach += step
        plane = result
    return plane


def opening(plane: np.ndarray, window: int) -> np.ndarray:
    """Take away what is bright and narrower than a square window."""
    # An even window lies off its centre, and would move by a pixel what it leaves.
    window |= 1
    return running(np.maximum, running(np.minimum, plane, window), window)


def reduced(plane: np.ndarray, side: int) -> np.ndarray:
    """Average blocks of a float32 plane until its longer side has at most `side` pixels."""
    factor = -(-max(plane.shape) // side)
    return np.asarray(Image.fromarray(plane).reduce(factor)) if factor > 1 else plane


def quantile(values: np.ndarray, part: float) -> float:
    """Return the value that a part of the others lie below, interpolated linearly.

    As `np.quantile` does, which imports `numpy.ma` by way of `np.unique` (NumPy 2.4): an eighth of
    the time of a first prediction.
    """
    position = part * (values.size - 1)
    low = int(position)
    high = min(low + 1, values.size - 1)
    ordered = np.partition(values, (low, high), axis=None)
    return float(ordered[low] + (position - low) * (ordered[high] - ordered[low]))


def sample(plane: np.ndarray) -> np.ndarray:
    """Take every few pixels of a large plane: enough for its percentiles."""
    step = max(1, max(plane.shape) // 128)
    return plane[::step, ::step]
