"""Networks written for other programs."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from digitcnn import build_model, exporting, load_pretrained, predict_proba, preprocess
from digitcnn.errors import InvalidArgumentError
from digitcnn.synthesis import draw_digits
from digitcnn.weights import get_weights

keras = pytest.importorskip("keras", reason="exporting needs digitcnn[export]")
tf = pytest.importorskip("tensorflow", reason="exporting needs digitcnn[export]")
pytest.importorskip("tf2onnx", reason="exporting needs digitcnn[export]")


@pytest.fixture(scope="module")
def model():
    """A small network."""
    return build_model("conv-pool")


def run_h5(path, batch):
    """Load weights and run the network."""
    return load_pretrained(path, architecture="conv-pool").predict_on_batch(batch)


def run_onnx(path, batch):
    """Run the network on ONNX Runtime."""
    return predict_proba(batch, model=path)


def run_saved(path, batch):
    """Call a SavedModel's signature."""
    loaded = tf.saved_model.load(str(path))  # kept while it runs: it owns the variables
    return loaded.serve(batch).numpy()


def run_tflite(path, batch):
    """Run TensorFlow Lite, an image at a time as phones do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*deprecated", UserWarning)  # from 2.20 on
        interpreter = tf.lite.Interpreter(str(path))
    rows = []
    for image in batch:
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.array(rows)


PRINTS = tuple(map(int, keras.__version__.split(".")[:2])) < (3, 15)  # whatever it is told


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("own.weights.h5", run_h5),
        ("own.onnx", run_onnx),
        ("savedmodel", run_saved),
        ("own.tflite", run_tflite),
    ],
)
def test_every_format_gives_the_same_probabilities(model, tmp_path, capfd, name, run):
    """What is written gives what the network gives; standard output is for files' names alone."""
    batch = preprocess(draw_digits(3, seed=2)[0])
    path = exporting.export(model, tmp_path / name, format=name.rpartition(".")[-1])

    assert path == tmp_path / name
    assert PRINTS or capfd.readouterr().out == ""
    np.testing.assert_allclose(run(path, batch), model.predict_on_batch(batch), atol=1e-5)


@pytest.mark.parametrize(
    ("path", "format", "message"),
    [
        ("own.bin", "coreml", "`format` must be one of h5, onnx, tflite, savedmodel; got 'coreml'"),
        ("own.h5", "h5", r"must end in .weights.h5 .* Name it 'own.weights.h5'"),
        ("nowhere/own.onnx", "onnx", "`path` must lie in a folder that exists"),
        ("", "tflite", "`path` must be a place to write to; .* Is a directory"),
    ],
)
def test_what_cannot_be_written_is_refused(model, tmp_path, path, format, message):
    """A format that there is none of, another ending, a missing folder: each is named."""
    with pytest.raises(InvalidArgumentError, match=message):
        exporting.export(model, tmp_path / path, format=format)
    with pytest.raises(InvalidArgumentError, match="`model` must be a Keras model"):
        exporting.export(7, tmp_path / "seven.onnx")


def test_a_run_is_exported_like_its_network(model, tmp_path):
    """What `train` gives is taken as well, and published weights by their name."""
    run = SimpleNamespace(model=model, run_dir=tmp_path)  # all of a run that counts here

    exporting.export(run, tmp_path / "run.weights.h5", format="h5")
    exporting.export("tiny", tmp_path / "tiny.weights.h5", format="h5")

    written = load_pretrained(tmp_path / "run.weights.h5", architecture="conv-pool")
    for ours, theirs in zip(written.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    tiny = get_weights("tiny").architecture
    load_pretrained(tmp_path / "tiny.weights.h5", architecture=tiny)
