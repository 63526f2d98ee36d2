"""Recipes: an architecture and how to train it, by name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from digitcnn._checks import nearest, one_of, real_number, shown, whole_number
from digitcnn.architectures import PAGE_NETWORKS, members_of
from digitcnn.augmentation import Augmentation
from digitcnn.errors import InvalidArgumentError


@dataclass(frozen=True)
class Pages:
    """The pages that a network which finds digits, or reads lines of them, learns from.

    Attributes
    ----------
    count : int
        Pages drawn to an epoch.
    height, width : int
        Of a page, in pixels: multiples of 32.
    hands : int
        How many hands they are written in, beside the given digits.
    is_single : bool
        Whether each shows one digit, with little beside it, and more often in a bad light.
    """

    count: int = 8_000
    height: int = 128
    width: int = 256
    hands: int = 1_200
    is_single: bool = False

    def __post_init__(self) -> None:
        """Refuse what no page can be drawn of."""
        for name, such_as in (("count", 8_000), ("hands", 1_200), ("height", 128), ("width", 256)):
            number = whole_number(name, getattr(self, name), least=1, such_as=such_as)
            object.__setattr__(self, name, number)
            if name in ("height", "width") and number % _PAGE_MULTIPLE:
                raise InvalidArgumentError(
                    argument=name,
                    rule=f"be a multiple of {_PAGE_MULTIPLE}",
                    got=number,
                    remedy=f"Pass {such_as}, say.",
                )


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training makes, but for the images and the seed.

    Attributes
    ----------
    name, architecture : str
        The recipe's own name, and the one that `build_model` knows.
    epochs : int
        Passes over the training images.
    batch_size : int
        Images to a step.
    optimizer : str
        "adam", "adamw", "adadelta" or "sgd".
    learning_rate : float
        The greatest.
    schedule : str
        How it goes: "constant"; "cosine", which rises over the first epoch and falls to 0 along a
        cosine [1]_; "one-cycle", which rises from a 25th over the first 30 % of all steps, then
        falls to next to nothing [2]_; or "exponential", which falls to a hundredth.
    weight_decay : float
        Of AdamW.
    weight_average : float
        Momentum of the exponential moving average of the weights, which then is what the
        training gives; 0 for none. A training of few steps takes a lower one, so that the average
        holds none of the weights that it began with.
    clip_norm : float
        The greatest norm of each weight's gradient; 0 for no such limit.
    augmentation : Augmentation or None
        How the training images are changed at random, anew each epoch.
    drawn_digits, drawn_nondigits : int
        Digits, and things that are none, from the stroke generator, to an epoch of 60,000 images;
        fewer images take as much fewer. What is no digit is taught as "every digit alike".
    damaged : int
        Damaged copies of the training images, preprocessed like any picture, likewise.
    pages : Pages or None
        Of a network that finds digits, or reads lines: the pages to draw, with the training images
        among their digits. Nothing else is then drawn or changed.
    patience : int or None
        Epochs without a better `monitor` before training stops; None for no such stop.
    monitor : str
        "val_loss" or "val_accuracy".
    ending : Recipe or None
        What goes on from the weights that all this gives: gentler changes at a lower rate, say. It
        has no ending of its own.

    References
    ----------
    .. [1] Loshchilov, Hutter, ICLR 2017. arXiv:1608.03983
    .. [2] Smith, Topin, 2018. arXiv:1708.07120
    """

    name: str
    architecture: str
    epochs: int
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    weight_decay: float = 0.0
    weight_average: float = 0.0
    clip_norm: float = 0.0
    augmentation: Augmentation | None = None
    drawn_digits: int = 0
    drawn_nondigits: int = 0
    damaged: int = 0
    pages: Pages | None = None
    patience: int | None = None
    monitor: str = "val_loss"
    ending: Recipe | None = None

    def __post_init__(self) -> None:
        """Refuse what no training can be made of; NumPy's numbers become Python's."""
        for name, (least, such_as) in _WHOLE.items():
            value = getattr(self, name)
            if value is not None or name != "patience":
                number = whole_number(name, value, least=least, such_as=such_as)
                object.__setattr__(self, name, number)
        for name, (rule, is_allowed, proposal) in _REAL.items():
            real = real_number(name, getattr(self, name), rule, is_allowed, such_as=proposal)
            object.__setattr__(self, name, real)
        if not isinstance(self.name, str) or not self.name:
            raise InvalidArgumentError(
                argument="name",
                rule="be a name",
                got=shown(self.name),
                remedy="Pass one such as 'mine'.",
            )
        members_of(self.architecture)
        if not isinstance(self.augmentation, Augmentation | None):
            raise InvalidArgumentError(
                argument="augmentation",
                rule="be an Augmentation",
                got=shown(self.augmentation),
                remedy="Leave it out for none.",
            )
        self._check_pages()
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, _SCHEDULES)
        one_of("monitor", self.monitor, _MONITORS)
        if self.ending is not None:
            self._check_ending(self.ending)

    def _check_pages(self) -> None:
        """Refuse pages for what names digits, and all else that is drawn for what reads pages."""
        names, finds = ", ".join(PAGE_NETWORKS), self.architecture in PAGE_NETWORKS
        if not isinstance(self.pages, Pages | None) or finds != (self.pages is not None):
            raise InvalidArgumentError(
                argument="pages",
                rule=f"be Pages for the architecture {names}, and None for others",
                got=f"{shown(self.pages)} for {self.architecture!r}",
                remedy="Change the one or the other.",
            )
        others = ("augmentation", "drawn_digits", "drawn_nondigits", "damaged")
        for name in others if finds else ():
            if getattr(self, name):
                raise InvalidArgumentError(
                    argument=name,
                    rule=f"be left out for the architecture {self.architecture!r}",
                    got=shown(getattr(self, name)),
                    remedy="Its pages are changed as they are drawn.",
                )

    def _check_ending(self, ending: Recipe) -> None:
        """Refuse an ending that cannot go on from this recipe's weights."""
        if not isinstance(ending, Recipe):
            raise InvalidArgumentError(
                argument="ending",
                rule="be a Recipe",
                got=shown(ending),
                remedy="Leave it out for none.",
            )
        if ending.architecture != self.architecture or ending.ending is not None:
            raise InvalidArgumentError(
                argument="ending",
                rule=f"be for the architecture {self.architecture!r} and end there",
                got=f"one for {ending.architecture!r} with the ending {shown(ending.ending)}",
                remedy="Derive it from this recipe with dataclasses.replace.",
            )


_PAGE_MULTIPLE = 32
# The classes of keras.optimizers.
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "adadelta": "Adadelta", "sgd": "SGD"}
_MONITORS = ("val_loss", "val_accuracy")
_SCHEDULES = ("constant", "cosine", "one-cycle", "exponential")

# The least of each field, and one to propose.
_WHOLE = {
    "epochs": (1, 10),
    "batch_size": (1, 128),
    "drawn_digits": (0, 15_000),
    "drawn_nondigits": (0, 9_000),
    "damaged": (0, 15_000),
    "patience": (1, 3),
}

# The rule that each field keeps, and a value to propose.
_REAL: dict[str, tuple[str, Callable[[float], bool], float]] = {
    "learning_rate": ("positive and finite", lambda rate: 0 < rate < math.inf, 0.001),
    "weight_decay": ("at least 0 and finite", lambda decay: 0 <= decay < math.inf, 0.02),
    "clip_norm": ("at least 0 and finite", lambda norm: 0 <= norm < math.inf, 5.0),
    "weight_average": ("at least 0 and less than 1", lambda average: 0 <= average < 1, 0.998),
}


def recipe_from_fields(fields: dict[str, Any]) -> Recipe:
    """Rebuild a recipe from its fields in JSON; fields that there are none of any more go."""
    known = {each.name for each in dataclasses.fields(Recipe)}
    values = {name: value for name, value in fields.items() if name in known}
    if values.get("augmentation"):
        values["augmentation"] = Augmentation(**values["augmentation"])
    if values.get("pages"):
        values["pages"] = Pages(**values["pages"])
    if values.get("ending"):
        values["ending"] = recipe_from_fields(values["ending"])
    return Recipe(**values)


# What the tutorials augment by: rotation, zoom, width and height shift, nothing else.
_TUTORIAL_AUGMENTATION = Augmentation(
    rotation=10, scale=0.1, shear=0, shift=2.8, elastic=0, pen=0, light=0, noise=0
)

# Half of the default: the base network's last epochs.
_GENTLE_AUGMENTATION = Augmentation(
    rotation=5.5, scale=0.06, shear=0.06, shift=0.75, elastic=0.3, pen=0.15, light=0.15, noise=0.05
)

# Less than the default: what a network of a few thousand parameters can follow.
_MILD_AUGMENTATION = Augmentation(
    rotation=8, scale=0.08, shear=0.08, shift=1, elastic=0.4, pen=0.1, light=0.1, noise=0
)

_BASE = Recipe(
    name="base",
    architecture="base",
    epochs=30,
    optimizer="adamw",
    learning_rate=3e-3,
    schedule="cosine",
    weight_decay=0.02,
    weight_average=0.998,
    augmentation=Augmentation(),
    drawn_digits=15_000,
    drawn_nondigits=9_000,
    damaged=15_000,
)
# Chosen by the 5,000 validation images, whose loss it lowers by a sixth; as many epochs more of the
# same lower it by a twentieth. With a third of the other pictures it reads damaged digits worse.
_BASE_ENDING = dataclasses.replace(
    _BASE, name="base-ending", epochs=4, learning_rate=5e-4, augmentation=_GENTLE_AUGMENTATION
)

# What trains "base" trains the deeper network of "large", whose ensemble is published.
_LARGE = dataclasses.replace(_BASE, name="large", architecture="vgg")
_LARGE_ENDING = dataclasses.replace(_BASE_ENDING, name="large-ending", architecture="vgg")

_TINY = Recipe(
    name="tiny",
    architecture="tiny-silu",
    epochs=60,
    optimizer="adamw",
    learning_rate=6e-3,
    schedule="cosine",
    # A small network is far from learning by heart: little to hold it back by.
    weight_decay=0.005,
    weight_average=0.998,
    augmentation=_MILD_AUGMENTATION,
    # What it has room for: each of these lowers its loss on pictures and raises that on MNIST.
    drawn_digits=3_000,
    drawn_nondigits=1_000,
    damaged=1_500,
)
# Chosen by 10,000 validation images, whose loss a network of ReLUs lowered by a tenth with it. It
# costs the reading of damaged digits and the refusal of others less than fewer pictures from the
# beginning do.
_TINY_ENDING = dataclasses.replace(
    _TINY,
    name="tiny-ending",
    epochs=10,
    learning_rate=3e-3,
    drawn_digits=1_000,
    drawn_nondigits=350,
    damaged=500,
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        dataclasses.replace(_BASE, ending=_BASE_ENDING),
        dataclasses.replace(_LARGE, ending=_LARGE_ENDING),
        Recipe(
            name="vgg",
            architecture="vgg",
            epochs=20,
            optimizer="adamw",
            learning_rate=2e-3,
            schedule="one-cycle",
            weight_decay=0.02,
            augmentation=Augmentation(),
        ),
        Recipe(
            name="resnet",
            architecture="resnet",
            epochs=20,
            optimizer="adamw",
            learning_rate=2e-3,
            schedule="cosine",
            weight_decay=0.02,
            weight_average=0.998,
            augmentation=Augmentation(),
        ),
        dataclasses.replace(_TINY, ending=_TINY_ENDING),
        # Chosen among networks, epochs and batches by the 5,000 validation images against the time.
        Recipe(
            name="fast",
            architecture="fast",
            epochs=2,
            learning_rate=1e-2,
            schedule="one-cycle",
        ),
        Recipe(
            name="conv-pool-dropout",
            architecture="conv-pool-dropout",
            epochs=20,
            augmentation=_TUTORIAL_AUGMENTATION,
            patience=3,
        ),
        Recipe(name="conv5x5", architecture="conv5x5", epochs=10, batch_size=200),
        Recipe(name="three-conv", architecture="three-conv", epochs=5),
        Recipe(
            name="two-conv-dropout",
            architecture="two-conv-dropout",
            epochs=50,
            optimizer="adadelta",
            # Zeiler's method has no rate; at 0.001, Keras' default and the tutorial's, it crawls.
            learning_rate=1.0,
            patience=5,
        ),
        Recipe(name="conv-pool", architecture="conv-pool", epochs=8, batch_size=64),
        Recipe(
            name="reader",
            architecture="reader",
            epochs=40,
            batch_size=32,
            optimizer="adamw",
            learning_rate=2e-3,
            schedule="cosine",
            weight_decay=1e-3,
            weight_average=0.998,
            clip_norm=5.0,
            pages=Pages(),
        ),
        Recipe(
            name="lines",
            architecture="lines",
            epochs=60,
            batch_size=48,
            optimizer="adamw",
            learning_rate=1.5e-3,
            schedule="cosine",
            weight_decay=1e-4,
            weight_average=0.998,
            clip_norm=1.0,
            pages=Pages(width=192, height=192),
        ),
        Recipe(
            name="ink",
            architecture="ink",
            epochs=40,
            batch_size=32,
            optimizer="adamw",
            learning_rate=2e-3,
            schedule="cosine",
            weight_decay=1e-3,
            weight_average=0.998,
            clip_norm=5.0,
            pages=Pages(width=160, height=160, is_single=True),
        ),
    )
}


def get_recipe(recipe: str | Recipe) -> Recipe:
    """Find a recipe by name.

    Parameters
    ----------
    recipe : str or Recipe
        A name in `RECIPES`; a `Recipe` is given back as it is.

    Returns
    -------
    recipe : Recipe
        The recipe.

    Raises
    ------
    InvalidArgumentError
        If there is none of that name; the message lists those there are.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str) or recipe not in RECIPES:
        raise InvalidArgumentError(
            argument="recipe",
            rule=f"be one of {', '.join(RECIPES)}, or a Recipe",
            got=shown(recipe),
            remedy=f"{nearest(recipe, RECIPES)} dataclasses.replace makes one of another.",
        )
    return RECIPES[recipe]
