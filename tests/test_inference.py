"""Pictures in any form go in; one answer comes out for each, the same by every way."""

from __future__ import annotations

import gc
import itertools
import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from networks import write_network
from PIL import Image
from processes import run_python
from strategies import encode

from digitcnn import DigitClassifier, _sessions, predict, predict_proba, preprocess
from digitcnn.errors import (
    CorruptFileError,
    DigitcnnError,
    ImageReadError,
    InvalidArgumentError,
    InvalidImageError,
)
from digitcnn.synthesis import draw_digits

# As MNIST would hold them, so that preparing them costs little.
DIGITS = np.rint(preprocess(draw_digits(8, seed=3)[0])[..., 0] * 255).astype(np.uint8)
TASKS = Path("/proc/self/task")


@pytest.fixture(scope="module")
def classifier(network):
    """Give a classifier that runs the small network."""
    return DigitClassifier(network)


@pytest.mark.parametrize("as_given", [np.asarray, Image.fromarray, encode])
def test_one_image_gives_one_answer(classifier, as_given):
    """An array, an image or a file gives an `int`, and float32 probabilities of shape (10,)."""
    expected = classifier.predict_proba(DIGITS)[0]

    digit = classifier.predict(as_given(DIGITS[0]))
    row = classifier.predict_proba(as_given(DIGITS[0]))

    assert (digit, type(digit)) == (expected.argmax(), int)
    assert (row.shape, row.dtype) == ((10,), np.float32)
    np.testing.assert_allclose(row, expected, atol=1e-6)


def test_many_images_in_any_form_give_an_array(classifier):
    """An array, list, tuple or iterator gives int64 digits and float32 rows, an empty one none."""
    alone = np.array([classifier.predict(image) for image in DIGITS])

    for collect, count in itertools.product((np.asarray, list, tuple, iter), (0, 1, 8)):
        digits = classifier.predict(collect(DIGITS[:count]))
        rows = classifier.predict_proba(collect(DIGITS[:count]))
        assert (digits.dtype, digits.tolist()) == (np.int64, alone[:count].tolist())
        assert (rows.shape, rows.dtype) == ((count, 10), np.float32)
        np.testing.assert_array_equal(rows.argmax(axis=1), digits)
    chunks = classifier.predict(np.tile(DIGITS, (40, 1, 1)))  # more than are read at once
    np.testing.assert_array_equal(chunks, np.tile(alone, 40))


batches = st.lists(st.integers(0, len(DIGITS) - 1), max_size=4).map(lambda chosen: DIGITS[chosen])
some_batches = batches.filter(len)
confidences = st.floats(0, 1)


@settings(max_examples=20, deadline=None)
@given(images=some_batches)
def test_a_batch_gives_what_its_images_give_alone(classifier, images):
    """Each row lies in [0, 1] and sums to 1, and is what the picture in its place gives alone."""
    rows = classifier.predict_proba(images)

    assert rows.min() >= 0
    np.testing.assert_allclose(rows.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    alone = [classifier.predict_proba(image) for image in images]
    np.testing.assert_allclose(rows, alone, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(images=some_batches, bounds=st.tuples(confidences, confidences).map(sorted))
@example(images=DIGITS, bounds=[0.0, 1.0])
def test_asking_for_more_confidence_only_refuses_more(classifier, images, bounds):
    """What is refused at one confidence is refused at a higher one; the rest is unchanged."""
    low, high = (classifier.predict(images, min_confidence=bound) for bound in bounds)

    assert set(np.flatnonzero(low == -1)) <= set(np.flatnonzero(high == -1))
    np.testing.assert_array_equal(high[high != -1], low[high != -1])


def test_an_image_is_named_at_just_its_own_probability(classifier):
    """The bound is the least probability that is named: at it yes, above it no."""
    rows = classifier.predict_proba(DIGITS)
    least_sure = DIGITS[rows.max(axis=1).argmin()]
    own = rows.max(axis=1).min()

    assert own < 1
    assert classifier.predict(least_sure, min_confidence=own) >= 0
    assert classifier.predict(least_sure, min_confidence=np.nextafter(own, np.float32(2))) == -1


SIX = DIGITS[[0, 0, 1, 0, 0, 2]]
# Of six the first, the third and the last are good.
BAD = {
    "a list": [DIGITS[0], "no such file", DIGITS[1], np.zeros((9, 9)), b"", DIGITS[2]],
    "files": [encode(DIGITS[0]), b"", encode(DIGITS[1]), "none", b"no", encode(DIGITS[2])],
    "floats": SIX / 255 * np.array([1, np.nan, 1, -1, 0, 1])[:, None, None],
    "whole numbers": SIX.astype(int) * np.array([1, 9, 1, -9, 0, 1])[:, None, None],
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_items_stop_no_batch_that_asks_for_it(network, classifier, kind):
    """With errors="return" an item that cannot be read leaves -1 or NaN; the others are read."""
    images, good = BAD[kind], [0, 2, 5]
    expected = np.full((6, 10), np.nan)
    expected[good] = classifier.predict_proba(DIGITS[:3])
    digits = np.full(6, -1)
    digits[good] = expected[good].argmax(axis=1)

    for threads, chunk_size in itertools.product((1, 4), (1, 2, 256)):
        bounded = DigitClassifier(network, threads=threads)
        rows = bounded.iter_proba(images, chunk_size=chunk_size, errors="return")
        np.testing.assert_allclose(np.stack(list(rows)), expected, atol=1e-6)
    np.testing.assert_array_equal(predict(images, model=classifier, errors="return"), digits)
    with pytest.raises(DigitcnnError, match=r"`images\[1\]` must"):
        predict(images, model=classifier)


def test_one_bad_picture_is_answered_where_that_is_asked(classifier):
    """One picture alone that cannot be read gives -1, and a row of NaN; what is none is refused."""
    assert predict(np.zeros((9, 9)), model=classifier, errors="return") == -1
    assert np.isnan(classifier.predict_proba("no such file", errors="return")).all()
    with pytest.raises(InvalidImageError, match="`images` must be a path"):
        predict({}, model=classifier, errors="return")
    with pytest.raises(InvalidArgumentError, match="`errors` must be one of raise, return"):
        predict(DIGITS, model=classifier, errors="ignore")
    with pytest.raises(ImageReadError, match="`images` must name existing files"):
        classifier.predict_proba("no-such.png")


def test_a_stream_is_read_only_as_far_as_needed(classifier):
    """An endless iterator is answered chunk by chunk."""
    taken = itertools.count()
    stream = (DIGITS[next(taken) % 8] for _ in itertools.count())

    rows = list(itertools.islice(classifier.iter_proba(stream, chunk_size=2), 5))

    assert next(taken) == 6
    np.testing.assert_allclose(rows, classifier.predict_proba(DIGITS[:5]), atol=1e-6)


def test_memory_does_not_grow_with_the_number_of_images(classifier):
    """A long iterator takes no more memory than a few chunks of it."""

    def peak(count):
        tracemalloc.start()
        for _ in classifier.iter_proba(itertools.repeat(DIGITS[0], count), chunk_size=32):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(512) < 1.2 * peak(96)


def test_score_is_the_share_of_right_answers(classifier):
    """The score counts answers equal to their labels, of which there is one for each picture."""
    labels = classifier.predict(DIGITS)
    labels[:2] = (labels[:2] + 1) % 10

    assert classifier.score(DIGITS, labels) == 0.75
    assert classifier.score(DIGITS[7], labels[7]) == 1.0
    np.testing.assert_array_equal(classifier.classes_, np.arange(10))
    with pytest.raises(InvalidArgumentError, match=r"one label for each image.*got 1 for 8"):
        classifier.score(DIGITS, [1])


@pytest.mark.parametrize("as_given", [str, Path, DigitClassifier])
def test_module_functions_take_a_network(network, classifier, as_given):
    """`predict` and `predict_proba` run a path or a classifier that they are given."""
    model = as_given(network)

    np.testing.assert_array_equal(predict(DIGITS, model=model), classifier.predict(DIGITS))
    np.testing.assert_array_equal(
        predict_proba(DIGITS, model=model), classifier.predict_proba(DIGITS)
    )
    assert predict(DIGITS[0], model=model, min_confidence=1.0) == -1


def test_a_path_is_opened_anew_on_each_call(tmp_path):
    """A file that was written again answers as it is now."""
    path = write_network(tmp_path / "mine.onnx", seed=1)
    before = predict_proba(DIGITS, model=str(path))
    write_network(path, seed=2)

    assert not np.allclose(predict_proba(DIGITS, model=str(path)), before)


def test_a_function_is_run(classifier):
    """Any function from batches to probabilities will do; what it raises is raised as it is."""

    def broken(batch):
        raise ZeroDivisionError(f"{len(batch)} images")

    def ensemble(batch):
        return (classifier.predict_proba(batch) / 2 + 0.05).astype(np.float16).tolist()

    rows = predict_proba(DIGITS, model=ensemble)

    np.testing.assert_allclose(rows, classifier.predict_proba(DIGITS) / 2 + 0.05, atol=2e-3)
    np.testing.assert_allclose(rows.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    with pytest.raises(ZeroDivisionError, match="8 images"):
        predict(DIGITS, model=broken)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (5, "`model` must be the name of published weights.*got int"),
        (lambda batch: batch, r"shape \(8, 10\) for 8 images; got shape \(8, 28, 28, 1\)"),
        (lambda batch: np.ones((len(batch), 10)), "rows sum to 1.*End it with softmax"),
        (lambda batch: np.full((len(batch), 10), np.nan), "rows sum to 1.*got values from nan"),
        (lambda batch: np.eye(10)[: len(batch)] * 3 - 0.2, "got values from -0.2"),
        (lambda batch: [[0.1], [0.2, len(batch)]], "must give an array of probabilities; got list"),
        (lambda batch: {"digit": batch}, "must give an array of probabilities; got dict"),
    ],
)
def test_a_model_without_probabilities_is_refused(model, message):
    """What is no model, or gives no ten probabilities an image, is named with the remedy."""
    with pytest.raises(InvalidArgumentError, match=message):
        predict_proba(DIGITS, model=model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 1}, r"N left open.*\[1, 28, 28, 1\]"),
        ({"side": 32}, r"takes tensor\(float\) \['N', 32, 32, 1\]"),
        ({"num_outputs": 2}, "gives .* and tensor"),
    ],
)
def test_a_network_of_another_form_is_refused(tmp_path, options, message):
    """A network that does not take (N, 28, 28, 1) and give (N, 10) is refused when opened."""
    path = write_network(tmp_path / "other.onnx", **options)

    with pytest.raises(CorruptFileError, match=message):
        DigitClassifier(path)


def test_a_file_that_gives_no_answer_is_refused_in_silence(network, tmp_path, capfd):
    """Half a network, logits and NaN are told by an error alone; ONNX Runtime prints nothing."""
    (tmp_path / "half.onnx").write_bytes(network.read_bytes()[:700])
    with pytest.raises(CorruptFileError, match=r"`weights` must be .*half\.onnx"):
        DigitClassifier(tmp_path / "half.onnx")
    for options in ({"ending": "Identity"}, {"factor": np.nan}):
        path = write_network(tmp_path / "logits.onnx", **options)
        with pytest.raises(InvalidArgumentError, match="End it with softmax"):
            DigitClassifier(path).predict(DIGITS)
    DigitClassifier(network).predict(DIGITS)

    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.skipif(not TASKS.exists(), reason="counts threads in /proc")
@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_bounded(network, threads):
    """A classifier starts one thread fewer than asked for: the caller's works as well."""
    gc.collect()  # what other tests left behind has threads, too
    before = {path.name for path in TASKS.iterdir()}

    classifier = DigitClassifier(network, threads=threads)
    classifier.predict(DIGITS)

    assert threads - 1 == len({path.name for path in TASKS.iterdir()} - before)
    assert repr(classifier) == f"DigitClassifier({str(network)!r}, threads={threads})"


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), (None, 4)]
)
def test_cpus_are_counted_within_a_containers_quota(tmp_path, monkeypatch, quota, expected):
    """The quota of a container bounds the CPUs, rounded up; without one, those allowed count."""
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(_sessions, "_CPU_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)

    assert expected == _sessions.available_cpus()


def test_a_pickled_classifier_gives_the_same(network, classifier, tmp_path, monkeypatch):
    """A copy by pickle answers alike, from another folder and by another thread too."""
    monkeypatch.chdir(network.parent)
    pickled = pickle.dumps(DigitClassifier(network.name, threads=1))
    monkeypatch.chdir(tmp_path)
    copy = pickle.loads(pickled)

    assert len(pickled) < 1_000
    np.testing.assert_allclose(
        copy.predict_proba(DIGITS), classifier.predict_proba(DIGITS), atol=1e-6
    )


FORKING = """
import gc, os, sys, threading
from digitcnn import DigitClassifier
from digitcnn.synthesis import draw_digits

images, _ = draw_digits(8, seed=3)
classifier = DigitClassifier(sys.argv[1], threads=4)
expected = classifier.predict(images).tolist()
for how in ("predict and leave", "leave", "let go", "fork again"):
    child = os.fork()
    if not child:
        if how == "let go":
            del classifier
            gc.collect()
            sys.exit()
        if how == "fork again" and (grandchild := os.fork()):
            sys.exit(os.waitpid(grandchild, 0)[1])
        if how != "leave" and classifier.predict(images).tolist() != expected:
            sys.exit("wrong answer")
        sys.exit()
    print(how, os.waitpid(child, 0)[1])
assert classifier.predict(images).tolist() == expected
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_predicts_and_ends_well(network):
    """Children of a fork answer rightly and end in peace, whether they use what they got or not."""
    printed = run_python(FORKING, network, options=("-W", "error"))

    assert printed.splitlines() == ["predict and leave 0", "leave 0", "let go 0", "fork again 0"]


PRIVATE = """
import os, sys
from pathlib import Path
before = dict(os.environ)
from digitcnn import predict
predict([], model=Path(sys.argv[1]))
assert dict(os.environ) == before
"""


def test_onnx_runtime_reports_to_nobody(network, tmp_path, monkeypatch):
    """Its telemetry is off: no identity in the home folder, and the environment is as before."""
    for variable in ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    run_python(PRIVATE, network)

    assert list(tmp_path.rglob("onnxruntime*")) == []
