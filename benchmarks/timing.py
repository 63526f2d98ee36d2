"""Times jobs against each other: in turn, several times, so that a busy machine slows both."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Job = Callable[[], object]

# A single run of a job that takes less than this is timed as a loop of many.
LEAST_SECONDS = 0.05
# After a run, ONNX Runtime's threads by default stay awake on a CPU that the next job may need.
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    name : str
        What `--only` calls it.
    what, yardstick : str
        What is measured, and against what.
    target : float or None
        The greatest ratio that is good enough; None where it is only reported.
    ours, theirs : list of float
        A figure for each round; none where the yardstick is not installed.
    unit : str
        "s" or "MiB".
    note : str
        What else to know.
    """

    name: str
    what: str
    yardstick: str
    target: float | None
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    unit: str = "s"
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Give ours / theirs of each round, or of the means where the rounds do not pair."""
        if len(self.ours) != len(self.theirs):
            return [statistics.mean(self.ours) / statistics.mean(self.theirs)]
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """Give the median of the rounds' ratios; NaN where nothing was measured."""
        return statistics.median(self.ratios) if self.theirs else math.nan

    @property
    def spread(self) -> tuple[float, float]:
        """Give the quartiles of the rounds' ratios."""
        if len(self.ratios) < 2:
            return self.ratio, self.ratio
        low, _, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    @property
    def is_met(self) -> bool | None:
        """Tell whether the target is met; None where there is none, or nothing was measured."""
        if self.target is None or not self.theirs:
            return None
        return self.ratio <= self.target


def in_turn(jobs: Mapping[str, Job], *, rounds: int) -> dict[str, list[float]]:
    """Time each job once a round, after one round that is not counted; short ones in a loop."""
    loops = {}
    for name, job in jobs.items():
        job()
        loops[name] = max(1, math.ceil(LEAST_SECONDS / max(seconds(job), 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds):
        # Every other round backwards: no job always follows the same one.
        for name in list(jobs)[:: -1 if number % 2 else 1]:
            time.sleep(PAUSE_SECONDS)
            times[name].append(seconds(jobs[name], loops[name]))
    return times


def seconds(job: Job, loops: int = 1) -> float:
    """Time one run of a job, as the mean of so many."""
    start = time.perf_counter()
    for _ in range(loops):
        job()
    return (time.perf_counter() - start) / loops
