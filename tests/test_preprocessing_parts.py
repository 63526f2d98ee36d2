"""What the preprocessing is built of does what a plain loop does, only sooner."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._filters import opening, quantile, reduced, running
from digitcnn.preprocessing._geometry import (
    place,
    shift_to_center,
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
