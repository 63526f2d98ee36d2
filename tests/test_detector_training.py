"""Training the network that finds every digit of a page, on few and small pages."""

import numpy as np
import pytest
from trainings import few_pages, page_recipe

from digitcnn import evaluation, train
from digitcnn.detection.boxes import BOX, DIGIT, INK, NAMES, NUM_CHANNELS, SIGN, find_peaks
from digitcnn.errors import InvalidArgumentError
from digitcnn.synthesis import Page, draw_digits
from digitcnn.training import Pages

keras = pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
from digitcnn.training.detector import (  # noqa: E402 - once Keras is known to be there
    BOX_TARGET,
    BOX_WEIGHT,
    HEAT,
    INK_TARGET,
    NAME_TARGET,
    VALID,
    make_targets,
    page_loss,
)


@pytest.fixture(scope="module")
def pages():
    """A few pages of drawn hands."""
    return few_pages(8)


def perfect_maps(page):
    """Write the maps that a network without fault would give."""
    targets = make_targets(page)
    maps = np.zeros((*targets.shape[:2], NUM_CHANNELS), np.float32)
    heat = targets[..., HEAT].clip(1e-6, 1 - 1e-6)
    maps[..., DIGIT : SIGN.stop] = np.log(heat / (1 - heat))
    maps[..., NAMES] = 10 * targets[..., NAME_TARGET]
    maps[..., BOX] = targets[..., BOX_TARGET]
    maps[..., INK] = 20 * targets[..., INK_TARGET] - 10
    return maps


def test_what_is_taught_is_what_is_read(pages):
    """Maps as the targets want them give back each digit's box and name."""
    found = [find_peaks(perfect_maps(page), least=0.9)[0] for page in pages]

    scores = evaluation.evaluate_detection(found, pages, overlap=0.9)

    assert sum((page.labels < 10).sum() for page in pages) > 10
    assert scores.precision == 1
    assert scores.recall > 0.9  # two digits may share a cell
    assert scores.digit_accuracy == 1


def test_what_the_edge_cuts_is_not_taught():
    """A box marked as cut leaves its cells out; one inside it is taught all the same."""
    boxes = np.array([[0, 0, 32, 32], [12, 12, 20, 20]], np.float32)
    blank = np.zeros((32, 64), np.uint8)

    targets = make_targets(Page(blank, boxes, np.array([-1, 13]), blank))

    assert targets[:, :8, VALID].sum() == 1
    assert targets[:, 9:, VALID].all()
    assert targets[4, 4, HEAT].tolist() == [0, 0, 0, 0, 1, 0, 0]  # a slash, the fourth sign
    assert targets[..., BOX_WEIGHT].sum() == pytest.approx(1 + 8 * 0.3)
    assert not targets[..., NAME_TARGET].any()


def test_the_loss_is_least_where_the_maps_are_right(pages):
    """Right maps cost next to nothing; any part of them that is wrong costs more."""
    targets = np.stack([make_targets(page) for page in pages])
    right = np.stack([perfect_maps(page) for page in pages])

    def loss(maps):
        return float(page_loss(keras.ops.array(targets), keras.ops.array(maps)))

    for part in (slice(0, 7), NAMES, BOX, INK):
        wrong = right.copy()
        wrong[..., part] = -wrong[..., part]
        assert loss(wrong) > loss(right) + 0.2
    assert loss(right) < 1


def test_scores_count_what_is_found_missed_and_misnamed():
    """One digit found and one misnamed, one missed, one found that is none, one at the edge."""
    boxes = [[0, 0, 8, 8], [10, 0, 18, 8], [20, 0, 28, 8], [30, 0, 38, 8], [60, 0, 68, 8]]
    blank = np.zeros((32, 64), np.uint8)
    page = Page(blank, np.array(boxes, np.float32), np.array([3, 4, 5, 12, -1]), blank)
    probabilities = np.eye(10, dtype=np.float32)[[3, 3, 7, 7]]
    found = evaluation.Detections(
        np.array([boxes[0], boxes[1], [40, 0, 48, 8], boxes[4]], np.float32),
        np.full(4, 0.9, np.float32),
        probabilities,
    )

    scores = evaluation.evaluate_detection([found], [page])

    assert scores == (2 / 3, 2 / 3, 1 / 2)


def test_a_training_tells_what_it_finds(detector_run):
    """The run's metrics are those of pages that were kept apart."""
    assert np.isfinite(detector_run.history["loss"]).all()
    names = ("precision", "recall", "digit_accuracy")
    assert detector_run.metrics.keys() == {f"validation_{name}" for name in names}


@pytest.mark.slow
def test_training_learns(tmp_path):
    """A few hundred steps on small pages find some digits."""
    pages = Pages(count=800, height=64, width=96, hands=30)
    recipe = page_recipe(epochs=3, batch_size=8, pages=pages)

    run = train(*draw_digits(40, seed=3), recipe=recipe, run_dir=tmp_path, verbose=0)

    assert run.history["loss"][-1] < 0.7 * run.history["loss"][0]


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (page_recipe, {"pages": None}, "`pages` must be Pages for the architecture reader"),
        (page_recipe, {"architecture": "base"}, "`pages` must be Pages for the architecture read"),
        (page_recipe, {"damaged": 5}, "`damaged` must be left out for the architecture 'reader'"),
        (page_recipe, {"clip_norm": -1}, "`clip_norm` must be at least 0 and finite"),
        (Pages, {"height": 100}, "`height` must be a multiple of 32; got 100"),
        (Pages, {"count": 0}, "`count` must be"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(make, options, message):
    """Pages are for what finds digits, of sides that it takes; drawn digits for what names them."""
    with pytest.raises(InvalidArgumentError, match=message):
        make(**options)
