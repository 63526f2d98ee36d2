"""A training run on disk: what it was made of, and what came of it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from digitcnn.errors import CorruptFileError

RUN_FILE = "run.json"
WEIGHTS_FILE = "final.weights.h5"


@dataclass(frozen=True)
class RunRecord:
    """A finished run's folder, read back.

    Attributes
    ----------
    run_dir : pathlib.Path
        The folder.
    architecture : str
        What `build_model` calls the network; "own" for one that `train` was given.
    recipe : dict
        The fields of the recipe.
    seed, num_images, validation_size : int
        The seed, the images trained on, and those kept apart.
    metrics : dict of str to float
        Of the weights that the run gives: validation accuracy, if there was validation.
    history : list of dict of str to float
        An entry for each epoch.
    versions : dict of str to str
        Of Python, Keras, its backend, NumPy and digitcnn.
    network : dict, optional
        The layers of one that `train` was given, as Keras describes them in JSON.
    """

    run_dir: Path
    architecture: str
    recipe: dict[str, Any]
    seed: int
    num_images: int
    validation_size: int
    metrics: dict[str, float]
    history: list[dict[str, float]]
    versions: dict[str, str]
    network: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse what no training writes."""
        if not isinstance(self.architecture, str) or not self.history:
            raise ValueError("it names no architecture, or no epoch")
        if not isinstance(self.recipe, dict) or not isinstance(self.recipe.get("name"), str):
            raise TypeError("its recipe has no name")
        names = {tuple(epoch) for epoch in self.history if isinstance(epoch, dict)}
        rows = [*self.history, self.metrics] if isinstance(self.history, list) else []
        values = [value for row in rows for value in row.values()]
        if len(names) != 1 or not all(isinstance(value, float | int) for value in values):
            raise ValueError("its history is no table of numbers")

    @property
    def weights_path(self) -> Path:
        """The weights, in Keras' HDF5 format."""
        return self.run_dir / WEIGHTS_FILE


def read_run(run_dir: str | os.PathLike[str]) -> RunRecord:
    """Read the folder of a finished training run.

    Parameters
    ----------
    run_dir : str or os.PathLike
        As given to :func:`digitcnn.train`.

    Returns
    -------
    record : RunRecord
        What the run was made of and what came of it.

    Raises
    ------
    CorruptFileError
        If the folder holds no finished run.
    """
    return read_record(run_dir, argument="run_dir")


def read_record(run_dir: str | os.PathLike[str], *, argument: str) -> RunRecord:
    """Read the same for a function whose argument is called otherwise."""
    folder = Path(run_dir)
    try:
        content = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        known = {each.name for each in fields(RunRecord)} - {"run_dir", "network"}
        values = {name: content[name] for name in known}
        record = RunRecord(folder, **values, network=content.get("network"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorruptFileError(
            argument=argument,
            rule="be the folder of a finished training run",
            got=repr(str(folder)),
            reason=f"which fails with: {error}",
            remedy="Name a training's own folder, and let it finish: the same call resumes it.",
        ) from error
    if not record.weights_path.exists():
        raise CorruptFileError(
            argument=argument,
            rule=f"hold {WEIGHTS_FILE}",
            got=f"{str(folder)!r} without it",
            remedy="Let the training finish: the same call resumes it.",
        )
    return record
