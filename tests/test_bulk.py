"""Jobs of many pictures: from any source to Parquet files, each picture once, errors as rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from digitcnn import DigitClassifier, bulk, read
from digitcnn.cli import main
from digitcnn.synthesis import draw_digits

pa = pytest.importorskip("pyarrow", reason="jobs need digitcnn[bulk]")
distributed = pytest.importorskip("distributed", reason="jobs need digitcnn[bulk]")
parquet = pytest.importorskip("pyarrow.parquet")

NUM_DIGITS = 30


@pytest.fixture(scope="module")
def scheduler():
    """Give the address of a scheduler in this process, with a worker."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def digits():
    """Give pictures of digits, and what they are."""
    return draw_digits(NUM_DIGITS, seed=5)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, digits):
    """Give a folder of them, in folders of their own, with a broken one, a blank one and a text."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, picture in enumerate(digits[0]):
        path = folder / str(number // 10) / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path)
    (folder / "broken.png").write_bytes(path.read_bytes()[:80])
    Image.new("L", (28, 28)).save(folder / "blank.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def rows_of(out):
    """Give the rows of a job's files."""
    return parquet.read_table(out / "shards").to_pylist()


def test_a_folder_is_answered_as_one_process_would(pictures, scheduler, tmp_path):
    """Every picture of a tree is one row, with the digit that `predict` gives, or its error."""
    summary = bulk.run(
        pictures, tmp_path / "out", task="predict", shard_size=7, scheduler=scheduler
    )

    rows = {row["source"]: row for row in rows_of(tmp_path / "out")}
    paths = sorted(map(str, pictures.rglob("*.png")))
    probabilities = DigitClassifier().predict_proba(paths, errors="return")
    assert sorted(rows) == paths
    assert len(rows_of(tmp_path / "out")) == len(paths)
    for path, each in zip(paths, probabilities, strict=True):
        row = rows[path]
        if np.isnan(each).any():
            assert (row["digit"], row["confidence"]) == (None, None)
            assert row["error"]
        else:
            assert row["digit"] == each.argmax()
            assert row["confidence"] == pytest.approx(each.max(), abs=1e-5)
    assert rows[str(pictures / "broken.png")]["code"] == "unreadable_image"
    assert rows[str(pictures / "blank.png")]["code"] == "no_digit"
    assert summary.num_answered == NUM_DIGITS
    assert summary.errors == {"no_digit": 1, "unreadable_image": 1}


def test_readings_have_text_and_boxes(pictures, scheduler, tmp_path):
    """The task "read" gives the text, the boxes and the confidence that `read` gives."""
    bulk.run(str(pictures / "0" / "00*.png"), tmp_path / "out", scheduler=scheduler)

    for row in rows_of(tmp_path / "out"):
        reading = read(row["source"])
        assert (row["text"], row["full_text"]) == (reading.text, reading.full_text)
        assert row["confidence"] == pytest.approx(reading.confidence, abs=1e-5)
        assert row["boxes"] == [pytest.approx(digit.box) for digit in reading.digits]


def test_the_command_prints_the_summary_and_the_manifest_keeps_it(
    pictures, scheduler, tmp_path, capsys
):
    """`digitcnn bulk` counts errors by code; the manifest keeps that and what was asked for."""
    words = ["bulk", str(pictures), "--out", str(tmp_path / "out"), "--task", "predict"]

    assert main([*words, "--scheduler", scheduler]) == 0

    printed = capsys.readouterr().out
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert f"{NUM_DIGITS} of {NUM_DIGITS + 2} pictures were read\n  1 no_digit" in printed
    assert manifest["is_complete"]
    assert manifest["schema_version"] == 1
    assert manifest["summary"]["errors"] == {"no_digit": 1, "unreadable_image": 1}
    assert len(manifest["settings"]["weights"]["base-v1"]) == 64
