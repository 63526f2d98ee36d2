"""The benchmark that sets the tutorials' claims beside what their recipes give."""

import importlib.util
import sys
from pathlib import Path

import pytest

from digitcnn import datasets
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES

pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "tutorials.py"
NUM_IMAGES = 120


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """The benchmark, with a few drawn digits for MNIST and a page to write into."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("tutorials", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "tutorials", module)
    spec.loader.exec_module(module)
    parts = (draw_digits(NUM_IMAGES, seed=1), draw_digits(40, seed=2))
    monkeypatch.setattr(datasets, "load_mnist", lambda: parts)
    (tmp_path / "page.md").write_text("<!-- figures: tutorials -->\nold\n<!-- end -->\n")

    def run(*options):
        monkeypatch.setattr(sys, "argv", ["tutorials.py", "--runs", str(tmp_path), *options])
        return module.main()

    module.run = run
    return module


def test_five_tutorials_are_recipes(benchmark):
    """What the table names can be trained by that name."""
    names = {each.recipe for each in benchmark.TUTORIALS}
    assert len(names) == 5
    assert names <= set(RECIPES)


def test_finished_trainings_are_reported_without_another_look(
    benchmark, tmp_path, monkeypatch, capsys
):
    """A second call neither trains nor measures again, and writes what it prints into the page."""
    options = ("--recipes", "conv-pool", "three-conv", "--seeds", "1")
    benchmark.run(*options, "--epochs", "1")
    first = benchmark.read_json(tmp_path / "three-conv-0" / "measured.json")
    capsys.readouterr()

    monkeypatch.setattr(benchmark, "evaluate", None)
    benchmark.run("--seeds", "0", "--page", str(tmp_path / "page.md"))
    printed = capsys.readouterr().out
    page = (tmp_path / "page.md").read_text()

    assert 0 <= first["test_accuracy"] <= 1
    assert 0 <= first["validation_accuracy"] <= 1
    assert first["epochs"] == 1
    assert first["seconds"] > 0
    assert printed.strip() in page
    assert "old" not in page
    assert page.count("\n| `") == 2


def test_last_epoch_counts_where_the_tutorial_keeps_no_best(benchmark, tmp_path):
    """A training that is shown no validation images can choose no epoch by them."""
    by_name = {each.recipe: each for each in benchmark.TUTORIALS}
    kept = {}
    for name in ("three-conv", "two-conv-dropout"):
        run = benchmark.train_tutorial(by_name[name], 0, tmp_path / name, epochs=1, num_images=None)
        kept[name] = ("best_epoch" in run.metrics, benchmark.read_json(run.run_dir / "run.json"))

    assert not kept["three-conv"][0]
    assert kept["two-conv-dropout"][0]
    # The same images are trained on; those kept apart are measured afterwards.
    assert kept["three-conv"][1]["num_images"] == NUM_IMAGES * 11 // 12
    assert kept["two-conv-dropout"][1]["num_images"] == NUM_IMAGES * 11 // 12


def test_spread_is_over_the_seeds_there_are(benchmark):
    """Accuracies have mean and standard deviation; a single one stands alone."""
    assert benchmark.spread([0.99, 0.98, 0.97]) == "98.00% ± 1.00%"
    assert benchmark.spread([0.99]) == "99.00%"
    assert benchmark.spread([None]) == "none"
    assert benchmark.spread([2.0, 4.0], "{:.1f} min") == "3.0 min"


def test_a_quick_try_is_kept_out_of_the_page(benchmark, tmp_path, capsys):
    """Figures of cut trainings do not replace those of whole ones."""
    with pytest.raises(SystemExit, match="2"):
        benchmark.run("--epochs", "1", "--page", str(tmp_path / "page.md"))
    assert "whole trainings" in capsys.readouterr().err
