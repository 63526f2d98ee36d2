"""`digitcnn bulk`: a whole source into Parquet files, with a line of progress."""

from __future__ import annotations

import argparse
import sys
import time

from digitcnn import bulk
from digitcnn.cli._output import write_line

_PAUSE_S = 30.0  # between lines of progress where there is no terminal


def run(arguments: argparse.Namespace) -> int:
    """Run the job, and print its summary."""
    reporter = None if arguments.quiet else _Reporter()
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
        progress=reporter.report if reporter else None,
    )
    if reporter:
        reporter.end()
        write_line(str(summary))
    return 0


class _Reporter:
    """Writes progress to standard error: one line that changes, or now and then another."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._last = -_PAUSE_S
        self._told_dashboard = False

    def report(self, progress: bulk.Progress) -> None:
        """Write how far the job is."""
        if progress.dashboard and not self._told_dashboard:
            print(f"dashboard: {progress.dashboard}", file=sys.stderr)
            self._told_dashboard = True
        if self._is_terminal:
            print(f"\r\x1b[K{_line(progress)}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._last >= _PAUSE_S:
            self._last = time.monotonic()
            print(_line(progress), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line of progress."""
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _line(progress: bulk.Progress) -> str:
    left = "" if progress.remaining_s is None else f", {_duration(progress.remaining_s)} left"
    workers = "" if progress.num_workers else ", no worker is there"
    return (
        f"{progress.num_done:,} of {progress.num_pictures:,} pictures, {progress.rate:,.0f}/s"
        f"{left}, {progress.num_errors:,} errors{workers}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
