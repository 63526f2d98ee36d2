"""The processor time of a request to the service, against `predict_proba(bytes)` alone."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from digitcnn import DigitClassifier

# What is sent, and the greatest ratio that is good enough.
TARGETS = {"28": ("PNG of 28 x 28", 2.2), "canvas": ("canvas", 1.5), "photo": ("photo", 1.2)}


def processor_times(picture: bytes, rounds: int) -> tuple[list[float], list[float]]:
    """Measure requests to a process of its own, in turn with calls in this one."""
    classifier = DigitClassifier(threads=1)
    count = max(20, int(1 / _own_seconds(classifier, picture, 5)))
    ours, theirs = [], []
    with _service() as (pid, connection):
        _asked_seconds(pid, connection, picture, 20)
        for _ in range(rounds):
            theirs.append(_own_seconds(classifier, picture, count))
            ours.append(_asked_seconds(pid, connection, picture, count))
    return ours, theirs


def _own_seconds(classifier: DigitClassifier, picture: bytes, count: int) -> float:
    classifier.predict_proba(picture)
    start = time.process_time()
    for _ in range(count):
        classifier.predict_proba(picture)
    return (time.process_time() - start) / count


def _asked_seconds(
    pid: int, connection: http.client.HTTPConnection, picture: bytes, count: int
) -> float:
    """Return the processor time that the service's process takes for a request."""
    connection.close()  # the service may have done so since; it opens again by itself
    start = _processor_seconds(pid)
    for _ in range(count):
        connection.request("POST", "/v1/predict", picture)
        response = connection.getresponse()
        response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"the service answered {response.status}")
    return (_processor_seconds(pid) - start) / count


def _processor_seconds(pid: int) -> float:
    """Return what a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _service() -> Iterator[tuple[int, http.client.HTTPConnection]]:
    """Run the service on a free port."""
    command = [sys.executable, "-m", "digitcnn", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 - it is piped
            host, _, port = process.stdout.readline().rpartition("//")[2].strip().partition(":")
            connection = http.client.HTTPConnection(host, int(port))
            yield process.pid, connection
            connection.close()
        finally:
            process.terminate()
