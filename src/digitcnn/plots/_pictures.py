"""Grids: samples, predictions, mistakes, augmentations, preprocessing's steps, filters, maps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from digitcnn._checks import array_of, label_array, whole_number
from digitcnn.errors import InvalidArgumentError
from digitcnn.plots._canvas import (
    GRAY,
    cell_grid,
    check_images,
    check_probabilities,
    mark_wrong,
    peak_level,
    show_picture,
    white_level,
)

if TYPE_CHECKING:
    from digitcnn.plots._canvas import AnyFigure

    class Step(Protocol):
        """What `digitcnn.explain` gives: a step's name and what it made of the picture."""

        @property
        def name(self) -> str: ...
        @property
        def picture(self) -> npt.NDArray[Any]: ...


DEFAULT_COUNT = 40


def sample_grid(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    count: int = DEFAULT_COUNT,
    columns: int | None = None,
    title: str | None = None,
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Show images side by side, each under its label.

    Parameters
    ----------
    images : array-like, shape (N, H, W) or (N, H, W, C)
        Pictures in grey or colour; integers span their type, floats 0 to 1, or 0 to 255 if one of
        them is above 1.
    labels : array-like of int, shape (N,), optional
        The digit of each.
    count : int
        Show no more than the first so many.
    columns : int, optional
        Cells in a row; by default the grid is about twice as wide as high.
    title : str, optional
        What stands above the grid.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        The cells, in the order of the images; those past the last image are empty.

    Raises
    ------
    InvalidArgumentError
        If a shape is another, or there are not as many labels as images.
    MissingDependencyError
        If matplotlib is not installed.

    See Also
    --------
    prediction_grid : The same with what was read.

    Examples
    --------
    >>> import numpy as np
    >>> from digitcnn import plots
    >>> plots.sample_grid(np.eye(28)[None], [1]).shape
    (1, 1)
    """
    images = check_images("images", images)
    titles = [""] * len(images)
    if labels is not None:
        titles = [str(label) for label in label_array(labels, num_images=len(images))]
    images = images[: whole_number("count", count, least=1, such_as=DEFAULT_COUNT)]
    axes = cell_grid(len(images), columns, figure, title)
    white = white_level(images)
    for cell, picture, label in zip(axes.flat, images, titles, strict=False):
        show_picture(cell, picture, white=white, title=label)
    return axes


def prediction_grid(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    count: int = DEFAULT_COUNT,
    columns: int | None = None,
    title: str | None = None,
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Show images with what was read and how surely; wrong ones stand out.

    A right answer reads "7  98 %"; a wrong one "1, not 7  62 %", bold, within a thick frame.

    Parameters
    ----------
    images : array-like, shape (N, H, W) or (N, H, W, C)
        Pictures in grey or colour.
    probabilities : array-like of float, shape (N, 10)
        What `predict_proba` gives for them; rows sum to 1.
    labels : array-like of int, shape (N,), optional
        The true digits; without them nothing is marked wrong.
    count, columns, title, figure
        As for `sample_grid`.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        The cells, in the order of the images.

    Raises
    ------
    InvalidArgumentError
        If a shape is another, the numbers of items differ, or a row does not sum to 1.
    MissingDependencyError
        If matplotlib is not installed.

    See Also
    --------
    misclassified : Only the wrong ones.
    """
    images = check_images("images", images)
    rows = check_probabilities(probabilities, len(images))
    truths = None if labels is None else label_array(labels, num_images=len(images))
    images = images[: whole_number("count", count, least=1, such_as=DEFAULT_COUNT)]
    axes = cell_grid(len(images), columns, figure, title)
    white = white_level(images)
    for index, (cell, picture) in enumerate(zip(axes.flat, images, strict=False)):
        answer = int(rows[index].argmax())
        is_wrong = truths is not None and truths[index] != answer
        told = f"{answer}, not {truths[index]}" if truths is not None and is_wrong else f"{answer}"
        sureness = round(100 * rows[index].max())
        show_picture(cell, picture, white=white, title=f"{told}  {sureness} %")
        if is_wrong:
            mark_wrong(cell)
    return axes


def misclassified(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    count: int = DEFAULT_COUNT,
    columns: int | None = None,
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Show the misread images, the surest mistakes first.

    Parameters
    ----------
    images : array-like, shape (N, H, W) or (N, H, W, C)
        Pictures in grey or colour, right ones among them.
    probabilities : array-like of float, shape (N, 10)
        What `predict_proba` gives for them; rows sum to 1.
    labels : array-like of int, shape (N,)
        The true digits.
    count, columns, figure
        As for `sample_grid`.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        The cells. Where nothing is misread, a single one says so.

    Raises
    ------
    InvalidArgumentError
        If a shape is another, the numbers of items differ, or a row does not sum to 1.
    MissingDependencyError
        If matplotlib is not installed.

    See Also
    --------
    prediction_grid : Right ones too.
    """
    images = check_images("images", images)
    rows = check_probabilities(probabilities, len(images))
    truths = label_array(labels, num_images=len(images))
    wrong = np.flatnonzero(rows.argmax(axis=1) != truths)
    wrong = wrong[np.argsort(-rows[wrong].max(axis=1), kind="stable")]
    title = f"{len(wrong):,} of {len(images):,} misread"
    if len(wrong):
        return prediction_grid(
            images[wrong],
            rows[wrong],
            truths[wrong],
            count=count,
            columns=columns,
            title=title,
            figure=figure,
        )
    axes = cell_grid(1, 1, figure, None)
    axes[0, 0].set_axis_off()
    axes[0, 0].text(0.5, 0.5, title, ha="center", va="center", transform=axes[0, 0].transAxes)
    return axes


def augmentation_preview(
    image: npt.ArrayLike,
    augmented: npt.ArrayLike,
    *,
    columns: int | None = None,
    title: str | None = "Augmentation",
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Show an image beside what augmentation made of it.

    Parameters
    ----------
    image : array-like, shape (H, W) or (H, W, C)
        The original.
    augmented : array-like, shape (N, H, W) or (N, H, W, C)
        Its variants.
    columns, title, figure
        As for `sample_grid`.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        The original in the first cell, then the variants.

    Raises
    ------
    InvalidArgumentError
        If a shape is another.
    MissingDependencyError
        If matplotlib is not installed.
    """
    original = check_images("image", array_of("image", image)[None])[0]
    variants = check_images("augmented", augmented)
    axes = cell_grid(1 + len(variants), columns, figure, title)
    show_picture(axes[0, 0], original, white=white_level(original), title="original")
    axes[0, 0].title.set_fontweight("bold")
    white = white_level(variants)
    for cell, picture in zip(list(axes.flat)[1:], variants, strict=False):
        show_picture(cell, picture, white=white)
    return axes


def steps(
    steps: Iterable[Step],
    *,
    columns: int | None = None,
    title: str | None = None,
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Show what each step of preprocessing made of a picture.

    Parameters
    ----------
    steps : iterable of Step
        What `digitcnn.explain` gives: objects with a `name` and a `picture` of shape (H, W) or
        (H, W, C), whose sizes may differ; floats reach to their peak.
    columns, title, figure
        As for `sample_grid`; by default up to six in a row.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        The steps in their order, each under its number and name, its size below.

    Raises
    ------
    InvalidArgumentError
        If an item is no step.
    MissingDependencyError
        If matplotlib is not installed.
    """
    taken = list(steps)
    for index, step in enumerate(taken):
        if not (hasattr(step, "name") and hasattr(step, "picture")):
            raise InvalidArgumentError(
                argument="steps",
                rule="hold objects with a `name` and a `picture`",
                got=f"{type(step).__name__} at {index}",
                remedy="Pass what digitcnn.explain() gives.",
            )
    if columns is None:
        columns = max(1, min(6, len(taken)))
    axes = cell_grid(len(taken), columns, figure, title)
    for number, (cell, step) in enumerate(zip(axes.flat, taken, strict=False), start=1):
        picture = check_images("steps", array_of("steps", step.picture)[None])[0]
        is_float = np.issubdtype(picture.dtype, np.floating)
        white = peak_level(picture) if is_float else white_level(picture)
        show_picture(cell, picture, white=white, title=f"{number}. {step.name}")
        size = f"{picture.shape[1]} x {picture.shape[0]}"
        cell.set_xlabel(size, fontsize=8, color=GRAY, labelpad=2)
    return axes


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
    kernels : array-like of float, shape (height, width, 1, N), or keras.Model or TrainingRun
        The weights of a first layer as Keras holds them: ``model.layers[0].get_weights()[0]``; of a
        network, or of a training run's, those of its first convolution are taken.
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
    network = getattr(kernels, "model", kernels)
    if hasattr(network, "layers"):
        kernels = first_convolution(network).get_weights()[0]
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


def first_convolution(network: Any) -> Any:
    """Find the first layer with a kernel in a network, or in the first member of an ensemble."""
    for layer in network.layers:
        if hasattr(layer, "kernel"):
            return layer
        if getattr(layer, "layers", None):
            return first_convolution(layer)
    raise InvalidArgumentError(
        argument="kernels",
        rule="be of a network with a convolution",
        got=type(network).__name__,
        remedy="Pass an array of kernels, shape (height, width, 1, N).",
    )


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
