"""What the preprocessing is built of does what a plain loop does, only sooner."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._geometry import (
    place,
    quantile,
    shift_to_center,
)

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)
MASKS = hnp.arrays(bool, SHAPES)


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
    """Return top, left, bottom and right of a set of places."""
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


@given(
    hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(0, 1, width=32)), st.floats(0, 1)
)
@settings(max_examples=100, deadline=None)
def test_a_quantile_is_numpys(values, part):
    """Linearly interpolated, whatever the length."""
    assert quantile(values, part) == pytest.approx(np.quantile(values, part), abs=1e-6)


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
