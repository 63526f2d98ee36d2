"""Pictures and measures as matplotlib charts: arrays in, Axes out.

No function shows a window or touches pyplot's list of figures: each draws on what it is given, or
on a new figure, to which the Axes lead: ``plots.confusion_matrix(counts).figure.savefig("a.png")``.
Colours are those of Okabe and Ito, which the colour-blind tell apart, and what they say is said by
text or form too. Needs ``pip install "digitcnn[plots]"``, without which each raises
MissingDependencyError.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitcnn._checks import array_of, label_array, whole_number
from digitcnn.errors import InvalidArgumentError
from digitcnn.plots._measures import (
    GRAY,
    VERMILION,
    check_probabilities,
    confusion_matrix,
    new_figure,
    reliability_diagram,
    training_curves,
)
from digitcnn.plots._readings import reading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from digitcnn.plots._measures import AnyFigure
    from digitcnn.preprocessing import Step

__all__ = [
    "augmentation_preview",
    "confusion_matrix",
    "feature_maps",
    "filters",
    "misclassified",
    "prediction_grid",
    "reading",
    "reliability_diagram",
    "sample_grid",
    "steps",
    "training_curves",
]

_DEFAULT_COUNT = 40
_CHANNELS = (1, 3, 4)
_CELL_INCHES = 1.3
_MOST_COLUMNS = 10


def sample_grid(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    count: int = _DEFAULT_COUNT,
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
    images = _check_images("images", images)
    titles = [""] * len(images)
    if labels is not None:
        titles = [str(label) for label in label_array(labels, num_images=len(images))]
    images = images[: whole_number("count", count, least=1, such_as=_DEFAULT_COUNT)]
    return _titled_grid(images, titles, columns, figure, title)


def prediction_grid(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    count: int = _DEFAULT_COUNT,
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

    See Also
    --------
    misclassified : Only the wrong ones.
    """
    images = _check_images("images", images)
    rows = check_probabilities(probabilities, len(images))
    answers = rows.argmax(axis=1)
    truths = answers if labels is None else label_array(labels, num_images=len(images))
    titles = [
        f"{answer if answer == truth else f'{answer}, not {truth}'}  {round(100 * sureness)} %"
        for answer, truth, sureness in zip(answers, truths, rows.max(axis=1), strict=True)
    ]
    images = images[: whole_number("count", count, least=1, such_as=_DEFAULT_COUNT)]
    axes = _titled_grid(images, titles, columns, figure, title)
    for index in np.flatnonzero((answers != truths)[: len(images)]):
        _mark_wrong(axes.flat[index])
    return axes


def misclassified(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    count: int = _DEFAULT_COUNT,
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

    See Also
    --------
    prediction_grid : Right ones too.
    """
    images = _check_images("images", images)
    rows = check_probabilities(probabilities, len(images))
    truths = label_array(labels, num_images=len(images))
    wrong = np.flatnonzero(rows.argmax(axis=1) != truths)
    wrong = wrong[np.argsort(-rows[wrong].max(axis=1), kind="stable")]
    title = f"{len(wrong):,} of {len(images):,} misread"
    if len(wrong):
        chosen = images[wrong], rows[wrong], truths[wrong]
        return prediction_grid(*chosen, count=count, columns=columns, title=title, figure=figure)
    axes = _cell_grid(0, 1, figure, None)
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
    """
    original = _check_images("image", array_of("image", image)[None])[0]
    variants = _check_images("augmented", augmented)
    axes = _cell_grid(1 + len(variants), columns, figure, title)
    _show(axes[0, 0], original, _white_level(original), "original")
    axes[0, 0].title.set_fontweight("bold")
    white = _white_level(variants)
    for cell, picture in zip(axes.flat[1:], variants, strict=False):
        _show(cell, picture, white)
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
    axes = _cell_grid(len(taken), columns, figure, title)
    for number, (cell, step) in enumerate(zip(axes.flat, taken, strict=False), start=1):
        picture = _check_images("steps", array_of("steps", step.picture)[None])[0]
        is_float = np.issubdtype(picture.dtype, np.floating)
        white = _peak_level(picture) if is_float else _white_level(picture)
        _show(cell, picture, white, f"{number}. {step.name}")
        size = f"{picture.shape[1]} x {picture.shape[0]}"
        cell.set_xlabel(size, fontsize=8, color=GRAY, labelpad=2)
    return axes


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

    See Also
    --------
    feature_maps : What the kernels make of an image.
    """
    network = getattr(kernels, "model", kernels)
    if hasattr(network, "layers"):
        kernels = first_convolution(network).get_weights()[0]
    array = array_of("kernels", kernels, np.float64)
    if array.ndim != 4 or array.shape[2] != 1 or array.size == 0:
        raise InvalidArgumentError(
            argument="kernels",
            rule="have shape (height, width, 1, N)",
            got=array.shape,
            remedy="Take those of the first convolution: model.layers[0].get_weights()[0].",
        )
    peak = float(np.abs(array).max()) or 1.0
    axes = _cell_grid(array.shape[3], columns, figure, title)
    for index, cell in enumerate(axes.flat[: array.shape[3]]):
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

    See Also
    --------
    filters : The kernels that made them.
    """
    array = array_of("maps", maps, np.float64)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim != 3 or array.size == 0:
        raise InvalidArgumentError(
            argument="maps",
            rule="have shape (H, W, N), the output of a layer for one image",
            got=array.shape,
            remedy="Take one image out of a batch.",
        )
    axes = _cell_grid(array.shape[2], columns, figure, title)
    for index, cell in enumerate(axes.flat[: array.shape[2]]):
        channel = array[:, :, index]
        _show(cell, channel, _peak_level(channel), f"{index}")
    return axes


def _cell_grid(
    num_cells: int, columns: int | None, figure: AnyFigure | None, title: str | None
) -> npt.NDArray[Any]:
    """Lay out cells without ticks; those past the last one, or the only one, stay empty."""
    room = max(1, num_cells)
    if columns is None:
        columns = _fitting_columns(room)
    columns = min(whole_number("columns", columns, least=1, such_as=6), room)
    rows = math.ceil(room / columns)
    if figure is None:
        above = 0.2 if title is None else 0.5
        figure = new_figure(columns * _CELL_INCHES, rows * (_CELL_INCHES + 0.15) + above)
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
    near = range(max(1, min(_MOST_COLUMNS, wide - 2)), min(_MOST_COLUMNS, wide + 2) + 1)
    return min(near, key=lambda columns: (-num_cells % columns, abs(columns - wide)))


def _titled_grid(
    images: npt.NDArray[Any],
    titles: list[str],
    columns: int | None,
    figure: AnyFigure | None,
    title: str | None,
) -> npt.NDArray[Any]:
    """Show images of one scale, each under its title."""
    axes = _cell_grid(len(images), columns, figure, title)
    white = _white_level(images)
    for cell, picture, told in zip(axes.flat, images, titles, strict=False):
        _show(cell, picture, white, told)
    return axes


def _white_level(pictures: npt.NDArray[Any]) -> float:
    """Find the value of white: that of the type or, of floats, 1 or 255, whichever they keep to."""
    if pictures.dtype == bool:
        return 1
    if not np.issubdtype(pictures.dtype, np.floating):
        return 65535 if pictures.dtype == np.uint16 else 255
    peak = _peak_level(pictures)
    return next((level for level in (1, 255) if peak <= level), peak)


def _peak_level(picture: npt.NDArray[Any]) -> float:
    """Find the greatest value, for what is of no scale known beforehand; at least a little."""
    return float(np.nanmax(picture, initial=1e-6))


def _show(cell: Axes, picture: npt.NDArray[Any], white: float, title: str = "") -> None:
    """Draw one picture, of shape (H, W) or (H, W, C), from 0 to white with hard pixels."""
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[..., 0]
    if picture.ndim == 3:  # matplotlib scales grey alone
        picture = np.clip(picture / white, 0, 1)
    cell.imshow(picture, cmap="gray", vmin=0, vmax=white, interpolation="nearest")
    cell.set_title(title, fontsize=9, pad=3)


def _mark_wrong(cell: Axes) -> None:
    """Make a cell stand out: a thick frame and a bold title, both in vermilion."""
    for spine in cell.spines.values():
        spine.set_color(VERMILION)
        spine.set_linewidth(3)
    cell.title.set_color(VERMILION)
    cell.title.set_fontweight("bold")


def _check_images(name: str, images: npt.ArrayLike) -> npt.NDArray[Any]:
    """Check for a batch of pictures: (N, H, W) or (N, H, W, C)."""
    array = array_of(name, images)
    if array.ndim == 3 or (array.ndim == 4 and array.shape[3] in _CHANNELS):
        return array
    raise InvalidArgumentError(
        argument=name,
        rule="have shape (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels",
        got=array.shape,
        remedy="Put a single image into a list.",
    )
