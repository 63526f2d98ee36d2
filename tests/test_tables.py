"""Labelled digits from the files that data sets come in, small ones written here."""

import bz2
import gzip

import numpy as np
import pytest

from digitcnn import datasets, predict
from digitcnn.cli import main
from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError
from digitcnn.synthesis import draw_digits

RNG = np.random.default_rng(0)
LABELS = np.array([7, 0, 9, 3])
MNIST = RNG.integers(0, 256, (4, 28, 28), dtype=np.uint8)
USPS = RNG.integers(0, 256, (4, 16, 16), dtype=np.uint8)
MNIST[0, 0, 0] = USPS[0, 0, 0] = 255
OPTDIGITS = RNG.integers(0, 17, (4, 64))
OPTDIGITS[0, 0] = 16


def rows(labels, values, *, comma=",", last=False):
    """Write a row for each digit, the label first or last."""
    pairs = zip(labels, values, strict=True)
    table = [[value, label] if last else [label, value] for label, value in pairs]
    return "".join(
        comma.join(comma.join(map(str, np.ravel(cell).tolist())) for cell in row) + "\n"
        for row in table
    )


def gzipped(text):
    """Pack a text, always alike."""
    return gzip.compress(text.encode(), mtime=0)


def usps_values():
    """USPS' own scale, -1 to 1, as the tables round it."""
    return np.round(USPS.reshape(4, -1) / 127.5 - 1, 4)


def sparse_rows():
    """LIBSVM's rows, the digits counted from 1."""
    return "".join(
        f"{label + 1} "
        + " ".join(f"{index}:{value}" for index, value in enumerate(row, 1) if value)
        + "\n"
        for label, row in zip(LABELS, usps_values(), strict=True)
    )


HEADER = "label," + ",".join(f"pixel{index}" for index in range(784)) + "\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("kaggle.csv", HEADER + rows(LABELS, MNIST), MNIST),
        ("mnist_train.csv", rows(LABELS, MNIST), MNIST),
        ("zip.train", rows(LABELS.astype(float), usps_values(), comma=" "), USPS),
        (
            "zip.train.gz",
            gzipped(rows(LABELS, usps_values(), comma=" ")),
            USPS,
        ),
        ("usps.bz2", bz2.compress(sparse_rows().encode()), USPS),
        (
            "optdigits.tra",
            rows(LABELS, OPTDIGITS, last=True),
            np.rint(OPTDIGITS.reshape(4, 8, 8) * (255 / 16)).astype(np.uint8),
        ),
    ],
)
def test_tables_are_known_by_their_form(tmp_path, name, content, expected):
    """MNIST, USPS and optdigits come out as uint8 images with their digits."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    images, labels = datasets.load_file(path)

    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, LABELS)


def test_pens_ways_are_drawn(tmp_path):
    """Pendigits' eight points become a picture that reads as the digit."""
    one = [50, 100, 50, 85, 50, 70, 50, 55, 50, 40, 50, 25, 50, 10, 50, 0]
    seven = [0, 100, 50, 100, 100, 100, 85, 80, 70, 60, 60, 40, 50, 20, 40, 0]
    (tmp_path / "pendigits.tes").write_text(rows([1, 7], np.array([one, seven]), last=True))

    images, labels = datasets.load_file(tmp_path / "pendigits.tes")

    np.testing.assert_array_equal(labels, [1, 7])
    np.testing.assert_array_equal(predict(images), labels)


def test_labels_of_idx_files_lie_beside_the_images(tmp_path):
    """The images' file is named; that of the labels is found by its name."""
    header = bytes([0, 0, 8, 3]) + np.array([4, 28, 28], ">u4").tobytes()
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(header + MNIST.tobytes())
    labels_file = bytes([0, 0, 8, 1]) + np.array([4], ">u4").tobytes()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(labels_file + bytes(LABELS.tolist()))

    images, labels = datasets.load_file(tmp_path / "t10k-images-idx3-ubyte")

    np.testing.assert_array_equal(images, MNIST)
    np.testing.assert_array_equal(labels, LABELS)


def test_archives_hold_one_part_or_two(tmp_path):
    """Keras' names hold a part each; plain ones the whole."""
    parts = {"x_train": MNIST[:3], "y_train": LABELS[:3], "x_test": MNIST[3:], "y_test": LABELS[3:]}
    np.savez(tmp_path / "mnist.npz", **parts)
    np.savez(tmp_path / "own.npz", images=MNIST, labels=LABELS)

    assert len(datasets.load_file(tmp_path / "mnist.npz")[0]) == 3
    np.testing.assert_array_equal(
        datasets.load_file(tmp_path / "mnist.npz", part="test")[1], LABELS[3:]
    )
    np.testing.assert_array_equal(datasets.load_file(tmp_path / "own.npz")[0], MNIST)
    with pytest.raises(InvalidArgumentError, match="`part` must be one of train, test"):
        datasets.load_file(tmp_path / "mnist.npz", part="validation")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("words.csv", b"label,name\n3,three\n"),
        ("ragged.csv", b"1,2,3\n4,5\n"),
        ("unlabelled.csv", HEADER.replace("label,", "").encode() + b"0," * 783 + b"0\n"),
        ("letter.csv", rows([11], MNIST[:1]).encode()),
        ("wide.csv", rows([1], MNIST[:1].astype(int) * 9).encode()),
        ("odd.csv", b"1,2,3,4,5,6\n"),
        ("cut.gz", gzipped("1 2 3 4" * 99)[:20]),
        ("binary.csv", bytes(range(256))),
        ("sparse.txt", b"3 0:1 99999999999:1\n"),
        ("none.npz", b"PK\3\4 and no more"),
        ("pickle.npz", b"cos\nsystem\n(S'true'\ntR."),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, name, content):
    """What is no table of digits is named with its path."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(CorruptFileError, match=r"`path` must be a "):
        datasets.load_file(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "cure"),
    [
        ("one.npy", b"\x93NUMPY\1\0", "numpy.savez"),
        ("unlabelled.csv", HEADER.replace("label,", "").encode() + b"0," * 783 + b"0\n", "bulk"),
    ],
)
def test_images_without_labels_say_what_takes_them(tmp_path, name, content, cure):
    """A lone NumPy array and Kaggle's test.csv hold no labels: the error says what to do."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(CorruptFileError, match=cure):
        datasets.load_file(tmp_path / name)


@pytest.mark.parametrize("name", ["none.csv", "none.npz", "t10k-images-idx3-ubyte"])
def test_missing_files_are_named(tmp_path, name):
    """A file that is not there is told so."""
    with pytest.raises(UnavailableError, match="`path` must be a file that can be read"):
        datasets.load_file(tmp_path / name)


def test_the_command_line_evaluates_a_file(tmp_path, capsys):
    """A data set's file takes the place of a folder."""
    images, labels = draw_digits(10, seed=3)
    np.savez(tmp_path / "drawn.npz", images=images, labels=labels)

    assert main(["evaluate", "--dataset", str(tmp_path / "drawn.npz")]) == 0
    assert "in 10" in capsys.readouterr().out
    (tmp_path / "bad.csv").write_text("1,2,3")
    assert main(["evaluate", "--dataset", str(tmp_path / "bad.csv")]) == 1
    assert "`--dataset` must be a table" in capsys.readouterr().err
