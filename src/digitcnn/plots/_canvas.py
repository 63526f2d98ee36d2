"""Figures, grids of cells, colours, and the checks that all plots share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from digitcnn._checks import array_of, whole_number
from digitcnn.errors import InvalidArgumentError, MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    AnyFigure: TypeAlias = Figure | SubFigure

# Okabe and Ito, "Color Universal Design", 2008: told apart with any kind of colour vision.
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GRAY = "#767676"

NUM_CLASSES = 10
GRAY_CHANNELS = 1
COLOR_CHANNELS = (3, 4)
CELL_INCHES = 1.3
MOST_COLUMNS = 10
WRONG_FRAME_POINTS = 3.0
SUM_TOLERANCE = 1e-3


def new_figure(width: float, height: float) -> Figure:
    """Make a figure that belongs to nobody but its caller; width and height are in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "digitcnn.plots needs matplotlib and seaborn; they are not installed.",
            remedy='Type: pip install "digitcnn[plots]"',
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def single_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the caller's Axes, or those of a new figure."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def cell_grid(
    num_cells: int, columns: int | None, figure: AnyFigure | None, title: str | None
) -> npt.NDArray[Any]:
    """Lay out cells without ticks, row by row; those past the last one stay empty.

    Without `columns`, the grid is about twice as wide as high. Without any cell, one is left empty.
    """
    room = max(1, num_cells)
    if columns is None:
        columns = _fitting_columns(room)
    columns = min(whole_number("columns", columns, least=1, such_as=6), room)
    rows = math.ceil(room / columns)
    if figure is None:
        above = 0.2 if title is None else 0.5
        figure = new_figure(columns * CELL_INCHES, rows * (CELL_INCHES + 0.15) + above)
    if title is not None:
        figure.suptitle(title)
    axes: npt.NDArray[Any] = figure.subplots(rows, columns, squeeze=False)
    for cell in axes.flat:
        cell.set_xticks([])
        cell.set_yticks([])
    for cell in axes.flat[num_cells:]:
        cell.set_axis_off()
    return axes


def _fitting_columns(num_cells: int) -> int:
    """Choose a number of columns that leaves few cells empty."""
    wide = math.ceil(math.sqrt(2 * num_cells))
    near = range(max(1, min(MOST_COLUMNS, wide - 2)), min(MOST_COLUMNS, wide + 2) + 1)
    return min(near, key=lambda columns: (-num_cells % columns, abs(columns - wide)))


def white_level(pictures: npt.NDArray[Any]) -> float:
    """Find the value of white: that of the type or, of floats, 1 or 255, whichever they keep to."""
    if pictures.dtype == bool:
        return 1
    if not np.issubdtype(pictures.dtype, np.floating):
        return 65535 if pictures.dtype == np.uint16 else 255
    peak = peak_level(pictures)
    return next((level for level in (1, 255) if peak <= level), peak)


def peak_level(picture: npt.NDArray[Any]) -> float:
    """Find the greatest value, for what is of no scale known beforehand; at least a little."""
    return float(np.nanmax(picture, initial=1e-6))


def show_picture(cell: Axes, picture: npt.NDArray[Any], *, white: float, title: str = "") -> None:
    """Draw one picture, of shape (H, W) or (H, W, C), from 0 to white with hard pixels."""
    if picture.ndim == 3 and picture.shape[2] == GRAY_CHANNELS:
        picture = picture[..., 0]
    if picture.ndim == 3:  # matplotlib scales grey alone
        picture = np.clip(picture / white, 0, 1)
    cell.imshow(picture, cmap="gray", vmin=0, vmax=white, interpolation="nearest")
    cell.set_title(title, fontsize=9, pad=3)


def mark_wrong(cell: Axes) -> None:
    """Make a cell stand out: a thick frame and a bold title, both in vermilion."""
    for spine in cell.spines.values():
        spine.set_color(VERMILION)
        spine.set_linewidth(WRONG_FRAME_POINTS)
    cell.title.set_color(VERMILION)
    cell.title.set_fontweight("bold")


def check_images(name: str, images: npt.ArrayLike) -> npt.NDArray[Any]:
    """Check for a batch of pictures: (N, H, W) or (N, H, W, C)."""
    array = array_of(name, images)
    if array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (GRAY_CHANNELS, *COLOR_CHANNELS)):
        return array
    raise InvalidArgumentError(
        argument=name,
        rule="have shape (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels",
        got=array.shape,
        remedy="Put a single image into a list.",
    )


def check_probabilities(
    probabilities: npt.ArrayLike, count: int | None = None
) -> npt.NDArray[np.float64]:
    """Check for rows of ten that each sum to 1."""
    array = array_of("probabilities", probabilities, np.float64)
    shape = "(N, 10)" if count is None else f"({count}, 10)"
    fits = array.ndim == 2 and array.shape[1] == NUM_CLASSES
    if not fits or (count is not None and len(array) != count):
        raise InvalidArgumentError(
            argument="probabilities",
            rule=f"have shape {shape}, one row for each image",
            got=array.shape,
            remedy="Pass what predict_proba() gives for the same images.",
        )
    if (array < 0).any() or not np.allclose(array.sum(axis=1), 1, atol=SUM_TOLERANCE):
        raise InvalidArgumentError(
            argument="probabilities",
            rule="have rows that sum to 1 and hold nothing negative",
            got="others",
            remedy="Put logits through softmax first.",
        )
    return array
