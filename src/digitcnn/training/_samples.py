"""What a network learns from: given images, drawn ones or pages, and the batches of an epoch."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from digitcnn.augmentation import augment, damage, photograph
from digitcnn.datasets import one_hot
from digitcnn.errors import NoDigitError
from digitcnn.preprocessing import preprocess
from digitcnn.synthesis import GlyphBank, Page, draw_digits, draw_nondigits, draw_page
from digitcnn.training.recipes import Pages, Recipe

_NUM_CLASSES = 10
_PIXEL_MAX = 255
_LIKE_NONE = np.float32(1 / _NUM_CLASSES)  # what each digit gets of a picture that is none

_FULL_SIZE = 60_000  # images: what the recipes' counts are meant for

# The fields of a recipe that count what is drawn for it.
_POOLS = ("drawn_digits", "drawn_nondigits", "damaged")
# Each epoch draws its part anew from a pool this many times as large.
_POOL_EPOCHS = 3
# A third of the drawings are seen as photos, with uneven light and grain.
_PHOTO_PART = 3
# Of the damaged copies, so many are cut to their box and stretched to a square.
_STRETCHED_PART = 5
_POOL_CHUNK = 200

# Epochs that share glyphs: to draw them takes as long as hundreds of pages.
_BANK_EPOCHS = 10
_VALIDATION = 1 << 31  # in the place of an epoch
_VALIDATION_PART = 32

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


def describe(*samples: Samples) -> str:
    """Return the SHA-256 of all images and what is to be learnt of them."""
    digest = hashlib.sha256()
    for each in samples:
        digest.update(each.pixels.tobytes())
        digest.update(each.targets.tobytes())
    return digest.hexdigest()


def parts(recipe: Recipe, num_images: int) -> list[int]:
    """Return how many of each pool an epoch over so many images takes."""
    scale = min(1, num_images / _FULL_SIZE)
    return [round(getattr(recipe, name) * scale) for name in _POOLS]


def pool_sizes(recipes: Iterable[Recipe], num_images: int) -> list[int]:
    """Return how large each pool is that serves all of the recipes."""
    each = (parts(recipe, num_images) for recipe in recipes)
    return [_POOL_EPOCHS * max(counts) for counts in zip(*each, strict=True)]


def make_pools(
    sizes: list[int], given: Samples, *, seed: int, progress: Callable[[int], None]
) -> list[Samples]:
    """Make the pools that the epochs take their part from: digits, other things, damaged copies.

    `progress` is told how many more pictures are made.
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

    makes: list[_Make] = [digits, nondigits, damaged]
    return [
        _make_pool(make, size, seed=mix(seed, kind), progress=progress)
        for kind, (make, size) in enumerate(zip(makes, sizes, strict=True))
    ]


def _make_pool(make: _Make, total: int, *, seed: int, progress: Callable[[int], None]) -> Samples:
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
    recipe: Recipe
    seed: int
    class_weights: np.ndarray | None = None  # of each digit, shape (10,)

    def __post_init__(self) -> None:
        """Count what each epoch takes of the pools, which may hold less, and join them."""
        wanted = zip(self.pools, parts(self.recipe, len(self.given)), strict=True)
        self.taken = [min(part, len(pool)) for pool, part in wanted]
        samples = [self.given, *self.pools]
        self.pixels = np.concatenate([each.pixels for each in samples])
        self.targets = np.concatenate([each.targets for each in samples])

    @property
    def num_steps(self) -> int:
        """Batches in an epoch; the last one may be smaller."""
        return -(-(len(self.given) + sum(self.taken)) // self.recipe.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Shuffle the given samples with this epoch's part of each pool."""
        rng = np.random.default_rng([self.seed, epoch, 0])
        chosen = [np.arange(len(self.given))]
        start = len(self.given)
        for pool, taken in zip(self.pools, self.taken, strict=True):
            chosen.append(start + rng.choice(len(pool), taken, replace=False))
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
                start = step * self.recipe.batch_size
                indices = order[start : start + self.recipe.batch_size]
                yield self.batch(indices, epoch=epoch, step=step)

    def batch(self, indices: np.ndarray, *, epoch: int, step: int) -> tuple[Any, ...]:
        """Gather, scale and augment one batch."""
        targets = self.targets[indices]
        batch = Samples(self.pixels[indices], targets).batch()
        if self.recipe.augmentation is not None:
            rng = np.random.default_rng([self.seed, epoch, step + 1])
            batch = augment(batch, seed=rng, augmentation=self.recipe.augmentation)
        if self.class_weights is not None:
            return batch, targets, targets @ self.class_weights
        return batch, targets


@dataclass
class PagePlan:
    """The pages of each epoch, drawn anew, and what a network learns from them.

    Every page follows from the seed, the epoch and the step, so that a training that was
    interrupted goes on just as it would have.
    """

    given: Samples
    pages: Pages
    batch_size: int
    seed: int
    examples: Callable[[list[Page], np.random.Generator], tuple[Any, Any]]

    @property
    def num_steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.pages.count // self.batch_size)

    def batches(self, *, first_epoch: int) -> Iterator[tuple[Any, Any]]:
        """Yield the batches of one epoch after the other, without end.

        TensorFlow draws them ahead, in a thread of its own, while the network learns.
        """
        for epoch in itertools.count(first_epoch):
            if epoch == first_epoch or epoch % _BANK_EPOCHS == 0:
                bank = _make_bank(
                    self.pages, self.given, seed=mix(self.seed, epoch // _BANK_EPOCHS)
                )
            for step in range(self.num_steps):
                rng = np.random.default_rng([self.seed, epoch, step])
                while True:
                    drawn = _draw_pages(self.pages, bank, rng, count=self.batch_size)
                    inputs, targets = self.examples(drawn, rng)
                    if len(inputs):  # all pages of a small batch may have nothing to learn from
                        break
                yield inputs, targets


def _make_bank(pages: Pages, given: Samples, *, seed: int) -> GlyphBank:
    """Draw the hands that pages are written in, and take in the given digits."""
    labels = given.targets.argmax(axis=1)
    return GlyphBank(hands=pages.hands, seed=seed, images=given.pixels, labels=labels)


def _draw_pages(
    pages: Pages, bank: GlyphBank, rng: np.random.Generator, *, count: int
) -> list[Page]:
    """Draw so many pages."""
    size = {"height": pages.height, "width": pages.width}
    return [draw_page(bank, rng, is_single=pages.is_single, **size) for _ in range(count)]


def draw_validation_pages(pages: Pages, kept: Samples, *, seed: int) -> list[Page]:
    """Draw a thirty-second of an epoch, in other hands, with the digits that were kept apart."""
    bank = _make_bank(
        dataclasses.replace(pages, hands=-(-pages.hands // 4)), kept, seed=mix(seed, _VALIDATION)
    )
    count = -(-pages.count // _VALIDATION_PART)
    return _draw_pages(pages, bank, np.random.default_rng([seed, _VALIDATION]), count=count)
