"""Random changes: what they may and may not do."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcnn import preprocess
from digitcnn.augmentation import DAMAGES, Augmentation, augment, damage, photograph
from digitcnn.errors import InvalidArgumentError
from digitcnn.synthesis import draw_digits

STILL = Augmentation(rotation=0, scale=0, shear=0, shift=0, elastic=0, pen=0, light=0, noise=0)


@pytest.fixture(scope="module")
def batch():
    """Sixteen drawn digits, as a canonical batch."""
    return preprocess(draw_digits(16, seed=3)[0])


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 4))
@settings(max_examples=30)
def test_ink_stays_in_range(seed, count):
    """Whatever the seed, shape and dtype stay and ink lies in [0, 1]."""
    images = np.random.default_rng(seed).random((count, 28, 28, 1), np.float32)

    changed = augment(images, seed=seed)

    assert changed.shape == images.shape
    assert changed.dtype == np.float32
    assert ((changed >= 0) & (changed <= 1)).all()


def test_same_seed_same_changes(batch):
    """One seed always makes the same changes, and another one others."""
    assert np.array_equal(augment(batch, seed=1), augment(batch, seed=1))
    assert not np.array_equal(augment(batch, seed=1), augment(batch, seed=2))


def test_input_is_left_alone(batch):
    """The images that went in are as they were."""
    before = batch.copy()

    augment(batch, seed=0, augmentation=Augmentation(pen=1, light=1, noise=1))

    assert np.array_equal(before, batch)


def test_no_limits_no_change(batch):
    """An augmentation with every limit at zero gives the images back."""
    np.testing.assert_allclose(augment(batch, seed=0, augmentation=STILL), batch, atol=1e-6)


def test_warp_keeps_the_amount_of_ink(batch):
    """Turning, shifting and bending lose little ink: the digit stays in the frame."""
    limits = Augmentation(scale=0, pen=0, light=0, noise=0)

    ratio = augment(batch, seed=0, augmentation=limits).sum((1, 2)) / batch.sum((1, 2))

    assert (abs(ratio - 1) < 0.25).all()


def test_a_shifted_digit_stays_sharp(batch):
    """A shift by parts of a pixel leaves the steps from ink to paper nearly as steep as before."""
    limits = dataclasses.replace(STILL, shift=1.5)

    shifted = augment(batch, seed=0, augmentation=limits)

    assert _steepness(shifted) > 0.74 * _steepness(batch)


def _steepness(images):
    """Add up the squared differences between neighbouring pixels."""
    return sum((np.diff(images, axis=axis) ** 2).sum() for axis in (1, 2))


def test_shift_moves_by_no_more_than_its_limit():
    """A dot ends up within the limit of where it was."""
    dots = np.zeros((50, 28, 28, 1), np.float32)
    dots[:, 14, 14] = 1
    limits = Augmentation(rotation=0, scale=0, shear=0, shift=2, elastic=0, pen=0, light=0, noise=0)

    changed = augment(dots, seed=0, augmentation=limits)[..., 0]

    rows = (changed.sum(2) * np.arange(28)).sum(1) / changed.sum((1, 2))
    assert (abs(rows - 14) <= 2.001).all()
    assert rows.std() > 0.5


def test_pen_widens_some_and_narrows_others(batch):
    """With every image chosen, some gain ink and others lose some."""
    limits = Augmentation(rotation=0, scale=0, shear=0, shift=0, elastic=0, pen=1, light=0, noise=0)

    ratio = augment(batch, seed=0, augmentation=limits).sum((1, 2)) / batch.sum((1, 2))

    assert ratio.max() > 1.1
    assert ratio.min() < 0.9


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (1, 28, 28, 3)])
def test_other_shapes_are_refused(shape):
    """What is no batch of single-channel images is refused by its shape."""
    with pytest.raises(InvalidArgumentError, match=r"`batch` must have shape \(N, H, W, 1\)"):
        augment(np.zeros(shape, np.float32), seed=0)


def test_pixels_are_refused():
    """A batch that was not scaled to [0, 1] is refused instead of being cut off."""
    with pytest.raises(InvalidArgumentError, match=r"`batch` must hold floats in \[0, 1\]"):
        augment(np.full((1, 28, 28, 1), 40, np.uint8), seed=0)
    with pytest.raises(InvalidArgumentError, match=r"`batch` must hold floats in \[0, 1\]"):
        augment(np.full((1, 28, 28, 1), 40, np.float32), seed=0)


def test_photographs_are_dark_on_light():
    """A photographed drawing is paper for the most part, with darker ink where it was bright."""
    drawings, _ = draw_digits(8, seed=5)

    photos = photograph(drawings, seed=0)

    assert photos.dtype == np.uint8
    for drawing, photo in zip(drawings, photos, strict=True):
        assert photo[drawing == drawing.max()].mean() < photo[drawing == 0].mean()


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_leaves_a_picture(kind):
    """Each kind changes the picture, keeps its form, repeats with its seed, and leaves ink."""
    drawings = np.rint(preprocess(draw_digits(8, seed=2)[0])[..., 0] * 255).astype(np.uint8)
    before = drawings.copy()

    damaged = damage(drawings, seed=4, kinds=[kind])

    assert damaged.dtype == np.uint8
    assert damaged.shape == drawings.shape
    assert np.array_equal(damaged, damage(drawings, seed=4, kinds=[kind]))
    assert not np.array_equal(damaged, drawings)
    assert all(np.ptp(image) > 80 for image in damaged)
    assert np.array_equal(before, drawings)


def test_unknown_damage_is_refused():
    """A kind that is not there is refused, with those that are."""
    with pytest.raises(InvalidArgumentError, match=r"among grain, specks, .*got .'rain'"):
        damage(np.zeros((1, 28, 28), np.uint8), seed=0, kinds=["rain"])


def test_damage_wants_mnist_pictures():
    """Pictures of another form are refused."""
    with pytest.raises(InvalidArgumentError, match=r"uint8 of shape \(N, 28, 28\)"):
        damage(np.zeros((1, 30, 28), np.uint8), seed=0)
