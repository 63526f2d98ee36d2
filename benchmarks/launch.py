"""Run a command; write how long it took and the peak of its memory to a file.

    python benchmarks/launch.py FILE COMMAND...

A process of its own, because Linux counts into a child's peak what the process that started it had
in use by then [1]_; this one is small.

References
----------
.. [1] getrusage(2): `ru_maxrss` survives execve(2).
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Run, wait, write; exit as the command does."""
    path, *command = sys.argv[1:]
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib takes memory
        json.dump({"seconds": seconds, "maxrss": usage.ru_maxrss}, file)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
