"""Which pieces of the ink belong to the digit, and what is noise."""

from __future__ import annotations

from itertools import product

import numpy as np

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing._components import find_components

# More pieces than this, the largest a small part of them all, are noise.
_MANY_PIECES = 50
_MAIN_PART = 0.1
# Neighbours in noise know nothing of each other: in boxes of 20 x 20 pixels their correlation stays
# below 0.06 in 99 of 100, while that of MNIST's digits reduced to one-pixel outlines, the raggedest
# ink there is, is above it in 95 of 100. Where noise of black and white hangs together in one
# piece, half of all neighbours differ; in those outlines it is 0.44 in 1 of 100. Below so many
# pixels there is no telling.
_NOISE_CORRELATION = 0.05
_NOISE_CHANGES = 0.43
_NOISE_PIXELS = 200
# Of a line's pixels fewer have one neighbour or none, and fewer have four or more, than of noise's.
_LINE_LONE = 0.05
_LINE_CROWDED = 0.4
# No digit of MNIST comes in more than four pieces.
_FEW_PIECES = 6


def select_pieces(mask: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Keep the pieces of ink that make up the digit; drop specks and what the edge cuts.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All ink.
    contrast : ndarray of float32, shape (H, W)
        How strong it is.

    Returns
    -------
    digit : ndarray of bool, shape (H, W)
        The heaviest piece, and others that are large enough or lie within its reach.

    Raises
    ------
    NoDigitError
        If the ink is nothing but specks.
    """
    pieces = find_components(mask)
    if len(pieces.areas) <= 1:
        return mask
    height, width = mask.shape
    tops, lefts, bottoms, rights = pieces.boxes.T
    heights, widths = bottoms - tops, rights - lefts
    touches_edge = (tops == 0) | (lefts == 0) | (bottoms == height) | (rights == width)
    is_line = ((widths >= 0.9 * width) & (heights <= 0.1 * height)) | (
        (heights >= 0.9 * height) & (widths <= 0.1 * width)
    )
    weights = pieces.sums(np.where(mask, contrast, 0))
    standing = np.where(is_line, 0.01, np.where(touches_edge, 0.3, 1.0))
    main = int((weights * standing).argmax())
    _refuse_specks(len(pieces.areas), pieces.areas[main] / pieces.areas.sum())
    shares = weights / weights[main]
    reach = 0.35 * max(heights[main], widths[main])
    gaps = np.maximum(
        np.maximum(tops[main] - bottoms, tops - bottoms[main]),
        np.maximum(lefts[main] - rights, lefts - rights[main]),
    )
    is_part = (shares >= 0.06) & (gaps <= reach) & ~touches_edge & ~is_line
    is_fragment = (shares >= 0.01) & (gaps <= 0)
    keep = is_part | is_fragment
    keep[main] = True
    return pieces.mask(keep)


def drop_specks(mask: np.ndarray) -> np.ndarray:
    """Drop the small pieces of a digit at MNIST's own scale, if it comes in too many.

    A few small pieces may be parts of the digit, where the pen skipped; more are specks.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All ink.

    Returns
    -------
    digit : ndarray of bool, shape (H, W)
        The pieces that are no specks; the same array where there are few.

    Raises
    ------
    NoDigitError
        If the ink is nothing but specks.
    """
    pieces = find_components(mask)
    if len(pieces.areas) <= _FEW_PIECES:
        return mask
    # Before its smaller pieces go, which are what tells it from a digit.
    refuse_noise(mask)
    largest = pieces.areas.max()
    _refuse_specks(len(pieces.areas), largest / pieces.areas.sum())
    return pieces.mask(pieces.areas >= _MAIN_PART * largest)


def _refuse_specks(num_pieces: int, main_part: float) -> None:
    """Refuse ink of many pieces, of which the main one is but a small part."""
    if num_pieces > _MANY_PIECES and main_part < _MAIN_PART:
        raise NoDigitError(
            f"`images` must hold a digit; got a picture of {num_pieces} specks. "
            "Give a picture with one connected digit."
        )


def _is_thin_line(mask: np.ndarray) -> bool:
    """Tell lines one pixel wide, whose pixels have few neighbours each, but hardly any has none."""
    padded = np.pad(mask, 1).astype(np.uint8)
    height, width = mask.shape
    shifts = product(range(3), range(3))
    windows = [padded[y : y + height, x : x + width] for y, x in shifts]
    near = np.sum(windows, axis=0)[mask] - 1
    return bool(np.mean(near <= 1) < _LINE_LONE and np.mean(near >= 4) < _LINE_CROWDED)


def refuse_noise(mask: np.ndarray) -> None:
    """Refuse a mask whose pixels know nothing of their neighbours.

    Raises
    ------
    NoDigitError
        If a pixel's being ink says next to nothing of its eight neighbours.
    """
    if mask.size < _NOISE_PIXELS or min(mask.shape) == 1 or mask.all():
        return
    deviation = mask - np.float32(mask.mean())
    products = (
        deviation[1:] * deviation[:-1],
        deviation[:, 1:] * deviation[:, :-1],
        deviation[1:, 1:] * deviation[:-1, :-1],
        deviation[1:, :-1] * deviation[:-1, 1:],
    )
    covariance = np.mean([product.mean() for product in products])
    changes = [(mask[1:] != mask[:-1]).mean(), (mask[:, 1:] != mask[:, :-1]).mean()]
    is_random = covariance < _NOISE_CORRELATION * np.square(deviation).mean()
    if (is_random or np.mean(changes) > _NOISE_CHANGES) and not _is_thin_line(mask):
        raise NoDigitError(
            "`images` must hold a digit; got a picture of noise. "
            "Give a picture with one connected digit."
        )
