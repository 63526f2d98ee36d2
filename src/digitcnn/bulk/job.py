"""A whole source to Parquet files, by a driver on Dask that can be stopped and goes on."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import logging
import multiprocessing
import multiprocessing.forkserver
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from digitcnn._checks import checked_confidence, one_of, whole_number
from digitcnn._sessions import available_cpus
from digitcnn.bulk.reader import TASKS
from digitcnn.bulk.shards import JobFolder, Settings, Task, answer_shard
from digitcnn.bulk.sources import check_columns, is_remote
from digitcnn.bulk.summary import Counts, Summary
from digitcnn.errors import (
    CorruptFileError,
    DigitcnnError,
    MissingDependencyError,
    UnavailableError,
)
from digitcnn.reading import BESIDE_READER
from digitcnn.weights import Weights, pin, resolve

# Answers that are lost, at most, where a worker is killed: some seconds' work.
SHARD_SIZES = {"read": 200, "predict": 1000}

_LEAST_IN_FLIGHT = 32  # shards that the scheduler knows of, so that it can plan
_TICK_S = 1.0
_MOST_WORKERS = 1024

# What a worker imports; pandas, where it is installed, by way of PyArrow.
_PRELOADED = ["digitcnn.bulk.job", "dask.distributed", "onnxruntime", "pyarrow.parquet", "pandas"]


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
        If Dask or PyArrow is not installed.

    Examples
    --------
    >>> run("scans/", "answers/").num_answered  # doctest: +SKIP
    11980
    """
    _distributed()
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
    workers = available_cpus() if workers is None else workers
    whole_number("workers", workers, least=1, most=_MOST_WORKERS, such_as=2)
    check_columns(settings.source, column=column, labels=labels)
    folder = JobFolder(out, settings)
    with folder.open():
        done = dict(folder.done())
        counts = sum(done.values(), Counts())
        todo = ((at, each) for at, each in enumerate(folder.plan()) if at not in done)
        if len(done) < folder.num_shards:
            with _connected(scheduler, workers) as client:
                driver = _Driver(client, Task(settings, weights, out), folder.num_pictures, counts)
                driver.run(todo, progress or (lambda _: None))
        summary = Summary.of(counts)
        folder.write_manifest(summary)
    return summary


class _Driver:
    """Hands shards to the workers, a bounded number at a time, and adds up what comes back."""

    def __init__(self, client: Any, task: Task, num_pictures: int, counts: Counts) -> None:
        self._client = client
        self._task = task
        self._num_pictures = num_pictures
        self._counts = counts
        self._key = f"digitcnn-{uuid.uuid4().hex}"
        self._begun, self._num_before = time.monotonic(), counts["pictures"]

    def run(self, todo: Iterator[Any], progress: Callable[[Progress], object]) -> None:
        """Have every shard answered; raise what a shard failed with when all others are done."""
        futures: set[Any] = set()
        failures: list[Exception] = []
        while True:
            threads = sum(self._client.nthreads().values())
            most = max(_LEAST_IN_FLIGHT, 4 * threads)
            futures |= {self._submit(*each) for each in islice(todo, most - len(futures))}
            progress(self._progress(threads))
            if not futures:
                break
            with contextlib.suppress(TimeoutError):
                _distributed().wait(list(futures), timeout=_TICK_S, return_when="FIRST_COMPLETED")
            finished = {future for future in futures if future.done()}
            failures += filter(None, map(self._finish, finished))
            futures -= finished
        if failures:
            raise failures[0]

    def _submit(self, number: int, shard: Any) -> Any:
        key = f"{self._key}-{number}"
        # What a distant store fails with may pass.
        return self._client.submit(
            answer_shard, self._task, number, shard, key=key, pure=False, retries=2
        )

    def _finish(self, future: Any) -> Exception | None:
        """Take a shard's counts; return what is wrong with this one, raise what is with all."""
        try:
            self._counts.update(future.result())
        except CorruptFileError as error:
            return error
        except DigitcnnError:
            raise
        except _distributed().KilledWorker:
            return UnavailableError(
                f"A worker was killed again and again at shard {future.key.rpartition('-')[2]}.",
                remedy="All others are done; the same command tries it again.",
            )
        except Exception as error:
            raise UnavailableError(
                argument="scheduler",
                rule="have workers that can do this job",
                got=f"{type(error).__name__}: {error}",
                remedy="Put that right, and give the same command again.",
            ) from error
        return None

    def _progress(self, threads: int) -> Progress:
        num_done = self._counts["pictures"]
        rate = (num_done - self._num_before) / max(time.monotonic() - self._begun, 1e-9)
        return Progress(
            num_done,
            self._num_pictures,
            num_errors=num_done - Summary.of(self._counts).num_answered,
            rate=rate,
            remaining_s=(self._num_pictures - num_done) / rate if rate else None,
            num_workers=threads,
            dashboard=self._client.dashboard_link if _has_dashboard() else None,
        )


def _has_dashboard() -> bool:
    return importlib.util.find_spec("bokeh") is not None


@contextlib.contextmanager
def _connected(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Connect to a cluster, or start processes on this machine."""
    dask = _distributed()
    address = scheduler or os.environ.get("DASK_SCHEDULER_ADDRESS")
    with contextlib.ExitStack() as stack:
        if not address:
            stack.enter_context(_frugal())
            address = stack.enter_context(
                dask.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",  # not 8787 on every network
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            client = stack.enter_context(dask.Client(address, set_as_default=False))
        except (OSError, ValueError) as error:
            raise UnavailableError(
                argument="scheduler",
                rule="be the address of Dask's scheduler",
                got=repr(address),
                reason=f"which fails with: {error}",
                remedy="Start one with `dask scheduler`, or leave it out to work on this machine.",
            ) from error
        if not isinstance(address, str):
            client.register_plugin(_deaf_to_interrupts())
        stack.enter_context(client.as_current())
        yield client


def _frugal() -> Any:
    """Return settings of Dask under which its processes start and idle at little cost."""
    import dask

    settings = {
        "distributed.worker.profile.enabled": False,  # looks at threads 100 times in a second
        "distributed.admin.tick.interval": "1s",  # 20 ms by default, in each process
        "distributed.admin.system-monitor.interval": "5s",
    }
    if sys.platform == "linux":
        # Workers fork from a process that has imported all of it once: half the time of a start.
        multiprocessing.set_forkserver_preload(_PRELOADED)
        multiprocessing.forkserver.ensure_running()
        settings["distributed.worker.multiprocessing-method"] = "forkserver"
    return dask.config.set(settings)


def _deaf_to_interrupts() -> Any:
    """Return what has workers leave an interrupt to the driver, which ends them."""
    import signal

    class Deaf(_distributed().WorkerPlugin):  # type: ignore[misc]  # Dask has no types
        name = "digitcnn-interrupts"

        def setup(self, worker: Any) -> None:
            del worker
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    return Deaf()


def _digests(task: str, weights: Weights | Path) -> dict[str, str]:
    """Return the SHA-256 of each network that a task uses."""
    used = [weights, *map(pin, BESIDE_READER if task == "read" else ())]
    return {
        each.id if isinstance(each, Weights) else str(each): hashlib.sha256(
            resolve(each, format="onnx").read_bytes()
        ).hexdigest()
        for each in used
    }


def _distributed() -> Any:
    """Import Dask's distributed part, of which only some is typed, once PyArrow is there, too."""
    try:
        importlib.import_module("pyarrow")
        return importlib.import_module("dask.distributed")
    except ImportError as error:
        raise MissingDependencyError(
            f"bulk.run() needs Dask and PyArrow: {error}.",
            remedy='Type: pip install "digitcnn[bulk]"',
        ) from error
