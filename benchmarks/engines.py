"""The same network on other engines than ONNX Runtime, where they are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.answering import MANY, mnist, not_installed
from benchmarks.timing import Job, Line, in_turn
from digitcnn import DigitClassifier, preprocess
from digitcnn._sessions import available_cpus
from digitcnn.weights import resolve

# All engines take as many images at once as the library does.
CHUNK_SIZE = 256


def other_engines(*, quick: bool) -> Iterator[Line]:
    """Measure ready batches on other engines, against the library with all that it does."""
    images = mnist(quick=quick)
    images = images[: len(images) // CHUNK_SIZE * CHUNK_SIZE]
    batch, classifier = preprocess(images), DigitClassifier()
    for name, find in (("OpenVINO", _openvino), ("LiteRT", _litert)):
        line_name, yardstick = f"many-arrays-{name.lower()}", f"{name} on ready float32 batches"
        if (run := find()) is None:
            yield not_installed(line_name, MANY, yardstick, None)
            continue
        jobs: dict[str, Job] = {
            "ours": lambda: classifier.predict(images),
            "theirs": lambda run=run: [  # type: ignore[misc]
                run(batch[at : at + CHUNK_SIZE]) for at in range(0, len(batch), CHUNK_SIZE)
            ],
        }
        times = in_turn(jobs, rounds=3 if quick else 11)
        yield Line(line_name, MANY, yardstick, None, times["ours"], times["theirs"])


def _openvino() -> Callable[[np.ndarray], object] | None:
    if importlib.util.find_spec("openvino") is None:
        return None
    import openvino

    network = openvino.Core().compile_model(
        str(resolve("base", format="onnx")),
        "CPU",
        # As exact as the others; its own choice may be bfloat16.
        {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"},
    )
    request = network.create_infer_request()
    return lambda batch: request.infer({0: batch}, share_inputs=True)[0]


def _litert() -> Callable[[np.ndarray], object] | None:
    needed = ("ai_edge_litert", "tensorflow")
    if any(importlib.util.find_spec(package) is None for package in needed):
        return None
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    from digitcnn import load_pretrained

    content = tf.lite.TFLiteConverter.from_keras_model(load_pretrained("base")).convert()
    interpreter = Interpreter(model_content=content, num_threads=available_cpus())
    takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(takes["index"], (CHUNK_SIZE, 28, 28, 1))
    interpreter.allocate_tensors()

    def run(batch: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(takes["index"], batch)
        interpreter.invoke()
        return interpreter.get_tensor(gives["index"])

    return run
