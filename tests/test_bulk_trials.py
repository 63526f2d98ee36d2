"""Jobs whose processes are killed, interrupted or find no room: each picture is answered once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image
from processes import run_command, started, wait_until
from written import write_page

from digitcnn import bulk, read
from digitcnn.errors import UnavailableError

parquet = pytest.importorskip("pyarrow.parquet", reason="jobs need digitcnn[bulk]")
psutil = pytest.importorskip("psutil", reason="jobs need digitcnn[bulk]")
pytest.importorskip("distributed", reason="jobs need digitcnn[bulk]")

NUM_PAGES = 30
SHARD_SIZE = 1
PATIENCE_S = 120


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Give a folder of numbers, which take long enough to read for something to happen."""
    folder = tmp_path_factory.mktemp("pages")
    for number in range(NUM_PAGES):
        Image.fromarray(write_page(str(100 + number))).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="module")
def texts(pages):
    """Give what one process reads in each."""
    return {str(path): read(path).text for path in pages.iterdir()}


def bulk_command(pages, out, *options):
    """Give the command line of the job."""
    words = ["-m", "digitcnn", "bulk", pages, "--out", out, "--shard-size", SHARD_SIZE]
    return [*map(str, words), *options]


def num_shards(out):
    """Count the files of answers."""
    return len(list(out.glob("shards/part-*")))


def workers_of(process):
    """Give a driver's workers: what its fork server forked."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [each for each in children if each.ppid() != process.pid]


def finish(pages, out, **options):
    """Give the same job again."""
    bulk.run(pages, out, shard_size=SHARD_SIZE, workers=1, **options)


def check(out, texts):
    """Hold the answers against those of one process, each picture once."""
    rows = parquet.read_table(out / "shards").to_pylist()
    assert len(rows) == len(texts)
    assert {row["source"]: row["text"] for row in rows} == texts
    assert not list(out.glob("**/*.tmp"))


def test_killed_workers_and_drivers_lose_nothing(pages, texts, tmp_path):
    """After kill -9 of a worker, of the driver, and of both, each picture is answered once."""
    out = tmp_path / "out"
    with started(*bulk_command(pages, out)) as driver:
        wait_until(lambda: num_shards(out) >= 2)
        workers_of(driver)[0].kill()
        wait_until(lambda: num_shards(out) >= 6)
        driver.kill()
        driver.wait()
    before = num_shards(out)
    with started(*bulk_command(pages, out)) as driver:
        wait_until(lambda: num_shards(out) > before)
        workers_of(driver)[0].kill()
        driver.kill()
        driver.wait()
    assert before < num_shards(out) < NUM_PAGES // SHARD_SIZE

    finish(pages, out)

    check(out, texts)


def test_an_interrupt_ends_in_seconds_and_a_second_driver_is_refused(pages, texts, tmp_path):
    """Ctrl-C leaves no process, says nothing and can be resumed; one driver at a time has a job."""
    out = tmp_path / "out"
    with started(*bulk_command(pages, out, "--quiet")) as driver:
        wait_until(lambda: num_shards(out) >= 2)
        workers = workers_of(driver)
        for worker in workers:  # or the job is done before the second driver has started
            worker.suspend()
        second = run_command(*bulk_command(pages, out)[2:])
        for worker in workers:
            worker.resume()
        begun = time.monotonic()
        os.killpg(driver.pid, signal.SIGINT)
        printed = driver.communicate(timeout=PATIENCE_S)
        seconds = time.monotonic() - begun
        psutil.wait_procs(workers, timeout=10)

    assert (second.returncode, second.stdout) == (1, b"")
    assert b"`--out` must be the folder of one job at a time" in second.stderr
    assert (driver.returncode, printed) == (130, ("", ""))
    assert seconds < 30
    assert not any(worker.is_running() for worker in workers)
    assert num_shards(out) < NUM_PAGES // SHARD_SIZE
    finish(pages, out)
    check(out, texts)


def test_a_shard_whose_worker_is_always_killed_is_told_when_all_else_is_done(
    pages, texts, tmp_path
):
    """It is tried again, alone, and given up at last; the same call then answers it."""
    out = tmp_path / "out"
    this = psutil.Process()

    def kill_at_the_last(progress):
        if progress.num_done >= NUM_PAGES - 1:
            for worker in workers_of(this):
                worker.kill()

    with pytest.raises(
        UnavailableError, match="killed again and again at 1 of the shards, the first of them 29"
    ):
        finish(pages, out, progress=kill_at_the_last)
    assert num_shards(out) == NUM_PAGES - 1
    assert not list(out.glob("**/*.tmp"))

    finish(pages, out)

    check(out, texts)


def test_a_script_that_starts_a_job_wherever_it_is_imported_is_told_so(pages, tmp_path):
    """Workers import the script: where that begins a job again, an error says how to mend it."""
    script = tmp_path / "script.py"
    call = f"bulk.run({str(pages)!r}, {str(tmp_path / 'out')!r})"
    script.write_text(f"from digitcnn import bulk\n{call}\n")

    with started(script) as driver:
        _, errors = driver.communicate(timeout=60)

    assert driver.returncode == 1
    assert 'keep the call under if __name__ == "__main__"' in errors.splitlines()[-1]


@pytest.mark.parametrize("name", ["pandas.py", "onnxruntime.py", "queue.py"])
def test_what_lies_in_the_current_folder_is_not_loaded(name, pages, texts, tmp_path):
    """A folder of scans may hold anything, code as well: none of it runs."""
    (tmp_path / name).write_text("open('loaded', 'w').close(); raise ValueError")
    command = "from digitcnn.cli import main; import sys; sys.exit(main(sys.argv[1:]))"
    script = tmp_path / "elsewhere" / "digitcnn"  # as the command of that name lies elsewhere
    script.parent.mkdir()
    script.write_text(f"if __name__ == '__main__':\n    {command}\n")

    with started(script, *bulk_command(pages, tmp_path / "out")[2:], cwd=tmp_path) as driver:
        printed = driver.communicate(timeout=PATIENCE_S)

    assert driver.returncode == 0, printed
    assert not (tmp_path / "loaded").exists()
    check(tmp_path / "out", texts)


@contextlib.contextmanager
def mounted(folder, options):
    """Mount a file system in memory, where that is allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],  # noqa: S607 - the system's
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - the system's


@pytest.mark.skipif(sys.platform != "linux", reason="a disk is filled by way of mount")
def test_a_full_disk_stops_the_job_which_goes_on_with_room(pages, texts, tmp_path):
    """Where an answer finds no room the job says so; with room the same call finishes it."""
    disk = tmp_path / "disk"
    with mounted(disk, "size=100k"):
        with pytest.raises(UnavailableError, match=r"which fails with: .*No space left on device"):
            finish(pages, disk / "out")
        assert 0 < num_shards(disk / "out") < NUM_PAGES // SHARD_SIZE
        subprocess.run(["mount", "-o", "remount,size=9m", str(disk)], check=True)  # noqa: S607

        finish(pages, disk / "out")

        check(disk / "out", texts)


@pytest.mark.skipif(sys.platform != "linux", reason="a disk is made read-only by way of mount")
def test_a_folder_that_cannot_be_written_is_told(pages, tmp_path):
    """A read-only output is an error before any work."""
    disk = tmp_path / "disk"
    with (
        mounted(disk, "ro"),
        pytest.raises(UnavailableError, match=r"`out` must .*: Read-only file system"),
    ):
        bulk.run(pages, disk / "out")


def test_a_cluster_of_separate_processes_loses_nothing(pages, texts, tmp_path):
    """A scheduler and two workers, started on their own, do the job; one of them is killed."""
    out, file = tmp_path / "out", str(tmp_path / "scheduler.json")
    scheduler = ("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    worker = (
        "-m",
        "distributed.cli.dask_worker",
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
    )
    with (
        started(*scheduler, "--no-dashboard", "--scheduler-file", file),
        started(*worker, "--scheduler-file", file) as first,
        started(*worker, "--scheduler-file", file),
    ):
        wait_until((tmp_path / "scheduler.json").exists)
        address = json.loads((tmp_path / "scheduler.json").read_text())["address"]
        with started(*bulk_command(pages, out, "--scheduler", address)) as driver:
            wait_until(lambda: num_shards(out) >= 2)
            first.kill()
            printed = driver.communicate(timeout=PATIENCE_S)

    assert driver.returncode == 0, printed
    assert f"{NUM_PAGES} of {NUM_PAGES} pictures were read" in printed[0]
    check(out, texts)
