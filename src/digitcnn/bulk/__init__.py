"""Millions of pictures: the same readers in many processes, here or on a cluster, resumable.

`run` reads a whole source into Parquet files; `BatchReader` does the same for one batch of columns,
as Ray Data, Spark and others hand them out. Needs ``pip install "digitcnn[bulk]"``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitcnn.bulk.job import Progress as Progress
    from digitcnn.bulk.job import run as run
    from digitcnn.bulk.reader import BatchReader as BatchReader
    from digitcnn.bulk.shards import Summary as Summary

# Loaded when first used, so that the command can have its workers begin to load before itself.
_FILES = {"BatchReader": "reader", "Progress": "job", "Summary": "shards", "run": "job"}

__all__ = [*_FILES]  # noqa: PLE0604 - strings


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
