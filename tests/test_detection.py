"""From a detector's maps to boxes, and from boxes to lines in reading order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from written import write_page

from digitcnn.detection import Detections, Found, group_lines, split_words, to_dark_background
from digitcnn.detection.boxes import BOX, DIGIT, NAMES, NUM_CHANNELS, SIGN, find_peaks, suppress
from digitcnn.detection.selection import (
    is_confirmed,
    select_digits,
    select_faint,
    select_lone,
    stands,
)
from digitcnn.detection.skew import Turn, leveling


def page_of_boxes(rows, columns, *, height=20.0, gap=8.0, leading=34.0, slope=0.0, seed=0):
    """Return the boxes of a grid of digits, row by row, as a hand would set them."""
    rng = np.random.default_rng(seed)
    boxes = []
    for row in range(rows):
        for column in range(columns):
            left = 50 + column * (14 + gap) + rng.normal(0, 1)
            top = 50 + row * leading + slope * left + rng.normal(0, 0.06 * height)
            boxes.append((left, top, left + 14, top + height * rng.uniform(0.85, 1.1)))
    return np.array(boxes, np.float32)


@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 9),
    degrees=st.floats(-10, 10),
    seed=st.integers(0, 1000),
)
def test_lines_and_their_order_follow_positions(rows, columns, degrees, seed):
    """Rows that slope up to ten degrees come out as lines, top to bottom, left to right."""
    slope = math.tan(math.radians(degrees))
    boxes = page_of_boxes(rows, columns, slope=slope, leading=44, seed=seed)
    order = np.random.default_rng(seed).permutation(len(boxes))

    lines = group_lines(boxes[order])

    expected = np.arange(len(boxes)).reshape(rows, columns)
    assert [order[line].tolist() for line in lines] == expected.tolist()


def test_no_boxes_make_no_lines():
    """A page without digits has no lines."""
    assert group_lines(np.zeros((0, 4), np.float32)) == []


def test_columns_far_apart_are_read_line_by_line():
    """Two columns of numbers side by side are read across, as a table is."""
    left = page_of_boxes(2, 3)
    right = left + np.array([200, 0, 200, 0], np.float32)

    lines = group_lines(np.concatenate([left, right]))

    assert [line.tolist() for line in lines] == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def maps_with(cells, *, shape=(16, 24)):
    """Return a detector's maps in which some cells (row, column, channel) are sure."""
    maps = np.full((*shape, NUM_CHANNELS), -9, np.float32)
    maps[..., BOX] = 0
    for row, column, channel in cells:
        maps[row, column, channel] = 4
    return maps


def test_a_peak_gives_a_box_around_its_cell():
    """A cell's offsets and logarithms place and size the box; its names give the digit."""
    maps = maps_with([(5, 7, DIGIT), (5, 7, NAMES.start + 3)])
    maps[5, 7, BOX] = (0.5, 0.25, math.log(2), math.log(1.5))

    digits, signs = find_peaks(maps, least=0.3)

    np.testing.assert_allclose(digits.boxes, [[14, 9, 46, 33]], atol=1e-4)
    assert digits.probabilities.argmax() == 3
    assert digits.scores[0] == pytest.approx(1 / (1 + math.exp(-4)))
    assert len(signs) == 0


def test_neighbouring_cells_are_one_peak_and_signs_are_apart():
    """Of two cells side by side the higher one counts; signs have maps of their own."""
    maps = maps_with([(5, 7, DIGIT), (10, 3, SIGN.start + 1)])
    maps[5, 8, DIGIT] = 3

    digits, signs = find_peaks(maps, least=0.3)

    assert len(digits) == 1
    assert len(signs) == 1
    assert signs.probabilities.argmax() == 1


def detections(boxes, scores, *, named=0.91):
    """Return detections, of a 3 with so much probability."""
    rows = np.full((len(boxes), 10), (1 - named) / 9, np.float32)
    rows[:, 3] = named
    return Detections(np.array(boxes, np.float32), np.array(scores, np.float32), rows)


def test_of_boxes_upon_each_other_the_surest_stays():
    """Boxes that overlap are one digit; neighbours that touch are two."""
    found = detections([(0, 0, 10, 20), (1, 1, 11, 21), (10, 0, 20, 20)], [0.6, 0.9, 0.8])

    kept = suppress(found)

    np.testing.assert_allclose(kept.scores, [0.9, 0.8])


def test_a_box_of_quite_another_height_is_no_digit_of_the_line():
    """What towers above its neighbours, as a border does, or is far smaller, is left out."""
    line = [(20 * k, 0, 20 * k + 14, 24) for k in range(4)]
    found = detections([*line, (90, -60, 96, 90), (100, 10, 103, 15)], [0.8] * 6)

    assert select_digits(found).tolist() == [0, 1, 2, 3]


def test_many_doubtful_boxes_do_not_outvote_a_few_sure_ones():
    """Print is found as hundreds of doubtful digits of one height, which is not the number's."""
    print_ = page_of_boxes(20, 20, height=10.0)
    number = page_of_boxes(1, 4, height=40.0)
    scores = np.concatenate([np.tile([0.4, 0.55, 0.7, 0.4], 100), [0.9] * 4]).astype(np.float32)
    names = np.tile(np.eye(10, dtype=np.float32)[3], (len(scores), 1))

    kept = select_digits(Detections(np.concatenate([print_, number]), scores, names))

    assert kept.tolist() == [400, 401, 402, 403]


def test_what_looks_like_all_digits_at_once_is_noise():
    """Where half of all boxes could be any digit, however sure that there is one, none is read."""
    boxes = [(20 * k, 0, 20 * k + 14, 24) for k in range(5)]

    assert len(select_digits(detections(boxes, [0.6] * 5))) == 5
    assert len(select_digits(detections(boxes, [0.6] * 5, named=0.25))) == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_picture_and_its_negative_are_one(share):
    """The network is shown the one of both that is mostly dark."""
    gray = np.zeros((10, 20), np.uint8)
    gray[:, : round(20 * share)] = 255

    shown = to_dark_background(gray)

    assert np.array_equal(shown, to_dark_background(255 - gray))
    assert shown.mean() <= 127.5


@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (120, 60), (90, 70), (40, 10), (20, 200)])
def test_ink_is_bright_to_the_network(paper, pen):
    """Dark ink or bright, on a dim photograph's paper as well, beside a lamp's reflection."""
    ink = 255 - write_page("2047")
    down, across = np.indices(ink.shape)
    shine = 60 * np.exp(-((down / 40) ** 2) - (across / 90) ** 2)
    gray = (paper + ink / 255 * (pen - paper) + shine).clip(0, 255).astype(np.uint8)

    dark = to_dark_background(gray)

    assert dark[ink > 200].mean() > dark[ink == 0].mean() + 15
    assert dark[ink == 0].mean() < 128


@pytest.mark.parametrize(
    ("score", "longest", "expected"), [(0.8, 3, True), (0.45, 3, False), (0.45, 1, True)]
)
def test_a_digit_alone_beside_longer_lines_must_be_sure(score, longest, expected):
    """A cross or a letter on a page of numbers is no number; a page of one digit is."""
    line = detections([(0, 0, 10, 20)], [score])

    assert stands(line, 1.0, longest=longest) is expected


def test_a_line_that_reading_makes_nothing_of_is_none():
    """Print and cursive look like digits one by one, and like no number as a whole."""
    boxes = [(20 * k, 0, 20 * k + 14, 24) for k in range(5)]

    assert stands(detections(boxes, [0.6] * 5), 0.9, longest=5)
    assert stands(detections(boxes, [0.85] * 5), 0.05, longest=5)  # one box for two digits
    assert not stands(detections(boxes, [0.6] * 5), 0.05, longest=5)
    assert not stands(detections(boxes[:1], [0.6]), 0.05, longest=5)
    assert not stands(detections(boxes[:1], [0.6]), 0.05, longest=1)  # a cloud
    assert not stands(detections(boxes, [0.6] * 5), 0.3, longest=5, least_sureness=0.5)
    assert not stands(detections(boxes, [0.3] * 5), 0.9, longest=5)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.floats(8, 90))
def test_wide_gaps_divide_a_line_into_words(lengths, height):
    """Digits a step apart are one word, however many, and what stands far beside is another."""
    boxes, x = [], 0.0
    for length in lengths:
        for _ in range(length):
            boxes.append((x, 0, x + 0.6 * height, height))
            x += 1.5 * height
        x += 5 * height

    words = split_words(np.array(boxes, np.float32))

    assert [len(word) for word in words] == lengths
    assert np.concatenate(words).tolist() == list(range(sum(lengths)))


def test_faint_digits_are_a_second_choice_that_reading_must_confirm():
    """What is too faint to be found counts as a line of several digits, read surely as a whole."""
    boxes = [(20 * k, 0, 20 * k + 14, 24) for k in range(3)]
    faint = detections(boxes, [0.45, 0.4, 0.35])

    assert len(select_digits(faint)) == 0
    assert len(select_faint(faint)) == 3
    assert is_confirmed(faint, 0.95)
    assert not is_confirmed(faint, 0.5)
    assert not is_confirmed(faint[:1], 0.95)
    assert stands(faint, 0.95, longest=3)
    assert not stands(detections(boxes, [0.3] * 3), 0.95, longest=3)


def test_one_faint_digit_that_stands_out_is_the_last_choice():
    """A digit in a ring is found faintly, with pieces of the ring; in grain none stands out."""
    boxes = [(0, 0, 14, 24), (40, 0, 54, 24), (0, 60, 14, 84)]
    alone = detections(boxes, [0.42, 0.28, 0.24], named=0.99)

    assert select_lone(alone).tolist() == [0]
    assert is_confirmed(alone[:1], 0.95, alone=True)
    assert not is_confirmed(alone[:1], 0.5, alone=True)
    assert len(select_lone(detections(boxes, [0.42, 0.36, 0.24]))) == 0
    assert len(select_lone(detections(boxes[:1] * 6, [0.42, *[0.28] * 5]))) == 0
    assert len(select_lone(alone[:0])) == 0


def test_faint_digits_without_number_are_noise():
    """Grain has hundreds of them."""
    boxes = [(20 * k, 30 * row, 20 * k + 14, 30 * row + 24) for k in range(10) for row in range(10)]

    assert len(select_faint(detections(boxes, [0.4] * 100))) == 0


# Pictures held askew


@given(degrees=st.floats(-28, 28), rows=st.integers(1, 4), columns=st.integers(5, 9))
def test_lines_that_are_plainly_steep_are_turned_level(degrees, rows, columns):
    """The turn has the lines' angle, to a degree or two; level ones have none, nor has no ink."""
    boxes = page_of_boxes(rows, columns, leading=50) + np.array([0, 100, 0, 100])
    page = Image.new("L", (300, 450))
    for box in boxes.tolist():
        ImageDraw.Draw(page).rectangle(box, outline=255, width=3)

    turn = leveling(found_in(page.rotate(-degrees)))

    if abs(degrees) < 4:
        assert turn is None
    if abs(degrees) > 8:
        assert turn is not None
        assert abs(turn.degrees - degrees) <= 2
    assert leveling(found_in(Image.new("L", (40, 60)))) is None


@given(degrees=st.floats(-28, 28), width=st.integers(30, 200), height=st.integers(30, 200))
def test_a_turned_box_goes_back_to_where_it_was(degrees, width, height):
    """What lies in the picture is found in the turned one, and its box encloses it."""
    gray = np.zeros((height, width), np.uint8)
    gray[8:22, 10:26] = 255
    turn = Turn(degrees, (width, height))

    turned = turn.of(gray)

    rows, columns = np.nonzero(turned > 128)
    box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    left, top, right, bottom = turn.back(box)[0]
    assert abs((left + right) / 2 - 18) < 2
    assert abs((top + bottom) / 2 - 15) < 2
    assert min(right - 26, 10 - left, bottom - 22, 8 - top) > -3


def found_in(ink):
    """Return what a look at a picture would have found, with that ink and no digits."""
    none = Detections(np.zeros((0, 4), np.float32), np.zeros(0), np.zeros((0, 10)))
    plane = np.asarray(ink)
    return Found(none, none, plane, plane.astype(np.float32) / 255, (1.0, 1.0))
