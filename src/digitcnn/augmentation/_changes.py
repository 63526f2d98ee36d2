"""Random changes that leave a digit the same digit: geometry, pen and light, on whole batches.

All in NumPy, so that one seed gives the same batches on every Keras backend.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from digitcnn._checks import array_of, generator_of, real_number, shown
from digitcnn.errors import InvalidArgumentError

_BATCH_RANK = 4
_LOBES = 3  # of Lanczos' kernel, to each side


@dataclass(frozen=True)
class Augmentation:
    """How far the random changes may go.

    Stronger changes than the defaults cost accuracy on MNIST: with 15 degrees, 15 % and 3 pixels
    a network no longer learns its own training set.

    Attributes
    ----------
    rotation : float
        Greatest angle, in degrees, either way.
    scale : float
        Greatest change of size, as a part of it; each axis on its own by a third of this.
    shear : float
        Greatest slant, in pixels across per pixel down.
    shift : float
        Greatest shift along each axis, in pixels.
    elastic : float
        Standard deviation, in pixels, of the shifts of a 5 x 5 grid that bends the image [1]_.
    pen : float
        Part of the images whose strokes are widened or narrowed.
    light : float
        Part of the images whose ink is made paler, harder or softer, or is blurred.
    noise : float
        Part of the images that noise, stripes or stray lines disturb.

    References
    ----------
    .. [1] Simard, Steinkraus, Platt, Proc. ICDAR, 2003. doi:10.1109/ICDAR.2003.1227801
    """

    rotation: float = 11.0
    scale: float = 0.12
    shear: float = 0.12
    shift: float = 1.5
    elastic: float = 0.6
    pen: float = 0.3
    light: float = 0.3
    noise: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what is no distance and no part."""
        for name, value in vars(self).items():
            rule = "at least 0 and finite"
            real = real_number(name, value, rule, lambda limit: 0 <= limit < math.inf, such_as=0)
            object.__setattr__(self, name, real)


def augment(
    batch: np.ndarray, *, seed: int | np.random.Generator, augmentation: Augmentation | None = None
) -> np.ndarray:
    """Change each image of a batch at random.

    Parameters
    ----------
    batch : ndarray of float32, shape (N, H, W, 1)
        Ink in [0, 1], bright on dark.
    seed : int or numpy.random.Generator
        The same seed gives the same changes.
    augmentation : Augmentation, optional
        How far the changes may go.

    Returns
    -------
    changed : ndarray of float32, shape (N, H, W, 1)
        Ink in [0, 1]; the input is left as it was.

    Raises
    ------
    InvalidArgumentError
        If `batch` has another shape or other values.

    See Also
    --------
    digitcnn.synthesis.draw_digits : New digits instead of changed ones.

    Examples
    --------
    >>> import numpy as np
    >>> from digitcnn import augment
    >>> augment(np.zeros((2, 28, 28, 1), np.float32), seed=0).shape
    (2, 28, 28, 1)
    """
    batch = array_of("batch", batch)
    if batch.ndim != _BATCH_RANK or batch.shape[3] != 1:
        raise InvalidArgumentError(
            argument="batch",
            rule="have shape (N, H, W, 1)",
            got=batch.shape,
            remedy="Call preprocess() first.",
        )
    if batch.dtype.kind != "f" or (batch.size and not 0 <= batch.min() <= batch.max() <= 1):
        raise InvalidArgumentError(
            argument="batch",
            rule="hold floats in [0, 1]",
            got=f"{batch.dtype} outside of it",
            remedy="Call preprocess() first.",
        )
    if not isinstance(augmentation, Augmentation | None):
        raise InvalidArgumentError(
            argument="augmentation",
            rule="be an Augmentation",
            got=shown(augmentation),
            remedy="Leave it out for the default.",
        )
    limits = augmentation or Augmentation()
    rng = generator_of(seed)
    images = batch[..., 0].astype(np.float32)  # (N, H, W), a copy
    if not len(images):
        return images[..., None]
    images = _change_some(change_pen, images, limits.pen, rng)
    images = warp(images, limits, rng)
    images = _change_some(change_light, images, limits.light, rng)
    images = _change_some(disturb, images, limits.noise, rng)
    return np.clip(images, 0, 1)[..., None]


def _change_some(
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    images: np.ndarray,
    part: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Apply a change to a random part of the images."""
    chosen = rng.random(len(images)) < part
    if chosen.any():
        images[chosen] = change(images[chosen], rng)
    return images


def warp(images: np.ndarray, limits: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Turn, scale, slant, shift and bend images of shape (N, H, W)."""
    count, height, width = images.shape

    def within(limit: float) -> np.ndarray:
        return rng.uniform(-limit, limit, (count,)).astype(np.float32)

    angle = within(limits.rotation * np.pi / 180)
    size = within(limits.scale)
    tall, wide = 1 + size + within(limits.scale / 3), 1 + size + within(limits.scale / 3)
    slant = within(limits.shear)
    source_rows, source_columns = sources(
        (height, width), angle=angle, tall=tall, wide=wide, slant=slant
    )
    source_rows += within(limits.shift)[:, None, None] + (height - 1) / 2
    source_columns += within(limits.shift)[:, None, None] + (width - 1) / 2
    if limits.elastic:
        source_rows += _bend(count, height, width, limits.elastic, rng)
        source_columns += _bend(count, height, width, limits.elastic, rng)
    return _sample(images, source_rows, source_columns)


def sources(
    shape: tuple[int, int],
    *,
    angle: np.ndarray,
    tall: np.ndarray,
    wide: np.ndarray,
    slant: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Find where each pixel of changed images comes from, in pixels from the middle."""
    height, width = shape
    rows = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2  # (H, 1)
    columns = np.arange(width, dtype=np.float32)[None, :] - (width - 1) / 2  # (1, W)
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    turned_rows = cosine * rows - sine * columns  # (N, H, W)
    turned_columns = sine * rows + cosine * columns
    source_rows = turned_rows / tall[:, None, None]
    source_columns = turned_columns / wide[:, None, None] + slant[:, None, None] * source_rows
    return source_rows, source_columns


def _bend(
    count: int, height: int, width: int, deviation: float, rng: np.random.Generator
) -> np.ndarray:
    """Interpolate random shifts of a 5 x 5 grid over the image."""
    grid = rng.normal(0, deviation, (count, 5, 5)).astype(np.float32)
    return _interpolation(height) @ grid @ _interpolation(width).T


def _interpolation(side: int, knots: int = 5) -> np.ndarray:
    """Build the (side, knots) matrix that interpolates linearly between evenly spaced knots."""
    positions = np.linspace(0, knots - 1, side, dtype=np.float32)
    return np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(knots, dtype=np.float32)))


def _sample(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Read images at fractional positions; beyond the edge there is no ink.

    Between pixels, bilinear sampling blurs, and a network that has only seen blurred images reads
    sharp ones worse. So the images are first made twice as fine. Of 10,000 validation images the
    loss of `base`, trained on MNIST alone, fell from 0.0124 to 0.0120 where only its ending was
    sharp, from the same weights; 34 and 37 were misread, which is chance.
    """
    height, width = images.shape[1:]
    finer = _doubling(height) @ images @ _doubling(width).T
    return bilinear(finer, 2 * rows, 2 * columns)


@functools.cache
def _doubling(side: int) -> np.ndarray:
    """Build the (2 side - 1, side) matrix that adds a value between each two, after Lanczos [1]_.

    .. [1] Duchon, Journal of Applied Meteorology 18, 1979, 1016-1022
    """
    distance = np.arange(2 * side - 1)[:, None] / 2 - np.arange(side)
    kernel = np.sinc(distance) * np.sinc(distance / _LOBES) * (np.abs(distance) < _LOBES)
    # Six values are weighted between two pixels, and they come to a little less than 1.
    middle = np.arange(_LOBES) + 0.5
    total = 2 * (np.sinc(middle) * np.sinc(middle / _LOBES)).sum()
    kernel[1::2] /= total
    return kernel.astype(np.float32)


def bilinear(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Read images at fractional positions between the four pixels around."""
    count, height, width = images.shape
    padded = np.zeros((count, height + 2, width + 2), np.float32)
    padded[:, 1:-1, 1:-1] = images
    rows = np.clip(rows + 1, 0, height + 0.999)
    columns = np.clip(columns + 1, 0, width + 0.999)
    tops, lefts = rows.astype(np.int32), columns.astype(np.int32)
    # float32 minus int32 would be float64, at twice the time.
    down, right = rows - tops.astype(np.float32), columns - lefts.astype(np.float32)
    flat = padded.ravel()
    corner = (
        np.arange(count, dtype=np.int32)[:, None, None] * ((height + 2) * (width + 2))
        + tops * (width + 2)
        + lefts
    )
    top = flat[corner] * (1 - right) + flat[corner + 1] * right
    corner += width + 2
    bottom = flat[corner] * (1 - right) + flat[corner + 1] * right
    return top * (1 - down) + bottom * down


def moved(images: np.ndarray, step: int, axis: int) -> np.ndarray:
    """Move images along one axis; what leaves at one edge does not come back at the other."""
    result = np.roll(images, step, axis)
    edge: list[slice] = [slice(None)] * images.ndim
    edge[axis] = slice(0, step) if step > 0 else slice(step, None)
    if step:
        result[tuple(edge)] = 0
    return result


def change_pen(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Widen or narrow strokes by up to a pixel: towards the local maximum or minimum."""
    highest, lowest = images.copy(), images.copy()
    for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
        neighbour = moved(images, step, axis)
        np.maximum(highest, neighbour, out=highest)
        np.minimum(lowest, neighbour, out=lowest)
    amount = rng.uniform(-0.6, 0.9, (len(images), 1, 1)).astype(np.float32)
    wider = images + np.maximum(amount, 0) * (highest - images)
    narrower = images + np.maximum(-amount, 0) * (lowest - images)
    return np.where(amount > 0, wider, narrower)


def change_light(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Harden, soften or fade the ink, and blur some of it."""
    shape = (len(images), 1, 1)
    gamma = np.exp(rng.uniform(-0.7, 0.7, shape)).astype(np.float32)
    fade = rng.uniform(0.6, 1.15, shape).astype(np.float32)
    blur = rng.uniform(0, 1, shape).astype(np.float32) * (rng.random(shape) < 0.5)
    blurred = images
    for axis in (1, 2):
        blurred = (moved(blurred, 1, axis) + 2 * blurred + moved(blurred, -1, axis)) / 4
    return np.clip(fade * (images + blur * (blurred - images)), 0, 1) ** gamma


def disturb(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add noise, specks or a stray line, such as a threshold leaves of a bad photo."""
    count, height, width = images.shape
    kind = rng.integers(0, 3, (count, 1, 1))
    grain = rng.normal(0, 0.12, images.shape).astype(np.float32)
    specks = (rng.random(images.shape) < 0.02) * rng.random(images.shape).astype(np.float32)
    rows = np.arange(height)[:, None]
    columns = np.arange(width)[None, :]
    angle = rng.uniform(0, np.pi, (count, 1, 1))
    offset = rng.uniform(-12, 12, (count, 1, 1))
    distance = np.abs(
        np.sin(angle) * (columns - width / 2) + np.cos(angle) * (rows - height / 2) - offset
    )
    line = np.clip(1.2 - distance, 0, 1) * rng.uniform(0.3, 1, (count, 1, 1))
    changed = np.select(
        [kind == 0, kind == 1],
        [images + grain, np.maximum(images, specks)],
        np.maximum(images, line),
    )
    return np.clip(changed, 0, 1).astype(np.float32)


def photograph(pictures: np.ndarray, *, seed: int | np.random.Generator) -> np.ndarray:
    """Make drawings look like photos of paper: pale ink, uneven light, grain.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (N, H, W)
        Bright ink on a black ground, as :func:`digitcnn.synthesis.draw_digits` draws it.
    seed : int or numpy.random.Generator
        The same seed gives the same photos.

    Returns
    -------
    photos : ndarray of uint8, shape (N, H, W)
        Dark ink on lit paper.
    """
    rng = generator_of(seed)
    count, height, width = pictures.shape
    shape = (count, 1, 1)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    paper = rng.uniform(0.5, 0.95, shape).astype(np.float32)
    slope = rng.normal(0, 0.06, (2, count, 1, 1)).astype(np.float32)
    vignette = np.abs(rng.normal(0, 0.04, shape)).astype(np.float32)
    light = paper + slope[0] * rows + slope[1] * columns - vignette * (rows**2 + columns**2)
    depth = rng.uniform(0.35, 0.9, shape).astype(np.float32)
    grain = rng.normal(0, 1, pictures.shape).astype(np.float32)
    grain *= rng.uniform(0.002, 0.03, shape).astype(np.float32)
    photos = light * (1 - depth * (pictures / np.float32(255))) + grain
    return np.rint(np.clip(photos, 0, 1) * 255).astype(np.uint8)
