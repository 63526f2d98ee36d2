"""Claims about drawings of one piece on a flat ground, which take a shorter way to the same end."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from strategies import any_pictures, drawn_digits, nondigits

from digitcnn import NoDigitError, explain, preprocess
from digitcnn.preprocessing import _pipeline
from digitcnn.synthesis import draw_digits

SIDES = (28, 40, 64, 130)
EXTRAS = ("nothing", "speck", "digit", "frame", "line", "edge")


def outcome(picture):
    """Give the canonical pixels, or the words of the refusal."""
    try:
        return preprocess(picture).tobytes()
    except NoDigitError as error:
        return str(error)


def outcome_of_the_long_way(picture):
    """Give the same without the shorter way."""
    with mock.patch.object(_pipeline, "find_clear_ink", return_value=None):
        return outcome(picture)


def is_clear(picture):
    """Tell whether the shorter way is taken."""
    return "clear ink" in [step.name for step in explain(picture)]


@st.composite
def drawings(draw):
    """Give a picture as drawing programs make them: grey or colour, uint8, with or without more."""
    ink = draw(st.sampled_from(SIDES).flatmap(drawn_digits)) / 255
    if draw(st.booleans()):
        ink = np.rint(ink)  # without antialiasing
    margins = [draw(st.integers(0, 30)) for _ in range(4)]
    ink = np.pad(ink, (margins[:2], margins[2:]))
    height, width = ink.shape
    row, column = (draw(st.integers(0, side - 1)) for side in ink.shape)
    match draw(st.sampled_from(EXTRAS)):
        case "speck":
            ink[row, column] = draw(st.sampled_from([0.05, 0.5, 1]))
        case "digit":
            ink = np.hstack([ink, ink[:, ::-1]])
        case "frame":
            ink[[0, -1]] = ink[:, [0, -1]] = draw(st.sampled_from([0.3, 1]))
        case "line":
            ink[row : row + max(1, height // 40)] = 1
        case "edge":
            ink = ink[row // 4 :, width // 10 :]
    tones = draw(st.tuples(*[st.tuples(*[st.integers(0, 255)] * 3)] * 2))
    if draw(st.booleans()):
        tones = [tone[:1] for tone in tones]  # grey
    ground, full = np.array(tones)
    pixels = np.rint(ground + ink[..., None] * (full - ground)).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


@given(st.one_of(drawings(), nondigits(), any_pictures()))
@settings(max_examples=150, deadline=None)
def test_the_shorter_way_leads_to_the_same(pixels):
    """To the bit, whether it is taken or not."""
    assert outcome_of_the_long_way(pixels) == outcome(pixels)


@pytest.mark.parametrize("side", [28, 64, 280])
@pytest.mark.parametrize("is_dark", [True, False])
def test_most_drawings_take_the_shorter_way(side, is_dark):
    """Of digits that are drawn on a canvas four in five, dark on light or light on dark."""
    pixels, _ = draw_digits(60, seed=7, side=side)
    pixels = np.pad(pixels, ((0, 0), (2, 2), (2, 2)))
    canvases = 255 - pixels if is_dark else pixels

    assert np.mean([is_clear(canvas) for canvas in canvases]) >= 0.8


@pytest.mark.parametrize("reduction", [1, 3])
def test_a_small_digit_on_a_large_canvas_is_looked_at_again(reduction):
    """The shorter way may be taken twice."""
    digit = Image.fromarray(draw_digits(1, seed=3, side=90)[0][0])
    canvas = Image.new("L", (500 * reduction, 400 * reduction))
    canvas.paste(digit, (150, 120))

    names = [step.name for step in explain(canvas)]

    assert names.count("clear ink") == (1 if reduction == 1 else 2)
    assert ("closer" in names) == (reduction > 1)
    assert outcome_of_the_long_way(canvas) == outcome(canvas)
