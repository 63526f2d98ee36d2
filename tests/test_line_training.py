"""Training the network that reads lines, on few and small pages."""

import numpy as np
import pytest
from trainings import few_pages, page_recipe

from digitcnn import train
from digitcnn.detection.line_reading import HEIGHT, STRIDE, text_logs
from digitcnn.synthesis import GlyphBank, Page, draw_digits, draw_page
from digitcnn.synthesis.pages import NOTHING
from digitcnn.training import Pages

keras = pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
from digitcnn.training.lines import line_examples, line_loss  # noqa: E402 - once Keras is there


@pytest.fixture(scope="module")
def pages():
    """A few pages of drawn hands."""
    return few_pages(12)


def test_examples_are_lines_with_what_stands_in_them(pages):
    """Each line is as tall, padded with no ink, and its symbols are digits and signs of a page."""
    lines, targets = line_examples(pages, np.random.default_rng(0))

    assert lines.shape[1:] == (HEIGHT, 256, 2)
    assert len(lines) == len(targets) > len(pages) / 2
    labels = {label for page in pages for label in page.labels.tolist()}
    drawn = {17 if label == NOTHING else label + 1 for label in labels}
    for line, (columns, *text) in zip(lines, targets.tolist(), strict=True):
        symbols = [symbol for symbol in text if symbol]
        assert symbols
        assert set(symbols) <= drawn
        assert (line[:, columns * STRIDE :, 1] == -1).all()
        assert len(symbols) < columns


@pytest.mark.parametrize("seed", range(4))
def test_what_is_no_digit_in_a_line_has_a_symbol_of_its_own(seed, monkeypatch):
    """A dollar's sign before a number is cut out with it, and is neither a digit nor nothing."""
    monkeypatch.setattr("digitcnn.synthesis.pages._PATTERNS", ((1, "$D"),))
    bank, rng = GlyphBank(hands=3, seed=1), np.random.default_rng(seed)
    drawn = [draw_page(bank, rng, height=96, width=160) for _ in range(60)]
    drawn = [page for page in drawn if NOTHING in page.labels.tolist()]

    _, targets = line_examples(drawn, np.random.default_rng(0))

    texts = [target[target > 0] for target in targets[:, 1:]]
    with_sign = [text for text in texts if 17 in text]
    assert len(with_sign) > len(texts) / 2
    assert all(text[0] == 17 for text in with_sign)


def test_what_holds_no_line_gives_no_example():
    """An empty page teaches nothing, and a batch of such pages is no batch."""
    blank = np.zeros((64, 64), np.uint8)
    page = Page(blank, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), blank)

    lines, targets = line_examples([page], np.random.default_rng(0))

    assert len(lines) == len(targets) == 0


def test_the_loss_is_how_improbable_each_symbol_is():
    """What the forward pass of reading says of a text, for each digit, without the padding."""
    rng = np.random.default_rng(4)
    maps = rng.normal(0, 2, (1, 1, 20, 17)).astype(np.float32)
    maps[..., 11:] = -60  # no signs
    targets = np.array([[12, 2, 2, 9, 0, 0]], np.int32)

    loss = float(line_loss(keras.ops.array(targets), keras.ops.array(maps)))

    logits = maps[0, 0, :12, :11].astype(np.float64)
    logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    assert loss == pytest.approx(-text_logs(logs, np.array([[1, 1, 8]]))[0] / 3, rel=1e-4)


def test_a_training_tells_how_many_lines_it_reads(tmp_path):
    """The run's metric is that of lines that were kept apart, and the loss falls."""
    pages = Pages(count=8, height=96, width=96, hands=2)
    recipe = page_recipe("lines", epochs=2, batch_size=4, pages=pages)

    run = train(*draw_digits(40, seed=3), recipe=recipe, run_dir=tmp_path, verbose=0)

    assert run.metrics.keys() == {"validation_text_accuracy"}
    assert np.isfinite(run.history["loss"]).all()
    assert run.history["loss"][-1] < run.history["loss"][0]
    assert run.model.output_shape == (None, 1, None, 18)
