"""What `--dataset` names."""

from __future__ import annotations

import difflib
import os
from typing import Any

import numpy as np

from digitcnn import datasets
from digitcnn.errors import InvalidArgumentError

MNIST = ("mnist-test", "mnist-validation")


def load_mnist_part(name: str) -> tuple[Any, np.ndarray]:
    """Return the images and labels of a part of MNIST, one of those named in `MNIST`."""
    train, test = datasets.load_mnist()
    if name == "mnist-test":
        return test
    return datasets.train_validation_split(*train)[1]


def load_own(folder: str) -> tuple[Any, np.ndarray]:
    """List a folder's pictures, or load a file's, with their digits; else it may be a slip."""
    if os.path.isfile(folder):  # noqa: PTH113 - Path refuses names with a NUL
        return datasets.load_file(folder, part="test")
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        close = difflib.get_close_matches(folder, MNIST, n=1)
        raise InvalidArgumentError(
            argument="--dataset",
            rule=f"be {', '.join(MNIST)}, a folder that holds folders 0 to 9, or a file of digits",
            got=repr(folder),
            remedy=f"{f'Did you mean {close[0]}?' if close else 'Check the path.'}",
        )
    return datasets.load_folder(folder)
