"""Runs code in fresh processes: how long one takes, and the peak of its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple

from checkout import ROOT

# Kilobytes on Linux, bytes on macOS.
RSS_MIB = 2**20 if sys.platform == "darwin" else 2**10
# A small process between, because Linux counts into a child's peak what the process that started it
# had in use by then: `ru_maxrss` survives execve(2).
LAUNCH = """\
import os, sys, time
start = time.perf_counter()
pid = os.posix_spawn(sys.executable, [sys.executable, "-c", sys.argv[1]], os.environ)
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Run(NamedTuple):
    """One process: how long it took, and the memory it came to."""

    seconds: float
    peak_mib: float


def run_once(code: str) -> Run:
    """Run code in a fresh process of this environment.

    An installed package is compiled once, by pip; a checkout may not be, where
    `PYTHONDONTWRITEBYTECODE` is set. So all modules are kept compiled in a folder of their own.
    """
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "bytecode")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", LAUNCH, code]
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=variables)  # noqa: S603
    if done.returncode:
        sys.exit(f"The process failed:\n{code}\n{done.stderr}")
    seconds, peak = done.stderr.splitlines()[-1].split()
    return Run(float(seconds), float(peak) / RSS_MIB)


def run_in_turn(*codes: str, rounds: int) -> list[list[Run]]:
    """Run each code in a fresh process, in turn, after one round that is not counted."""
    counted = [[run_once(code) for code in codes] for _ in range(rounds + 1)][1:]
    return [list(runs) for runs in zip(*counted, strict=True)]
