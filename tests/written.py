"""Pages that are easily read: lines of drawn digits, in dark ink on white."""

from __future__ import annotations

import numpy as np

from digitcnn.synthesis import draw_digits

SIDE = 64  # of the square that a digit is drawn in
PITCH = 60
LINE_PITCH = 100
MARGIN = 40
WRITER = 1


def write_page(*lines: str, margin: int = MARGIN) -> np.ndarray:
    """Write lines of digits in one hand; a space leaves a place free."""
    width = (max(map(len, lines)) - 1) * PITCH + SIDE
    height = (len(lines) - 1) * LINE_PITCH + SIDE
    ink = np.zeros((height + 2 * margin, width + 2 * margin), np.uint8)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            if letter == " ":
                continue
            drawn, _ = draw_digits(1, seed=column, digits=[int(letter)], side=SIDE, hand=WRITER)
            top, left = margin + row * LINE_PITCH, margin + column * PITCH
            place = ink[top : top + SIDE, left : left + SIDE]
            np.maximum(place, drawn[0], out=place)
    return 255 - ink
