"""What `--dataset` names."""

from __future__ import annotations

from typing import Any

import numpy as np

from digitcnn import datasets

MNIST = ("mnist-test", "mnist-validation")


def load_mnist_part(name: str) -> tuple[Any, np.ndarray]:
    """Give the images and labels of a part of MNIST, one of those named in `MNIST`."""
    train, test = datasets.load_mnist()
    if name == "mnist-test":
        return test
    return datasets.train_validation_split(*train)[1]
