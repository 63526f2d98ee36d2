"""All forms of each digit, and how often each is met."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from digitcnn.strokes import five_to_nine as high
from digitcnn.strokes import zero_to_four as low
from digitcnn.strokes.drawing import Forms
from digitcnn.strokes.geometry import Glyph, corner

_WRITTEN: tuple[Forms, ...] = (
    (
        (0.62, low.draw_oval_zero),
        (0.1, low.draw_zero_with_loop),
        (0.14, low.draw_slashed_zero),
        (0.05, low.draw_dotted_zero),
        (0.09, low.draw_two_stroke_zero),
    ),
    (
        (0.3, low.draw_bar_one),
        (0.46, low.draw_flagged_one),
        (0.19, low.draw_one_on_a_foot),
        (0.05, low.draw_bar_on_a_foot),
    ),
    ((0.52, low.draw_plain_two), (0.26, low.draw_looped_two), (0.22, low.draw_angular_two)),
    (
        (0.56, low.draw_round_three),
        (0.24, low.draw_flat_topped_three),
        (0.1, low.draw_looped_three),
        (0.1, low.draw_angular_three),
    ),
    (
        (0.36, low.draw_open_four),
        (0.32, low.draw_closed_four),
        (0.14, low.draw_short_stemmed_four),
        (0.18, low.draw_one_stroke_four),
    ),
    (
        (0.4, high.draw_two_stroke_five),
        (0.28, high.draw_one_stroke_five),
        (0.22, high.draw_curving_five),
        (0.1, high.draw_angular_five),
    ),
    ((0.54, high.draw_curved_six), (0.28, high.draw_straight_six), (0.18, high.draw_open_six)),
    ((0.75, high.draw_seven), (0.25, high.draw_curved_seven)),
    (
        (0.58, high.draw_one_stroke_eight),
        (0.24, high.draw_two_circle_eight),
        (0.18, high.draw_open_topped_eight),
    ),
    ((0.58, high.draw_closed_nine), (0.14, high.draw_open_nine), (0.22, high.draw_two_stroke_nine)),
)

# As on a pocket calculator, or with a mouse: only upright and level lines.
_SEGMENTS: tuple[Glyph, ...] = (
    [[*corner(0, 0), *corner(0, 1), *corner(0.5, 1), *corner(0.5, 0), (0, 0)]],
    [[(0, 0), (0, 1)]],
    [[(0, 0), *corner(0.5, 0), *corner(0.5, 0.5), *corner(0, 0.5), *corner(0, 1), (0.5, 1)]],
    [[(0, 0), *corner(0.5, 0), *corner(0.5, 1), (0, 1)], [(0.05, 0.5), (0.5, 0.5)]],
    [[(0, 0), *corner(0, 0.5), (0.5, 0.5)], [(0.5, 0), (0.5, 1)]],
    [[(0.5, 0), *corner(0, 0), *corner(0, 0.5), *corner(0.5, 0.5), *corner(0.5, 1), (0, 1)]],
    [[(0.5, 0), *corner(0, 0), *corner(0, 1), *corner(0.5, 1), *corner(0.5, 0.5), (0, 0.5)]],
    [[(0, 0), *corner(0.5, 0), (0.5, 1)]],
    [
        [*corner(0, 0), *corner(0, 1), *corner(0.5, 1), *corner(0.5, 0), (0, 0)],
        [(0, 0.5), (0.5, 0.5)],
    ],
    [[(0.5, 0.5), *corner(0, 0.5), *corner(0, 0), *corner(0.5, 0), *corner(0.5, 1), (0, 1)]],
)
SEGMENT_SHARE = 0.04


def _segments(glyph: Glyph) -> Callable[[np.random.Generator], Glyph]:
    """Return a form that draws the same segments each time, wide or narrow."""

    def draw(rng: np.random.Generator) -> Glyph:
        width = rng.uniform(0.8, 1.3)
        return [[(x * width, y) for x, y in stroke] for stroke in glyph]

    return draw


DIGITS: tuple[Forms, ...] = tuple(
    (*forms, (SEGMENT_SHARE, _segments(glyph)))
    for forms, glyph in zip(_WRITTEN, _SEGMENTS, strict=True)
)
