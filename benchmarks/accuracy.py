"""Measure every published network on MNIST's test set, from its published files.

    python benchmarks/accuracy.py [--weights NAME ...] [--json FILE]

Nothing is trained and nothing chosen here. Some labels of the test set are disputed: a majority of
five people read another digit. `undisputed` counts the errors that are left without those images.
The last table compares each network with the first, image by image (McNemar's exact test): `only`
are the images that one of the two alone misreads, and p is the chance of so uneven a split between
equally good networks.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from checkout import use_published_files

from digitcnn import DigitClassifier, Evaluation, datasets
from digitcnn.architectures import DETECTORS
from digitcnn.weights import get_weights, list_weights, resolve

# Positions in the test set, 0-based.
DISPUTED = (
    *(947, 1621, 1901, 2130, 2462, 2597, 2654, 3520),
    *(3558, 5937, 6651, 6783, 8527, 9679, 9729),
)
REPEATS = 3


def measure(name: str, images: np.ndarray, labels: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Measure one network; give its figures, and which images it misreads."""
    record = get_weights(name)
    classifier = DigitClassifier(resolve(name, format="onnx"))
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        probabilities = classifier.predict_proba(images)
        seconds.append(time.perf_counter() - start)
    evaluation = Evaluation(labels, probabilities)
    figures = {
        "weights": record.id,
        "accuracy": evaluation.accuracy,
        "errors": evaluation.num_errors,
        "undisputed": len(set(evaluation.errors.tolist()) - set(DISPUTED)),
        "calibration error": evaluation.calibration_error,
        "parameters": record.num_parameters,
        "multiply-adds": record.multiply_adds,
        ".onnx bytes": record.onnx.size,
        ".h5 bytes": record.h5.size,
        "images/s": round(len(images) / min(seconds)),
    }
    return figures, evaluation.predictions != labels


def mcnemar(wrong: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """Compare two networks by the images that only one of them misreads."""
    ours, theirs = int((wrong & ~other).sum()), int((other & ~wrong).sum())
    total, fewer = ours + theirs, min(ours, theirs)
    tail = sum(math.comb(total, count) for count in range(fewer + 1)) / 2**total
    return {"only first": ours, "only other": theirs, "p": min(1.0, 2 * tail)}


def table(rows: list[dict[str, Any]]) -> str:
    """Write a Markdown table."""
    head = tuple(rows[0])
    lines = [head, ("---",) * len(head)]
    lines += [tuple(cell(name, value) for name, value in row.items()) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(name: str, value: Any) -> str:
    """Write one figure as its column has it."""
    if value is None:
        return "-"
    if name in {"accuracy", "calibration error"}:
        return f"{value:.2%}"
    if name == "p":
        return f"{value:.2g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", nargs="+", help="names; by default the newest of each")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    use_published_files()

    names = arguments.weights or list(
        dict.fromkeys(
            record.name for record in list_weights() if record.architecture not in DETECTORS
        )
    )
    _, (images, labels) = datasets.load_mnist()
    measured = [measure(name, images, labels) for name in names]
    print(table([figures for figures, _ in measured]))
    first, wrong = measured[0]
    pairs = [
        {"first": first["weights"], "other": figures["weights"], **mcnemar(wrong, other)}
        for figures, other in measured[1:]
    ]
    if pairs:
        print(f"\n{table(pairs)}")
    if arguments.json:
        record = {"weights": [figures for figures, _ in measured], "pairs": pairs}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
