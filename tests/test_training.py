"""Training, on few images and tiny recipes; what it must repeat and survive."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from trainings import page_recipe, short_recipe

from digitcnn import load_pretrained, predict, predict_proba, train
from digitcnn.errors import CorruptFileError, InvalidArgumentError
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES, Recipe, read_run
from digitcnn.training.recipes import OPTIMIZERS

keras = pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")

TINY = short_recipe(
    name="tiny-test",
    epochs=3,
    schedule="cosine",
    drawn_digits=30,
    drawn_nondigits=10,
    damaged=20,
)

TINY_SEED = 0  # what `train` takes where none is given


@pytest.fixture(scope="module")
def digits():
    """A hundred and twenty drawn digits and their labels."""
    return draw_digits(120, seed=11)


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory):
    """A training that ran to its end without a break."""
    return train(*digits, recipe=TINY, run_dir=tmp_path_factory.mktemp("run"), verbose=0)


def test_damaged_and_stretched_copies_keep_their_names(tmp_path):
    """What is drawn to learn from is canonical, and mostly still to be read."""
    recipe = short_recipe(epochs=1, drawn_digits=0, damaged=12_000)
    pools = {}  # copied before they are dropped
    keep = keras.callbacks.LambdaCallback(
        on_train_begin=lambda _: pools.update(np.load(next(tmp_path.rglob("pools.npz"))))
    )

    train(*draw_digits(300, seed=5), recipe=recipe, run_dir=tmp_path, callbacks=[keep], verbose=0)

    pixels, labels = pools["pixels2"], pools["targets2"].argmax(axis=1)
    assert pixels.shape[1:] == (28, 28)
    assert len(pixels) > 100
    assert np.mean(predict(pixels) == labels) > 0.7


def test_a_run_folder_tells_all_and_is_small(digits, finished):
    """It has recipe, history, versions and metrics, and nothing that only going on would need."""
    record, folder = read_run(finished.run_dir), finished.run_dir

    assert repr(finished).startswith("<TrainingRun of 'tiny-test': validation_accuracy ")
    assert (record.architecture, record.recipe["name"]) == ("conv5x5", "tiny-test")
    assert record.num_images + record.validation_size == 120
    assert {"keras", "numpy", "digitcnn"} <= set(record.versions)
    assert record.metrics["validation_accuracy"] == max(finished.history["val_accuracy"])
    assert {path.name for path in folder.iterdir()} == {
        "plan.json", "run.json", "final.weights.h5", "history.csv", "tensorboard",
    }  # fmt: skip
    head, *rows = (folder / "history.csv").read_text().splitlines()
    assert head.startswith("epoch,")
    assert [row.split(",")[0] for row in rows] == ["1", "2", "3"]
    again = train(*digits, recipe=TINY, run_dir=folder, verbose=0)  # read, not trained
    assert _same_weights(finished.model, again.model)
    assert again.history == finished.history


def test_the_seed_decides(digits, finished, tmp_path):
    """A second training with the same seed ends with the same weights, and another does not."""
    for seed in (TINY_SEED, TINY_SEED + 1):
        again = train(*digits, recipe=TINY, seed=seed, run_dir=tmp_path / str(seed), verbose=0)
        assert _same_weights(finished.model, again.model) == (seed == TINY_SEED)


_KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from test_training import TINY, draw_digits, keras, train

class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, step, logs=None):
        if (self.epoch, step) == (1, 1):
            os.kill(os.getpid(), signal.SIGKILL)

train(*draw_digits(120, seed=11), recipe=TINY, run_dir=sys.argv[1], verbose=0, callbacks=[Kill()])
"""


def test_killed_training_resumes_to_the_same_weights(digits, finished, tmp_path):
    """Killed in the middle of its second epoch, a training resumes to what it would have been."""
    command = [sys.executable, "-c", _KILLED, tmp_path, Path(__file__).parent]
    killed = subprocess.run(command, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "run.json").exists()
    resumed = train(*digits, recipe=TINY, run_dir=tmp_path, verbose=0)

    assert _same_weights(finished.model, resumed.model)
    assert resumed.history == finished.history


def test_folder_of_another_training_is_refused(digits, finished):
    """A run folder is never mixed with another recipe or seed."""
    images, labels = digits
    with pytest.raises(InvalidArgumentError, match=r"hold the same training; .* differs in seed"):
        train(images, labels, recipe=TINY, seed=5, run_dir=finished.run_dir, verbose=0)
    with pytest.raises(InvalidArgumentError, match="differs in data"):
        train(images, labels[::-1], recipe=TINY, run_dir=finished.run_dir, verbose=0)
    with pytest.raises(InvalidArgumentError, match="recipe's epochs: 3 there, 4 asked for"):
        train(images, labels, recipe=TINY, epochs=4, run_dir=finished.run_dir, verbose=0)


def test_of_epochs_without_an_error_the_surest_counts():
    """A few kept images are soon read alike; the loss goes on falling, and decides."""
    images, labels = draw_digits(60, seed=3, digits=[1])

    run = train(images, labels, recipe=TINY, epochs=4, validation_size=6, verbose=0)

    history = [
        (epoch["val_accuracy"], -epoch["val_loss"]) for epoch in read_run(run.run_dir).history
    ]
    assert history[-1][0] == history[-2][0] == 1
    assert run.metrics["best_epoch"] == 1 + history.index(max(history)) > 1


def test_a_weight_average_costs_a_short_training_nothing(digits, tmp_path):
    """However few the steps, the averaged network reads about as much as the one that is not."""
    recipe = short_recipe(epochs=2, learning_rate=3e-3, augmentation=None, drawn_digits=0)
    right = []
    for average in (0.0, 0.998):
        averaged = dataclasses.replace(recipe, weight_average=average)
        folder = tmp_path / str(average)
        run = train(*digits, recipe=averaged, validation_size=0, run_dir=folder, verbose=0)
        right.append(np.mean(predict(digits[0], model=run) == digits[1]))

    assert right[1] >= right[0] - 0.1


@pytest.mark.slow
def test_a_short_training_of_the_deepest_recipe_learns(digits, tmp_path):
    """Batch normalisation, too, has its statistics after a few steps."""
    recipe = dataclasses.replace(
        RECIPES["base"], epochs=10, batch_size=20, ending=None, drawn_digits=0, drawn_nondigits=0
    )
    recipe = dataclasses.replace(recipe, damaged=0, augmentation=None)

    run = train(*digits, recipe=recipe, validation_size=0, run_dir=tmp_path, verbose=0)

    assert np.mean(predict(digits[0], model=run) == digits[1]) > 0.9


def test_a_training_that_does_not_get_better_stops_and_is_told(digits, tmp_path, caplog):
    """It ends after as many epochs as the patience; near chance a warning says what to do."""
    recipe = short_recipe(epochs=30, learning_rate=1e-9, drawn_digits=0)
    options = {"patience": 1, "monitor": "val_accuracy", "validation_size": 60}

    run = train(*digits, recipe=recipe, run_dir=tmp_path, verbose=0, **options)

    assert len(run.history["loss"]) == 2
    assert (run.recipe.patience, run.recipe.monitor) == (1, "val_accuracy")
    assert "hardly more than guessing" in caplog.text
    assert "Train for more epochs" in caplog.text


def test_fine_tuning_starts_from_given_weights(digits, finished, tmp_path):
    """It begins where a run ended, not from chance, and keeps to the rate of the call."""
    options = {"recipe": "conv5x5", "initial_weights": finished.run_dir, "verbose": 0}

    run = train(*digits, epochs=1, learning_rate=1e-6, run_dir=tmp_path, **options)

    assert run.recipe.learning_rate == 1e-6
    for before, after in zip(finished.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-3)


def test_fine_tuning_by_name_is_gentle(digits, tmp_path, monkeypatch):
    """Published weights are adapted in small steps, and read at least as well as before."""
    few = {"drawn_digits": 50, "drawn_nondigits": 20, "damaged": 20}  # for speed
    monkeypatch.setitem(RECIPES, "base", dataclasses.replace(RECIPES["base"], **few))
    images, labels = digits[0][:40], digits[1][:40]

    run = train(
        images,
        labels,
        epochs=1,
        initial_weights="base",
        validation_fraction=0.0,
        run_dir=tmp_path,
        verbose=0,
    )

    assert run.recipe.learning_rate == RECIPES["base"].learning_rate / 10
    assert (run.recipe.batch_size, run.recipe.weight_average) == (32, 0)
    assert read_run(run.run_dir).num_images == 40
    assert np.mean(predict(images, model=run) == labels) >= 0.95


def flat_network(activation="softmax"):
    """Build a network of one layer."""
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, activation)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers])


def test_a_model_of_ones_own_is_trained(digits, tmp_path):
    """A Keras model goes the same way, from its own weights, and stays as it was itself."""
    own = flat_network()
    before = own.get_weights()
    options = {"recipe": _with_ending(epochs=6)[2], "model": own, "run_dir": tmp_path, "verbose": 0}

    run = train(*digits, **options)
    again = train(*digits, **options)

    assert _same_weights(run.model, again.model)
    assert not _same_weights(run.model, own)
    assert all(np.array_equal(a, b) for a, b in zip(before, own.get_weights(), strict=True))
    assert len(run.history["loss"]) == 8
    assert predict(digits[0][:3], model=run).shape == (3,)
    loaded = load_pretrained(tmp_path)
    assert _same_weights(run.model, loaded)
    assert [type(each) for each in loaded.layers] == [type(each) for each in own.layers]
    _name_a_class(tmp_path / "run.json", "Lambda")
    with pytest.raises(InvalidArgumentError, match=r"usual layers; .* holds 'Lambda'. Build it"):
        load_pretrained(tmp_path)
    own.add(keras.layers.Dense(10, "softmax"))
    with pytest.raises(InvalidArgumentError, match="differs in layers"):
        train(*digits, **options)


def _name_a_class(path, name):
    """Change the class of a run's last layer, as an attacker might."""
    content = json.loads(path.read_text("utf-8"))
    content["network"]["config"]["layers"][-1]["class_name"] = name
    path.write_text(json.dumps(content), "utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "mine"}, "`model` must be a Sequential or functional keras.Model; got str"),
        ({"model": "FLAT"}, r"`model` must take batches of shape \(N, 28, 28, 1\)"),
        ({"model": "UNBUILT"}, "got Sequential, whose layers have no shapes yet. Begin it with"),
        ({"model": "LOGITS"}, "`model` must take .* end it with softmax"),
        ({"model": "LOGITS", "initial_weights": "base"}, "must not both be given"),
    ],
)
def test_models_that_cannot_be_trained_are_refused(digits, options, message):
    """Another shape, another kind of output, or no model at all is told before any work."""
    layers = keras.layers
    models = {
        "UNBUILT": keras.Sequential([layers.Dense(10, "softmax")]),
        "FLAT": keras.Sequential([keras.Input((784,)), layers.Dense(10, "softmax")]),
        "LOGITS": flat_network("relu"),
    }
    options = {name: models.get(value, value) for name, value in options.items()}

    with pytest.raises(InvalidArgumentError, match=message):
        train(*digits, **options)


def test_class_weights_decide_what_a_network_prefers(digits, tmp_path):
    """A digit that counts a thousandfold is named for all others; balanced ones are not."""
    recipe = short_recipe(epochs=3, learning_rate=3e-3, drawn_digits=0)
    options = {"recipe": recipe, "validation_size": 0, "verbose": 0}

    sevens = train(*digits, class_weight={7: 1000.0}, run_dir=tmp_path / "7", **options)
    balanced = train(*digits, class_weight="balanced", run_dir=tmp_path / "all", **options)

    assert set(predict(digits[0], model=sevens)) == {7}
    assert len(set(predict(digits[0], model=balanced))) > 1
    with pytest.raises(InvalidArgumentError, match="differs in class_weight"):
        train(*digits, class_weight={7: 2.0}, run_dir=tmp_path / "7", **options)


def test_a_run_is_saved_by_the_files_ending(digits, finished, tmp_path):
    """Each file that it writes gives the same probabilities, and an unknown ending is refused."""
    expected = predict_proba(digits[0][:4], model=finished)

    weights = finished.save(tmp_path / "mine.weights.h5")
    onnx = finished.save(tmp_path / "mine.onnx")
    whole = finished.save(tmp_path / "mine.keras")

    loaded = [
        load_pretrained(weights, architecture="conv5x5"),
        onnx,
        keras.models.load_model(whole),
    ]
    for model in loaded:
        np.testing.assert_allclose(predict_proba(digits[0][:4], model=model), expected, atol=1e-5)
    with pytest.raises(InvalidArgumentError, match=r"`path` must end in \.weights\.h5, "):
        finished.save(tmp_path / "mine.pth")


def _with_ending(**changes):
    """Give a recipe of two epochs that ends with another two, gentler ones."""
    alone = short_recipe(drawn_digits=20)
    gentler = {"epochs": 2, "learning_rate": 1e-4, "augmentation": None, "drawn_digits": 0}
    ending = dataclasses.replace(alone, **gentler | changes)
    return alone, ending, dataclasses.replace(alone, ending=ending)


def test_an_ending_goes_on_from_what_the_recipe_gives(digits, tmp_path):
    """A recipe with an ending gives what both parts give, carried out one after the other."""
    alone, ending, both = _with_ending()
    whole = train(*digits, recipe=both, run_dir=tmp_path / "whole", verbose=0)
    first = train(*digits, recipe=alone, run_dir=tmp_path / "first", verbose=0)
    origin = {"initial_weights": first.run_dir}
    last = train(*digits, recipe=ending, **origin, run_dir=tmp_path / "last", verbose=0)

    assert _same_weights(last.model, whole.model)
    assert whole.history["loss"] == first.history["loss"] + last.history["loss"]
    assert whole.metrics["best_epoch"] == 2 + last.metrics["best_epoch"]


class Stop(keras.callbacks.Callback):
    """Interrupts a training where its epoch of a number begins, or would begin."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def on_epoch_begin(self, epoch, logs=None):
        """Count, and stop."""
        del epoch, logs
        self.number -= 1
        if self.number == 0:
            raise KeyboardInterrupt

    def on_train_end(self, logs=None):
        """Stop where no epoch is left to begin."""
        del logs
        if self.number == 1:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("recipe", "number", "options"),
    [
        pytest.param(_with_ending()[2], 4, {}, id="in its ending"),
        pytest.param(TINY, 4, {"validation_size": 0}, id="before its last average"),
        pytest.param(
            short_recipe(architecture="conv5x5+fast"), 2, {}, id="ensemble", marks=pytest.mark.slow
        ),
        pytest.param(page_recipe(epochs=2), 2, {}, id="on pages", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_training_resumes_to_the_same_weights(digits, tmp_path, recipe, number, options):
    """Wherever it is stopped, a training goes on to what it would have been."""
    options = {"recipe": recipe, "verbose": 0, **options}
    whole = train(*digits, run_dir=tmp_path / "whole", **options)

    with pytest.raises(KeyboardInterrupt):
        train(*digits, run_dir=tmp_path / "stopped", callbacks=[Stop(number)], **options)
    resumed = train(*digits, run_dir=tmp_path / "stopped", **options)

    assert _same_weights(whole.model, resumed.model)
    np.testing.assert_equal(resumed.history, whole.history)  # in which NaN may stand


def test_options_override_the_recipe(digits, tmp_path):
    """Those of the call replace the recipe's; its ending keeps the rate in proportion."""
    *_, recipe = _with_ending()
    options = {"learning_rate": 0.1, "batch_size": 50, "augment": True, "validation_fraction": 0.25}

    changed = train(*digits, recipe=recipe, **options, run_dir=tmp_path / "changed", verbose=0)
    short = train(*digits, recipe=recipe, epochs=1, run_dir=tmp_path / "short", verbose=0)

    ending = changed.recipe.ending
    assert read_run(changed.run_dir).validation_size == 30
    assert (changed.recipe.batch_size, ending.batch_size) == (50, 50)
    assert (changed.recipe.learning_rate, ending.learning_rate) == (0.1, pytest.approx(0.01))
    assert changed.recipe.augmentation == ending.augmentation is not None
    assert len(short.history["loss"]) == 1  # of all there are


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "conv5x6"}, "`recipe` must be one of base.* Did you mean 'conv5x5'"),
        ({"recipe": {"name": "base"}}, "`recipe` must be one of base"),
        ({"validation_fraction": 1.0}, "`validation_fraction` must be at least 0 and less than 1"),
        ({"validation_fraction": 0.1, "validation_size": 5}, "must not both be given"),
        ({"augment": "much"}, "`augment` must be True, False or an Augmentation; got 'much'"),
        ({"monitor": "loss"}, "`monitor` must be one of val_loss, val_accuracy"),
        ({"class_weight": {11: 1}}, "`class_weight` must be 'balanced', or a mapping"),
        ({"class_weight": {1: -1}}, "`class_weight` must be .* positive"),
        ({"initial_weights": "base", "recipe": "conv-pool"}, "for the recipe's architecture"),
        ({"labels": None}, "must be given together"),
        ({"labels": [1]}, "each of 120 images; got 1"),
    ],
)
def test_bad_options_are_refused(digits, options, message):
    """An option out of range is refused by name before anything is done."""
    given = dict(zip(("images", "labels"), digits, strict=True)) | options
    with pytest.raises(InvalidArgumentError, match=message):
        train(**given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "`name` must be a name; got None"),
        ({"architecture": "nope"}, "`architecture` must be one of base, .*; got 'nope'"),
        ({"augmentation": "yes"}, "`augmentation` must be an Augmentation; got 'yes'"),
        ({"schedule": "stepped"}, "`schedule` must be one of constant, cosine"),
        ({"ending": "gentle"}, "`ending` must be a Recipe; got 'gentle'"),
        ({"ending": RECIPES["conv-pool"]}, "`ending` must be for the architecture 'conv5x5'"),
        ({"ending": _with_ending()[2]}, "and end there"),
    ],
)
def test_recipes_that_no_training_could_finish_are_refused(changes, message):
    """What would fail after all the work is told before it."""
    with pytest.raises(InvalidArgumentError, match=message):
        short_recipe(**changes)


def test_a_folder_that_holds_no_run_is_refused(digits, tmp_path):
    """A file in its place, files of others in it, or no finished run: nothing is lost."""
    with pytest.raises(CorruptFileError, match="the same call resumes it"):
        read_run(tmp_path)
    (tmp_path / "history.csv").write_text("of another experiment")

    with pytest.raises(InvalidArgumentError, match=r"`run_dir` must be empty .* 'history.csv'"):
        train(*digits, recipe=TINY, run_dir=tmp_path)
    with pytest.raises(InvalidArgumentError, match="`run_dir` must be a folder"):
        train(*digits, recipe=TINY, run_dir=tmp_path / "history.csv")

    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_callbacks_write_beside_a_training_and_start_none_in_its_folder(digits, tmp_path, capsys):
    """Other files stay, a second training is refused; without a terminal an epoch is a line."""
    pytest.importorskip("fcntl", reason="POSIX locks")
    names = {"best-model.weights.h5", "epoch-final.weights.h5", "partial-results.csv"}
    options = {"recipe": short_recipe(), "run_dir": tmp_path}
    refused = []

    def disturb(*_):
        for name in names:
            (tmp_path / name).write_text("mine")
        with pytest.raises(InvalidArgumentError, match="`run_dir` must not be in use") as error:
            train(*digits, **options)
        refused.append(error)

    train(*digits, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=disturb)], **options)

    printed = capsys.readouterr().out
    assert len(refused) == 2
    assert names <= {path.name for path in tmp_path.iterdir()}
    assert printed.count("val_accuracy") == 2
    assert not set("\x1b\r\b") & set(printed)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # At the first step, half way up, at the greatest, half way down, and at the last.
        ("cosine", {0: 0, 5: 0.5, 10: 1, 55: 0.5, 99: 0}),
        ("one-cycle", {0: 0.04, 15: 0.52, 30: 1, 65: 0.5, 99: 0}),
        ("exponential", {0: 1, 50: 0.1, 99: 0.01}),
    ],
)
def test_schedules_follow_their_curves(digits, schedule, expected):
    """The learning rate passes through the points that its schedule is known by."""
    rates = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda *_, **__: rates.append(
            float(watch.model.optimizer.learning_rate)
        )
    )
    recipe = Recipe("own", "conv-pool", 10, 12, "sgd", 0.5, schedule=schedule)
    options = {"model": flat_network(), "validation_size": 0, "callbacks": [watch], "verbose": 0}

    train(*digits, recipe=recipe, **options)

    assert len(rates) == 100
    found = {step: rates[step] / 0.5 for step in expected}
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(digits, optimizer):
    """Each that a recipe may name brings the loss down, with an average of the weights as well."""
    rate = {"adadelta": 1.0, "sgd": 0.1}.get(optimizer, 1e-3)
    recipe = Recipe("own", "conv-pool", 8, 32, optimizer, rate, weight_average=0.9)

    run = train(*digits, recipe=recipe, validation_size=0, verbose=0)

    assert run.history["loss"][-1] < 0.8 * run.history["loss"][0]


def test_tensorboard_sees_every_epoch(finished):
    """The logs hold each epoch's metrics, of training and of validation, as scalars."""
    tf = pytest.importorskip("tensorflow")
    found = {}
    for part in ("train", "validation"):
        (file,) = (finished.run_dir / "tensorboard" / part).iterdir()
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(f"{part}/{value.tag}", {})[event.step] = number

    for name, values in finished.history.items():
        part = "validation" if name.startswith("val_") else "train"
        logged = found[f"{part}/epoch_{name.removeprefix('val_')}"]
        assert list(logged) == [0, 1, 2]
        assert list(logged.values()) == pytest.approx(values)
    assert found["train/epoch_learning_rate"][2] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
@pytest.mark.mnist
@pytest.mark.usefixtures("mnist")
def test_a_tutorial_recipe_reaches_its_claim(tmp_path):
    """Five epochs of the three-convolution recipe read 98 % of the validation images."""
    run = train(recipe="three-conv", run_dir=tmp_path, verbose=2)

    assert run.metrics["validation_accuracy"] >= 0.98


def _same_weights(one, other):
    """Tell whether two networks hold the very same numbers."""
    return all(
        np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True)
    )
