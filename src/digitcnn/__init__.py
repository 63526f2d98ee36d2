"""Reads handwritten digits in the pictures people really have.

>>> from digitcnn import predict
>>> predict("examples/seven-on-paper.jpg")  # doctest: +SKIP
7

The public names are loaded when they are first used, so that importing the package costs next to
nothing and TensorFlow is loaded only by what needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitcnn.augmentation import augment as augment
    from digitcnn.errors import DigitcnnError as DigitcnnError
    from digitcnn.errors import NoDigitError as NoDigitError
    from digitcnn.evaluation import Evaluation as Evaluation
    from digitcnn.evaluation import evaluate as evaluate
    from digitcnn.inference import DigitClassifier as DigitClassifier
    from digitcnn.inference import predict as predict
    from digitcnn.inference import predict_proba as predict_proba
    from digitcnn.models import build_model as build_model
    from digitcnn.models import load_pretrained as load_pretrained
    from digitcnn.preprocessing import explain as explain
    from digitcnn.preprocessing import preprocess as preprocess
    from digitcnn.reading import DigitReader as DigitReader
    from digitcnn.reading import Reading as Reading
    from digitcnn.reading import read as read
    from digitcnn.training import TrainingRun as TrainingRun
    from digitcnn.training import train as train

__version__ = "0.1.0"

_ROOMS = {
    "DigitClassifier": "inference",
    "DigitReader": "reading",
    "DigitcnnError": "errors",
    "Evaluation": "evaluation",
    "NoDigitError": "errors",
    "Reading": "reading",
    "TrainingRun": "training",
    "augment": "augmentation",
    "build_model": "models",
    "evaluate": "evaluation",
    "explain": "preprocessing",
    "load_pretrained": "models",
    "predict": "inference",
    "predict_proba": "inference",
    "preprocess": "preprocessing",
    "read": "reading",
    "train": "training",
}
_MODULES = (
    "architectures",
    "augmentation",
    "bulk",
    "datasets",
    "detection",
    "errors",
    "evaluation",
    "exporting",
    "images",
    "inference",
    "models",
    "plots",
    "preprocessing",
    "reading",
    "readings",
    "serve",
    "synthesis",
    "training",
    "tuning",
    "weights",
)

__all__ = ["__version__", *_ROOMS, *_MODULES]  # noqa: PLE0604 - all three hold strings


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _ROOMS:
        value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
