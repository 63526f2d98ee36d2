"""Numbers, seeds and labels are checked alike by every public function that takes them."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import itertools

import numpy as np
from test_exports import FUNCTIONS

import digitcnn
from digitcnn import (
    augmentation,
    bulk,
    datasets,
    detection,
    evaluation,
    images,
    plots,
    preprocessing,
    serve,
    synthesis,
    training,
    tuning,
)
from digitcnn.errors import InvalidArgumentError

IMAGES = np.zeros((3, 28, 28), np.uint8)
IMAGES[:, 6:22, 13:15] = 255
LABELS = np.array([1, 1, 1])
ROWS = np.eye(10)[LABELS]
BATCH = np.zeros((2, 28, 28, 1), np.float32)


@functools.cache
def classifier():
    """Open the network once."""
    return digitcnn.DigitClassifier(threads=1)


# What each function is called with; one argument at a time is then another.
GOOD = {
    digitcnn.DigitClassifier: dict,
    digitcnn.DigitClassifier.iter_proba: lambda: {"self": classifier(), "images": IMAGES},
    digitcnn.DigitClassifier.predict: lambda: {"self": classifier(), "images": IMAGES},
    digitcnn.DigitClassifier.score: lambda: {"self": classifier(), "images": IMAGES},
    digitcnn.predict: lambda: {"images": IMAGES},
    digitcnn.DigitReader: dict,
    digitcnn.read: lambda: {"images": IMAGES},
    bulk.BatchReader: dict,
    bulk.run: lambda: {"source": "missing", "out": "missing"},
    digitcnn.evaluate: lambda: {"model_or_weights": "base", "images": IMAGES},
    evaluation.Evaluation: lambda: {"probabilities": ROWS},
    digitcnn.train: lambda: {"images": IMAGES, "labels": LABELS, "recipe": "tiny", "verbose": 0},
    training.Recipe: lambda: {"name": "own", "architecture": "tiny", "epochs": 1},
    training.Pages: dict,
    tuning.tune: lambda: {"space": {"learning_rate": (1e-4, 1e-2)}},
    augmentation.Augmentation: dict,
    augmentation.augment: lambda: {"batch": BATCH},
    augmentation.damage: lambda: {"images": IMAGES},
    augmentation.photograph: lambda: {"pictures": IMAGES},
    synthesis.GlyphBank: lambda: {"hands": 1},
    synthesis.draw_digits: lambda: {"count": 1, "seed": 0},
    synthesis.draw_nondigits: lambda: {"count": 1, "seed": 0},
    datasets.train_validation_split: lambda: {
        "images": IMAGES,
        "labels": LABELS,
        "validation_size": 1,
    },
    datasets.one_hot: lambda: {"labels": LABELS},
    datasets.as_tf_dataset: lambda: {"images": IMAGES, "labels": LABELS},
    serve.create_app: dict,
    plots.sample_grid: lambda: {"images": IMAGES},
    plots.prediction_grid: lambda: {"images": IMAGES, "probabilities": ROWS},
    plots.misclassified: lambda: {"images": IMAGES, "probabilities": ROWS, "labels": LABELS + 1},
    plots.augmentation_preview: lambda: {"image": IMAGES[0], "augmented": IMAGES},
    plots.steps: lambda: {"steps": digitcnn.explain(IMAGES[0])},
    plots.filters: lambda: {"kernels": np.ones((3, 3, 1, 4))},
    plots.feature_maps: lambda: {"maps": np.ones((5, 5, 4))},
    plots.reliability_diagram: lambda: {"probabilities": ROWS, "labels": LABELS},
}
NEEDS = {
    digitcnn.train: ["keras", "tensorflow"],
    bulk.run: ["dask", "distributed", "pyarrow"],
    datasets.as_tf_dataset: ["tensorflow"],
    serve.create_app: ["fastapi", "multipart"],
    tuning.tune: ["optuna"],
}

WHOLE = {
    "batch_size", "bins", "chunk_size", "columns", "count", "damaged", "drawn_digits",
    "drawn_nondigits", "epochs", "hand", "hands", "max_bytes", "max_pixels", "num_classes",
    "num_trials", "patience", "seed", "shard_size", "side", "threads", "validation_size", "workers",
}  # fmt: skip
REAL = {
    *["learning_rate", "min_confidence", "validation_fraction", "weight_average", "weight_decay"],
    *vars(augmentation.Augmentation()),
}
# What comes back is no argument, the trainings of a search check their own, and what streams
# pictures to a classifier, or takes MNIST in, trusts who calls it.
PASSED_OVER = {
    (images.iter_pictures, "side"),
    (images.open_picture, "side"),
    (preprocessing.batches_of, "chunk_size"),
    (preprocessing.batches_of, "threads"),
    (detection.Found, "scale"),
    (synthesis.GlyphBank, "labels"),
    (synthesis.Page, "labels"),
    (training.RunRecord, "seed"),
    (training.RunRecord, "validation_size"),
    (tuning.tune, "labels"),
}


def arguments(*names):
    """List each public function or method that works here with its arguments of these names."""
    found = []
    methods = vars(digitcnn.DigitClassifier).items()
    public = [method for name, method in methods if not name.startswith("_")]
    for function in [*FUNCTIONS.values(), *filter(inspect.isfunction, public)]:
        if inspect.isclass(function) and issubclass(function, tuple | BaseException):
            continue  # what comes back
        if all(importlib.util.find_spec(package) for package in NEEDS.get(function, ())):
            parameters = inspect.signature(function).parameters
            found += [(function, name) for name in parameters if name in names]
    return [each for each in found if each not in PASSED_OVER]


def call(function, name, value):
    """Call with one argument changed."""
    seed = inspect.signature(function).parameters.get("seed")
    needed = {"seed": 0} if seed is not None and seed.default is seed.empty else {}
    return function(**{**GOOD[function](), **needed, name: value})


def flaws(values, *names):
    """List the functions that take one of the values, or refuse it otherwise than by name."""
    found = []
    for (function, name), (number, value) in itertools.product(
        arguments(*names), enumerate(values)
    ):
        if value is None and inspect.signature(function).parameters[name].default is None:
            continue
        try:
            call(function, name, value)
        except InvalidArgumentError as error:
            told = str(error)
            if told.startswith(f"`{name}` must ") and len(told) < 400 and told.endswith((".", "?")):
                continue
        found.append(f"{function.__qualname__}: {name} of value {number}")
    return found


class Unspeakable:
    """Something whose own `repr` fails."""

    def __repr__(self):
        """Fail."""
        raise RuntimeError("no words")


class NoArray:
    """Something that NumPy would take for an array, until it asks."""

    def __array__(self, dtype=None, copy=None):
        """Fail."""
        raise RuntimeError("on another device")


NO_NUMBERS = [
    None, True, np.bool_(0), "", "3", "\x1b[2J", b"3", 1j, [], [1] * 10_000, np.ones(2, int),
    np.datetime64("2026-01-01"), Unspeakable(), np.nan, np.inf, -np.inf, -1.5,
]  # fmt: skip
NO_LABELS = [
    None, LABELS[:, None], LABELS / 2, LABELS == 1, LABELS.astype(str), LABELS.astype(object),
    [[1], [1, 2], 3], "111", iter(LABELS), NoArray(), {"labels": 1},
]  # fmt: skip


def test_what_is_no_whole_number_is_refused_by_name():
    """True and 3.0 are none, and none is too great to check; NumPy's seeds may have any length."""
    assert flaws([*NO_NUMBERS, 3.0, np.float32(2), -1, -(10**5000)], *WHOLE) == []
    assert flaws([10**5000], *WHOLE - {"seed", "hand"}) == []


def test_what_is_no_number_is_refused_by_name():
    """Wherever a number is due, neither text nor NaN nor one out of range is one."""
    assert flaws([*NO_NUMBERS, -1e-9, 10**5000], *REAL) == []


def test_what_are_no_labels_is_refused_by_name():
    """Wherever labels are due, they are whole numbers in a row."""
    assert flaws(NO_LABELS, "labels") == []


def test_numbers_of_numpy_are_whole_numbers():
    """A number out of an array is as good as one of Python's."""
    for number in (np.int8(20), np.uint64(20), np.array(20)):
        call(digitcnn.DigitClassifier, "threads", number)
        call(training.Recipe, "epochs", number)
        call(synthesis.draw_digits, "side", number)
        call(datasets.one_hot, "num_classes", number)
