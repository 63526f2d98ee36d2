"""Who answers a job's shards: processes of this machine, or those of a Dask cluster."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from digitcnn.errors import MissingDependencyError, UnavailableError

# Shards for each process, so that none waits for the driver.
_IN_FLIGHT = 2
# As many as Dask's scheduler needs to plan, and so many for each of its workers.
_LEAST_PLANNED, _PLANNED = 32, 4
_MOST_STARTS = 3  # in a row, of processes that all end before they begin
AGAIN = "Put that right, and give the same command again."
_GUARD = 'under if __name__ == "__main__", as each of them imports the script'


def prepare() -> str:
    """Begin the process that workers fork from: it loads what they need while this one goes on.

    Returns how they are to be started: where they cannot be forked, anew.
    """
    if sys.platform != "linux":
        return "spawn"
    multiprocessing.set_forkserver_preload(["digitcnn.bulk.preload"])
    # It must load nothing that lies in the current folder, nor be interrupted while it loads.
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        multiprocessing.resource_tracker.ensure_running()  # it lets interrupts through
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        multiprocessing.forkserver.ensure_running()
    except ChildProcessError:  # this process was itself forked from one that has such a process
        return "spawn"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before
    return "forkserver"


def address_of(scheduler: str | None) -> str | None:
    """Return the address of a cluster's scheduler, if one is named, here or in the environment."""
    return scheduler or os.environ.get("DASK_SCHEDULER_ADDRESS")


class Processes:
    """Processes of this machine, which end with this one however it ends.

    When one is killed, all are replaced, and what they had in hand fails with
    :class:`concurrent.futures.process.BrokenProcessPool`.
    """

    dashboard = None

    def __init__(self, number: int) -> None:
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise UnavailableError(
                "A worker process cannot start a job.", remedy=f"Keep the call {_GUARD}."
            )
        self.number = number
        self.most_in_flight = _IN_FLIGHT * number
        self._context: Any = multiprocessing.get_context(prepare())
        self._failed_starts = 0
        self._start()

    def _start(self) -> None:
        theirs, self._lifeline = self._context.Pipe(duplex=False)
        self._begun, begun = self._context.Pipe(duplex=False)
        begin = (theirs, begun, dict(os.environ))
        self._pool = ProcessPoolExecutor(self.number, self._context, _begin, begin)

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have one of them call a function; start new ones where one was killed."""
        try:
            return self._pool.submit(function, *arguments)
        except BrokenProcessPool as error:
            self._failed_starts = 0 if self._begun.poll() else self._failed_starts + 1
            self.close()
            if self._failed_starts >= _MOST_STARTS:
                raise UnavailableError(
                    "The processes that were to answer end before they begin; the lines above say "
                    "why.",
                    remedy=f"Where a script starts the job, keep the call {_GUARD}.",
                ) from error
            self._start()
            return self.submit(function, *arguments)
        except Exception as error:  # too few handles, or a process that may have no children
            raise UnavailableError(
                f"No process can be started that would answer: {type(error).__name__}: {error}.",
                remedy=AGAIN,
            ) from error

    def close(self) -> None:
        """End them at once, whatever they do."""
        self._lifeline.close()
        self._pool.shutdown(cancel_futures=True)


def _begin(lifeline: Connection, begun: Connection, environment: dict[str, str]) -> None:
    """Have a process leave an interrupt to the driver, and end when the driver lets go of it."""
    begun.send_bytes(b"begun")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)  # the driver's may have changed since the server began
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)


class Cluster:
    """The workers of a Dask cluster, which sees to those that are killed."""

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


def workers_of(scheduler: str | None, number: int) -> Processes | Cluster:
    """Choose the cluster at an address, or where there is none processes of this machine."""
    address = address_of(scheduler)
    return Cluster(address) if address else Processes(number)


def missing(error: ImportError) -> MissingDependencyError:
    """Return how to install what a job needs."""
    return MissingDependencyError(
        f"bulk.run() needs what is not installed: {error}.",
        remedy='Type: pip install "digitcnn[bulk]"',
    )
