"""Claims about drawings of one component on a flat background, whose ink is taken as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from strategies import any_pictures, encode

from digitcnn import explain, preprocess
from digitcnn.images.gray import is_opaque_gray
from digitcnn.synthesis import draw_digits


def is_taken_as_drawn(picture):
    """Tell whether the ink is what was drawn, and no network's guess."""
    return any("as it was drawn" in step.note for step in explain(picture))


def stroke(*, top=20, bottom=80, start=30, slope=0.5, pen=9):
    """Draw a slanting stroke: full ink on nothing."""
    picture = np.zeros((100, 100), np.uint8)
    for row in range(top, bottom):
        left = start + round((row - top) * slope)
        picture[row, left : left + pen] = 255
    return picture


@pytest.mark.parametrize("side", [28, 64, 280])
@pytest.mark.parametrize("is_dark", [True, False])
def test_most_drawings_are_taken_as_they_are(side, is_dark):
    """Of digits that are drawn on a canvas two in three, dark on light or light on dark."""
    pixels, _ = draw_digits(60, seed=7, side=side)
    pixels = np.pad(pixels, ((0, 0), (2, 2), (2, 2)))
    canvases = 255 - pixels if is_dark else pixels

    assert np.mean([is_taken_as_drawn(canvas) for canvas in canvases]) >= 0.66


def test_a_stroke_is_the_same_on_any_background():
    """Dark or bright, strong or pale, its ink is the same."""
    picture = stroke()
    expected = preprocess(picture)

    for each in (255 - picture, 160 - picture // 3, picture // 3 + 7):
        assert is_taken_as_drawn(each)
        assert np.abs(preprocess(each) - expected).max() <= 1.5 / 255


def test_what_is_in_doubt_is_looked_at():
    """A second component, a touched side, a sheet of paper, a rule: none is taken as drawn."""
    second, sheet, rule = stroke(), *np.zeros((2, 100, 100), np.uint8)
    second[81, 72] = 255
    sheet[10:90, 20:80] = 255
    sheet[30:70, 45:55] = 0
    rule[50:53, 5:95] = 255

    for picture in (second, stroke(top=0), sheet, rule):
        assert not is_taken_as_drawn(picture)


# Grey that comes in colour.


@given(any_pictures(), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_grey_is_known_in_colour(pixels, is_gray, is_opaque):
    """Red, green and blue are the same in each pixel, and each is opaque."""
    pixels = pixels.reshape(*pixels.shape[:2], -1).copy()
    if is_gray:
        pixels[..., 1:3] = pixels[..., :1]
    if is_opaque:
        pixels[..., 3:] = 255
    expected = bool((pixels[..., :3] == pixels[..., :1]).all() and (pixels[..., 3:] == 255).all())

    assert is_opaque_gray(pixels) == expected


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("strip", [2**22, 1000])
def test_grey_costs_nothing_of_its_value(mode, strip, monkeypatch):
    """Whether it is known as such or not, and if only a part of a picture is grey."""
    monkeypatch.setattr("digitcnn.images.pictures._STRIP_PIXELS", strip)
    digit = draw_digits(1, seed=11, side=64)[0][0]
    image = Image.fromarray(digit).convert(mode)
    assert np.array_equal(preprocess(encode(np.asarray(image))), preprocess(digit))

    if mode == "L":
        return
    image.putpixel((0, 0), (1, 0, 0, 255)[: len(mode)])
    array = np.asarray(image)
    assert np.array_equal(preprocess(encode(array)), preprocess(array))
