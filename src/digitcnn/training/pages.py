"""Pages to learn from, drawn while a training runs, and what the maps should say of each."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn.detection import to_dark_background
from digitcnn.detection.boxes import BOX_UNIT, STRIDE
from digitcnn.readings import SIGNS
from digitcnn.synthesis import GlyphBank, Page, draw_page
from digitcnn.synthesis.pages import IGNORED, NOTHING
from digitcnn.training._samples import Samples, mix
from digitcnn.training.recipes import Pages

Floats = npt.NDArray[np.float32]

# The channels of what is to be learnt of each cell: how near a digit's or a sign's middle is;
# whether anything may be learnt there; the box, and how much it counts; the name; the ink.
HEAT = slice(0, 1 + len(SIGNS))
VALID = slice(HEAT.stop, HEAT.stop + 1)
BOX_TARGET = slice(VALID.stop, VALID.stop + 4)
BOX_WEIGHT = slice(BOX_TARGET.stop, BOX_TARGET.stop + 1)
NAME_TARGET = slice(BOX_WEIGHT.stop, BOX_WEIGHT.stop + 10)
INK_TARGET = slice(NAME_TARGET.stop, NAME_TARGET.stop + STRIDE * STRIDE)
NUM_TARGETS = INK_TARGET.stop

# Epochs that share glyphs: to draw them takes as long as hundreds of pages.
_BANK_EPOCHS = 10
_NUM_DIGITS = 10
# The peak around a middle: its standard deviation as a part of the box; the least one, in cells.
_PEAK_WIDTH, _PEAK_LEAST = 1 / 6, 0.7
# Of the cells around a middle, which learn the box as well: a peak may come out one cell off.
_NEIGHBOUR_WEIGHT = 0.3
_PIXEL_MAX = 255
_VALIDATION = 1 << 31  # in the place of an epoch
_VALIDATION_PART = 32


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

    def batches(self, *, first_epoch: int) -> Iterator[tuple[Floats, Floats]]:
        """Yield the batches of one epoch after the other, without end.

        TensorFlow draws them ahead, in a thread of its own, while the network learns.
        """
        for epoch in itertools.count(first_epoch):
            if epoch == first_epoch or epoch % _BANK_EPOCHS == 0:
                bank = make_bank(self.pages, self.given, seed=mix(self.seed, epoch // _BANK_EPOCHS))
            for step in range(self.num_steps):
                rng = np.random.default_rng([self.seed, epoch, step])
                while True:
                    drawn = draw_pages(self.pages, bank, rng, count=self.batch_size)
                    inputs, targets = self.examples(drawn, rng)
                    if len(inputs):  # all pages of a small batch may have nothing to learn from
                        break
                yield inputs, targets


def make_bank(pages: Pages, given: Samples, *, seed: int) -> GlyphBank:
    """Draw the hands that pages are written in, and take in the given digits."""
    labels = given.targets.argmax(axis=1)
    return GlyphBank(hands=pages.hands, seed=seed, images=given.pixels, labels=labels)


def draw_pages(
    pages: Pages, bank: GlyphBank, rng: np.random.Generator, *, count: int
) -> list[Page]:
    """Draw so many pages."""
    return [draw_page(bank, rng, height=pages.height, width=pages.width) for _ in range(count)]


def draw_validation_pages(pages: Pages, kept: Samples, *, seed: int) -> list[Page]:
    """Draw a thirty-second of an epoch, in other hands, with the digits that were kept apart."""
    bank = make_bank(
        dataclasses.replace(pages, hands=-(-pages.hands // 4)), kept, seed=mix(seed, _VALIDATION)
    )
    count = -(-pages.count // _VALIDATION_PART)
    return draw_pages(pages, bank, np.random.default_rng([seed, _VALIDATION]), count=count)


def page_examples(pages: list[Page], _: np.random.Generator) -> tuple[Floats, Floats]:
    """Return pages as the detector takes them, with what its maps should say."""
    return as_batch(pages), np.stack([make_targets(page) for page in pages])


def as_batch(pages: list[Page]) -> Floats:
    """Stack pictures of one size as the network takes them, shape (N, H, W, 1)."""
    pictures = np.stack([to_dark_background(page.picture) for page in pages])[..., None]
    batch: Floats = pictures.astype(np.float32) / np.float32(_PIXEL_MAX)
    return batch


def make_targets(page: Page) -> Floats:
    """Write down what the maps should say of a page, shape (H / 4, W / 4, NUM_TARGETS).

    At the middle of each box is a peak of 1 that falls off as a bell does; its cell, and its
    neighbours with less weight, know the box and the name. Larger boxes come first, so that the
    smaller ones within them count. What the page's edge cuts in two is left to the network.
    """
    height, width = page.picture.shape
    rows, columns = height // STRIDE, width // STRIDE
    targets = np.zeros((rows, columns, NUM_TARGETS), np.float32)
    targets[..., VALID] = 1
    left, top, right, bottom = page.boxes.T
    for index in np.argsort(-(right - left) * (bottom - top)):
        label = int(page.labels[index])
        if label == IGNORED:
            x0, y0, x1, y1 = (max(0, int(edge / STRIDE)) for edge in page.boxes[index])
            targets[y0 : y1 + 1, x0 : x1 + 1, VALID] = 0
        elif label != NOTHING:
            _mark(targets, page.boxes[index], label)
    ink = page.ink.reshape(rows, STRIDE, columns, STRIDE).swapaxes(1, 2)
    targets[..., INK_TARGET] = ink.reshape(rows, columns, -1) / np.float32(_PIXEL_MAX)
    return targets


def _mark(targets: Floats, box: Floats, label: int) -> None:
    """Mark one digit or sign in the targets."""
    rows, columns = targets.shape[:2]
    left, top, right, bottom = (float(edge) for edge in box)
    across, down = (left + right) / 2 / STRIDE, (top + bottom) / 2 / STRIDE
    column, row = min(columns - 1, int(across)), min(rows - 1, int(down))
    targets[row, column, VALID] = 1
    wide = max(_PEAK_LEAST, (right - left) / STRIDE * _PEAK_WIDTH)
    tall = max(_PEAK_LEAST, (bottom - top) / STRIDE * _PEAK_WIDTH)
    bell = np.outer(
        np.exp(-0.5 * ((np.arange(rows) - row) / tall) ** 2),
        np.exp(-0.5 * ((np.arange(columns) - column) / wide) ** 2),
    ).astype(np.float32)
    heat = targets[..., max(0, label - _NUM_DIGITS + 1)]
    np.maximum(heat, bell, out=heat)
    for near_row, near_column in itertools.product(
        range(max(0, row - 1), min(rows, row + 2)),
        range(max(0, column - 1), min(columns, column + 2)),
    ):
        cell = targets[near_row, near_column]
        is_middle = (near_row, near_column) == (row, column)
        if cell[BOX_WEIGHT] == 1 or (cell[BOX_WEIGHT] > 0 and not is_middle):
            continue  # another's
        cell[BOX_TARGET] = (
            across - near_column,
            down - near_row,
            np.log((right - left) / BOX_UNIT),
            np.log((bottom - top) / BOX_UNIT),
        )
        cell[BOX_WEIGHT] = 1 if is_middle else _NEIGHBOUR_WEIGHT
        cell[NAME_TARGET] = 0
        if label < _NUM_DIGITS:
            cell[NAME_TARGET.start + label] = 1
