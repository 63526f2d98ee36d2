"""The common ways of writing 5, 6, 7, 8 and 9, as control points with a random touch.

Each function draws one way, in a box about one unit high, y downwards, x from about 0.
"""

from __future__ import annotations

import numpy as np

from digitcnn.strokes.geometry import Glyph, Stroke, arc, chance, corner, ring


def _bowl(rng: np.random.Generator, x: float, top: float) -> Stroke:
    """Return the belly of a 5, from its neck round to the open end at the lower left."""
    half = (1 - top) / 2
    rx = rng.uniform(0.26, 0.36)
    return arc((x + 0.18, top + half), (rx, half), -105, rng.uniform(125, 160))


def draw_two_stroke_five(rng: np.random.Generator) -> Glyph:
    """Draw neck and belly, then the bar, which may miss them."""
    neck = rng.uniform(0.36, 0.46)
    x = rng.uniform(0.02, 0.1)
    gap = max(0.0, rng.normal(0, 0.06))
    reach = rng.uniform(0.28, 0.5)
    down = [(x + 0.03, 0), *corner(x, neck + 0.04)]
    bar = [(x + gap + 0.02, rng.normal(0, 0.02)), (x + gap + reach, rng.normal(-0.01, 0.04))]
    return [down + _bowl(rng, x, neck), bar]


def draw_one_stroke_five(rng: np.random.Generator) -> Glyph:
    """Draw bar, neck and belly at once."""
    neck = rng.uniform(0.36, 0.46)
    x = rng.uniform(0.02, 0.1)
    bar = [(x + rng.uniform(0.34, 0.52), rng.normal(0, 0.03)), *corner(x + 0.03, 0.01)]
    return [[*bar, *corner(x, neck + 0.04), *_bowl(rng, x, neck)]]


def draw_curving_five(rng: np.random.Generator) -> Glyph:
    """Draw a 5 that is almost an S."""
    neck = rng.uniform(0.36, 0.44)
    head = [(rng.uniform(0.42, 0.58), rng.uniform(-0.02, 0.05)), (0.3, 0.01), *corner(0.09, 0.03)]
    return [[*head, (0.05, neck), *_bowl(rng, 0.06, neck)[1:]]]


def draw_angular_five(rng: np.random.Generator) -> Glyph:
    """Draw a 5 of straight lines."""
    waist = rng.uniform(0.4, 0.48)
    bar = [(rng.uniform(0.4, 0.52), 0), *corner(0, 0), *corner(0, waist), *corner(0.36, waist)]
    return [[*bar, *corner(rng.uniform(0.4, 0.48), 0.75), *corner(0.36, 0.98), (0, 1)]]


def draw_curved_six(rng: np.random.Generator) -> Glyph:
    """Draw a curved back that runs into a loop."""
    top = rng.uniform(0.4, 0.56)
    half = (1 - top) / 2
    rx = rng.uniform(0.2, 0.29)
    start = (rng.uniform(0.3, 0.52), rng.uniform(0, 0.04))
    back = [start, (0.14, 0.24), (0.02, 0.52)]
    stop = rng.uniform(-255, -195)
    loop = arc((0.01 + rx, top + half), (rx, half), 165, stop, grow=rng.uniform(0.85, 1))
    return [back + loop]


def draw_straight_six(rng: np.random.Generator) -> Glyph:
    """Draw a straight back beside a loop."""
    top = rng.uniform(0.44, 0.58)
    half = (1 - top) / 2
    rx = rng.uniform(0.2, 0.28)
    back = [(rng.uniform(0.2, 0.42), 0), (0.08, 0.4)]
    stop = rng.uniform(-240, -190)
    return [back + arc((0.01 + rx, top + half), (rx, half), 180, stop, grow=rng.uniform(0.9, 1))]


def draw_open_six(rng: np.random.Generator) -> Glyph:
    """Draw a back and a loop that stops short of it."""
    top = rng.uniform(0.44, 0.56)
    half = (1 - top) / 2
    rx = rng.uniform(0.22, 0.3)
    back = [(rng.uniform(0.28, 0.48), 0), (0.1, 0.28), (0.01, 0.58)]
    stop = rng.uniform(-165, -130)
    return [
        back + arc((0.01 + rx, top + half), (rx, half), 160, stop, grow=rng.uniform(0.85, 0.95))
    ]


def draw_seven(rng: np.random.Generator) -> Glyph:
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
    if chance(rng, 0.38):
        glyph.append(_cross_bar(rng, middle))
    return glyph


def _cross_bar(rng: np.random.Generator, middle: tuple[float, float]) -> Stroke:
    """Return the bar through a 7's stem."""
    x, y = middle[0], middle[1] + rng.normal(0, 0.05)
    left, right = rng.uniform(0.1, 0.24, 2)
    tilt = rng.normal(0.01, 0.03)
    return [(x - left, y + tilt), (x + right, y - tilt)]


def draw_curved_seven(rng: np.random.Generator) -> Glyph:
    """Draw a bar and a stem that bends."""
    width = rng.uniform(0.42, 0.58)
    foot = (rng.uniform(0.05, 0.2), 1.0)
    middle = (foot[0] + 0.3 * (width - foot[0]), 0.55)
    head = [(0, rng.uniform(0.03, 0.1)), (width * 0.4, rng.uniform(0, 0.06)), *corner(width, 0.02)]
    glyph = [[*head, middle, foot]]
    if chance(rng, 0.3):
        glyph.append(_cross_bar(rng, middle))
    return glyph


def draw_one_stroke_eight(rng: np.random.Generator) -> Glyph:
    """Draw an S and close it, or nearly."""
    waist = rng.uniform(0.42, 0.52)
    upper, lower = rng.uniform(0.14, 0.25), rng.uniform(0.17, 0.31)
    half = (1 - waist) / 2
    start = rng.uniform(-75, -25)
    first = arc((0.3, waist / 2), (upper, waist / 2), start, -235)
    belly = arc((0.3, waist + half), (lower, half), -50, 230)
    # Closing past the start overlaps, short of it leaves the top open.
    close = rng.uniform(-22, 25)
    last = arc((0.3, waist / 2), (upper, waist / 2), 52, start - close)
    return [first + belly + last]


def draw_two_circle_eight(rng: np.random.Generator) -> Glyph:
    """Draw a ring on a ring."""
    waist = rng.uniform(0.42, 0.52)
    half = (1 - waist) / 2
    touch = rng.uniform(-0.02, 0.05)
    upper, lower = rng.uniform(0.18, 0.26), rng.uniform(0.2, 0.3)
    return [
        ring(rng, (0.3 + rng.normal(0, 0.02), waist / 2), (upper, waist / 2)),
        ring(rng, (0.3, waist + half - touch), (lower, half)),
    ]


def draw_open_topped_eight(rng: np.random.Generator) -> Glyph:
    """Draw an 8 whose ends part at the top."""
    belly = arc((0.28, 0.74), (rng.uniform(0.18, 0.26), 0.26), -40, 220)
    left = [(0.42 + rng.uniform(0, 0.1), rng.uniform(0.02, 0.08)), (0.24, 0), (0.12, 0.17)]
    right = [(0.46, 0.25), (rng.uniform(0.5, 0.62), rng.uniform(0.0, 0.1))]
    return [[*left, (0.26, 0.43), *belly, (0.28, 0.46), *right]]


def _nine_loop(rng: np.random.Generator, *, open_by: float) -> tuple[Stroke, tuple[float, float]]:
    """Return the loop of a 9, begun at the upper right, and where its right side is."""
    height = rng.uniform(0.42, 0.58)
    rx = rng.uniform(0.2, 0.28)
    loop = arc((rx, height / 2), (rx, height / 2), -20 - open_by, -318)
    return loop, (2 * rx, height)


def _nine_tail(rng: np.random.Generator, right: float) -> Stroke:
    """Return the tail: straight, curled to the left, or hooked."""
    if chance(rng, 0.5):
        return [*corner(right, rng.uniform(0.08, 0.2)), (right - rng.uniform(0, 0.16), 1.0)]
    if chance(rng, 0.6):
        return [(right + 0.01, 0.22), (right - 0.02, 0.6), (right - rng.uniform(0.1, 0.26), 1.0)]
    hook = [(right - 0.02, 0.8), (right - 0.14, 1.0), (rng.uniform(0.02, 0.14), 0.95)]
    return [(right + 0.01, 0.22), (right, 0.55), *hook]


def draw_closed_nine(rng: np.random.Generator) -> Glyph:
    """Draw a loop and a tail."""
    loop, (right, _) = _nine_loop(rng, open_by=rng.uniform(-15, 20))
    return [loop + _nine_tail(rng, right)]


def draw_open_nine(rng: np.random.Generator) -> Glyph:
    """Draw a loop that stops short, and a tail."""
    loop, (right, _) = _nine_loop(rng, open_by=rng.uniform(30, 58))
    return [loop + _nine_tail(rng, right)]


def draw_two_stroke_nine(rng: np.random.Generator) -> Glyph:
    """Draw a ring, then a tail beside it."""
    height, rx = rng.uniform(0.42, 0.55), rng.uniform(0.2, 0.27)
    tail = _nine_tail(rng, 2 * rx + rng.normal(0, 0.015))
    return [ring(rng, (rx, height / 2), (rx, height / 2)), tail]
