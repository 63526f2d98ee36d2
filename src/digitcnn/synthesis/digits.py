"""All forms of each digit as control points with a random touch, and how often each is met.

Each function draws one way of writing, in a box about one unit high, y downwards, x from about 0.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from digitcnn.synthesis.hands import (
    Form,
    Forms,
    Glyph,
    Stroke,
    arc,
    chance,
    corner,
    parse_strokes,
    ring,
)

_SEGMENT_SHARE = 0.04
_SHORT_FLAG = 0.16  # of the height, measured across

_written: tuple[list[tuple[float, Form]], ...] = tuple([] for _ in range(10))
# What its neighbours make plain, as old registers and other countries have it: in lines alone.
_in_lines: tuple[list[tuple[float, Form]], ...] = tuple([] for _ in range(10))


def _form(digit: int, share: float, *, is_plain: bool = True) -> Callable[[Form], Form]:
    """Enter a form of a digit with its share; one that is not plain is met in lines alone."""

    def enter(form: Form) -> Form:
        (_written if is_plain else _in_lines)[digit].append((share, form))
        return form

    return enter


def _upper(
    x: float, bottom: float, radius: float, start: float, stop: float, *, grow: float = 1.0
) -> Stroke:
    """Return an arc of an ellipse that reaches from the top of the box down to `bottom`."""
    return arc((x, bottom / 2), (radius, bottom / 2), start, stop, grow=grow)


def _lower(
    x: float, top: float, radius: float, start: float, stop: float, *, grow: float = 1.0
) -> Stroke:
    """Return an arc of an ellipse that reaches from `top` down to the ground."""
    half = (1 - top) / 2
    return arc((x, top + half), (radius, half), start, stop, grow=grow)


@_form(0, 0.62)
def _oval_zero(rng: np.random.Generator) -> Glyph:
    return [ring(rng, (0.3, 0.5), (rng.uniform(0.17, 0.39), 0.5))]


@_form(0, 0.1)
def _zero_that_curls_inwards(rng: np.random.Generator) -> Glyph:
    rx = rng.uniform(0.24, 0.42)
    start = rng.uniform(255, 300)
    body = arc((0.3, 0.5), (rx, 0.5), start, start - 365, grow=0.97)
    curl = rng.uniform(0.06, 0.12)
    x, y = body[-1]
    way = rng.choice([-1.0, 1.0])
    loop = [(x - 0.1, y + curl), (x + 0.02, y + 1.6 * curl), (x + 0.14, y + 0.4 * curl * way)]
    return [body + loop]


@_form(0, 0.14)
def _slashed_zero(rng: np.random.Generator) -> Glyph:
    rx = rng.uniform(0.26, 0.42)
    reach = rng.uniform(0.65, 1.2)
    dx, dy = rx * reach * rng.uniform(0.7, 1.0), 0.5 * reach * rng.uniform(0.65, 0.9)
    if chance(rng, 0.08):
        dx = -dx
    slash = [(0.3 + dx, 0.5 - dy), (0.3 - dx, 0.5 + dy)]
    return [ring(rng, (0.3, 0.5), (rx, 0.5)), slash]


@_form(0, 0.05)
def _dotted_zero(rng: np.random.Generator) -> Glyph:
    x, y = rng.normal(0.3, 0.02), rng.normal(0.5, 0.04)
    dot = [(x, y), (x + rng.normal(0, 0.02), y + rng.uniform(0.01, 0.06))]
    return [ring(rng, (0.3, 0.5), (rng.uniform(0.28, 0.42), 0.5)), dot]


@_form(0, 0.09)
def _zero_of_two_halves(rng: np.random.Generator) -> Glyph:
    rx = rng.uniform(0.22, 0.4)
    over = rng.uniform(-4, 18)
    return [
        arc((0.3, 0.5), (rx, 0.5), 270 + over, 90 - over),
        arc((0.3 + rng.normal(0, 0.02), 0.5), (rx, 0.5), -90 - over, 90 + over),
    ]


def _stem(rng: np.random.Generator, lean: float) -> Stroke:
    """Return a nearly straight downstroke; `lean` moves its top to the right."""
    bow = rng.normal(0, 0.02)
    return [(0.3 + lean / 2, 0), (0.3 + bow, 0.5), (0.3 - lean / 2, 1)]


def _foot(rng: np.random.Generator, x: float) -> Stroke:
    left, right = rng.uniform(0.1, 0.32, 2)
    y = 1 + rng.normal(0, 0.015)
    return [(x - left, y + rng.normal(0, 0.02)), (x + right, y + rng.normal(0, 0.02))]


def _flag(rng: np.random.Generator, tip: tuple[float, float], lean: float) -> Stroke:
    """Return the upstroke of a 1, from its low end to just before the tip of the stem."""
    length = 0.12 + 0.6 * rng.beta(1.2, 1.7)
    # The flag falls steeply, and the longer the steeper: that is what sets it off from a 7's bar.
    shallowest = 37 + 32 * max(0.0, length - 0.2) + 30 * abs(lean)
    angle = math.radians(rng.uniform(shallowest, 70))
    start = (tip[0] - length * math.cos(angle), tip[1] + length * math.sin(angle))
    bend = rng.normal(0, 0.05) * length
    middle = ((tip[0] + start[0]) / 2 + bend * math.sin(angle), (tip[1] + start[1]) / 2 + bend)
    return [start, middle]


@_form(1, 0.24)
def _bar_one(rng: np.random.Generator) -> Glyph:
    return [_stem(rng, rng.normal(0.05, 0.14))]


@_form(1, 0.3)
def draw_flagged_one(rng: np.random.Generator) -> Glyph:
    """Draw a stem with an upstroke before it."""
    lean = rng.normal(0.03, 0.06)
    stem = _stem(rng, lean)
    flag = _flag(rng, stem[0], lean)
    if chance(rng, 0.12):
        return [[*flag, (stem[0][0], rng.uniform(0, 0.06))], stem]
    short = stem[0][0] - flag[0][0] < _SHORT_FLAG
    # A long flag that flows into the stem would be the arch of a 2.
    turn = [stem[0]] if short and chance(rng, 0.35) else corner(*stem[0])
    return [[*flag, *turn, *stem[1:]]]


@_form(1, 0.24)
def _one_with_long_upstroke(rng: np.random.Generator) -> Glyph:
    """Draw an upstroke from near the ground, as taught in much of Europe and Africa."""
    x, y = (stem := _stem(rng, rng.normal(0.05, 0.06)))[0]
    start = (x - rng.uniform(0.2, 0.65), y + rng.uniform(0.6, 1.0))
    bend = ((x + start[0]) / 2 + rng.normal(0, 0.04), (y + start[1]) / 2 + rng.normal(0, 0.04))
    return [[start, bend, *corner(x, y), *stem[1:]]]


@_form(1, 0.17)
def _one_as_in_print(rng: np.random.Generator) -> Glyph:
    lean = rng.normal(0.02, 0.05)
    stem = _stem(rng, lean)
    return [[*_flag(rng, stem[0], lean), *corner(*stem[0]), *stem[1:]], _foot(rng, stem[-1][0])]


@_form(1, 0.05)
def _bar_on_a_foot(rng: np.random.Generator) -> Glyph:
    stem = _stem(rng, rng.normal(0.03, 0.06))
    return [stem, _foot(rng, stem[-1][0])]


def _two_head(rng: np.random.Generator, radius: float) -> Stroke:
    """Return the arch of a 2, from its left end over the top to the right side."""
    top = rng.uniform(0.2, 0.3)
    return arc((0.28, top), (radius, top), rng.uniform(160, 205), 375)


@_form(2, 0.52)
def _plain_two(rng: np.random.Generator) -> Glyph:
    radius = rng.uniform(0.22, 0.3)
    left = rng.uniform(-0.05, 0.08)
    middle = (0.3 + rng.normal(0, 0.02), rng.uniform(0.58, 0.68))
    base = [(0.32, 1 + rng.normal(0, 0.03)), (rng.uniform(0.5, 0.75), 1 + rng.normal(0, 0.05))]
    turn = corner(left, 1) if chance(rng, 0.75) else [(left, 0.97)]
    return [[*_two_head(rng, radius), middle, *turn, *base]]


@_form(2, 0.26)
def _looped_two(rng: np.random.Generator) -> Glyph:
    radius = rng.uniform(0.22, 0.3)
    size = rng.uniform(0.05, 0.1)
    y = 0.93
    loop = [
        (0.12, y - 0.02),
        (0.04, y + 0.04),
        (-0.04, y - size * 0.2),
        (0.04, y - size * 1.4),
        (0.16, y - size * 0.5),
        (0.35, y + 0.05),
    ]
    end = [(rng.uniform(0.55, 0.75), y + rng.uniform(-0.06, 0.08))]
    return [[*_two_head(rng, radius), (0.34, 0.62), *loop, *end]]


@_form(2, 0.22)
def _angular_two(rng: np.random.Generator) -> Glyph:
    width = rng.uniform(0.42, 0.6)
    top = [(0, rng.uniform(0.06, 0.16)), (width * 0.45, rng.uniform(-0.01, 0.02))]
    # A rounded shoulder tells it from a Z.
    shoulder = [(width * 0.92, 0.07), (width * 0.96, rng.uniform(0.18, 0.26))]
    foot = [(width * rng.uniform(0.9, 1.25), 1 + rng.normal(0, 0.03))]
    return [[*top, *shoulder, *corner(0, 1), *foot]]


@_form(3, 0.56)
def _round_three(rng: np.random.Generator) -> Glyph:
    upper, lower = rng.uniform(0.2, 0.27), rng.uniform(0.25, 0.33)
    waist = rng.uniform(0.42, 0.5)
    depth = rng.uniform(0.16, 0.3)
    notch = corner(depth, waist) if chance(rng, 0.7) else [(depth, waist)]
    top = _upper(0.24, waist, upper, rng.uniform(185, 225), 430)
    return [[*top, *notch, *_lower(0.22, waist, lower, -72, rng.uniform(125, 165))]]


@_form(3, 0.24)
def _flat_topped_three(rng: np.random.Generator) -> Glyph:
    width = rng.uniform(0.38, 0.52)
    notch = (rng.uniform(0.14, 0.28), rng.uniform(0.36, 0.46))
    top = [(0, rng.normal(0.02, 0.02)), *corner(width, rng.normal(0.01, 0.02)), *corner(*notch)]
    return [top + _lower(0.2, notch[1], rng.uniform(0.28, 0.36), -70, rng.uniform(125, 160))]


@_form(3, 0.1)
def _looped_three(rng: np.random.Generator) -> Glyph:
    size = rng.uniform(0.04, 0.07)
    top = _upper(0.24, 0.44, 0.24, rng.uniform(185, 220), 420)
    loop = [(0.2, 0.48), (0.13, 0.48 + size * 0.3), (0.15, 0.48 - size), (0.26, 0.47)]
    return [[*top, *loop, *_lower(0.22, 0.48, 0.29, -50, rng.uniform(125, 160))]]


@_form(3, 0.1)
def _angular_three(rng: np.random.Generator) -> Glyph:
    width = rng.uniform(0.38, 0.5)
    waist = rng.uniform(0.42, 0.5)
    top = [(0, rng.uniform(0, 0.08)), *corner(width * 0.9, rng.uniform(0, 0.15))]
    notch = corner(rng.uniform(0.12, 0.22), waist)
    return [[*top, *notch, *corner(width, rng.uniform(0.62, 0.78)), (0, rng.uniform(0.93, 1))]]


@_form(4, 0.36)
def _open_four(rng: np.random.Generator) -> Glyph:
    bar = rng.uniform(0.48, 0.66)
    stem_x = rng.uniform(0.36, 0.5)
    left = rng.uniform(0.0, 0.16)
    top = rng.uniform(0, 0.12)
    turn = corner(0, bar) if chance(rng, 0.6) else [(0, bar - 0.08), (0.06, bar)]
    ell = [(left, top), *turn, (stem_x + rng.uniform(0.02, 0.24), bar + rng.normal(0, 0.03))]
    stem = [(stem_x + rng.normal(0.02, 0.03), rng.uniform(0, 0.25)), (stem_x, 1)]
    return [ell, stem]


@_form(4, 0.32)
def _closed_four(rng: np.random.Generator) -> Glyph:
    bar = rng.uniform(0.58, 0.74)
    stem_x = rng.uniform(0.36, 0.5)
    left = rng.uniform(-0.08, 0.04)
    over = rng.uniform(0.04, 0.24)
    end = (stem_x + over, bar + rng.normal(0, 0.025))
    apex = (stem_x + rng.normal(0, 0.02), 0.0)
    turn = corner(left, bar) if chance(rng, 0.7) else [(left, bar - 0.1), (left + 0.06, bar)]
    if chance(rng, 0.5):
        stem = [(stem_x, rng.normal(0, 0.02)), (stem_x + rng.normal(0, 0.02), 1)]
        return [[apex, *turn, end], stem]
    # The stem leads, back up to the apex, down the slope and across.
    return [[(stem_x, 1), *corner(*apex), *turn, end]]


@_form(4, 0.14)
def _short_stemmed_four(rng: np.random.Generator) -> Glyph:
    bar = rng.uniform(0.6, 0.72)
    stem_x = rng.uniform(0.32, 0.42)
    slope = [(rng.uniform(0.26, 0.4), 0), *corner(0, bar), (stem_x + rng.uniform(0.08, 0.24), bar)]
    stem = [(stem_x, bar - rng.uniform(0.16, 0.3)), (stem_x + rng.normal(-0.02, 0.02), 1)]
    return [slope, stem]


@_form(4, 0.18)
def _one_stroke_four(rng: np.random.Generator) -> Glyph:
    bar = rng.uniform(0.5, 0.64)
    if chance(rng, 0.5):
        right = rng.uniform(0.42, 0.52)
        cup = [(0.03, 0), (0, bar * 0.6), (0.08, bar), (0.26, bar), (right, bar * 0.5)]
        return [[*cup, *corner(right + 0.03, rng.uniform(0, 0.12)), (right, 1)]]
    stem_x = rng.uniform(0.36, 0.44)
    loop = [(0.55, bar - 0.04), (0.57, bar - 0.16), (stem_x + 0.08, bar - 0.22)]
    return [[(0.3, 0), *corner(0, bar), (stem_x, bar), *loop, (stem_x, bar), (stem_x - 0.05, 1)]]


def _bowl(rng: np.random.Generator, x: float, top: float) -> Stroke:
    """Return the belly of a 5, from its neck round to the open end at the lower left."""
    return _lower(x + 0.18, top, rng.uniform(0.26, 0.36), -105, rng.uniform(125, 160))


@_form(5, 0.4)
def _two_stroke_five(rng: np.random.Generator) -> Glyph:
    """Draw neck and belly, then the bar, which may miss them."""
    neck = rng.uniform(0.36, 0.46)
    x = rng.uniform(0.02, 0.1)
    gap = max(0.0, rng.normal(0, 0.06))
    reach = rng.uniform(0.28, 0.5)
    down = [(x + 0.03, 0), *corner(x, neck + 0.04)]
    bar = [(x + gap + 0.02, rng.normal(0, 0.02)), (x + gap + reach, rng.normal(-0.01, 0.04))]
    return [down + _bowl(rng, x, neck), bar]


@_form(5, 0.28)
def _one_stroke_five(rng: np.random.Generator) -> Glyph:
    neck = rng.uniform(0.36, 0.46)
    x = rng.uniform(0.02, 0.1)
    bar = [(x + rng.uniform(0.34, 0.52), rng.normal(0, 0.03)), *corner(x + 0.03, 0.01)]
    return [[*bar, *corner(x, neck + 0.04), *_bowl(rng, x, neck)]]


@_form(5, 0.22)
def _five_like_an_s(rng: np.random.Generator) -> Glyph:
    neck = rng.uniform(0.36, 0.44)
    head = [(rng.uniform(0.42, 0.58), rng.uniform(-0.02, 0.05)), (0.3, 0.01), *corner(0.09, 0.03)]
    return [[*head, (0.05, neck), *_bowl(rng, 0.06, neck)[1:]]]


@_form(5, 0.1)
def _angular_five(rng: np.random.Generator) -> Glyph:
    waist = rng.uniform(0.4, 0.48)
    bar = [(rng.uniform(0.4, 0.52), 0), *corner(0, 0), *corner(0, waist), *corner(0.36, waist)]
    return [[*bar, *corner(rng.uniform(0.4, 0.48), 0.75), *corner(0.36, 0.98), (0, 1)]]


@_form(6, 0.54)
def _curved_six(rng: np.random.Generator) -> Glyph:
    top, rx = rng.uniform(0.4, 0.56), rng.uniform(0.2, 0.29)
    back = [(rng.uniform(0.3, 0.52), rng.uniform(0, 0.04)), (0.14, 0.24), (0.02, 0.52)]
    stop, grow = rng.uniform(-255, -195), rng.uniform(0.85, 1)
    return [back + _lower(0.01 + rx, top, rx, 165, stop, grow=grow)]


@_form(6, 0.28)
def _straight_six(rng: np.random.Generator) -> Glyph:
    top, rx = rng.uniform(0.44, 0.58), rng.uniform(0.2, 0.28)
    back = [(rng.uniform(0.2, 0.42), 0), (0.08, 0.4)]
    stop, grow = rng.uniform(-240, -190), rng.uniform(0.9, 1)
    return [back + _lower(0.01 + rx, top, rx, 180, stop, grow=grow)]


@_form(6, 0.18)
def _open_six(rng: np.random.Generator) -> Glyph:
    top, rx = rng.uniform(0.44, 0.56), rng.uniform(0.22, 0.3)
    back = [(rng.uniform(0.28, 0.48), 0), (0.1, 0.28), (0.01, 0.58)]
    stop, grow = rng.uniform(-165, -130), rng.uniform(0.85, 0.95)
    return [back + _lower(0.01 + rx, top, rx, 160, stop, grow=grow)]


@_form(7, 0.75)
def _seven(rng: np.random.Generator) -> Glyph:
    """Draw a bar and a stem, perhaps with a tick before and a bar across."""
    width = rng.uniform(0.42, 0.66)
    # A bar whose left end hangs low would be the flag of a 1.
    rise = min(0.045, rng.normal(0.012, 0.025))
    wave = rng.normal(0, 0.02)
    foot = (width * rng.uniform(0.1, 0.75), 1.0)
    bend = rng.normal(0, 0.035)
    corner_y = 0.02 - rise
    middle = ((width + foot[0]) / 2 + bend - 0.02, 0.5)
    bar: Stroke = [(0, 0.02 + rise), (width / 2, 0.02 + wave)]
    if chance(rng, 0.27):
        tick = rng.uniform(0.06, 0.2)
        bar = [(rng.normal(0, 0.02), 0.02 + rise + tick), *corner(0, 0.02 + rise), *bar[1:]]
    turn = corner(width, corner_y) if chance(rng, 0.9) else [(width, corner_y + 0.02)]
    glyph = [[*bar, *turn, middle, foot]]
    return [*glyph, _cross_bar(rng, middle)] if chance(rng, 0.38) else glyph


def _cross_bar(rng: np.random.Generator, middle: tuple[float, float]) -> Stroke:
    """Return the bar through a 7's stem."""
    x, y = middle[0], middle[1] + rng.normal(0, 0.05)
    left, right = rng.uniform(0.1, 0.24, 2)
    tilt = rng.normal(0.01, 0.03)
    return [(x - left, y + tilt), (x + right, y - tilt)]


@_form(7, 0.25)
def _curved_seven(rng: np.random.Generator) -> Glyph:
    width = rng.uniform(0.42, 0.58)
    foot = (rng.uniform(0.05, 0.2), 1.0)
    middle = (foot[0] + 0.3 * (width - foot[0]), 0.55)
    head = [(0, rng.uniform(0.03, 0.1)), (width * 0.4, rng.uniform(0, 0.06)), *corner(width, 0.02)]
    glyph = [[*head, middle, foot]]
    return [*glyph, _cross_bar(rng, middle)] if chance(rng, 0.3) else glyph


@_form(8, 0.58)
def _one_stroke_eight(rng: np.random.Generator) -> Glyph:
    """Draw an S and close it, or nearly."""
    waist = rng.uniform(0.42, 0.52)
    upper, lower = rng.uniform(0.14, 0.25), rng.uniform(0.17, 0.31)
    start = rng.uniform(-75, -25)
    # Closing past the start overlaps, short of it leaves the top open.
    last = _upper(0.3, waist, upper, 52, start - rng.uniform(-22, 25))
    first, belly = _upper(0.3, waist, upper, start, -235), _lower(0.3, waist, lower, -50, 230)
    return [first + belly + last]


@_form(8, 0.24)
def _eight_of_two_rings(rng: np.random.Generator) -> Glyph:
    waist = rng.uniform(0.42, 0.52)
    half = (1 - waist) / 2
    touch = rng.uniform(-0.02, 0.05)
    upper, lower = rng.uniform(0.18, 0.26), rng.uniform(0.2, 0.3)
    return [
        ring(rng, (0.3 + rng.normal(0, 0.02), waist / 2), (upper, waist / 2)),
        ring(rng, (0.3, waist + half - touch), (lower, half)),
    ]


@_form(8, 0.18)
def _open_topped_eight(rng: np.random.Generator) -> Glyph:
    belly = _lower(0.28, 0.48, rng.uniform(0.18, 0.26), -40, 220)
    left = [(0.42 + rng.uniform(0, 0.1), rng.uniform(0.02, 0.08)), (0.24, 0), (0.12, 0.17)]
    right = [(0.46, 0.25), (rng.uniform(0.5, 0.62), rng.uniform(0.0, 0.1))]
    return [[*left, (0.26, 0.43), *belly, (0.28, 0.46), *right]]


def _looped_nine(rng: np.random.Generator, gap: float) -> Glyph:
    """Draw a loop, begun at the upper right and open by some degrees, and a tail."""
    height = rng.uniform(0.42, 0.58)
    rx = rng.uniform(0.2, 0.28)
    return [_upper(rx, height, rx, -20 - gap, -318) + _nine_tail(rng, 2 * rx)]


def _nine_tail(rng: np.random.Generator, right: float) -> Stroke:
    """Return the tail: straight, curled to the left, or hooked."""
    if chance(rng, 0.5):
        return [*corner(right, rng.uniform(0.08, 0.2)), (right - rng.uniform(0, 0.16), 1.0)]
    if chance(rng, 0.6):
        return [(right + 0.01, 0.22), (right - 0.02, 0.6), (right - rng.uniform(0.1, 0.26), 1.0)]
    hook = [(right - 0.02, 0.8), (right - 0.14, 1.0), (rng.uniform(0.02, 0.14), 0.95)]
    return [(right + 0.01, 0.22), (right, 0.55), *hook]


@_form(9, 0.58)
def _closed_nine(rng: np.random.Generator) -> Glyph:
    return _looped_nine(rng, rng.uniform(-15, 20))


@_form(9, 0.14)
def _open_nine(rng: np.random.Generator) -> Glyph:
    return _looped_nine(rng, rng.uniform(30, 58))


@_form(9, 0.22)
def _two_stroke_nine(rng: np.random.Generator) -> Glyph:
    height, rx = rng.uniform(0.42, 0.55), rng.uniform(0.2, 0.27)
    tail = _nine_tail(rng, 2 * rx + rng.normal(0, 0.015))
    return [ring(rng, (rx, height / 2), (rx, height / 2)), tail]


def _curled_in(rng: np.random.Generator, top: float, radius: float) -> Stroke:
    """Return the head of a 2 that begins in a curl and opens to its full width."""
    inner = rng.uniform(0.4, 0.75)
    small = (radius * inner, top * inner)
    return arc((0.28, top), small, rng.uniform(10, 120), 375, grow=1 / inner)


@_form(0, 0.12, is_plain=False)
def _zero_that_runs_on(rng: np.random.Generator) -> Glyph:
    """Draw a ring whose end runs on to the right, as towards a neighbour."""
    rx, start = rng.uniform(0.2, 0.36), rng.uniform(275, 315)
    end = (0.3 + rx + rng.uniform(0.05, 0.3), rng.uniform(-0.05, 0.2))
    return [[*arc((0.3, 0.5), (rx, 0.5), start, start - rng.uniform(350, 390), grow=0.95), end]]


@_form(0, 0.08, is_plain=False)
def _gaping_zero(rng: np.random.Generator) -> Glyph:
    start = rng.uniform(270, 320)
    return [arc((0.3, 0.5), (rng.uniform(0.22, 0.4), 0.5), start, start - rng.uniform(290, 335))]


@_form(1, 0.12, is_plain=False)
def _folded_one(rng: np.random.Generator) -> Glyph:
    """Draw a stem with an upstroke beside it, nearly as long."""
    x, y = (stem := _stem(rng, rng.normal(0.05, 0.06)))[0]
    start = (x - rng.uniform(0.02, 0.2), y + rng.uniform(0.55, 1.0))
    bend = ((x + start[0]) / 2 - rng.uniform(0, 0.1), (y + start[1]) / 2)
    return [[start, bend, *(corner(x, y) if chance(rng, 0.6) else [(x, y)]), *stem[1:]]]


@_form(1, 0.16, is_plain=False)
def _one_with_shallow_flag(rng: np.random.Generator) -> Glyph:
    """Draw a 1 whose flag falls hardly more than the bar of a 7 would."""
    x, y = (stem := _stem(rng, rng.normal(0.02, 0.05)))[0]
    angle, length = math.radians(rng.uniform(22, 38)), rng.uniform(0.18, 0.45)
    start = (x - length * math.cos(angle), y + length * math.sin(angle))
    bend = ((x + start[0]) / 2, (y + start[1]) / 2 + rng.normal(0, 0.02))
    return [[start, bend, *corner(x, y), *stem[1:]]]


@_form(1, 0.06, is_plain=False)
def _doubled_one(rng: np.random.Generator) -> Glyph:
    """Draw a stem twice, down and up again."""
    lean, wide = rng.normal(0.08, 0.08), rng.uniform(0.03, 0.12)
    down = [(0.3 + lean, 0), (0.3, 0.5), (0.3 - lean, 1)]
    up = [(0.3 + wide, rng.uniform(0.45, 0.6)), (0.3 + lean + wide / 2, rng.uniform(-0.05, 0.3))]
    return [down + up]


@_form(2, 0.2, is_plain=False)
def _curled_two(rng: np.random.Generator) -> Glyph:
    top = rng.uniform(0.2, 0.3)
    head = _curled_in(rng, top, rng.uniform(0.22, 0.32))
    left, y = rng.uniform(-0.08, 0.08), rng.uniform(0.9, 1)
    low = rng.uniform(0.02, 0.1)
    turn = corner(left, y) if chance(rng, 0.5) else [(left, y), (left + 0.08, y - low)]
    base = [(0.3, y - low / 2), (rng.uniform(0.5, 0.75), y + rng.normal(0.02, 0.04))]
    return [[*head, (0.3, rng.uniform(0.55, 0.68)), *turn, *base]]


@_form(2, 0.12, is_plain=False)
def _two_with_large_loop(rng: np.random.Generator) -> Glyph:
    top, size = rng.uniform(0.18, 0.28), rng.uniform(0.12, 0.22)
    if chance(rng, 0.5):
        head = _curled_in(rng, top, rng.uniform(0.2, 0.3))
    else:
        head = arc((0.28, top), (rng.uniform(0.2, 0.3), top), rng.uniform(130, 205), 375)
    loop = [
        (0.16, 0.92),
        (0, 1),
        (-0.08 - size / 3, 1 - size / 2),
        (0.02, 0.98 - size * rng.uniform(1.3, 1.8)),
        (0.22, 0.95 - size / 3),
    ]
    end = [(0.42, 0.98), (rng.uniform(0.5, 0.75), rng.uniform(0.86, 1))]
    return [[*head, (0.34, rng.uniform(0.52, 0.64)), *loop, *end]]


@_form(3, 0.25, is_plain=False)
def _curled_three(rng: np.random.Generator) -> Glyph:
    """Draw a 3 that ends in a curl, its upper bowl small, perhaps begun in a curl, too."""
    upper, waist = rng.uniform(0.12, 0.25), rng.uniform(0.3, 0.46)
    if chance(rng, 0.35):
        top = _upper(0.3, waist, upper, rng.uniform(60, 120), 430, grow=1.1)
    else:
        top = _upper(0.3, waist, upper, rng.uniform(130, 215), 430)
    notch = (rng.uniform(0.12, 0.26), waist)
    lower, stop, grow = rng.uniform(0.22, 0.34), rng.uniform(140, 215), rng.uniform(0.75, 1)
    bottom = _lower(0.2, waist, lower, -72, stop, grow=grow)
    return [[*top, *(corner(*notch) if chance(rng, 0.6) else [notch]), *bottom]]


@_form(4, 0.1, is_plain=False)
def _round_topped_four(rng: np.random.Generator) -> Glyph:
    """Draw a 4 that bends over at the top as a 9 does, its bar flat."""
    bar, stem_x = rng.uniform(0.48, 0.64), rng.uniform(0.36, 0.46)
    apex = (stem_x + rng.normal(0, 0.03), rng.uniform(0, 0.06))
    back = [(stem_x * rng.uniform(0.35, 0.7), 0.06), (0.03, bar * 0.6)]
    end = (stem_x + rng.uniform(0, 0.16), bar + rng.normal(0, 0.03))
    stem = [apex, (stem_x + rng.normal(0, 0.02), 0.5), (stem_x + rng.normal(0, 0.05), 1)]
    return [[apex, *back, *corner(rng.uniform(-0.02, 0.06), bar), end], stem]


@_form(5, 0.12, is_plain=False)
def _hooked_five(rng: np.random.Generator) -> Glyph:
    """Draw a 5 with hardly a belly, as an r with a long arm."""
    x, neck = rng.uniform(0.02, 0.12), rng.uniform(0.28, 0.5)
    belly = rng.uniform(0.03, 0.16)
    end = (x + rng.uniform(-0.14, 0.08), 1.0)
    low = [(x + belly, rng.uniform(0.5, 0.72)), end]
    bar = [(x + rng.uniform(0.32, 0.6), rng.uniform(-0.12, 0.06)), (x + 0.03, 0)]
    turn = corner(x, neck) if chance(rng, 0.5) else [(x + 0.02, neck)]
    if chance(rng, 0.5):
        return [[bar[0], *corner(*bar[1]), *turn, *low]]
    return [[bar[1], *turn, *low], bar]


@_form(5, 0.12, is_plain=False)
def _looped_five(rng: np.random.Generator) -> Glyph:
    """Draw a 5 whose belly curls up to its neck, the bar apart."""
    neck, x = rng.uniform(0.3, 0.46), rng.uniform(0.02, 0.14)
    radius, stop, grow = rng.uniform(0.2, 0.32), rng.uniform(165, 265), rng.uniform(0.7, 1)
    belly = _lower(x + 0.14, neck, radius, -105, stop, grow=grow)
    y = rng.normal(0, 0.03)
    left = x + rng.uniform(-0.12, 0.2)
    bar = [(left, y), (left + rng.uniform(0.22, 0.45), y - rng.uniform(-0.02, 0.12))]
    return [[(x + rng.uniform(0.02, 0.1), 0.02), *corner(x, neck + 0.04), *belly], bar]


@_form(6, 0.08, is_plain=False)
def _lying_six(rng: np.random.Generator) -> Glyph:
    """Draw a long back that leans far over a low loop."""
    half, rx = rng.uniform(0.16, 0.24), rng.uniform(0.18, 0.28)
    loop = arc((rx, 1 - half), (rx, half), 180, rng.uniform(-260, -170), grow=0.95)
    return [[(rng.uniform(0.45, 0.8), 0), (rng.uniform(0.2, 0.32), 0.3), *loop]]


@_form(7, 0.15, is_plain=False)
def _narrow_seven(rng: np.random.Generator) -> Glyph:
    """Draw a 7 of a short bar, with a tick before or bent like a wave, crossed."""
    width = rng.uniform(0.22, 0.42)
    foot = (width * rng.uniform(-0.1, 0.8), 1.0)
    middle = ((width + foot[0]) / 2 + rng.normal(0, 0.04), 0.5)
    if chance(rng, 0.5):
        bar = [(0, rng.uniform(0.06, 0.2)), *corner(0.02, 0.02), (width / 2, 0.05)]
    else:
        bar = [(0, rng.uniform(0.08, 0.16)), (width * 0.3, 0), (width * 0.65, 0.09)]
    return [[*bar, *corner(width, 0), middle, foot], _cross_bar(rng, middle)]


@_form(8, 0.14, is_plain=False)
def _gaping_eight(rng: np.random.Generator) -> Glyph:
    """Draw an 8 whose end stays far from its start, at the right or at the left."""
    waist, upper, lower = rng.uniform(0.38, 0.5), rng.uniform(0.16, 0.26), rng.uniform(0.18, 0.3)
    head, belly = (0.3, waist, upper), (0.3, waist, lower)
    if chance(rng, 0.5):
        start = rng.uniform(-75, -25)
        last = _upper(*head, 52, start + rng.uniform(20, 60))
        return [_upper(*head, start, -235) + _lower(*belly, -50, 230) + last]
    end = (0.3 - upper * rng.uniform(0.5, 0.9), waist * rng.uniform(0.4, 0.8))
    return [[*_upper(*head, rng.uniform(190, 250), 415), *_lower(*belly, -60, 245), end]]


@_form(9, 0.12, is_plain=False)
def _nine_on_a_stem(rng: np.random.Generator) -> Glyph:
    """Draw a ring, and a stem from anywhere below it."""
    height, rx = rng.uniform(0.38, 0.55), rng.uniform(0.18, 0.27)
    x = 2 * rx * rng.uniform(0.1, 0.85)
    stem = [
        (x + rng.normal(0, 0.03), height * rng.uniform(0.75, 1)),
        (x + rng.normal(0, 0.05), 0.75),
        (x + rng.uniform(-0.2, 0.08), 1.0),
    ]
    return [ring(rng, (rx, height / 2), (rx, height / 2)), stem]


@_form(9, 0.08, is_plain=False)
def _nine_led_in(rng: np.random.Generator) -> Glyph:
    """Draw a 9 that begins at the left, its loop drawn the other way round."""
    height, rx = rng.uniform(0.4, 0.56), rng.uniform(0.18, 0.27)
    loop = _upper(rx, height, rx, rng.uniform(190, 250), rng.uniform(690, 720))
    lead = [(-rng.uniform(0.02, 0.2), rng.uniform(-0.05, 0.2))] if chance(rng, 0.6) else []
    foot = (2 * rx - rng.uniform(0, 0.3), 1.0)
    return [[*lead, *loop, (2 * rx - rng.uniform(0, 0.1), rng.uniform(0.55, 0.75)), foot]]


# As on a pocket calculator, or with a mouse: only upright and level lines.
_SEGMENTS = (
    "0 0!, 0 1!, .5 1!, .5 0!, 0 0",
    "0 0, 0 1",
    "0 0, .5 0!, .5 .5!, 0 .5!, 0 1!, .5 1",
    "0 0, .5 0!, .5 1!, 0 1; .05 .5, .5 .5",
    "0 0, 0 .5!, .5 .5; .5 0, .5 1",
    ".5 0, 0 0!, 0 .5!, .5 .5!, .5 1!, 0 1",
    ".5 0, 0 0!, 0 1!, .5 1!, .5 .5!, 0 .5",
    "0 0, .5 0!, .5 1",
    "0 0!, 0 1!, .5 1!, .5 0!, 0 0; 0 .5, .5 .5",
    ".5 .5, 0 .5!, 0 0!, .5 0!, .5 1!, 0 1",
)


def _segments(rng: np.random.Generator, *, glyph: Glyph) -> Glyph:
    """Draw the same segments each time, wide or narrow."""
    width = rng.uniform(0.8, 1.3)
    return [[(x * width, y) for x, y in stroke] for stroke in glyph]


DIGITS: tuple[Forms, ...] = tuple(
    (*forms, (_SEGMENT_SHARE, functools.partial(_segments, glyph=parse_strokes(strokes))))
    for forms, strokes in zip(_written, _SEGMENTS, strict=True)
)
DIGITS_IN_LINES: tuple[Forms, ...] = tuple(
    (*forms, *more) for forms, more in zip(DIGITS, _in_lines, strict=True)
)
