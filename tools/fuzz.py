"""Fuzz the library: damaged picture files, arrays and junk of every kind, and command lines.

    python tools/fuzz.py [--cases 100000] [--lines 2000] [--seed 1] [--json FILE]
    python tools/fuzz.py --seed 1 --only 4711
    python tools/fuzz.py --seed 1 --only-line 4711

Half of the cases are files, damaged by `tests/fuzzing.py`, and half are what Hypothesis makes of
`tests/strategies.py`. Each must end in an answer or a DigitcnnError that names the item and the
cure, without a warning, within the limits on time and memory; what does not is printed with the
number by which `--only` repeats it, and the status is 1. Beside them, command lines made up by
`tests/command_lines.py` must end with a status of their own, and tell an error in one line.
The cases run in processes of their own, so that a crash or a hang is a finding too.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import functools
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))
from command_lines import run_command_line, words_of, workplace  # noqa: E402 - found there only
from fuzzing import WAYS, Outcome, damaged_file, outcome_of  # noqa: E402 - found there only
from strategies import anything  # noqa: E402

MOST_SECONDS = 10.0
MOST_MIB = 1024.0
HANGS_AFTER = 300.0  # by the clock, on a machine that may be busy
# Cases in one process; enough that its start costs little.
FILES_A_TIME, THINGS_A_TIME, LINES_A_TIME = 2_000, 1_000, 500
MOST_FAILURES_TOLD = 50
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class Meter:
    """Counts outcomes, and measures the time and memory that each case takes."""

    def __init__(self) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []
        self.slowest = 0.0
        self.largest = 0.0

    def run(self, name: str, case: Callable[[], Outcome]) -> None:
        """Run one case within its limits."""
        before = _memory("VmRSS", reset=True)
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        start = time.process_time()
        outcome = case()
        seconds = time.process_time() - start
        faulthandler.cancel_dump_traceback_later()
        mebibytes = max(0.0, _memory("VmHWM") - before)
        self.outcomes[outcome.kind] += 1
        self.slowest = max(self.slowest, seconds)
        self.largest = max(self.largest, mebibytes)
        for flaw in (
            outcome.failure,
            f"took {seconds:.1f} s" if seconds > MOST_SECONDS else None,
            f"took {mebibytes:.0f} MiB" if mebibytes > MOST_MIB else None,
        ):
            if flaw:
                self.failures.append(f"{name}: {flaw}")

    def result(self) -> dict[str, Any]:
        """Give what came of all cases."""
        return {
            "outcomes": dict(self.outcomes),
            "failures": self.failures[:MOST_FAILURES_TOLD],
            "slowest_seconds": self.slowest,
            "largest_mib": self.largest,
        }


def _memory(entry: str, *, reset: bool = False) -> float:
    """Read this process's memory in MiB, having set its peak back if asked to; 0 but on Linux."""
    if not _RESET.exists():
        return 0.0
    if reset:
        _RESET.write_text(_RESET_PEAK)
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines[entry].split()[0]) / 1024


def run_files(seed: int, numbers: range) -> dict[str, Any]:
    """Run the damaged files of these numbers."""
    meter, ways = Meter(), list(WAYS)
    for number in numbers:
        name, content = damaged_file(seed, number)
        case = functools.partial(outcome_of, ways[number % len(ways)], content)
        meter.run(f"--seed {seed} --only {number} ({name})", case)
    return meter.result()


def run_things(seed: int, numbers: range) -> dict[str, Any]:
    """Let Hypothesis make up as many things."""
    meter = Meter()

    @hypothesis_seed(seed * 1_000_003 + numbers.start)
    @settings(
        max_examples=len(numbers),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(list(WAYS)), anything())
    def run(way: str, images: Any) -> None:
        meter.run(f"{way}({images!r:.300})", lambda: outcome_of(way, images))

    run()
    return meter.result()


def run_lines(seed: int, numbers: range) -> dict[str, Any]:
    """Run the command lines of these numbers."""
    meter = Meter()
    with workplace() as folder:
        for number in numbers:
            name = f"--seed {seed} --only-line {number} {words_of(seed, number)}"
            meter.run(name, functools.partial(run_command_line, folder, seed, number))
    return meter.result()


def main() -> int:
    """Run the cases and say what came of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="run one damaged file here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary there")
    parser.add_argument("--lines", type=int, default=2_000, help="command lines beside the cases")
    parser.add_argument("--only-line", type=int, metavar="NUMBER", help="run one command line here")
    arguments = parser.parse_args()
    for number, run in ((arguments.only, run_files), (arguments.only_line, run_lines)):
        if number is not None:
            print(json.dumps(run(arguments.seed, range(number, number + 1))))
            return 0
    start = time.perf_counter()
    kinds = {
        name: _in_processes(run, arguments.seed, cases, at_a_time)
        for name, run, cases, at_a_time in (
            ("damaged files", run_files, arguments.cases // 2, FILES_A_TIME),
            (
                "arrays, images, iterables and junk",
                run_things,
                arguments.cases // 2,
                THINGS_A_TIME,
            ),
            ("command lines", run_lines, arguments.lines, LINES_A_TIME),
        )
        if cases
    }
    summary = {"seed": arguments.seed, "seconds": time.perf_counter() - start, "kinds": kinds}
    if arguments.json:
        arguments.json.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    for name, kind in kinds.items():
        print(f"{name}: {kind['cases']:,} cases, {kind['outcomes']}")
        print(f"  slowest {kind['slowest_seconds']:.2f} s, largest {kind['largest_mib']:.0f} MiB")
        print("\n".join(f"  FAILED {failure}" for failure in kind["failures"]))
    return 1 if any(kind["failures"] for kind in kinds.values()) else 0


def _in_processes(run: Any, seed: int, cases: int, at_a_time: int) -> dict[str, Any]:
    """Run the cases part by part, each part in a process of its own, one after the other."""
    results = []
    for start in range(0, cases, at_a_time):
        numbers = range(start, min(start + at_a_time, cases))
        context = multiprocessing.get_context("spawn")
        queue = context.SimpleQueue()
        worker = context.Process(target=_work, args=(queue, run.__name__, seed, numbers))
        worker.start()
        worker.join()
        if worker.exitcode or queue.empty():
            flaw = f"the process ended with {worker.exitcode} between {numbers}"
            results.append({"outcomes": {}, "failures": [flaw]})
        else:
            results.append(queue.get())
    outcomes = sum(
        (collections.Counter(each["outcomes"]) for each in results), collections.Counter()
    )
    return {
        "cases": outcomes.total(),
        "outcomes": dict(outcomes.most_common()),
        "failures": [failure for each in results for failure in each["failures"]],
        "slowest_seconds": max(each.get("slowest_seconds", 0.0) for each in results),
        "largest_mib": max(each.get("largest_mib", 0.0) for each in results),
    }


def _work(queue: Any, name: str, seed: int, numbers: range) -> None:
    queue.put(globals()[name](seed, numbers))


if __name__ == "__main__":
    sys.exit(main())
