"""The processor time of a request to the service, against `predict_proba(bytes)` alone."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

from digitcnn import DigitClassifier


def processor_times(picture: bytes, rounds: int) -> tuple[list[float], list[float]]:
    """Measure requests to a process of its own, in turn with calls in this one."""
    classifier = DigitClassifier(threads=1)
    count = max(20, int(1 / _own_seconds(classifier, picture, 5)))
    ours, theirs = [], []
    with running() as (process, connection):
        _asked_seconds(process, connection, picture, 20)
        for _ in range(rounds):
            theirs.append(_own_seconds(classifier, picture, count))
            ours.append(_asked_seconds(process, connection, picture, count))
    return ours, theirs


def _own_seconds(classifier: DigitClassifier, picture: bytes, count: int) -> float:
    classifier.predict_proba(picture)
    start = time.process_time()
    for _ in range(count):
        classifier.predict_proba(picture)
    return (time.process_time() - start) / count


def _asked_seconds(
    process: psutil.Process, connection: http.client.HTTPConnection, picture: bytes, count: int
) -> float:
    """Return the processor time that the service's process takes for a request."""
    connection.close()  # the service may have done so since; it opens again by itself
    start = sum(process.cpu_times()[:2])
    for _ in range(count):
        connection.request("POST", "/v1/predict", picture)
        response = connection.getresponse()
        response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"the service answered {response.status}")
    return (sum(process.cpu_times()[:2]) - start) / count


@contextlib.contextmanager
def running() -> Iterator[tuple[psutil.Process, http.client.HTTPConnection]]:
    """Run the service on a free port."""
    command = [sys.executable, "-m", "digitcnn", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            address = process.stdout.readline().rpartition("//")[2].strip()
            with contextlib.closing(http.client.HTTPConnection(address)) as connection:
                yield psutil.Process(process.pid), connection
        finally:
            process.terminate()
