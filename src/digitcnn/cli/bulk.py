"""`digitcnn bulk`: a whole source into Parquet files, with a line of progress."""

from __future__ import annotations

import argparse
import math
import sys
import time
from typing import TYPE_CHECKING, Any

from digitcnn.cli._console import (
    add_command,
    add_min_confidence,
    options_in,
    show_bar,
    tell,
    write_line,
)

if TYPE_CHECKING:
    from digitcnn.bulk import Progress

_PAUSE_S = 30.0  # between lines of progress where there is no terminal


def add_bulk(commands: Any) -> None:
    """Describe the arguments."""
    parser = add_command(
        commands,
        _run,
        "bulk",
        "read pictures by the million into Parquet files, here or on a cluster",
        'Needs pip install "digitcnn[bulk]". SOURCE is a folder with all folders in it, a glob, a '
        "Parquet file or folder of encoded pictures, a CSV file of 784 pixels a row, or an address "
        "such as s3://bucket/scans. A picture that cannot be read is a row with its error. A job "
        "that was stopped goes on when the same command is given again.",
        "digitcnn bulk scans/ --out answers/",
        "digitcnn bulk train.csv --out checked/ --task predict --labels label",
        "digitcnn bulk s3://forms/2025 --out /shared/answers --scheduler tcp://10.0.0.1:8786",
        typed={"source": "SOURCE"},
    )
    parser.add_argument("source", metavar="SOURCE", help="the pictures: see above")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the answers go")
    parser.add_argument(
        "--task",
        choices=("read", "predict"),
        default="read",
        help="all digits of each picture, or the one (default: %(default)s)",
    )
    parser.add_argument("--weights", help="a published name or an .onnx file (default: the task's)")
    add_min_confidence(parser, "as for read and predict")
    parser.add_argument(
        "--column", metavar="NAME", help="the column of pictures, where Parquet has several"
    )
    parser.add_argument(
        "--labels", metavar="NAME", help="the column of right answers: adds accuracy and confusion"
    )
    parser.add_argument(
        "--shard-size",
        type=int,
        metavar="N",
        help="pictures to a file of answers (default: 200 of read, 1000 of predict)",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes here (default: one for each CPU)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster (default: DASK_SCHEDULER_ADDRESS, else this machine)",
    )
    parser.add_argument("--quiet", action="store_true", help="print neither progress nor summary")


def _run(arguments: argparse.Namespace) -> int:
    """Run the job, and print its summary."""
    from digitcnn import bulk
    from digitcnn.bulk.workers import address_of, prepare

    if not address_of(arguments.scheduler):
        prepare()
    reporter = _Reporter()
    summary = bulk.run(
        arguments.source,
        arguments.out,
        **options_in(arguments, "source", "out", "quiet"),
        progress=None if arguments.quiet else reporter.report,
    )
    if not arguments.quiet:
        show_bar("")
        if not reporter.has_reported:
            tell("this job was done before; what came to SOURCE since needs another --out")
        write_line(str(summary))
    return 0


class _Reporter:
    """Shows how far a job is: as a bar on a terminal, elsewhere as a line now and then."""

    def __init__(self) -> None:
        self._last = -math.inf
        self._told_dashboard = False
        self.has_reported = False

    def report(self, progress: Progress) -> None:
        """Show how far it is."""
        self.has_reported = True
        if progress.dashboard and not self._told_dashboard:
            tell(f"dashboard: {progress.dashboard}")
            self._told_dashboard = True
        show_bar(_line(progress))
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        if not is_terminal and time.monotonic() - self._last >= _PAUSE_S:
            self._last = time.monotonic()
            tell(_line(progress))


def _line(progress: Progress) -> str:
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
