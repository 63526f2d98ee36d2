"""From a detector's boxes to lines in reading order."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from digitcnn.detection import Detections, group_lines, split_words
from digitcnn.detection.boxes import suppress
from digitcnn.detection.selection import is_confirmed, select_digits, select_faint, select_lone


@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 9),
    degrees=st.floats(-10, 10),
    seed=st.integers(0, 1000),
)
def test_lines_and_their_order_follow_positions(rows, columns, degrees, seed):
    """Rows that slope up to ten degrees come out as lines, top to bottom, left to right."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(rows * columns), columns)
    left = 50 + 22 * column + rng.normal(0, 1, len(row))
    top = 50 + 44 * row + math.tan(math.radians(degrees)) * left + rng.normal(0, 1.2, len(row))
    height = 20 * rng.uniform(0.85, 1.1, len(row))
    boxes = np.stack([left, top, left + 14, top + height], axis=1).astype(np.float32)
    order = rng.permutation(len(boxes))

    lines = group_lines(boxes[order])

    expected = np.arange(len(boxes)).reshape(rows, columns)
    assert [order[line].tolist() for line in lines] == expected.tolist()


def detections(scores, *, named=0.91):
    """Return digits side by side with these scores, each of them a 3 with so much probability."""
    left = 20 * np.arange(len(scores))
    boxes = np.stack([left, 0 * left, left + 14, 0 * left + 24], axis=1).astype(np.float32)
    rows = np.full((len(boxes), 10), (1 - named) / 9, np.float32)
    rows[:, 3] = named
    return Detections(boxes, np.array(scores, np.float32), rows)


def test_of_boxes_upon_each_other_the_surest_stays():
    """Boxes that overlap are one digit; neighbours that touch are two."""
    found = detections([0.6, 0.9, 0.8])
    found.boxes[:] = (0, 0, 10, 20), (1, 1, 11, 21), (10, 0, 20, 20)

    np.testing.assert_allclose(suppress(found).scores, [0.9, 0.8])


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


def test_what_has_another_height_is_no_digit_of_the_line():
    """A border, a speck, and hundreds of doubtful boxes of print do not belong to a number."""
    found, words = detections([0.8] * 6), detections([0.4, 0.55, 0.7, 0.4] * 100)
    found.boxes[4:] = (90, -60, 96, 90), (100, 10, 103, 15)
    words.boxes[:] = 0.4 * words.boxes + 100
    number = detections([0.9] * 4)
    pairs = zip(vars(words).values(), vars(number).values(), strict=True)
    page = Detections(*map(np.concatenate, pairs))

    assert select_digits(found).tolist() == [0, 1, 2, 3]
    assert select_digits(page).tolist() == [400, 401, 402, 403]


def test_what_looks_like_all_digits_at_once_is_noise():
    """Where half of all boxes could be any digit, however sure that there is one, none is read."""
    assert len(select_digits(detections([0.6] * 5))) == 5
    assert len(select_digits(detections([0.6] * 5, named=0.25))) == 0


def test_faint_digits_are_a_second_choice_that_reading_must_confirm():
    """Several, or one that stands out, count where they are read surely; hundreds are noise."""
    faint, lone = detections([0.45, 0.4, 0.35]), detections([0.42, 0.28, 0.24], named=0.99)

    assert len(select_digits(faint)) == 0
    assert len(select_faint(faint)) == 3
    assert len(select_faint(detections([0.4] * 100))) == 0
    assert select_lone(lone).tolist() == [0]
    assert len(select_lone(faint)) == 0
    for word, alone in ((faint, False), (lone[:1], True)):
        assert is_confirmed(word, 0.95, alone=alone)
        assert not is_confirmed(word, 0.5, alone=alone)
    assert not is_confirmed(faint[:1], 0.95)
