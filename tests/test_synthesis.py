"""The stroke generator draws what it is asked for, the same each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from digitcnn import synthesis
from digitcnn.errors import InvalidArgumentError
from digitcnn.readings import SIGNS
from digitcnn.synthesis import draw_digits, draw_nondigits
from digitcnn.synthesis.surroundings import draw_scribbles

seeds = st.integers(0, 2**63)
sides = st.integers(20, 130)


def correlation(first, second):
    """Return how alike two images are, blurred to 12 x 12 so that a pixel's shift counts little."""
    coarse = [image.reshape(12, 4, 12, 4).mean(axis=(1, 3)).ravel() for image in (first, second)]
    return np.corrcoef(*coarse)[0, 1]


@settings(max_examples=20, deadline=None)
@given(
    seed=seeds,
    side=sides,
    count=st.integers(0, 25),
    digits=st.lists(st.integers(0, 9), min_size=1, max_size=10, unique=True),
)
def test_drawings_are_as_promised(seed, side, count, digits):
    """Images are uint8 squares, labels int64 digits, each as often as another, give or take one."""
    images, labels = draw_digits(count, seed=seed, side=side, digits=digits)
    nondigits = draw_nondigits(count, seed=seed, side=side)

    for drawn in (images, nondigits):
        assert (drawn.shape, drawn.dtype) == ((count, side, side), np.uint8)
    assert (labels.shape, labels.dtype) == ((count,), np.int64)
    counts = [int((labels == digit).sum()) for digit in digits]
    assert count == sum(counts)
    assert max(counts) - min(counts) <= 1


def test_the_seed_decides(bank):
    """The same seed draws the same digits, nondigits and page; no image returns under another."""

    def draw(seed):
        page = synthesis.draw_page(bank, np.random.default_rng(seed))
        digits, labels = draw_digits(20, seed=seed)
        return digits, labels, draw_nondigits(20, seed=seed), page.picture, page.boxes, page.labels

    first, again, other = draw(1), draw(1), draw(2)

    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    for ours, theirs in ((first[0], other[0]), (first[2], other[2])):
        assert not any(np.array_equal(one, another) for one in ours for another in theirs)
    assert len({image.tobytes() for image in draw_digits(6, seed=0, digits=[3], hand=1)[0]}) == 6
    assert not np.array_equal(np.sort(first[1]), first[1])


def test_drawings_are_ink_on_a_dark_ground():
    """Each image holds clearly visible ink and something without, a digit mostly background."""
    for digit in range(10):
        images = draw_digits(40, seed=digit, digits=[digit], side=64)[0]
        inked = (images > 0).mean(axis=(1, 2))
        assert images.max(axis=(1, 2)).min() >= 60
        assert 0.004 < inked.min() < inked.max() < 0.6
    others = draw_nondigits(200, seed=0, side=64)
    assert others.max(axis=(1, 2)).min() >= 60
    assert (others > 127).mean(axis=(1, 2)).max() < 0.95


def test_one_hand_writes_alike():
    """The same digit by one hand looks more alike than by different hands, whatever the seed."""
    hands = range(24)
    drawn = [
        [draw_digits(1, seed=seed, digits=[4], side=48, hand=hand)[0][0] for hand in hands]
        for seed in (1, 2)
    ]
    within = [correlation(drawn[0][hand], drawn[1][hand]) for hand in hands]
    between = [correlation(drawn[0][hand], drawn[1][hand - 1]) for hand in hands]

    assert np.mean(within) > np.mean(between) + 0.15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 19}, r"`side` must be a whole number in 20\.\.2048"),
        ({"digits": [10]}, "`digits` must be"),
        ({"digits": "17"}, "`digits` must be"),
        ({"digits": []}, "`digits` must be some of the digits"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    """A side too small to draw in, and what is no digit, are named."""
    with pytest.raises(InvalidArgumentError, match=message):
        draw_digits(1, seed=0, **options)


@pytest.fixture(scope="module")
def bank():
    """A few hands' glyphs, MNIST's left out."""
    return synthesis.GlyphBank(hands=6, seed=0)


def test_a_page_holds_its_boxes_and_each_box_ink(bank):
    """Boxes lie within the page, and what a digit's box marks out holds ink of that digit."""
    for seed in range(12):
        page = synthesis.draw_page(bank, np.random.default_rng(seed), height=96, width=160)
        assert page.picture.shape == page.ink.shape == (96, 160)
        assert page.picture.dtype == page.ink.dtype == np.uint8
        assert len(page.boxes) == len(page.labels)
        assert ((page.boxes >= 0) & (page.boxes <= [160, 96, 160, 96])).all()
        assert set(page.labels.tolist()) <= set(range(-2, 10 + len(SIGNS)))
        for (left, top, right, bottom), label in zip(page.boxes.tolist(), page.labels, strict=True):
            if 0 <= label < 10:
                assert page.ink[int(top) : int(bottom) + 1, int(left) : int(right) + 1].max() > 40


def test_pages_are_dark_on_bright_and_bright_on_dark(bank):
    """Networks are to learn both polarities: among a few dozen pages both are met."""
    rng = np.random.default_rng(0)
    means = [synthesis.draw_page(bank, rng, height=64, width=64).picture.mean() for _ in range(40)]

    assert min(means) < 90
    assert max(means) > 165


def test_pages_are_such_as_people_write(bank):
    """On some pages slanted neighbours overlap by a quarter; some show a digit or two alone."""
    close = alone = 0
    for seed in range(150):
        page = synthesis.draw_page(bank, np.random.default_rng(seed))
        boxes = page.boxes[(page.labels >= 0) & (page.labels < 10)]
        widths = boxes[:, 2] - boxes[:, 0]
        level = np.abs(np.diff(boxes[:, 1])) < 0.5 * (boxes[1:, 3] - boxes[1:, 1])
        shared = boxes[:-1, 2] - boxes[1:, 0]
        close += bool((level & (shared > 0.25 * widths[1:]) & (shared < widths[1:])).any())
        alone += bool((page.labels >= 0).sum() <= 2)

    assert close >= 10
    assert alone >= 30


def test_no_speck_is_called_a_digit():
    """Where a hairline is made so small that nothing is left, no digit was written."""
    bank, rng = synthesis.GlyphBank(hands=20, seed=3), np.random.default_rng(1)
    for _ in range(150):
        page = synthesis.draw_page(bank, rng, height=96, width=160)
        boxes = page.boxes[(page.labels >= 0) & (page.labels < 10)]
        heights = boxes[:, 3] - boxes[:, 1]
        assert len(heights) < 3 or heights.min() > 0.25 * np.median(heights)


def test_scribbles_leave_digits_alone():
    """Signatures and flourishes are drawn beside a digit's box, never into it."""
    boxes, drawn = np.float32([[60, 30, 100, 80]]), 0
    for seed in range(50):
        page = Image.new("L", (160, 120))
        draw_scribbles(ImageDraw.Draw(page), boxes, 40.0, np.random.default_rng(seed))
        assert page.crop((60, 30, 100, 80)).getbbox() is None
        drawn += page.getbbox() is not None

    assert drawn >= 20
