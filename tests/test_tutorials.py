"""The benchmark that sets the tutorials' claims beside what their recipes give."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from digitcnn import datasets
from digitcnn.synthesis import draw_digits
from digitcnn.training import read_run

pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")

ROOT = Path(__file__).parents[1]
BENCHMARK = ROOT / "benchmarks" / "studies.py"
NUM_IMAGES = 120


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """The benchmark, with a few drawn digits for MNIST and a page to write into."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARK.parent), str(ROOT / "tools"), *sys.path])
    spec = importlib.util.spec_from_file_location("studies", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "studies", module)
    spec.loader.exec_module(module)
    parts = (draw_digits(NUM_IMAGES, seed=1), draw_digits(40, seed=2))
    monkeypatch.setattr(datasets, "load_mnist", lambda: parts)
    (tmp_path / "page.md").write_text("<!-- figures: tutorials -->\nold\n<!-- end -->\n")

    module.run = lambda *options: module.main(["tutorials", "--runs", str(tmp_path), *options])
    return module


def test_finished_trainings_are_reported_without_another_look(
    benchmark, tmp_path, monkeypatch, capsys
):
    """A second call neither trains nor measures again, and writes what it prints into the page."""
    for name in ("conv-pool", "three-conv"):
        benchmark.run("--only", name, "--seeds", "1", "--epochs", "1")
    first = json.loads((tmp_path / "three-conv-0" / "measured.json").read_text())
    capsys.readouterr()

    monkeypatch.setattr(benchmark, "evaluate", None)
    benchmark.run("--seeds", "0", "--page", str(tmp_path / "page.md"))
    printed = capsys.readouterr().out
    page = (tmp_path / "page.md").read_text()

    assert 0 <= first["test"] <= 1
    assert 0 <= first["validation"] <= 1
    assert first["epochs"] == 1
    assert first["minutes"] > 0
    assert printed.strip() in page
    assert "old" not in page
    assert page.count("\n| `") == 2


def test_last_epoch_counts_where_the_tutorial_keeps_no_best(benchmark, tmp_path):
    """A training that is shown no validation images can choose no epoch by them."""
    kept = {}
    for variant in benchmark.STUDIES["tutorials"]:
        if variant.name in ("three-conv", "two-conv-dropout"):
            folder = tmp_path / variant.name
            run = benchmark.train_variant(variant, 0, folder, epochs=1, num_images=None)
            kept[variant.name] = ("best_epoch" in run.metrics, read_run(run.run_dir))

    assert not kept["three-conv"][0]
    assert kept["two-conv-dropout"][0]
    # The same images are trained on; those kept apart are measured afterwards.
    assert kept["three-conv"][1].num_images == NUM_IMAGES * 11 // 12
    assert kept["two-conv-dropout"][1].num_images == NUM_IMAGES * 11 // 12


def test_a_quick_try_is_kept_out_of_the_page(benchmark, tmp_path, capsys):
    """Figures of cut trainings do not replace those of whole ones."""
    with pytest.raises(SystemExit, match="2"):
        benchmark.run("--epochs", "1", "--page", str(tmp_path / "page.md"))
    assert "whole trainings" in capsys.readouterr().err
