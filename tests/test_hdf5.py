"""Weights files that anybody may have made: refused before anything they ask for is done."""

import numpy as np
import pytest
from processes import run_python

from digitcnn import load_pretrained
from digitcnn._weight_files import copy_arrays
from digitcnn.errors import CorruptFileError, DigitcnnError, InvalidArgumentError

h5py = pytest.importorskip("h5py", reason="weights for Keras need digitcnn[tensorflow]")

KERNEL, BIAS = "layers/conv2d/vars/0", "layers/conv2d/vars/1"


@pytest.fixture
def own(tmp_path):
    """Make a file as this library writes it, of two arrays."""
    path = tmp_path / "own.weights.h5"
    with h5py.File(path, "w") as file:
        file[KERNEL] = np.zeros((3, 3), np.float32)
        file[BIAS] = np.zeros(3, np.float32)
        file.create_group("vars")
    return path


@pytest.fixture
def given(tmp_path):
    """Make a file with other values that fits."""
    path = tmp_path / "given.weights.h5"
    with h5py.File(path, "w") as file:
        file[KERNEL] = np.arange(9, dtype=np.float32).reshape(3, 3)
        file[BIAS] = np.arange(3, dtype=np.float32)
    return path


def copy(given, own):
    """Copy with a short rule and remedy."""
    copy_arrays(given, own, rule="fit", remedy="Take another.")


def test_arrays_are_copied_whatever_the_optimizer(given, own):
    """A file that fits gives its arrays; what it holds of an optimizer is left where it is."""
    with h5py.File(given, "r+") as file:
        file["optimizer/vars/0"] = np.int64(7)

    copy(given, own)

    with h5py.File(own) as file:
        np.testing.assert_array_equal(file[KERNEL], np.arange(9).reshape(3, 3))
        np.testing.assert_array_equal(file[BIAS], np.arange(3))
        assert "optimizer" not in file


def put(name, **options):
    """Change a file by replacing one of its arrays."""

    def change(file):
        del file[name]
        file.create_dataset(name, **options)

    return change


def link(name, target):
    """Change a file by putting a link in the place of what it holds."""

    def change(file):
        del file[name]
        file[name] = target

    return change


def virtual(file):
    """Let an array be made of another file's."""
    del file[BIAS]
    layout = h5py.VirtualLayout(shape=(3,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "secret", shape=(3,))
    file.create_virtual_dataset(BIAS, layout)


def circle(file):
    """Let a group hold itself."""
    file["layers/again"] = file["layers"]


def many(file):
    """Hold more groups than weights can need."""
    for index in range(6_000):
        file.create_group(f"layers/{index}")


def unwritten(file):
    """State a shape whose values were never written, which HDF5 then makes up."""
    del file[BIAS]
    file.create_dataset(BIAS, (3,), "f4")


def huge_unwritten(file):
    """State terabytes that no byte of the file stands for."""
    file.create_dataset("optimizer/vars/0", (1 << 40,), "f4")


def reference(file):
    """Hold a reference to something."""
    file.create_dataset("layers/reference", data=file.ref, dtype=h5py.ref_dtype)


def text(file):
    """Hold text of any length."""
    file["layers/text"] = "import os"


def attached_bytes(file):
    """Grow far beyond what such weights can need, by an optimizer that nobody asks for."""
    file["optimizer/vars/0"] = np.zeros(1 << 20, np.float32)


ODD_FILES = {
    "an external link": (link("layers", h5py.ExternalLink("/etc/passwd", "/")), "ExternalLink at"),
    "a soft link": (link(BIAS, h5py.SoftLink(f"/{KERNEL}")), "SoftLink at"),
    "a group that holds itself": (circle, "more objects, or deeper ones"),
    "thousands of groups": (many, "more objects|more than the"),
    "values in another file": (
        put(BIAS, shape=(3,), dtype="f4", external=[("/etc/passwd", 0, 12)]),
        "lies in another file",
    ),
    "a virtual array": (virtual, "is virtual"),
    "an array in pieces": (put(BIAS, shape=(3,), dtype="f4", chunks=(1,)), "lies in pieces"),
    "gzip": (put(BIAS, data=np.zeros(3, "f4"), compression="gzip"), "lies in pieces"),
    "an array that grows": (put(BIAS, data=np.zeros(3, "f4"), maxshape=(None,)), "lies in pieces"),
    "values that were never written": (unwritten, "values of its shape nowhere"),
    "terabytes never written": (huge_unwritten, "values of its shape nowhere"),
    "another shape": (put(BIAS, data=np.zeros(4, "f4")), r"has the shape \(4,\), not \(3,\)"),
    "doubles": (put(BIAS, data=np.zeros(3, "f8")), "is of float64, not of float32"),
    "the other byte order": (put(BIAS, data=np.zeros(3, ">f4")), "is of >f4, not of float32"),
    "text": (text, "holds no numbers"),
    "a reference": (reference, "holds no numbers"),
    "NaN": (put(BIAS, data=np.full(3, np.nan, "f4")), "not finite"),
    "an array missing": (lambda file: file.__delitem__(BIAS), f"lacks '{BIAS}'"),
    "an array too many": (
        lambda file: file.__setitem__("model_weights/x", np.zeros(3, "f4")),
        "holds besides 'model_weights/x'",
    ),
    "megabytes too many": (attached_bytes, "which has 4[0-9]* bytes, more than the"),
}


@pytest.mark.parametrize(("change", "reason"), ODD_FILES.values(), ids=ODD_FILES)
def test_odd_file_is_refused(given, own, change, reason):
    """Whatever HDF5 can hold beside the arrays that are asked for is refused by name."""
    with h5py.File(given, "r+") as file:
        change(file)

    with pytest.raises(CorruptFileError, match=f"`weights` must fit; got .*({reason})"):
        copy(given, own)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\x80\x04.", b"x" * 5_000])
def test_file_of_another_kind_is_refused(given, own, content):
    """Neither an empty file nor a pickle is HDF5."""
    given.write_bytes(content)

    with pytest.raises(CorruptFileError, match="which cannot be read"):
        copy(given, own)


MUTATE = """
import random, sys
from pathlib import Path
from digitcnn._weight_files import copy_arrays
from digitcnn.errors import CorruptFileError
good, own, bad = map(Path, sys.argv[1:4])
content, count = good.read_bytes(), 0
target = own.read_bytes()
for seed in range(int(sys.argv[4]), int(sys.argv[5])):
    rng = random.Random(seed)
    changed = bytearray(content)
    for _ in range(rng.choice((1, 2, 8))):
        # The structure lies at the beginning, so most changes go there.
        changed[rng.randrange(rng.choice((96, 1_000, len(changed))))] = rng.choice(
            (0, 1, 127, 128, 255, rng.randrange(256))
        )
    bad.write_bytes(changed)
    print(seed, flush=True)
    try:
        copy_arrays(bad, own, rule="fit", remedy="Take another.")
    except CorruptFileError:
        count += 1
        own.write_bytes(target)
print("refused", count)
"""


@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.slow)])
def test_changed_bytes_do_no_harm(given, own, tmp_path, count):
    """A file with some bytes changed is read or refused; the process goes on."""
    printed = run_python(MUTATE, given, own, tmp_path / "bad.h5", 0, count)

    assert printed.splitlines()[-1].startswith("refused")


def test_keras_model_in_a_file_is_never_loaded(tmp_path):
    """What is saved as a model, with code in it, is no file of weights."""
    keras = pytest.importorskip("keras")
    path = tmp_path / "model.h5"
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Lambda(lambda x: x)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", "ignore")
        model.save(path)

    with pytest.raises(InvalidArgumentError, match="may carry code"):
        load_pretrained(path)


@pytest.mark.parametrize("architecture", ['["base"]', '"__import__"', "7", "null", '{"a": 1}'])
def test_run_record_names_only_known_architectures(tmp_path, architecture):
    """A run folder can ask for none but this library's own networks."""
    pytest.importorskip("keras")
    (tmp_path / "final.weights.h5").write_bytes(b"")
    (tmp_path / "run.json").write_text(
        f'{{"architecture": {architecture}, "recipe": {{}}, "seed": 0, "num_images": 1,'
        '"validation_size": 0, "metrics": {}, "history": [], "versions": {}}'
    )

    with pytest.raises(DigitcnnError, match="must be"):
        load_pretrained(tmp_path)
