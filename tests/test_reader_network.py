"""The networks that read pages: their maps, and their small files."""

import numpy as np
import pytest

from digitcnn import build_model, load_pretrained, predict
from digitcnn._quantization import round_weights
from digitcnn._weight_files import read_network
from digitcnn.detection.boxes import NUM_CHANNELS
from digitcnn.errors import CorruptFileError, InvalidArgumentError
from digitcnn.exporting import export
from digitcnn.models import export_onnx
from digitcnn.weights import get_weights, resolve

keras = pytest.importorskip("keras", reason="the models need digitcnn[tensorflow]")
onnxruntime = pytest.importorskip("onnxruntime")

SIZE = 1_490_000  # bytes of weights; the structure takes some more
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
    """Run a file as it was checked."""
    session = onnxruntime.InferenceSession(read_network(path))
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


def test_weights_lie_in_a_known_order(model):
    """Kernels in the order from the page to the maps; lists of weights rely on it."""
    kernels = [weight.shape for weight in model.weights if len(weight.shape) == 4]

    assert kernels == [
        (8, 8, 1, 48),
        *[(3, 3, 48, 48)] * 2,
        (3, 3, 48, 64),
        *[(3, 3, 64, 64)] * 2,
        (3, 3, 64, 96),
        *[(3, 3, 96, 96)] * 5,
        (3, 3, 96, 64),
        (3, 3, 64, 64),
        (1, 1, 64, 48),
        *[(3, 3, 48, 48)] * 2,
        (1, 1, 48, 37),
    ]
    assert model.count_params() == 759_189


def test_rounded_weights_make_a_small_file_that_says_the_same(model, tmp_path):
    """At most 1.5 MB, and both files give the same maps, for pages of any size and number."""
    network = keras.models.clone_model(model)
    network.set_weights(model.get_weights())

    round_weights(network, size=SIZE)
    export_onnx(network, tmp_path / "own.onnx")
    network.save_weights(tmp_path / "own.weights.h5")
    loaded = load_pretrained(tmp_path / "own.weights.h5", architecture="reader")

    assert (tmp_path / "own.onnx").stat().st_size <= 1_500_000
    for shape in ((1, 32, 32), (2, 64, 96), (1, 160, 32)):
        maps = run_onnx(tmp_path / "own.onnx", draw(*shape))
        expected = loaded.predict_on_batch(draw(*shape))
        np.testing.assert_allclose(maps, expected, atol=GREATEST_DIFFERENCE)
        np.testing.assert_allclose(maps, model.predict_on_batch(draw(*shape)), atol=0.2)
    once = network.get_weights()
    round_weights(network, size=SIZE)  # told by so few bits exactly
    for before, after in zip(once, network.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_published_pair_agrees():
    """Keras and ONNX Runtime give the same maps of the published network, which is small."""
    record = get_weights("reader")
    network = load_pretrained("reader")
    pages = draw(2, 64, 96)

    maps = run_onnx(resolve("reader"), pages)

    expected = network.predict_on_batch(pages)
    np.testing.assert_allclose(maps, expected, atol=GREATEST_DIFFERENCE)
    assert record.onnx.size <= 1_500_000
    assert network.count_params() == record.num_parameters


@pytest.mark.parametrize("width", [16, 104])
def test_the_published_line_reader_agrees_with_itself(width):
    """Keras and ONNX Runtime say the same of a line of any width; the file is below a megabyte."""
    record = get_weights("lines")
    network = load_pretrained("lines")
    lines = np.random.default_rng(width).normal(0, 1, (2, 32, width, 2)).astype(np.float32)

    maps = run_onnx(resolve("lines"), lines)

    assert maps.shape == (2, 1, width // 2, 18)
    np.testing.assert_allclose(maps, network.predict_on_batch(lines), atol=GREATEST_DIFFERENCE)
    assert record.onnx.size < 1_000_000
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
