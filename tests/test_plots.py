"""Charts: what stands in them, what is marked, and that nothing overlaps."""

from __future__ import annotations

import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from digitcnn import plots, preprocess
from digitcnn.errors import InvalidArgumentError, MissingDependencyError
from digitcnn.evaluation import Evaluation
from digitcnn.preprocessing import Step
from digitcnn.readings import Digit, Line, Mark, Reading
from digitcnn.synthesis import draw_digits

pytest.importorskip("matplotlib")
pytest.importorskip("seaborn")

from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS = np.arange(12) % 10


def sure_of(answers, confidence=0.91):
    """Give probabilities that name these answers."""
    rows = np.full((len(answers), 10), (1 - confidence) / 9)
    rows[np.arange(len(answers)), answers] = confidence
    return rows


def two_lines():
    """Give a picture of two lines, and what might have been read in it."""

    def digit(value, left, top, confidence):
        return Digit(value, (left, top, left + 20, top + 30), confidence, sure_of([value])[0])

    first = Line((digit(4, 10, 8, 0.99), digit(2, 40, 8, 0.7)), (Mark(",", (31, 30, 36, 44), 0.6),))
    second = Line((digit(7, 20, 44, 0.3),))
    return np.zeros((100, 120), np.uint8), Reading((first, second), (120, 100))


def titles(axes):
    """List the titles of all cells in use."""
    return [cell.get_title() for cell in axes.flat if cell.axison]


def is_marked(cell):
    """Say whether a cell stands out as wrong: by its frame, of its title's colour."""
    title = colors.to_rgba(cell.title.get_color())
    return all(
        colors.to_rgba(spine.get_edgecolor()) == title and spine.get_linewidth() > 2
        for spine in cell.spines.values()
    )


def overlapping_texts(figure):
    """List the pairs of texts that lie on each other when the figure is drawn."""
    figure.draw_without_rendering()
    texts = [
        text
        for text in dict.fromkeys(figure.findobj(Text))  # some are found twice
        if text.get_visible() and text.get_text().strip()
    ]
    boxes = {text: text.get_window_extent() for text in texts}
    return [
        (one.get_text(), other.get_text())
        for one, other in itertools.combinations(texts, 2)
        if boxes[one].width and boxes[other].width and boxes[one].overlaps(boxes[other])
    ]


def every_chart():
    """Draw each chart once, with labels as long as they get."""
    probabilities = sure_of((LABELS + 1) % 10, 0.9999)
    history = {"loss": [2.0, 1.0, 0.5], "val_loss": [1.0, 0.4, 0.6], "accuracy": [0.5, 0.7, 0.9]}
    confusion = np.full((10, 10), 12) + np.diag(np.full(10, 1123))
    stages = [Step(name, IMAGES[0], "Why.") for name in ("grayscale", "ink", "20 pixels")]
    return {
        "sample_grid": plots.sample_grid(IMAGES, LABELS, title="Samples"),
        "prediction_grid": plots.prediction_grid(IMAGES, probabilities, LABELS, title="Read"),
        "misclassified": plots.misclassified(IMAGES, probabilities, LABELS),
        "augmentation_preview": plots.augmentation_preview(IMAGES[0], IMAGES),
        "steps": plots.steps(stages * 2, title="seven.jpg"),
        "filters": plots.filters(RNG.normal(size=(3, 3, 1, 8))),
        "feature_maps": plots.feature_maps(RNG.random((26, 26, 12))),
        "training_curves": plots.training_curves(history, title="Run"),
        "confusion_matrix": plots.confusion_matrix(confusion),
        "reading": plots.reading(*two_lines()),
        "reliability_diagram": plots.reliability_diagram(probabilities, LABELS),
    }


def test_charts_stand_on_figures_of_their_own():
    """Each gives Axes on one new figure, unknown to pyplot, on which no text lies on another."""
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    charts = every_chart()

    assert charts.keys() == set(plots.__all__)
    for name, chart in charts.items():
        cells = np.ravel(chart)
        assert all(isinstance(cell, Axes) for cell in cells), name
        assert {type(cell.figure) for cell in cells} == {Figure}, name
        assert len({id(cell.figure) for cell in cells}) == 1, name
        assert overlapping_texts(cells[0].figure) == [], name
    assert plt.get_fignums() == before


def test_charts_are_drawn_where_the_caller_says():
    """A figure, or Axes, of the caller's are used and given back."""
    figure = Figure()
    first, second, third = Figure().subplots(1, 3)

    cells = plots.sample_grid(IMAGES, figure=figure)

    assert all(cell.figure is figure for cell in cells.flat)
    assert plots.confusion_matrix(np.eye(3, dtype=int), ax=first) is first
    assert plots.reliability_diagram(sure_of([1]), [1], ax=second) is second
    assert plots.reading(*two_lines(), ax=third) is third


def test_sample_grid_titles_each_cell_with_its_label():
    """Cells stand in the order of the images; the rest is empty, and no cell has ticks."""
    axes = plots.sample_grid(IMAGES[:7], LABELS[:7], columns=4, title="Seven digits")

    assert axes.shape == (2, 4)
    assert titles(axes) == ["0", "1", "2", "3", "4", "5", "6"]
    assert np.array_equal(axes[1, 2].images[0].get_array(), IMAGES[6])
    assert not axes[1, 3].axison
    assert all(len(cell.get_xticks()) == len(cell.get_yticks()) == 0 for cell in axes.flat)
    assert axes[0, 0].figure.get_suptitle() == "Seven digits"
    assert len(titles(plots.sample_grid(np.zeros((5000, 4, 4)), count=6))) == 6
    assert titles(plots.sample_grid(np.zeros((0, 28, 28)))) == []


def test_prediction_grid_marks_the_wrong_ones_alone():
    """A wrong answer has its own wording, a thick frame and a bold title; a right one none."""
    answers = LABELS.copy()
    answers[[2, 5]] = [7, 1]

    axes = plots.prediction_grid(IMAGES, sure_of(answers), LABELS)

    assert [index for index, cell in enumerate(axes.flat) if is_marked(cell)] == [2, 5]
    assert titles(axes)[1:3] == ["1  91 %", "7, not 2  91 %"]
    assert axes.flat[5].title.get_fontweight() == "bold"
    unlabelled = plots.prediction_grid(IMAGES[:2], sure_of([4, 5], 0.9999))
    assert not any(is_marked(cell) for cell in unlabelled.flat)
    assert titles(unlabelled) == ["4  100 %", "5  100 %"]


def test_misclassified_shows_the_surest_mistakes_first():
    """Right ones are left out, and the title counts."""
    answers = np.array([0, 5, 7, 3])
    rows = np.concatenate([sure_of(answers[:2], 0.6), sure_of(answers[2:], 0.8)])

    axes = plots.misclassified(IMAGES[:4], rows, LABELS[:4])

    assert titles(axes) == ["7, not 2  80 %", "5, not 1  60 %"]
    assert axes[0, 0].figure.get_suptitle() == "2 of 4 misread"
    faultless = plots.misclassified(IMAGES, sure_of(LABELS), LABELS)
    assert faultless[0, 0].texts[0].get_text() == "0 of 12 misread"


def test_augmentation_preview_begins_with_the_original():
    """The original is named; the variants follow."""
    axes = plots.augmentation_preview(IMAGES[0], IMAGES[1:6], columns=3)

    assert axes.shape == (2, 3)
    assert titles(axes) == ["original", "", "", "", "", ""]
    assert np.array_equal(axes[0, 1].images[0].get_array(), IMAGES[1])


def test_steps_are_numbered_named_and_measured():
    """Each step shows its place in the order, its name and its size, width first."""
    axes = plots.steps([Step("grayscale", np.ones((40, 30)), ""), Step("centred", IMAGES[0], "")])

    assert axes.shape == (1, 2)
    assert titles(axes) == ["1. grayscale", "2. centred"]
    assert [cell.get_xlabel() for cell in axes.flat] == ["30 x 40", "28 x 28"]


def test_filters_share_one_scale_about_zero():
    """A colour means the same weight in every kernel, and a bar says which."""
    kernels = RNG.normal(size=(5, 5, 1, 6))

    axes = plots.filters(kernels, columns=3)

    peak = np.abs(kernels).max()
    assert titles(axes) == ["0", "1", "2", "3", "4", "5"]
    assert {cell.images[0].get_clim() for cell in axes.flat} == {(-peak, peak)}
    assert axes[0, 0].figure.axes[-1].get_ylabel() == "weight"


def test_filters_are_found_in_a_network():
    """A network, or a run that has one, shows its first convolution's kernels."""
    keras = pytest.importorskip("keras", reason="networks need digitcnn[tensorflow]")
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(5, 3)])
    run = SimpleNamespace(model=model)

    kernel = model.layers[0].get_weights()[0][:, :, 0, 0].astype(float)
    for each in (model, run):
        assert np.array_equal(plots.filters(each)[0, 0].images[0].get_array(), kernel)
    with pytest.raises(InvalidArgumentError, match="network with a convolution"):
        plots.filters(keras.Sequential([keras.Input((4,)), keras.layers.ReLU()]))


def test_feature_maps_take_one_image_with_or_without_its_batch():
    """The channels of one image are numbered, each drawn from 0 to its own peak."""
    maps = np.dstack([np.tile(np.linspace(0, peak, 26), (26, 1)) for peak in (0.3, 7.0)])

    for axes in (plots.feature_maps(maps), plots.feature_maps(maps[None])):
        assert titles(axes) == ["0", "1"]
        assert [cell.images[0].get_clim() for cell in axes.flat] == [(0, 0.3), (0, 7.0)]
        assert np.array_equal(axes.flat[1].images[0].get_array(), maps[..., 1])


def test_training_curves_give_each_measure_a_chart():
    """The loss comes first, the learning rate is no measure; a run carries its history along."""
    history = {"accuracy": [0.5, 0.9], "loss": [1.0, 0.5], "learning_rate": [1e-3, 1e-4]}

    axes = plots.training_curves(SimpleNamespace(history=history))
    diverged = plots.training_curves({"loss": [np.nan] * 2, "val_loss": [np.nan] * 2})[0]

    assert [ax.get_title() for ax in axes] == ["Loss", "Accuracy"]
    assert [ax.get_xlabel() for ax in axes] == ["epoch", "epoch"]
    assert all(tick == int(tick) for tick in axes[0].get_xticks())
    assert diverged.get_legend_handles_labels()[1] == ["training", "validation"]


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [("loss", [0.5, 0.2, 0.3], "0.2"), ("accuracy", [0.5, 0.9, 0.8], "0.9")],
)
def test_training_curves_ring_the_best_epoch_of_validation(name, values, best):
    """Least for a loss, most for an accuracy; training and validation differ in form too."""
    ax = plots.training_curves({name: [0.5, 0.5, 0.5], f"val_{name}": values})[0]

    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["training", "validation", f"best: {best} in epoch 2"]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert len({line.get_color() for line in ax.lines}) == 2
    assert ax.collections[0].get_offsets().tolist() == [[2.0, float(best)]]


def test_confusion_matrix_colours_the_mistakes_alone():
    """Ten ticks each way, empty cells where nothing happened, counts elsewhere."""
    confusion = np.diag(np.full(10, 100))
    confusion[4, 9] = 3

    ax = plots.confusion_matrix(confusion)

    digits = [str(digit) for digit in range(10)]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == digits
    assert [tick.get_text() for tick in ax.get_yticklabels()] == digits
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("read as", "true digit")
    assert sorted(text.get_text() for text in ax.texts if text.get_text()) == ["100"] * 10 + ["3"]
    where = next(text.get_position() for text in ax.texts if text.get_text() == "3")
    assert where == (9.5, 4.5)  # column 9, row 4
    assert ax.collections[0].get_clim() == (0, 3)
    assert ax.get_title() == "1,000 of 1,003 right (99.70%)"


def test_an_evaluation_brings_its_labels_along():
    """What is measured is drawn as its probabilities and labels are."""
    rows, labels, answers = sure_of([1] * 10, 0.8), [1] * 8 + [2] * 2, [1] * 10
    evaluation = Evaluation(labels, rows)

    for chart, arguments in (
        (plots.reliability_diagram, (rows, labels)),
        (plots.confusion_matrix, (labels, answers)),
    ):
        assert chart(evaluation).get_title() == chart(*arguments).get_title()
    with pytest.raises(InvalidArgumentError, match="labels"):
        plots.reliability_diagram(rows)


def test_reliability_diagram_puts_points_at_confidence_and_share_right():
    """Of ten answers with 0.8, eight right: on the line, no calibration error."""
    labels = np.array([1] * 8 + [2] * 2)

    ax = plots.reliability_diagram(sure_of([1] * 10, 0.8), labels)

    points = ax.containers[0].lines[0].get_xydata()
    assert points == pytest.approx(np.array([[0.8, 0.8]]))
    assert ax.get_title() == "Expected calibration error 0.00%"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("confidence", "share right")
    counts = [bar.get_height() for bar in ax.child_axes[0].patches]
    assert sum(counts) == 10
    too_sure = plots.reliability_diagram(sure_of([1, 1], 0.9), [1, 2], title=None)
    assert too_sure.get_title() == "Expected calibration error 40.00%"


REFUSED = [
    (plots.sample_grid, (IMAGES[0],), r"`images` must have shape \(N, H, W\).*\(28, 28\)"),
    (plots.prediction_grid, (IMAGES, sure_of([1])), r"`probabilities` must have shape \(12, 10\)"),
    (plots.prediction_grid, (IMAGES, np.ones((12, 10))), "must have rows that sum to 1.*softmax"),
    (plots.steps, ([IMAGES[0]],), "`steps` must hold objects with a `name`"),
    (plots.filters, (np.ones((3, 3, 2, 4)),), r"`kernels` must have shape .*\(3, 3, 2, 4"),
    (plots.feature_maps, (np.ones((2, 4, 4, 3)),), r"`maps` must have shape \(H, W, N\)"),
    (plots.training_curves, ([1, 2],), "`history` must be a mapping.*list"),
    (plots.training_curves, ({"lr": [1.0]},), "`history` must hold one value for each"),
    (plots.confusion_matrix, (np.ones((2, 3), int),), "`confusion` must be a square"),
    (plots.reliability_diagram, (np.zeros((0, 10)), []), "`probabilities` must hold at least one"),
    (plots.reliability_diagram, (np.eye(10)[[3]], [77]), r"`labels` must lie in 0..9; got 77"),
    (plots.reading, (two_lines()[0], "42"), "`reading` must be a Reading; got str"),
    (plots.reading, (two_lines()[0], Reading((), (30, 20))), "of 120 x 100 pixels; got one of 30"),
]


@pytest.mark.parametrize(("function", "arguments", "message"), REFUSED)
def test_what_no_chart_can_show_is_refused(function, arguments, message):
    """A wrong shape or kind is named, with what was found."""
    with pytest.raises(InvalidArgumentError, match=message):
        function(*arguments)


@pytest.mark.parametrize("package", ["matplotlib.figure", "seaborn"])
def test_a_missing_package_is_told_with_its_extra(monkeypatch, package):
    """The extra is named, not the missing module alone."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingDependencyError, match=r'pip install "digitcnn\[plots\]"'):
        plots.confusion_matrix(np.eye(10, dtype=int))


# The same digits in each form; preprocessing leaves them as they are from then on.
DIGITS = preprocess(draw_digits(12, seed=3)[0])
FORMS = {
    "uint8": np.rint(DIGITS[..., 0] * 255).astype(np.uint8),
    "uint16": np.rint(DIGITS[..., 0] * 65535).astype(np.uint16),
    "float 0..1": DIGITS[..., 0],
    "float 0..255": np.rint(DIGITS[..., 0] * 255).astype(np.float32),
    "preprocessed": DIGITS,
    "colour": np.repeat(np.rint(DIGITS * 255).astype(np.uint8), 3, axis=3),
}
OF_IMAGES = {
    "sample_grid": lambda images: plots.sample_grid(images, LABELS),
    "misclassified": lambda images: plots.misclassified(images, sure_of(LABELS[::-1]), LABELS),
    "steps": lambda images: plots.steps([Step("gray", each, "") for each in images[:2]]),
}


def rendered(axes):
    """Draw a chart's figure; give its pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(np.ravel(axes)[0].figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


@pytest.mark.parametrize("name", OF_IMAGES)
def test_every_form_of_a_picture_is_drawn_alike(name):
    """Integers, floats to 1 or to 255, a preprocessed batch and colour come to the same pixels."""
    expected, *others = (rendered(OF_IMAGES[name](images)) for images in FORMS.values())

    assert all(np.abs(other - expected).max() <= 1 for other in others)


def test_a_reading_is_drawn_around_and_beside_its_digits():
    """Each digit and sign has its frame, and its value beside it: above, or below if near more."""
    picture, reading = two_lines()

    ax = plots.reading(picture, reading)

    frames, plates, values = (ax.patches[first::3] for first in range(3))
    members = [each for line in reading.lines for each in (*line.digits, *line.marks)]
    assert [frame.get_bbox().extents.tolist() for frame in frames] == [
        list(each.box) for each in members
    ]
    assert [value.get_gid() for value in values] == ["4", "2", ",", "7"]
    assert ax.get_title() == "4,2   7   21 %"
    boxes = [plate.get_bbox() for plate in plates]
    is_above = [box.y1 <= each.box[1] for box, each in zip(boxes, members, strict=True)]
    assert is_above == [True, True, False, False]
    assert all(ax.viewLim.containsy(side) for box in boxes for side in (box.y0, box.y1))


def test_a_reading_says_how_sure_it_is():
    """Colours stand for confidence; only what is sure is filled, and a legend explains it."""
    ax = plots.reading(*two_lines())
    nothing = plots.reading(np.zeros((10, 30), np.uint8), Reading((), (30, 10)))

    plates = ax.patches[1::3]
    sure, *between, unsure = (plate.get_edgecolor() for plate in plates)
    assert between[0] == between[1]
    assert len({sure, unsure, *between}) == 3
    assert [plate.get_facecolor()[:3] == (1, 1, 1) for plate in plates] == [False, True, True, True]
    assert len(ax.get_legend().get_texts()) == 3
    assert (nothing.get_title(), len(nothing.patches)) == ("no digits", 0)
    assert nothing.get_legend() is None
