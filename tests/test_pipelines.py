"""The `tf.data` pipeline over labelled pictures."""

import numpy as np
import pytest

from digitcnn import datasets, preprocess
from digitcnn.errors import InvalidArgumentError
from digitcnn.synthesis import draw_digits

pytest.importorskip("tensorflow", reason="the pipeline needs digitcnn[tensorflow]")


@pytest.fixture(scope="module")
def digits():
    """Twenty-five drawn digits and their labels."""
    return draw_digits(25, seed=4)


def passed(dataset):
    """Give all that one pass over a dataset yields: batches and targets, each as one array."""
    batches, targets = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.concatenate(batches), np.concatenate(targets)


def in_order(batch):
    """Sort images, whatever order they came in."""
    return batch[np.lexsort(batch.reshape(len(batch), -1).T)]


def test_pipeline_gives_what_preprocess_gives(digits):
    """Unshuffled and unchanged, the batches are the preprocessed images, labels one-hot."""
    dataset = datasets.as_tf_dataset(*digits, batch_size=10, shuffle=False)

    batch, targets = passed(dataset)

    assert [len(images) for images, _ in dataset] == [10, 10, 5]
    np.testing.assert_allclose(batch, preprocess(digits[0]), atol=1e-6)
    np.testing.assert_array_equal(targets.argmax(axis=1), digits[1])
    np.testing.assert_array_equal(targets.sum(axis=1), 1)


def test_shuffling_changes_the_order_alone(digits):
    """Each pass holds every image once, with its label, in an order of its own."""
    plain = passed(datasets.as_tf_dataset(*digits, shuffle=False))
    dataset = datasets.as_tf_dataset(*digits, seed=1)

    first, second = passed(dataset), passed(dataset)

    assert not np.array_equal(first[0], second[0])
    for batch, targets in (first, second):
        np.testing.assert_array_equal(in_order(batch), in_order(plain[0]))
        pairs = {image.tobytes(): row.argmax() for image, row in zip(batch, targets, strict=True)}
        assert all(
            pairs[image.tobytes()] == row.argmax() for image, row in zip(*plain, strict=True)
        )


def test_augmentation_changes_each_pass_anew(digits):
    """Augmented images stay in [0, 1], differ from pass to pass, and repeat with the seed."""
    options = {"shuffle": False, "augmentation": True, "batch_size": 10}
    dataset = datasets.as_tf_dataset(*digits, seed=3, **options)

    first, second = passed(dataset)[0], passed(dataset)[0]
    again = passed(datasets.as_tf_dataset(*digits, seed=3, **options))[0]

    assert dataset.element_spec[0].shape.as_list() == [None, 28, 28, 1]
    assert first.min() >= 0
    assert first.max() <= 1
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, again)


def test_pipeline_refuses_what_does_not_belong_together(digits):
    """Too few labels are refused by name."""
    with pytest.raises(InvalidArgumentError, match="`labels` must"):
        datasets.as_tf_dataset(digits[0], digits[1][:-1])
