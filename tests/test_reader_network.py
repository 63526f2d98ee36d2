"""The networks that read pages: their maps, and their small files."""

import numpy as np
import pytest

from digitcnn import build_model, load_pretrained, predict
from digitcnn.detection.boxes import NUM_CHANNELS
from digitcnn.errors import CorruptFileError, InvalidArgumentError
from digitcnn.exporting import export
from digitcnn.models import export_onnx
from digitcnn.weights import get_weights, resolve

keras = pytest.importorskip("keras", reason="the models need digitcnn[tensorflow]")
onnxruntime = pytest.importorskip("onnxruntime")

GREATEST_DIFFERENCE = 1e-4


@pytest.fixture(scope="module")
def model():
    """The untrained network, with normalisations as training leaves them: of any value."""
    keras.utils.set_random_seed(3)
    model = build_model("reader")
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            layer.set_weights(
                [
                    rng.uniform(low, high, size)
                    for low, high in ((0.5, 1.5), (-1, 1), (-1, 1), (0.5, 2))
                ]
            )
    return model


def draw(*shape):
    """Draw a page of noise."""
    return np.random.default_rng(sum(shape)).random((*shape, 1), np.float32)


def run_onnx(path, pages):
    """Run a file."""
    session = onnxruntime.InferenceSession(str(path))
    return session.run(["maps"], {"pages": pages})[0]


def test_maps_have_a_quarter_of_the_page():
    """A page of any size gives maps of float32, whatever the policy computes by."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = build_model("reader")
    finally:
        keras.config.set_dtype_policy(before)

    maps = keras.ops.convert_to_numpy(network(draw(2, 96, 32), training=False))

    assert maps.shape == (2, 24, 8, NUM_CHANNELS)
    assert maps.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "shape", "given", "most"),
    [
        ("reader", (2, 64, 96, 1), (2, 16, 24, NUM_CHANNELS), 1_500_000),
        ("lines", (2, 32, 16, 2), (2, 1, 8, 18), 1_000_000),
        ("lines", (2, 32, 104, 2), (2, 1, 52, 18), 1_000_000),
    ],
)
def test_the_published_pairs_agree(name, shape, given, most):
    """Keras and ONNX Runtime give the same maps, of a line of any width too, from small files."""
    record = get_weights(name)
    network = load_pretrained(name)
    pages = np.random.default_rng(0).normal(0.5, 0.5, shape).astype(np.float32)

    maps = run_onnx(resolve(name), pages)

    assert maps.shape == given
    expected = network.predict_on_batch(pages)
    np.testing.assert_allclose(maps, expected, atol=GREATEST_DIFFERENCE)
    assert record.onnx.size <= most
    assert network.count_params() == record.num_parameters


def test_a_network_is_exported_as_it_is(model, tmp_path):
    """Unrounded weights lose nothing; other layers are refused, and `predict` takes no detector."""
    path = export(model, tmp_path / "own.onnx")
    own = keras.Sequential([keras.Input((None, None, 1)), keras.layers.MaxPooling2D(2)])
    pages = draw(1, 64, 64)

    np.testing.assert_allclose(
        run_onnx(path, pages), model.predict_on_batch(pages), atol=GREATEST_DIFFERENCE
    )
    with pytest.raises(InvalidArgumentError, match=r"of the layers Conv2D, .*; got a MaxPooling2D"):
        export_onnx(own, tmp_path / "other.onnx")
    with pytest.raises(CorruptFileError, match=r"must take one float32 input of shape \(N, 28, 28"):
        predict(np.eye(28), model=path)
