"""What a network learns from: given images, drawn ones, and the batches of an epoch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from digitcnn.augmentation import Augmentation, augment, damage, photograph
from digitcnn.datasets import one_hot
from digitcnn.errors import NoDigitError
from digitcnn.preprocessing import preprocess
from digitcnn.synthesis import draw_digits, draw_nondigits
from digitcnn.training.recipes import Recipe

_NUM_CLASSES = 10
_PIXEL_MAX = 255
_LIKE_NONE = np.float32(1 / _NUM_CLASSES)  # what each digit gets of a picture that is none

_FULL_SIZE = 60_000  # images: what the recipes' counts are meant for

# The fields of a recipe that count what is drawn for it.
POOLS = ("drawn_digits", "drawn_nondigits", "damaged")
# Each epoch draws its part anew from a pool this many times as large.
_POOL_EPOCHS = 3
# A third of the drawings are seen as photos, with uneven light and grain.
_PHOTO_PART = 3
# Of the damaged copies, so many are cut to their box and stretched to a square.
_STRETCHED_PART = 5
_POOL_CHUNK = 200

# Makes so many pictures, from a seed, with what is to be learnt of them.
_Make = Callable[[int, int], tuple[Iterable[np.ndarray], np.ndarray]]


@dataclass
class Samples:
    """Images with what is to be learnt of them.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (N, 28, 28)
        Canonical images; a quarter of what float32 would take.
    targets : ndarray of float32, shape (N, 10)
        Probabilities.
    """

    pixels: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self) -> np.ndarray:
        """Return all images as a canonical batch."""
        return (self.pixels / np.float32(255))[..., None]

    @classmethod
    def of(cls, images: Any, labels: np.ndarray) -> Samples:
        """Preprocess images and one-hot their labels."""
        return cls(_to_pixels(preprocess(images)), one_hot(labels))


def _to_pixels(batch: np.ndarray) -> np.ndarray:
    """Store a canonical batch, whose values are steps of 1/255, without loss."""
    return np.rint(batch[..., 0] * 255).astype(np.uint8)


def make_pools(
    recipe: Recipe, given: Samples, *, seed: int, progress: Callable[[int], None]
) -> list[Samples]:
    """Make the pools that the epochs take their part from: digits, other things, damaged copies.

    `progress` is told how many more pictures are made, out of `pool_size`.
    """

    def digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        pictures, labels = draw_digits(count, seed=seed)
        return _some_photographed(pictures, seed=seed), one_hot(labels)

    def nondigits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        pictures = draw_nondigits(count, seed=seed)
        alike = np.full((count, _NUM_CLASSES), _LIKE_NONE, np.float32)
        return _some_photographed(pictures, seed=seed), alike

    def damaged(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
        rng = np.random.default_rng(seed)
        chosen = rng.integers(0, len(given), count)
        pictures = list(damage(given.pixels[chosen], seed=rng))
        for index in np.flatnonzero(rng.integers(0, _STRETCHED_PART, count) == 0):
            pictures[index] = _stretched(given.pixels[chosen[index]], rng)
        return pictures, given.targets[chosen]

    makes: tuple[_Make, ...] = (digits, nondigits, damaged)
    return [
        _make_pool(make, part * _POOL_EPOCHS, seed=mix(seed, kind), progress=progress)
        for kind, (make, part) in enumerate(zip(makes, parts(recipe, len(given)), strict=True))
    ]


def pool_size(recipe: Recipe, num_images: int) -> int:
    """Count the pictures in all pools together."""
    return sum(parts(recipe, num_images)) * _POOL_EPOCHS


def parts(recipe: Recipe, num_images: int) -> tuple[int, ...]:
    """Return how many of each pool an epoch over so many images takes."""
    scale = min(1, num_images / _FULL_SIZE)
    return tuple(round(getattr(recipe, name) * scale) for name in POOLS)


def _make_pool(
    make: _Make,
    total: int,
    *,
    seed: int,
    progress: Callable[[int], None],
) -> Samples:
    """Make pictures and preprocess them, some at a time; drop those with nothing to read."""
    pixels = [np.zeros((0, 28, 28), np.uint8)]
    targets = [np.zeros((0, _NUM_CLASSES), np.float32)]
    for start in range(0, total, _POOL_CHUNK):
        pictures, wanted = make(min(_POOL_CHUNK, total - start), mix(seed, start))
        for picture, target in zip(pictures, wanted, strict=True):
            try:
                pixels.append(_to_pixels(preprocess(picture)))
            except NoDigitError:
                continue
            targets.append(target[None])
        progress(len(wanted))
    return Samples(np.concatenate(pixels), np.concatenate(targets))


def _some_photographed(pictures: np.ndarray, *, seed: int) -> np.ndarray:
    """See some drawings as photos."""
    rng = np.random.default_rng(seed)
    seen = pictures.copy()
    photos = rng.integers(0, _PHOTO_PART, len(pictures)) == 0
    seen[photos] = photograph(pictures[photos], seed=rng)
    return seen


def _stretched(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut to the box of the ink or of what a threshold leaves, and stretch it to a square."""
    rows, columns = np.nonzero(image > rng.choice([0, 0.5]) * image.max())
    box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = int(rng.integers(16, 29))
    square = np.asarray(Image.fromarray(box).resize((side, side), Image.Resampling.BICUBIC))
    if rng.random() < 1 / 3:
        square = np.where(square > _PIXEL_MAX // 2, np.uint8(_PIXEL_MAX), np.uint8(0))
    return square if rng.random() < 1 / 2 else _PIXEL_MAX - square


def mix(*parts: int) -> int:
    """Make one seed of several numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


@dataclass
class EpochPlan:
    """The order in which one epoch goes through all samples, and their changes.

    Every choice follows from the seed, the epoch and the step, so that a training that was
    interrupted goes on just as it would have.
    """

    given: Samples
    pools: list[Samples]
    parts: tuple[int, ...]
    augmentation: Augmentation | None
    batch_size: int
    seed: int
    class_weights: np.ndarray | None = None  # of each digit, shape (10,)

    @property
    def num_steps(self) -> int:
        """Batches in an epoch; the last one may be smaller."""
        taken = sum(min(part, len(pool)) for pool, part in zip(self.pools, self.parts, strict=True))
        return -(-(len(self.given) + taken) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Shuffle the given samples with this epoch's part of each pool."""
        rng = np.random.default_rng([self.seed, epoch, 0])
        chosen = [np.arange(len(self.given))]
        start = len(self.given)
        for pool, part in zip(self.pools, self.parts, strict=True):
            picked = rng.choice(len(pool), min(part, len(pool)), replace=False)
            chosen.append(start + picked)
            start += len(pool)
        return rng.permutation(np.concatenate(chosen))

    def batches(self, *, first_epoch: int) -> Iterator[tuple[Any, ...]]:
        """Yield the batches of one epoch after the other, without end.

        A plain generator, because Keras shuffles the batches of a `PyDataset` by its own global
        seed, reads some of them twice, and ends epochs before they begin (Keras 3.15).
        """
        for epoch in itertools.count(first_epoch):
            order = self.order(epoch)
            for step in range(self.num_steps):
                start = step * self.batch_size
                yield self.batch(order[start : start + self.batch_size], epoch=epoch, step=step)

    def batch(self, indices: np.ndarray, *, epoch: int, step: int) -> tuple[Any, ...]:
        """Gather, scale and augment one batch."""
        pixels = np.empty((len(indices), 28, 28), np.uint8)
        targets = np.empty((len(indices), _NUM_CLASSES), np.float32)
        start = 0
        for samples in (self.given, *self.pools):
            inside = (indices >= start) & (indices < start + len(samples))
            pixels[inside] = samples.pixels[indices[inside] - start]
            targets[inside] = samples.targets[indices[inside] - start]
            start += len(samples)
        batch = Samples(pixels, targets).batch()
        if self.augmentation is not None:
            rng = np.random.default_rng([self.seed, epoch, step + 1])
            batch = augment(batch, seed=rng, augmentation=self.augmentation)
        if self.class_weights is not None:
            return batch, targets, targets @ self.class_weights
        return batch, targets
