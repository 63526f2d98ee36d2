"""`digitcnn predict`: one line for each picture, as soon as it is read."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from digitcnn._probabilities import Probabilities, choose_digits
from digitcnn.cli._files import are_several, is_folder, pictures_of
from digitcnn.cli._output import as_typed, printable, report, write_line
from digitcnn.errors import DigitcnnError
from digitcnn.inference import DigitClassifier, predict_proba
from digitcnn.weights import identify

_DECIMALS = 6


def run(arguments: argparse.Namespace) -> int:
    """Answer each file; the status is 1 if one of them was bad."""
    model = open_model(arguments.weights)
    is_named = are_several(arguments.files)
    status = 0
    for name, picture in pictures_of(arguments.files):
        answer = picture if isinstance(picture, Exception) else answer_one(model, picture)
        if isinstance(answer, Exception):
            answer.add_note(name)
            report(answer, arguments.command)
            status = 1
            if arguments.json:
                write_line(json.dumps({"file": name, "error": as_typed(answer, arguments.command)}))
        elif arguments.json:
            write_line(json.dumps(_record(name, answer, arguments)))
        else:
            columns = [str(value) for value in _columns(answer, arguments)]
            write_line("\t".join([printable(name), *columns] if is_named else columns))
    return status


def open_model(weights: str) -> Any:
    """Open what `--weights` names: published weights, a file, or a training run's folder."""
    found = identify(weights)
    if isinstance(found, Path) and (found.suffix == ".h5" or is_folder(weights)):
        from digitcnn.cli._tensorflow import import_quietly
        from digitcnn.models import load_pretrained

        import_quietly()
        return load_pretrained(weights)
    return DigitClassifier(found)


def answer_one(model: Any, picture: Any) -> Probabilities | DigitcnnError:
    """Give the probabilities of one picture, or why there are none."""
    try:
        return predict_proba(picture, model=model)
    except DigitcnnError as error:
        return error


def _columns(answer: Probabilities, arguments: argparse.Namespace) -> list[object]:
    """Give what stands behind the name: the digit and, if asked for, the probabilities."""
    digit = _digit(answer, arguments)
    rows = answer.tolist() if arguments.proba else []
    return [digit, *(f"{probability:.{_DECIMALS}f}" for probability in rows)]


def _record(name: str, answer: Probabilities, arguments: argparse.Namespace) -> dict[str, object]:
    """Give the same as a JSON object."""
    probabilities = np.round(answer.astype(np.float64), _DECIMALS).tolist()
    record = {
        "file": name,
        "digit": _digit(answer, arguments),
        "confidence": max(probabilities),
    }
    return record | {"probabilities": probabilities} if arguments.proba else record


def _digit(answer: Probabilities, arguments: argparse.Namespace) -> int:
    return int(choose_digits(answer[None], min_confidence=arguments.min_confidence)[0])
