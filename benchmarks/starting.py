"""Fresh processes: what importing costs, and how long the first answer takes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from benchmarks.cold_start import DIGITCNN, KERAS, MIB, ROOT, Run, run_once
from benchmarks.timing import Line
from digitcnn.weights import resolve

FIRST_ANSWER = "first answer: new process, one PNG, to printed digit"
PICTURE = str(ROOT / "examples" / "zero-canvas.png")
OURS = DIGITCNN.format(picture=PICTURE, weights="base")

# What any program that runs the same network pays; telemetry is off there as it is here.
BARE = """\
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy, PIL.Image, onnxruntime
session = onnxruntime.InferenceSession({network!r}, providers=["CPUExecutionProvider"])
print(session.run(None, {{"images": numpy.zeros((1, 28, 28, 1), numpy.float32)}})[0].shape)
"""


def importing(*, quick: bool) -> Iterator[Line]:
    """Measure what the package's import costs."""
    ours, theirs = _in_turn("import digitcnn", "import numpy", rounds=3 if quick else 15)
    yield Line(
        "import",
        "`import digitcnn`",
        "`import numpy`",
        1.3,
        [run.seconds for run in ours],
        [run.seconds for run in theirs],
    )


def against_bare(*, quick: bool) -> Iterator[Line]:
    """Measure the first answer against the least that any program with this network does."""
    bare = BARE.format(network=str(resolve("base", format="onnx")))
    ours, theirs = _in_turn(OURS, bare, rounds=3 if quick else 15)
    yield Line(
        "first-answer-bare",
        FIRST_ANSWER,
        "bare `import numpy, PIL.Image, onnxruntime`, open session, run once",
        1.3,
        [run.seconds for run in ours],
        [run.seconds for run in theirs],
    )


def against_keras(*, quick: bool) -> Iterator[Line]:
    """Measure the first answer, and the memory it takes, against Keras."""
    yardstick = "Keras doing the same with the same network"
    if importlib.util.find_spec("keras") is None:
        ours, theirs, note = [], [], "not installed"
    else:
        theirs_code = KERAS.format(picture=PICTURE, weights="base")
        ours, theirs = _in_turn(OURS, theirs_code, rounds=2 if quick else 7)
        note = "" if ours[-1].output == theirs[-1].output else "the two read different digits"
    yield Line(
        "first-answer-keras",
        FIRST_ANSWER,
        yardstick,
        1 / 20,
        [run.seconds for run in ours],
        [run.seconds for run in theirs],
        note=note,
    )
    yield Line(
        "first-answer-memory",
        f"{FIRST_ANSWER}: peak memory",
        yardstick,
        1 / 5,
        [run.peak_bytes / MIB for run in ours],
        [run.peak_bytes / MIB for run in theirs],
        unit="MiB",
        note=note,
    )


def _in_turn(*codes: str, rounds: int) -> list[list[Run]]:
    """Run each code in a fresh process, in turn, after one round that is not counted."""
    counted = [[run_once(code) for code in codes] for _ in range(rounds + 1)][1:]
    return [list(runs) for runs in zip(*counted, strict=True)]
