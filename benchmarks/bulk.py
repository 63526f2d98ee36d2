"""What jobs of many pictures cost: processor time, memory and disk, against one process.

    python benchmarks/bulk.py [--pictures 20000] [--rows 100000] [--folder FOLDER]

Writes that many of MNIST's digits as PNG files and as Parquet, 20 of them cut short and 20 blank,
and has `digitcnn bulk --task predict` and, in one process with one thread, `iter_proba` answer
them, in turn, three times, of which the medians count; then a Parquet file of `--rows`, for the
memory. FOLDER holds pictures for `--task read`. The last table says what 100 million would cost at
these figures.
"""

from __future__ import annotations

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
from pathlib import Path

import checkout  # noqa: F401 - says where reporting.py lies
import numpy as np
import psutil
import pyarrow as pa
from PIL import Image
from pyarrow import parquet
from reporting import begin_options, format_table

from digitcnn import datasets

BROKEN = BLANK = 20
SAMPLE_S, REPEATS = 0.1, 3
GROWN = 100_000_000

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


def cost_of(words: list[str]) -> tuple[float, float]:
    """Run a command; return what it and all processes that it started took of CPUs, and of time."""
    set_child_subreaper = 36  # processes that outlive their parent count as this one's (Linux)
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)
    begun, used = time.perf_counter(), cpu_seconds()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    wall_s = time.perf_counter() - begun
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return cpu_seconds() - used, wall_s


def peak_of(words: list[str]) -> float:
    """Run a command once more, and return how much memory its processes held together, in MiB.

    What they share counts once. To look takes as much of a CPU as would falsify the time.
    """
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)  # noqa: S603
    root, peak = psutil.Process(process.pid), 0.0
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):  # one has ended meanwhile
            family = [root, *root.children(recursive=True)]
            peak = max(peak, sum(each.memory_full_info().pss for each in family))
        time.sleep(SAMPLE_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed")
    return peak / 2**20


def cpu_seconds() -> float:
    """Return the processor time of all processes that were waited for."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def encoded(count: int) -> list[bytes]:
    """Return digits as PNG files, some cut short and some blank."""
    (images, _), _ = datasets.load_mnist()
    contents = []
    for number in range(count):
        image, stream = images[number % len(images)], io.BytesIO()
        Image.fromarray(image * (number >= BLANK)).save(stream, "PNG")
        is_broken = BLANK <= number < BLANK + BROKEN
        contents.append(stream.getvalue()[: 80 if is_broken else None])
    return contents


def write_table(path: Path, contents: list[bytes], rows: int) -> str:
    """Write so many rows of them, again and again if need be, as Parquet."""
    with parquet.ParquetWriter(path, pa.schema([("image", pa.binary())])) as writer:
        for first in range(0, rows, 10_000):
            numbers = range(first, min(first + 10_000, rows))
            part = [contents[number % len(contents)] for number in numbers]
            writer.write_table(pa.table({"image": part}))
    return str(path)


def job(name: str, source: str, task: str = "predict", *, alone: bool = True) -> list[str]:
    """Run a job and, in turn, one process that does the same; return the cells of both tables."""
    ours, theirs = [], []
    words = ["-m", "digitcnn", "bulk", source, "--task", task, "--quiet", "--out"]
    for _ in range(REPEATS if alone else 1):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(cost_of([*words, folder]))
            summary = json.loads((Path(folder) / "manifest.json").read_text("utf-8"))["summary"]
            size = sum(file.stat().st_size for file in Path(folder).rglob("*.*"))
        if alone:
            theirs.append(cost_of(["-c", ONE_PROCESS, task, source]))
    with tempfile.TemporaryDirectory() as folder:
        peak = peak_of([*words, folder])
    cpu_s, wall_s = np.median(ours, axis=0)
    ratios = ["", ""]
    if alone:
        alone_cpu_s, alone_wall_s = np.median(theirs, axis=0)
        ratios = [f"{cpu_s / alone_cpu_s:.2f} x", f"{alone_wall_s / wall_s:.2f} x"]
    print(f"{name}: done", file=sys.stderr)
    count, errors = summary["num_pictures"], sum(summary["errors"].values())
    hours = cpu_s / count * GROWN / 3600
    return [
        *(name, f"{count:,}", f"{errors}", f"{cpu_s:.1f}", ratios[0]),
        *(f"{count / wall_s:,.0f}", ratios[1], f"{peak:.0f}"),
        *(f"{hours:,.0f}", f"{hours / 100:,.1f}", f"{size / count * GROWN / 1e9:,.1f}"),
    ]


def main() -> None:
    """Measure, and print the table."""
    parser = begin_options(__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--folder", help="pictures for the task read")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} CPUs; load when this began: {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        work, contents = Path(folder), encoded(arguments.pictures)
        (work / "png").mkdir()
        for number, content in enumerate(contents):
            (work / "png" / f"{number:06d}.png").write_bytes(content)
        few = write_table(work / "few.parquet", contents, len(contents))
        many = write_table(work / "many.parquet", contents[BLANK + BROKEN :], arguments.rows)
        rows = [
            job("PNG files", str(work / "png")),
            job("Parquet", few),
            job("Parquet, more", many, alone=False),
        ]
        if arguments.folder:
            rows.append(job("read", arguments.folder, "read"))
    ours = ("job", "pictures", "errors", "processor s", "against one process", "pictures/s")
    print(format_table((*ours, "against one process", "peak MiB"), [row[:8] for row in rows]))
    grown = (f"{GROWN:,} pictures", "processor hours", "hours on 100 CPUs", "GB of answers")
    print(format_table(grown, [(row[0], *row[8:]) for row in rows]))


if __name__ == "__main__":
    main()
