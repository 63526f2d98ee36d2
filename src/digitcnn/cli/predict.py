"""`digitcnn predict`: one line for each picture, as soon as it is read."""

from __future__ import annotations

import argparse
from typing import Any

from digitcnn.cli._parser import WEIGHTS_HELP, add_command, add_files, add_min_confidence

_DECIMALS = 6


def add_to(commands: Any) -> None:
    """Describe the arguments."""
    parser = add_command(
        commands,
        "predict",
        "read the digit in each picture",
        "A single FILE gives the digit alone, several or a folder give FILE, a tab and the digit; "
        "-1 where less sure than asked for. Errors about a file go to standard error; the others "
        "are still read, and the exit status is 1. Folders within a folder are left out.",
        "digitcnn predict seven.jpg",
        "digitcnn predict scans/ --json --min-confidence 0.9",
    )
    parser.set_defaults(typed={"images": "FILE"})
    parser.add_argument("--weights", default="base", help=WEIGHTS_HELP)
    add_min_confidence(parser, "answer -1 below this probability, 0 to 1")
    parser.add_argument(
        "--proba", action="store_true", help="add the ten probabilities, separated by tabs"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: file, digit, confidence, unsure and, with --proba, "
        "probabilities; file and error for a bad file",
    )
    add_files(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer each file."""
    import numpy as np

    from digitcnn._checks import choose_digits
    from digitcnn.cli._files import Answer, answer_files
    from digitcnn.inference import predict_proba

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


def open_model(weights: str) -> Any:
    """Open what `--weights` names: published weights, a file, or a training run's folder."""
    from digitcnn.inference import DigitClassifier
    from digitcnn.weights import identify, needs_keras

    found = identify(weights)
    if needs_keras(found):
        from digitcnn.cli._process import import_quietly

        import_quietly()
    return DigitClassifier(found)
