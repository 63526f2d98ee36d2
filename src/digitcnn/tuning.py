"""Searches for better values of a recipe's fields, with Optuna."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digitcnn._checks import needing, seed_number, whole_number
from digitcnn.errors import InvalidArgumentError
from digitcnn.preprocessing import preprocess
from digitcnn.training import Recipe, get_recipe, train

__all__ = ["Tuning", "tune"]

# Far apart ends are searched by their logarithm, as learning rates want it.
_WIDE = 20


@dataclass(frozen=True)
class Tuning:
    """What a search has found.

    Attributes
    ----------
    recipe : Recipe
        With the values of the best trial.
    accuracy : float
        Of the best trial, on the images kept apart. As the best of several it is a little too good.
    trials : list of dict
        Each trial's values and its "accuracy", in their order; None for one that was cut short.
    """

    recipe: Recipe
    accuracy: float
    trials: list[dict[str, Any]]


def tune(
    images: Any = None,
    labels: Any = None,
    *,
    space: Mapping[str, Sequence[Any]],
    recipe: str | Recipe = "base",
    num_trials: int = 20,
    seed: int = 0,
    **options: Any,
) -> Tuning:
    """Train by a recipe with other values of some fields, again and again, and keep the best.

    Parameters
    ----------
    images, labels : optional
        As :func:`digitcnn.train` takes them; by default MNIST, whose test images are never looked
        at: trials are compared on what is kept apart for validation.
    space : mapping of str to sequence
        For each field of the recipe a tuple of two numbers, the least and the greatest to try, or
        a list of values to choose from. Of ends far apart, the logarithm is searched.
    recipe : str or Recipe
        What the other fields are taken from, but for its ending, which is left out.
    num_trials : int
        How many trainings. After an epoch that is worse than the median of those before, a
        training is cut short.
    seed : int
        Of the search and of each training: the same seed finds the same.
    **options
        As :func:`digitcnn.train` takes them, but for the folder: each trial has its own.

    Returns
    -------
    tuning : Tuning
        The best recipe, and all trials.

    Raises
    ------
    InvalidArgumentError
        If `space` names no field or holds no values, or as :func:`digitcnn.train` raises it.
    MissingDependencyError
        If Optuna or Keras is not installed.

    Examples
    --------
    >>> from digitcnn import train
    >>> from digitcnn.tuning import tune
    >>> tuning = tune(
    ...     recipe="conv5x5", space={"learning_rate": (1e-4, 1e-2), "batch_size": [64, 128, 256]}
    ... )  # doctest: +SKIP
    >>> run = train(recipe=tuning.recipe)  # doctest: +SKIP
    """
    with needing("tune() needs Optuna", "tune"):
        import optuna
    base = dataclasses.replace(get_recipe(recipe), ending=None)
    _check_space(space)
    num_trials = whole_number("num_trials", num_trials, least=1, such_as=20)
    seed = seed_number(seed)
    if {"run_dir", "recipe", *space} & set(options):
        raise InvalidArgumentError(
            argument="options",
            rule="not name what the search decides",
            got=", ".join(options),
            remedy=f"Leave out run_dir, recipe and {', '.join(space)}.",
        )

    if images is not None:
        images = preprocess(images)  # once for all trials; an iterator would be empty at the second

    def accuracy_of(trial: Any) -> float:
        values = {name: _suggest(trial, name, choice) for name, choice in space.items()}
        callbacks = [*options.get("callbacks", ()), _pruner(optuna, trial)]
        with tempfile.TemporaryDirectory(prefix="digitcnn-") as folder:
            metrics = train(
                images,
                labels,
                recipe=dataclasses.replace(base, **values),
                seed=seed,
                run_dir=folder,
                **{"verbose": 0, **options, "callbacks": callbacks},
            ).metrics
        if "validation_accuracy" not in metrics:
            raise InvalidArgumentError(
                argument="validation_size",
                rule="leave images to compare trials by",
                got="none kept apart",
                remedy="Leave it out.",
            )
        return metrics["validation_accuracy"]

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(accuracy_of, n_trials=num_trials)
    return Tuning(
        recipe=dataclasses.replace(base, **study.best_params),
        accuracy=study.best_value,
        trials=[
            # Optuna gives a trial that was cut short the accuracy of its last epoch.
            {**trial.params, "accuracy": None if trial.state.name == "PRUNED" else trial.value}
            for trial in study.trials
        ],
    )


def _suggest(trial: Any, name: str, choice: Sequence[Any]) -> Any:
    """Take the next value of a field."""
    if isinstance(choice, list):
        return trial.suggest_categorical(name, choice)
    low, high = choice
    is_wide = low > 0 and high / low >= _WIDE
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=is_wide)
    return trial.suggest_float(name, low, high, log=is_wide)


def _check_space(space: Mapping[str, Sequence[Any]]) -> None:
    """Refuse fields that there are none of, and choices that are none."""
    fields = {field.name for field in dataclasses.fields(Recipe)} - {"name", "ending"}
    if not space:
        raise InvalidArgumentError(
            argument="space",
            rule="name a field of a Recipe",
            got="none",
            remedy=f"Choose among {', '.join(sorted(fields))}.",
        )
    for name, choice in space.items():
        if name not in fields:
            raise InvalidArgumentError(
                argument="space",
                rule="name fields of a Recipe",
                got=repr(name),
                remedy=f"Choose among {', '.join(sorted(fields))}.",
            )
        if not _is_range(choice) and not (isinstance(choice, list) and choice):
            raise InvalidArgumentError(
                argument="space",
                rule=f"give a tuple (least, greatest) or a list of values for {name!r}",
                got=repr(choice),
                remedy="Write (1e-4, 1e-2), say.",
            )


def _is_range(choice: Any) -> bool:
    """Return whether a choice is the least and the greatest of some numbers."""
    return (
        isinstance(choice, tuple)
        and len(choice) == 2
        and all(isinstance(end, int | float) for end in choice)
        and choice[0] < choice[1]
    )


def _pruner(optuna: Any, trial: Any) -> Any:
    """Make the callback that tells Optuna of each epoch, and stops a trial without promise."""
    import keras

    def report(epoch: int, logs: dict[str, float]) -> None:
        if "val_accuracy" in logs:
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    return keras.callbacks.LambdaCallback(on_epoch_end=report)
