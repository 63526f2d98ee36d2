"""A checkpoint after each epoch that survives being killed at any moment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import keras


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Keep the whole state after each epoch: weights, optimizer, random state, history.

    Each file is written beside its place and moved there, and the small one that names the other
    comes last, so that a kill at any moment leaves a state to go on from.
    """

    def __init__(self, folder: Path, history: list[dict[str, float]]) -> None:
        super().__init__()
        self.folder = folder
        self.history = history

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write this epoch's state, then drop the one before."""
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        name = f"epoch-{epoch + 1:03d}.weights.h5"
        partial = self.folder / f"partial-{name}"
        self.model.save_weights(partial)
        partial.replace(self.folder / name)
        write_json(self.folder / "state.json", {"weights": name, "history": self.history})
        for old in self.folder.glob("epoch-*.weights.h5"):
            if old.name != name:
                old.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    partial = path.with_name(f"partial-{path.name}")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_state(folder: Path) -> dict[str, Any] | None:
    """Read what :class:`Checkpoint` last wrote, or None where there is nothing."""
    path = folder / "state.json"
    if not path.exists():
        return None
    state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return state
