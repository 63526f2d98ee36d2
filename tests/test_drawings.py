"""Claims about drawings of one piece on a flat ground, which take a shorter way to the same end."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from strategies import any_pictures, drawn_digits, encode, nondigits

from digitcnn import NoDigitError, explain, preprocess
from digitcnn.preprocessing import _pipeline
from digitcnn.preprocessing._color import is_opaque_gray
from digitcnn.preprocessing._drawings import find_clear_ink
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


# What is in doubt goes the longer way: each limit, on both sides of it, on 100 x 100 pixels.


def stroke(*, top=20, bottom=80, start=30, slope=0.5, pen=9):
    """Draw a slanting stroke: full ink on nothing."""
    plane = np.zeros((100, 100), np.uint16)
    for row in range(top, bottom):
        left = start + round((row - top) * slope)
        plane[row, left : left + pen] = 65535
    return plane


def test_a_slanting_stroke_is_clear():
    """Its box and its ink are given, dark or bright."""
    plane = stroke()
    for each in (plane, 65535 - plane, 40_000 - plane // 3, plane // 3 + 7):
        box, ink = find_clear_ink(each)

        assert box == (20, 30, 80, 68 + 1)
        assert np.array_equal(ink, plane[20:80, 30:69] / np.float32(65535))


@pytest.mark.parametrize("tone", [0, 1000, 65535])
def test_a_blank_picture_has_no_clear_ink(tone):
    """It is refused as ever."""
    assert find_clear_ink(np.full((50, 60), tone, np.uint16)) is None


def test_the_ground_is_the_darkest_or_the_brightest():
    """With ink on both sides of the ground there is a choice to be made."""
    plane = stroke() // 2 + 20_000
    plane[50, 50] = 19_999

    assert find_clear_ink(plane) is None


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize(("margin", "clear"), [(3, True), (2, False)])
def test_clear_ink_leaves_the_frame_free(margin, clear, turns):
    """A 32nd of the shorter side, here three pixels, on each side."""
    plane = np.rot90(stroke(top=margin, bottom=60), turns)

    assert (find_clear_ink(plane) is not None) == clear


@pytest.mark.parametrize(
    ("tone", "count", "clear"), [(6553, 135, True), (6553, 136, False), (6554, 136, True)]
)
def test_clear_ink_is_strong(tone, count, clear):
    """A quarter of it, here of 540 pixels, may be fainter than a tenth of the strongest."""
    plane = stroke()
    plane.ravel()[np.flatnonzero(plane)[:count]] = tone

    assert (find_clear_ink(plane) is not None) == clear


@pytest.mark.parametrize(("missing", "clear"), [(0, False), (1, True)])
def test_less_than_half_of_a_picture_is_clear_ink(missing, clear):
    """With more of it the ground would be in doubt."""
    y, x = np.indices((100, 100)) - 50
    # A disk; a slit keeps each line from being full, and a mouth makes it no sheet.
    is_open = ((np.abs(y - x) <= 3) & (np.abs(y) < 28)) | (3 * np.abs(y) < x)
    plane = np.zeros((100, 100), np.uint16)
    nearest = np.argsort(np.where(is_open, np.inf, np.hypot(y, x)), axis=None, kind="stable")
    plane.ravel()[nearest[: 5000 - missing]] = 65535

    assert (find_clear_ink(plane) is not None) == clear


def test_clear_ink_is_one_piece():
    """A speck is left to what knows specks; a corner is contact enough."""
    plane = stroke()
    plane[81, 70] = 65535
    assert find_clear_ink(plane) is None

    plane[80, 69] = 65535
    assert find_clear_ink(plane) is not None


def test_a_box_is_not_clear():
    """Ink along all four sides of what it encloses may be a frame."""
    plane = np.zeros((100, 100), np.uint16)
    plane[30:70, 30:70] = 65535
    plane[32:68, 32:68] = 0
    assert find_clear_ink(plane) is None

    plane[30:32, 50:60] = 0
    assert find_clear_ink(plane) is not None


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("height", "clear"), [(44, True), (45, False)])
@pytest.mark.parametrize("is_inner", [False, True])
def test_a_steep_side_may_be_a_bands(height, clear, is_inner, turned):
    """If it is 45 in 100 of the picture high, at the side of the ink or within."""
    plane = np.zeros((100, 100), np.uint16)
    if is_inner:
        # A pixel of the column before lies above, and differs as well.
        height -= 1
        plane[19, 15:20] = 65535
    rows, columns = np.indices((height, 40))
    plane[20 : 20 + height, 20:60] = np.where(rows * 40 >= columns * height, 65535, 0)
    plane = plane.T if turned else plane

    assert (find_clear_ink(plane) is not None) == clear


@pytest.mark.parametrize(("lower", "clear"), [(20, False), (21, True)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_side_that_only_shifts_is_no_bands(lower, clear, turned):
    """The columns beside a band's edge differ by a tenth of the picture on the whole."""
    plane = np.zeros((100, 100), np.uint16)
    plane[20:50, 50:80] = 65535
    plane[50 : 50 + lower, 20:50] = 65535
    plane = plane.T if turned else plane

    assert (find_clear_ink(plane) is not None) == clear


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize(
    ("start", "end", "clear"), [(12, 88, False), (13, 88, True), (12, 87, True)]
)
def test_a_full_line_may_be_a_border(start, end, clear, turns):
    """If it is full but for an eighth at either end."""
    plane = stroke(top=14, bottom=80)
    for row, tone in zip(range(8, 16), (0.2, 0.4, 0.6, 0.8, 1, 0.7, 0.45, 0.2), strict=True):
        line = plane[row, start:end]
        np.maximum(line, np.uint16(tone * 65535), out=line)
    plane = np.rot90(plane, turns)

    assert (find_clear_ink(plane) is not None) == clear


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("end", "clear"), [(95, False), (94, True)])
def test_a_thin_line_across_the_picture_may_be_ruled(end, clear, turned):
    """If it is nine tenths of the picture long."""
    plane = stroke(top=20, bottom=80)
    columns = np.arange(5, end)
    plane[47 + (columns - 5) // 18, columns] = 65535
    plane = plane.T if turned else plane

    assert (find_clear_ink(plane) is not None) == clear


@pytest.mark.parametrize(("reach", "clear"), [(33, False), (29, True)])
def test_what_is_large_and_square_may_be_a_sheet(reach, clear):
    """A square on its corner, whose sides slant, if it covers a fifth of the picture."""
    y, x = np.indices((100, 100)) - 50
    plane = np.where(np.abs(y) + np.abs(x) < reach, 65535, 0).astype(np.uint16)

    assert (find_clear_ink(plane) is not None) == clear


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
    monkeypatch.setattr("digitcnn.preprocessing._pictures._STRIP_PIXELS", strip)
    digit = draw_digits(1, seed=11, side=64)[0][0]
    image = Image.fromarray(digit).convert(mode)
    assert outcome(encode(np.asarray(image))) == outcome(digit)

    if mode == "L":
        return
    image.putpixel((0, 0), (1, 0, 0, 255)[: len(mode)])
    assert outcome(encode(np.asarray(image))) == outcome(np.asarray(image))
