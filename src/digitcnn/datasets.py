"""MNIST and folders of pictures: arrays and paths with their labels, and `tf.data` of them."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn import _downloads
from digitcnn._checks import (
    NUM_CLASSES,
    array_of,
    as_labels,
    label_array,
    one_of,
    seed_number,
    shown,
    whole_number,
)
from digitcnn._downloads import AnyPath, PublishedFile
from digitcnn._tables import read_idx, read_npz, read_table
from digitcnn.augmentation import Augmentation, augment
from digitcnn.errors import InvalidArgumentError, MissingDependencyError
from digitcnn.preprocessing import preprocess

__all__ = [
    "as_tf_dataset",
    "load_file",
    "load_folder",
    "load_mnist",
    "one_hot",
    "read_idx",
    "train_validation_split",
]

Images = npt.NDArray[Any]
Labels = npt.NDArray[np.int64]

VALIDATION_SIZE = 5_000
_MOST_CLASSES = 2**20  # beyond, a few labels would fill the memory
_PIXEL_MAX = 255

MNIST_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
MNIST_FILES = (
    PublishedFile(
        filename="train-images-idx3-ubyte.gz",
        size=9_912_422,
        sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    PublishedFile(
        filename="train-labels-idx1-ubyte.gz",
        size=28_881,
        sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    PublishedFile(
        filename="t10k-images-idx3-ubyte.gz",
        size=1_648_877,
        sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    PublishedFile(
        filename="t10k-labels-idx1-ubyte.gz",
        size=4_542,
        sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".pbm", ".ppm"}
)

logger = logging.getLogger("digitcnn")


def load_mnist(
    *, cache_dir: AnyPath | None = None
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """Load MNIST: 70,000 handwritten digits in their two published parts.

    The four original files are taken from the folder that `DIGITCNN_DATA_DIR` names, else from the
    cache, else they are downloaded (11 MB, once) unless `DIGITCNN_OFFLINE` is set. Each is checked
    against its SHA-256 on each call. They are `train-images-idx3-ubyte.gz`,
    `train-labels-idx1-ubyte.gz`, `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz`.

    Parameters
    ----------
    cache_dir : path, optional
        The cache; None is what `DIGITCNN_CACHE_DIR` names, else the platform's cache folder.

    Returns
    -------
    (train_images, train_labels), (test_images, test_labels) : tuple of tuples of ndarray
        Images of uint8, shape (60000, 28, 28) and (10000, 28, 28), ink bright on dark; labels of
        int64, shape (60000,) and (10000,), 0 to 9. The arrays are the caller's own.

    Raises
    ------
    CorruptFileError
        If a file that this library may not replace does not hold the published bytes.
    UnavailableError
        If a file is neither here nor within reach; the message says how to place it by hand.

    See Also
    --------
    train_validation_split : Sets a part of the 60,000 aside to make choices by.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86(11), 1998. doi:10.1109/5.726791
    """
    sources = _downloads.Sources(
        folder_variable="DIGITCNN_DATA_DIR",
        cache=_downloads.cache_folder("mnist", cache_dir),
        base_urls=MNIST_URLS,
    )
    # All four before the first is read: what is missing shows at once.
    paths = [_downloads.fetch(file, sources, download=True) for file in MNIST_FILES]
    train_images, train_labels, test_images, test_labels = map(read_idx, paths)
    return (
        (train_images, train_labels.astype(np.int64)),
        (test_images, test_labels.astype(np.int64)),
    )


def train_validation_split(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    validation_size: int = VALIDATION_SIZE,
    seed: int = 0,
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """Set some images aside for validation, every class in its own share.

    The same input, size and seed give the same parts on each machine and NumPy version.

    Parameters
    ----------
    images : array-like, shape (N, ...)
        Images in any form with one entry each along the first axis.
    labels : array-like of int, shape (N,)
        The class of each.
    validation_size : int
        How many to set aside, at least 1 and fewer than N.
    seed : int
        Which of the possible splits, 0 to 2**32 - 1.

    Returns
    -------
    (train_images, train_labels), (validation_images, validation_labels) : tuple of tuples
        The two parts, each in the order of the input; labels are int64. Together they hold each
        image once.

    Raises
    ------
    InvalidArgumentError
        If there are not as many labels as images, or the size leaves a part empty.

    Examples
    --------
    >>> labels = np.repeat(np.arange(10), 100)
    >>> train, validation = train_validation_split(labels, labels, validation_size=50)
    >>> np.bincount(validation[1]).tolist()
    [5, 5, 5, 5, 5, 5, 5, 5, 5, 5]
    """
    images, labels = array_of("images", images), label_array(labels)
    if images.ndim == 0 or len(images) != len(labels):
        raise InvalidArgumentError(
            argument="images",
            rule=f"hold one entry for each of the {len(labels)} labels",
            got=f"shape {images.shape}",
            remedy="Pass both from the same source.",
        )
    most = len(labels) - 1
    size = whole_number("validation_size", validation_size, least=1, most=most, such_as=1)
    seed = seed_number(seed)

    is_validation = np.zeros(len(labels), bool)
    is_validation[_stratified_indices(labels, size, seed)] = True
    return (
        (images[~is_validation], labels[~is_validation]),
        (images[is_validation], labels[is_validation]),
    )


def one_hot(labels: npt.ArrayLike, *, num_classes: int = NUM_CLASSES) -> npt.NDArray[np.float32]:
    """Turn labels into rows with a one in the label's column.

    Parameters
    ----------
    labels : array-like of int, shape (N,)
        0 to `num_classes` - 1.
    num_classes : int
        Length of a row.

    Returns
    -------
    rows : ndarray of float32, shape (N, num_classes)
        Zeros, and a single 1 in each row.

    Raises
    ------
    InvalidArgumentError
        If a label lies outside the columns.

    Examples
    --------
    >>> one_hot([2, 0], num_classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    num_classes = whole_number(
        "num_classes", num_classes, least=1, most=_MOST_CLASSES, such_as=NUM_CLASSES
    )
    labels = label_array(labels, num_classes=num_classes)
    rows = np.zeros((len(labels), num_classes), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def load_folder(folder: AnyPath) -> tuple[list[Path], Labels]:
    """List the pictures of a folder that holds one folder for each digit.

    Parameters
    ----------
    folder : path
        Holds `0` to `9`, or some of them, each with pictures of that digit. Files and folders
        whose name begins with a dot are passed over, and so are files beside the digits' folders.

    Returns
    -------
    paths : list of Path
        The pictures, sorted by digit, then by name, for `predict`, `preprocess` or `evaluate`.
    labels : ndarray of int64, shape (N,)
        The digit of each.

    Raises
    ------
    InvalidArgumentError
        If the folder holds a folder that is no digit, or no picture at all.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidArgumentError(
            argument="folder", rule="be a folder", got=folder, remedy="Check the path."
        )
    digits = sorted(path for path in folder.iterdir() if path.is_dir() and not _is_hidden(path))
    for path in digits:
        if path.name not in set("0123456789"):
            raise InvalidArgumentError(
                argument="folder",
                rule="hold folders named 0 to 9 alone",
                got=path,
                remedy="Rename or move it.",
            )
    paths = [path for digit in digits for path in _pictures(digit)]
    if not paths:
        raise InvalidArgumentError(
            argument="folder",
            rule="hold pictures in folders named 0 to 9",
            got=f"none in {folder}",
            remedy=f"Put them in as {folder / '7' / 'seven.png'}.",
        )
    return paths, np.array([int(path.parent.name) for path in paths], np.int64)


def load_file(path: AnyPath, *, part: str = "train") -> tuple[Images, Labels]:
    """Load labelled digits from a file in one of the forms that data sets come in.

    * A table of text, packed by gzip or bzip2 or plain, with a row for each digit: MNIST as Kaggle
      has it (a CSV file with a column `label` or with the label first), USPS (a label and 256
      values, or LIBSVM's `index:value`), UCI's optdigits and pendigits (the label last).
    * IDX images, `...-images-idx3-ubyte`, with the labels in the file beside it.
    * A NumPy archive that holds `images` and `labels`, `x` and `y`, or Keras' `x_train` and so on.

    Parameters
    ----------
    path : path
        The file.
    part : str
        "train" or "test", of an archive that holds both.

    Returns
    -------
    images : ndarray of uint8, shape (N, height, width)
        Bright on dark, as the data set has it; those of an archive are as it holds them. Pendigits'
        strokes are drawn.
    labels : ndarray of int64, shape (N,)
        0 to 9.

    Raises
    ------
    CorruptFileError
        If the file is none of these.
    UnavailableError
        If it cannot be opened.

    See Also
    --------
    load_folder : Pictures in a folder for each digit.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        images, labels = read_npz(path, one_of("part", part, ("train", "test")))
    elif "-images" in path.name:
        labels_name = path.name.replace("-images", "-labels").replace("idx3", "idx1")
        images, labels = read_idx(path), read_idx(path.with_name(labels_name))
    else:
        return read_table(path)
    return images, label_array(labels, num_images=len(images), num_classes=NUM_CLASSES)


def as_tf_dataset(
    images: Any,
    labels: npt.ArrayLike,
    *,
    batch_size: int = 128,
    shuffle: bool = True,
    augmentation: bool | Augmentation = False,
    seed: int = 0,
) -> Any:
    """Make a pipeline that shuffles, batches, augments and prefetches.

    Parameters
    ----------
    images : image or iterable of images
        Pictures in any form that :func:`digitcnn.preprocess` takes.
    labels : array-like of int, shape (N,)
        The digit of each.
    batch_size : int
        Images to a batch; the last one may be smaller.
    shuffle : bool
        Whether each pass goes through the images in another order.
    augmentation : bool or Augmentation
        How to change the images at random, anew in each pass; True for the default.
    seed : int
        The same seed gives the same passes, 0 to 2**32 - 1.

    Returns
    -------
    dataset : tf.data.Dataset
        Pairs of float32 (n, 28, 28, 1) in [0, 1], bright on dark, and one-hot float32 (n, 10).

    Raises
    ------
    InvalidArgumentError
        If there are not as many labels as images, or an option is out of range.
    DigitcnnError
        As :func:`digitcnn.preprocess` does.
    MissingDependencyError
        If TensorFlow is not installed.

    Examples
    --------
    >>> from digitcnn import build_model, datasets
    >>> (images, labels), _ = datasets.load_mnist()  # doctest: +SKIP
    >>> batches = datasets.as_tf_dataset(images, labels, augmentation=True)  # doctest: +SKIP
    >>> model = build_model("three-conv")  # doctest: +SKIP
    >>> model.compile("adam", "categorical_crossentropy")  # doctest: +SKIP
    >>> model.fit(batches, epochs=5, shuffle=False)  # doctest: +SKIP
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingDependencyError(
            "as_tf_dataset() needs TensorFlow; it is not installed.",
            remedy='Type: pip install "digitcnn[tensorflow]"',
        ) from error
    if not isinstance(augmentation, bool | Augmentation):
        raise InvalidArgumentError(
            argument="augmentation",
            rule="be True, False or an Augmentation",
            got=shown(augmentation),
            remedy="Leave it out for none.",
        )
    batch_size = whole_number("batch_size", batch_size, least=1, such_as=128)
    seed = seed_number(seed)
    # A quarter of what the batch takes, and no loss: its values are steps of 1/255.
    pixels = np.rint(preprocess(images) * _PIXEL_MAX).astype(np.uint8)
    targets = np.eye(NUM_CLASSES, dtype=np.float32)[as_labels(labels, num_images=len(pixels))]
    dataset = tf.data.Dataset.from_tensor_slices((pixels, targets))
    if shuffle:
        dataset = dataset.shuffle(max(1, len(pixels)), seed=seed, reshuffle_each_iteration=True)
    dataset = dataset.batch(batch_size).map(
        lambda batch, targets: (tf.cast(batch, tf.float32) / _PIXEL_MAX, targets)
    )
    if augmentation:
        limits = augmentation if isinstance(augmentation, Augmentation) else Augmentation()
        dataset = _augmented(tf, dataset, limits, seed)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _augmented(tf: Any, dataset: Any, limits: Augmentation, seed: int) -> Any:
    """Change each batch by a seed of its own, another one in each pass."""

    def change(pair: tuple[Any, Any], batch_seed: Any) -> tuple[Any, Any]:
        changed = tf.numpy_function(
            lambda batch, seed: augment(batch, seed=int(seed), augmentation=limits),
            [pair[0], batch_seed],
            tf.float32,
            stateful=False,
        )
        return tf.ensure_shape(changed, (None, 28, 28, 1)), pair[1]

    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    return tf.data.Dataset.zip((dataset, seeds)).map(
        change, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _stratified_indices(labels: Labels, size: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw `size` indices, from each class its share rounded by largest remainder."""
    # RandomState's stream is frozen for good (NEP 19), a Generator's may change between versions.
    random = np.random.RandomState(seed)
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    # Whole-number arithmetic, so that no rounding differs between machines.
    quotas, remainders = np.divmod(counts * size, len(labels))
    largest_first = np.argsort(-remainders, kind="stable")
    quotas[largest_first[: size - quotas.sum()]] += 1
    return np.concatenate(
        [random.permutation(np.flatnonzero(classes == k))[:quota] for k, quota in enumerate(quotas)]
    )


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _pictures(folder: Path) -> list[Path]:
    """List the pictures in a digit's folder by name, and log what is passed over."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not _is_hidden(path))
    others = Counter(path.suffix for path in files if path.suffix.lower() not in PICTURE_SUFFIXES)
    if others:
        logger.warning("Passed over %d files in %s: %s", others.total(), folder, sorted(others))
    return [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES]
