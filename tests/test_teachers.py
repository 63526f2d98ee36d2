"""Learning from published weights instead of labels: what it brings, keeps and refuses."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from trainings import short_recipe

from digitcnn import predict, predict_proba, preprocess, train
from digitcnn.errors import (
    InvalidArgumentError,
    NoDigitError,
    UnavailableError,
    UnknownWeightsError,
)
from digitcnn.synthesis import draw_digits, draw_nondigits
from digitcnn.training import RECIPES
from digitcnn.weights import list_weights

keras = pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")


@pytest.fixture(scope="module")
def mistaught():
    """Drawn digits, each with the label of the next one, and what they really are."""
    images, digits = draw_digits(400, seed=12)
    return images, (digits + 1) % 10, digits


def test_a_teacher_counts_for_more_than_labels(mistaught, tmp_path):
    """Whoever learns from weights that read rightly reads rightly, however wrong the labels are."""
    images, labels, digits = mistaught
    recipe = short_recipe(epochs=8, teacher="tiny", learning_rate=3e-3)

    taught = train(
        images, labels, recipe=recipe, validation_size=0, run_dir=tmp_path / "taught", verbose=0
    )
    told = train(
        images,
        labels,
        recipe=dataclasses.replace(recipe, teacher=None),
        validation_size=0,
        run_dir=tmp_path / "told",
        verbose=0,
    )

    assert np.mean(predict(images, model=taught) == digits) > 0.8
    assert np.mean(predict(images, model=told) == labels) > 0.8


def test_a_teacher_says_nothing_of_what_is_no_digit(mistaught, tmp_path):
    """Things that are no digit are still learnt as every digit alike."""
    images, labels, _ = mistaught
    recipe = short_recipe(epochs=8, teacher="tiny", learning_rate=3e-3, drawn_nondigits=40_000)

    run = train(images, labels, recipe=recipe, validation_size=0, run_dir=tmp_path, verbose=0)

    unsure = predict_proba(_with_ink(draw_nondigits(100, seed=13)), model=run).max(axis=1)
    sure = predict_proba(images[:100], model=run).max(axis=1)
    assert np.median(unsure) < np.median(sure) - 0.1


def test_a_taught_training_goes_on_to_the_same_weights(mistaught, tmp_path):
    """Stopped in its last epoch, a training with a teacher resumes to what it would have been."""
    images, labels, _ = mistaught
    options = {"recipe": short_recipe(epochs=3, teacher="tiny"), "validation_size": 0, "verbose": 0}

    class StopInLastEpoch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            del logs
            if epoch == 2:
                raise KeyboardInterrupt

    whole = train(images[:100], labels[:100], run_dir=tmp_path / "whole", **options)
    with pytest.raises(KeyboardInterrupt):
        train(
            images[:100],
            labels[:100],
            run_dir=tmp_path / "stopped",
            callbacks=[StopInLastEpoch()],
            **options,
        )
    resumed = train(images[:100], labels[:100], run_dir=tmp_path / "stopped", **options)

    assert resumed.history == whole.history
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_own_images_are_learnt_by_their_labels(mistaught, tmp_path, monkeypatch):
    """What a named recipe's teacher knows of MNIST is not put upon other pictures."""
    images, labels, _ = mistaught
    ending = short_recipe(epochs=1, teacher="tiny")
    recipe = dataclasses.replace(ending, name="taught", ending=ending)
    monkeypatch.setitem(RECIPES, "taught", recipe)
    few = (images[:50], labels[:50])

    named = train(*few, recipe="taught", run_dir=tmp_path / "named", verbose=0).recipe
    own = train(*few, recipe=recipe, run_dir=tmp_path / "own", verbose=0).recipe

    assert (named.teacher, named.ending.teacher) == (None, None)
    assert (own.teacher, own.ending.teacher) == ("tiny", "tiny")


def test_a_teacher_out_of_reach_is_told_before_any_work(mistaught, tmp_path, monkeypatch):
    """An ending's teacher that cannot be had stops the training before it begins."""
    images, labels, _ = mistaught
    _lose_weights(monkeypatch, tmp_path / "cache")
    absent = next(record.id for record in list_weights() if record.name == "conv5x5")
    recipe = short_recipe(ending=short_recipe(teacher=absent))

    with pytest.raises(UnavailableError, match=absent):
        train(images, labels, recipe=recipe, run_dir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


def test_a_finished_run_needs_its_teacher_no_more(mistaught, tmp_path, monkeypatch):
    """What has been trained is given back though the teacher cannot be had any longer."""
    images, labels, _ = mistaught
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(Path(__file__).parents[1] / "weights"))
    recipe = short_recipe(epochs=1, teacher="conv5x5")
    options = {"recipe": recipe, "run_dir": tmp_path / "run", "verbose": 0}

    run = train(images[:50], labels[:50], **options)
    _lose_weights(monkeypatch, tmp_path / "cache")
    again = train(images[:50], labels[:50], **options)

    assert again.history == run.history


@pytest.mark.parametrize(
    ("teacher", "error"), [("nobody", UnknownWeightsError), (3, InvalidArgumentError)]
)
def test_teachers_that_are_none_are_refused(teacher, error):
    """A teacher is the name of published weights."""
    with pytest.raises(error):
        short_recipe(teacher=teacher)


def _lose_weights(monkeypatch, cache):
    """Leave nothing but the weights of the package within reach."""
    for variable in ("DIGITCNN_WEIGHTS_DIR", "DIGITCNN_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", str(cache))


def _with_ink(pictures):
    """Leave out the pictures in which there is nothing to read."""
    found = []
    for picture in pictures:
        with contextlib.suppress(NoDigitError):
            preprocess(picture)
            found.append(picture)
    return found
