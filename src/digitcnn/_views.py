"""Views of an image: as it is, larger, smaller, and turned a little to either side.

A network answers each of them a little differently, and their mean is right more often than any
[1]_. The views are few and fixed, so that they are a part of the network, in every file format.

References
----------
.. [1] Krizhevsky, Sutskever, Hinton, NeurIPS, 2012, section 4.1. doi:10.1145/3065386
"""

from __future__ import annotations

import math

import numpy as np

from digitcnn.augmentation._changes import bilinear, sources

# By validation images: see docs/model-card.md. Published weights were measured with these; others
# need another name than "views(...)".
_ANGLES = (0, 0, 0, 9, -9)  # degrees
_SIZES = (1, 1.1, 0.9, 1, 1)
NUM_VIEWS = len(_ANGLES)

_CORNERS = 4  # pixels that a position lies between


def view_pixels(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Tell of which pixels of an image each pixel of its views is made.

    Parameters
    ----------
    side : int
        Of the image, in pixels.

    Returns
    -------
    pixels : ndarray of int32, shape (NUM_VIEWS * side * side, 4)
        Indices into the flat image.
    shares : ndarray of float32, shape (NUM_VIEWS * side * side, 4)
        What part of each is taken; together 1, or less at the edge, beyond which there is no ink.
    """
    angle = np.array(_ANGLES, np.float32) * np.float32(math.pi / 180)
    size = np.array(_SIZES, np.float32)
    rows, columns = sources(
        (side, side), angle=angle, tall=size, wide=size, slant=np.zeros_like(size)
    )
    middle, area = (side - 1) / 2, side * side
    each_alone = np.eye(area, dtype=np.float32).reshape(area, side, side)
    places = (area, NUM_VIEWS * side, side)
    taken = bilinear(
        each_alone,
        np.broadcast_to((rows + middle).reshape(places[1:]), places),
        np.broadcast_to((columns + middle).reshape(places[1:]), places),
    )  # (of a pixel, into a view, ...)
    taken = taken.reshape(area, -1).T
    pixels = np.argpartition(-taken, _CORNERS)[:, :_CORNERS]
    return pixels.astype(np.int32), np.take_along_axis(taken, pixels, axis=1)
