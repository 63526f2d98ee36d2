"""What the network learns that tells one digit's ink from all else, and how well it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops
from PIL import Image

from digitcnn.augmentation import DAMAGES, damage
from digitcnn.preprocessing import (
    INK_SIDE,
    as_ink_input,
    fit_square,
    to_canonical,
    window_around,
    with_margin,
)
from digitcnn.synthesis import Page
from digitcnn.synthesis.pages import IGNORED

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

_NUM_DIGITS = 10
_PIXEL_MAX = 255
_PLAIN = 60  # of 255: a pixel of the ink's box
_LEAST_SIDE = 10  # pixels: smaller digits are left out
# How far from the truth the detector's boxes lie, in longer sides: a standard deviation; now and
# then it is so many times as large.
_SHAKE, _OFTEN, _FAR = 0.05, 0.85, 2.5
# Sometimes the box holds a part of the digit alone, as the loop of a 9: so much is lost at an edge.
_PARTS, _LOST = 0.1, (0.15, 0.55)
# So many pages are cut to their digit, so far inside and outside of its box, in longer sides.
_CUT, _INSIDE, _OUTSIDE = 0.25, 0.05, 0.07
# So many are brought to MNIST's scale and damaged there, but for what changes or moves the ink
# itself; so many of these are shown as their negatives.
_COARSE, _NEGATIVE = 0.18, 0.3
_OF_INK = ("shear", "scale", "rotation", "shift", "outline")
_IN_PLACE = [kind for kind in DAMAGES if kind not in _OF_INK]
_INK_SHARE = 2.0
_CHUNK = 64


def ink_examples(pages: list[Page], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Look closely at the digit of each page that shows one, as `preprocess` would.

    Parameters
    ----------
    pages : list of Page
    rng : numpy.random.Generator
        Shakes the boxes that are looked at.

    Returns
    -------
    squares : ndarray of float32, shape (N, INK_SIDE, INK_SIDE, 1)
    ink : ndarray of float32, shape (N, INK_SIDE / 2, INK_SIDE / 2, 4)
        How much of each pixel is the digit's ink, in cells of 2 x 2.
    """
    boxes = [_digit_box(page) for page in pages]
    pairs = [
        _look(page, box, rng) for page, box in zip(pages, boxes, strict=True) if box is not None
    ]
    squares, inks = np.array(pairs or np.zeros((0, 2, INK_SIDE, INK_SIDE)), np.uint8).swapaxes(0, 1)
    cells = inks.reshape(-1, INK_SIDE // 2, 2, INK_SIDE // 2, 2).swapaxes(2, 3)
    targets = cells.reshape(-1, INK_SIDE // 2, INK_SIDE // 2, 4) / np.float32(_PIXEL_MAX)
    return as_ink_input(squares), targets


def _digit_box(page: Page) -> Floats | None:
    """Return the box of the digit's ink on a page that shows one, whole and not tiny."""
    is_digit = (page.labels >= 0) & (page.labels < _NUM_DIGITS)
    if is_digit.sum() != 1 or (page.labels == IGNORED).any() or not (page.ink > _PLAIN).any():
        return None
    box = _box_of(page.ink)
    return box if _side(box) >= _LEAST_SIDE else None


def _box_of(ink: Pixels) -> Floats:
    rows, columns = np.nonzero(ink > _PLAIN)
    edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return np.array(edges, np.float32)


def _side(box: Floats) -> float:
    return float((box[2:] - box[:2]).max())


def _look(page: Page, box: Floats, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Cut out the digit, not quite where it is, and its ink likewise."""
    picture, ink = page.picture, page.ink
    small = to_canonical(ink / np.float32(_PIXEL_MAX)) if rng.random() < _COARSE else None
    if small is not None:
        picture, ink, box = _damaged(small, rng)
    elif rng.random() < _CUT:
        picture, ink, box = _cut(picture, ink, box, rng)
    shake = _SHAKE * (1 if rng.random() < _OFTEN else _FAR)
    if rng.random() < _PARTS:
        edge = rng.integers(4)
        box = box.copy()
        box[edge] += rng.uniform(*_LOST) * (box[(edge + 2) % 4] - box[edge])
    box = box + rng.normal(0, shake, 4).astype(np.float32) * _side(box)
    window = window_around(box, ink.shape)
    square, place = fit_square(picture[window])
    height, width = square[place].shape
    part = ink[window]
    method = Image.Resampling.BOX if height < len(part) else Image.Resampling.BILINEAR
    ink = np.zeros_like(square)
    ink[place] = np.asarray(Image.fromarray(part).resize((width, height), method))
    return square, ink


def _cut(
    picture: Pixels, ink: Pixels, box: Floats, rng: np.random.Generator
) -> tuple[Pixels, Pixels, Floats]:
    """Cut a page to its digit, as people do, and add the margin that `preprocess` would."""
    apart = rng.uniform(-_OUTSIDE, _INSIDE, 4) * _side(box)
    left, top, right, bottom = np.rint(box + apart * (1, 1, -1, -1)).astype(int).clip(0).tolist()
    rows, columns = slice(top, max(bottom, top + 2)), slice(left, max(right, left + 2))
    cut = picture[rows, columns]
    wide, margin = with_margin(cut)
    box = box - (left, top) * 2
    box = box.clip(0, cut.shape[::-1] * 2) + margin
    return wide, np.pad(ink[rows, columns], margin), box.astype(np.float32)


def _damaged(digit: Floats, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats]:
    """Damage a canonical image; the ink is to be found as it was."""
    clean = np.rint(digit[..., 0] * _PIXEL_MAX).astype(np.uint8)
    picture = damage(clean[None], seed=rng, kinds=_IN_PLACE)[0]
    if rng.random() < _NEGATIVE:
        picture = _PIXEL_MAX - picture
    picture, margin = with_margin(picture)
    return picture, np.pad(clean, margin), _box_of(clean) + np.float32(margin)


def ink_loss(ink: Any, logits: Any, *, valid: Any = 1.0) -> Any:
    """Compute the ink's cross entropy, pixel by pixel, and Dice's coefficient of each page [1]_.

    Most of a page is no ink; the second does not care how much there is of that, and counts a
    page of hairlines as much as one of markers.

    .. [1] Milletari, Navab, Ahmadi, 3DV 2016. arXiv:1606.04797
    """
    losses = -(ink * ops.log_sigmoid(logits) + (1 - ink) * ops.log_sigmoid(-logits))
    return _INK_SHARE * ops.mean(valid * losses) + ops.mean(1 - _dice(ink, ops.sigmoid(logits)))


def _dice(ink: Any, found: Any) -> Any:
    """Compute how alike two maps of ink are, page by page, in [0, 1]."""
    page = (1, 2, 3)
    both = ops.sum(found * found, axis=page) + ops.sum(ink * ink, axis=page)
    return (2 * ops.sum(found * ink, axis=page) + 1) / (both + 1)


def measure_ink(pages: list[Page]) -> Callable[[Any], dict[str, float]]:
    """Return what measures how alike a network's ink and that of pages are: Dice's coefficient."""
    squares, ink = ink_examples(pages, np.random.default_rng(len(pages)))

    def measure(model: Any) -> dict[str, float]:
        if not len(squares):  # none of few small pages shows a digit whole
            return {}
        logits = model.predict(squares, batch_size=_CHUNK, verbose=0)
        alike = ops.convert_to_numpy(_dice(ink, ops.sigmoid(logits)))
        return {"ink_dice": float(np.mean(alike))}

    return measure
