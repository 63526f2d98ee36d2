"""`digitcnn export`: a network written for other programs."""

from __future__ import annotations

import argparse
from typing import Any

import digitcnn
from digitcnn.cli._output import write_line
from digitcnn.cli._parser import add_command

_ENDINGS = {"h5": ".weights.h5", "onnx": ".onnx", "tflite": ".tflite", "savedmodel": ""}


def add_to(commands: Any) -> None:
    """Describe the arguments."""
    parser = add_command(
        commands,
        "export",
        "write a network for other programs",
        'Needs pip install "digitcnn[export]".',
        "digitcnn export base --format tflite --output base.tflite",
        "digitcnn export runs/mine --format onnx",
    )
    parser.set_defaults(typed={"model": "MODEL", "weights": "MODEL", "path": "--output"})
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a published name (base), a training run's folder, or a .weights.h5 file",
    )
    parser.add_argument(
        "--format",
        choices=tuple(_ENDINGS),
        default="onnx",
        help="weights for Keras, ONNX, TensorFlow Lite or a SavedModel folder "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="what to write (default: the architecture's name)"
    )
    parser.add_argument(
        "--architecture", metavar="NAME", help="what a .weights.h5 file is for (default: base)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the network and name the file."""
    from digitcnn.cli._process import import_quietly
    from digitcnn.exporting import export

    import_quietly()
    model = digitcnn.load_pretrained(arguments.model, architecture=arguments.architecture)
    output = arguments.output or f"{model.name}{_ENDINGS[arguments.format]}"
    write_line(str(export(model, output, format=arguments.format)))
    return 0
