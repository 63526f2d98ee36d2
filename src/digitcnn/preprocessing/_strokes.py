"""How wide strokes are, and widening those that would fade."""

from __future__ import annotations

import numpy as np

from digitcnn.preprocessing._filters import running
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
    ink = ink.repeat(factor, axis=0).repeat(factor, axis=1)
    missing = (_GOOD_STROKE - width) / 2 * factor * longer / BOX_SIDE
    radius = max(1, round(missing))
    return thicken(np.pad(ink, radius), radius)


def stroke_width(ink: np.ndarray) -> float:
    """Estimate the width of the strokes, in pixels, as twice the area over the outline.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1]; grey edges count by their part.
    """
    padded = np.pad(ink, 1)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    return float(2 * ink.sum() / outline)


def thicken(ink: np.ndarray, radius: int) -> np.ndarray:
    """Widen strokes by `radius` pixels on each side, with an octagon for a pen.

    The octagon is a square widened by diamonds; the order makes no difference.
    """
    num_diamonds = radius // 2
    ink = running(np.maximum, ink, 2 * (radius - num_diamonds) + 1)
    for _ in range(num_diamonds):
        wide = ink.copy()
        np.maximum(wide[1:], ink[:-1], out=wide[1:])
        np.maximum(wide[:-1], ink[1:], out=wide[:-1])
        np.maximum(wide[:, 1:], ink[:, :-1], out=wide[:, 1:])
        np.maximum(wide[:, :-1], ink[:, 1:], out=wide[:, :-1])
        ink = wide
    return ink
