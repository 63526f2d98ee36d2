"""Logs that TensorBoard shows, written by TensorFlow alone: without it, there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

LOG_FOLDER = "tensorboard"
_PARTS = {"train": "", "validation": "val_"}


class EventLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes each epoch's metrics: `epoch_loss` and so on, for training and for validation.

    Keras' own callback needs TensorBoard to be installed where the training runs (TensorFlow 2.21).
    A training that goes on adds a file to those there are; TensorBoard shows them as one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder / LOG_FOLDER
        self._writers: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        rates = {"learning_rate": float(self.model.optimizer.learning_rate)}
        for name, value in {**(logs or {}), **rates}.items():
            part = "validation" if name.startswith("val_") else "train"
            self._write(part, f"epoch_{name.removeprefix(_PARTS[part])}", value, epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        for writer in self._writers.values():
            writer.close()

    def _write(self, part: str, tag: str, value: float, step: int) -> None:
        """Write one number so that TensorBoard takes it for a scalar."""
        import tensorflow as tf

        if part not in self._writers:
            self._writers[part] = tf.summary.create_file_writer(str(self._folder / part))
        metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
            data_class="DATA_CLASS_SCALAR",
        )
        with self._writers[part].as_default():
            tf.summary.write(tag, tf.constant(value, tf.float32), step, metadata)
        self._writers[part].flush()


def event_logs(folder: Path) -> list[keras.callbacks.Callback]:
    """Return the callback that writes the logs, or none on another backend."""
    return [EventLog(folder)] if keras.backend.backend() == "tensorflow" else []
