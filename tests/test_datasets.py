"""MNIST, its format, its splits, and folders of pictures."""

from __future__ import annotations

import gzip
import hashlib
import struct
import types
from pathlib import Path

import numpy as np
import pooch
import pytest
from loopback import Reply, serve

from digitcnn import datasets
from digitcnn.datasets import PublishedFile
from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError


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
    assert_is_tiny_mnist(datasets.load_mnist())
    assert {path.name for path in cache.iterdir()} == set(TINY_MNIST)
    assert first.visits == {f"/{name}": 1 for name in TINY_MNIST}
    assert not second.visits


@pytest.mark.usefixtures("mirrors")
def test_loaded_arrays_are_uint8_images_and_int64_labels():
    """Dtypes are as promised, and the arrays may be written to."""
    for images, labels in datasets.load_mnist():
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert images.flags.writeable
        assert labels.flags.writeable


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
    """With `DIGITCNN_DATA_DIR` nothing is fetched and nothing written."""
    monkeypatch.setenv("DIGITCNN_DATA_DIR", str(write_tiny_mnist(tmp_path / "data")))

    assert_is_tiny_mnist(datasets.load_mnist())
    assert not cache.exists()
    assert not any(server.visits for server in mirrors)


def test_wrong_file_in_the_data_folder_is_refused(mirrors, tmp_path, monkeypatch):
    """A file of the user's is neither used unchecked nor replaced."""
    folder = write_tiny_mnist(tmp_path / "data")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"other")
    monkeypatch.setenv("DIGITCNN_DATA_DIR", str(folder))

    with pytest.raises(
        CorruptFileError, match=r"t10k-labels.*got 5 bytes.*unset DIGITCNN_DATA_DIR"
    ):
        datasets.load_mnist()
    assert not any(server.visits for server in mirrors)


def test_offline_mode_touches_no_network(mirrors, cache, monkeypatch):
    """With `DIGITCNN_OFFLINE` the mirrors are not asked."""
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")

    with pytest.raises(UnavailableError, match="while DIGITCNN_OFFLINE is set"):
        datasets.load_mnist()
    assert not cache.exists()
    assert not any(server.visits for server in mirrors)


def test_cache_dir_argument_is_used(mirrors, cache, tmp_path):
    """The caller's own cache folder wins over the variable."""
    datasets.load_mnist(cache_dir=tmp_path / "mine")

    assert {path.name for path in (tmp_path / "mine" / "mnist").iterdir()} == set(TINY_MNIST)
    assert not cache.exists()
    assert sum(mirrors[0].visits.values()) == 4


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
    "short magic": (GOOD_IDX[:3], "magic number 000008 "),
    "wrong magic": (b"\x89PNG" + GOOD_IDX[4:], "magic number 89504e47"),
    "no axes": (b"\0\0\x08\0" + GOOD_IDX[4:], "magic number 00000800"),
    "floats": (b"\0\0\x0d\x02" + GOOD_IDX[4:], "values of type 0x0d"),
    "short sizes": (GOOD_IDX[:7], "3 bytes of sizes for 2 axes"),
    "one value short": (GOOD_IDX[:-1], "5 bytes of values instead of 6"),
    "one value over": (GOOD_IDX + b"!", "more than the 6 bytes of values"),
    "vast sizes": (b"\0\0\x08\x03" + b"\xff" * 12 + b"abc", "3 bytes of values instead of"),
    "too many axes": (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"!", "a shape that no array has"),
    "truncated gzip": (gzip.compress(GOOD_IDX)[:-9], "damaged gzip data"),
    "broken gzip": (gzip.compress(GOOD_IDX)[:10] + b"\xff" * 20, "damaged gzip data"),
    "wrong checksum": (gzip.compress(GOOD_IDX)[:-8] + b"\0" * 8, "damaged gzip data"),
}


@pytest.mark.parametrize(("body", "reason"), BAD_IDX.values(), ids=BAD_IDX)
def test_malformed_idx_file_is_refused(tmp_path, body, reason):
    """Whatever is wrong with a file is named, together with its path."""
    path = tmp_path / "bad.idx"
    path.write_bytes(body)

    with pytest.raises(CorruptFileError, match=f"must be an IDX file.*{reason}.*bad.idx"):
        datasets.read_idx(path)


def test_missing_idx_file_is_an_os_error(tmp_path):
    """A path that leads nowhere is named."""
    with pytest.raises(UnavailableError, match=r"none\.idx, which fails with: No such file"):
        datasets.read_idx(tmp_path / "none.idx")


# Splits.


def uneven_labels() -> np.ndarray:
    """Shuffle 560 labels, 11 of class 0 up to 101 of class 9."""
    return np.random.default_rng(3).permutation(np.repeat(np.arange(10), np.arange(11, 111, 10)))


def test_split_parts_hold_each_image_once_in_order():
    """Nothing is lost or doubled, and images stay with their labels."""
    labels = uneven_labels()
    images = np.arange(len(labels))

    train, validation = datasets.train_validation_split(images, labels, validation_size=97)

    assert len(validation[0]) == 97
    np.testing.assert_array_equal(np.sort(np.concatenate([train[0], validation[0]])), images)
    for part_images, part_labels in (train, validation):
        np.testing.assert_array_equal(part_images, np.sort(part_images))
        np.testing.assert_array_equal(part_labels, labels[part_images])
        assert part_labels.dtype == np.int64


@pytest.mark.parametrize("size", [1, 10, 97, 333, 559])
def test_split_gives_each_class_its_share(size):
    """Every class gets its exact share of the validation part, rounded up or down."""
    labels = uneven_labels()
    shares = np.bincount(labels) * size / len(labels)

    _, (_, validation_labels) = datasets.train_validation_split(
        labels, labels, validation_size=size
    )

    counts = np.bincount(validation_labels, minlength=10)
    assert counts.sum() == size
    assert (np.abs(counts - shares) < 1).all()


def test_split_depends_on_the_seed_alone():
    """The same seed gives the same parts, another seed others."""
    labels = uneven_labels()
    images = np.arange(len(labels))

    def validation_images(seed):
        return datasets.train_validation_split(images, labels, validation_size=50, seed=seed)[1][0]

    np.testing.assert_array_equal(validation_images(0), validation_images(0))
    assert not np.array_equal(validation_images(0), validation_images(1))


def test_split_is_the_same_on_every_machine():
    """The parts are fixed for good: figures measured on them stay comparable."""
    labels = np.repeat(np.arange(10), 100)

    _, (indices, _) = datasets.train_validation_split(np.arange(1_000), labels, validation_size=20)

    assert indices.tolist() == [
        26,
        86,
        118,
        129,
        242,
        296,
        354,
        384,
        456,
        489,
        549,
        593,
        622,
        693,
        703,
        798,
        802,
        815,
        977,
        996,
    ]


@pytest.mark.mnist
def test_mnist_split_is_fixed(mnist):
    """The default split of MNIST sets 5,000 aside, always the same ones."""
    (_, labels), _ = mnist

    _, (indices, _) = datasets.train_validation_split(np.arange(60_000), labels)

    assert len(indices) == 5_000
    digest = hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()
    assert digest == "08fcbe0571f9bf515f5eb8fcdbc3ead8ec8fd927200bfd1d97fee0c3f12c64c0"


@pytest.mark.parametrize("size", [0, -1, 560, 561, 0.1, "5", None])
def test_split_size_outside_the_data_is_refused(size):
    """Both parts must hold something, and the size is a count."""
    labels = uneven_labels()

    with pytest.raises(InvalidArgumentError, match=r"`validation_size` must be .* in 1\.\.559"):
        datasets.train_validation_split(labels, labels, validation_size=size)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, None])
def test_seed_outside_its_range_is_refused(seed):
    """A seed is a whole number of 32 bits."""
    with pytest.raises(InvalidArgumentError, match="`seed` must be a whole number"):
        datasets.train_validation_split([1, 2], [1, 2], validation_size=1, seed=seed)


@pytest.mark.parametrize("images", [np.zeros((3, 28, 28)), np.float32(1)], ids=["3", "scalar"])
def test_images_without_a_label_each_are_refused(images):
    """As many labels as images."""
    with pytest.raises(InvalidArgumentError, match="one entry for each of the 2 labels"):
        datasets.train_validation_split(images, [1, 2], validation_size=1)


# Labels.


def test_one_hot_rows_hold_one_at_the_label():
    """`one_hot` and argmax are inverse, and rows sum to 1."""
    labels = np.array([3, 0, 9, 3])

    rows = datasets.one_hot(labels)

    assert (rows.shape, rows.dtype) == ((4, 10), np.float32)
    np.testing.assert_array_equal(rows.argmax(axis=1), labels)
    np.testing.assert_array_equal(rows.sum(axis=1), 1)


def test_one_hot_of_nothing_is_empty():
    """No labels give no rows, of the full length."""
    assert datasets.one_hot([]).shape == (0, 10)


@pytest.mark.parametrize("labels", [[10], [0, -1]])
def test_label_outside_the_classes_is_refused(labels):
    """A negative label would silently count from the end."""
    with pytest.raises(InvalidArgumentError, match=rf"in 0\.\.9; got {labels[-1]}"):
        datasets.one_hot(labels)


@pytest.mark.parametrize("num_classes", [0, 2.5])
def test_number_of_classes_must_be_one(num_classes):
    """There is at least one class."""
    with pytest.raises(InvalidArgumentError, match="`num_classes` must be a whole number"):
        datasets.one_hot([0], num_classes=num_classes)


@pytest.mark.parametrize("labels", [[0.5], [[0, 1]], 3, ["3"], [True]], ids=str)
def test_labels_must_be_a_row_of_integers(labels):
    """Floats, one-hot rows, scalars, strings and booleans are no labels."""
    with pytest.raises(InvalidArgumentError, match=r"`labels` must be integers of shape \(N,\)"):
        datasets.one_hot(labels)


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


def test_files_that_are_no_pictures_are_logged(tmp_path, caplog):
    """What is passed over among the pictures is said."""
    touch(tmp_path / "3/a.png", tmp_path / "3/a.txt", tmp_path / "3/b.heic")

    paths, _ = datasets.load_folder(tmp_path)

    assert paths == [tmp_path / "3" / "a.png"]
    assert "Passed over 2 files" in caplog.text
    assert "['.heic', '.txt']" in caplog.text


@pytest.mark.parametrize("name", ["ten", "10", "²"])
def test_folder_that_is_no_digit_is_refused(tmp_path, name):
    """A folder that would silently be left out is named instead."""
    touch(tmp_path / "1/a.png", tmp_path / name / "b.png")

    with pytest.raises(InvalidArgumentError, match=f"folders named 0 to 9 alone; got .*{name}"):
        datasets.load_folder(tmp_path)


def test_folder_without_pictures_is_refused(tmp_path):
    """Nothing to load is said, with an example of what would be."""
    touch(tmp_path / "a.png")

    with pytest.raises(InvalidArgumentError, match=r"got none in .*7.seven\.png"):
        datasets.load_folder(tmp_path)


def test_missing_folder_is_refused(tmp_path):
    """A path that is no folder is named."""
    with pytest.raises(InvalidArgumentError, match=r"`folder` must be a folder; got .*nowhere"):
        datasets.load_folder(tmp_path / "nowhere")
