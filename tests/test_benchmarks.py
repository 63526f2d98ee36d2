"""The benchmarks measure the published files that lie beside them in the checkout."""

import importlib
from pathlib import Path

import pytest

from digitcnn import datasets
from digitcnn.synthesis import draw_digits
from digitcnn.weights import list_weights

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
NUM_IMAGES = 20


@pytest.fixture
def accuracy(tmp_path, monkeypatch):
    """Run `benchmarks/accuracy.py` without a network, a few drawn digits for MNIST's test set."""
    test = draw_digits(NUM_IMAGES, seed=1)
    monkeypatch.setattr(datasets, "load_mnist", lambda: (test, test))
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", "")
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")
    return lambda *words: importlib.import_module("accuracy").main(list(words))


def test_accuracy_measures_networks_that_are_not_in_the_package(accuracy):
    """A checkout without a network has every file that its table names, a column for each."""
    names = [
        record.id
        for record in list_weights()
        if record.name not in {"base", "large", "reader", "lines", "signs", "ink"}
    ]

    head, _, *rows = accuracy("mnist", "--weights", *names).splitlines()

    assert all(f"| {name} " in head for name in names)
    assert any(row.startswith(f"| mnist, {NUM_IMAGES}: read | ") for row in rows)


def test_scenes_are_measured_by_kind(accuracy):
    """Each kind of scene has a row; the same network fed as tutorials do stands beside it."""
    rows = accuracy("scenes", "--weights", "base", "base:tutorial", "--scenes", "1").splitlines()

    cells = {row.split(" | ")[0]: row for row in rows}
    assert "fed as tutorials do" in rows[0]
    assert "| scenes: clean, 1" in cells
    assert "| scenes: blackboard, 1" in cells


def test_accuracy_keeps_to_the_folder_that_the_user_named(accuracy, tmp_path, monkeypatch):
    """Who names a folder of weights has those measured, and nothing else in their place."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path))

    with pytest.raises(SystemExit, match="conv-pool"):
        accuracy("mnist", "--weights", "conv-pool")
