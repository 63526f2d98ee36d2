"""Weights files that anybody may have made: refused before anything they ask for is done."""

import numpy as np
import pytest
from networks import try_changed

from digitcnn import load_pretrained
from digitcnn._weight_files import copy_arrays
from digitcnn.errors import CorruptFileError, DigitcnnError, InvalidArgumentError

h5py = pytest.importorskip("h5py", reason="weights for Keras need digitcnn[tensorflow]")

KERNEL, BIAS = "layers/conv2d/vars/0", "layers/conv2d/vars/1"


def write(path, kernel, bias):
    """Write a file as this library does, of two arrays."""
    with h5py.File(path, "w") as file:
        file[KERNEL] = np.array(kernel, np.float32).reshape(3, 3)
        file[BIAS] = np.array(bias, np.float32)
        file.create_group("vars")
    return path


@pytest.fixture
def own(tmp_path):
    """Make a file of zeros."""
    return write(tmp_path / "own.weights.h5", [0] * 9, [0] * 3)


@pytest.fixture
def given(tmp_path):
    """Make a file with other values that fits."""
    return write(tmp_path / "given.weights.h5", range(9), range(3))


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
    """Change a file by an array, new or in another's place."""

    def change(file):
        if name in file:
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


ODD_FILES = {
    "an external link": (link("layers", h5py.ExternalLink("/etc/passwd", "/")), "ExternalLink at"),
    "a soft link": (link(BIAS, h5py.SoftLink(f"/{KERNEL}")), "SoftLink at"),
    "a group that holds itself": (
        lambda file: file["layers"].__setitem__("again", file["layers"]),
        "more objects, or deeper ones",
    ),
    "thousands of groups": (
        lambda file: [file.create_group(f"layers/{index}") for index in range(6_000)],
        "more objects|more than the",
    ),
    "values in another file": (
        put(BIAS, shape=(3,), dtype="f4", external=[("/etc/passwd", 0, 12)]),
        "lies in another file",
    ),
    "a virtual array": (virtual, "is virtual"),
    "gzip": (put(BIAS, data=np.zeros(3, "f4"), compression="gzip"), "lies in pieces"),
    "terabytes never written": (
        put("optimizer/vars/0", shape=(1 << 40,), dtype="f4"),
        "values of its shape nowhere",
    ),
    "another shape": (put(BIAS, data=np.zeros(4, "f4")), r"has the shape \(4,\), not \(3,\)"),
    "doubles": (put(BIAS, data=np.zeros(3, "f8")), "is of float64, not of float32"),
    "the other byte order": (put(BIAS, data=np.zeros(3, ">f4")), "is of >f4, not of float32"),
    "a reference": (
        lambda file: file.create_dataset("layers/more", data=file.ref, dtype=h5py.ref_dtype),
        "holds no numbers",
    ),
    "NaN": (put(BIAS, data=np.full(3, np.nan, "f4")), "not finite"),
    "an array missing": (lambda file: file.pop(BIAS), f"lacks '{BIAS}'"),
    "an array too many": (
        put("model_weights/x", data=np.zeros(3, "f4")),
        "holds besides 'model_weights/x'",
    ),
    "megabytes of an optimizer's": (
        put("optimizer/vars/0", data=np.zeros(1 << 20, "f4")),
        "which has 4[0-9]* bytes, more than the",
    ),
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


@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.slow)])
def test_changed_bytes_do_no_harm(given, own, count):
    """A file with some bytes changed is read or refused; the process goes on."""
    before = "from digitcnn._weight_files import copy_arrays; target = others[0].read_bytes()"
    use = "others[0].write_bytes(target); copy_arrays(bad, others[0], rule='fit', remedy='')"

    try_changed(given, own, count=count, before=before, use=use)


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
