"""Millions of pictures: the same readers on Dask, here or on a cluster, resumable.

`run` reads a whole source into Parquet files; `BatchReader` does the same for one batch of columns,
as Ray Data, Spark and others hand them out. Needs ``pip install "digitcnn[bulk]"``.
"""

from digitcnn.bulk.job import Progress, run
from digitcnn.bulk.reader import BatchReader
from digitcnn.bulk.summary import Summary

__all__ = ["BatchReader", "Progress", "Summary", "run"]
