"""Measure how much of what is no digit is refused.

    python benchmarks/nondigits.py FILE.npz [--weights NAME] [--keep 0.99] [--json FILE]

FILE holds `x`, uint8 (N, H, W), `kind`, what each picture shows, and `lookalike`, true where it
looks like a digit, as the letter O does; those are reported and not counted. The threshold is the
one that keeps a share of MNIST's validation digits; what is answered with less confidence, or
raises `NoDigitError`, is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from checkout import use_published_files

from digitcnn import DigitClassifier, DigitcnnError, datasets


def threshold(classifier: DigitClassifier, keep: float) -> float:
    """Find the confidence that this share of MNIST's validation digits reaches."""
    (images, labels), _ = datasets.load_mnist()
    _, (images, labels) = datasets.train_validation_split(images, labels)
    return float(np.quantile(classifier.predict_proba(images).max(axis=1), 1 - keep))


def confidences(classifier: DigitClassifier, pictures: np.ndarray) -> np.ndarray:
    """Give the confidence of each answer, 0 where there is none."""
    values = np.zeros(len(pictures))
    for index, picture in enumerate(pictures):
        try:
            values[index] = classifier.predict_proba(picture).max()
        except DigitcnnError:
            continue
    return values


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="pictures of what is no digit")
    parser.add_argument("--weights", default="base", help="published name or .onnx file")
    parser.add_argument("--keep", type=float, default=0.99, help="share of digits to keep")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    use_published_files()

    classifier = DigitClassifier(arguments.weights)
    least = threshold(classifier, arguments.keep)
    with np.load(arguments.file, allow_pickle=False) as file:
        pictures, kinds, alike = file["x"], file["kind"].astype(str), file["lookalike"].astype(bool)
    refused = confidences(classifier, pictures) < least
    print(f"weights {arguments.weights}; {arguments.keep:.0%} of the digits reach {least:.4f}")
    shares = {kind: float(refused[~alike & (kinds == kind)].mean()) for kind in np.unique(kinds)}
    for kind, share in shares.items():
        print(f"{kind:24}{(~alike & (kinds == kind)).sum():>7}{share:>9.1%}")
    total, others = float(refused[~alike].mean()), float(refused[alike].mean())
    print(f"{'refused':24}{(~alike).sum():>7}{total:>9.1%}")
    print(f"{'look-alikes, not counted':24}{alike.sum():>7}{others:>9.1%}")
    if arguments.json:
        record = {"threshold": least, "refused": total, "kinds": shares, "lookalikes": others}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
