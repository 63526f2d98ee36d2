"""The stroke generator draws what it is asked for, the same each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcnn import synthesis
from digitcnn.errors import InvalidArgumentError
from digitcnn.synthesis import draw_digits, draw_nondigits

seeds = st.integers(0, 2**63)
sides = st.integers(20, 130)


def correlation(first, second):
    """Return how alike two images are, blurred to 12 x 12 so that a pixel's shift counts little."""
    coarse = [image.reshape(12, 4, 12, 4).mean(axis=(1, 3)).ravel() for image in (first, second)]
    return np.corrcoef(*coarse)[0, 1]


@settings(max_examples=20, deadline=None)
@given(seed=seeds, side=sides, count=st.integers(0, 12))
def test_digits_have_the_promised_shape_and_type(seed, side, count):
    """Images are uint8 squares of the side asked for, labels int64 digits, one for each."""
    images, labels = draw_digits(count, seed=seed, side=side)

    assert (count, side, side) == images.shape
    assert np.uint8 == images.dtype
    assert (count,) == labels.shape
    assert np.int64 == labels.dtype
    assert set(labels.tolist()) <= set(range(10))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, side=sides, count=st.integers(0, 12))
def test_nondigits_have_the_promised_shape_and_type(seed, side, count):
    """Images are uint8 squares of the side asked for."""
    images = draw_nondigits(count, seed=seed, side=side)

    assert (count, side, side) == images.shape
    assert np.uint8 == images.dtype


def test_the_same_seed_draws_the_same_digits():
    """Images and labels depend on the arguments alone."""
    images, labels = draw_digits(40, seed=5, side=48)
    again, labels_again = draw_digits(40, seed=5, side=48)

    assert np.array_equal(images, again)
    assert np.array_equal(labels, labels_again)


def test_the_same_seed_draws_the_same_nondigits():
    """Images depend on the arguments alone."""
    assert np.array_equal(draw_nondigits(40, seed=5), draw_nondigits(40, seed=5))


def test_the_global_random_state_plays_no_part():
    """Drawing neither reads nor moves NumPy's global generator."""
    np.random.seed(1)  # noqa: NPY002 - the global state is what is tested
    before = draw_digits(5, seed=0)[0]
    after_one_draw = np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002

    assert after_one_draw == np.random.random()  # noqa: NPY002
    assert np.array_equal(before, draw_digits(5, seed=0)[0])


@pytest.mark.parametrize("draw", [lambda seed: draw_digits(8, seed=seed)[0], None])
def test_different_seeds_draw_different_images(draw):
    """No image of one seed returns under another."""
    draw = draw or (lambda seed: draw_nondigits(8, seed=seed))
    first, second = draw(1), draw(2)

    assert not any(np.array_equal(one, other) for one in first for other in second)


@settings(max_examples=20, deadline=None)
@given(
    seed=seeds,
    digits=st.lists(st.integers(0, 9), min_size=1, max_size=10, unique=True),
    count=st.integers(0, 25),
)
def test_labels_are_balanced(seed, digits, count):
    """Each digit asked for comes equally often, give or take one."""
    labels = draw_digits(count, seed=seed, digits=digits, side=20)[1]

    counts = [int((labels == digit).sum()) for digit in digits]
    assert count == sum(counts)
    assert max(counts) - min(counts) <= 1


def test_labels_come_in_random_order():
    """Neighbouring labels do not count upwards."""
    labels = draw_digits(100, seed=0, side=20)[1]

    assert not np.array_equal(np.arange(100) % 10, labels)


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_is_ink_on_a_dark_ground(digit):
    """Each image holds clearly visible ink, and mostly background."""
    images = draw_digits(60, seed=digit, digits=[digit], side=64)[0]

    inked = (images > 0).mean(axis=(1, 2))
    assert images.max(axis=(1, 2)).min() >= 60
    assert inked.min() > 0.004
    assert inked.max() < 0.6


@pytest.mark.parametrize("side", [20, 96, 200])
def test_a_digit_stays_inside_its_frame(side):
    """Only now and then does a stroke touch the edge."""
    images = draw_digits(600, seed=3, side=side)[0]  # enough to tell 8 % from 10

    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    assert (edges > 0).any(axis=1).mean() < 0.1


def test_every_nondigit_is_neither_blank_nor_full():
    """Each image holds ink and something without."""
    images = draw_nondigits(200, seed=0, side=64)

    assert images.max(axis=(1, 2)).min() >= 60
    assert (images > 127).mean(axis=(1, 2)).max() < 0.95


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


def test_one_hand_never_writes_the_same_twice():
    """Repeats by one hand differ a little."""
    images = draw_digits(6, seed=0, digits=[3], hand=1)[0]

    assert len({image.tobytes() for image in images}) == 6


@pytest.mark.parametrize("value", [-1, 1.5, "3", None, True, np.float32(2)])
@pytest.mark.parametrize("name", ["count", "seed", "side"])
def test_a_malformed_number_is_refused(name, value):
    """What is no whole number is named in the message."""
    arguments = {"count": 1, "seed": 0, "side": 96, name: value}
    count = arguments.pop("count")

    with pytest.raises(InvalidArgumentError, match=f"`{name}` must be a whole number"):
        draw_digits(count, **arguments)
    with pytest.raises(InvalidArgumentError, match=f"`{name}` must be a whole number"):
        draw_nondigits(count, **arguments)


def test_a_malformed_hand_is_refused():
    """A hand is a number."""
    with pytest.raises(InvalidArgumentError, match="`hand` must be a whole number"):
        draw_digits(1, seed=0, hand="left")


@pytest.mark.parametrize("side", [0, 19, 2049])
def test_an_unworkable_side_is_refused(side):
    """Too small to draw in, or too large to be meant."""
    with pytest.raises(InvalidArgumentError, match=r"`side` must be a whole number in 20\.\.2048"):
        draw_digits(1, seed=0, side=side)


@pytest.mark.parametrize("digits", [[10], [-1], [1.0], "17", 7, [None]])
def test_what_is_no_digit_is_refused(digits):
    """Digits are integers from 0 to 9."""
    with pytest.raises(InvalidArgumentError, match="`digits` must be"):
        draw_digits(1, seed=0, digits=digits)


def test_no_digits_to_draw_from_is_refused():
    """An empty choice is not all ten."""
    with pytest.raises(InvalidArgumentError, match="`digits` must be some of the digits"):
        draw_digits(1, seed=0, digits=[])


def test_numpy_integers_are_integers():
    """Counts, seeds and digits may come out of arrays."""
    images, labels = draw_digits(np.int64(3), seed=np.uint8(1), digits=np.array([7]), side=28)

    assert images.shape == (3, 28, 28)
    assert labels.tolist() == [7, 7, 7]


@pytest.fixture(scope="module")
def bank():
    """A few hands' glyphs, MNIST's left out."""
    return synthesis.GlyphBank(hands=6, seed=0)


@pytest.mark.parametrize("seed", range(12))
def test_a_page_holds_its_boxes_and_each_box_ink(bank, seed):
    """Boxes lie within the page, and what a digit's box marks out holds ink of that digit."""
    page = synthesis.draw_page(bank, np.random.default_rng(seed), height=96, width=160)

    assert page.picture.shape == page.ink.shape == (96, 160)
    assert page.picture.dtype == page.ink.dtype == np.uint8
    assert len(page.boxes) == len(page.labels)
    assert (page.boxes >= 0).all()
    assert (page.boxes <= [160, 96, 160, 96]).all()
    assert set(page.labels.tolist()) <= set(range(-1, 10 + len(synthesis.SIGNS)))
    for (left, top, right, bottom), label in zip(page.boxes.tolist(), page.labels, strict=True):
        if 0 <= label < 10:
            part = page.ink[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
            assert part.max() > 40


def test_the_same_seed_draws_the_same_page(bank):
    """All that a page holds follows from the generator that is handed in."""
    first, second = (synthesis.draw_page(bank, np.random.default_rng(3)) for _ in range(2))

    np.testing.assert_array_equal(first.picture, second.picture)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_pages_are_dark_on_bright_and_bright_on_dark(bank):
    """Networks are to learn both polarities: among a few dozen pages both are met."""
    rng = np.random.default_rng(0)
    means = [synthesis.draw_page(bank, rng, height=64, width=64).picture.mean() for _ in range(40)]

    assert min(means) < 90
    assert max(means) > 165


def test_slanted_neighbours_close_up(bank):
    """On some pages the boxes of neighbours overlap by a quarter of their width and more."""
    close = 0
    for seed in range(150):
        page = synthesis.draw_page(bank, np.random.default_rng(seed))
        boxes = page.boxes[(page.labels >= 0) & (page.labels < 10)]
        widths = boxes[:, 2] - boxes[:, 0]
        level = np.abs(np.diff(boxes[:, 1])) < 0.5 * (boxes[1:, 3] - boxes[1:, 1])
        shared = boxes[:-1, 2] - boxes[1:, 0]
        close += bool((level & (shared > 0.25 * widths[1:]) & (shared < widths[1:])).any())

    assert close >= 10


def test_some_pages_show_a_digit_alone(bank):
    """Pictures of one digit are what many people have: two of them make such a page."""
    counts = [
        (synthesis.draw_page(bank, np.random.default_rng(seed)).labels >= 0).sum()
        for seed in range(150)
    ]

    assert sum(count <= 2 for count in counts) >= 30
