"""Jobs of many pictures: from any source to Parquet files, each picture once, errors as rows."""

from __future__ import annotations

import csv
import gc
import json
import os
import pickle
import runpy
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitcnn import DigitClassifier, bulk, read
from digitcnn.cli import main
from digitcnn.errors import (
    CorruptFileError,
    InvalidArgumentError,
    MissingDependencyError,
    UnavailableError,
)
from digitcnn.synthesis import draw_digits

pa = pytest.importorskip("pyarrow", reason="jobs need digitcnn[bulk]")
dask = pytest.importorskip("dask", reason="jobs need digitcnn[bulk]")
distributed = pytest.importorskip("distributed", reason="jobs need digitcnn[bulk]")
parquet = pytest.importorskip("pyarrow.parquet")

NUM_DIGITS = 30


@pytest.fixture(scope="module")
def scheduler():
    """Give the address of a scheduler in this process, with a worker."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def digits():
    """Give pictures of digits, what they are, and what is read."""
    images, labels = draw_digits(NUM_DIGITS, seed=5, side=28)
    return images, labels, DigitClassifier().predict(images)


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


@pytest.fixture
def job(scheduler, tmp_path):
    """Give a function that runs a job of "predict" and gives its rows."""

    def run(source, **options):
        bulk.run(source, tmp_path / "out", **{"task": "predict", "scheduler": scheduler, **options})
        return rows_of(tmp_path / "out")

    return run


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


def test_readings_have_text_and_boxes(pictures, job):
    """The task "read" gives the text, the boxes and the confidence that `read` gives."""
    rows = job(str(pictures / "0" / "00*.png"), task="read")

    assert len(rows) == 10
    for row in rows:
        reading = read(row["source"])
        assert (row["text"], row["full_text"]) == (reading.text, reading.full_text)
        assert row["confidence"] == pytest.approx(reading.confidence, abs=1e-5)
        assert row["boxes"] == [pytest.approx(digit.box) for digit in reading.digits]


def write_csv(path, digits, _=None, *, label=False, header=False):
    """Write digits as tables have them."""
    images, labels, _ = digits
    names = [f"pixel{number}" for number in range(784)]
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        if header:
            writer.writerow([*["label"] * label, *names])
        for image, digit in zip(images, labels, strict=True):
            writer.writerow([*[digit] * label, *image.ravel()])
    return path


def write_parquet(path, digits, pictures, *, is_struct=False):
    """Write digits as a table of encoded pictures with labels, eight to a row group."""
    files = sorted(pictures.glob("*/*.png"))
    content = [file.read_bytes() for file in files]
    cells = [{"bytes": each, "path": "x.png"} for each in content] if is_struct else content
    table = pa.table({"label": digits[1], "image": cells, "id": [file.name for file in files]})
    parquet.write_table(table, path, row_group_size=8)
    return path


def write_zip(path, pictures):
    """Pack the folder of digits."""
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(pictures.glob("*/*.png")):
            packed.write(file, file.name)
    return f"zip://*.png::{path}"


SOURCES = {
    "csv": lambda folder, *given: write_csv(folder / "a.csv", *given, label=True, header=True),
    "csv of pixels": lambda folder, *given: write_csv(folder / "a.CSV", *given),
    "csv, labelled": lambda folder, *given: write_csv(folder / "a.csv", *given, label=True),
    "parquet of dicts": lambda folder, *given: write_parquet(
        folder / "a.pq", *given, is_struct=True
    ),
    "parquet by fsspec": lambda folder, *given: (
        f"file://{write_parquet(folder / 'a.parquet', *given)}"
    ),
    "folder of parquet": lambda folder, *given: write_parquet(folder / "a.parquet", *given).parent,
    "zip by fsspec": lambda folder, _, pictures: write_zip(folder / "a.zip", pictures),
}


@pytest.mark.parametrize("write", SOURCES.values(), ids=SOURCES)
def test_every_kind_of_source_gives_the_same_answers(write, digits, pictures, job, tmp_path):
    """Tables, packed or distant files give a row for each picture, in order, by file and row."""
    folder = tmp_path / "source"
    folder.mkdir()
    source = write(folder, digits, pictures)

    rows = job(source, shard_size=7)

    assert [row["digit"] for row in rows] == digits[2].tolist()
    if "zip" not in str(source):
        assert [row["index"] for row in rows] == list(range(NUM_DIGITS))
        assert {row["source"].partition("://")[2] or row["source"] for row in rows} == {
            str(next(folder.iterdir()))
        }


def test_a_bad_row_of_a_table_is_a_row_with_an_error(digits, job, tmp_path):
    """A row with a word, a value too great or too few of them stops no other."""
    path = write_csv(tmp_path / "a.csv", digits, label=True, header=True)
    lines = path.read_text().splitlines()
    lines[2], lines[3], lines[4] = "3,256" + ",0" * 783, "3,0,0", "3,x" + ",0" * 783
    path.write_text("\n".join(lines))

    rows = job(path)

    codes = [row["code"] for row in rows]
    assert codes == [None, *["invalid_image"] * 3, *[None] * (NUM_DIGITS - 4)]


def test_labels_measure_a_whole_job(digits, pictures, scheduler, tmp_path, capsys):
    """--labels adds accuracy, coverage against accuracy, and the confusion of digits."""
    path = str(write_parquet(tmp_path / "a.parquet", digits, pictures))
    words = ["bulk", path, "--out", str(tmp_path / "out"), "--task", "predict", "--labels", "label"]

    assert main([*words, "--scheduler", scheduler]) == 0

    measured = json.loads((tmp_path / "out" / "manifest.json").read_text())["summary"]["labelled"]
    rows = rows_of(tmp_path / "out")
    is_right = np.array([row["digit"] == row["label"] for row in rows])
    is_sure = np.array([row["confidence"] >= 0.9 for row in rows])
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (digits[1], digits[2]), 1)
    at_90 = next(each for each in measured["coverage"] if each["confidence"] == 0.9)
    assert measured["accuracy"] == is_right.mean()
    assert at_90["coverage"] == is_sure.mean()
    assert at_90["accuracy"] == is_right[is_sure].mean()
    assert measured["confusion"] == confusion.tolist()
    assert f"accuracy {is_right.mean():.2%}" in capsys.readouterr().out


def test_a_stopped_job_does_only_what_is_missing(pictures, job, tmp_path):
    """Files that are there stay, broken ones are made again, half ones are swept away."""
    before = job(pictures, shard_size=4)
    shards = sorted((tmp_path / "out" / "shards").iterdir())
    shards[1].unlink()
    shards[2].write_bytes(b"")
    (shards[0].parent / ".part-000001.parquet.0.tmp").write_bytes(b"half")
    times = [shard.stat().st_mtime_ns for shard in shards if shard.exists()]
    told = []

    assert job(pictures, shard_size=4, progress=told.append) == before

    after = [shard.stat().st_mtime_ns for shard in shards]
    assert [times[0], *times[2:]] == [after[0], *after[3:]]
    assert sorted(shards[0].parent.iterdir()) == shards
    assert (told[0].num_done, told[-1].num_done) == (len(before) - 8, len(before))
    assert (told[-1].num_pictures, told[-1].num_errors, told[-1].remaining_s) == (32, 2, 0)


def test_a_picture_that_comes_later_is_none_of_the_job(pictures, job, tmp_path):
    """What a job reads is settled when it begins."""
    folder = tmp_path / "source"
    folder.mkdir()
    content = (pictures / "0" / "000.png").read_bytes()
    (folder / "b.png").write_bytes(content)
    before = job(folder)
    (folder / "a.png").write_bytes(content)

    assert job(folder) == before


def test_other_settings_in_the_same_folder_are_refused(pictures, job):
    """A folder holds one job: what was asked for must be the same."""
    source = str(pictures / "0")
    job(source)

    for changed, told in [
        ({"min_confidence": 0.5}, "a job whose min_confidence is 0.0"),
        ({"task": "read"}, "a job whose task is 'predict'"),
        ({"weights": "tiny"}, "a job whose weights is"),
        ({"shard_size": 3}, "a job whose shard_size is 1000"),
    ]:
        with pytest.raises(InvalidArgumentError, match=f"`out` must .* which holds {told}"):
            job(source, **changed)


def test_a_folder_with_files_of_others_is_refused(pictures, job, tmp_path):
    """Files that lie in the place of answers are not taken for them."""
    (tmp_path / "out" / "shards").mkdir(parents=True)
    (tmp_path / "out" / "shards" / "part-000000.parquet").touch()

    with pytest.raises(InvalidArgumentError, match="which holds files of which no manifest"):
        job(pictures)


@pytest.fixture(scope="module")
def shelf(digits, pictures, tmp_path_factory):
    """Give a folder with a table, a picture, and a table of something else."""
    folder = tmp_path_factory.mktemp("shelf")
    write_parquet(folder / "a.parquet", digits, pictures)
    (folder / "only.png").touch()
    (folder / "short.csv").write_text("1,2\n")
    return folder


@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        ("nothing/*.png", {}, "`source` must be a folder or glob"),
        ("a.parquet", {"column": "id"}, r"`column` must name .* such are image"),
        ("a.parquet", {"labels": "digit"}, r"`labels` must name .* label, image, id"),
        ("only.png", {"labels": "label"}, "`labels` must name a column of the source"),
        ("short.csv", {}, "`source` must be a CSV file of 784 .* has 2 columns"),
        ("a.parquet", {"scheduler": "tcp://127.0.0.1:1"}, "`scheduler` must be the address"),
        ("a.parquet", {"scheduler": "nowhere"}, "`scheduler` must be the address"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(source, options, told, shelf, job):
    """A wrong source, column or scheduler is one error that says how to put it right."""
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises((InvalidArgumentError, UnavailableError), match=told),
    ):
        job(str(shelf / source), **options)
    # Dask leaves a client that could not connect to the garbage collector, which waits for its
    # thread wherever it happens to run: in the thread of a later client it would hold that up.
    gc.collect()


def test_a_damaged_table_leaves_the_others_answered(digits, pictures, job, tmp_path):
    """One of several files that breaks within is told at the end; all others are done by then."""
    folder = tmp_path / "source"
    folder.mkdir()
    path = write_parquet(folder / "a.parquet", digits, pictures)
    content = path.read_bytes()
    begin = parquet.read_metadata(path).row_group(1).column(1).dictionary_page_offset
    (folder / "b.parquet").write_bytes(content[:begin] + bytes(64) + content[begin + 64 :])
    path.rename(folder / "c.parquet")

    with pytest.raises(CorruptFileError, match=r"`source` must hold sound tables; got .*b.parq"):
        job(folder)

    assert {row["source"] for row in rows_of(tmp_path / "out")} == {str(folder / "c.parquet")}


def test_the_command_prints_the_summary_and_the_manifest_keeps_it(
    pictures, scheduler, tmp_path, capsys
):
    """It counts errors by code, --quiet silences it; the manifest keeps what was asked for."""
    words = ["bulk", str(pictures), "--out", str(tmp_path / "out"), "--task", "predict"]

    assert main([*words, "--scheduler", scheduler]) == 0

    printed = capsys.readouterr()
    assert main([*words, "--scheduler", scheduler, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main([*words, "--scheduler", scheduler]) == 0
    assert "done before; what came to SOURCE since needs" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert f"{NUM_DIGITS} of {NUM_DIGITS + 2} pictures were read\n  1 no_digit" in printed.out
    assert printed.err.startswith("digitcnn: 0 of 32, 0/s")
    assert manifest["is_complete"]
    assert manifest["schema_version"] == 1
    assert manifest["summary"]["errors"] == {"no_digit": 1, "unreadable_image": 1}
    assert len(manifest["settings"]["weights"]["base-v1"]) == 64


@pytest.mark.parametrize(
    ("package", "options"),
    [("pyarrow", {}), ("dask.distributed", {"scheduler": "tcp://127.0.0.1:1"})],
)
def test_a_missing_package_is_told_with_its_extra(
    package, options, pictures, tmp_path, monkeypatch
):
    """Without PyArrow, or Dask for a cluster, the error has the command to type."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingDependencyError, match=r'pip install "digitcnn\[bulk\]"'):
        bulk.run(pictures, tmp_path / "out", **options)


def test_what_a_worker_fails_with_reaches_the_driver(pictures, job, monkeypatch):
    """An exception that cannot be sent is told by its name and text, after two more tries."""

    class UnsentError(Exception):
        def __init__(self, message, *, response):
            super().__init__(message, response)

    tries = []

    def fail(*_arguments, **_options):
        tries.append(1)
        raise UnsentError("the store is tired", response=1)

    monkeypatch.setattr("digitcnn.bulk.shards.read_shard", fail)

    with pytest.raises(UnavailableError, match=r"failed with UnsentError: .*the store is tired"):
        job(pictures)
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("engine", "recipe", "call"),
    [("ray", "on_ray.py", "read_table"), ("pyspark", "on_spark.py", "read_folder")],
)
@pytest.mark.skipif(
    os.environ.get("DIGITCNN_TEST_ENGINES") != "1",
    reason="Ray and Spark take long to start: DIGITCNN_TEST_ENGINES=1 runs them",
)
@pytest.mark.filterwarnings("ignore")  # neither closes all that it opens
def test_the_recipes_for_engines_answer_as_one_process(engine, recipe, call, pictures, tmp_path):
    """Ray Data's actors take `BatchReader` as a class; Spark's `mapInPandas` hands it frames."""
    pytest.importorskip(engine, reason="the recipe needs Ray or Spark")
    if engine == "pyspark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    folder = shutil.copytree(pictures / "0", tmp_path / "pages")
    shutil.copy(pictures / "broken.png", folder)
    files, source = sorted(folder.iterdir()), folder
    if engine == "ray":
        source = tmp_path / "pages.parquet"
        table = {"path": list(map(str, files)), "bytes": [file.read_bytes() for file in files]}
        parquet.write_table(pa.table(table), source)
    recipes = Path(__file__).parents[1] / "examples" / "bulk"

    runpy.run_path(str(recipes / recipe))[call](str(source), str(tmp_path / "out"))

    rows = parquet.read_table(tmp_path / "out").to_pylist()
    expected = [
        (file.name, reading.text if reading.error is None else None)
        for file, reading in zip(files, read(files, errors="return"), strict=True)
    ]
    assert sorted((Path(row["path"]).name, row["text"]) for row in rows) == expected
    assert [row["code"] for row in rows if row["code"]] == ["unreadable_image"]


def test_a_batch_reader_answers_columns(digits, pictures):
    """It keeps the other columns, takes bytes, dicts and arrays, and comes back from a pickle."""
    files = sorted(pictures.glob("*/*.png"))[:3]
    batch = {
        "id": np.array([1, 2, 3, 4, 5]),
        "bytes": [
            files[0].read_bytes(),
            {"bytes": files[1].read_bytes(), "path": None},
            digits[0][2],
            b"no picture",
            None,
        ],
    }
    reader = pickle.loads(pickle.dumps(bulk.BatchReader(task="predict")))

    answers = reader(batch)

    assert list(answers) == ["id", "digit", "confidence", "error", "code"]
    assert answers["id"] == [1, 2, 3, 4, 5]
    assert answers["digit"] == [*digits[2][:3].tolist(), None, None]
    assert answers["code"] == [None] * 3 + ["unreadable_image", "invalid_image"]
    assert all(len(column) == 5 for column in pickle.loads(pickle.dumps(reader))(batch).values())
