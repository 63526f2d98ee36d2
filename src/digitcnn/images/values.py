"""What the numbers in an array stand for, and how they become the plane's 65,536 levels.

A plane is uint16, 0..65535, whatever came in: 8-bit values times 257 are exact there, so that the
same picture gives the same plane as a PNG, as uint8 and as float32, and a negative is the exact
mirror of its positive.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from digitcnn.errors import InvalidImageError

IMAGE_SIDE = 28  # of MNIST's images
PIXEL_MAX = 255
PLANE_MAX = 65535
PLANE_PER_PIXEL = PLANE_MAX // PIXEL_MAX

# Enough of a picture for NumPy to work on at full speed, little enough to be no burden on memory.
_STRIP_PIXELS = 2**20


def plane_scale(values: np.ndarray) -> int:
    """Find how many of the plane's levels one unit of an array's values is worth.

    Integers span 0..255 (uint16: 0..65535), floats 0..1, booleans are 0 or 1. A float array that
    reaches above 1 is taken as 0..255 if it holds whole numbers only.

    Raises
    ------
    InvalidImageError
        If the dtype or a value is not one of a picture.
    """
    kind, itemsize = values.dtype.kind, values.dtype.itemsize
    if kind == "b":
        return PLANE_MAX
    if kind == "u" and itemsize == np.dtype(np.uint16).itemsize:
        return 1
    if kind in "iu":
        if itemsize > 1 or kind == "i":
            _check_range(values, PIXEL_MAX, "integers in 0..255")
        return PLANE_PER_PIXEL
    if kind == "f":
        return _float_scale(values)
    cure = "Pass a list of arrays" if kind == "O" else "Convert it with .astype(numpy.uint8)"
    raise InvalidImageError(
        argument="images",
        rule="hold integers, floats or booleans",
        got=f"an array of dtype {values.dtype}",
        remedy=f"{cure} first.",
    )


def _float_scale(values: np.ndarray) -> int:
    """Distinguish finite floats in 0..1 from whole-numbered ones in 0..255."""
    if not values.size:
        return PLANE_MAX
    lowest, highest = values.min(), values.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        bad = "NaN" if np.isnan(lowest) else "infinity"
        raise InvalidImageError(
            argument="images",
            rule="hold finite values",
            got=bad,
            remedy="Replace or drop it first.",
        )
    if highest <= 1:
        _check_range(values, 1, "floats in 0..1")
        return PLANE_MAX
    if (values != np.rint(values)).any():
        raise InvalidImageError(
            argument="images",
            rule="hold floats in 0..1",
            got=f"values up to {highest:.6g} that are not whole numbers",
            remedy="Divide by the largest value the format allows, or clip.",
        )
    _check_range(values, PIXEL_MAX, "floats in 0..1, or whole numbers in 0..255")
    return PLANE_PER_PIXEL


def _check_range(values: np.ndarray, highest: int, rule: str) -> None:
    """Refuse values below 0 or above `highest`."""
    if values.size and (values.min() < 0 or values.max() > highest):
        raise InvalidImageError(
            argument="images",
            rule=f"hold {rule}",
            got=f"values from {values.min():.6g} to {values.max():.6g}",
            remedy="Rescale them first.",
        )


def to_plane_values(values: np.ndarray, scale: int) -> np.ndarray:
    """Multiply values that :func:`plane_scale` has judged, and round to uint16."""
    if values.dtype.kind == "f":
        return np.rint(values.astype(np.float64) * scale).astype(np.uint16)
    return values.astype(np.uint16) * np.uint16(scale)


def to_pixel_values(plane: np.ndarray) -> np.ndarray:
    """Round uint16 values 0..65535 to uint8."""
    return ((plane.astype(np.uint32) + PLANE_PER_PIXEL // 2) // PLANE_PER_PIXEL).astype(np.uint8)


def wide_span(strips: Iterable[np.ndarray]) -> tuple[float, float]:
    """Find what is black and what is white among 16-bit, 32-bit and float pixels of a file.

    Files of these kinds do not say; the least common range that holds them is taken: 0..1 (floats
    only), 0..255 (32-bit integers and floats) or 0..65535. Values that fit none are stretched from
    their least to their greatest. A flat picture stays flat.

    Parameters
    ----------
    strips : iterable of ndarray
        The whole picture, part by part.

    Returns
    -------
    black, white : float
        The values of the two.
    """
    least, greatest = zip(*((strip.min(), strip.max()) for strip in strips), strict=True)
    low, high = float(np.min(least)), float(np.max(greatest))
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = "NaN" if np.isnan(low) else "infinity"
        raise InvalidImageError(
            argument="images",
            rule="hold finite values",
            got=bad,
            remedy="Replace or drop it first.",
        )
    dtype = np.asarray(least).dtype
    if dtype.kind == "f":
        spans: tuple[int, ...] = (1, PIXEL_MAX, PLANE_MAX)
    elif dtype.itemsize == np.dtype(np.uint16).itemsize:
        spans = (PLANE_MAX,)
    else:
        spans = (PIXEL_MAX, PLANE_MAX)
    fitting = [float(span) for span in spans if low >= 0 and high <= span]
    if fitting:
        return 0.0, fitting[0]
    return low, max(high, low + float(np.finfo(np.float32).tiny))


def stretch(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Bring values from black to white to uint16 of the plane."""
    scaled = (values.astype(np.float64) - black) / (white - black)
    return np.rint(scaled * PLANE_MAX).astype(np.uint16)


def average_blocks(values: np.ndarray, scale: int, factor: int) -> np.ndarray:
    """Average square blocks of pixels, whatever is left over at the end included.

    Parameters
    ----------
    values : ndarray, shape (H, W, C)
        Pixels that :func:`plane_scale` has judged.
    scale : int
        What it said.
    factor : int
        The side of a block in pixels.

    Returns
    -------
    channels : ndarray of uint8 or uint16, shape (ceil(H / factor), ceil(W / factor), C)
        The means on the scale of the plane; the mean of a negative is the exact mirror. Pixels of
        8 bits of which nothing is averaged stay what they are.
    """
    if factor == 1:
        is_pixels = values.dtype == np.uint8 and scale == PLANE_PER_PIXEL
        return values if is_pixels else to_plane_values(values, scale)
    # Whole numbers of 8 bits are added up as they are and scaled at the end.
    is_small = values.dtype.kind in "bu" and values.dtype.itemsize == 1
    height, width, depth = values.shape
    strip = max(1, _STRIP_PIXELS // (width * factor)) * factor
    columns = np.arange(0, width, factor)
    widths = np.diff(np.append(columns, width))
    # Sums of 16-bit values over blocks of 256 x 256 still fit 32 bits.
    dtype = np.uint32 if factor <= 256 else np.uint64
    parts = []
    for top in range(0, height, strip):
        rows = values[top : top + strip]
        sums = np.zeros((-(-len(rows) // factor), width, depth), dtype)
        heights = np.zeros(len(sums), np.int64)
        for offset in range(min(factor, len(rows))):
            line = rows[offset::factor]
            sums[: len(line)] += line if is_small else to_plane_values(line, scale)
            heights[: len(line)] += 1
        sums = np.add.reduceat(sums, columns, axis=1, dtype=dtype).astype(np.int64)
        counts = np.outer(heights, widths)[:, :, None]
        parts.append(_round_mean(sums * scale if is_small else sums, counts))
    return np.concatenate(parts)


def _round_mean(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Divide and round to uint16, halves towards the middle grey, so that mirrors stay mirrors."""
    is_bright = 2 * sums > PLANE_MAX * counts
    return ((2 * sums + counts - is_bright) // (2 * counts)).astype(np.uint16)
