"""Whatever comes, an answer or an error of the library's own: a few thousand of the cases.

The profile "fuzz" tries as many as one likes; what it ever found stands as a test in
`test_errors.py`.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import io
import os
import re
import shutil
import sys
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from fuzzing import damaged_file, mutate, seed_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import write_network
from processes import memory_mib
from strategies import anything

from digitcnn import DigitClassifier, explain, predict, predict_proba, preprocess
from digitcnn.cli import build_parser, main
from digitcnn.errors import DigitcnnError

FORMATS = {"JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "ICO", "PPM", "TGA", "PCX", "JPEG2000"}
MOST_MIB = 1024
NUMBERS = st.integers(0, 2**32 - 1)


def many(times):
    """So many times the examples of the profile, whatever they are."""
    examples = times * settings.default.max_examples
    return settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory():
    """All cases together add less than a limit to the peak of this process's memory."""
    before = memory_mib("VmHWM")
    yield
    assert memory_mib("VmHWM") - before < MOST_MIB


def are_batches(answer):
    """Recognize what `preprocess` gives."""
    is_form = answer.dtype == np.float32 and answer.shape[1:] == (28, 28, 1)
    return is_form and bool(((answer >= 0) & (answer <= 1)).all())


def are_digits(answer):
    """Recognize one digit or an array of them."""
    digits = np.atleast_1d(answer)
    return digits.dtype == np.int64 and bool(((digits >= 0) & (digits <= 9)).all())


def are_probabilities(answer):
    """Recognize rows of ten that sum to one."""
    return answer.shape[-1] == 10 and np.allclose(answer.sum(axis=-1), 1, atol=1e-5)


CLASSIFIER = DigitClassifier(threads=1)
# Each public way in, with how its answers look.
WAYS = {
    "preprocess": (preprocess, are_batches),
    "predict": (predict, are_digits),
    "predict_proba": (predict_proba, are_probabilities),
    "explain": (explain, lambda steps: all(step.picture.ndim == 2 for step in steps)),
    "DigitClassifier.iter_proba": (
        lambda images: np.array(list(CLASSIFIER.iter_proba(images))).reshape(-1, 10),
        are_probabilities,
    ),
}


def check(way, images):
    """Try one way in; whatever is neither a right answer nor the library's own error fails."""
    call, is_right = WAYS[way]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # of damage that it reads past
        try:
            answer = call(images)
        except DigitcnnError as error:
            told = str(error).rstrip()
        else:
            assert is_right(answer)
            return
    assert re.fullmatch(r"`images?(\[\d+\])?` .*must .*; got .*\. .*\.", told, re.DOTALL)


def test_every_format_is_answered_or_refused():
    """An undamaged file of any format and mode gives an answer or a DigitcnnError."""
    for name, content in seed_files().items():
        sys.stdout.write(f"{name}\n")  # what failed is the last that pytest shows
        check("preprocess", content)
    assert FORMATS <= {name.split()[0] for name in seed_files()}


@given(st.sampled_from(list(WAYS)), NUMBERS)
@many(10)
def test_damaged_files_are_answered_or_refused(way, number):
    """A picture file, damaged anywhere: an answer or a DigitcnnError."""
    check(way, damaged_file(number)[1])


@given(st.sampled_from(list(WAYS)), anything())
@many(5)
def test_anything_is_answered_or_refused(way, images):
    """Whatever is passed, by whichever way in: an answer or a DigitcnnError."""
    check(way, images)


# Command lines made up at random, run in this process.

# In the folder that they run in; what is named but never made is missing.
PATHS = (
    "good.png", "damaged.bin", "labelled", "labelled/3", "broken", "empty", "inner/../good.png",
    "loop", "nowhere", "pipe", "missing.png", "no/such/file.png", "caf\udce9.png", "new\nline.png",
    "-", ".", "~", "/dev/zero", "/dev/null", "/proc/self/mem", "x" * 5_000, "",
)  # fmt: skip
JUNK = (
    "", "0", "-1", "1", "3", "2.5", "1e999", "nan", "-inf", "9" * 5_000, "1_0", "0x10", " 1 ",
    "\u0663", "\udcff\udcfe", "a\nb", "\x1b[2J", "\U0001f600", "--", "--json", "-h", "=", "%s",
)  # fmt: skip
WEIGHTS = (
    "base", "base-v1", "reader", "bse", "small.onnx", "damaged.onnx", "damaged.weights.h5",
    "missing.onnx", "run", "empty", "good.png",
)  # fmt: skip
FOLDERS = ("labelled", "mnist-test", "mnist-validation", "mnist", "broken", "empty", "good.png")
OUTPUTS = ("out.png", "out.svg", "out.txt", "no/such/out.png", "labelled", "/dev/full", "")
# What is typed for an argument, by the name that its value has in the program.
VALUES = {
    "weights": WEIGHTS, "initial_weights": WEIGHTS, "name": WEIGHTS,
    # Conversions that succeed take seconds, and have tests of their own.
    "model": ("bse", *WEIGHTS[4:]),
    "dataset": FOLDERS, "images": FOLDERS, "output": OUTPUTS, "draw": OUTPUTS,
    "files": PATHS, "subject": (*PATHS, "run"), "run_dir": ("runs/a", *PATHS),
    "kind": ("samples", "predictions", "misclassified", "confusion", "reliability", "curves",
             "augmentation", "steps", "filters", "features", "faces"),
    "length": ("2", "4-6", "0", "6-4", "100", "many"), "cells": ("2x3", "0x1", "3", ""),
    "recipe": ("base", "tiny", "conv5x5", "foo"),
    "architecture": ("base", "conv5x5", "foo", "base+base"),
}  # fmt: skip
NUMBERS_TYPED = ("2", "0", "1", "-3", "0.5", "-0.1", "nan", "1e9", "9" * 30, "many")
COMMON = ("predict", "predict", "read", "evaluate", "plot", "train", "export", "weights", "help")
RECORD = (
    b'{"architecture": "tiny", "recipe": {"name": "a"}, "seed": 0, "num_images": 1, '
    b'"validation_size": 0, "metrics": {}, "history": [{"loss": 1.5}], "versions": {}}'
)

# A single answer is whole or none; these go on after an error.
GOES_ON = {"predict", "read", "evaluate", "weights", "train"}
NOTES = ("Passed over ", "digitcnn: unsure: ")
STREAMS = ["printed", "printed", "closed", "without a reader"]
if Path("/dev/full").exists():
    STREAMS.append("/dev/full")


def command_line(rng):
    """Make up what somebody might type, or a script by mistake, by what the parser knows."""

    def one(values):
        """Choose mostly what will do, else what is known, now and then anything."""
        kind = rng.random()
        if kind < 0.05:
            values = JUNK
        return str(values[0] if kind > 0.6 else values[rng.integers(len(values))])

    command = str(rng.choice(COMMON))
    words, parser = [command], commands_of(build_parser()).get(command)
    if command == "weights":
        words.append(str(rng.choice(["verify", "list", "path", "fetch", "burn"])))
        parser = commands_of(parser).get(words[1])
    for action in parser._actions[1:] if parser else ():  # the first is --help
        values = tuple(action.choices or VALUES.get(action.dest, NUMBERS_TYPED))
        if not action.option_strings:
            least, most = (0, 1) if action.nargs == "?" else (1, 3 if action.nargs else 1)
            words += [one(values) for _ in range(rng.integers(least, most + 1))]
        elif rng.random() < 2 / len(parser._actions):
            typed = [action.option_strings[-1]] + [one(values)] * (action.nargs != 0)
            words += ["=".join(typed)] if rng.random() < 0.2 else typed
    if rng.random() < 0.05:
        words.insert(int(rng.integers(1, len(words) + 1)), one(JUNK))
    return words


def commands_of(parser):
    """Give the commands that a parser knows."""
    return next(each.choices for each in parser._actions if isinstance(each.choices, dict))


@pytest.fixture
def workplace(tmp_path, monkeypatch, mnist_in_little):
    """Stay in a folder that holds what `PATHS` names, out of reach of network, MNIST and time."""
    del mnist_in_little
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", "cache")
    if importlib.util.find_spec("keras"):
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        monkeypatch.setattr("digitcnn.training._fitting.fit", mock.Mock(side_effect=full))
    for name in ("labelled/3", "labelled/7", "broken/3", "broken/x", "empty", "inner", "run"):
        Path(name).mkdir(parents=True)
    good = seed_files()["PNG L"]
    for name in ("good.png", "labelled/3/a.png", "labelled/7/b.png", "new\nline.png"):
        Path(name).write_bytes(good)
    Path("broken/3/a.png").write_bytes(good[:60])
    with contextlib.suppress(OSError, UnicodeError):  # not every file system takes it
        Path("caf\udce9.png").write_bytes(good)
    with contextlib.suppress(OSError, AttributeError):  # nor every system knows these
        Path("loop").symlink_to("loop")
        Path("nowhere").symlink_to("missing.png")
        os.mkfifo("pipe")
    Path("run/final.weights.h5").touch()
    return write_network(tmp_path / "small.onnx").read_bytes()


def damage(network, rng):
    """Renew what is damaged, in another way each time."""
    shutil.rmtree("runs", ignore_errors=True)
    Path("damaged.bin").write_bytes(damaged_file(int(rng.integers(1 << 30)))[1])
    Path("damaged.onnx").write_bytes(mutate(network, rng))
    Path("damaged.weights.h5").write_bytes(mutate(b"\x89HDF\r\n\x1a\n" * 40, rng))
    Path("run/run.json").write_bytes(mutate(RECORD, rng))


def open_output(kind):
    """Open a standard output: a file, a pipe that nobody reads, or none."""
    if kind == "closed":
        return None
    if kind == "without a reader":
        reader, writer = os.pipe()
        os.close(reader)
        return os.fdopen(writer, "w", encoding="utf-8")
    return Path(kind).open("w", encoding="utf-8")


def run_in_process(words, output, picture):
    """Give the status of a command line, and the lines that it wrote on standard error."""
    told = io.StringIO()
    with mock.patch.multiple(sys, stdout=output, stderr=told, stdin=picture):
        try:
            status = main(words)
        except SystemExit as error:
            status = error.code
    with contextlib.suppress(OSError, AttributeError):  # what could not be written is tried again
        output.close()
    return status, [line for line in told.getvalue().splitlines() if not line.startswith(NOTES)]


def test_command_lines_end_as_they_should(workplace):
    """An error is one line, a wrong command line the usage; output may be closed or full."""

    @given(NUMBERS)
    @many(1)
    def run(number):
        rng = np.random.default_rng(number)
        words, kind = command_line(rng), str(rng.choice(STREAMS))
        damage(workplace, rng)
        picture = io.TextIOWrapper(io.BytesIO(damaged_file(number)[1])) if number % 7 else None
        Path("printed").write_text("")
        status, lines = run_in_process(words, open_output(kind), picture)
        printed = Path("printed").read_text("utf-8", errors="replace")
        goes_on = words[0] in GOES_ON
        is_right = {
            0: not lines,
            1: all(line.startswith("digitcnn: error: ") for line in lines)
            and (goes_on or (len(lines) == 1 and not printed))
            and (lines or "--strict" in words),
            2: lines and ": error: " in lines[-1] and not printed,
            141: kind == "without a reader" and "Broken pipe" not in "".join(lines),
        }
        seen = f"{[word[:50] for word in words]} ended with {status}, {lines}, {printed[:200]!r}"
        assert is_right.get(status), seen
        assert not re.search(r"[\x00-\x1f]", "".join(lines)), seen

    run()
