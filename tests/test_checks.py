"""Numbers, seeds and labels are checked alike by every public function that takes them."""

from __future__ import annotations

import functools
import inspect

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_exports import FUNCTIONS

import digitcnn
from digitcnn import (
    augmentation,
    bulk,
    datasets,
    detection,
    evaluation,
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
    "batch_size",
    "bins",
    "chunk_size",
    "columns",
    "count",
    "damaged",
    "drawn_digits",
    "drawn_nondigits",
    "epochs",
    "hand",
    "hands",
    "max_bytes",
    "max_pixels",
    "num_classes",
    "num_trials",
    "patience",
    "seed",
    "shard_size",
    "side",
    "threads",
    "validation_size",
    "workers",
}
REAL = {
    "learning_rate",
    "min_confidence",
    "validation_fraction",
    "weight_average",
    "weight_decay",
    *vars(augmentation.Augmentation()),
}
# What comes back is no argument, the trainings of a search check their own, and what streams
# pictures to a classifier, or takes MNIST in, trusts who calls it.
PASSED_OVER = {
    (preprocessing.batches_of, "chunk_size"),
    (preprocessing.batches_of, "threads"),
    (preprocessing.iter_pictures, "side"),
    (detection.Found, "scale"),
    (synthesis.GlyphBank, "labels"),
    (synthesis.Page, "labels"),
    (training.RunRecord, "seed"),
    (training.RunRecord, "validation_size"),
    (tuning.tune, "labels"),
}


def arguments(*names):
    """Give each public function or method, and each of its arguments of these names."""
    found = []
    methods = vars(digitcnn.DigitClassifier).items()
    public = [method for name, method in methods if not name.startswith("_")]
    for function in [*FUNCTIONS.values(), *filter(inspect.isfunction, public)]:
        if inspect.isclass(function) and issubclass(function, tuple | BaseException):
            continue  # what comes back
        for name in inspect.signature(function).parameters:
            if name in names and (function, name) not in PASSED_OVER:
                identity = f"{function.__qualname__}-{name}"
                found.append(pytest.param(function, name, id=identity))
    return found


def call(function, name, value):
    """Call with one argument changed, where what the function needs is installed."""
    for package in NEEDS.get(function, ()):
        pytest.importorskip(package)
    return function(**{**GOOD[function](), **seeded(function), name: value})


def seeded(function):
    """Give a seed where there must be one."""
    seed = inspect.signature(function).parameters.get("seed")
    return {"seed": 0} if seed is not None and seed.default is seed.empty else {}


def refuses(function, name, value):
    """Call with one argument changed, which must be refused by name; nothing for a default."""
    if value is None and inspect.signature(function).parameters[name].default is None:
        return
    with pytest.raises(InvalidArgumentError, match=f"`{name}` must ") as caught:
        call(function, name, value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).endswith((".", "?"))


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


# The first call loads what it needs.
PATIENTLY = settings(deadline=None, max_examples=40)
NO_NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.booleans().map(np.bool_),
    st.text(),
    st.binary(),
    st.complex_numbers(),
    st.lists(st.integers(), max_size=3),
    st.sampled_from([[1] * 10_000, np.ones(2, int), np.datetime64("2026-01-01"), Unspeakable()]),
)
NO_LABELS = st.sampled_from(
    [
        None,
        LABELS[:, None],
        LABELS / 2,
        LABELS == 1,
        LABELS.astype(str),
        LABELS.astype(object),
        [[1], [1, 2], 3],
        "111",
        iter(LABELS),
        NoArray(),
        {"labels": 1},
    ]
)


@pytest.mark.parametrize(("function", "name"), arguments(*WHOLE))
@PATIENTLY
@given(value=st.one_of(NO_NUMBERS, st.floats(), st.integers(max_value=-1)))
@example(value=-(10**5000))
def test_what_is_no_whole_number_is_refused_by_name(function, name, value):
    """Wherever a whole number is due, the same things are none: True and 3.0 among them."""
    refuses(function, name, value)


@pytest.mark.parametrize(("function", "name"), arguments(*WHOLE - {"seed", "hand"}))
def test_a_number_beyond_all_use_is_refused_by_name(function, name):
    """No number is too great for the check itself; a seed for NumPy alone may have any length."""
    refuses(function, name, 10**5000)


@pytest.mark.parametrize(("function", "name"), arguments(*REAL))
@PATIENTLY
@given(value=st.one_of(NO_NUMBERS, st.floats(max_value=-1e-9)))
@example(value=np.nan)
@example(value=np.inf)
@example(value=10**5000)
def test_what_is_no_number_is_refused_by_name(function, name, value):
    """Wherever a number is due, neither text nor NaN nor one out of range is one."""
    refuses(function, name, value)


@pytest.mark.parametrize(("function", "name"), arguments("labels"))
@PATIENTLY
@given(value=NO_LABELS)
def test_what_are_no_labels_is_refused_by_name(function, name, value):
    """Wherever labels are due, they are whole numbers in a row."""
    refuses(function, name, value)


@pytest.mark.parametrize("number", [np.int8(20), np.uint64(20), np.array(20)], ids=type)
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (digitcnn.DigitClassifier, "threads"),
        (training.Recipe, "epochs"),
        (synthesis.draw_digits, "side"),
        (augmentation.damage, "seed"),
        (datasets.one_hot, "num_classes"),
    ],
)
def test_numbers_of_numpy_are_whole_numbers(function, name, number):
    """A number out of an array is as good as one of Python's."""
    call(function, name, number)
