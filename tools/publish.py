"""Turn a finished training run, or several as an ensemble, into published weights.

    python tools/publish.py runs/base-0 --name base
    python tools/publish.py runs/large-0 runs/large-1 runs/large-2 --name large

Writes both files to `weights/`, a record to the registry and a line to the model card, and puts
`base` and `tiny` into the package. The version is the next free one; a published file is never
written again. The test set is looked at here, once, after everything has been chosen. Run it from
a checkout, with `digitcnn[export]` installed and MNIST within reach.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from looks import enter_look, named
from packing import pack
from registry import add_record, next_version, published_filename

from digitcnn import DigitClassifier, datasets, evaluate, load_pretrained, preprocess
from digitcnn.models import count_multiply_adds, ensemble, export_onnx
from digitcnn.training import RECIPES, RunRecord, read_run
from digitcnn.training._folders import as_fields
from digitcnn.training.recipes import recipe_from_fields
from digitcnn.weights import PublishedFile, Weights

PROJECT = Path(__file__).resolve().parents[1]
RELEASE = PROJECT / "weights"
BUNDLE = PROJECT / "src" / "digitcnn" / "_weights"
MODEL_CARD = PROJECT / "docs" / "model-card.md"

# Small enough to travel in the wheel, and all that `predict` needs.
BUNDLED_NAMES = ("base", "tiny")

# Keras and ONNX Runtime add up in different orders; more than this is another network.
GREATEST_DIFFERENCE = 1e-5


def main() -> None:
    """Publish the runs named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run_dirs", nargs="+", type=Path, help="folders of finished training runs")
    parser.add_argument("--name", default="base", help="what the weights are called")
    arguments = parser.parse_args()
    runs = [read_run(each) for each in arguments.run_dirs]
    record = publish(runs, arguments.name)
    print(f"published {record.id}: {record.metrics['mnist_test_accuracy']:.2%} on MNIST's test set")


def publish(runs: Sequence[RunRecord], name: str) -> Weights:
    """Write the files, compare them, measure them, and enter the record."""
    for run in runs:
        _check_recipe(run)
    first = runs[0]
    version = next_version(name)
    h5, onnx = (RELEASE / published_filename(name, version, form) for form in ("h5", "onnx"))
    for path in (h5, onnx):
        if path.exists():
            raise SystemExit(f"{path} exists; a published file is never written again")
    (train_images, _), (test_images, test_labels) = datasets.load_mnist()
    folders = [run.run_dir for run in runs]
    model = ensemble(folders) if len(runs) > 1 else load_pretrained(first.run_dir)
    architecture = "+".join(run.architecture for run in runs)
    try:
        model.save_weights(h5)
        pack(h5)
        export_onnx(model, onnx)
        _compare(model, onnx, train_images[:1000])
        evaluation = evaluate(DigitClassifier(onnx), test_images, test_labels)
        record = Weights(
            name=name,
            version=version,
            architecture=architecture,
            h5=PublishedFile.of(h5),
            onnx=PublishedFile.of(onnx),
            num_parameters=int(model.count_params()),
            multiply_adds=count_multiply_adds(model),
            metrics={
                "mnist_test_accuracy": round(float(evaluation.accuracy), 6),
                # Of one network; what its members reached does not tell what an ensemble does.
                **(first.metrics if len(runs) == 1 else {}),
            },
            recipe=named(run.recipe["name"] for run in runs),
            date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        )
        enter_look(MODEL_CARD, runs, evaluation, weights=record.id)
        if name in BUNDLED_NAMES:
            _bundle(name, h5, onnx)
        add_record(record)
    except BaseException:
        # An unpublished half must not block the next attempt.
        h5.unlink(missing_ok=True)
        onnx.unlink(missing_ok=True)
        raise
    return record


def _check_recipe(run: RunRecord) -> None:
    """Refuse a run whose recipe is not the one that its name stands for in this checkout."""
    name = run.recipe["name"]
    known = RECIPES.get(name)
    if known is None or as_fields(recipe_from_fields(run.recipe)) != as_fields(known):
        raise SystemExit(
            f"the run was trained by another recipe than RECIPES[{name!r}], so nobody could train "
            "it again by name; enter the recipe first"
        )


def _compare(model: object, onnx: Path, images: np.ndarray) -> None:
    """Refuse a pair of files that do not give the same probabilities."""
    keras_says = np.asarray(model(preprocess(images), training=False))  # type: ignore[operator]
    onnx_says = DigitClassifier(onnx).predict_proba(images)
    difference = float(np.abs(keras_says - onnx_says).max())
    if difference > GREATEST_DIFFERENCE:
        raise SystemExit(f"Keras and ONNX Runtime differ by {difference:.1e}")


def _bundle(name: str, *files: Path) -> None:
    """Put the newest version into the package, in place of the one before."""
    for old in BUNDLE.glob(f"digitcnn-{name}-v*"):
        old.unlink()
    for file in files:
        shutil.copy(file, BUNDLE / file.name)


if __name__ == "__main__":
    main()
