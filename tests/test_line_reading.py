"""Reading a line as a whole: what a text is worth, and what it corrects."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitcnn.detection import Detections
from digitcnn.detection.line_reading import (
    LEFT_OUT,
    STRIDE,
    correct,
    strip_along,
    symbol_logs,
    symbols_of,
    text_logs,
    unseen,
)

COLUMNS, SYMBOLS = 5, 3  # few enough to go through all paths


def text_of(path):
    """Return what a path of symbols says: repeats are one, 0 is nothing."""
    return tuple(symbol for symbol, _ in groupby(path) if symbol)


@given(seed=st.integers(0, 10_000))
def test_a_text_is_as_probable_as_all_paths_that_give_it(seed):
    """The forward pass agrees with going through every path, gaps in a text or none."""
    logits = np.random.default_rng(seed).normal(0, 2, (COLUMNS, SYMBOLS))
    logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    expected: dict[tuple[int, ...], float] = {}
    for path in product(range(SYMBOLS), repeat=COLUMNS):
        probability = np.exp(sum(logs[column, symbol] for column, symbol in enumerate(path)))
        expected[text_of(path)] = expected.get(text_of(path), 0) + probability

    texts = [text for text in expected if len(text) <= 3]
    rows = np.full((len(texts), 4), LEFT_OUT)
    for row, text in zip(rows, texts, strict=True):
        places = np.sort(np.random.default_rng(seed).permutation(4)[: len(text)])
        row[places] = np.array(text) - 1

    assert np.allclose(np.exp(text_logs(logs, rows)), [expected[text] for text in texts])


def logs_saying(text, *, sure=0.98):
    """Return what a network gives that reads a text, three columns a digit."""
    symbols = [symbol for digit in text for symbol in (0, int(digit) + 1, 0)]
    probabilities = np.full((len(symbols), 11), (1 - sure) / 10)
    probabilities[np.arange(len(symbols)), symbols] = sure
    return np.log(probabilities)


def boxes_saying(text, *, scores, sure=0.8):
    """Return boxes beside each other, named by what sees each alone."""
    left = 20.0 * np.arange(len(text))
    boxes = np.stack([left, 0 * left, left + 15, 0 * left + 20], axis=1).astype(np.float32)
    names = np.full((len(text), 10), (1 - sure) / 9, np.float32)
    names[np.arange(len(text)), [int(digit) for digit in text]] = sure
    return Detections(boxes, np.array(scores, np.float32), names)


def text_in(line):
    """Return what a line says."""
    return "".join(map(str, line.probabilities.argmax(axis=1)))


@pytest.mark.parametrize(
    ("seen", "read", "expected"),
    [("125", "125", "125"), ("725", "125", "125"), ("1725", "125", "125"), ("72", "72", "72")],
)
def test_a_doubtful_line_is_corrected_by_the_whole(seen, read, expected):
    """A digit is renamed or left out where reading along the line plainly says so."""
    none = boxes_saying("", scores=[])
    line = boxes_saying(seen, scores=[0.55] * len(seen), sure=0.6)

    corrected = correct(line, none, logs_saying(read))

    assert text_in(corrected) == expected
    assert np.allclose(corrected.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (np.diff(corrected.boxes[:, 0]) > 0).all()


def test_what_was_found_and_not_chosen_is_taken_in():
    """A box that was too faint to count alone counts where the line has a digit there."""
    line = boxes_saying("125", scores=[0.9, 0.3, 0.9])

    corrected = correct(line[np.array([0, 2])], line[np.array([1])], logs_saying("125"))

    assert text_in(corrected) == "125"


@pytest.mark.parametrize("seen", [(0, 1, 2), (0, 2)])
def test_what_has_no_box_is_taken_in_where_it_is_read(seen):
    """A digit that the detector overlooked in a gap gets a box where it stands."""
    whole = boxes_saying("125", scores=[0.9] * 3, sure=0.99)
    line = whole[np.array(seen)]
    strip = strip_along(line.boxes)
    maps = np.full((1, 1, 60, 17), -9, np.float32)
    maps[..., 0] = 0
    columns = (whole.boxes[:, 0] - strip.left) / strip.step / STRIDE
    maps[0, 0, columns.round().astype(int), [2, 3, 6]] = 9

    more = unseen(maps, strip, line, size=(100, 18))
    corrected = correct(line, more, symbol_logs(maps))

    assert len(more) == 3 - len(seen)
    assert text_in(corrected) == "125"
    assert np.abs(corrected.boxes - whole.boxes).max() < 6
    assert (more.boxes[:, 3] == 18).all()  # within the picture


def test_only_what_is_read_otherwise_is_in_doubt():
    """Far from where both differ, names keep the probabilities that they had."""
    line = boxes_saying("12345678", scores=[0.9] * 8, sure=0.4)

    corrected = correct(line, boxes_saying("", scores=[]), logs_saying("12345671"))

    assert text_in(corrected) == "12345671"
    assert np.array_equal(corrected.probabilities[:6], line.probabilities[:6])


def test_what_is_sure_stands():
    """Two networks that are sure are not overruled by one that hardly is."""
    line = boxes_saying("74", scores=[0.95, 0.95], sure=0.999)

    corrected = correct(line, boxes_saying("", scores=[]), logs_saying("14", sure=0.4))

    assert text_in(corrected) == "74"


def test_symbols_come_from_the_best_path():
    """Signs are symbols of their own in `symbols_of`, and nothing beside digits."""
    maps = np.zeros((1, 4, 17), np.float32)
    maps[0, np.arange(4), [2, 11, 11, 3]] = 9

    assert symbols_of(maps[0]) == [2, 11, 3]
    logs = symbol_logs(maps)
    assert logs.shape == (4, 11)
    assert symbols_of(logs) == [2, 3]
    assert np.allclose(np.exp(logs).sum(axis=1), 1)
