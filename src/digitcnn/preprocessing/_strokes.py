"""How wide strokes are, and widening those that would fade."""

from __future__ import annotations

import numpy as np

from digitcnn.preprocessing._geometry import BOX_SIDE

# MNIST's strokes are 1.85 pixels wide at the median and 1.3 at the 5th percentile, measured by
# `stroke_width`. A hairline shrunk to this scale would be a faint 0.2.
_LEAST_STROKE = 1.3
_GOOD_STROKE = 1.8
# Strokes are widened where the box's 20 pixels are this many at least, so that whole ones are fine
# enough.
_FINE_SIDE = 160


def widen_hairlines(ink: np.ndarray) -> np.ndarray:
    """Widen strokes that would fade when the digit shrinks to 20 pixels; leave others alone.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1], cropped to its box.

    Returns
    -------
    wide : ndarray of float32, shape (H', W')
        The same array where nothing had to be done.
    """
    longer = max(ink.shape)
    width = stroke_width(ink) * BOX_SIDE / longer
    if longer <= BOX_SIDE or width >= _LEAST_STROKE:
        return ink
    factor = -(-_FINE_SIDE // longer)
    if factor > 1:
        ink = ink.repeat(factor, axis=0).repeat(factor, axis=1)
    missing = (_GOOD_STROKE - width) / 2 * factor * longer / BOX_SIDE
    return thicken(ink, max(1, round(missing)))


def stroke_width(ink: np.ndarray) -> float:
    """Estimate the width of the strokes, in pixels, as twice the area over the outline.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1]; grey edges count by their part.
    """
    flat, stride = _flattened(ink, rows=1, columns=1)
    outline = sum(np.abs(flat[step:] - flat[:-step]).sum() for step in (1, stride))
    return float(2 * flat.sum() / outline)


def thicken(ink: np.ndarray, radius: int) -> np.ndarray:
    """Widen strokes by `radius` pixels on each side, with an octagon for a pen.

    The octagon is a square widened by a diamond. Both grow by doubling: four diamonds around a
    fifth make one of up to twice the radius.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1].
    radius : int
        At least 1.

    Returns
    -------
    wide : ndarray of float32, shape (H + 2 radius, W + 2 radius)
        The same ink, wider.
    """
    diamond = radius // 2
    square = radius - diamond
    # Each step leaves out the first and the last pixels, whose neighbours are not all there.
    flat, stride = _flattened(ink, rows=2 * radius + 1, columns=radius)
    for unit in (1, stride):
        reach = 1
        while reach < 2 * square + 1:
            step = min(reach, 2 * square + 1 - reach)
            flat = np.maximum(flat[: -step * unit], flat[step * unit :])
            reach += step
    reach = 0
    while reach < diamond:
        step = min(max(reach, 1), diamond - reach)
        end = len(flat) - step * stride
        wide = flat[step * stride : end].copy()
        for shift in (-step * stride, -step, step, step * stride):
            np.maximum(wide, flat[step * stride + shift : end + shift], out=wide)
        flat = wide
        reach += step
    rest = stride - square
    return flat[rest:-rest].reshape(-1, stride)


def _flattened(ink: np.ndarray, *, rows: int, columns: int) -> tuple[np.ndarray, int]:
    """Lay rows with empty margins end to end; give the distance between them, too.

    So steps in all directions are steps along one array, several times as fast as in two.
    """
    height, width = ink.shape
    stride = width + 2 * columns
    padded = np.zeros((height + 2 * rows, stride), ink.dtype)
    padded[rows : rows + height, columns : columns + width] = ink
    return padded.ravel(), stride
