"""The recipes for Ray Data and Spark answer what one process answers."""

from __future__ import annotations

import os
import runpy
import shutil
from pathlib import Path

import pytest
from PIL import Image
from written import write_page

from digitcnn import read

parquet = pytest.importorskip("pyarrow.parquet", reason="engines need digitcnn[bulk]")

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("DIGITCNN_TEST_ENGINES") != "1",
        reason="Ray and Spark take long to start: DIGITCNN_TEST_ENGINES=1 runs them",
    ),
    # Neither closes all that it opens.
    pytest.mark.filterwarnings("ignore"),
]
RECIPES = Path(__file__).parents[1] / "examples" / "bulk"
NUMBERS = ("407", "52", "968", "3")


@pytest.fixture
def pages(tmp_path):
    """Give a folder of numbers and a broken file, and what is read in each."""
    folder = tmp_path / "pages"
    folder.mkdir()
    texts = {}
    for number in NUMBERS:
        path = folder / f"{number}.png"
        Image.fromarray(write_page(number)).save(path)
        texts[path.name] = (read(path).text, None)
    (folder / "broken.png").write_bytes(path.read_bytes()[:80])
    return folder, texts | {"broken.png": (None, "unreadable_image")}


def test_ray_reads_a_table(pages, tmp_path):
    """Ray Data's actors take `BatchReader` as a class."""
    pytest.importorskip("ray", reason="the recipe needs Ray")
    import pyarrow as pa

    folder, texts = pages
    files = sorted(folder.iterdir())
    table = {"name": [file.name for file in files], "bytes": [file.read_bytes() for file in files]}
    parquet.write_table(pa.table(table), tmp_path / "pages.parquet")
    recipe = runpy.run_path(str(RECIPES / "on_ray.py"))

    recipe["read_table"](str(tmp_path / "pages.parquet"), str(tmp_path / "out"))

    rows = parquet.read_table(tmp_path / "out").to_pylist()
    assert len(rows) == len(texts)
    assert {row["name"]: (row["text"], row["code"]) for row in rows} == texts


def test_spark_reads_a_folder(pages, tmp_path):
    """Spark's `mapInPandas` hands it frames."""
    pytest.importorskip("pyspark", reason="the recipe needs Spark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    folder, texts = pages
    recipe = runpy.run_path(str(RECIPES / "on_spark.py"))

    recipe["read_folder"](str(folder), str(tmp_path / "out"))

    rows = parquet.read_table(tmp_path / "out").to_pylist()
    assert len(rows) == len(texts)
    assert {Path(row["path"]).name: (row["text"], row["code"]) for row in rows} == texts
