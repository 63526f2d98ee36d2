"""Networks of one's own come back by one rule, wherever a network is asked for."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from digitcnn import (
    DigitClassifier,
    evaluate,
    load_pretrained,
    predict,
    predict_proba,
    preprocess,
    train,
)
from digitcnn.cli import main
from digitcnn.errors import DigitcnnError, InvalidArgumentError
from digitcnn.synthesis import draw_digits

keras = pytest.importorskip("keras", reason="own networks need digitcnn[tensorflow]")

IMAGES, LABELS = draw_digits(6, seed=2)
BATCH = preprocess(IMAGES)


@pytest.fixture(scope="module")
def network():
    """Give an untrained network of the library's."""
    from digitcnn import build_model

    return build_model("base")


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    """Write it in every form that can be written without being trained."""
    folder = tmp_path_factory.mktemp("own")
    network.save_weights(folder / "mine.weights.h5")
    network.save(folder / "mine.keras")
    network.save(folder / "whole.h5")
    run = folder / "run"
    run.mkdir()
    network.save_weights(run / "final.weights.h5")
    record = {
        "architecture": "base",
        "recipe": {"name": "base"},
        "seed": 0,
        "num_images": 1,
        "validation_size": 0,
        "metrics": {},
        "history": [{"loss": 1.0}],
        "versions": {},
    }
    (run / "run.json").write_text(json.dumps(record), "utf-8")
    return folder


@pytest.mark.parametrize("name", ["mine.weights.h5", "run", "the model"])
def test_a_network_of_ones_own_is_taken_everywhere(network, folder, name, tmp_path, capsys):
    """Files, folders and models are one for predict, evaluate, DigitClassifier and --weights."""
    model = network if name == "the model" else folder / name
    expected = np.asarray(network(BATCH))

    classifier = DigitClassifier(model)

    for rows in (
        predict_proba(IMAGES, model=model),
        classifier.predict_proba(IMAGES),
        pickle.loads(pickle.dumps(classifier)).predict_proba(IMAGES),
        evaluate(model, IMAGES, LABELS).probabilities,
    ):
        np.testing.assert_allclose(rows, expected, atol=1e-5)
    if name == "the model":
        return
    np.testing.assert_allclose(np.asarray(load_pretrained(str(model))(BATCH)), expected, atol=1e-5)
    np.save(tmp_path / "digit.npy", IMAGES[0])
    keras.utils.save_img(tmp_path / "digit.png", IMAGES[0][..., None], scale=False)
    assert main(["predict", str(tmp_path / "digit.png"), "--weights", str(model)]) == 0
    assert capsys.readouterr().out == f"{expected[0].argmax()}\n"


def test_the_service_takes_a_run(network, folder, tmp_path):
    """A run's folder names digits for the page, and shows what it looks at."""
    client = pytest.importorskip("fastapi.testclient", reason="the service needs digitcnn[serve]")
    from digitcnn.serve import create_app

    keras.utils.save_img(tmp_path / "digit.png", IMAGES[0][..., None], scale=False)
    picture = (tmp_path / "digit.png").read_bytes()

    with client.TestClient(create_app(weights=folder / "run"), "http://localhost") as asker:
        answer = asker.post("/v1/predict", content=picture).json()
        explanation = asker.post("/v1/explain", content=picture).json()

    assert answer["digit"] == int(np.asarray(network(BATCH))[0].argmax())
    assert explanation["attention"]


@pytest.mark.parametrize("name", ["mine.keras", "whole.h5"])
def test_a_file_that_may_carry_code_names_the_line_that_loads_it(folder, name, monkeypatch):
    """Every way to name a network gives the one line by which Keras loads such a file."""
    monkeypatch.chdir(folder)
    ways = [
        lambda: predict(IMAGES, model=name),
        lambda: evaluate(folder / name, IMAGES, LABELS),
        lambda: DigitClassifier(name),
        lambda: load_pretrained(name),
    ]

    for way in ways:
        with pytest.raises(InvalidArgumentError, match=rf"keras\.models\.load_model\('.*{name}"):
            way()


@pytest.mark.parametrize("sides", [(28, 28), (784,), (1, 28, 28), (28, 28, 1), (None, None, 1)])
def test_a_keras_model_is_fed_in_its_own_shape(sides):
    """Networks of rows, of images without a channel or with it first read the same values."""
    layers = keras.layers
    flat = layers.GlobalAveragePooling2D() if sides[0] is None else layers.Flatten()
    model = keras.Sequential([keras.Input(sides), flat, layers.Dense(10, "softmax")])
    fed = BATCH if sides[0] is None else BATCH.reshape(-1, *sides)

    rows = predict_proba(IMAGES, model=model)

    np.testing.assert_allclose(rows, np.asarray(model(fed)), atol=1e-5)


@pytest.mark.parametrize("sides", [(32, 32, 1), (28, 28, 3), (None, None, 3), (64,)])
def test_a_keras_model_of_another_size_is_refused(sides):
    """What cannot be fed is named with its shape, before Keras fails on it."""
    flat = keras.layers.Identity() if None in sides else keras.layers.Flatten()
    model = keras.Sequential([keras.Input(sides), flat])

    with pytest.raises(InvalidArgumentError, match=r"a Keras model that takes \(None, .*function"):
        predict(IMAGES, model=model)


def test_a_network_that_divides_by_255_itself_is_refused():
    """Pixels come from 0 to 1: what scales them again would read black, and say it surely."""
    layers = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    about_1 = keras.Sequential([layers[0], keras.layers.Rescaling(2, -1), *model.layers[1:]])

    for use in (lambda: predict(IMAGES, model=model), lambda: train(IMAGES, LABELS, model=model)):
        with pytest.raises(InvalidArgumentError, match=r"begins with Rescaling\(0\.00392\)"):
            use()
    assert predict_proba(IMAGES, model=about_1).shape == (6, 10)


def test_a_network_with_a_lambda_says_what_to_put_in_its_place():
    """Keras copies no code, and a training begins with a copy."""
    layers = [keras.Input((28, 28, 1)), keras.layers.Lambda(lambda x: x * 2)]
    layers += [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]

    with pytest.raises(InvalidArgumentError, match="Replace its Lambda"):
        train(IMAGES, LABELS, model=keras.Sequential(layers))


def test_weights_of_another_architecture_say_how_to_name_it(tmp_path):
    """A file for another network than "base" is refused with the call that takes it."""
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    model.save_weights(tmp_path / "other.weights.h5")

    with pytest.raises(DigitcnnError, match=r"load_pretrained\(path, architecture=\.\.\.\)"):
        predict(IMAGES, model=tmp_path / "other.weights.h5")
