"""Programs in a process of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any


def run_python(script: str, *arguments: object, options: tuple[str, ...] = (), **more: Any) -> str:
    """Run a script, which must end well and say nothing on standard error; give what it printed."""
    done = subprocess.run(
        [sys.executable, *options, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **more,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def run_command(*words: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command `digitcnn` and give its status and what it wrote."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command = [sys.executable, "-m", "digitcnn", *map(os.fspath, words)]
    return subprocess.run(command, timeout=120, check=False, **streams)


@contextlib.contextmanager
def started(
    *words: object, prefix: Sequence[str] = (), **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """Start Python in a group of its own, which Ctrl-C reaches; end it with all that it began."""
    command = [*prefix, sys.executable, *map(str, words)]
    # A shell that starts the tests in the background would have them ignore an interrupt.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    process = subprocess.Popen(command, start_new_session=True, **streams)
    signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        process.kill()
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(is_so: Callable[[], object], limit_s: float = 120) -> None:
    """Wait for another process or thread to get somewhere, on a busy machine too."""
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def memory_mib(field: str, process: object = "self") -> float:
    """Give the memory of a process that a field of /proc tells; 0 but on Linux."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), 0)
