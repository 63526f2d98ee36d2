"""Claims about bands in negative: stripes behind a digit do not change what is read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcnn import explain, preprocess
from digitcnn.synthesis import draw_digits

PICTURES, _ = draw_digits(40, seed=20, side=56)
# Every digit, with the margin that a canonical image has around it.
CANONICAL = np.rint(preprocess(PICTURES)[..., 0] * 255).astype(np.uint8)


@settings(deadline=None)
@given(index=st.integers(0, len(CANONICAL) - 1), width=st.integers(6, 8), upright=st.booleans())
def test_negative_bands_at_both_sides_change_nothing_of_a_digit_that_goes_on_across(
    index, width, upright
):
    """Where a stripe is recognised, it is undone to the pixel."""
    image = CANONICAL[index]
    view = image if upright else image.T
    striped = view.copy()
    striped[:, :width] = 255 - view[:, :width]
    striped[:, -width:] = 255 - view[:, -width:]
    striped = striped if upright else striped.T
    names = [step.name for step in explain(striped)]
    if "one ground" in names:
        np.testing.assert_array_equal(preprocess(striped), preprocess(image))


def test_most_pictures_with_negative_sides_are_recognised():
    """Bands at both sides are a quarter of the picture each, and strokes cross their edges."""
    striped = CANONICAL.copy()
    striped[:, :, :7] = 255 - CANONICAL[:, :, :7]
    striped[:, :, -7:] = 255 - CANONICAL[:, :, -7:]
    same = [
        "one ground" in [step.name for step in explain(picture)]
        and np.array_equal(preprocess(picture), preprocess(image))
        for picture, image in zip(striped, CANONICAL, strict=True)
    ]
    assert np.mean(same) >= 0.9


@pytest.mark.parametrize("scale", [1, 5])
def test_a_digit_cut_out_closely_has_no_bands(scale):
    """A stem at the side of a close cut is ink, not a band."""
    for image in CANONICAL:
        rows, columns = np.nonzero(image)
        tight = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        binary = np.where(tight > 127, 255, 0).astype(np.uint8)
        large = binary.repeat(scale, axis=0).repeat(scale, axis=1)
        assert "one ground" not in [step.name for step in explain(large)]
