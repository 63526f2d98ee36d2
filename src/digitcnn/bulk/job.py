"""A whole source to Parquet files, by a driver that can be stopped and goes on."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from digitcnn._checks import checked_confidence, one_of, whole_number
from digitcnn._sessions import available_cpus
from digitcnn.bulk.reader import TASKS
from digitcnn.bulk.shards import (
    Counts,
    JobFolder,
    Settings,
    Summary,
    Task,
    answer_shard,
    failure_of,
)
from digitcnn.bulk.sources import Shard, check_columns, is_remote
from digitcnn.bulk.workers import Cluster, Processes, missing, workers_of
from digitcnn.errors import CorruptFileError, DigitcnnError, UnavailableError
from digitcnn.reading import BESIDE_READER
from digitcnn.weights import Weights, pin, resolve

# Answers that are lost, at most, where a worker is killed: some seconds' work.
SHARD_SIZES = {"read": 200, "predict": 1000}

_TICK_S = 1.0
_MOST_WORKERS = 61 if sys.platform == "win32" else 1024  # more handles Windows cannot wait for
_MOST_KILLS = 4  # or as many as it takes for a shard to be alone in hand
_MOST_NAMED = 5  # shards in a message


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    num_done, num_pictures : int
        Pictures that are answered, and all of them.
    num_errors : int
        How many of them could not be read.
    rate : float
        Pictures in a second, since this call began.
    remaining_s : float or None
        Seconds that are left at this rate; None where it is not known yet.
    num_workers : int
        Processes that are at work.
    dashboard : str or None
        The address of Dask's own page on the job, where there is one.
    """

    num_done: int
    num_pictures: int
    num_errors: int
    rate: float
    remaining_s: float | None
    num_workers: int
    dashboard: str | None


def run(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    task: str = "read",
    weights: str | os.PathLike[str] | Weights | None = None,
    min_confidence: float = 0.0,
    column: str | None = None,
    labels: str | None = None,
    shard_size: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Summary:
    """Read all pictures of a source into Parquet files; the same call goes on where it stopped.

    Parameters
    ----------
    source : str or os.PathLike
        A folder of pictures or of Parquet files, with the folders in it; a glob; a Parquet file; a
        CSV file of 784 pixels a row, with a label or without; or an address that fsspec opens.
    out : str or os.PathLike
        A folder, which all workers can write to: it is made, or holds the same job.
    task : str
        "read": every digit of each picture. "predict": the one digit of each.
    weights : str, os.PathLike or Weights, optional
        The name of published weights, or an `.onnx` file; by default those of the task.
    min_confidence : float
        As :func:`digitcnn.read` and :func:`digitcnn.predict` take it.
    column : str, optional
        The column of a Parquet file that holds encoded pictures, if there are several.
    labels : str, optional
        The column of a table that holds what is right: the summary then says how much is.
    shard_size : int, optional
        How many pictures are answered together and written to one file; by default 200 of "read"
        and 1,000 of "predict".
    workers : int, optional
        How many processes work on this machine; by default as many as there are CPUs.
    scheduler : str, optional
        The address of Dask's scheduler on a cluster, such as "tcp://10.0.0.1:8786"; by default what
        `DASK_SCHEDULER_ADDRESS` names, else processes on this machine.
    progress : callable, optional
        Is told how far the job is, once a second.

    Returns
    -------
    summary : Summary
        The counts of the whole job, which `manifest.json` in the folder holds, too.

    Raises
    ------
    InvalidArgumentError
        If an argument is not what is asked for, or the folder holds another job, or one that runs.
    UnavailableError
        If the folder cannot be written, or the cluster is out of reach.
    CorruptFileError
        If a table is damaged; all else has been read.
    MissingDependencyError
        If PyArrow is not installed, or Dask for a cluster.

    Examples
    --------
    >>> run("scans/", "answers/").num_answered  # doctest: +SKIP
    11980
    """
    try:
        importlib.import_module("pyarrow")
    except ImportError as error:
        raise missing(error) from error
    weights = pin(TASKS[one_of("task", task, TASKS)] if weights is None else weights)
    source, out = os.fspath(source), Path(os.path.abspath(out))  # noqa: PTH100 - no links followed
    size = SHARD_SIZES[task] if shard_size is None else shard_size
    settings = Settings(
        source if is_remote(source) else os.path.abspath(source),  # noqa: PTH100 - may be a glob
        task,
        _digests(task, weights),
        checked_confidence(min_confidence),
        column,
        labels,
        whole_number("shard_size", size, least=1, such_as=SHARD_SIZES[task]),
    )
    workers = min(available_cpus(), _MOST_WORKERS) if workers is None else workers
    whole_number("workers", workers, least=1, most=_MOST_WORKERS, such_as=2)
    check_columns(settings.source, column=column, labels=labels)
    folder = JobFolder(out, settings)
    with contextlib.closing(workers_of(scheduler, workers)) as at_work, folder.open():
        done = dict(folder.done())
        counts = sum(done.values(), Counts())
        todo = (_Handed(at, each) for at, each in enumerate(folder.plan()) if at not in done)
        if len(done) < folder.num_shards:
            driver = _Driver(at_work, Task(settings, weights, out), folder.num_pictures, counts)
            driver.run(todo, progress or (lambda _: None))
            folder.remove_unfinished()
        summary = Summary.of(counts)
        folder.write_manifest(summary)
    return summary


@dataclass
class _Handed:
    """A shard on its way, and how often a worker was killed while it was."""

    number: int
    shard: Shard
    kills: int = 0


class _Driver:
    """Hands shards to the workers, a bounded number at a time, and adds up what comes back."""

    def __init__(
        self, workers: Processes | Cluster, task: Task, num_pictures: int, counts: Counts
    ) -> None:
        self._workers = workers
        self._task = task
        self._num_pictures = num_pictures
        self._counts = counts
        self._lost: list[_Handed] = []
        self._given_up: list[int] = []
        self._begun, self._num_before = time.monotonic(), counts["pictures"]

    def run(self, todo: Iterator[_Handed], progress: Callable[[Progress], object]) -> None:
        """Have every shard answered; raise what a shard failed with when all others are done."""
        handed: dict[Future[Counts], _Handed] = {}
        failures: list[Exception] = []
        while True:
            for each in self._choose(todo, list(handed.values())):
                future = self._workers.submit(answer_shard, self._task, each.number, each.shard)
                handed[future] = each
            progress(self._progress())
            if not handed:
                break
            finished, _ = wait(handed, timeout=_TICK_S, return_when=FIRST_COMPLETED)
            failures += filter(None, [self._finish(each, handed.pop(each)) for each in finished])
        if self._given_up:
            first = ", ".join(map(str, sorted(self._given_up)[:_MOST_NAMED]))
            raise UnavailableError(
                f"A worker was killed again and again at {len(self._given_up)} of the shards, the "
                f"first of them {first}.",
                remedy="The same command tries them again, and what else is missing.",
            )
        if failures:
            raise failures[0]

    def _choose(self, todo: Iterator[_Handed], handed: list[_Handed]) -> list[_Handed]:
        """Choose the next shards: those that were lost first, and ever fewer at a time.

        So one that kills its worker is soon alone, and the others are answered without it.
        """
        kills = max((each.kills for each in self._lost + handed), default=0)
        room = max(0, max(1, self._workers.most_in_flight >> kills) - len(handed))
        if not kills:
            return list(islice(todo, room))
        self._lost.sort(key=lambda each: -each.kills)
        chosen, self._lost = self._lost[:room], self._lost[room:]
        return chosen

    def _finish(self, future: Future[Counts], handed: _Handed) -> Exception | None:
        """Take a shard's counts; return what is wrong with this one, raise what is with all."""
        try:
            self._counts.update(future.result())
        except CorruptFileError as error:
            return error
        except DigitcnnError:
            raise
        except Exception as error:
            if isinstance(error, BrokenProcessPool):
                handed.kills += 1
                if handed.kills < max(_MOST_KILLS, self._workers.most_in_flight.bit_length()):
                    self._lost.append(handed)
                    return None
            elif type(error).__name__ != "KilledWorker":  # of Dask, which has counted
                raise failure_of(error) from error
            self._given_up.append(handed.number)
        return None

    def _progress(self) -> Progress:
        num_done = self._counts["pictures"]
        rate = (num_done - self._num_before) / max(time.monotonic() - self._begun, 1e-9)
        return Progress(
            num_done,
            self._num_pictures,
            num_errors=num_done - Summary.of(self._counts).num_answered,
            rate=rate,
            remaining_s=(self._num_pictures - num_done) / rate if rate else None,
            num_workers=self._workers.number,
            dashboard=self._workers.dashboard,
        )


def _digests(task: str, weights: Weights | Path) -> dict[str, str]:
    """Return the SHA-256 of each network that a task uses."""
    used = [weights, *map(pin, BESIDE_READER if task == "read" else ())]
    return {
        each.id if isinstance(each, Weights) else str(each): hashlib.sha256(
            resolve(each, format="onnx").read_bytes()
        ).hexdigest()
        for each in used
    }
