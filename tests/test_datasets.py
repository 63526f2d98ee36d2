"""MNIST, its splits, folders of pictures, and the files that data sets come in."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import struct
import types
from pathlib import Path

import numpy as np
import pooch
import pytest
from loopback import Reply, serve

from digitcnn import datasets, predict
from digitcnn.cli import main
from digitcnn.datasets import PublishedFile
from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError
from digitcnn.synthesis import draw_digits


def idx(array: np.ndarray) -> bytes:
    """Write an array in the IDX format."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


IMAGES = np.arange(7 * 28 * 28).reshape(7, 28, 28).astype(np.uint8)
LABELS = np.array([5, 0, 4, 1, 9, 2, 1])
TINY_MNIST = {
    "train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES[:4]), mtime=0),
    "train-labels-idx1-ubyte.gz": gzip.compress(idx(LABELS[:4]), mtime=0),
    "t10k-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES[4:]), mtime=0),
    "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(LABELS[4:]), mtime=0),
}


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Choose an empty cache, and a dataset of seven images in place of MNIST's 70,000."""
    monkeypatch.delenv("DIGITCNN_DATA_DIR", raising=False)
    monkeypatch.delenv("DIGITCNN_OFFLINE", raising=False)
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", str(tmp_path / "cache"))
    pauses = types.SimpleNamespace(sleep=lambda _: None)  # between attempts
    monkeypatch.setattr(pooch.core, "time", pauses)
    files = tuple(
        PublishedFile(filename=name, size=len(body), sha256=hashlib.sha256(body).hexdigest())
        for name, body in TINY_MNIST.items()
    )
    monkeypatch.setattr(datasets, "MNIST_FILES", files)
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def mirrors(monkeypatch, cache):  # noqa: ARG001  wanted for its effect
    """Run two servers in place of the public mirrors, both with all files."""
    with serve() as first, serve() as second:
        monkeypatch.setattr(datasets, "MNIST_URLS", (first.url, f"{second.url}/mnist/"))
        first.replies = {f"/{name}": [Reply(body)] for name, body in TINY_MNIST.items()}
        second.replies = {f"/mnist/{name}": [Reply(body)] for name, body in TINY_MNIST.items()}
        yield first, second


def assert_is_tiny_mnist(loaded):
    """Compare what was loaded with the seven images."""
    (train_images, train_labels), (test_images, test_labels) = loaded
    np.testing.assert_array_equal(train_images, IMAGES[:4])
    np.testing.assert_array_equal(train_labels, LABELS[:4])
    np.testing.assert_array_equal(test_images, IMAGES[4:])
    np.testing.assert_array_equal(test_labels, LABELS[4:])


def write_tiny_mnist(folder: Path) -> Path:
    """Put the four files into a new folder."""
    folder.mkdir(parents=True)
    for name, body in TINY_MNIST.items():
        (folder / name).write_bytes(body)
    return folder


# Loading MNIST.


def test_first_load_downloads_and_the_second_does_not(mirrors, cache):
    """The four files are fetched once, from the first mirror, into the cache."""
    first, second = mirrors

    assert_is_tiny_mnist(datasets.load_mnist())
    for images, labels in datasets.load_mnist():
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert images.flags.writeable
    assert {path.name for path in cache.iterdir()} == set(TINY_MNIST)
    assert first.visits == {f"/{name}": 1 for name in TINY_MNIST}
    assert not second.visits


@pytest.mark.parametrize(
    "bad",
    [Reply(status=500), Reply(status=404), Reply(b"other bytes")],
    ids=["500", "404", "other bytes"],
)
def test_second_mirror_serves_what_the_first_does_not(mirrors, bad):
    """A mirror that fails or lies is passed over at once."""
    first, second = mirrors
    first.replies = {f"/{name}": [bad] for name in TINY_MNIST}

    assert_is_tiny_mnist(datasets.load_mnist())
    assert second.visits == {f"/mnist/{name}": 1 for name in TINY_MNIST}


def test_failure_of_all_mirrors_names_each(mirrors, cache):
    """The error lists each address with its reason, and where to put the file by hand."""
    first, second = mirrors
    first.replies, second.replies = {}, {}

    with pytest.raises(UnavailableError, match=r"train-images.* 404 .*; .* 404 ") as caught:
        datasets.load_mnist()

    message = str(caught.value)
    assert f"{first.url}/train-images-idx3-ubyte.gz" in message
    assert f"{second.url}/mnist/train-images-idx3-ubyte.gz" in message
    assert str(cache / "train-images-idx3-ubyte.gz") in message
    assert "DIGITCNN_DATA_DIR" in message


def test_data_folder_is_read_without_a_cache_or_network(mirrors, cache, tmp_path, monkeypatch):
    """Nothing is fetched, written or used unchecked; nor is the network asked with OFFLINE."""
    monkeypatch.setenv("DIGITCNN_DATA_DIR", str(write_tiny_mnist(tmp_path / "data")))

    assert_is_tiny_mnist(datasets.load_mnist())
    assert not cache.exists()
    assert not any(server.visits for server in mirrors)


@pytest.mark.mnist
def test_mnist_is_mnist(mnist):
    """The real thing has 60,000 and 10,000 images, and its known first labels and counts."""
    (train_images, train_labels), (test_images, test_labels) = mnist

    assert train_images.shape == (60_000, 28, 28)
    assert test_images.shape == (10_000, 28, 28)
    assert train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train_labels).tolist() == counts
    assert (train_images.min(), train_images.max()) == (0, 255)


# The IDX format.


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (0, 28, 28)])
def test_idx_file_reads_back(tmp_path, pack, shape):
    """An array written as IDX comes back in its shape, gzipped or not."""
    array = np.arange(np.prod(shape)).reshape(shape)
    path = tmp_path / "array.idx"
    path.write_bytes(pack(idx(array)))

    read = datasets.read_idx(path)

    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


GOOD_IDX = idx(np.arange(6).reshape(2, 3))
BAD_IDX = {
    "empty": (b"", "of an empty file"),
    "wrong magic": (b"\x89PNG" + GOOD_IDX[4:], "magic number 89504e47"),
    "floats": (b"\0\0\x0d\x02" + GOOD_IDX[4:], "values of type 0x0d"),
    "one value short": (GOOD_IDX[:-1], "5 bytes of values instead of 6"),
    "one value over": (GOOD_IDX + b"!", "more than the 6 bytes of values"),
    "vast sizes": (b"\0\0\x08\x03" + b"\xff" * 12 + b"abc", "3 bytes of values instead of"),
    "truncated gzip": (gzip.compress(GOOD_IDX)[:-9], "damaged gzip data"),
    "wrong checksum": (gzip.compress(GOOD_IDX)[:-8] + b"\0" * 8, "damaged gzip data"),
}


@pytest.mark.parametrize(("body", "reason"), BAD_IDX.values(), ids=BAD_IDX)
def test_malformed_idx_file_is_refused(tmp_path, body, reason):
    """Whatever is wrong with a file is named, together with its path."""
    path = tmp_path / "bad.idx"
    path.write_bytes(body)

    with pytest.raises(CorruptFileError, match=f"must be an IDX file.*{reason}.*bad.idx"):
        datasets.read_idx(path)


# Splits.


def uneven_labels() -> np.ndarray:
    """Shuffle 560 labels, 11 of class 0 up to 101 of class 9."""
    return np.random.default_rng(3).permutation(np.repeat(np.arange(10), np.arange(11, 111, 10)))


@pytest.mark.parametrize("size", [1, 97, 559])
def test_split_parts_hold_each_image_once_and_each_class_its_share(size):
    """Images stay in order with their labels; a class has its share, rounded up or down."""
    labels = uneven_labels()
    images = np.arange(len(labels))

    train, validation = datasets.train_validation_split(images, labels, validation_size=size)

    assert len(validation[0]) == size
    np.testing.assert_array_equal(np.sort(np.concatenate([train[0], validation[0]])), images)
    for part_images, part_labels in (train, validation):
        np.testing.assert_array_equal(part_images, np.sort(part_images))
        np.testing.assert_array_equal(part_labels, labels[part_images])
    shares = np.bincount(labels) * size / len(labels)
    assert (np.abs(np.bincount(validation[1], minlength=10) - shares) < 1).all()


@pytest.mark.mnist
def test_mnist_split_is_fixed(mnist):
    """The default split of MNIST sets 5,000 aside, the same on every machine; a seed, others."""
    (_, labels), _ = mnist

    _, (indices, _) = datasets.train_validation_split(np.arange(60_000), labels)
    _, (others, _) = datasets.train_validation_split(np.arange(60_000), labels, seed=1)

    assert len(indices) == 5_000
    assert not np.array_equal(indices, others)
    digest = hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()
    assert digest == "08fcbe0571f9bf515f5eb8fcdbc3ead8ec8fd927200bfd1d97fee0c3f12c64c0"


@pytest.mark.parametrize("size", [0, 3, 0.1])
def test_split_that_leaves_a_part_empty_is_refused(size):
    """Both parts must hold something, the size is a count, and each image has its label."""
    with pytest.raises(InvalidArgumentError, match=r"`validation_size` must be .* in 1\.\.2"):
        datasets.train_validation_split([1, 2, 3], [1, 2, 3], validation_size=size)
    with pytest.raises(InvalidArgumentError, match="one entry for each of the 2 labels"):
        datasets.train_validation_split(np.zeros((3, 28, 28)), [1, 2], validation_size=1)


# Labels.


def test_one_hot_rows_hold_one_at_the_label():
    """`one_hot` and argmax are inverse, and rows sum to 1."""
    labels = np.array([3, 0, 9, 3])

    rows = datasets.one_hot(labels)

    assert (rows.shape, rows.dtype) == ((4, 10), np.float32)
    np.testing.assert_array_equal(rows.argmax(axis=1), labels)
    np.testing.assert_array_equal(rows.sum(axis=1), 1)
    assert datasets.one_hot([]).shape == (0, 10)
    with pytest.raises(InvalidArgumentError, match=r"in 0\.\.9; got -1"):
        datasets.one_hot([0, -1])


# Folders of pictures.


def touch(*paths: Path) -> None:
    """Create empty files and the folders above them."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folder_gives_paths_and_digits_in_order(tmp_path):
    """Pictures come sorted by digit and name; what is hidden or lies outside is left out."""
    pictures = [tmp_path / "0/b.PNG", tmp_path / "7/a.jpg", tmp_path / "7/c.png"]
    touch(*reversed(pictures), tmp_path / "7/.hidden.png", tmp_path / "README.md")
    touch(tmp_path / ".cache/x.png")

    paths, labels = datasets.load_folder(str(tmp_path))

    assert paths == pictures
    assert labels.tolist() == [0, 7, 7]
    assert labels.dtype == np.int64


def test_what_is_no_picture_of_a_digit_is_told(tmp_path, caplog):
    """Other files are passed over with a word; other folders, and none, are refused by name."""
    touch(tmp_path / "3/a.png", tmp_path / "3/a.txt", tmp_path / "3/b.heic")
    assert datasets.load_folder(tmp_path)[0] == [tmp_path / "3" / "a.png"]
    assert "Passed over 2 files" in caplog.text
    assert "['.heic', '.txt']" in caplog.text

    for name in ("ten", "10", "²"):
        touch(tmp_path / name / "1/a.png", tmp_path / name / name / "b.png")
        with pytest.raises(InvalidArgumentError, match=f"named 0 to 9 alone; got .*{name}"):
            datasets.load_folder(tmp_path / name)
    with pytest.raises(InvalidArgumentError, match=r"got none in .*7.seven\.png"):
        datasets.load_folder(tmp_path / "3")
    with pytest.raises(InvalidArgumentError, match=r"`folder` must be a folder; got .*nowhere"):
        datasets.load_folder(tmp_path / "nowhere")


# Tables and archives.

RNG = np.random.default_rng(0)
FEW_LABELS = np.array([7, 0, 9, 3])
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
        for label, row in zip(FEW_LABELS, usps_values(), strict=True)
    )


HEADER = "label," + ",".join(f"pixel{index}" for index in range(784)) + "\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("kaggle.csv", HEADER + rows(FEW_LABELS, MNIST), MNIST),
        ("mnist_train.csv", rows(FEW_LABELS, MNIST), MNIST),
        ("zip.train", rows(FEW_LABELS.astype(float), usps_values(), comma=" "), USPS),
        (
            "zip.train.gz",
            gzipped(rows(FEW_LABELS, usps_values(), comma=" ")),
            USPS,
        ),
        ("usps.bz2", bz2.compress(sparse_rows().encode()), USPS),
        (
            "optdigits.tra",
            rows(FEW_LABELS, OPTDIGITS, last=True),
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
    np.testing.assert_array_equal(labels, FEW_LABELS)


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
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(MNIST))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(FEW_LABELS))

    images, labels = datasets.load_file(tmp_path / "t10k-images-idx3-ubyte")

    np.testing.assert_array_equal(images, MNIST)
    np.testing.assert_array_equal(labels, FEW_LABELS)


def test_archives_hold_one_part_or_two(tmp_path):
    """Keras' names hold a part each; plain ones the whole."""
    parts = {
        "x_train": MNIST[:3],
        "y_train": FEW_LABELS[:3],
        "x_test": MNIST[3:],
        "y_test": FEW_LABELS[3:],
    }
    np.savez(tmp_path / "mnist.npz", **parts)
    np.savez(tmp_path / "own.npz", images=MNIST, labels=FEW_LABELS)

    assert len(datasets.load_file(tmp_path / "mnist.npz")[0]) == 3
    np.testing.assert_array_equal(
        datasets.load_file(tmp_path / "mnist.npz", part="test")[1], FEW_LABELS[3:]
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
