"""The benchmark that sets the tutorials' claims beside what their recipes give."""

import json

import pytest

from digitcnn import datasets
from digitcnn.synthesis import draw_digits
from digitcnn.training import read_run

pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
import studies

NUM_IMAGES = 120


@pytest.fixture(autouse=True)
def page(tmp_path, monkeypatch):
    """A page to write into, and a few drawn digits for MNIST."""
    parts = (draw_digits(NUM_IMAGES, seed=1), draw_digits(40, seed=2))
    monkeypatch.setattr(datasets, "load_mnist", lambda: parts)
    path = tmp_path / "page.md"
    path.write_text("<!-- figures: tutorials -->\nold\n<!-- end -->\n")
    return path


def run(tmp_path, *options):
    """Run it as its command does."""
    studies.main(["tutorials", "--runs", str(tmp_path), *options])


def test_finished_trainings_are_reported_without_another_look(page, tmp_path, monkeypatch, capsys):
    """A second call neither trains nor measures again, and writes what it prints into the page."""
    for name in ("conv-pool", "three-conv"):
        run(tmp_path, "--only", name, "--seeds", "1", "--epochs", "1")
    first = json.loads((tmp_path / "three-conv-0" / "measured.json").read_text())
    capsys.readouterr()

    monkeypatch.setattr(studies, "evaluate", None)
    run(tmp_path, "--seeds", "0", "--page", str(page))
    printed, written = capsys.readouterr().out, page.read_text()

    assert 0 <= first["test"] <= 1
    assert 0 <= first["validation"] <= 1
    assert first["epochs"] == 1
    assert first["minutes"] > 0
    assert printed.strip() in written
    assert "old" not in written
    assert written.count("\n| `") == 2


def test_last_epoch_counts_where_the_tutorial_keeps_no_best(tmp_path):
    """A training that is shown no validation images can choose no epoch by them."""
    has_best = {}
    for variant in studies.STUDIES["tutorials"]:
        if variant.name in ("three-conv", "two-conv-dropout"):
            folder = tmp_path / variant.name
            trained = studies.train_variant(variant, 0, folder, epochs=1, num_images=None)
            has_best[variant.name] = "best_epoch" in trained.metrics
            # The same images are trained on; those kept apart are measured afterwards.
            assert read_run(trained.run_dir).num_images == NUM_IMAGES * 11 // 12

    assert has_best == {"three-conv": False, "two-conv-dropout": True}


def test_a_quick_try_is_kept_out_of_the_page(page, tmp_path, capsys):
    """Figures of cut trainings do not replace those of whole ones."""
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, "--epochs", "1", "--page", str(page))
    assert "whole trainings" in capsys.readouterr().err
