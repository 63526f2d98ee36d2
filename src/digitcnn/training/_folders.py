"""The folder of a training: what it is for, how far it has come, and what is left of it."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn._checks import shown
from digitcnn._runs import RUN_FILE
from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError
from digitcnn.training._samples import Samples
from digitcnn.training.recipes import Recipe, recipe_from_fields

History = list[dict[str, float]]

# Of a recipe with an ending: what it begins with lies here, in the folder of the whole.
BEGINNING_FOLDER = "beginning"

_PLAN_FILE = "plan.json"
_POOLS_FILE = "pools.npz"
_HISTORY_FILE = "history.csv"
_PARTIAL = "partial-"
# A training's own files, and nobody else's, whole or as a kill left them.
_CHECKPOINT = re.compile(rf"({_PARTIAL})?(epoch|best)-[0-9]+\.weights\.h5")
_SHORT = 20  # characters of a value that a message shows
ANEW = "Train anew in another folder."
_PACKAGES = ("digitcnn", "keras", "tensorflow", "numpy", "pillow")


@contextlib.contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    """Name the file of a run folder that is not as a training writes it."""
    try:
        yield
    except Exception as error:  # NumPy, JSON and zip files have no common base
        raise CorruptFileError(
            argument="run_dir",
            rule="be as a training left it",
            got=repr(str(path)),
            reason=f"which cannot be read: {error}",
            remedy=ANEW,
        ) from error


def write_history(folder: Path, history: History) -> None:
    """Write each finished epoch's metrics as a table, epochs counted from 1.

    This is how far a training has come: written last, after the files that it goes on from.
    """
    with (
        whole(folder / _HISTORY_FILE) as partial,
        partial.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, ["epoch", *history[0]], extrasaction="ignore")
        writer.writeheader()
        writer.writerows({"epoch": number, **row} for number, row in enumerate(history, 1))


def read_history(folder: Path) -> History:
    """Read each finished epoch's metrics of a run, ended or not, with those of its beginning."""
    for path in (folder / _HISTORY_FILE, folder / BEGINNING_FOLDER / _HISTORY_FILE):
        if path.exists():
            with _refusing_damage(path), path.open(newline="", encoding="utf-8") as stream:
                rows = list(csv.DictReader(stream))
                return [{name: float(row[name]) for name in row if name != "epoch"} for row in rows]
    return []


def claim(folder: Path, plan: dict[str, Any]) -> None:
    """Write down what the folder is for, or refuse one that holds another training."""
    path = folder / _PLAN_FILE
    if not path.exists():
        # Hidden files may be there, and what a kill left of the plan.
        mine = (".", _PARTIAL + _PLAN_FILE)
        others = sorted(each.name for each in folder.iterdir() if not each.name.startswith(mine))
        if others:
            raise InvalidArgumentError(
                argument="run_dir",
                rule="be empty or hold the same training",
                got=repr(str(folder)),
                reason=f"which holds {shown(others[0])}",
                remedy="Choose another folder.",
            )
        _write_json(path, plan)
        return
    with _refusing_damage(path):
        stored = json.loads(path.read_text(encoding="utf-8"))
        # A field that a later version adds to the recipe has, in older folders, its default.
        stored["recipe"] = as_fields(recipe_from_fields(stored["recipe"]))
    differing = _differences(plan, stored)
    if differing:
        raise InvalidArgumentError(
            argument="run_dir",
            rule="be empty or hold the same training",
            got=repr(str(folder)),
            reason=f"which differs in {', '.join(differing)}",
            remedy="Choose another folder, or ask for the same again.",
        )


def _differences(plan: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """Name what differs; of the recipe, the fields, with both values where they are short."""
    differing = [name for name in plan if name != "recipe" and plan[name] != stored.get(name)]
    for name, value in plan["recipe"].items():
        other = stored["recipe"].get(name)
        if value != other:
            is_short = max(len(repr(value)), len(repr(other))) <= _SHORT
            values = f": {other!r} there, {value!r} asked for" if is_short else ""
            differing.append(f"the recipe's {name}{values}")
    return differing


@contextlib.contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder that has been claimed, where POSIX can.

    The lock goes with the process that holds it, however it ends.
    """
    try:
        import fcntl
    except ImportError:  # on Windows
        yield
        return
    with (folder / _PLAN_FILE).open("rb") as plan:
        try:
            fcntl.flock(plan, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidArgumentError(
                argument="run_dir",
                rule="not be in use",
                got=repr(str(folder)),
                reason="where another process trains",
                remedy="Wait for it, or choose another folder.",
            ) from error
        except OSError:  # a file system without locks
            pass
        yield


def as_fields(recipe: Recipe) -> dict[str, Any]:
    """Write a recipe as JSON gives it back."""
    fields: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return fields


def read_pools(folder: Path) -> list[Samples] | None:
    """Read the pools that an interrupted run has made, or None."""
    path = folder / _POOLS_FILE
    if not path.exists():
        return None
    # Opened here: NumPy 2.4 leaves a file open that is no archive.
    with _refusing_damage(path), path.open("rb") as stream, np.load(stream) as stored:
        return [
            Samples(stored[f"pixels{index}"], stored[f"targets{index}"])
            for index in range(len(stored.files) // 2)
        ]


def write_pools(folder: Path, pools: list[Samples]) -> None:
    """Keep the pools for a run that may be interrupted."""
    arrays: dict[str, Any] = {}
    for index, pool in enumerate(pools):
        arrays[f"pixels{index}"], arrays[f"targets{index}"] = pool.pixels, pool.targets
    with whole(folder / _POOLS_FILE) as partial:
        np.savez(partial, **arrays)


def finish(folder: Path, plan: dict[str, Any], metrics: dict[str, float]) -> None:
    """Write what the run was and what came of it, then drop what only going on would need."""
    record = {name: plan[name] for name in plan if name not in ("data", "initial_weights")}
    outcome = {"metrics": metrics, "history": read_history(folder), "versions": _versions()}
    _write_json(folder / RUN_FILE, record | outcome)
    drop_checkpoints(folder)
    (folder / _POOLS_FILE).unlink(missing_ok=True)


def drop_checkpoints(folder: Path, *, but: Collection[str] = ()) -> None:
    """Delete the weights that a training goes on from, but for some."""
    for path in folder.iterdir():
        if _CHECKPOINT.fullmatch(path.name) and path.name not in but:
            path.unlink()


def _write_json(path: Path, content: Any) -> None:
    with whole(path) as partial, partial.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.write("\n")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a place beside the real one to write to, and move it there when all is written."""
    partial = path.with_name(f"{_PARTIAL}{path.name}")
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # h5py tells a full disk as either
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        cause = getattr(error, "strerror", None) or error
        raise UnavailableError(
            argument="run_dir",
            rule="be a folder with room to write to",
            got=repr(str(path.parent)),
            reason=f"where {path.name} cannot be written: {cause}",
            remedy="Make room, then call again: the training goes on from its last checkpoint.",
        ) from error


def _versions() -> dict[str, str]:
    """Name the versions that decide what a seed gives."""
    import keras

    versions = {"python": platform.python_version(), "keras_backend": keras.backend.backend()}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
