"""Architectures and the weights put into them."""

from pathlib import Path

import numpy as np
import pytest

from digitcnn import build_model, load_pretrained, predict_proba, preprocess
from digitcnn.architectures import CLASSIFIERS, PAGE_NETWORKS
from digitcnn.errors import CorruptFileError, InvalidArgumentError
from digitcnn.models import count_multiply_adds, ensemble, export_onnx
from digitcnn.synthesis import draw_digits
from digitcnn.weights import list_weights

keras = pytest.importorskip("keras", reason="the models need digitcnn[tensorflow]")


@pytest.fixture
def policy(request):
    """Compute by a policy of Keras', and give back the one before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"], indirect=True)
@pytest.mark.parametrize("architecture", [*CLASSIFIERS, "tiny+conv-pool"])
def test_every_classifier_gives_probabilities(architecture, policy):
    """A batch gives float32 rows that sum to 1, whatever is computed by; nothing is compiled."""
    batch = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)

    model = build_model(architecture)
    probabilities = keras.ops.convert_to_numpy(model(batch, training=False))

    assert policy.removeprefix("mixed_") in {layer.compute_dtype for layer in model.layers}
    assert (probabilities.shape, probabilities.dtype) == ((3, 10), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert not model.compiled


def test_networks_have_their_known_sizes():
    """Tutorials' networks have the parameters that their layers add up to, and shortcuts."""
    expected = {
        "conv-pool-dropout": 225_034,
        "conv5x5": 225_546,
        "three-conv": 241_546,
        "two-conv-dropout": 2_380_938,
        "conv-pool": 121_930,
    }

    assert {name: build_model(name).count_params() for name in expected} == expected
    assert [type(layer).__name__ for layer in build_model("resnet").layers].count("Add") == 4
    assert build_model("base").count_params() <= 400_000
    assert build_model("tiny").count_params() <= 10_000


def test_ensembles_give_the_mean_of_their_members(tmp_path):
    """An ensemble averages probabilities, survives both file formats, and costs their sum."""
    pytest.importorskip("tf2onnx", reason="export needs digitcnn[export]")
    keras.utils.set_random_seed(1)
    members = [build_model("tiny"), build_model("conv-pool"), build_model("tiny")]
    batch = preprocess(draw_digits(4, seed=1)[0])
    expected = np.mean([np.asarray(member(batch, training=False)) for member in members], axis=0)

    model = ensemble(members)
    model.save_weights(tmp_path / "three.weights.h5")
    export_onnx(model, tmp_path / "three.onnx")
    loaded = load_pretrained(tmp_path / "three.weights.h5", architecture="tiny+conv-pool+tiny")

    assert count_multiply_adds(model) == sum(map(count_multiply_adds, members))
    for answer in (model.predict_on_batch(batch), loaded.predict_on_batch(batch)):
        np.testing.assert_allclose(answer, expected, atol=1e-6)
    onnx_says = predict_proba(batch, model=tmp_path / "three.onnx")
    np.testing.assert_allclose(onnx_says, expected, atol=1e-5)


def test_networks_that_do_not_fit_are_refused():
    """One member alone, a network of the user's own, and one of pages that is to be counted."""
    with pytest.raises(InvalidArgumentError, match="`members` must be two at least; got 1"):
        ensemble([build_model("tiny")])
    with pytest.raises(InvalidArgumentError, match="got Sequential named 'mine'"):
        ensemble([keras.Sequential(name="mine"), build_model("tiny")])
    with pytest.raises(InvalidArgumentError, match=r"one of base, .*; got 'two'"):
        build_model("base+two")
    with pytest.raises(InvalidArgumentError, match="must join networks that name digits"):
        build_model("base+reader")
    with pytest.raises(InvalidArgumentError, match="must take images of one size"):
        count_multiply_adds(build_model("reader"))


def test_own_weights_come_back_into_their_architecture(tmp_path, monkeypatch):
    """However its path is written a file is found; another architecture, and none, are refused."""
    batch = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    model = build_model("conv-pool")
    model.save_weights(tmp_path / "own.weights.h5")
    monkeypatch.chdir(tmp_path)

    for path in ("own.weights.h5", "./own.weights.h5", Path("own.weights.h5")):
        loaded = load_pretrained(path, architecture="conv-pool")
        np.testing.assert_array_equal(loaded(batch).numpy(), model(batch).numpy())
    with pytest.raises(CorruptFileError, match="must fit the architecture 'base'"):
        load_pretrained("own.weights.h5")
    with pytest.raises(InvalidArgumentError, match="must be for the architecture 'conv-pool'"):
        load_pretrained("base", architecture="conv-pool")
    with pytest.raises(InvalidArgumentError, match=r"one of base, .*; got 'alexnet'"):
        build_model("alexnet")


def test_published_pairs_agree(monkeypatch):
    """For every published pair of files, Keras and ONNX Runtime give the same probabilities."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(Path(__file__).parents[1] / "weights"))
    images, _ = draw_digits(64, seed=9)

    for record in list_weights():
        if record.architecture in PAGE_NETWORKS:  # another test's
            continue
        model = load_pretrained(record.id)
        np.testing.assert_allclose(
            predict_proba(images, model=record.id), predict_proba(images, model=model), atol=1e-5
        )
        assert model.count_params() == record.num_parameters
        assert count_multiply_adds(model) == record.multiply_adds


@pytest.mark.parametrize("architecture", CLASSIFIERS)
def test_exported_network_agrees_with_keras(tmp_path, architecture):
    """ONNX Runtime gives what Keras gives, for any batch size; the smallest file has 60 kB."""
    pytest.importorskip("tf2onnx", reason="export needs digitcnn[export]")
    images, _ = draw_digits(5, seed=1)
    model = build_model(architecture)
    export_onnx(model, tmp_path / "own.onnx")

    probabilities = predict_proba(images, model=tmp_path / "own.onnx")

    np.testing.assert_allclose(probabilities, model(preprocess(images)).numpy(), atol=1e-5)
    assert architecture != "tiny" or (tmp_path / "own.onnx").stat().st_size <= 60_000


def test_the_docstring_names_every_network():
    """Who asks for help sees each name that may be passed."""
    for name in (*CLASSIFIERS, *PAGE_NETWORKS):
        assert f'"{name}"' in build_model.__doc__, f"name {name!r} in build_model's docstring"


def test_channels_first_are_refused():
    """Keras' other order of an image's axes is named, with what to call."""
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(InvalidArgumentError, match="set_image_data_format"):
            build_model("base")
    finally:
        keras.config.set_image_data_format("channels_last")
