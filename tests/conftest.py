"""What several rooms' tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from digitcnn import datasets
from digitcnn.errors import UnavailableError

# The tests import what publishes and what measures, as both do each other.
sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("tools", "benchmarks")]

# Each of the processes that share the tests computes by one thread: more would wait for others.
if "PYTEST_XDIST_WORKER" in os.environ:
    for _variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(_variable, "1")

# The same examples each time in CI, new ones each time elsewhere; newer versions of Hypothesis do
# so by themselves.
settings.register_profile("same-each-time", derandomize=True, deadline=None, print_blob=True)
# `pytest tests/test_fuzz.py --hypothesis-profile=fuzz` goes on for as long as one likes.
settings.register_profile(
    "fuzz",
    derandomize=False,
    deadline=10_000,  # milliseconds: the library's limit for one picture
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "10000")),
    phases=[Phase.generate],
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
if os.environ.get("CI"):
    settings.load_profile("same-each-time")


@pytest.fixture(scope="session")
def mnist():
    """Load MNIST from DIGITCNN_DATA_DIR, the cache or by download.

    Where none of them has it the test is skipped, with the reason in pytest's summary; in CI it
    fails, so that nobody takes a skipped check for a passed one.
    """
    try:
        return datasets.load_mnist()
    except UnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have MNIST: {error}")
        pytest.skip(f"MNIST is out of reach: {error}")


@pytest.fixture(scope="session")
def mnist_test_images(mnist):
    """Give the 10,000 test images: uint8, shape (10000, 28, 28)."""
    return mnist[1][0]


@pytest.fixture
def mnist_in_little(monkeypatch):
    """Let MNIST be a few drawn digits: give the two parts that are measured."""
    from digitcnn import training
    from digitcnn.synthesis import draw_digits

    (images, labels), test = draw_digits(40, seed=1), draw_digits(12, seed=2)
    parts = (images[:30], labels[:30]), (images[30:], labels[30:])
    for room in (datasets, training):
        monkeypatch.setattr(room, "load_mnist", lambda: ((images, labels), test))
    monkeypatch.setattr(datasets, "train_validation_split", lambda *_, **__: parts)
    return {"mnist-test": test, "mnist-validation": parts[1]}


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """Give the path of a small network."""
    from networks import write_network

    return write_network(tmp_path_factory.mktemp("networks") / "small.onnx")


@pytest.fixture(scope="session")
def detector_run(tmp_path_factory):
    """Give a training of the network that finds digits, of two steps on small pages."""
    from trainings import page_recipe

    from digitcnn import train
    from digitcnn.synthesis import draw_digits

    folder = tmp_path_factory.mktemp("detector")
    return train(*draw_digits(40, seed=3), recipe=page_recipe(), run_dir=folder, verbose=0)
