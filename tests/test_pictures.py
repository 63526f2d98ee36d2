"""People's own pictures and the project's examples, read by the published weights."""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from digitcnn import DigitcnnError, predict, predict_proba, read

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from scene_kinds import KINDS, draw

EXAMPLES = sorted(
    path
    for path in (Path(__file__).parents[1] / "examples").iterdir()
    if path.suffix in (".jpg", ".png", ".gif")
)
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_read_with_confidence(path):
    """Each example shows the digit that its name begins with, and is read with 90 % and more."""
    probabilities = predict_proba(path)

    assert WORDS[probabilities.argmax()] == path.name.split("-")[0]
    assert probabilities.max() > 0.9


def test_scenes_are_read():
    """Of all scenes 96 % are read, of each kind two of three; at most 2 % are surely misread."""
    drawn = [draw(kind, index, seed=1) for kind in KINDS for index in (3, 5, 8)]
    digits = np.array([digit for digit, _ in drawn])

    # What is refused has no probability.
    probabilities = np.nan_to_num(predict_proba([each for _, each in drawn], errors="return"))
    is_right = probabilities.argmax(axis=1) == digits
    assert is_right.mean() >= 0.96
    by_kind = dict(zip(KINDS, is_right.reshape(-1, 3).sum(axis=1).tolist(), strict=True))
    assert {kind: count for kind, count in by_kind.items() if count < 2} == {}
    assert (~is_right & (probabilities.max(axis=1) >= 0.9)).mean() <= 0.02


def test_what_shows_through_beneath_a_digit_is_no_second_one():
    """A pale digit on the other side is as pale where a dark stroke runs through its box."""
    digit, picture = draw("see through", 13, seed=0)

    assert predict(picture) == digit


@pytest.mark.skipif(
    "DIGITCNN_PICTURES_DIR" not in os.environ,
    reason="people's own pictures are not published: DIGITCNN_PICTURES_DIR names a folder of them",
)
def test_peoples_own_pictures_are_read():
    """Averaged over the people who took them, at least 97 % of the pictures are read rightly."""
    folder = Path(os.environ["DIGITCNN_PICTURES_DIR"])
    right = {}
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            try:
                answer = predict(folder / row["path"])
            except DigitcnnError:
                answer = -1
            right.setdefault(row["source"], []).append(answer == int(row["label"]))

    assert np.mean([np.mean(each) for each in right.values()]) >= 0.97


@pytest.mark.skipif(
    "DIGITCNN_NUMBERS_DIR" not in os.environ,
    reason="people's own pictures are not published: DIGITCNN_NUMBERS_DIR names a folder of them",
)
def test_peoples_own_numbers_are_read():
    """Of every fifth picture of numbers, forms and cheques among them, half are read exactly."""
    folder = Path(os.environ["DIGITCNN_NUMBERS_DIR"])
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))[::5]
    readings = read([folder / row["path"] for row in rows])

    texts = [reading.text.replace("\n", "") for reading in readings]
    exact = [text == row["rows"].replace("|", "") for text, row in zip(texts, rows, strict=True)]
    assert np.mean(exact) >= 0.5
