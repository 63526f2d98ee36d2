"""Publishing a training run: two files and a record, never twice the same name."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from digitcnn import (
    DigitClassifier,
    datasets,
    load_pretrained,
    preprocess,
    train,
    weights,
)
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES, Recipe, read_run

pytest.importorskip("tf2onnx", reason="publishing needs digitcnn[export]")

TOOL = Path(__file__).parents[1] / "tools" / "publish.py"
RECIPE = Recipe(name="tiny-test", architecture="conv-pool", epochs=1)
CARD = "| date | weights |\n|---|---|\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished training run of the smallest network, for one epoch."""
    folder = tmp_path_factory.mktemp("run")
    train(*draw_digits(60, seed=1), recipe=RECIPE, run_dir=folder, verbose=0)
    return read_run(folder)


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The publishing tool, in a project folder of its own with forty images for MNIST."""
    monkeypatch.syspath_prepend(TOOL.parent)  # as running it does
    spec = importlib.util.spec_from_file_location("publish", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for name in ("RELEASE", "BUNDLE"):
        monkeypatch.setattr(tool, name, tmp_path / name.lower())
        (tmp_path / name.lower()).mkdir()
    monkeypatch.setattr(tool, "MODEL_CARD", tmp_path / "card.md")
    tool.MODEL_CARD.write_text(CARD)
    monkeypatch.setitem(RECIPES, RECIPE.name, RECIPE)
    (tool.BUNDLE / "registry.json").write_text("[]")
    monkeypatch.setattr(weights, "BUNDLE", tool.BUNDLE)
    pictures, labels = draw_digits(40, seed=2)
    images = np.rint(preprocess(pictures)[..., 0] * 255).astype(np.uint8)
    monkeypatch.setattr(datasets, "load_mnist", lambda: ((images, labels), (images, labels)))
    return tool


def test_publishing_makes_a_pair_and_its_record(tool, run):
    """Both files lie in the release folder; the record tells their sizes and what was measured."""
    record = tool.publish([run], "tiny-test")

    (entry,) = json.loads((tool.BUNDLE / "registry.json").read_text())
    assert entry["name"] == "tiny-test"
    assert entry["num_parameters"] == 121_930
    for form in ("h5", "onnx"):
        path = tool.RELEASE / entry[form]["filename"]
        assert path.stat().st_size == entry[form]["size"]
    images, labels = datasets.load_mnist()[1]
    score = DigitClassifier(tool.RELEASE / entry["onnx"]["filename"]).score(images, labels)
    assert record.metrics["mnist_test_accuracy"] == pytest.approx(score)
    assert "tiny-test-v1" in tool.MODEL_CARD.read_text()


def test_a_detector_is_rounded_and_measured_on_pages(tool, detector_run, monkeypatch):
    """Its files are small and hold the same numbers; the record tells what pages showed."""
    monkeypatch.setitem(RECIPES, detector_run.recipe.name, detector_run.recipe)
    monkeypatch.setattr(tool, "MEASURED_PAGES", 4)
    monkeypatch.setattr(tool, "MEASURED_HANDS", 2)

    record = tool.publish([read_run(detector_run.run_dir)], "reader-test")

    assert record.onnx.size <= 1_500_000
    assert record.multiply_adds is None
    assert {"page_precision", "page_recall", "page_digit_accuracy"} <= record.metrics.keys()
    assert tool.MODEL_CARD.read_text() == CARD  # no look at MNIST's test set


def test_a_published_version_is_never_written_again(tool, run, monkeypatch):
    """The next publication gets the next version; a file that is there already stops it."""
    first = tool.publish([run], "tiny-test")
    path = tool.RELEASE / first.onnx.filename
    before = path.read_bytes()

    second = tool.publish([run], "tiny-test")

    assert second.id == "tiny-test-v2"
    assert path.read_bytes() == before
    (tool.RELEASE / "digitcnn-tiny-test-v3.onnx").write_bytes(b"")
    with pytest.raises(SystemExit, match="never written again"):
        tool.publish([run], "tiny-test")
    # What nobody could train again by name is not published.
    monkeypatch.setitem(RECIPES, RECIPE.name, dataclasses.replace(RECIPE, epochs=2))
    with pytest.raises(SystemExit, match="another recipe than RECIPES"):
        tool.publish([run], "tiny-test")


def test_only_the_newest_base_travels_in_the_package(tool, run):
    """A new `base` takes the place of the one before in the package, not in the release."""
    tool.publish([run], "base")
    tool.publish([run], "base")

    assert {path.name for path in tool.BUNDLE.glob("digitcnn-*")} == {
        "digitcnn-base-v2.onnx",
        "digitcnn-base-v2.weights.h5",
    }
    assert len(list(tool.RELEASE.glob("digitcnn-base-v1*"))) == 2


def test_several_runs_are_published_as_an_ensemble(tool, run, tmp_path):
    """The pair of files gives the mean of the members' probabilities."""
    other = tmp_path / "other"
    train(*draw_digits(60, seed=1), recipe=RECIPE, run_dir=other, seed=1, verbose=0)

    record = tool.publish([run, read_run(other)], "pair")

    assert record.architecture == "conv-pool+conv-pool"
    assert record.num_parameters == 2 * 121_930
    images, _ = datasets.load_mnist()[1]
    members = [load_pretrained(each)(preprocess(images)) for each in (run.run_dir, other)]
    answers = DigitClassifier(tool.RELEASE / record.onnx.filename).predict_proba(images)
    np.testing.assert_allclose(answers, np.mean(members, axis=0), atol=1e-5)
    assert "| 0 + 1 |" in tool.MODEL_CARD.read_text()


def test_seeds_are_measured_by_their_last_epochs(run, tmp_path, monkeypatch, capsys):
    """The table holds each seed, their mean and spread; each look is entered once."""
    for room in ("tools", "benchmarks"):
        monkeypatch.syspath_prepend(TOOL.parents[1] / room)
    studies = importlib.import_module("studies")
    pictures, labels = draw_digits(40, seed=2)
    images = np.rint(preprocess(pictures)[..., 0] * 255).astype(np.uint8)
    monkeypatch.setattr(datasets, "load_mnist", lambda: ((images, labels), (images, labels)))
    folders = [tmp_path / "a", tmp_path / "b"]
    for seed, folder in enumerate(folders):
        options = {"recipe": RECIPE, "validation_size": 0, "seed": seed, "verbose": 0}
        train(*draw_digits(60, seed=1), run_dir=folder, **options)
    page = tmp_path / "card.md"
    page.write_text(f"<!-- figures: tiny-test seeds -->\n<!-- end -->\n\n{CARD}")
    answers = [load_pretrained(each)(preprocess(images)).numpy() for each in folders]
    wrong = [int((each.argmax(axis=1) != labels).sum()) for each in answers]
    scores = [1 - count / len(labels) for count in wrong]

    for _ in range(2):
        options = ["--page", str(page), "--card", str(page)]
        studies.main(["seeds", *map(str, folders), *options])

    mean = f"{np.mean(scores):.2%} ± {np.std(scores, ddof=1):.2%}"
    assert mean in capsys.readouterr().out
    assert mean in page.read_text()
    for seed, (count, score) in enumerate(zip(wrong, scores, strict=True)):
        look = f"| not published | tiny-test | {seed} | 60 | 1 | {count} | {score:.2%} |"
        assert page.read_text().count(look) == 1
    with pytest.raises(SystemExit, match="validation"):
        studies.main(["seeds", str(run.run_dir)])
