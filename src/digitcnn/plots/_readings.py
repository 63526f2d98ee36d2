"""A picture with the digits that were read in it: boxes, labels, and colours by confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from digitcnn.errors import InvalidArgumentError
from digitcnn.images import open_picture
from digitcnn.plots._measures import BLUE, GRAY, ORANGE, VERMILION, single_axes
from digitcnn.readings import Box, Digit, Line, Mark, Reading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

# From the surest down: the least confidence, the colour, and what a legend says.
LEVELS = (
    (0.9, BLUE, "90 % and surer"),
    (0.5, ORANGE, "50 to 90 %"),
    (0.0, VERMILION, "less than 50 %"),
)
PIXEL_MAX = 255
_WHOLE = (0.0, 0.0, 1.0, 1.0)

# The height of a line's labels: in heights of its digits, within parts of the picture's longer
# side, and at most in distances between neighbours.
_LABEL_HEIGHT, _BETWEEN, _MOST_APART = 0.45, (0.025, 0.06), 1.3
# A label's width and its distance from the frame, in its heights.
_LABEL_WIDTH, _LABEL_GAP = 0.72, 0.12

_INCHES = 8.0  # the longer side of a figure
_SHORTEST_INCHES = 1.6
_MOST_PIXELS = 2000  # along a side
_LONGEST_TITLE = 48


@dataclass(frozen=True)
class Label:
    """What is drawn of a digit or a sign: a frame around it, and its value on a plate beside it."""

    text: str
    frame: Box  # in pixels of the picture
    plate: Box  # may lie outside the picture
    color: str  # of the confidence
    is_sure: bool  # whether the confidence is of the highest level: the plate is then filled


def reading(picture: object, reading: Reading, *, ax: Axes | None = None) -> Axes:
    """Show a picture with the digits and signs that were read in it.

    Each has a thin frame. The label of a digit stands above it, or below where another digit is in
    the way; that of a sign below. Colours say how sure the reader is, and the labels of what is
    read with 90 % and more are filled.

    Parameters
    ----------
    picture : image
        The picture that was read, in any form that :func:`digitcnn.preprocess` takes.
    reading : Reading
        What :func:`digitcnn.read` gave for it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        Its title is the text and the confidence that all of it is right.

    Raises
    ------
    ImageReadError
        If the file cannot be read.
    InvalidImageError
        If `picture` is none.
    InvalidArgumentError
        If `reading` is none, or that of a picture of another size.

    See Also
    --------
    digitcnn.read : Gives the reading.
    """
    pixels = pixels_of(picture, reading, longest=_MOST_PIXELS)
    labels = labels_of(reading)
    left, top, right, bottom = bounds(reading, labels)
    scale = _INCHES / max(right - left, bottom - top)
    width, height = (max(_SHORTEST_INCHES, side * scale) for side in (right - left, bottom - top))
    ax = single_axes(ax, width, height + 0.7)
    ax.imshow(pixels, extent=(0, reading.size[0], reading.size[1], 0))
    for label in labels:
        _draw(ax, label)
    ax.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_title(_title(reading), fontsize=11)
    _add_legend(ax, labels)
    return ax


def labels_of(reading: Reading) -> list[Label]:
    """Draw a frame for each digit and each sign of a reading, and find a place for its text."""
    frames = [(line, digit.box) for line in reading.lines for digit in line.digits]
    labels = []
    for line in reading.lines:
        others = [box for other, box in frames if other is not line]
        height = _label_height(line, max(reading.size))
        for digit in line.digits:
            above, below = _plates(digit.box, digit.box, height)
            is_hiding = _hides_any(above, others) and not _hides_any(below, others)
            labels.append(_labelled(digit, below if is_hiding else above))
        for mark in line.marks:
            beside = min(line.digits, key=lambda digit: abs(_middle(digit) - _middle(mark)))
            _, below = _plates(mark.box, beside.box, height)
            labels.append(_labelled(mark, below))
    return labels


def bounds(reading: Reading, labels: list[Label]) -> Box:
    """Return the box that holds the picture and all labels."""
    whole = (0.0, 0.0, *map(float, reading.size))
    left, top, right, bottom = zip(whole, *(label.plate for label in labels), strict=True)
    return min(left), min(top), max(right), max(bottom)


def pixels_of(picture: object, reading: object, *, longest: int) -> npt.NDArray[np.uint8]:
    """Return a picture in colour, upright, on white, no longer than asked for."""
    if not isinstance(reading, Reading):
        raise InvalidArgumentError(
            argument="reading",
            rule="be a Reading",
            got=type(reading).__name__,
            remedy="Pass what digitcnn.read() gives for one picture.",
        )
    look = open_picture(picture, side=longest).look
    assert look is not None  # noqa: S101 - what was just opened can be looked at
    view = look(_WHOLE, longest)
    if view.size != reading.size:
        expected, got = (f"{width} x {height}" for width, height in (view.size, reading.size))
        raise InvalidArgumentError(
            argument="reading",
            rule=f"be that of the picture, of {expected} pixels",
            got=f"one of {got}",
            remedy="Pass what digitcnn.read() gives for this picture.",
        )
    full = np.iinfo(view.channels.dtype).max
    channels = view.channels.astype(np.float32) * np.float32(PIXEL_MAX / full)
    if channels.shape[2] == 4:
        opacity = channels[..., 3:] / PIXEL_MAX
        channels = channels[..., :3] * opacity + PIXEL_MAX * (1 - opacity)
    pixels = np.rint(channels).astype(np.uint8)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def _label_height(line: Line, longer: int) -> float:
    """Choose how tall the labels of a line are, so that they do not lie on each other."""
    tall = float(np.median([digit.box[3] - digit.box[1] for digit in line.digits]))
    apart = float(np.diff(sorted(map(_middle, line.digits))).min(initial=np.inf))
    least, most = (part * longer for part in _BETWEEN)
    height = min(max(_LABEL_HEIGHT * tall, least), most)
    return min(height, max(_MOST_APART * apart, tall / 5))


def _middle(member: Digit | Mark) -> float:
    return (member.box[0] + member.box[2]) / 2


def _plates(frame: Box, beside: Box, height: float) -> tuple[Box, Box]:
    """Return the places above and below a frame, and clear of the digit beside it."""
    middle, half = (frame[0] + frame[2]) / 2, _LABEL_WIDTH * height / 2
    gap = _LABEL_GAP * height
    top, bottom = min(frame[1], beside[1]) - gap, max(frame[3], beside[3]) + gap
    left, right = middle - half, middle + half
    return (left, top - height, right, top), (left, bottom, right, bottom + height)


def _hides_any(plate: Box, frames: list[Box]) -> bool:
    return any(
        plate[0] < frame[2] and frame[0] < plate[2] and plate[1] < frame[3] and frame[1] < plate[3]
        for frame in frames
    )


def _labelled(member: Digit | Mark, plate: Box) -> Label:
    level = next(rank for rank, (least, *_) in enumerate(LEVELS) if member.confidence >= least)
    return Label(str(member.value), member.box, plate, LEVELS[level][1], is_sure=level == 0)


def _draw(ax: Axes, label: Label) -> None:
    """Draw a frame with a bright rim, which dark pictures need, and its label."""
    from matplotlib import patches, patheffects
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    rim = [patheffects.withStroke(linewidth=2.2, foreground="white", alpha=0.5)]
    filled = label.color if label.is_sure else "white"
    for box, face, effects in ((label.frame, "none", rim), (label.plate, filled, [])):
        left, top, right, bottom = box
        ax.add_patch(
            patches.Rectangle(
                (left, top),
                right - left,
                bottom - top,
                facecolor=face,
                edgecolor=label.color,
                linewidth=1.0,
                path_effects=effects,
            )
        )
    path = TextPath(
        (0, 0), label.text, size=0.9 * (bottom - top), prop=FontProperties(weight="bold")
    )
    x0, y0, x1, y1 = path.get_extents().extents
    # Signs keep their place on the line.
    level = (y0 + y1) / 2 if label.text.isdigit() else 0.33 * (bottom - top)
    place = Affine2D().translate(-(x0 + x1) / 2, -level)
    place = place.scale(1, -1).translate((left + right) / 2, (top + bottom) / 2)
    ax.add_patch(
        patches.PathPatch(
            place.transform_path(path),
            facecolor="white" if label.is_sure else label.color,
            linewidth=0,
            gid=label.text,
        )
    )


def _add_legend(ax: Axes, labels: list[Label]) -> None:
    """Explain the colours that occur."""
    from matplotlib import patches

    used = {label.color for label in labels}
    handles: list[Patch] = [
        patches.Patch(
            facecolor=color if least == LEVELS[0][0] else "white", edgecolor=color, label=told
        )
        for least, color, told in LEVELS
        if color in used
    ]
    if handles:
        ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=len(handles),
            frameon=False,
            fontsize=8,
            labelcolor=GRAY,
            handlelength=1.0,
            handleheight=1.0,
            columnspacing=1.2,
        )


def _title(reading: Reading) -> str:
    """Return the text and its confidence, or how much was read where that is long."""
    if not reading.lines:
        return "no digits"
    text = "   ".join(reading.full_text.splitlines())
    if len(text) > _LONGEST_TITLE:
        text = f"{len(reading.digits)} digits in {len(reading.lines)} lines"
    return f"{text}   {round(100 * reading.confidence)} %"
