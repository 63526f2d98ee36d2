"""`digitcnn predict`: one line for each picture, as soon as it is read."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from digitcnn._probabilities import choose_digits
from digitcnn.cli._files import Answer, answer_files
from digitcnn.inference import DigitClassifier, predict_proba
from digitcnn.weights import identify, needs_keras

_DECIMALS = 6


def run(arguments: argparse.Namespace) -> int:
    """Answer each file."""
    model = open_model(arguments.weights)

    def answer(_: str, picture: Any) -> Answer:
        row = predict_proba(picture, model=model)
        digit = int(choose_digits(row[None], min_confidence=arguments.min_confidence)[0])
        probabilities = np.round(row.astype(np.float64), _DECIMALS).tolist()
        record = {"digit": digit, "confidence": max(probabilities)}
        columns = [str(digit)]
        if arguments.proba:
            record["probabilities"] = probabilities
            columns += [f"{probability:.{_DECIMALS}f}" for probability in probabilities]
        text = "\t".join(columns)
        return Answer(text, text, record, float(row.max()))

    return answer_files(arguments, answer)


def open_model(weights: str) -> DigitClassifier:
    """Open what `--weights` names: published weights, a file, or a training run's folder."""
    found = identify(weights)
    if needs_keras(found):
        from digitcnn.cli._tensorflow import import_quietly

        import_quietly()
    return DigitClassifier(found)
