"""Draws what was read into the picture with Pillow alone: `--draw` needs no matplotlib."""

from __future__ import annotations

import math
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from digitcnn.plots._readings import Label, bounds, labels_of, pixels_of
from digitcnn.readings import Box, Reading

# Pictures are drawn about so large, along their longer side.
_SHORTEST, _LONGEST = 800, 1600
_HARD_PIXELS = 3  # times: what is enlarged so often or more shows its pixels
_RIM = (255, 255, 255, 128)  # around frames, which dark pictures need
_FONT_HEIGHT = 1.05  # of a plate


def draw_reading(picture: Any, reading: Reading) -> Image.Image:
    """Draw a picture with frames and labels as :func:`digitcnn.plots.reading` does."""
    photo = Image.fromarray(pixels_of(picture, reading, longest=_LONGEST))
    enlargement = max(1, math.ceil(_SHORTEST / max(photo.size)))
    if enlargement > 1:
        method = Image.Resampling.NEAREST
        if enlargement < _HARD_PIXELS:
            method = Image.Resampling.BICUBIC
        photo = photo.resize([side * enlargement for side in photo.size], method)
    labels = labels_of(reading)
    left, top, right, bottom = bounds(reading, labels)
    scale = max(photo.size) / max(reading.size)
    width, height = (math.ceil(side * scale) for side in (right - left, bottom - top))
    canvas = Image.new("RGB", (width, height), "white")
    canvas.paste(photo, (round(-left * scale), round(-top * scale)))
    draw = ImageDraw.Draw(canvas, "RGBA")
    for label in labels:
        frame, plate = (
            # Pillow takes the last pixel of a box, not the edge behind it.
            (
                (x0 - left) * scale,
                (y0 - top) * scale,
                (x1 - left) * scale - 1,
                (y1 - top) * scale - 1,
            )
            for x0, y0, x1, y1 in (label.frame, label.plate)
        )
        _draw_label(draw, label, frame, plate)
    return canvas


def _draw_label(draw: ImageDraw.ImageDraw, label: Label, frame: Box, plate: Box) -> None:
    left, top, right, bottom = frame
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=_RIM, width=4)
    draw.rectangle(frame, outline=label.color, width=2)
    fill = label.color if label.is_sure else "white"
    draw.rectangle(plate, fill=fill, outline=label.color, width=1)
    height = plate[3] - plate[1]
    draw.text(
        ((plate[0] + plate[2]) / 2, plate[3] - height * 0.12),
        label.text,
        fill="white" if label.is_sure else label.color,
        font=ImageFont.load_default(max(1, _FONT_HEIGHT * height)),
        anchor="ms",
        stroke_width=round(height / 40),  # whole before Pillow 11
    )
