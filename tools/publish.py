"""Turn a finished training run, or several as an ensemble, into published weights.

    python tools/publish.py runs/base-0 --name base
    python tools/publish.py runs/large-0 runs/large-1 runs/large-2 --name large
    python tools/publish.py runs/reader --name reader
    python tools/publish.py runs/lines --name lines

Writes both files to `weights/`, a record to the registry and a line to the list of looks, and puts
what `predict` and `read` use into the package. The version is the next free one; a published file
is never written again. The test set is looked at here, once, after everything has been chosen; a
network that learns from pages is measured on drawn ones instead. Run it from a checkout, with
`digitcnn[export]` installed and MNIST within reach.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from registry import add_record, enter_look, named, next_version, published_filename

from digitcnn import DigitClassifier, Evaluation, datasets, evaluate, load_pretrained, preprocess
from digitcnn._quantization import round_weights
from digitcnn._weight_files import read_network
from digitcnn.architectures import INK_FINDERS, PAGE_NETWORKS
from digitcnn.models import count_multiply_adds, ensemble, export_onnx
from digitcnn.synthesis import GlyphBank, draw_page
from digitcnn.training import RECIPES, RunRecord, read_run
from digitcnn.training._folders import as_fields
from digitcnn.training.recipes import recipe_from_fields
from digitcnn.weights import PublishedFile, Weights

PROJECT = Path(__file__).resolve().parents[1]
RELEASE = PROJECT / "weights"
BUNDLE = PROJECT / "src" / "digitcnn" / "_weights"
MODEL_CARD = PROJECT / "docs" / "experiments.md"  # its list of looks

# Small enough to travel in the wheel, and all that `predict` and `read` need.
BUNDLED_NAMES = ("base", "tiny", "reader", "lines", "signs", "ink")

# Keras and ONNX Runtime add up in different orders; more than this is another network.
GREATEST_DIFFERENCE = 1e-5
GREATEST_MAP_DIFFERENCE, LARGE_MAP_VALUE = 1e-4, 30

# Bytes of the weights that travel in the package; with its structure the file is little larger.
SIZES = {"reader": 1_490_000, "lines": 890_000, "ink": 690_000}
# What they are measured on: pages in hands that no training draws.
MEASURED_PAGES, MEASURED_HANDS, MEASURED_SEED = 256, 100, 2**32 - 1


def publish(runs: Sequence[RunRecord], name: str) -> Weights:
    """Write the files, compare them, measure them, and enter the record."""
    for run in runs:
        recipe = run.recipe["name"]
        known = RECIPES.get(recipe)
        if known is None or as_fields(recipe_from_fields(run.recipe)) != as_fields(known):
            raise SystemExit(
                f"the run was trained by another recipe than RECIPES[{recipe!r}], so nobody could "
                "train it again by name; enter the recipe first"
            )
    first = runs[0]
    version = next_version(name)
    h5, onnx = (RELEASE / published_filename(name, version, form) for form in ("h5", "onnx"))
    if taken := [path for path in (h5, onnx) if path.exists()]:
        raise SystemExit(f"{taken[0]} exists; a published file is never written again")
    folders = [run.run_dir for run in runs]
    model = ensemble(folders) if len(runs) > 1 else load_pretrained(first.run_dir)
    architecture = "+".join(run.architecture for run in runs)
    from_pages = architecture in PAGE_NETWORKS
    try:
        if from_pages:
            round_weights(model, size=SIZES[architecture])
        model.save_weights(h5)
        export_onnx(model, onnx)
        if from_pages:
            metrics = _measure_on_pages(architecture, model, onnx)
        else:
            evaluation = _measure_classifier(model, onnx)
            metrics = {"mnist_test_accuracy": round(float(evaluation.accuracy), 6)}
            enter_look(MODEL_CARD, runs, evaluation, weights=f"{name}-v{version}")
        record = Weights(
            name=name,
            version=version,
            architecture=architecture,
            h5=PublishedFile.of(h5),
            onnx=PublishedFile.of(onnx),
            num_parameters=int(model.count_params()),
            multiply_adds=None if from_pages else count_multiply_adds(model),
            # Of one network; what its members reached does not tell what an ensemble does.
            metrics={**metrics, **(first.metrics if len(runs) == 1 else {})},
            recipe=named(run.recipe["name"] for run in runs),
            date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        )
        if name in BUNDLED_NAMES:  # the newest version takes the place of the one before
            for old in BUNDLE.glob(f"digitcnn-{name}-v*"):
                old.unlink()
            for file in (h5, onnx):
                shutil.copy(file, BUNDLE)
        add_record(record)
    except BaseException:
        # An unpublished half must not block the next attempt.
        h5.unlink(missing_ok=True)
        onnx.unlink(missing_ok=True)
        raise
    return record


def _measure_classifier(model: object, onnx: Path) -> Evaluation:
    """Measure on MNIST's test set, once both files have been found to give the same."""
    (train_images, _), (test_images, test_labels) = datasets.load_mnist()
    images = train_images[:1000]
    keras_says = np.asarray(model(preprocess(images), training=False))  # type: ignore[operator]
    _compare(keras_says, DigitClassifier(onnx).predict_proba(images), GREATEST_DIFFERENCE)
    return evaluate(DigitClassifier(onnx), test_images, test_labels)


def _measure_on_pages(architecture: str, model: object, onnx: Path) -> dict[str, float]:
    """Measure on drawn pages, once both files have been found to give the same."""
    from digitcnn.training._fitting import PAGE_TEACHING

    teaching = PAGE_TEACHING[architecture]
    bank = GlyphBank(hands=MEASURED_HANDS, seed=MEASURED_SEED)
    rng = np.random.default_rng(MEASURED_SEED)
    is_single = architecture in INK_FINDERS
    pages = [draw_page(bank, rng, is_single=is_single) for _ in range(MEASURED_PAGES)]
    batch, _ = teaching.examples(pages[:16], rng)
    session = onnxruntime.InferenceSession(read_network(onnx))
    maps = session.run(None, {session.get_inputs()[0].name: batch})[0]
    keras_says = np.asarray(model(batch, training=False))  # type: ignore[operator]
    # Maps have no bounds, and float32 adds up large numbers less exactly.
    scale = max(1, float(np.abs(maps).max()) / LARGE_MAP_VALUE)
    _compare(keras_says, maps, GREATEST_MAP_DIFFERENCE * scale)
    measured = teaching.measuring(pages)(model)
    return {f"page_{name}": round(value, 6) for name, value in measured.items()}


def _compare(keras_says: np.ndarray, onnx_says: np.ndarray, greatest: float) -> None:
    """Refuse a pair of files that do not give the same, as exactly as such numbers can be."""
    largest = max(1.0, float(np.abs(keras_says).max()))
    difference = float(np.abs(keras_says - onnx_says).max()) / largest
    if difference > greatest:
        raise SystemExit(f"Keras and ONNX Runtime differ by {difference:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run_dirs", nargs="+", type=Path, help="folders of finished training runs")
    parser.add_argument("--name", default="base", help="what the weights are called")
    arguments = parser.parse_args()
    record = publish([read_run(each) for each in arguments.run_dirs], arguments.name)
    print(f"published {record.id}:", *(f"{name} {each}" for name, each in record.metrics.items()))
