"""Who answers a job's shards: processes of this machine, or those of a Dask cluster."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any, Protocol

from digitcnn.errors import MissingDependencyError, UnavailableError

# What each process here imports; pandas, where it is installed, by way of PyArrow.
_PRELOADED = ["digitcnn.bulk.shards", "onnxruntime", "pyarrow.parquet", "pandas"]
# Shards for each process, so that none waits for the driver.
_IN_FLIGHT = 2
# As many as Dask's scheduler needs to plan, and so many for each of its workers.
_LEAST_PLANNED, _PLANNED = 32, 4


class Workers(Protocol):
    """What a driver hands shards to."""

    @property
    def number(self) -> int:
        """How many are at work."""

    @property
    def most_in_flight(self) -> int:
        """How many shards to hand out at a time."""

    @property
    def dashboard(self) -> str | None:
        """The address of a page on the job, where there is one."""

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have one of them call a function."""

    def close(self) -> None:
        """End what was begun."""


def prepare() -> None:
    """Begin the process that workers fork from: it loads what they need while this one goes on."""
    if sys.platform == "linux":
        multiprocessing.set_forkserver_preload(_PRELOADED)
        multiprocessing.forkserver.ensure_running()


def workers_of(scheduler: str | None, number: int) -> Workers:
    """Choose the cluster at an address, or where there is none processes of this machine."""
    address = scheduler or os.environ.get("DASK_SCHEDULER_ADDRESS")
    return Cluster(address) if address else Processes(number)


class Processes:
    """Processes of this machine, which end with this one however it ends.

    When one is killed, all are replaced, and what they had in hand fails with
    :class:`concurrent.futures.process.BrokenProcessPool`.

    Parameters
    ----------
    number : int
    """

    dashboard = None

    def __init__(self, number: int) -> None:
        self.number = number
        self.most_in_flight = _IN_FLIGHT * number
        method = "forkserver" if sys.platform == "linux" else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        prepare()
        self._has_begun = self._context.Event()
        self._start()

    def _start(self) -> None:
        theirs, self._lifeline = self._context.Pipe(duplex=False)
        begin = (theirs, self._has_begun)
        self._pool = ProcessPoolExecutor(self.number, self._context, _begin, begin)

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have one of them call a function; start new ones where one was killed.

        Raises
        ------
        UnavailableError
            If none of them ever began.
        """
        try:
            return self._pool.submit(function, *arguments)
        except BrokenProcessPool as error:
            self.close()
            if not self._has_begun.is_set():
                raise UnavailableError(
                    "The processes that were to answer ended before they began.",
                    remedy='Keep the call under if __name__ == "__main__": they import the script.',
                ) from error
            self._start()
            return self._pool.submit(function, *arguments)

    def close(self) -> None:
        """End them at once, whatever they do."""
        self._lifeline.close()
        self._pool.shutdown(cancel_futures=True)


def _begin(lifeline: Connection, has_begun: Event) -> None:
    """Have a process leave an interrupt to the driver, and end when the driver lets go of it."""
    has_begun.set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)


class Cluster:
    """The workers of a Dask cluster, which sees to those that are killed.

    Parameters
    ----------
    address : str
        Of its scheduler.

    Raises
    ------
    UnavailableError
        If none answers there.
    MissingDependencyError
        If Dask is not installed.
    """

    def __init__(self, address: str) -> None:
        try:
            dask: Any = importlib.import_module("dask.distributed")
        except ImportError as error:
            raise missing(error) from error
        try:
            self._client = dask.Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UnavailableError(
                argument="scheduler",
                rule="be the address of Dask's scheduler",
                got=repr(address),
                reason=f"which fails with: {error}",
                remedy="Start one with `dask scheduler`, or leave it out to work on this machine.",
            ) from error
        self._executor = self._client.get_executor(pure=False)

    @property
    def number(self) -> int:
        """How many threads its workers have."""
        return sum(self._client.nthreads().values())

    @property
    def most_in_flight(self) -> int:
        """How many shards its scheduler is to know of."""
        return max(_LEAST_PLANNED, _PLANNED * self.number)

    @property
    def dashboard(self) -> str | None:
        """The address of Dask's page, where what draws it is installed."""
        return self._client.dashboard_link if importlib.util.find_spec("bokeh") else None

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have one of them call a function."""
        future: Future[Any] = self._executor.submit(function, *arguments)
        return future

    def close(self) -> None:
        """Take back what is not done, and leave the cluster to others."""
        self._executor.shutdown(wait=False)
        self._client.close()


def missing(error: ImportError) -> MissingDependencyError:
    """Return how to install what a job needs."""
    return MissingDependencyError(
        f"bulk.run() needs Dask and PyArrow: {error}.",
        remedy='Type: pip install "digitcnn[bulk]"',
    )
