"""What else runs the same network, or reads digits: the yardsticks of other benchmarks.

Each is opened when it is measured; an ImportError says that it is not installed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from digitcnn.weights import resolve

Run = Callable[[np.ndarray], object]
Read = Callable[[Image.Image], object]
CHUNK_SIZES = (64, 128, 256, 512, 1024)
CHUNK_SIZE = 256  # as many at once as the library takes


def bare_session() -> Any:
    """Open the network of `base` as anybody would."""
    import onnxruntime

    path = str(resolve("base", format="onnx"))
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def keras_model() -> Any:
    """Load the network of `base` in Keras."""
    import keras  # noqa: F401 - tells at once where it is missing

    from digitcnn import load_pretrained

    return load_pretrained("base")


def _in_chunks(run: Run, size: int = CHUNK_SIZE) -> Run:
    return lambda batch: [run(batch[at : at + size]) for at in range(0, len(batch), size)]


def open_bare() -> Run:
    """Open a bare session, at the chunk size at which it is fastest."""
    session, chosen = bare_session(), {}

    def run(batch: np.ndarray) -> object:
        for size in () if chosen else CHUNK_SIZES:
            job = _in_chunks(lambda part: session.run(None, {"images": part}), size)
            job(batch)
            start = time.perf_counter()
            job(batch)
            chosen[time.perf_counter() - start] = job
        return chosen[min(chosen)](batch)

    return run


def open_keras() -> Run:
    """Open the network in Keras."""
    return partial(keras_model().predict, batch_size=512, verbose=0)


def open_openvino() -> Run:
    """Open the network in OpenVINO."""
    import openvino

    # As exact as the others; its own choice may be bfloat16.
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    path = str(resolve("base", format="onnx"))
    request = openvino.Core().compile_model(path, "CPU", hints).create_infer_request()
    return _in_chunks(lambda batch: request.infer({0: batch}, share_inputs=True)[0])


def open_litert() -> Run:
    """Open the network in LiteRT."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    content = tf.lite.TFLiteConverter.from_keras_model(keras_model()).convert()
    interpreter = Interpreter(model_content=content, num_threads=len(os.sched_getaffinity(0)))
    takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(takes["index"], (CHUNK_SIZE, 28, 28, 1))
    interpreter.allocate_tensors()

    def run(batch: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(takes["index"], batch)
        interpreter.invoke()
        return interpreter.get_tensor(gives["index"])

    return _in_chunks(run)


ENGINES: dict[str, tuple[str, float | None, Callable[[], Run]]] = {
    "bare": ("`InferenceSession.run` on ready batches, best chunk size", 1.15, open_bare),
    "keras": ("Keras `predict(batch_size=512)` on the same network", 2 / 3, open_keras),
    "openvino": ("OpenVINO on ready float32 batches", None, open_openvino),
    "litert": ("LiteRT on ready float32 batches", None, open_litert),
}


def as_page(image: np.ndarray) -> Image.Image:
    """Show an image as those programs want it: dark on white, with a margin, larger."""
    page = ImageOps.invert(Image.fromarray(image)).resize((112, 112), Image.Resampling.BICUBIC)
    return ImageOps.expand(page, 32, fill=255).convert("RGB")


def _rapidocr() -> Read:
    from rapidocr import RapidOCR

    engine = RapidOCR()
    return lambda page: engine(np.asarray(page), use_det=False, use_cls=False, use_rec=True)


def _rapidocr_pages() -> Callable[[Path], str]:
    from rapidocr import RapidOCR

    engine = RapidOCR()

    def read(path: Path) -> str:
        texts = engine(str(path)).txts
        return "\n".join(texts or engine(str(path), use_det=False, use_cls=False).txts or ())

    return read


def _tesseract(mode: int) -> Callable[[Any], str]:
    import pytesseract

    try:
        pytesseract.get_tesseract_version()
    except pytesseract.TesseractNotFoundError as error:
        raise ImportError(str(error)) from error
    config = f"--psm {mode} -c tessedit_char_whitelist=0123456789"
    return lambda page: pytesseract.image_to_string(
        str(page) if isinstance(page, Path) else page, config=config
    )


# Of one digit, and of pages.
READERS: dict[str, tuple[Callable[[], Read], Callable[[], Callable[[Path], str]]]] = {
    "rapidocr": (_rapidocr, _rapidocr_pages),
    "tesseract": (partial(_tesseract, 10), partial(_tesseract, 6)),
}
