"""What the first layer of a network looks for, and what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitcnn._checks import array_of
from digitcnn.errors import InvalidArgumentError
from digitcnn.plots._canvas import cell_grid, peak_level, show_picture

if TYPE_CHECKING:
    from digitcnn.plots._canvas import AnyFigure

KERNEL_RANK = 4
MAPS_RANK = 3


def filters(
    kernels: npt.ArrayLike,
    *,
    columns: int | None = None,
    title: str | None = "Filters of the first layer",
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Show a layer's convolution kernels, one scale for all.

    Parameters
    ----------
    kernels : array-like of float, shape (height, width, 1, N)
        The weights of a first layer as Keras holds them: ``model.layers[0].get_weights()[0]``.
    columns, title, figure
        As for `sample_grid`.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        One cell for each kernel, numbered from 0.

    Raises
    ------
    InvalidArgumentError
        If the shape is another.
    MissingDependencyError
        If matplotlib is not installed.

    See Also
    --------
    feature_maps : What the kernels make of an image.
    """
    array = array_of("kernels", kernels, np.float64)
    if array.ndim != KERNEL_RANK or array.shape[2] != 1 or array.size == 0:
        raise InvalidArgumentError(
            argument="kernels",
            rule="have shape (height, width, 1, N)",
            got=array.shape,
            remedy="Take those of the first convolution: model.layers[0].get_weights()[0].",
        )
    peak = float(np.abs(array).max()) or 1.0
    axes = cell_grid(array.shape[3], columns, figure, title)
    for index, cell in zip(range(array.shape[3]), axes.flat, strict=False):
        # Purple and orange stay apart for the colour-blind; 0 is white.
        shown = cell.imshow(array[:, :, 0, index], cmap="PuOr", vmin=-peak, vmax=peak)
        cell.set_title(f"{index}", fontsize=9, pad=3)
    bar = axes[0, 0].figure.colorbar(shown, ax=list(axes.flat), shrink=0.8, aspect=30)
    bar.set_label("weight")
    return axes


def feature_maps(
    maps: npt.ArrayLike,
    *,
    columns: int | None = None,
    title: str | None = "Feature maps of the first layer",
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Show a layer's output for one image, channel by channel.

    Parameters
    ----------
    maps : array-like of float, shape (H, W, N) or (1, H, W, N)
        The output of a layer; each channel is shown from 0 to its own peak.
    columns, title, figure
        As for `sample_grid`.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        One cell for each channel, numbered from 0.

    Raises
    ------
    InvalidArgumentError
        If the shape is another.
    MissingDependencyError
        If matplotlib is not installed.

    See Also
    --------
    filters : The kernels that made them.
    """
    array = array_of("maps", maps, np.float64)
    if array.ndim == MAPS_RANK + 1 and len(array) == 1:
        array = array[0]
    if array.ndim != MAPS_RANK or array.size == 0:
        raise InvalidArgumentError(
            argument="maps",
            rule="have shape (H, W, N), the output of a layer for one image",
            got=array.shape,
            remedy="Take one image out of a batch.",
        )
    axes = cell_grid(array.shape[2], columns, figure, title)
    for index, cell in zip(range(array.shape[2]), axes.flat, strict=False):
        channel = array[:, :, index]
        show_picture(cell, channel, white=peak_level(channel), title=f"{index}")
    return axes
