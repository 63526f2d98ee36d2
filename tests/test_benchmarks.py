"""The benchmarks measure the published files that lie beside them in the checkout."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from digitcnn import datasets
from digitcnn.errors import UnavailableError
from digitcnn.synthesis import draw_digits
from digitcnn.weights import list_weights

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
NUM_IMAGES = 20


@pytest.fixture
def accuracy(tmp_path, monkeypatch):
    """Run `benchmarks/accuracy.py` without a network, a few drawn digits for MNIST's test set."""
    test = draw_digits(NUM_IMAGES, seed=1)
    monkeypatch.setattr(datasets, "load_mnist", lambda: (test, test))
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", "")
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")

    def run(*options):
        result = tmp_path / "result.json"
        argv = ["accuracy.py", "--json", str(result), *options]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit, match=r"^0$"):
            runpy.run_path(str(BENCHMARKS / "accuracy.py"), run_name="__main__")
        return json.loads(result.read_text("utf-8"))

    return run


def test_accuracy_measures_networks_that_are_not_in_the_package(accuracy):
    """A checkout without a network has every file that its table names."""
    names = [
        record.id for record in list_weights() if record.name not in {"base", "large", "reader"}
    ]

    figures = accuracy("--weights", *names)["weights"]

    assert [row["weights"] for row in figures] == names
    assert all(0 <= row["errors"] <= NUM_IMAGES for row in figures)


def test_accuracy_keeps_to_the_folder_that_the_user_named(accuracy, tmp_path, monkeypatch):
    """Who names a folder of weights has those measured, and nothing else in their place."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path))

    with pytest.raises(UnavailableError, match="conv-pool"):
        accuracy("--weights", "conv-pool")
