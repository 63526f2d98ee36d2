"""`digitcnn bulk`: a whole source into Parquet files, with a line of progress."""

from __future__ import annotations

import argparse
import math
import sys
import time

from digitcnn import bulk
from digitcnn.cli._output import show_bar, tell, write_line

_PAUSE_S = 30.0  # between lines of progress where there is no terminal


def run(arguments: argparse.Namespace) -> int:
    """Run the job, and print its summary."""
    summary = bulk.run(
        arguments.source,
        arguments.out,
        task=arguments.task,
        weights=arguments.weights,
        min_confidence=arguments.min_confidence,
        column=arguments.column,
        labels=arguments.labels,
        shard_size=arguments.shard_size,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
        progress=None if arguments.quiet else _Reporter().report,
    )
    if not arguments.quiet:
        show_bar("")
        write_line(str(summary))
    return 0


class _Reporter:
    """Shows how far a job is: as a bar on a terminal, elsewhere as a line now and then."""

    def __init__(self) -> None:
        self._last = -math.inf
        self._told_dashboard = False

    def report(self, progress: bulk.Progress) -> None:
        """Show how far it is."""
        if progress.dashboard and not self._told_dashboard:
            tell(f"dashboard: {progress.dashboard}")
            self._told_dashboard = True
        show_bar(_line(progress))
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        if not is_terminal and time.monotonic() - self._last >= _PAUSE_S:
            self._last = time.monotonic()
            tell(_line(progress))


def _line(progress: bulk.Progress) -> str:
    left = "" if progress.remaining_s is None else f", {_duration(progress.remaining_s)} left"
    workers = "" if progress.num_workers else ", no worker is there"
    return (
        f"{progress.num_done:,} of {progress.num_pictures:,}, {progress.rate:,.0f}/s"
        f"{left}, {progress.num_errors:,} errors{workers}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
