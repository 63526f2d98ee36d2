"""Drawn digits, things that are none, and pages of them: what networks learn from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from digitcnn._checks import NUM_CLASSES, shown, whole_number
from digitcnn.errors import InvalidArgumentError
from digitcnn.synthesis.digits import DIGITS
from digitcnn.synthesis.glyphs import GlyphBank
from digitcnn.synthesis.hands import draw_form, sample_hand
from digitcnn.synthesis.nondigits import draw_nondigit
from digitcnn.synthesis.pages import Page, draw_page

__all__ = ["GlyphBank", "Page", "draw_digits", "draw_nondigits", "draw_page"]


def draw_digits(
    count: int,
    *,
    seed: int,
    digits: Iterable[int] | None = None,
    side: int = 96,
    hand: int | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw handwritten digits in all common ways of writing them.

    Parameters
    ----------
    count : int
        How many to draw.
    seed : int
        The same seed draws the same digits.
    digits : iterable of int, optional
        The digits to draw from, each equally often; all ten by default.
    side : int
        Height and width of each image in pixels, from 20 to 2048.
    hand : int, optional
        Draw everything as the person of this number writes: one form for each digit, one slant,
        one pen, with only small differences from one time to the next. By default every digit is
        by another person.

    Returns
    -------
    images : ndarray of uint8, shape (count, side, side)
        Ink bright on a background of 0.
    labels : ndarray of int64, shape (count,)
        The digit in each image, in random order.

    Raises
    ------
    InvalidArgumentError
        If an argument lies outside what is described above.

    See Also
    --------
    draw_nondigits : Draws what is no digit.

    Examples
    --------
    >>> images, labels = draw_digits(4, seed=0, digits=[1, 7], side=28)
    >>> images.shape, sorted(labels.tolist())
    ((4, 28, 28), [1, 1, 7, 7])
    """
    count, rng, side = _checked(count, seed, side)
    kinds = _checked_digits(digits)
    if hand is not None:
        hand = whole_number("hand", hand, most=None, such_as=0)
    labels = rng.permutation(np.resize(kinds, count)).astype(np.int64)
    images = np.zeros((count, side, side), np.uint8)
    for index, digit in enumerate(labels.tolist()):
        images[index] = _draw_digit(digit, side, rng, hand)
    return images, labels


def draw_nondigits(count: int, *, seed: int, side: int = 96) -> NDArray[np.uint8]:
    """Draw what nobody would read as a digit, with the same pens.

    Scribbles, letters, invented signs, shapes, textures, noise, and digits run together.

    Parameters
    ----------
    count : int
        How many to draw.
    seed : int
        The same seed draws the same images.
    side : int
        Height and width of each image in pixels, from 20 to 2048.

    Returns
    -------
    images : ndarray of uint8, shape (count, side, side)
        Ink bright on a background of 0.

    Raises
    ------
    InvalidArgumentError
        If an argument lies outside what is described above.

    See Also
    --------
    draw_digits : Draws digits.

    Examples
    --------
    >>> draw_nondigits(2, seed=0, side=28).shape
    (2, 28, 28)
    """
    count, rng, side = _checked(count, seed, side)
    images = np.zeros((count, side, side), np.uint8)
    for index in range(count):
        images[index] = draw_nondigit(side, rng)
    return images


def _draw_digit(
    digit: int, side: int, rng: np.random.Generator, hand: int | None
) -> NDArray[np.uint8]:
    """Draw one digit, by anybody or by the given hand."""
    if hand is None:
        return draw_form(DIGITS[digit], sample_hand(rng), side=side, rng=rng, style_rng=rng)
    writer = sample_hand(np.random.default_rng(hand))
    # Seeded anew for each digit, so that the hand's form of it does not depend on what came before.
    style_rng = np.random.default_rng((hand, digit))
    return draw_form(DIGITS[digit], writer, side=side, rng=rng, style_rng=style_rng)


def _checked(count: int, seed: int, side: int) -> tuple[int, np.random.Generator, int]:
    """Check what both public functions take."""
    return (
        whole_number("count", count, such_as=100),
        np.random.default_rng(whole_number("seed", seed, most=None, such_as=0)),
        whole_number("side", side, least=20, most=2048, such_as=96),
    )


def _checked_digits(digits: Iterable[int] | None) -> list[int]:
    """Check the choice of digits."""
    if digits is None:
        return list(range(NUM_CLASSES))
    chosen = list(digits) if np.iterable(digits) else []
    if not chosen:
        raise InvalidArgumentError(
            argument="digits",
            rule="be some of the digits 0 to 9",
            got=shown(digits),
            remedy="Leave it out to draw all ten.",
        )
    return [whole_number("digits", digit, most=NUM_CLASSES - 1, such_as=7) for digit in chosen]
