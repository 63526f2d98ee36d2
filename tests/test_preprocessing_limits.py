"""Each limit between one kind of picture and another holds to the pixel, on both sides of it."""

from __future__ import annotations

import numpy as np
import pytest

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing import (
    _bands,
    _borders,
    _color,
    _ground,
    _ink,
    _lines,
    _papers,
    _pieces,
    _sheets,
)
from digitcnn.preprocessing._components import find_components

WHITE = 65535


# Borders.


def bordered(side, width, *, sides=4, tone=50_000):
    """Draw a spot on a canvas of `side` pixels whose outline, on some sides, is so wide."""
    plane = np.full((side, side), 10_000, np.uint16)
    plane[side // 2 :, side // 2 :][:3, :3] = WHITE
    for lines in (plane, plane[::-1], plane.T, plane.T[::-1])[:sides]:
        lines[:width] = tone
    return plane


@pytest.mark.parametrize(
    ("side", "sides", "inside"),
    [
        (28, 4, (2, 2, 26, 26)),
        (27, 4, None),
        (60, 1, (2, 0, 60, 60)),
        (59, 1, None),
        (59, 4, (2, 2, 57, 57)),
    ],
)
def test_borders_are_looked_for_from_28_pixels_on_and_single_ones_from_60(side, sides, inside):
    """Below that they may be strokes."""
    assert inside == _borders.trim_border(bordered(side, 2, sides=sides))


@pytest.mark.parametrize(("width", "is_border"), [(1, True), (10, True), (13, True), (14, False)])
def test_a_border_is_no_wider_than_an_eighth_and_its_blur(width, is_border):
    """Of 80 pixels a border takes ten, and three more where it is blurred."""
    found = _borders.trim_border(bordered(80, width, sides=1))

    assert found == ((width, 0, 80, 80) if is_border else None)


def uneven(side, tones, swing=20):
    """Draw a spot on ground of 10,000 below lines of some tones, no line exactly even."""
    plane = np.full((side, side), 10_000.0)
    plane[: len(tones)] = np.array(tones)[:, None]
    plane += np.where(np.indices(plane.shape).sum(axis=0) % 2, swing, -swing)
    plane[side // 2 :, side // 2 :][:3, :3] = 50_000
    return plane.astype(np.uint16)


@pytest.mark.parametrize(
    ("tones", "is_border"),
    [
        # Parts of 40,000 above the ground.
        ([0.26] * 3, True),
        ([0.24] * 3, False),
        ([0.5, 0.5, 0.2, 0.2, 0.2, 0], True),
        ([0.5, 0.5, 0.2, 0.2, 0.2, 0.2, 0.2], False),
        ([0.5, 0.5] + [0.09] * 8, True),
        ([0.5, 0.5] + [0.11] * 8, False),
    ],
)
def test_a_border_stands_out_and_ground_lies_within(tones, is_border):
    """By more than a quarter of the range, and after its blur the ground differs by no tenth."""
    found = _borders.trim_border(uneven(80, [10_000 + 40_000 * tone for tone in tones]))

    assert (found is not None) == is_border


@pytest.mark.parametrize(("swing", "is_border"), [(5_900, True), (6_100, False)])
def test_a_border_has_one_colour(swing, is_border):
    """Its values span no more than three tenths of the range."""
    plane = uneven(80, [])
    plane[:3] = np.where(np.indices((3, 80)).sum(axis=0) % 2, 30_000 + swing, 30_000 - swing)

    assert (_borders.trim_border(plane) is not None) == is_border


@pytest.mark.parametrize(("start", "is_border"), [(0, True), (10, True), (11, False)])
def test_a_borders_corners_may_be_missing(start, is_border):
    """An eighth of a line at either end does not count."""
    plane = bordered(80, 0)
    plane[:2, start : 80 - start] = 50_000

    assert (_borders.trim_border(plane) is not None) == is_border


def frame(height, width, *, pen=2, inside=10, gap=0):
    """Draw a frame with something inside on a page of 120 pixels, one side with a gap."""
    mask = np.zeros((120, 120), bool)
    box = mask[10 : 10 + height, 10 : 10 + width]
    box[...] = True
    box[pen:-pen, pen:-pen] = False
    box[:pen, width // 2 : width // 2 + gap] = False
    box[height // 2 : height // 2 + inside, width // 2] = True
    return mask


@pytest.mark.parametrize(
    ("options", "is_dropped"),
    [
        ({"height": 50, "width": 40}, True),
        ({"height": 50, "width": 39}, False),
        ({"height": 50, "width": 50, "inside": 9}, False),
        ({"height": 50, "width": 50, "pen": 3}, True),
        ({"height": 50, "width": 50, "pen": 4}, False),
        ({"height": 60, "width": 60, "inside": 12, "gap": 9}, True),
        ({"height": 60, "width": 60, "inside": 12, "gap": 10}, False),
    ],
)
def test_frames_have_four_thin_sides_and_something_inside(options, is_dropped):
    """From 40 pixels on, with sides nine tenths whole, and a fifth of their height inside."""
    mask = frame(**options)
    rest = _borders.drop_frames(mask, find_components(mask))

    assert np.count_nonzero(rest) == (options.get("inside", 10) if is_dropped else mask.sum())


# Bands.


@pytest.mark.parametrize(
    ("side", "width", "is_undone"), [(16, 2, True), (15, 2, False), (50, 6, True), (50, 5, False)]
)
@pytest.mark.parametrize("upright", [True, False])
def test_bands_are_as_wide_as_an_eighth(side, width, is_undone, upright):
    """On pictures from 16 pixels on; narrower ones may be strokes."""
    plane = np.zeros((40, side), np.uint16)
    plane[10:14] = WHITE
    plane[10:20, side // 2] = WHITE
    plane[:, 0] = plane[:, -1] = 0
    striped = plane.copy()
    striped[:, :width] = WHITE - plane[:, :width]
    striped[:, -width:] = WHITE - plane[:, -width:]
    if not upright:
        plane, striped = plane.T, striped.T

    assert np.array_equal(_bands.undo_negative_bands(striped), plane if is_undone else striped)


def test_bands_of_one_tone_stay():
    """Where no band shows two, there is no digit to tell which is the negative."""
    plane = np.repeat(np.uint16([0, WHITE, 0]), 14) * np.ones((40, 1), np.uint16)

    assert np.array_equal(plane, _bands.undo_negative_bands(plane))
    assert np.array_equal(plane.T, _bands.undo_negative_bands(plane.T))


# Lines.


@pytest.mark.parametrize(
    ("runs", "pen", "is_line"),
    [
        ([(0, 100)], 2, True),
        ([(5, 95)], 2, True),
        ([(5, 94)], 2, False),
        ([(0, 100)], 3, False),
        ([(start, start + 10) for start in range(0, 100, 18)], 1, True),
        ([(start, start + 9) for start in range(0, 100, 14)], 1, False),
        ([(0, 25), (73, 100)], 2, True),
        ([(0, 25), (76, 100)], 2, False),
        ([(start, start + 10) for start in (0, 20, 40, 60, 90)], 1, True),
        ([(start, start + 10) for start in (0, 30, 60, 90)], 1, False),
    ],
)
def test_lines_reach_over_nine_tenths_and_half_of_them_is_there(runs, pen, is_line):
    """In runs of a tenth of the side, no thicker than a fortieth."""
    mask = np.zeros((100, 100), bool)
    for start, end in runs:
        mask[50 : 50 + pen, start:end] = True

    assert np.array_equal(_lines.find_lines(mask), mask & is_line)


@pytest.mark.parametrize(("side", "pen", "is_line"), [(200, 5, True), (200, 6, False)])
def test_lines_may_be_as_thick_as_a_fortieth(side, pen, is_line):
    """Of the height of a picture, and two pixels in any."""
    mask = np.zeros((side, side), bool)
    mask[50 : 50 + pen] = True

    assert np.array_equal(_lines.find_lines(mask), mask & is_line)


@pytest.mark.parametrize(("drop", "is_line"), [(0, True), (5, True), (7, True), (8, False)])
def test_lines_may_slant(drop, is_line):
    """By four times the greatest thickness of a line."""
    mask = np.zeros((100, 100), bool)
    mask[40 + np.arange(100) * (drop + 1) // 100, np.arange(100)] = True

    assert _lines.find_lines(mask).any() == is_line


def ruled(side, strengths):
    """Draw a digit's stem over lines of some strengths: all ink, and how strong it is."""
    ink = np.zeros((side, side), np.float32)
    for place, strength in enumerate(strengths, start=1):
        ink[place * side // (len(strengths) + 1)] = strength
    ink[5 : side - 5, side // 2 : side // 2 + 4] = 1
    return ink > 0, ink


@pytest.mark.parametrize(
    ("side", "strengths", "are_dropped"),
    [
        (60, [1, 1, 1], True),
        (59, [1, 1, 1], False),
        (60, [1, 1], False),
        (60, [0.74], True),
        (60, [0.76], False),
        (60, [0.74, 0.74], True),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_lines_are_ruled_if_there_are_three_or_they_are_faint(side, strengths, are_dropped, turned):
    """By a quarter fainter than the other ink; the digit keeps what crosses them."""
    mask, ink = ruled(side, strengths)
    if turned:
        mask, ink = mask.T, ink.T
    stem = np.zeros_like(mask)
    stem[5 : side - 5, side // 2 : side // 2 + 4] = True

    rest = _lines.drop_lines(mask, ink)

    assert np.array_equal(rest, (stem.T if turned else stem) if are_dropped else mask)


# Pieces.


def kept(*others, main=(30, 40, 40, 20), strength=1.0, shape=(100, 100)):
    """Tell which pieces stay beside the main one; each is its top, left, height and width."""
    ink = np.zeros(shape, np.float32)
    for place, (top, left, height, width) in enumerate([main, *others]):
        ink[top : top + height, left : left + width] = strength if place else 1
    mask = ink > 0
    digit = _pieces.select_pieces(mask, find_components(mask), ink)
    return [bool(digit[top, left]) for top, left, _, _ in [main, *others]]


@pytest.mark.parametrize(
    ("other", "is_kept"),
    [
        # A third of the digit's 40 pixels and a little away, on each side of it.
        ((40, 74, 6, 8), True),
        ((40, 75, 6, 8), False),
        ((40, 18, 6, 8), True),
        ((40, 17, 6, 8), False),
        ((84, 45, 6, 8), True),
        ((85, 45, 6, 8), False),
        ((10, 45, 6, 8), True),
        ((9, 45, 6, 8), False),
        # Six in a hundred of its 800 pixels.
        ((40, 62, 6, 8), True),
        ((40, 62, 1, 47), False),
        ((40, 62, 47, 1), False),
        # At an edge of the picture.
        ((40, 0, 6, 30), False),
        ((40, 70, 6, 30), False),
        ((0, 45, 20, 10), False),
        ((80, 45, 20, 10), False),
    ],
)
def test_a_part_of_the_digit_is_large_and_near_and_whole(other, is_kept):
    """The rest are specks, or belong to what stands beside it."""
    assert [True, is_kept] == kept(other)


@pytest.mark.parametrize(("strength", "is_kept"), [(0.51, True), (0.49, False)])
def test_what_is_half_as_strong_was_written_with_the_same_pen(strength, is_kept):
    """What is paler was not."""
    assert [True, is_kept] == kept((40, 64, 15, 20), strength=strength)


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        ((80, 30, 2, 26), True),
        ((80, 30, 2, 27), False),
        ((80, 30, 3, 29), True),
        ((80, 30, 3, 30), False),
        ((20, 30, 2, 27), False),
        ((22, 62, 52, 2), True),
        ((22, 62, 53, 2), False),
        ((22, 30, 53, 2), False),
        ((22, 62, 59, 6), True),
        ((22, 62, 60, 6), False),
    ],
)
def test_a_flat_line_beside_the_digit_and_longer_is_none_of_it(line, is_kept):
    """Ten times as long as thick, and longer than the digit by three tenths."""
    assert [True, is_kept] == kept(line)


@pytest.mark.parametrize(("area", "is_kept"), [(8, True), (7, False)])
def test_a_fragment_lies_within_the_digits_box(area, is_kept):
    """From a hundredth of the digit on it is a part of it."""
    mask = np.zeros((100, 100), bool)
    mask[20:60, 20:30] = mask[50:60, 20:60] = True  # 700 pixels
    mask[60:70, 20:30] = True
    mask[30, 45 : 45 + area] = True

    digit = _pieces.select_pieces(mask, find_components(mask), mask.astype(np.float32))

    assert digit[30, 45] == is_kept


@pytest.mark.parametrize(("height", "is_main"), [(33, False), (34, True)])
def test_what_an_edge_cuts_counts_by_three_tenths(height, is_main):
    """The digit is the heaviest piece, but stands clear of the edges."""
    assert kept((0, 70, height, 20), main=(40, 20, 20, 10))[0] != is_main


@pytest.mark.parametrize(("thickness", "is_main"), [(10, False), (11, True)])
@pytest.mark.parametrize("length", [90, 89])
def test_a_bar_across_the_picture_is_not_the_digit(thickness, is_main, length):
    """Unless it is thicker than a tenth of it, or shorter than nine."""
    bar = kept((70, 5, thickness, length), main=(20, 40, 20, 20))[1]

    assert bar == (is_main or length == 89)


@pytest.mark.parametrize(("gap", "is_kept"), [(4, True), (6, False)])
def test_a_pen_that_skips_leaves_small_gaps(gap, is_kept):
    """What lies beyond the digit's reach belongs to it if it goes on from what does not."""
    near = (40, 74, 10, 6)
    assert [True, True, is_kept] == kept(near, (40, 80 + gap, 10, 6))


@pytest.mark.parametrize(("count", "is_refused"), [(50, False), (51, True)])
def test_more_than_fifty_specks_are_no_digit(count, is_refused):
    """Where the largest is no tenth of them."""
    mask = np.zeros((100, 100), bool)
    places = [(5 + 9 * (each // 10), 5 + 9 * (each % 10)) for each in range(count)]
    for y, x in places:
        mask[y : y + 3, x : x + 3] = True
    pieces = find_components(mask)

    if is_refused:
        with pytest.raises(NoDigitError, match="51 specks"):
            _pieces.select_pieces(mask, pieces, mask.astype(np.float32))
    else:
        _pieces.select_pieces(mask, pieces, mask.astype(np.float32))


@pytest.mark.parametrize(
    ("count", "area", "are_dropped"), [(5, 1, False), (6, 9, True), (6, 10, False)]
)
def test_specks_are_dropped_where_there_are_many(count, area, are_dropped):
    """From the seventh piece on, if they are smaller than a tenth of the largest."""
    mask = np.zeros((28, 60), bool)
    mask[8:18, 2:12] = True
    for place in range(count):
        mask[1 + 4 * place, 20 : 20 + area] = True

    assert np.count_nonzero(_pieces.drop_specks(mask)) == 100 + (0 if are_dropped else count * area)


@pytest.mark.parametrize(("thin", "are_grounds"), [(39, True), (40, False)])
def test_grounds_are_wider_than_strokes(thin, are_grounds):
    """If less than two fifths of what touches the edge is as narrow as strokes."""
    mask = np.zeros((20, 20), bool)
    mask[:10, :10] = True
    mask[14:16, 5:15] = True  # touches nothing
    strokes = np.zeros_like(mask)
    strokes.ravel()[np.flatnonzero(mask)[:thin]] = True

    assert _pieces.are_grounds(mask, strokes) == are_grounds


# Sheets.


def sheet(height, width, *, spot, step=0.3):
    """Draw a sheet of tone 0.5 with a spot of so many pixels on a ground of 100 x 100."""
    ink = np.zeros((100, 100), np.float32)
    ink[10 : 10 + height, 10 : 10 + width] = 0.5
    places = np.argwhere(np.pad(np.ones((height - 6, width - 6)), ((13, 120), (13, 120))))[:spot]
    ink[tuple(places.T)] = 0.5 - step
    return ink


@pytest.mark.parametrize(
    ("options", "is_sheet"),
    [
        ({"height": 60, "width": 34, "spot": 50}, True),
        ({"height": 60, "width": 33, "spot": 50}, False),
        ({"height": 59, "width": 50, "spot": 50}, False),
        ({"height": 50, "width": 80, "spot": 12}, True),
        ({"height": 50, "width": 80, "spot": 11}, False),
        ({"height": 50, "width": 80, "spot": 1800}, True),
        ({"height": 50, "width": 80, "spot": 1801}, False),
        ({"height": 50, "width": 80, "spot": 50, "step": 0.16}, True),
        ({"height": 50, "width": 80, "spot": 50, "step": 0.14}, False),
    ],
)
def test_sheets_cover_a_fifth_and_hold_some_ink(options, is_sheet):
    """From 60 pixels on; the ink differs by three tenths, and is neither a trace nor half of it."""
    found = _sheets.find_sheet(sheet(**options))

    assert (found is not None) == is_sheet
    if is_sheet:
        assert np.count_nonzero(found) == options["height"] * options["width"]


# Grounds and ink.


def drawing(*, faint=(0, 0), darker=(0, 0), frame=0):
    """Draw 100 pixels of 1,000 on a ground of 5,000, and some others; spoil some of the frame."""
    plane = np.full((40, 40), 5_000, np.uint16)
    plane[10:20, 10:20] = 6_000
    for row, (count, deviation) in ((22, faint), (26, darker)):
        plane.reshape(-1)[row * 40 : row * 40 + 80][5 : 5 + count] = 5_000 + deviation
    edge = np.flatnonzero(np.pad(np.zeros((38, 38), bool), 1, constant_values=True))
    plane.reshape(-1)[edge[:frame]] = np.arange(frame) + 6_000
    return plane


@pytest.mark.parametrize(
    ("options", "is_flat"),
    [
        ({}, True),
        ({"faint": (33, 99)}, True),
        ({"faint": (34, 99)}, False),
        ({"faint": (60, 100)}, True),
        ({"darker": (5, -100)}, True),
        ({"darker": (6, -100)}, False),
        ({"darker": (33, -99)}, True),
        ({"darker": (34, -99)}, False),
        ({"frame": 78}, True),
        ({"frame": 79}, False),
    ],
)
def test_a_drawings_ground_is_one_value(options, is_flat):
    """Half of the frame has it; a quarter of the ink may be faint, and a twentieth darker."""
    assert _ground.flat_ground(drawing(**options)) == (5_000 if is_flat else None)


@pytest.mark.parametrize(("count", "is_clear"), [(3, True), (4, False)])
def test_a_frame_is_clear_up_to_three_in_a_hundred(count, is_clear):
    """Those may be the digit's own ink."""
    mask = np.zeros((26, 26), bool)
    mask[0, :count] = True
    mask[5:20, 5:20] = True

    assert _ground.is_frame_clear(mask) == is_clear


@pytest.mark.parametrize(("levels", "is_seen"), [(8.1, True), (7.9, False)])
def test_ink_stands_out_by_eight_levels(levels, is_seen):
    """Less cannot be told from the grain of paper."""
    contrast = np.zeros((100, 100), np.float32)
    contrast[40:60, 40:60] = levels / 255

    if is_seen:
        assert np.array_equal(_ink.ink_mask(contrast), contrast > 0)
    else:
        with pytest.raises(NoDigitError, match=r"strongest contrast is 0\.031"):
            _ink.ink_mask(contrast)


@pytest.mark.parametrize(("deviation", "is_seen"), [(0.155, True), (0.18, False)])
def test_ink_stands_out_from_noise_by_six_deviations(deviation, is_seen):
    """Or else it may be noise itself."""
    contrast = np.random.default_rng(0).normal(0, deviation, (200, 200)).astype(np.float32)
    contrast[80:120, 80:120] = 1

    if is_seen:
        assert _ink.ink_mask(contrast)[80:120, 80:120].all()
    else:
        with pytest.raises(NoDigitError, match="too unquiet"):
            _ink.ink_mask(contrast)


@pytest.mark.parametrize(("strength", "is_ink"), [(0.31, True), (0.29, False)])
def test_faint_ink_counts_beside_strong(strength, is_ink):
    """From six tenths of the threshold on, if it hangs together with what is above it."""
    contrast = np.zeros((100, 100), np.float32)
    contrast[40:60, 40:60] = 1
    contrast[40:60, 60:64] = strength * 2 * _ink.otsu_threshold(contrast, 1)
    contrast[80:90, 80:90] = contrast[40, 60]

    mask = _ink.ink_mask(contrast)

    assert mask[40:60, 60:64].all() == mask[40:60, 60:64].any() == is_ink
    assert not mask[80:90, 80:90].any()


# Opacity.


@pytest.mark.parametrize(("opaque", "ground"), [(61, 30_000), (60, WHITE)])
def test_what_is_mostly_opaque_keeps_its_own_ground(opaque, ground):
    """From six tenths on; less is ink on nothing, which is white under dark ink."""
    rgba = np.zeros((10, 10, 4), np.uint16)
    rgba[..., :3] = 20_000
    rgba.reshape(-1, 4)[:opaque] = (30_000, 30_000, 30_000, WHITE)

    flat = _color.flatten_alpha(rgba).reshape(-1, 3)

    assert np.array_equal(flat[:opaque], np.full((opaque, 3), 30_000))
    assert np.array_equal(flat[opaque:], np.full((100 - opaque, 3), ground))


# Paper.


def paper(height, width, *, top=10, left=10, tone=0.8, table=0.2, pen=0.1, spot=(10, 4)):
    """Lay a sheet with a spot of ink on a table: a picture of 96 x 96."""
    plane = np.full((96, 96), table, np.float32)
    plane[top : top + height, left : left + width] = tone
    middle = top + height // 2, left + width // 2
    plane[middle[0] : middle[0] + spot[0], middle[1] : middle[1] + spot[1]] = pen
    return plane


@pytest.mark.parametrize(
    ("options", "is_paper"),
    [
        ({"height": 60, "width": 60}, True),
        # It covers an eighth of the picture, or two fifths where the edges cut it.
        ({"height": 38, "width": 32, "spot": (6, 3)}, True),
        ({"height": 34, "width": 30, "spot": (6, 3)}, False),
        ({"height": 96, "width": 40, "top": 0, "left": 0}, True),
        ({"height": 96, "width": 36, "top": 0, "left": 0}, False),
        # An edge cuts it along three fifths of its length, or not at all.
        ({"height": 60, "width": 80, "left": 0}, True),
        ({"height": 56, "width": 80, "left": 0}, False),
        # Something lies beside it.
        ({"height": 96, "width": 94, "top": 0, "left": 0}, True),
        ({"height": 96, "width": 95, "top": 0, "left": 0}, False),
        # There is ink on it, not too much and not paler than a quarter of the step to the table.
        ({"height": 60, "width": 60, "spot": (0, 0)}, False),
        ({"height": 60, "width": 60, "spot": (2, 1)}, False),
        ({"height": 60, "width": 60, "spot": (3, 3)}, True),
        ({"height": 60, "width": 60, "pen": 0.6}, True),
        ({"height": 60, "width": 60, "pen": 0.68}, False),
        # The ink may lie on any side of the paper.
        ({"height": 60, "width": 60, "tone": 0.2, "table": 0.8, "pen": 0.05}, False),
        ({"height": 60, "width": 60, "tone": 0.3, "table": 0.8, "pen": 0.05}, True),
        ({"height": 60, "width": 60, "tone": 0.65, "table": 0.8, "pen": 0.0}, False),
    ],
)
def test_paper_is_found_by_what_it_covers_and_what_is_on_it(options, is_paper):
    """A sheet that is found is found but for its rim."""
    found = _papers.find_paper(paper(**options))

    assert (found is not None) == is_paper
    if is_paper:
        sheet = np.zeros((96, 96), bool)
        top, left = options.get("top", 10), options.get("left", 10)
        sheet[top : top + options["height"], left : left + options["width"]] = True
        assert not (found & ~sheet).any()
        assert found[options["height"] // 2 + top, left + 3]
        assert found.sum() > 0.7 * sheet.sum()
