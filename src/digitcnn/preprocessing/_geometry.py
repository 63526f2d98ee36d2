"""Where the ink lies, and how it is brought to where MNIST has it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from digitcnn.images.values import IMAGE_SIDE, PIXEL_MAX

BOX_SIDE = 20  # pixels: the longer side of a digit in MNIST
CENTER = 14  # pixels, counted from 0: where MNIST has the centre of mass
# MNIST's own images peak at 254 or 255; paler ink is stretched.
FULL_INK = 250

# Multiplied with lines of pixels: their masses, and their moments.
_MOMENTS = np.stack([np.ones(IMAGE_SIDE), np.arange(IMAGE_SIDE)], axis=1).astype(np.float32)

# Ink below this level is the edge of a stroke; a digit's map has some above the second.
_TRACE, _INK = 0.1, 0.3
# The stretch that follows a resize is no more than this level's inverse.
_FAINTEST = 0.4


def ink_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right (exclusive) of the true pixels of a non-empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def crop(plane: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Cut a box out of a plane."""
    top, left, bottom, right = box
    return plane[top:bottom, left:right]


def resize(plane: np.ndarray, longer_side: int) -> np.ndarray:
    """Resize a float32 plane, aspect kept, averaging over area where it shrinks."""
    height, width = plane.shape
    scale = longer_side / max(height, width)
    new_height, new_width = (max(1, round(side * scale)) for side in (height, width))
    if (new_height, new_width) == (height, width):
        return plane
    shrinks = scale < 1
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    resized = Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(
        (new_width, new_height), method
    )
    return np.asarray(resized)


def shift_to_center(height: int, width: int, pixels: np.ndarray) -> tuple[int, int]:
    """Find the top left corner at which a digit's centre of mass falls on pixel (14, 14).

    The digit moves by whole pixels, in whole numbers without rounding error, and never past the
    edge of the frame: ink that MNIST's frame would cut off stays in.
    """
    weights = pixels.astype(np.int64)
    mass = int(weights.sum())
    corner = []
    for axis, side in ((1, height), (0, width)):
        moment = int((weights.sum(axis=axis) * np.arange(side)).sum())
        # Half a pixel is added before rounding down, all of it times twice the mass.
        start = ((2 * CENTER + 1) * mass - 2 * moment) // (2 * mass)
        corner.append(min(max(start, 0), IMAGE_SIDE - side))
    return corner[0], corner[1]


def place(pixels: np.ndarray) -> np.ndarray:
    """Put a uint8 digit of at most 20 x 20 into an empty frame of 28 x 28, centred by mass."""
    height, width = pixels.shape
    top, left = shift_to_center(height, width, pixels)
    frame = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    frame[top : top + height, left : left + width] = pixels
    return frame


def to_pixels(plane: np.ndarray) -> np.ndarray:
    """Round ink in [0, 1] to uint8, keeping at least a trace in every edge row and column.

    The edges hold ink by construction; were it rounded away, the box would no longer measure
    20 pixels and a second pass would scale the digit again.
    """
    pixels = np.rint(np.clip(plane, 0, 1) * PIXEL_MAX).astype(np.uint8)
    for edge, source in (
        (pixels[0], plane[0]),
        (pixels[-1], plane[-1]),
        (pixels[:, 0], plane[:, 0]),
        (pixels[:, -1], plane[:, -1]),
    ):
        if not edge.any():
            edge[np.argmax(source)] = 1
    return pixels


def are_canonical(pixels: np.ndarray) -> np.ndarray:
    """Return which images already are as MNIST holds them.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (N, 28, 28)
        Images, bright on dark if canonical.

    Returns
    -------
    canonical : ndarray of bool, shape (N,)
        True where the background is exactly 0, the ink is of full strength, the longer side of its
        box is 20 pixels, and no whole-pixel shift brings its centre of mass nearer to (14, 14).
    """
    masses = np.stack([pixels.sum(axis=axis, dtype=np.int32) for axis in (2, 1)])  # (2, N, 28)
    ink = masses > 0
    starts, ends = ink.argmax(axis=2), IMAGE_SIDE - ink[:, :, ::-1].argmax(axis=2)  # (2, N) each
    fits = (ends - starts).max(axis=0) == BOX_SIDE

    mass = masses[0].sum(axis=1)
    moments = masses @ np.arange(IMAGE_SIDE, dtype=np.int32)
    shifts = ((2 * CENTER + 1) * mass - 2 * moments) // np.maximum(2 * mass, 1)
    # A shift that the frame's edge would stop does not count.
    shifts = np.clip(shifts, -starts, IMAGE_SIDE - ends)
    return fits & ~shifts.any(axis=0) & (pixels.max(axis=(1, 2)) >= FULL_INK)


def is_canonical(image: np.ndarray) -> bool:
    """Return what :func:`are_canonical` would of one image of shape (28, 28).

    Loops over data sets ask this of one image after the other. Each call to NumPy then costs far
    more than what it does: here are few.
    """
    rows, columns = image.tobytes(), image.T.tobytes()
    top, bottom = _ink_span(rows)
    left, right = _ink_span(columns)
    if max(bottom - top, right - left) != BOX_SIDE or image.max() < FULL_INK:
        return False
    # Whole numbers below 2**24, as which float32 holds them exactly.
    (mass, moment_x), (moment_y, _) = (_MOMENTS.T @ image @ _MOMENTS).tolist()
    for moment, start, end in ((moment_y, top, bottom), (moment_x, left, right)):
        shift = ((2 * CENTER + 1) * mass - 2 * moment) // (2 * mass)
        if min(max(shift, -start), IMAGE_SIDE - end):
            return False
    return True


def _ink_span(lines: bytes) -> tuple[int, int]:
    """Return the first and the last line (exclusive) of 28 pixels with ink; without, 28 and 0."""
    first = len(lines) - len(lines.lstrip(b"\0"))
    return first // IMAGE_SIDE, -(-len(lines.rstrip(b"\0")) // IMAGE_SIDE)


def fit_box(ink: np.ndarray) -> np.ndarray:
    """Scale a digit to a longer side of 20 pixels.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1], cropped to its box.

    Returns
    -------
    fitted : ndarray of float32, shape (H', W')
        The longer side is 20 pixels, aspect kept.
    """
    if max(ink.shape) == BOX_SIDE:
        return ink
    fitted = resize(ink, BOX_SIDE)
    # In MNIST a fifth of the ink, and more, is at full strength; averaging over area pales it.
    solid = fitted[fitted > _TRACE]
    full = quantile(solid, 0.8) if solid.size else 0
    fitted = np.minimum(fitted / max(full, _FAINTEST), 1)
    return strengthen(fitted)


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
    ink = crop(np.where(ink > _TRACE, ink, np.float32(0)), ink_box(mask))
    pixels = place(to_pixels(fit_box(ink)))
    return (pixels / np.float32(PIXEL_MAX))[..., None]


def strengthen(ink: np.ndarray) -> np.ndarray:
    """Stretch pale ink until its strongest pixel is 1; ink at full strength stays as it is."""
    peak = ink.max()
    return ink if peak * PIXEL_MAX >= FULL_INK else ink / peak


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


def dilate(values: np.ndarray, reach: int) -> np.ndarray:
    """Take the maximum over squares that reach so far, also beyond the edges.

    Row by row and column by column, over spans that double: Pillow's filter takes a time that grows
    with the square's area.

    Parameters
    ----------
    values : ndarray of float32 or bool, shape (H, W)
    reach : int
        In pixels, at least 1.

    Returns
    -------
    dilated : ndarray, shape (H + 2 * reach, W + 2 * reach)
    """
    values = np.pad(values, 2 * reach)
    for _ in range(2):
        span = 1
        while span < 2 * reach + 1:
            step = min(span, 2 * reach + 1 - span)
            values = np.maximum(values[:-step], values[step:])
            span += step
        values = values.T
    return values
