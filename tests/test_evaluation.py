"""What an evaluation counts is what a count by hand gives."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcnn import Evaluation, evaluate
from digitcnn.errors import InvalidArgumentError, NoDigitError
from digitcnn.evaluation import ReadingEvaluation
from digitcnn.readings import Digit, Line, Mark, Reading
from digitcnn.synthesis import draw_digits

LABELS = np.array([0, 0, 1, 1, 1, 3, 3, 3, 3, 9, 9])
ANSWERS = np.array([0, 1, 1, 1, 1, 3, 3, 3, 5, 9, 3])


def rows_for(answers, confidence=0.82):
    """Make probabilities that give each answer this confidence."""
    rows = np.full((len(answers), 10), (1 - confidence) / 9)
    rows[np.arange(len(answers)), answers] = confidence
    return rows


@pytest.fixture
def evaluation():
    """Give an evaluation with three errors in eleven images."""
    return Evaluation(LABELS, rows_for(ANSWERS))


# scikit-learn 1.9: classification_report(LABELS, ANSWERS, digits=4, zero_division=0)
SCIKIT_LEARN_REPORT = """\
              precision    recall  f1-score   support

           0     1.0000    0.5000    0.6667         2
           1     0.7500    1.0000    0.8571         3
           3     0.7500    0.7500    0.7500         4
           5     0.0000    0.0000    0.0000         0
           9     1.0000    0.5000    0.6667         2

    accuracy                         0.7273        11
   macro avg     0.7000    0.5500    0.5881        11
weighted avg     0.8409    0.7273    0.7489        11"""


def test_the_report_is_as_scikit_learn_prints_it(evaluation):
    """Below its first lines, the report is scikit-learn's, letter for letter."""
    head, _, table = str(evaluation).partition("\n\n")

    assert table == SCIKIT_LEARN_REPORT
    assert head.splitlines() == [
        "accuracy 72.73%: 3 errors in 11",
        f"loss {evaluation.loss:.4f}, expected calibration error 9.27%",
        "most often misread: 0 as 1 (1), 3 as 5 (1), 9 as 3 (1)",
    ]
    assert repr(evaluation) == "<Evaluation: accuracy 72.73%: 3 errors in 11>"
    assert "most often misread: none" in str(Evaluation([7], rows_for([7])))


digits = st.integers(0, 9)


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(digits, digits), min_size=1, max_size=60))
def test_counts_are_those_of_a_plain_loop(pairs):
    """Confusion, errors, precision, recall and F1 equal their definitions."""
    labels, answers = (np.array(column) for column in zip(*pairs, strict=True))
    evaluation = Evaluation(labels, rows_for(answers))

    confusion = np.zeros((10, 10), np.int64)
    for label, answer in pairs:
        confusion[label, answer] += 1
    np.testing.assert_array_equal(evaluation.confusion, confusion)
    assert evaluation.confusion.dtype == np.int64
    assert evaluation.num_errors == sum(label != answer for label, answer in pairs)
    assert evaluation.accuracy == pytest.approx(np.mean(labels == answers))
    for digit, found in enumerate(evaluation.classes):
        right = pairs.count((digit, digit))
        read, real = np.count_nonzero(answers == digit), np.count_nonzero(labels == digit)
        precision = right / read if read else 0
        recall = right / real if real else 0
        f1 = 2 * precision * recall / (precision + recall) if right else 0
        assert found == pytest.approx((precision, recall, f1, real))


def test_errors_and_confusions_are_sorted():
    """The most confidently wrong image and the most frequent confusion come first."""
    pairs = Evaluation([4, 4, 4, 1, 7], rows_for([9, 9, 4, 7, 7])).confusions
    assert [tuple(each) for each in pairs] == [(4, 9, 2), (1, 7, 1)]
    confidences = np.array([0.5, 0.9, 0.7, 0.9, 0.99])
    rows = np.concatenate([rows_for([1], confidence) for confidence in confidences])

    evaluation = Evaluation([0, 0, 0, 0, 1], rows)

    assert evaluation.errors.tolist() == [1, 3, 2, 0]
    np.testing.assert_allclose(evaluation.confidences, confidences, rtol=1e-6)
    assert evaluation.predictions.tolist() == [1] * 5


def test_loss_is_the_mean_negative_logarithm():
    """The loss is what Keras' crossentropy is, bounded where a probability is zero."""
    evaluation = Evaluation([2, 3], np.stack([rows_for([2], 0.5)[0], np.eye(10)[4]]))

    assert evaluation.loss == pytest.approx((math.log(2) + math.log(1e7)) / 2, rel=1e-6)


def test_calibration_is_that_of_a_hand_count():
    """Bins of a fifteenth hold count, mean confidence and accuracy; the error weighs their gaps."""
    rows = np.concatenate([rows_for([1, 1, 1, 1], 0.9), rows_for([2, 2], 0.5)])
    evaluation = Evaluation([1, 1, 1, 0, 2, 0], rows)

    bins = evaluation.calibration

    assert [each.num_images for each in bins] == [0] * 7 + [2] + [0] * 5 + [4] + [0]
    assert bins[7] == pytest.approx((7 / 15, 8 / 15, 2, 0.5, 0.5))
    assert bins[13] == pytest.approx((13 / 15, 14 / 15, 4, 0.9, 0.75))
    assert math.isnan(bins[0].accuracy)
    assert evaluation.calibration_error == pytest.approx(4 / 6 * 0.15)
    sure = Evaluation([1, 2], np.eye(10)[[1, 2]])
    assert (sure.calibration[-1].num_images, sure.calibration_error) == (2, 0)


def test_the_dict_survives_json(evaluation):
    """All measures are plain values that come back from JSON as they went in."""
    measures = evaluation.to_dict()

    assert json.loads(evaluation.to_json()) == measures
    assert measures["num_errors"] == len(measures["errors"]) == 3
    assert measures["errors"][0].keys() == {"index", "label", "prediction", "confidence"}
    assert measures["classes"][3] == {
        "digit": 3,
        "precision": 0.75,
        "recall": 0.75,
        "f1": 0.75,
        "support": 4,
    }
    assert measures["confusions"][0] == {"label": 0, "prediction": 1, "num_images": 1}
    assert measures["calibration"][0]["accuracy"] is None
    assert len(Evaluation([0] * 50, rows_for([1] * 50)).to_dict()["errors"]) == 10


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2], "one label for each image; got 2 for 3"),
        ([1, 2, 10], r"`labels` must lie in 0\.\.9; got 10 at index 2"),
        ([1.0, 2.0, 3.0], r"must be integers.*take labels.astype\(int\)"),
        ([1.5, 2.0, 3.0], "must be integers.*one whole number for each image"),
        (np.array([[1], [2], [3]]), r"must be integers.*take labels.ravel\(\)"),
        (np.eye(10)[[1, 2, 3]], r"got float64 of shape \(3, 10\).*argmax"),
        ([[1], [2, 3]], "`labels` must be an array; got list"),
    ],
)
def test_labels_that_are_no_digits_are_refused(labels, message):
    """Labels are digits, one for each image; the message says what else was given."""
    with pytest.raises(InvalidArgumentError, match=message):
        Evaluation(labels, rows_for([1, 2, 3]))


@pytest.mark.parametrize("collect", [np.asarray, list, iter])
def test_evaluate_measures_what_a_model_answers(collect):
    """A model is run on images in any form, and its answers are held against the labels."""
    images, labels = draw_digits(6, seed=5)

    evaluation = evaluate(lambda batch: rows_for([4] * len(batch)), collect(images), labels)

    assert evaluation.num_images == 6
    assert evaluation.predictions.tolist() == [4] * 6
    np.testing.assert_array_equal(evaluation.labels, labels)
    assert evaluation.accuracy == np.mean(labels == 4)
    assert evaluate(lambda batch: rows_for([4] * len(batch)), images[0], 4).accuracy == 1


def test_unread_pictures_stop_no_evaluation_that_asks_for_it():
    """They are listed, and the rest is measured as without them; alone, they are refused."""
    images, labels = draw_digits(4, seed=5)
    blank = np.zeros((28, 28), np.uint8)
    mixed, answer = [blank, *images, blank], lambda batch: rows_for([4] * len(batch))

    evaluation = evaluate(answer, mixed, [0, *labels, 1], errors="return")

    assert evaluation.unread == [0, 5]
    assert evaluation.to_dict() == evaluate(answer, images, labels).to_dict() | {"num_unread": 2}
    assert "2 more could not be read" in str(evaluation)
    with pytest.raises(NoDigitError, match=r"images\[0\]"):
        evaluate(answer, mixed, [0, *labels, 1])
    with pytest.raises(InvalidArgumentError, match="none can"):
        evaluate(answer, blank, 0, errors="return")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([], [], "one label at least; got none"),
        (["no-such.png"] * 3, [1, 2], "got 2 for 3"),
        ([object()], [4], r"images\[0\]"),
    ],
)
def test_what_cannot_be_measured_is_refused(images, labels, message):
    """Nothing can be said of an empty set; a missing label is told before any picture is read."""
    with pytest.raises(ValueError, match=message):
        evaluate(lambda batch: rows_for([4] * len(batch)), images, labels)


# Numbers.


def reading(text, confidence):
    """Make a reading of a text, its signs between the digits, that takes itself to be so sure."""
    count = sum(each.isdigit() for each in text)
    lines = []
    for row, line in enumerate(text.split()):
        digits, marks = [], []
        for place, each in enumerate(line):
            box = (10.0 * place, 20.0 * row, 10.0 * place + 8, 20.0 * row + 12)
            if each.isdigit():
                value = int(each)
                digits.append(Digit(value, box, confidence ** (1 / count), np.eye(10)[value]))
            else:
                marks.append(Mark(each, box, 1.0))
        lines.append(Line(tuple(digits), tuple(marks)))
    return Reading(tuple(lines), (100, 100))


READINGS = [reading("12 3", 0.9), reading("45.0", 0.8), reading("67", 0.6), reading("", 0)]


def test_readings_are_counted_as_by_hand():
    """Two of four texts are exact; of ten characters two are missing and one is another."""
    result = ReadingEvaluation(READINGS, ["123", "45 0", "61", "8 9"])

    assert result.is_exact.tolist() == [True, True, False, False]
    assert result.accuracy == 0.5
    assert result.character_error_rate == 3 / 10
    assert math.isclose(result.calibration_error, (0.1 + 0.2 + 0.6 + 0) / 4)
    assert result.accuracy_of_surest(0.5) == 1
    assert result.accuracy_of_surest(0.01) == 1
    assert repr(result) == "<ReadingEvaluation: 50.0% exact of 4, character error rate 30.0%>"


def test_signs_count_where_the_texts_have_them():
    """12.50 is not 1250."""
    result = ReadingEvaluation(READINGS[1:3], ["45.0", "6,7"], with_signs=True)

    assert result.is_exact.tolist() == [True, False]
    assert result.character_error_rate == 1 / 7
    assert ReadingEvaluation(READINGS[1], "450").accuracy == 1


@given(st.lists(st.text("0123456789", max_size=9), min_size=1, max_size=5), st.data())
@settings(max_examples=50, deadline=None)
def test_errors_are_no_more_than_what_differs(texts, data):
    """What is read exactly has no error; each character that is left out is one."""
    left = [data.draw(st.integers(0, len(text))) for text in texts]
    shortened = [reading(text[:count], 0.5) for text, count in zip(texts, left, strict=True)]
    result = ReadingEvaluation(iter(shortened), iter(texts))

    missing = sum(map(len, texts)) - sum(left)
    assert result.character_error_rate == missing / max(1, sum(map(len, texts)))
    assert result.is_exact.tolist() == [n == len(text) for text, n in zip(texts, left, strict=True)]


@pytest.mark.parametrize(
    ("readings", "texts", "message"),
    [
        (READINGS, ["1"], "`texts` must hold one for each reading.*got 1 of 4"),
        ([], [], "got 0 of 0"),
        (["12"], ["12"], "`readings` must hold objects of type Reading; got str"),
        (READINGS[:1], [12], "`texts` must hold objects of type str; got int"),
    ],
)
def test_what_is_no_pair_of_reading_and_text_is_refused(readings, texts, message):
    """The message says what is missing."""
    with pytest.raises(InvalidArgumentError, match=message):
        ReadingEvaluation(readings, texts)
    with pytest.raises(InvalidArgumentError, match="`part` must be more than 0"):
        ReadingEvaluation(READINGS[0], "123").accuracy_of_surest(0)
