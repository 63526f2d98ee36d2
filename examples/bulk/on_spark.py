"""Read a folder of picture files with Spark.

    spark-submit examples/bulk/on_spark.py FOLDER OUT

A small file counts as 4 MB when Spark plans its tasks, unless `openCostInBytes` says otherwise:
20,000 of them would be thousands of tasks.
"""

import sys
from collections.abc import Iterator

import pandas as pd
from pyspark.sql import SparkSession

from digitcnn.bulk import BatchReader

SCHEMA = (
    "path string, text string, full_text string, boxes array<array<double>>, confidence double, "
    "error string, code string"
)


def read_folder(source: str, out: str, *, master: str = "local[2,4]") -> None:
    """Read all pictures of a folder into Parquet files; `[2,4]` tries a task four times."""
    spark = (
        SparkSession.builder.master(master)
        .config("spark.sql.files.openCostInBytes", 4096)
        # Bounds the memory: so many whole files are handed over at a time.
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 64)
        .getOrCreate()
    )
    reader = BatchReader(task="read", column="content")

    def answer(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            yield pd.DataFrame(reader(frame))

    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(source)
    files.select("path", "content").mapInPandas(answer, SCHEMA).write.parquet(out)
    spark.stop()


if __name__ == "__main__":
    read_folder(*sys.argv[1:3])
