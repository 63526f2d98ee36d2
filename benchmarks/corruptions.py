"""Measure how well MNIST's images are read after something has befallen them.

    python benchmarks/corruptions.py [--weights NAME] [--images N] [--split test] [--sheet FILE.png]

Each kind of damage in `digitcnn.augmentation.DAMAGES`, drawn from a fixed seed. A network is chosen
on the validation images and reported on the test images; one trained on the same kinds of damage
should be judged by others.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from checkout import use_published_files
from PIL import Image

from digitcnn import DigitClassifier, DigitcnnError, datasets
from digitcnn.augmentation import DAMAGES, damage

SHOWN = 12


def error_rate(classifier: DigitClassifier, images: np.ndarray, labels: np.ndarray) -> float:
    """Give the share misread; a refusal counts as misread."""
    wrong = 0
    for image, label in zip(images, labels, strict=True):
        try:
            wrong += classifier.predict(image) != label
        except DigitcnnError:
            wrong += 1
    return wrong / len(labels)


def draw_sheet(samples: dict[str, np.ndarray]) -> Image.Image:
    """Draw a row of damaged images for each kind."""
    rows = [np.hstack(list(images[:SHOWN])) for images in samples.values()]
    sheet = Image.fromarray(np.vstack(rows))
    return sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", default="base", help="published name or .onnx file")
    parser.add_argument("--images", type=int, default=1000, help="how many of each kind")
    parser.add_argument("--split", choices=("test", "validation"), default="validation")
    parser.add_argument("--sheet", type=Path, help="draw what was done to this PNG")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    use_published_files()

    (images, labels), test = datasets.load_mnist()
    if arguments.split == "test":
        images, labels = test
    else:
        _, (images, labels) = datasets.train_validation_split(images, labels)
    images, labels = images[: arguments.images], labels[: arguments.images]
    classifier = DigitClassifier(arguments.weights)
    errors, samples = {"none": error_rate(classifier, images, labels)}, {}
    print(f"{'none':16}{errors['none']:8.2%}")
    for seed, name in enumerate(DAMAGES):
        changed = damage(images, seed=seed, kinds=[name])
        samples[name] = changed
        errors[name] = error_rate(classifier, changed, labels)
        print(f"{name:16}{errors[name]:8.2%}", flush=True)
    mean = float(np.mean([errors[name] for name in DAMAGES]))
    print(f"{'mean of ' + str(len(DAMAGES)):16}{mean:8.2%}")
    if arguments.json:
        arguments.json.write_text(json.dumps(errors, indent=2) + "\n", encoding="utf-8")
    if arguments.sheet:
        draw_sheet(samples).save(arguments.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
