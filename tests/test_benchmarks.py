"""The benchmarks measure the published files that lie beside them in the checkout."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


def test_a_sheet_of_some_scenes_shows_them_all(accuracy, tmp_path):
    """Who adds a kind of scene sees what it draws, read or not, in the file that was named."""
    sheet = tmp_path / "sheet.png"

    words = ("--kinds", "clean", "--scenes", "3", "--sheet", str(sheet))
    text = accuracy("scenes", "--weights", "base", *words)

    assert "| scenes: clean, 3" in text
    assert "blackboard" not in text
    with Image.open(sheet) as image:
        assert np.asarray(image).min() < 255


def test_a_try_is_no_measurement(tmp_path, monkeypatch, capsys):
    """What was measured of shortened trainings stays out of the tables of whole ones."""
    pytest.importorskip("keras")
    monkeypatch.syspath_prepend(BENCHMARKS)
    studies = importlib.import_module("studies")
    monkeypatch.setattr(studies, "ROOT", tmp_path)
    folder = tmp_path / "runs" / "tries" / "conv-pool-0"
    folder.mkdir(parents=True)
    (folder / studies.MEASURED_FILE).write_text('{"test": 0.4177, "epochs": 1, "minutes": 0.1}')

    studies.main(["tutorials", "--seeds", "0"])
    assert "conv-pool" not in capsys.readouterr().out
    studies.main(["tutorials", "--seeds", "0", "--epochs", "1"])
    assert "41.77%" in capsys.readouterr().out


def test_accuracy_keeps_to_the_folder_that_the_user_named(accuracy, tmp_path, monkeypatch):
    """Who names a folder of weights has those measured, and nothing else in their place."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path))

    with pytest.raises(SystemExit, match="conv-pool"):
        accuracy("mnist", "--weights", "conv-pool")
