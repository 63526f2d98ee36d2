"""Charts of measures: training curves, the confusion matrix, the reliability diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from digitcnn._checks import NUM_CLASSES, array_of, label_array, whole_number
from digitcnn.errors import InvalidArgumentError, MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from digitcnn.evaluation import CalibrationBin

    AnyFigure: TypeAlias = Figure | SubFigure

# Okabe and Ito, "Color Universal Design", 2008: told apart with any kind of colour vision.
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GRAY = "#767676"

_SUM_TOLERANCE = 1e-3
_VALIDATION = "val_"
_NO_CURVES = ("learning_rate", "lr", "epoch", "time")
_LOWER_IS_BETTER = ("loss", "error")
_MOST_BINS = 1_000  # a bar to each pixel
_NORMAL_95 = 1.96  # standard deviations that hold 95 % of a normal distribution


def new_figure(width: float, height: float) -> Figure:
    """Make a figure that belongs to nobody but its caller; width and height are in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise _missing("digitcnn.plots needs matplotlib and seaborn; they are") from error
    return Figure(figsize=(width, height), layout="constrained")


def _missing(what: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{what} not installed.", remedy='Type: pip install "digitcnn[plots]"'
    )


def single_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the caller's Axes, or those of a new figure."""
    return new_figure(width, height).add_subplot() if ax is None else ax


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
    if (array < 0).any() or not np.allclose(array.sum(axis=1), 1, atol=_SUM_TOLERANCE):
        raise InvalidArgumentError(
            argument="probabilities",
            rule="have rows that sum to 1 and hold nothing negative",
            got="others",
            remedy="Put logits through softmax first.",
        )
    return array


def training_curves(
    history: Mapping[str, Sequence[float]] | Any,
    *,
    title: str | None = None,
    figure: AnyFigure | None = None,
) -> npt.NDArray[Any]:
    """Draw each measure of a training run over its epochs, with validation beside it.

    Parameters
    ----------
    history : mapping of str to sequence of float, or an object that holds one as `history`
        One value an epoch; "val_loss" is the validation side of "loss". A `TrainingRun` and what
        Keras's `fit` returns do as well.
    title : str, optional
        What stands above the charts.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes, shape (number of measures,)
        A chart for each measure, the loss first; the best epoch on validation is ringed.

    Raises
    ------
    InvalidArgumentError
        If there is no curve, or curves differ in length.

    Examples
    --------
    >>> from digitcnn import plots
    >>> axes = plots.training_curves({"loss": [0.5, 0.2], "val_loss": [0.4, 0.3]})
    >>> axes[0].get_title()
    'Loss'
    """
    curves = _check_history(history)
    measures = [name for name in curves if not name.startswith(_VALIDATION)]
    measures.sort(key=lambda name: name != "loss")
    if figure is None:
        figure = new_figure(4.6 * len(measures), 3.6)
    if title is not None:
        figure.suptitle(title)
    axes: npt.NDArray[Any] = figure.subplots(1, len(measures), squeeze=False)[0]
    for ax, name in zip(axes, measures, strict=True):
        _draw_curves(ax, name, curves[name], curves.get(_VALIDATION + name))
    return axes


def _check_history(history: Any) -> dict[str, npt.NDArray[np.float64]]:
    """Take the curves out of a history, the learning rate left aside."""
    table = getattr(history, "history", history)
    if not isinstance(table, Mapping):
        raise InvalidArgumentError(
            f"`history` must be a mapping of names to values; got {type(history).__name__}. Pass "
            f"the history of a training run."
        )
    curves = {
        str(name): array_of("history", values, np.float64)
        for name, values in table.items()
        if str(name).removeprefix(_VALIDATION) not in _NO_CURVES
    }
    shapes = {values.shape for values in curves.values()}
    has_measure = any(not name.startswith(_VALIDATION) for name in curves)
    if not has_measure or len(shapes) != 1 or shapes == {(0,)} or len(next(iter(shapes))) != 1:
        raise InvalidArgumentError(
            f"`history` must hold one value for each epoch and measure; got lengths "
            f"{ {name: values.shape for name, values in curves.items()} }. Pass the history of a "
            f"run of at least one epoch."
        )
    return curves


def _draw_curves(
    ax: Axes,
    name: str,
    training: npt.NDArray[np.float64],
    validation: npt.NDArray[np.float64] | None,
) -> None:
    """Draw one measure: training solid, validation dashed, its best epoch ringed."""
    from matplotlib.ticker import MaxNLocator

    epochs = np.arange(1, len(training) + 1)
    ax.plot(epochs, training, "o-", color=BLUE, markersize=3, label="training")
    if validation is not None:
        ax.plot(epochs, validation, "s--", color=VERMILION, markersize=3, label="validation")
    if validation is not None and np.isfinite(validation).any():
        is_cost = any(word in name for word in _LOWER_IS_BETTER)
        best = int(np.nanargmin(validation) if is_cost else np.nanargmax(validation))
        label = f"best: {validation[best]:.4g} in epoch {best + 1}"
        ring: dict[str, Any] = {"facecolors": "none", "edgecolors": "black", "zorder": 3}
        ax.scatter(epochs[best], validation[best], s=90, label=label, **ring)
    ax.set_title(name.replace("_", " ").capitalize())
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)


def confusion_matrix(
    confusion: Any,
    predictions: npt.ArrayLike | None = None,
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a confusion matrix as a heat map in which the mistakes show.

    Only the mistakes are coloured: beside a thousand right answers, five wrong ones would
    otherwise be as pale as none. The right ones stand in grey on the diagonal.

    Parameters
    ----------
    confusion : array-like of int, shape (K, K), or Evaluation
        How many images of each true class (row) were read as each class (column); or, with
        `predictions`, the true digits, of shape (N,), as scikit-learn has it.
    predictions : array-like of int, shape (N,), optional
        What the images were read as.
    title : str, optional
        What stands above; by default the share and number of right answers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The heat map.

    Raises
    ------
    InvalidArgumentError
        If the matrix is not square, or holds anything but counts.

    Examples
    --------
    >>> from digitcnn import plots
    >>> plots.confusion_matrix([7, 2, 1], [7, 2, 7]).get_title()
    '2 of 3 right (66.67%)'
    """
    if predictions is None:
        counts = _check_confusion(getattr(confusion, "confusion", confusion))
    else:
        counts = _count(confusion, predictions)
    ax = single_axes(ax, 6.4, 5.6)
    try:
        import seaborn as sns
    except ImportError as error:
        raise _missing("confusion_matrix() needs seaborn; it is") from error
    from matplotlib.ticker import MaxNLocator

    is_right = np.eye(len(counts), dtype=bool)
    mistakes = np.where(is_right, 0, counts)
    texts = np.where(counts == 0, "", counts.astype(str))
    looks = {"annot": texts, "fmt": "", "annot_kws": {"fontsize": 9}, "square": True}
    heat = {"cmap": "Blues", "vmin": 0, "vmax": max(1, mistakes.max()), "linewidths": 0.5}
    bar = {"label": "mistakes", "ticks": MaxNLocator(integer=True, min_n_ticks=1)}
    sns.heatmap(mistakes, mask=is_right, ax=ax, cbar_kws=bar, **looks, **heat)
    plain = {"cmap": ["#E6E6E6"], "cbar": False, "linewidths": 0.5}
    sns.heatmap(counts, mask=~is_right, ax=ax, **looks, **plain)
    ax.set_xlabel("read as")
    ax.set_ylabel("true digit")
    ax.tick_params(length=0, rotation=0)
    right, total = int(counts.trace()), int(counts.sum())
    share = f" ({right / total:.2%})" if total else ""
    ax.set_title(f"{right:,} of {total:,} right{share}" if title is None else title)
    return ax


def _count(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Count how often each digit was read as each."""
    truths = label_array(labels, num_classes=NUM_CLASSES)
    try:
        answers = label_array(predictions, num_images=len(truths), num_classes=NUM_CLASSES)
    except InvalidArgumentError as error:
        error.argument = "predictions"
        raise
    counts = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    np.add.at(counts, (truths, answers), 1)
    return counts


def _check_confusion(confusion: npt.ArrayLike) -> npt.NDArray[Any]:
    counts = array_of("confusion", confusion)
    is_square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] > 0
    if not is_square or not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise InvalidArgumentError(
            f"`confusion` must be a square matrix of counts; got {counts.dtype} of shape "
            f"{counts.shape}. Pass evaluate(...), or the true digits and the predictions."
        )
    return counts


def reliability_diagram(
    probabilities: Any,
    labels: npt.ArrayLike | None = None,
    *,
    bins: int = 15,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often answers are right against how sure they are.

    Parameters
    ----------
    probabilities : array-like of float, shape (N, 10), or Evaluation
        What `predict_proba` gives; rows sum to 1. An evaluation brings its labels along.
    labels : array-like of int, shape (N,), optional
        The true digits.
    bins : int
        Ranges of equal width into which confidence is parted, at most 1,000.
    title : str, optional
        What stands above; by default the expected calibration error [1]_.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        Points on the dashed line are calibrated; bars are Wilson's 95 % intervals. A chart of its
        own at the top counts the images in each range.

    Raises
    ------
    InvalidArgumentError
        If a shape is another, a row does not sum to 1, or there is no image.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger, International Conference on Machine Learning, 2017.
    """
    # Not before it is needed: `digitcnn read --draw` draws boxes by this package, too.
    from digitcnn.evaluation import calibration_bins, expected_calibration_error

    if labels is None:
        labels = getattr(probabilities, "labels", None)
        probabilities = getattr(probabilities, "probabilities", probabilities)
    rows = check_probabilities(probabilities)
    truths = label_array(labels, num_images=len(rows), num_classes=NUM_CLASSES)
    bins = whole_number("bins", bins, least=1, most=_MOST_BINS, such_as=15)
    if not len(rows):
        raise InvalidArgumentError(
            "`probabilities` must hold at least one row; got none. Pass those of some images."
        )
    confidence = np.clip(rows.max(axis=1), 0, 1)
    is_right = rows.argmax(axis=1) == truths
    ranges = calibration_bins(confidence, is_right, bins)
    filled = [each for each in ranges if each.num_images]
    counts, sureness, accuracy = (
        np.array([getattr(each, name) for each in filled])
        for name in ("num_images", "confidence", "accuracy")
    )

    ax = single_axes(ax, 4.8, 5.0)
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label="as sure as right")
    reach = _wilson_reach(accuracy, counts)
    label = "answers, 95 % interval"
    ax.errorbar(sureness, accuracy, yerr=reach, fmt="o", color=BLUE, capsize=3, label=label)
    ax.set(
        xlim=(0, 1),
        ylim=(-0.02, 1.03),
        yticks=np.linspace(0, 1, 6),
        xlabel="confidence",
        ylabel="share right",
    )
    ax.grid(alpha=0.3)
    # Below: inside, there is no corner that no points ever come to.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)
    _draw_counts(ax, ranges)
    error = expected_calibration_error(ranges)
    name = f"Expected calibration error {error:.2%}" if title is None else title
    # The chart of counts stands between.
    ax.set_title(name, pad=70)
    return ax


def _wilson_reach(
    share: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return how far Wilson's 95 % interval reaches below and above each share: shape (2, K)."""
    z2 = _NORMAL_95**2 / counts
    center = (share + z2 / 2) / (1 + z2)
    half = np.sqrt(share * (1 - share) * z2 + z2**2 / 4) / (1 + z2)
    return np.maximum(0, np.stack([share - (center - half), center + half - share]))


def _draw_counts(ax: Axes, ranges: Sequence[CalibrationBin]) -> None:
    """Draw the number of images in each range above the diagram, on the same x-axis."""
    top = ax.inset_axes((0, 1.03, 1, 0.16), sharex=ax)
    counts = [each.num_images for each in ranges]
    lowest = [each.lower for each in ranges]
    top.bar(lowest, counts, width=1 / len(counts), align="edge", color=ORANGE, edgecolor="w")
    top.set_yscale("log")
    top.set_ylim(0.7, 3 * max(counts))
    top.set_yticks(sorted({1, 10 ** int(np.log10(max(counts)))}))
    top.minorticks_off()
    top.set_ylabel("images", fontsize=8)
    top.tick_params(labelbottom=False, labelsize=8)
