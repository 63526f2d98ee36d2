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

IMAGE = np.zeros((1, 28, 28), np.uint8)
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


def test_the_seed_decides(batch):
    """One seed always makes the same changes, another one others; what went in is as it was."""
    before = batch.copy()
    changed = augment(batch, seed=1)

    assert np.array_equal(changed, augment(batch, seed=1))
    assert not np.array_equal(changed, augment(batch, seed=2))
    np.testing.assert_allclose(augment(batch, seed=0, augmentation=STILL), batch, atol=1e-6)
    assert np.array_equal(before, batch)


def test_shift_moves_by_no_more_than_its_limit():
    """A dot ends up within the limit of where it was."""
    dots = np.zeros((50, 28, 28, 1), np.float32)
    dots[:, 14, 14] = 1
    limits = dataclasses.replace(STILL, shift=2)

    changed = augment(dots, seed=0, augmentation=limits)[..., 0]

    rows = (changed.sum(2) * np.arange(28)).sum(1) / changed.sum((1, 2))
    assert (abs(rows - 14) <= 2.001).all()
    assert rows.std() > 0.5


def test_ink_is_gained_and_lost_by_the_pen_alone(batch):
    """Turning, shifting and bending keep the digit in the frame; a pen of all widths does not."""
    warp, pen = Augmentation(scale=0, pen=0, light=0, noise=0), dataclasses.replace(STILL, pen=1)

    warped, drawn = (
        augment(batch, seed=0, augmentation=limits).sum((1, 2)) / batch.sum((1, 2))
        for limits in (warp, pen)
    )

    assert (abs(warped - 1) < 0.25).all()
    assert drawn.max() > 1.1
    assert drawn.min() < 0.9


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augment(np.zeros((1, 28, 28)), seed=0), r"`batch` must have shape \(N, H, W, 1\)"),
        (lambda: augment(np.full((1, 28, 28, 1), 40), seed=0), r"must hold floats in \[0, 1\]"),
        (lambda: damage(np.zeros((1, 30, 28), np.uint8), seed=0), r"uint8 of shape \(N, 28, 28\)"),
        (lambda: damage(IMAGE, seed=0, kinds=["rain"]), r"among grain, specks, .*got .'rain'"),
    ],
)
def test_what_cannot_be_changed_is_refused(call, message):
    """Another shape, pixels that were not scaled, and unknown damage are told."""
    with pytest.raises(InvalidArgumentError, match=message):
        call()
