"""Programs in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any


def run_python(script: str, *arguments: object, options: tuple[str, ...] = (), **more: Any) -> str:
    """Run a script, which must end well and say nothing on standard error; give what it printed."""
    done = subprocess.run(
        [sys.executable, *options, "-c", script, *map(os.fspath, map(_plain, arguments))],
        capture_output=True,
        text=True,
        check=False,
        **more,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _plain(argument: Any) -> Any:
    return argument if isinstance(argument, os.PathLike) else str(argument)


def wait_until(is_so: Callable[[], object], limit_s: float = 120) -> None:
    """Wait for another process or thread to get somewhere, on a busy machine too."""
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def run_command(*words: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command `digitcnn` and give its status and what it wrote."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command = [sys.executable, "-m", "digitcnn", *map(os.fspath, words)]
    return subprocess.run(command, timeout=120, check=False, **streams)
