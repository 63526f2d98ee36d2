"""What jobs of many pictures cost: processor time, memory and disk, against one process.

    python benchmarks/bulk.py [--pictures 20000] [--rows 100000] [--folder FOLDER] [--workers N]

Writes that many of MNIST's digits as PNG files and as Parquet, 20 of them cut short and 20 blank,
and has `digitcnn bulk --task predict` and, in one process with one thread, `iter_proba` answer
them; then a Parquet file of `--rows`, for the memory. FOLDER holds pictures for `--task read`. The
last table says what 100 million would cost at these figures.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from digitcnn import datasets

BROKEN = BLANK = 20
ROW_GROUP = 10_000
SAMPLE_S = 0.1
GROWN = 100_000_000
MIB = 2**20

# What `digitcnn bulk` is held against: the same answers by one process with one thread.
ONE_PROCESS = """
import sys
from pathlib import Path
from digitcnn import DigitClassifier, DigitReader
task, source = sys.argv[1:]
def pictures():
    if source.endswith(".parquet"):
        from pyarrow import parquet
        for batch in parquet.ParquetFile(source).iter_batches(64):
            yield from batch.column("image").to_pylist()
    else:
        suffixes = {".png", ".jpg", ".jpeg"}
        yield from (path for path in sorted(Path(source).rglob("*")) if path.suffix in suffixes)
if task == "read":
    answers = DigitReader(threads=1).iter_read(pictures(), errors="return")
else:
    answers = DigitClassifier(threads=1).iter_proba(pictures(), errors="return")
print(sum(1 for _ in answers))
"""


@dataclass(frozen=True)
class Cost:
    """What a command took, with all processes that it started."""

    cpu_s: float
    wall_s: float
    peak_mib: float  # resident; what processes share is counted once


def cost_of(words: list[str]) -> Cost:
    """Run a command, and sample the memory of all its processes."""
    adopt_orphans()
    begun, used = time.perf_counter(), cpu_seconds()
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)  # noqa: S603
    root, peak = psutil.Process(process.pid), 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(root))
        time.sleep(SAMPLE_S)
    wall_s = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed")
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return Cost(cpu_seconds() - used, wall_s, peak)


def adopt_orphans() -> None:
    """Have processes that outlive their parent count as this one's (Linux)."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)


def cpu_seconds() -> float:
    """Return the processor time of all processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def memory_of(root: psutil.Process) -> float:
    """Return the memory of a process and all below it, in MiB."""
    total = 0
    try:
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_full_info().pss
    except psutil.Error:  # one has ended meanwhile
        pass
    return total / MIB


def encoded(count: int) -> list[bytes]:
    """Return digits as PNG files, some cut short and some blank."""
    (images, _), _ = datasets.load_mnist()
    contents = []
    for number in range(count):
        image = images[number % len(images)]
        if number < BLANK:
            image = image * 0
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        content = stream.getvalue()
        contents.append(content[:80] if BLANK <= number < BLANK + BROKEN else content)
    return contents


def write_table(path: Path, contents: list[bytes], rows: int) -> str:
    """Write so many rows of them, again and again if need be, as Parquet."""
    with parquet.ParquetWriter(path, pa.schema([("image", pa.binary())])) as writer:
        for first in range(0, rows, ROW_GROUP):
            numbers = range(first, min(first + ROW_GROUP, rows))
            part = [contents[number % len(contents)] for number in numbers]
            writer.write_table(pa.table({"image": part}))
    return str(path)


@dataclass(frozen=True)
class Result:
    """A job and its yardstick."""

    name: str
    num_pictures: int
    errors: dict[str, int]
    ours: Cost
    theirs: Cost | None
    row_bytes: float


def job(
    name: str, task: str, source: str, work: Path, options: list[str], *, has_yardstick: bool = True
) -> Result:
    """Run a job and, if asked for, one process."""
    out = work / f"answers of {name}"
    words = ["-m", "digitcnn", "bulk", source, "--out", str(out), "--task", task, "--quiet"]
    ours = cost_of([*words, *options])
    theirs = cost_of(["-c", ONE_PROCESS, task, source]) if has_yardstick else None
    summary = json.loads((out / "manifest.json").read_text("utf-8"))["summary"]
    size = sum(file.stat().st_size for file in out.rglob("*.*"))
    count = summary["num_pictures"]
    return Result(name, count, summary["errors"], ours, theirs, size / count)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--folder", help="pictures for the task read")
    parser.add_argument("--workers", type=int, help="processes (default: one for each CPU)")
    arguments = parser.parse_args()
    options = ["--workers", str(arguments.workers)] if arguments.workers else []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "png").mkdir()
        contents = encoded(arguments.pictures)
        for number, content in enumerate(contents):
            (work / "png" / f"{number:06d}.png").write_bytes(content)
        table = write_table(work / "few.parquet", contents, len(contents))
        print_header()
        results = [
            shown(job("PNG files", "predict", str(work / "png"), work, options)),
            shown(job("Parquet", "predict", table, work, options)),
        ]
        if arguments.rows:
            many = write_table(work / "many.parquet", contents[BLANK + BROKEN :], arguments.rows)
            shown(job("Parquet, more", "predict", many, work, options, has_yardstick=False))
        if arguments.folder:
            results.append(shown(job("read", "read", arguments.folder, work, options)))
    print_growth(results)


def print_header() -> None:
    """Begin the table."""
    load = f"{os.getloadavg()[0]:.1f}"
    print(f"{os.cpu_count()} CPUs; load when this began: {load}\n")
    print("| job | pictures | errors | processor s | against one process | pictures/s "
          "| against one process | peak MiB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")


def shown(result: Result) -> Result:
    """Print a row of the table."""
    ours, theirs = result.ours, result.theirs
    ratios = (
        (f"{ours.cpu_s / theirs.cpu_s:.2f} x", f"{theirs.wall_s / ours.wall_s:.2f} x")
        if theirs
        else ("", "")
    )
    print(
        f"| {result.name} | {result.num_pictures:,} | {sum(result.errors.values())} "
        f"| {ours.cpu_s:.1f} | {ratios[0]} | {result.num_pictures / ours.wall_s:,.0f} "
        f"| {ratios[1]} | {ours.peak_mib:.0f} |",
        flush=True,
    )
    return result


def print_growth(results: list[Result]) -> None:
    """Print what as many as an archive holds would cost at these figures."""
    print(f"\n| {GROWN:,} pictures | processor hours | hours on 100 CPUs | GB of answers |")
    print("|---|---|---|---|")
    for result in results:
        hours = result.ours.cpu_s / result.num_pictures * GROWN / 3600
        size = result.row_bytes * GROWN / 1e9
        print(f"| {result.name} | {hours:,.0f} | {hours / 100:,.1f} | {size:,.1f} |")


if __name__ == "__main__":
    main()
