"""Damage that befalls a picture of 28 x 28 pixels: noise, blur, stripes, lines.

Unlike the changes of `augment`, these act on the picture, not on the canonical image: what is
damaged is then preprocessed like any picture. The kinds are those that the literature names [1]_;
the code is this project's own.

References
----------
.. [1] Mu, Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision, 2019. arXiv:1906.02337
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from digitcnn._checks import array_of, generator_of
from digitcnn.augmentation._changes import moved
from digitcnn.errors import InvalidArgumentError

SIDE = 28
PIXEL_MAX = 255

Damage = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def damage(
    images: np.ndarray, *, seed: int | np.random.Generator, kinds: Sequence[str] | None = None
) -> np.ndarray:
    """Damage each picture in one way, drawn at random.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, 28, 28)
        Bright ink on black, as MNIST holds it.
    seed : int or numpy.random.Generator
        The same seed does the same damage.
    kinds : sequence of str, optional
        Names in `DAMAGES` to draw from; by default all.

    Returns
    -------
    damaged : ndarray of uint8, shape (N, 28, 28)
        The pictures, each still to be read by a person for the most part.

    Raises
    ------
    InvalidArgumentError
        If a kind is unknown, or the images are of another form.

    Examples
    --------
    >>> import numpy as np
    >>> from digitcnn.augmentation import damage
    >>> damage(np.zeros((1, 28, 28), np.uint8), seed=0, kinds=["shift"]).max()
    np.uint8(0)
    """
    names = list(DAMAGES) if kinds is None else list(kinds)
    unknown = [name for name in names if name not in DAMAGES]
    if unknown or not names:
        raise InvalidArgumentError(
            argument="kinds",
            rule=f"be among {', '.join(DAMAGES)}",
            got=unknown,
            remedy="Leave it out for all.",
        )
    images = array_of("images", images)
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
        raise InvalidArgumentError(
            argument="images",
            rule="be uint8 of shape (N, 28, 28)",
            got=f"{images.dtype} of shape {images.shape}",
            remedy="Take them as load_mnist() gives them.",
        )
    rng = generator_of(seed)
    damaged = np.empty_like(images)
    for index, name in enumerate(rng.choice(names, len(images))):
        damaged[index] = np.rint(DAMAGES[name](images[index], rng))
    return damaged


def affine(matrix: Callable[[np.random.Generator], np.ndarray]) -> Damage:
    """Move the picture about its middle by a 2 x 2 matrix."""

    def damage(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        inverse = np.linalg.inv(matrix(rng))
        middle = (SIDE - 1) / 2
        offset = middle - inverse @ [middle, middle]
        coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
        moved = Image.fromarray(image).transform(
            (SIDE, SIDE), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
        )
        return np.asarray(moved)

    return damage


def turn(rng: np.random.Generator) -> np.ndarray:
    """Turn by 15 to 35 degrees either way."""
    angle = np.deg2rad(rng.uniform(15, 35)) * rng.choice([-1, 1])
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def slant(rng: np.random.Generator) -> np.ndarray:
    """Slant by about 30 degrees either way."""
    return np.array([[1, rng.uniform(0.3, 0.7) * rng.choice([-1, 1])], [0, 1]])


def shrink(rng: np.random.Generator) -> np.ndarray:
    """Shrink to about a half."""
    return np.eye(2) * rng.uniform(0.4, 0.7)


def shift(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift by up to 7 pixels; what leaves the frame is lost."""
    rows, columns = rng.integers(-7, 8, 2)
    moved = np.zeros_like(image)
    source = image[max(0, -rows) : SIDE - max(0, rows), max(0, -columns) : SIDE - max(0, columns)]
    top, left = max(0, rows), max(0, columns)
    moved[top : top + source.shape[0], left : left + source.shape[1]] = source
    return moved


def grain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Count photons: noise that grows with brightness."""
    brightest = rng.uniform(3, 12)  # photons to a pixel
    counted = rng.poisson(image / PIXEL_MAX * brightest + rng.choice([0, 0.15]))
    return np.clip(counted / brightest * PIXEL_MAX, 0, PIXEL_MAX)


def specks(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn up to a fifth of the pixels black or white."""
    chance, part = rng.random(image.shape), rng.uniform(0.02, 0.1)
    return np.where(chance < part, 0, np.where(chance > 1 - part, PIXEL_MAX, image))


def frosted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Swap pixels with near ones, as rough glass does, and blur."""
    rows, columns = np.indices(image.shape)
    rows = np.clip(rows + rng.integers(-1, 2, image.shape), 0, SIDE - 1)
    columns = np.clip(columns + rng.integers(-1, 2, image.shape), 0, SIDE - 1)
    scattered = Image.fromarray(image[rows, columns])
    return np.asarray(scattered.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1))))


def jolted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Smear along one direction, as a moving camera does."""
    angle, reach = rng.uniform(0, np.pi), rng.uniform(2, 4)
    steps = np.linspace(-reach, reach, 13)
    total = np.zeros(image.shape)
    for step in steps:
        shifted = moved(image, round(step * np.sin(angle)), 0)
        total += moved(shifted, round(step * np.cos(angle)), 1)
    return total / len(steps)


def brighter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lift everything by up to two thirds of full scale."""
    return np.clip(image + rng.uniform(0.35, 0.65) * PIXEL_MAX, 0, PIXEL_MAX)


def striped(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn a band across the picture, or one at each side of it, into its negative."""
    upright = rng.random() < 0.7
    changed = image.copy() if upright else image.T.copy()
    if rng.random() < 0.5:
        start, width = int(rng.integers(0, 20)), int(rng.integers(4, 10))
        bands = [(start, start + width)]
    else:
        first, last = (int(width) for width in rng.integers(4, 9, 2))
        bands = [(0, first), (SIDE - last, SIDE)]
    for left, right in bands:
        changed[:, left:right] = PIXEL_MAX - changed[:, left:right]
    return changed if upright else changed.T


def fog(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay clouds of several sizes over the picture, smooth or ragged, thin or thick."""
    cloud, total = np.zeros((SIDE, SIDE)), 0.0
    decay = rng.uniform(0.45, 0.75)
    for octave, knots in enumerate((3, 5, 9, 17)):
        knot_values = Image.fromarray(rng.random((knots, knots)).astype(np.float32))
        layer = np.asarray(knot_values.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        cloud += decay**octave * layer
        total += decay**octave
    cloud = np.clip(cloud / total, 0, 1)
    thickness = rng.uniform(0.4, 2)
    hazy = (image / PIXEL_MAX + thickness * cloud) / (1 + thickness * rng.uniform(0.5, 1))
    return np.clip(hazy, 0, 1) * PIXEL_MAX


def spattered(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Let drops fall on the picture: of ink, or of what washes it away."""
    noise = Image.fromarray(rng.random((SIDE, SIDE)).astype(np.float32) * PIXEL_MAX).convert("L")
    drops = np.asarray(noise.filter(ImageFilter.GaussianBlur(rng.uniform(0.8, 1.5))), np.float64)
    drops = (drops - drops.mean()) / drops.std() > rng.uniform(1.2, 1.8)
    if rng.random() < 0.3:
        return np.where(drops, rng.uniform(0, 0.4) * PIXEL_MAX, image)
    return np.clip(image + np.where(drops, rng.uniform(0.4, 1) * PIXEL_MAX, 0), 0, PIXEL_MAX)


def lined(*, dotted: bool, kinked: bool) -> Damage:
    """Draw a line over the picture, from side to side or from top to bottom."""

    def damage(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        upright = rng.random() < 0.3
        canvas = Image.fromarray(image.T.copy() if upright else image)
        draw = ImageDraw.Draw(canvas)
        fill = int(rng.uniform(0.6, 1) * PIXEL_MAX)
        columns = np.linspace(0, SIDE - 1, rng.integers(6, 13) if kinked else 2)
        rows = np.linspace(rng.uniform(2, 25), rng.uniform(2, 25), len(columns))
        if kinked:
            height = rng.uniform(1.5, 4)
            rows = rows + np.where(np.arange(len(columns)) % 2, height, -height)
        points = list(zip(columns, rows, strict=True))
        if not dotted:
            draw.line(points, fill=fill, width=int(rng.integers(1, 3)))
        else:
            size, gap = int(rng.integers(0, 2)), int(rng.integers(2, 5))
            for column in range(0, SIDE, gap + size):
                row = float(np.interp(column, columns, rows))
                corners = [float(column), row, float(column + size), row + size]
                draw.rectangle(corners, fill=fill)
        return np.asarray(canvas).T if upright else np.asarray(canvas)

    return damage


def outlined(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep the outline of the strokes alone: the last pixels within, or the first without."""
    ink = image > rng.uniform(0.15, 0.6) * PIXEL_MAX
    inner, outer = ink.copy(), ink.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inner &= moved(ink, step, axis)
        outer |= moved(ink, step, axis)
    outline = ink & ~inner if rng.random() < 0.5 else outer & ~ink
    return np.where(outline, PIXEL_MAX, 0)


DAMAGES: dict[str, Damage] = {
    "grain": grain,
    "specks": specks,
    "frosted glass": frosted,
    "motion": jolted,
    "shear": affine(slant),
    "scale": affine(shrink),
    "rotation": affine(turn),
    "brightness": brighter,
    "shift": shift,
    "stripe": striped,
    "fog": fog,
    "spatter": spattered,
    "dotted line": lined(dotted=True, kinked=False),
    "zigzag line": lined(dotted=False, kinked=True),
    "outline": outlined,
}
