"""The folder of a training: what it is for, how far it has come, and what is left of it."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn._checks import shown
from digitcnn._hdf5 import check_plain
from digitcnn._runs import RUN_FILE, WEIGHTS_FILE
from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError
from digitcnn.training._samples import Samples
from digitcnn.training.recipes import Recipe, recipe_from_fields

History = list[dict[str, float]]

# Of a recipe with an ending: what it begins with lies here, in the folder of the whole.
BEGINNING_FOLDER = "beginning"

_PLAN_FILE = "plan.json"
_STATE_FILE = "state.json"
_POOLS_FILE = "pools.npz"
_HISTORY_FILE = "history.csv"
_CHECKPOINT = re.compile(r"(epoch|best)-[0-9]+\.weights\.h5")
_PARTIAL = "partial-"
# What is dropped when a training is finished, and what stays.
_PASSING = (_STATE_FILE, _POOLS_FILE)
_LASTING = (_PLAN_FILE, _HISTORY_FILE, RUN_FILE, WEIGHTS_FILE)
_SHORT = 20  # characters of a value that a message shows
_ANEW = "Train anew in another folder."
_PACKAGES = ("digitcnn", "keras", "tensorflow", "numpy", "pillow")


@dataclass(frozen=True)
class State:
    """How far a training has come.

    Attributes
    ----------
    weights : str
        The file that the next epoch begins with.
    best : str
        The file of the best epoch; empty without validation.
    history : list of dict of str to float
        Each epoch's metrics.
    """

    weights: str = ""
    best: str = ""
    history: History = field(default_factory=list)


def read_state(folder: Path) -> State:
    """Read how far a training has come; an empty state where it has not begun."""
    path = folder / _STATE_FILE
    if not path.exists():
        return State()
    with _refusing_damage(path):
        state = State(**json.loads(path.read_text(encoding="utf-8")))
        for name in (state.weights, state.best):
            if name and not is_checkpoint(name):
                raise ValueError(f"no checkpoint is called {name!r}")
        _check_history(state.history)
    for name in {state.weights, state.best} - {""}:
        check_plain(folder / name, argument="run_dir", remedy=_ANEW)
    return state


def _check_history(history: History) -> None:
    """Refuse what is no table of numbers."""
    if not all(isinstance(value, float | int) for row in history for value in row.values()):
        raise ValueError("the history holds what is no number")


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
            remedy=_ANEW,
        ) from error


def write_state(folder: Path, state: State) -> None:
    """Write how far a training has come, then drop the weights that this makes useless."""
    write_json(folder / _STATE_FILE, dataclasses.asdict(state))
    _drop(folder, lambda name: is_checkpoint(name) and name not in (state.weights, state.best))


def write_history(folder: Path, history: History) -> None:
    """Write each epoch's metrics as a table, epochs counted from 1."""
    with whole(folder / _HISTORY_FILE) as partial, partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["epoch", *history[0]], extrasaction="ignore")
        writer.writeheader()
        writer.writerows({"epoch": number, **row} for number, row in enumerate(history, 1))


def read_history(folder: Path) -> History:
    """Return each finished epoch's metrics of a run, ended or not; those of its beginning first."""
    history: History = []
    for part in (folder / BEGINNING_FOLDER, folder):
        if (part / _HISTORY_FILE).exists():
            with (part / _HISTORY_FILE).open(newline="") as stream:
                rows = list(csv.DictReader(stream))
            history += [{name: float(row[name]) for name in row if name != "epoch"} for row in rows]
    return history


def claim(folder: Path, plan: dict[str, Any]) -> None:
    """Write down what the folder is for, or refuse one that holds another training."""
    path = folder / _PLAN_FILE
    if not path.exists():
        others = sorted(each.name for each in folder.iterdir() if not _may_precede(each.name))
        if others:
            raise InvalidArgumentError(
                argument="run_dir",
                rule="be empty or hold the same training",
                got=repr(str(folder)),
                reason=f"which holds {shown(others[0])}",
                remedy="Choose another folder.",
            )
        write_json(path, plan)
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


def _may_precede(name: str) -> bool:
    """Recognize what may lie in a new folder: hidden files, and what a kill left of the plan."""
    return name.startswith(".") or is_partial(name)


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


def describe(samples: tuple[Samples, ...]) -> str:
    """Return the SHA-256 of all images and what is to be learnt of them."""
    digest = hashlib.sha256()
    for each in samples:
        digest.update(each.pixels.tobytes())
        digest.update(each.targets.tobytes())
    return digest.hexdigest()


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


def finish(folder: Path, plan: dict[str, Any], metrics: dict[str, float], history: History) -> None:
    """Write what the run was and what came of it, then drop what only going on would need."""
    record = {name: plan[name] for name in plan if name not in ("data", "initial_weights")}
    write_history(folder, history)
    write_json(
        folder / RUN_FILE,
        {**record, "metrics": metrics, "history": history, "versions": _versions()},
    )
    # What a kill left half-written goes, too.
    _drop(folder, lambda name: name in _PASSING or is_checkpoint(name) or is_partial(name))


def is_checkpoint(name: str) -> bool:
    """Return whether a training gives checkpoints such a name."""
    return _CHECKPOINT.fullmatch(name) is not None


def is_partial(name: str) -> bool:
    """Return whether a training writes to such a name what it moves when it is whole."""
    real = name.removeprefix(_PARTIAL)
    return real != name and (is_checkpoint(real) or real in (*_PASSING, *_LASTING))


def _drop(folder: Path, is_dropped: Callable[[str], bool]) -> None:
    """Delete a training's own files, and nobody else's."""
    for path in folder.iterdir():
        if is_dropped(path.name):
            path.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    with whole(path) as partial, partial.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a place beside the real one to write to, and move it there when all is written."""
    partial = path.with_name(f"{_PARTIAL}{path.name}")
    try:
        yield partial
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # h5py tells a full disk as either
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise UnavailableError(
            argument="run_dir",
            rule="be a folder with room to write to",
            got=repr(str(path.parent)),
            reason=f"where {path.name} cannot be written: {_first_cause(error)}",
            remedy="Make room, then call again: the training goes on from its last checkpoint.",
        ) from error


def _first_cause(error: BaseException) -> str:
    """Return what began a failure: over a full disk h5py fails again while it closes the file."""
    while error.__context__ is not None:
        error = error.__context__
    number = getattr(error, "errno", None)  # h5py puts much around it
    return os.strerror(number) if number else " ".join(str(error).split())


def _versions() -> dict[str, str]:
    """Name the versions that decide what a seed gives."""
    import keras

    versions = {"python": platform.python_version(), "keras_backend": keras.backend.backend()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
