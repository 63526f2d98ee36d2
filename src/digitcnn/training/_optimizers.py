"""A recipe's optimizer: its kind, its learning rate over the steps, its weight average."""

from __future__ import annotations

from typing import Any

import keras

from digitcnn.training.recipes import Recipe

_schedules = keras.optimizers.schedules

# Of one-cycle: where the rate begins and ends, as parts of the greatest, and how long it rises.
_ONE_CYCLE_START, _ONE_CYCLE_END, _ONE_CYCLE_RISE = 1 / 25, 1e-4, 0.3
_EXPONENTIAL_END = 0.01

# What an average begins with must count for nothing in the end: e ** -6 of it, or less, is left.
_MEMORY_PART = 6


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> Any:
    """Build the recipe's optimizer with its schedule and weight average."""
    options: dict[str, Any] = {}
    if recipe.weight_average:
        total = steps_per_epoch * recipe.epochs
        options = {"use_ema": True, "ema_momentum": fitting_momentum(recipe.weight_average, total)}
    if recipe.clip_norm:
        options["clipnorm"] = recipe.clip_norm
    if recipe.optimizer == "adamw":
        options["weight_decay"] = recipe.weight_decay
    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "adadelta": keras.optimizers.Adadelta,
    }
    return kinds[recipe.optimizer](learning_rate(recipe, steps_per_epoch), **options)


def fitting_momentum(momentum: float, num_steps: int) -> float:
    """Lower the momentum of a moving average where so few steps would not fill it."""
    return min(momentum, max(0.0, 1 - _MEMORY_PART / num_steps))


def learning_rate(recipe: Recipe, steps_per_epoch: int) -> Any:
    """Build the recipe's learning rate: a number, or Keras' schedule over all its steps."""
    greatest, total = recipe.learning_rate, steps_per_epoch * recipe.epochs
    if recipe.schedule == "cosine":
        return _rise_and_fall(greatest, total, rise=min(steps_per_epoch, total // 2))
    if recipe.schedule == "one-cycle":
        rise = round(total * _ONE_CYCLE_RISE)
        return _rise_and_fall(
            greatest, total, rise=rise, start=_ONE_CYCLE_START, end=_ONE_CYCLE_END
        )
    if recipe.schedule == "exponential":
        return _schedules.ExponentialDecay(greatest, total, decay_rate=_EXPONENTIAL_END)
    return greatest


def _rise_and_fall(
    greatest: float, total: int, *, rise: int, start: float = 0.0, end: float = 0.0
) -> Any:
    """Rise in a line, then fall along a cosine; start and end are parts of the greatest rate."""
    return _schedules.CosineDecay(
        start * greatest, total - rise, alpha=end, warmup_target=greatest, warmup_steps=rise
    )
