"""What a network learns from: given images, drawn ones, and the batches of an epoch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitcnn.augmentation import Augmentation, augment, photograph
from digitcnn.datasets import one_hot
from digitcnn.errors import NoDigitError
from digitcnn.preprocessing import preprocess
from digitcnn.strokes import draw_digits, draw_nondigits
from digitcnn.training.recipes import Recipe

_NUM_CLASSES = 10

# Each epoch takes another part of a pool this many times as large as what it needs.
_POOL_EPOCHS = 3
# A third of the drawings are seen as photos, with uneven light and grain.
_PHOTO_PART = 3


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

    @classmethod
    def of(cls, images: Any, labels: np.ndarray) -> Samples:
        """Preprocess images and one-hot their labels."""
        return cls(_to_pixels(preprocess(images)), one_hot(labels))


def _to_pixels(batch: np.ndarray) -> np.ndarray:
    """Store a canonical batch, whose values are steps of 1/255, without loss."""
    return np.rint(batch[..., 0] * 255).astype(np.uint8)


def draw_pool(
    recipe: Recipe, *, seed: int, progress: Callable[[str], None]
) -> tuple[Samples, Samples]:
    """Draw the pools of digits and of other things that the epochs take their part from."""
    num_digits = recipe.drawn_digits * _POOL_EPOCHS
    num_nondigits = recipe.drawn_nondigits * _POOL_EPOCHS
    digits, targets = [], []
    nondigits = []
    chunk = 1000
    for start in range(0, num_digits, chunk):
        pictures, labels = draw_digits(min(chunk, num_digits - start), seed=_mix(seed, 1, start))
        pixels, kept = _as_seen(pictures, seed=_mix(seed, 2, start))
        digits.append(pixels)
        targets.append(one_hot(labels[kept]))
        progress(f"drawing digits: {start + len(pictures)} of {num_digits}")
    for start in range(0, num_nondigits, chunk):
        pictures = draw_nondigits(min(chunk, num_nondigits - start), seed=_mix(seed, 3, start))
        pixels, _ = _as_seen(pictures, seed=_mix(seed, 4, start))
        nondigits.append(pixels)
        progress(f"drawing what is no digit: {start + len(pictures)} of {num_nondigits}")
    empty = np.zeros((0, 28, 28), np.uint8)
    other = np.concatenate([empty, *nondigits])
    no_targets = np.zeros((0, _NUM_CLASSES), np.float32)
    return (
        Samples(np.concatenate([empty, *digits]), np.concatenate([no_targets, *targets])),
        Samples(other, np.full((len(other), _NUM_CLASSES), 1 / _NUM_CLASSES, np.float32)),
    )


def _as_seen(pictures: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Preprocess drawings, some of them as photos; also tell which could be read at all."""
    rng = np.random.default_rng(seed)
    seen = pictures.copy()
    photos = rng.integers(0, _PHOTO_PART, len(pictures)) == 0
    seen[photos] = photograph(pictures[photos], seed=rng)
    pixels, kept = [], []
    for index, picture in enumerate(seen):
        try:
            pixels.append(_to_pixels(preprocess(picture))[0])
        except NoDigitError:
            continue
        kept.append(index)
    return np.array(pixels, np.uint8).reshape(-1, 28, 28), np.array(kept, np.int64)


def _mix(*parts: int) -> int:
    """Make one seed of several numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


@dataclass
class EpochPlan:
    """The order in which one epoch goes through all samples, and their changes.

    Every choice follows from the seed, the epoch and the step, so that a training that was
    interrupted goes on just as it would have.
    """

    given: Samples
    drawn: tuple[Samples, Samples]
    parts: tuple[int, int]
    augmentation: Augmentation | None
    batch_size: int
    seed: int

    @property
    def num_steps(self) -> int:
        """Batches in an epoch; the last one may be smaller."""
        drawn = sum(min(part, len(pool)) for pool, part in zip(self.drawn, self.parts, strict=True))
        return -(-(len(self.given) + drawn) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Shuffle the given samples with this epoch's part of the drawn ones."""
        rng = np.random.default_rng([self.seed, epoch, 0])
        chosen = [np.arange(len(self.given))]
        start = len(self.given)
        for pool, part in zip(self.drawn, self.parts, strict=True):
            picked = rng.choice(len(pool), min(part, len(pool)), replace=False)
            chosen.append(start + picked)
            start += len(pool)
        return rng.permutation(np.concatenate(chosen))

    def batches(self, *, first_epoch: int) -> Iterator[tuple[Any, Any]]:
        """Yield the batches of one epoch after the other, without end.

        A plain generator, because Keras shuffles the batches of a `PyDataset` by its own global
        seed, reads some of them twice, and ends epochs before they begin (Keras 3.15).
        """
        for epoch in itertools.count(first_epoch):
            order = self.order(epoch)
            for step in range(self.num_steps):
                start = step * self.batch_size
                yield self.batch(order[start : start + self.batch_size], epoch=epoch, step=step)

    def batch(self, indices: np.ndarray, *, epoch: int, step: int) -> tuple[Any, Any]:
        """Gather, scale and augment one batch."""
        pixels = np.empty((len(indices), 28, 28), np.uint8)
        targets = np.empty((len(indices), _NUM_CLASSES), np.float32)
        start = 0
        for samples in (self.given, *self.drawn):
            inside = (indices >= start) & (indices < start + len(samples))
            pixels[inside] = samples.pixels[indices[inside] - start]
            targets[inside] = samples.targets[indices[inside] - start]
            start += len(samples)
        batch = (pixels / np.float32(255))[..., None]
        if self.augmentation is not None:
            rng = np.random.default_rng([self.seed, epoch, step + 1])
            batch = augment(batch, seed=rng, augmentation=self.augmentation)
        return batch, targets
