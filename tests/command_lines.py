"""Command lines made up at random, run in this process, and what counts as a failure of one."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib.util
import io
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
from fuzzing import Outcome, damaged_file, mutate, seed_files
from networks import write_network

import digitcnn.datasets
import digitcnn.training
from digitcnn.cli import build_parser, main
from digitcnn.synthesis import draw_digits

HAS_KERAS = importlib.util.find_spec("keras") is not None

# In the folder that the command lines run in; what is named but never made is missing.
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
NUMBERS = ("2", "0", "1", "-3", "0.5", "-0.1", "nan", "1e9", "9" * 30, "many")
COMMON = ("predict", "predict", "read", "evaluate", "plot", "train", "export", "weights", "help")
STREAMS = ("open", "open", "open", "closed", "without a reader", "full")

# A single answer is whole or none; these go on after an error.
GOES_ON = {"predict", "read", "evaluate", "weights", "train"}
PIPE_CLOSED = 141


def command_line(rng: np.random.Generator) -> list[str]:
    """Make up what somebody might type, or a script by mistake, by what the parser knows."""

    def one(values):
        """Choose mostly what will do, else what is known, now and then anything."""
        kind = rng.random()
        if kind < 0.05:
            values = JUNK
        return str(values[0] if kind > 0.6 else values[rng.integers(len(values))])

    command = str(rng.choice(COMMON))
    words, parser = [], commands_of(build_parser()).get(command)
    if command == "weights":
        words = [str(rng.choice(["verify", "list", "path", "fetch", "burn"]))]
        parser = commands_of(parser).get(words[0])
    for action in parser._actions[1:] if parser else ():  # the first is --help
        values = tuple(action.choices or VALUES.get(action.dest, NUMBERS))
        if not action.option_strings:
            least, most = (0, 1) if action.nargs == "?" else (1, 3 if action.nargs else 1)
            words += [one(values) for _ in range(rng.integers(least, most + 1))]
        elif rng.random() < 2 / len(parser._actions):
            typed = [action.option_strings[-1]] + [one(values)] * (action.nargs != 0)
            words += ["=".join(typed)] if rng.random() < 0.2 else typed
    if rng.random() < 0.05:
        words.insert(int(rng.integers(len(words) + 1)), JUNK[rng.integers(len(JUNK))])
    return [command, *words]


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Give the commands that a parser knows."""
    return next(each.choices for each in parser._actions if isinstance(each.choices, dict))


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Stay in a folder that holds what `PATHS` names, out of reach of network, MNIST and time."""
    mnist = mock.Mock(return_value=(draw_digits(40, seed=1), draw_digits(12, seed=2)))

    def split(images, labels, **_):
        return (images[:30], labels[:30]), (images[30:], labels[30:])

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="digitcnn-")))
        _furnish(folder)
        stack.enter_context(contextlib.chdir(folder))
        settings = {"DIGITCNN_OFFLINE": "1", "DIGITCNN_CACHE_DIR": str(folder / "cache")}
        stack.enter_context(mock.patch.dict(os.environ, settings))
        for module in (digitcnn.datasets, digitcnn.training):
            stack.enter_context(mock.patch.object(module, "load_mnist", mnist))
        stack.enter_context(mock.patch.object(digitcnn.datasets, "train_validation_split", split))
        if HAS_KERAS:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            fit = mock.Mock(side_effect=full)
            stack.enter_context(mock.patch("digitcnn.training._fitting.fit", fit))
        yield folder


def _furnish(folder: Path) -> None:
    """Put the files and folders into their place."""
    good = seed_files()["PNG L"]
    for name in ("labelled/3", "labelled/7", "broken/3", "broken/x", "empty", "inner", "run"):
        (folder / name).mkdir(parents=True)
    for name in ("good.png", "labelled/3/a.png", "labelled/7/b.png", "new\nline.png"):
        (folder / name).write_bytes(good)
    (folder / "broken" / "3" / "a.png").write_bytes(good[:60])
    with contextlib.suppress(OSError, UnicodeError):  # not every file system takes it
        (folder / "caf\udce9.png").write_bytes(good)
    with contextlib.suppress(OSError, AttributeError):  # nor every system knows these
        (folder / "loop").symlink_to("loop")
        (folder / "nowhere").symlink_to("missing.png")
        os.mkfifo(folder / "pipe")
    write_network(folder / "small.onnx")


def _damage(folder: Path, rng: np.random.Generator, number: int) -> None:
    """Renew what is damaged, in another way each time."""
    shutil.rmtree(folder / "runs", ignore_errors=True)
    (folder / "damaged.bin").write_bytes(damaged_file(int(rng.integers(1 << 30)), number)[1])
    network = (folder / "small.onnx").read_bytes()
    (folder / "damaged.onnx").write_bytes(mutate(network, [network], rng))
    (folder / "damaged.weights.h5").write_bytes(mutate(b"\x89HDF\r\n\x1a\n" * 40, [network], rng))
    record = b'{"architecture": "tiny", "recipe": {"name": "a"}, "seed": 0, "num_images": 1, '
    record += b'"validation_size": 0, "metrics": {}, "history": [{"loss": 1.5}], "versions": {}}'
    (folder / "run" / "run.json").write_bytes(mutate(record, [record], rng))
    (folder / "run" / "final.weights.h5").touch()


class _Broken(io.RawIOBase):
    """A stream that nothing can be written to."""

    def __init__(self, number: int) -> None:
        self.number = number

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(self.number, os.strerror(self.number))


def _stream(kind: str) -> tuple[io.TextIOWrapper | None, io.BytesIO]:
    """Give a standard output of a kind, and what is written to it."""
    written = io.BytesIO()
    if kind == "closed":
        return None, written
    number = {"without a reader": errno.EPIPE, "full": errno.ENOSPC}.get(kind)
    raw = written if number is None else io.BufferedWriter(_Broken(number), 1)
    return io.TextIOWrapper(raw, encoding="utf-8", write_through=True), written


def words_of(seed: int, number: int) -> str:
    """Give the command line of a number as text, long words shortened."""
    return repr([word[:50] for word in command_line(np.random.default_rng([seed, number]))])


def run_command_line(folder: Path, seed: int, number: int) -> Outcome:
    """Run the command line of a number, always the same, and say what came of it."""
    rng = np.random.default_rng([seed, number])
    argv, kind = command_line(rng), str(rng.choice(STREAMS))
    _damage(folder, rng, number)
    output, written = _stream(kind)
    told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    picture = io.TextIOWrapper(io.BytesIO(damaged_file(seed, number)[1]))
    streams = {"stdout": output, "stderr": told, "stdin": picture if number % 7 else None}
    with warnings.catch_warnings(record=True) as caught, mock.patch.multiple(sys, **streams):
        warnings.simplefilter("always")
        # Keras 3.15 with NumPy 2; not ours to mend.
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy")
        try:
            status = main(argv)
        except SystemExit as error:
            status = error.code
        # Whatever is raised is what the fuzzer is after.
        except BaseException as error:  # noqa: BLE001
            return Outcome("failed", f"raised {type(error).__name__}: {error}")
        told.flush()
    errors = told.buffer.getvalue().decode()
    flaw = _flaw(argv, kind, status, written.getvalue().decode(errors="replace"), errors)
    if caught and not flaw:
        flaw = f"warned {caught[0].category.__name__}: {caught[0].message}"
    return Outcome({0: "answered", 1: "told", 2: "usage told"}.get(status, "reader gone"), flaw)


def _flaw(argv: list[str], kind: str, status: object, output: str, errors: str) -> str | None:
    """Say what is wrong with a status and what was written."""
    notes = ("Passed over ", "digitcnn: unsure: ")
    lines = [line for line in errors.splitlines() if not line.startswith(notes)]
    told = [line.startswith("digitcnn: error: ") for line in lines]
    goes_on = argv[0] in GOES_ON
    is_right = {
        0: not lines,
        1: all(told)
        and (len(lines) == 1 or (goes_on and (lines or "--strict" in argv)))
        and (goes_on or not output),
        2: lines and ": error: " in lines[-1] and not output,
        PIPE_CLOSED: kind == "without a reader" and all(told) and "Broken pipe" not in errors,
    }
    has_control = any(ord(letter) < 32 for line in lines for letter in line)
    if not is_right.get(status) or has_control:
        return f"ended with {status!r}, told {errors!r:.500} and wrote {output!r:.200}"
    return None
