"""Training the network that tells one digit's ink from all else, on few and small pages."""

import dataclasses

import numpy as np
import pytest

from digitcnn import train
from digitcnn.exporting import export
from digitcnn.preprocessing import INK_SIDE
from digitcnn.synthesis import GlyphBank, draw_digits, draw_page
from digitcnn.training import RECIPES, Pages

keras = pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
from digitcnn.training.ink import ink_examples, ink_loss  # noqa: E402 - once Keras is there


@pytest.fixture(scope="module")
def pages():
    """A few pages of one digit each."""
    bank, rng = GlyphBank(hands=3, seed=1), np.random.default_rng(2)
    return [draw_page(bank, rng, height=96, width=96, is_single=True) for _ in range(30)]


def test_examples_show_a_digit_with_its_ink_alone(pages):
    """A square of the usual contrast has the digit at about the size that `preprocess` looks at."""
    squares, ink = ink_examples(pages, np.random.default_rng(0))

    assert len(squares) == len(ink) > len(pages) / 2
    assert squares.shape[1:] == (INK_SIDE, INK_SIDE, 1)
    assert np.allclose(squares.mean(axis=(1, 2, 3)), 0, atol=1e-3)
    assert ink.shape[1:] == (INK_SIDE // 2, INK_SIDE // 2, 4)
    assert ink.min() >= 0
    assert ink.max() <= 1
    for cells in ink:
        rows, columns = np.nonzero(cells.max(axis=-1) > 0.25)
        assert 20 <= 2 * max(np.ptp(rows), np.ptp(columns)) <= INK_SIDE


def test_loss_is_small_where_the_map_is_the_ink(pages):
    """The true map costs next to nothing, an empty one more, its opposite most."""
    _, ink = ink_examples(pages, np.random.default_rng(0))
    ink = np.rint(ink)

    true, empty, opposite = (
        float(ink_loss(keras.ops.array(ink), keras.ops.array(logits, "float32")))
        for logits in (20 * (2 * ink - 1), np.full_like(ink, -20), 20 * (1 - 2 * ink))
    )

    assert true < 0.01 < empty < opposite


def test_training_goes_from_drawn_pages_to_a_network_for_onnx_runtime(tmp_path):
    """The recipe learns, measures itself by Dice's coefficient, and exports what it learnt."""
    images, labels = draw_digits(8, seed=0)
    recipe = dataclasses.replace(
        RECIPES["ink"],
        name="ink-test",
        epochs=2,
        batch_size=32,
        pages=Pages(count=256, height=128, width=128, hands=2, is_single=True),
    )

    run = train(images, labels, recipe=recipe, validation_size=2, run_dir=tmp_path / "run")

    assert 0 < run.metrics["validation_ink_dice"] < 1
    assert export(run, tmp_path / "ink.onnx").stat().st_size > 0
