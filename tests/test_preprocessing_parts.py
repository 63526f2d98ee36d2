"""What the preprocessing is built of does what a plain loop does, only sooner."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing import _bands, _ground, _ink, _papers, _pieces, _sheets, _strokes
from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._filters import opening, quantile, reduced, running, sample
from digitcnn.preprocessing._geometry import (
    are_canonical,
    is_canonical,
    place,
    shift_to_center,
    to_pixels,
)

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)
MASKS = hnp.arrays(bool, SHAPES)
LEVELS = hnp.arrays(
    np.float32, SHAPES, elements=st.sampled_from([np.float32(each / 8) for each in range(9)])
)


def neighbours(y, x, reach):
    """List the places of a square about a pixel."""
    steps = range(-reach, reach + 1)
    return [(y + down, x + right) for down, right in itertools.product(steps, steps)]


def pieces_of(mask):
    """List the 8-connected pieces of a mask as sets of places, by flooding each."""
    left = set(map(tuple, np.argwhere(mask).tolist()))
    pieces = []
    while left:
        waiting, piece = [left.pop()], set()
        while waiting:
            place = waiting.pop()
            piece.add(place)
            near = left.intersection(neighbours(*place, 1))
            left -= near
            waiting += near
        pieces.append(piece)
    return pieces


def box_of(piece):
    """Give top, left, bottom and right of a set of places."""
    rows, columns = zip(*piece, strict=True)
    return min(rows), min(columns), max(rows) + 1, max(columns) + 1


@given(MASKS, st.integers(0, 2**16))
@settings(max_examples=150, deadline=None)
def test_components_are_what_flooding_finds(mask, seed):
    """Areas, boxes, sums and painted pieces are those of pieces that are flooded one by one."""
    values = np.random.default_rng(seed).integers(0, 9, mask.shape)
    found = find_components(mask)
    expected = sorted(
        (box_of(piece), len(piece), sum(values[place] for place in piece))
        for piece in pieces_of(mask)
    )

    boxes = map(tuple, found.boxes.tolist())
    sums = found.sums(values).round().astype(int).tolist()
    assert expected == sorted(zip(boxes, found.areas.tolist(), sums, strict=True))
    for index, box in enumerate(found.boxes.tolist()):
        painted = found.mask(np.arange(len(found.areas)) == index)
        assert set(map(tuple, np.argwhere(painted).tolist())) in pieces_of(mask)
        assert tuple(box) == box_of(np.argwhere(painted).tolist())


@given(LEVELS, st.integers(1, 12), st.sampled_from([(0, 1), (0,), (1,)]))
@settings(max_examples=150, deadline=None)
def test_running_extremes_are_those_of_each_window(plane, window, axes):
    """A window of an even length reaches one pixel further back; beyond the edge nothing counts."""
    expected = np.empty_like(plane)
    for y, x in np.ndindex(plane.shape):
        spans = [
            slice(max(0, place - window // 2), place + window - window // 2)
            if axis in axes
            else slice(place, place + 1)
            for axis, place in enumerate((y, x))
        ]
        expected[y, x] = plane[tuple(spans)].max()

    assert np.array_equal(expected, running(np.maximum, plane, window, axes=axes))
    assert np.array_equal(-expected, running(np.minimum, -plane, window, axes=axes))


@pytest.mark.parametrize("window", [2, 3, 6, 7])
def test_an_opening_takes_away_what_is_narrower_than_its_window(window):
    """A square of the window's odd side stays as it is; what is a pixel narrower goes."""
    side = window // 2 * 2 + 1
    plane = np.zeros((20, 30), np.float32)
    plane[5 : 5 + side, 8 : 8 + side] = 1
    narrower = plane.copy()
    narrower[5] = 0

    assert np.array_equal(plane, opening(plane, window))
    assert not opening(narrower, window).any()


@given(LEVELS, st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_an_opening_is_one(plane, window):
    """It adds nothing, and what it leaves it leaves again."""
    opened = opening(plane, window)

    assert (opened <= plane).all()
    assert np.array_equal(opened, opening(opened, window))


@given(
    hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(0, 1, width=32)), st.floats(0, 1)
)
@settings(max_examples=100, deadline=None)
def test_a_quantile_is_numpys(values, part):
    """Linearly interpolated, whatever the length."""
    assert quantile(values, part) == pytest.approx(np.quantile(values, part), abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "side", "factor"), [((9, 40), 20, 2), ((41, 3), 20, 3), ((20, 20), 20, 1)]
)
def test_a_reduced_plane_is_no_longer_than_asked_for(shape, side, factor):
    """Blocks are as small as the side allows, and each is averaged."""
    plane = np.random.default_rng(0).random(shape).astype(np.float32)
    small = reduced(plane, side)

    assert small.shape == tuple(-(-length // factor) for length in shape)
    assert small[0, 0] == pytest.approx(plane[:factor, :factor].mean(), abs=1e-6)


@pytest.mark.parametrize(("shape", "count"), [((255, 9), 255 * 9), ((256, 9), 128 * 5)])
def test_a_sample_is_taken_of_what_is_large(shape, count):
    """Every second row and column from twice 128 pixels on."""
    assert sample(np.zeros(shape)).size == count


# Strokes.


@given(LEVELS, st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_thick_strokes_are_what_an_octagon_paints(ink, radius):
    """Each pixel becomes a square, widened by a diamond of half the radius."""
    diamond = radius // 2
    square = radius - diamond
    expected = np.zeros([side + 2 * radius for side in ink.shape], np.float32)
    pen = [
        (down, right)
        for down, right in itertools.product(range(-radius, radius + 1), repeat=2)
        if max(abs(down) - square, 0) + max(abs(right) - square, 0) <= diamond
    ]
    height, width = ink.shape
    for down, right in pen:
        top, left = radius + down, radius + right
        part = expected[top : top + height, left : left + width]
        np.maximum(part, ink, out=part)

    assert np.array_equal(expected, _strokes.thicken(ink, radius))


@given(LEVELS.filter(np.any))
@settings(max_examples=60, deadline=None)
def test_a_strokes_width_is_twice_its_area_over_its_outline(ink):
    """The outline is all that neighbours differ by, the ground about included."""
    padded = np.pad(ink, 1)
    outline = sum(
        abs(float(padded[y, x]) - float(padded[y + down, x + right]))
        for down, right in ((0, 1), (1, 0))
        for y, x in np.ndindex(padded.shape[0] - down, padded.shape[1] - right)
    )

    assert _strokes.stroke_width(ink) == pytest.approx(2 * float(ink.sum()) / outline, rel=1e-5)


# Places.


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))).filter(np.any),
)
@settings(max_examples=100, deadline=None)
def test_the_centre_of_mass_goes_as_near_to_the_middle_as_the_frame_allows(pixels):
    """No other whole-pixel place within the frame brings it nearer to (14, 14)."""
    corner = shift_to_center(*pixels.shape, pixels)
    frame = place(pixels)

    for axis, (start, side) in enumerate(zip(corner, pixels.shape, strict=True)):
        masses = pixels.sum(axis=1 - axis, dtype=int)
        moments = [abs(int(masses @ (np.arange(side) + at - 14))) for at in range(29 - side)]
        assert moments[start] == min(moments)
    top, left = corner
    height, width = pixels.shape
    assert np.array_equal(pixels, frame[top : top + height, left : left + width])
    assert frame.sum(dtype=int) == pixels.sum(dtype=int)


@given(LEVELS)
@settings(max_examples=100, deadline=None)
def test_ink_is_rounded_but_never_away_from_an_edge(plane):
    """An edge whose ink would round to nothing keeps a trace where it is strongest."""
    faint = plane / np.float32(1000)
    pixels = to_pixels(faint)

    assert not np.any(np.delete(np.delete(pixels, [0, -1], 0), [0, -1], 1))
    for edge, source in ((pixels[0], faint[0]), (pixels[-1], faint[-1])):
        assert edge[source.argmax()] == 1 or edge.any()
    for line in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert line.any()
        assert line.max() == 1
    assert pixels.sum() <= 4
    assert np.array_equal(
        np.rint(plane * 255), to_pixels(np.pad(plane, 1, constant_values=1))[1:-1, 1:-1]
    )


# Grounds and frames.


@given(st.integers(1, 80), st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_a_frame_holds_each_pixel_along_the_sides_once(height, width):
    """It is a 32nd of the shorter side wide, at least a pixel; of a thin picture it is all."""
    plane = np.arange(height * width).reshape(height, width)
    thick = max(1, min(height, width) // 32)
    y, x = np.indices(plane.shape)
    depth = np.minimum.reduce([y, x, height - 1 - y, width - 1 - x])
    expected = plane[depth < thick] if min(height, width) > 2 * thick else plane.ravel()

    assert expected.tolist() == sorted(_ground._frame(plane).tolist())


@pytest.mark.parametrize("other", [3, 19, 32, 47])
def test_a_frame_is_even_but_for_one_pixel_in_fifty(other):
    """One of 52 outermost pixels may differ, two may not; those inside do not count."""
    y, x = np.indices((14, 14))
    outermost = np.flatnonzero(np.minimum.reduce([y, x, 13 - y, 13 - x]).ravel() == 0)
    for tone in (0, 65535):
        plane = np.full(196, tone, np.uint16)
        plane[np.setdiff1d(np.arange(196), outermost)] = 65535 - tone
        for index in outermost:
            spotted = plane.copy()
            spotted[index] = 65535 - tone
            assert _bands._has_even_frame(spotted.reshape(14, 14))
            spotted[outermost[other]] = 65535 - tone
            assert _bands._has_even_frame(spotted.reshape(14, 14)) == (index == outermost[other])


@given(hnp.arrays(np.uint16, st.integers(1, 40)))
@settings(max_examples=60, deadline=None)
def test_quartiles_of_a_negative_are_mirrored(values):
    """The median is that of NumPy, a quarter of the others lies beyond each quartile."""
    levels = values.astype(np.float32)
    low, middle, high = _ground._quartiles(levels)
    mirrored = _ground._quartiles(65535 - levels)

    assert middle == np.median(levels)
    assert (65535 - high, 65535 - middle, 65535 - low) == mirrored
    assert low == np.sort(levels)[(len(levels) - 1) // 4]


@pytest.mark.parametrize("shape", [(24, 33), (64, 40), (90, 90)])
@pytest.mark.parametrize("seed", range(3))
def test_a_smooth_ground_is_found_under_a_stroke(shape, seed):
    """A surface of second degree comes back nearly as it was, though ink lies on it."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    factors = np.random.default_rng(seed).uniform(-0.3, 0.3, 6)
    surface = np.tensordot(factors, terms, 1).astype(np.float32)
    inked = surface.copy()
    inked[shape[0] // 2 :][:4, shape[1] // 4 : shape[1] // 2] += 0.5

    assert np.abs(_ground.smooth_ground(inked) - surface).max() < 0.05


# Levels.


@given(st.integers(0, 2**16), st.floats(0.05, 1))
@settings(max_examples=30, deadline=None)
def test_otsus_threshold_parts_two_classes_best(seed, peak):
    """No other of 127 levels has a greater variance between the classes."""
    rng = np.random.default_rng(seed)
    contrast = np.concatenate([rng.normal(0.2, 0.1, 300), rng.normal(0.7, 0.1, 80)]) * peak
    contrast = contrast.astype(np.float32)
    bins = np.clip(contrast * np.float32(128 / peak), 0, 127).astype(int)
    centers = (bins + 0.5) * peak / 128

    def between(level):
        low, high = centers[bins < level], centers[bins >= level]
        if not len(low) or not len(high):
            return 0
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2

    threshold = _ink.otsu_threshold(contrast, peak)
    best = max(between(level) for level in range(1, 128))
    assert between(round(threshold / peak * 128)) == pytest.approx(best)


def test_the_strongest_ink_is_that_of_the_brightest_and_of_the_best_sixteen():
    """A 500th of all pixels, and sixteen, each averaged."""
    contrast = np.random.default_rng(0).permutation(10_000).reshape(100, 100).astype(np.float32)

    assert _ink.peak_levels(contrast) == (9989.5, 9991.5)
    assert _ink.peak_levels(contrast[:1, :3]) == (contrast[0, :3].max(), contrast[0, :3].mean())


def test_noise_is_measured_on_its_darker_side():
    """Normal noise has its own deviation, and ink makes no difference."""
    noise = np.random.default_rng(0).normal(0.5, 0.02, (100, 100)).astype(np.float32)
    noise[40:60, 40:60] = 1

    assert _ink.noise_level(noise) == pytest.approx(0.02, rel=0.1)


# Pieces.


@given(st.lists(st.tuples(*[st.integers(0, 20), st.integers(1, 9)] * 2), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_gaps_are_what_lies_between_boxes(sides):
    """So many pixels lie between two boxes, along the axis on which they are further apart."""
    boxes = np.array([(top, left, top + high, left + wide) for top, high, left, wide in sides])
    top, left, bottom, right = boxes[0]
    expected = [
        max(other_top - bottom, top - other_bottom, other_left - right, left - other_right)
        for other_top, other_left, other_bottom, other_right in boxes.tolist()
    ]

    assert expected == _pieces._gaps(boxes, boxes[0]).tolist()


@given(hnp.arrays(bool, (15, 15)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_noise_is_what_knows_nothing_of_its_neighbours(mask, is_sparse):
    """The correlation of neighbours and how often they differ decide, as a plain count has them."""
    if is_sparse:
        mask = mask & np.random.default_rng(int(mask.sum())).integers(0, 2, mask.shape).astype(bool)
    if not mask.any() or mask.all():
        return
    deviation = mask - mask.mean()
    products, changes = [], []
    for down, right in ((1, 0), (0, 1), (1, 1), (1, -1)):
        pairs = [
            ((y, x), (y + down, x + right))
            for y, x in np.ndindex(mask.shape)
            if y + down < 15 and 0 <= x + right < 15
        ]
        products.append(np.mean([deviation[one] * deviation[other] for one, other in pairs]))
        changes.append(np.mean([mask[one] != mask[other] for one, other in pairs]))
    near = [
        sum(mask[place] for place in neighbours(y, x, 1) if 0 <= min(place) and max(place) < 15) - 1
        for y, x in np.argwhere(mask)
    ]
    is_line = np.mean(np.less_equal(near, 1)) < 0.05 and np.mean(np.greater_equal(near, 4)) < 0.4
    is_noise = np.mean(products) < 0.05 * (deviation**2).mean() or np.mean(changes[:2]) > 0.43

    if is_noise and not is_line and mask.mean() <= 0.95:
        with pytest.raises(NoDigitError, match="noise"):
            _pieces.refuse_noise(mask)
    else:
        _pieces.refuse_noise(mask)


# Sheets.


@pytest.mark.parametrize("angle", [0, 12, 42, 60])
@pytest.mark.parametrize("sides", [(60, 30), (40, 40)])
def test_the_least_rectangle_is_the_one_it_was_cut_from(angle, sides):
    """A rectangle in any position comes to its own area, or little more, by either way."""
    y, x = np.indices((90, 90)) - 45
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = np.abs(x * cosine + y * sine), np.abs(y * cosine - x * sine)
    piece = (along < sides[0] / 2) & (across < sides[1] / 2)
    area = np.count_nonzero(piece)
    low, high = _papers._extents(piece)

    assert area <= _sheets._least_rectangle(piece) < 1.1 * area
    assert area <= _papers._least_box(low, high) < 1.12 * area
    hull = _papers._hull(piece.shape, low, high)
    assert not (piece & ~hull).any()
    assert np.count_nonzero(hull) < 1.05 * area


@given(MASKS)
@settings(max_examples=60, deadline=None)
def test_what_lies_between_is_filled(mask):
    """A pixel with ink on both sides in its row, and in its column, is filled."""
    filled = _sheets.fill_between(mask)
    for y, x in np.ndindex(mask.shape):
        sides = mask[y, : x + 1], mask[y, x:], mask[: y + 1, x], mask[y:, x]
        assert filled[y, x] == all(side.any() for side in sides)


@given(MASKS, st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_rim_is_taken_off_but_not_where_the_picture_cuts(mask, width):
    """What is within so many pixels of the outside goes; beyond the picture all goes on."""
    shrunk = _papers._shrunk(mask, width)
    height, breadth = mask.shape
    for y, x in np.ndindex(mask.shape):
        near = [
            mask[min(max(down, 0), height - 1), min(max(right, 0), breadth - 1)]
            for down, right in neighbours(y, x, width)
        ]
        assert shrunk[y, x] == all(near)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(18, 21), st.integers(1, 21))),
    st.sampled_from([1, 249, 250, 255]),
    st.integers(-2, 2),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_one_image_is_judged_as_many_are(digit, peak, shift, is_wide):
    """Whether an image is as MNIST has them does not depend on what comes with it."""
    digit = np.minimum(digit, peak)
    digit[0, 0], digit[-1, -1] = peak, 1
    image = np.roll(place(digit.T if is_wide else digit), shift, axis=1)
    pair = np.stack([image, 255 - image])
    assert [is_canonical(each) for each in pair] == are_canonical(pair).tolist()


@pytest.mark.parametrize("shift", [0, 1])
def test_an_image_as_mnist_has_them_is_told_from_one_beside(shift):
    """A bar of 20 pixels in the centre is; a pixel beside the centre it is not."""
    image = np.zeros((28, 28), np.uint8)
    image[5:25, 13 + shift : 16 + shift] = 255
    assert is_canonical(image) == (shift == 0)
