"""A training of seconds that leaves out nothing: drawn pictures, changes, averages, dropout."""

from __future__ import annotations

from typing import Any

from digitcnn.augmentation import Augmentation
from digitcnn.training import Recipe


def short_recipe(**changes: Any) -> Recipe:
    """Give a recipe of few steps, with some fields changed."""
    fields = {
        "name": "short-test",
        "architecture": "conv5x5",  # with dropout, whose state a resumed run must find again
        "epochs": 2,
        "batch_size": 32,
        "optimizer": "adamw",
        "weight_average": 0.9,
        "augmentation": Augmentation(),
        "drawn_digits": 10,
    }
    return Recipe(**{**fields, **changes})
