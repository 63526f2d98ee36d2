"""Drawings of nothing but one digit, which need no look for anything else."""

from __future__ import annotations

import numpy as np

from digitcnn.preprocessing._bands import may_have_bands
from digitcnn.preprocessing._borders import has_straight_sides, may_have_border
from digitcnn.preprocessing._components import is_one_piece
from digitcnn.preprocessing._geometry import crop, ink_box, strengthen
from digitcnn.preprocessing._ground import frame_width, is_drawn
from digitcnn.preprocessing._lines import may_have_lines
from digitcnn.preprocessing._sheets import may_have_sheet
from digitcnn.preprocessing._values import PLANE_MAX


def find_clear_ink(plane: np.ndarray) -> tuple[tuple[int, int, int, int], np.ndarray] | None:
    """Find the ink of a drawing that is one piece on a flat ground, clear of all sides.

    Most of what is drawn on a screen is so. A border, bands, a sheet, lines, a frame, specks: each
    is ruled out at little cost, by the box of the ink or within it, so that looking for them would
    find nothing and the ink would come out just so. In doubt it is left to those looks.

    Parameters
    ----------
    plane : ndarray of uint16, shape (H, W)
        Grey; ink dark or bright.

    Returns
    -------
    box, ink : tuple of int, ndarray of float32, shape (bottom - top, right - left)
        Top, left, bottom and right of the ink, and the ink in [0, 1]; None in place of both where
        there may be more to see than that.
    """
    ground, lowest, highest = plane[0, 0], plane.min(), plane.max()
    if lowest == highest or ground not in (lowest, highest):
        return None
    mask = plane != ground
    box = ink_box(mask)
    top, left, bottom, right = box
    height, width = plane.shape
    if (
        min(top, left, height - bottom, width - right) < frame_width(plane.shape)
        or may_have_border(mask, box)
        or may_have_lines(mask, box)
        or may_have_sheet(mask)
    ):
        return None
    inside, shape = crop(plane, box), crop(mask, box)
    contrast = inside - ground if ground == lowest else ground - inside
    differs = int(np.count_nonzero(shape))
    strong = int(np.count_nonzero(contrast >= -(-int(contrast.max()) // 10)))
    ink = strengthen(contrast / np.float32(PLANE_MAX))
    if (
        2 * differs >= mask.size
        or not is_drawn(differs, strong)
        or has_straight_sides(shape)
        or may_have_bands(ink, plane.shape)
        or not is_one_piece(shape)
    ):
        return None
    return box, ink
