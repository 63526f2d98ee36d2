"""`digitcnn export`: a network written for other programs."""

from __future__ import annotations

import argparse

from digitcnn.cli._output import write_line
from digitcnn.cli._tensorflow import import_quietly
from digitcnn.exporting import export
from digitcnn.models import load_pretrained


def run(arguments: argparse.Namespace) -> int:
    """Write the network and name the file."""
    import_quietly()
    model = load_pretrained(arguments.model, architecture=arguments.architecture)
    output = arguments.output or f"{model.name}{_ENDINGS[arguments.format]}"
    write_line(str(export(model, output, format=arguments.format)))
    return 0


_ENDINGS = {"h5": ".weights.h5", "onnx": ".onnx", "tflite": ".tflite", "savedmodel": ""}
