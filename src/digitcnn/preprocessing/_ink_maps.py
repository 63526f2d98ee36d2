"""From a network's map of a digit's ink to the image that MNIST would hold of it."""

from __future__ import annotations

import numpy as np

from digitcnn.preprocessing import _geometry as geometry

# Ink below the first level is none; a digit has some above the second.
_TRACE, _INK = 0.1, 0.3


def to_canonical(ink: np.ndarray) -> np.ndarray | None:
    """Bring a map of one digit's ink to a canonical image.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        In [0, 1].

    Returns
    -------
    image : ndarray of float32, shape (28, 28, 1), or None
        In [0, 1]; None where there is no ink.
    """
    mask = ink > _INK
    if not mask.any():
        return None
    ink = geometry.crop(np.where(ink > _TRACE, ink, np.float32(0)), geometry.ink_box(mask))
    pixels = geometry.place(geometry.to_pixels(geometry.fit_box(ink)))
    return (pixels / np.float32(geometry.PIXEL_MAX))[..., None]
