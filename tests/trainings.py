"""Trainings of seconds that leave out nothing: drawn pictures, changes, averages, dropout."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from digitcnn.augmentation import Augmentation
from digitcnn.synthesis import GlyphBank, Page, draw_page
from digitcnn.training import RECIPES, Pages, Recipe


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


def page_recipe(name: str = "reader", **changes: Any) -> Recipe:
    """Give the recipe of a network that reads pages, for few and small ones."""
    pages = Pages(count=4, height=64, width=64, hands=2)
    fields = {"name": f"{name}-test", "epochs": 1, "batch_size": 2, "pages": pages}
    return replace(RECIPES[name], **{**fields, **changes})


def few_pages(count: int) -> list[Page]:
    """Draw a few pages, always the same."""
    bank, rng = GlyphBank(hands=3, seed=1), np.random.default_rng(2)
    return [draw_page(bank, rng, height=96, width=160) for _ in range(count)]
