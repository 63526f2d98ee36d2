"""A `tf.data` pipeline over labelled pictures, for who trains with Keras or TensorFlow directly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn._checks import seed_number, shown, whole_number
from digitcnn._probabilities import NUM_CLASSES, as_labels
from digitcnn.augmentation import Augmentation, augment
from digitcnn.errors import InvalidArgumentError, MissingDependencyError
from digitcnn.preprocessing import preprocess

_IMAGE_SHAPE = (28, 28, 1)
_PIXEL_MAX = 255


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

    def change(batch: Any, batch_seed: Any) -> Any:
        return augment(batch, seed=int(batch_seed), augmentation=limits)

    def change_pair(pair: tuple[Any, Any], batch_seed: Any) -> tuple[Any, Any]:
        batch, targets = pair
        changed = tf.numpy_function(change, [batch, batch_seed], tf.float32, stateful=False)
        return tf.ensure_shape(changed, (None, *_IMAGE_SHAPE)), targets

    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    return tf.data.Dataset.zip((dataset, seeds)).map(
        change_pair, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
