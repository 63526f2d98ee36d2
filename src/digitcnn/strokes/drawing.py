"""From a weighted table of forms to one inked image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from digitcnn.strokes.geometry import Glyph
from digitcnn.strokes.hands import Hand, write
from digitcnn.strokes.pens import ink_paths

Forms = Sequence[tuple[float, Callable[[np.random.Generator], Glyph]]]


def draw_form(
    forms: Forms,
    hand: Hand,
    *,
    side: int,
    rng: np.random.Generator,
    style_rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Pick one of the forms by its weight and draw it as this hand does.

    `style_rng` decides what a hand repeats, `rng` what differs from one time to the next.
    """
    shares = np.cumsum([share for share, _ in forms])
    form = forms[int(np.searchsorted(shares / shares[-1], style_rng.random(), side="right"))][1]
    paths = write(form(style_rng), hand, side=side, rng=rng, style_rng=style_rng)
    return ink_paths(paths, hand.pen, side=side, height=hand.height * side, rng=rng)
