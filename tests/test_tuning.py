"""The search over a recipe's fields."""

import sys

import pytest

from digitcnn import tuning
from digitcnn.errors import InvalidArgumentError, MissingDependencyError
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES
from digitcnn.tuning import tune


def test_tuning_finds_the_rate_that_learns():
    """Of three trials, the best is one whose learning rate moves the network at all."""
    pytest.importorskip("optuna", reason="the search needs digitcnn[tune]")
    pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
    space = {"learning_rate": [1e-9, 3e-3], "batch_size": (8, 16)}

    found = tune(*draw_digits(120, seed=5), recipe="conv-pool", space=space, num_trials=3, epochs=4)

    assert found.recipe.architecture == "conv-pool"
    assert found.recipe.name == "conv-pool"
    assert len(found.trials) == 3
    finished = [trial for trial in found.trials if trial["accuracy"] is not None]
    assert found.accuracy == max(trial["accuracy"] for trial in finished)
    assert all(8 <= trial["batch_size"] <= 16 for trial in found.trials)
    if {trial["learning_rate"] for trial in finished} == {1e-9, 3e-3}:
        assert found.recipe.learning_rate == 3e-3


def test_a_trial_that_was_cut_short_has_no_accuracy(monkeypatch):
    """What one epoch came to is not set beside whole trainings; pictures may be an iterator."""
    optuna = pytest.importorskip("optuna", reason="the search needs digitcnn[tune]")
    pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.number == 1)
    images, labels = draw_digits(40, seed=5)
    space = {"learning_rate": [1e-3]}

    found = tune(iter(images), labels, recipe="conv-pool", space=space, num_trials=2, epochs=1)

    assert found.trials[0]["accuracy"] == found.accuracy
    assert found.trials[1]["accuracy"] is None


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        ({"dropout": (0.1, 0.5)}, {}, "`space` must name fields of a Recipe; got 'dropout'"),
        ({}, {}, "`space` must name a field of a Recipe; got none"),
        ({"optimizer": ("adam", "adamw")}, {}, "`space` must give a tuple"),
        ({"epochs": []}, {}, r"a tuple \(least, greatest\) or a list of values for 'epochs'"),
        ({"epochs": (5, 2)}, {}, "`space` must give a tuple"),
        ({"epochs": (1, 2)}, {"epochs": 3}, "`options` must not name what the search decides"),
    ],
)
def test_a_space_of_nothing_is_refused(space, options, message):
    """A field that there is none of, and a choice that is none, are named before any training."""
    pytest.importorskip("optuna", reason="the search needs digitcnn[tune]")

    with pytest.raises(InvalidArgumentError, match=message):
        tune(*draw_digits(20, seed=5), recipe=RECIPES["conv-pool"], space=space, **options)


def test_without_optuna_the_extra_is_named(monkeypatch):
    """Where Optuna is missing, the error holds the line to type."""
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(MissingDependencyError, match=r"pip install \"digitcnn\[tune\]\""):
        tuning.tune(space={"epochs": (1, 2)})
