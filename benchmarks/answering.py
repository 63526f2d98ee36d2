"""Warm: one array at a time, and 10,000 of MNIST's at once, against those who do the same."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from benchmarks.timing import Line, in_turn, seconds
from digitcnn import DigitClassifier, datasets, preprocess
from digitcnn.weights import resolve

CHUNK_SIZES = (64, 128, 256, 512, 1024)
ONE, MANY = "one 28 x 28 array, warm", "10,000 MNIST arrays"


def one_array(*, quick: bool) -> Iterator[Line]:
    """Measure one array at a time."""
    rounds, image = 3 if quick else 11, mnist(quick=quick)[0]
    classifier, session, batch = DigitClassifier(), bare_session(), preprocess(image)
    times = in_turn(
        {
            "ours": lambda: classifier.predict(image),
            "bare": lambda: session.run(None, {"images": batch}),
        },
        rounds=2 * rounds,
    )
    yield Line(
        "one-array-bare",
        ONE,
        "`InferenceSession.run` on the ready batch of one",
        2,
        times["ours"],
        times["bare"],
    )
    yardstick = "Keras `model.predict` on the ready batch"
    if (model := keras_model()) is None:
        yield not_installed("one-array-keras", ONE, yardstick, 1 / 50)
        return
    times = in_turn(
        {
            "ours": lambda: classifier.predict(image),
            "keras": lambda: model.predict(batch, verbose=0),
        },
        rounds=rounds,
    )
    yield Line("one-array-keras", ONE, yardstick, 1 / 50, times["ours"], times["keras"])


def many_arrays(*, quick: bool) -> Iterator[Line]:
    """Measure all arrays at once."""
    rounds, images = 3 if quick else 11, mnist(quick=quick)
    classifier, batch = DigitClassifier(), preprocess(images)
    chunk_size, bare = _best_chunks(batch)
    jobs = {"ours": lambda: classifier.predict(images), "bare": bare}
    model = keras_model()
    if model is not None:
        jobs["keras"] = lambda: model.predict(batch, batch_size=512, verbose=0)
    times = in_turn(jobs, rounds=rounds)
    yield Line(
        "many-arrays-bare",
        MANY,
        "`InferenceSession.run` in the best chunk size on ready float32 batches",
        1.15,
        times["ours"],
        times["bare"],
        note=f"best chunk size {chunk_size}",
    )
    yardstick = "Keras `predict(batch_size=512)` on the same network"
    if model is None:
        yield not_installed("many-arrays-keras", MANY, yardstick, 2 / 3)
    else:
        yield Line("many-arrays-keras", MANY, yardstick, 2 / 3, times["ours"], times["keras"])


def mnist(*, quick: bool) -> np.ndarray:
    """Give 10,000 of MNIST's images, or fewer."""
    images = datasets.load_mnist()[1][0]
    return images[:2000] if quick else images


def _best_chunks(batch: np.ndarray) -> tuple[int, Callable[[], object]]:
    """Find the chunk size at which a bare session is fastest."""
    session = bare_session()

    def runner(size: int) -> Callable[[], object]:
        starts = range(0, len(batch), size)
        return lambda: [session.run(None, {"images": batch[at : at + size]}) for at in starts]

    jobs = {str(size): runner(size) for size in CHUNK_SIZES}
    times = in_turn(jobs, rounds=3)
    best = min(times, key=lambda size: min(times[size]))
    return int(best), jobs[best]


def strangers(*, quick: bool) -> Iterator[Line]:
    """Measure other programs that read digits, on a few images each."""
    images = mnist(quick=quick)
    some = images[: 20 if quick else 200]
    classifier = DigitClassifier()
    classifier.predict(some)
    for name, find in (("rapidocr", _rapidocr), ("Tesseract", _tesseract)):
        what, yardstick = "10,000 MNIST arrays, per image", f"{name}, per image"
        if (read := find()) is None:
            yield not_installed(f"many-arrays-{name.lower()}", what, yardstick, None)
            continue
        pictures = [_as_page(image) for image in some]
        read(pictures[0])
        theirs = [seconds(lambda picture=picture: read(picture)) for picture in pictures]
        ours = [seconds(lambda: classifier.predict(images)) / len(images) for _ in range(3)]
        yield Line(f"many-arrays-{name.lower()}", what, yardstick, None, ours, theirs)


def _as_page(image: np.ndarray) -> Image.Image:
    """Show an image as those programs want it: dark on white, with a margin, larger."""
    page = ImageOps.invert(Image.fromarray(image)).resize((112, 112), Image.Resampling.BICUBIC)
    return ImageOps.expand(page, 32, fill=255).convert("RGB")


def _rapidocr() -> Callable[[Image.Image], object] | None:
    if importlib.util.find_spec("rapidocr") is None:
        return None
    from rapidocr import RapidOCR

    engine = RapidOCR()
    return lambda page: engine(np.asarray(page), use_det=False, use_cls=False, use_rec=True)


def _tesseract() -> Callable[[Image.Image], object] | None:
    if importlib.util.find_spec("pytesseract") is None:
        return None
    import pytesseract

    try:
        pytesseract.get_tesseract_version()
    except pytesseract.TesseractNotFoundError:
        return None
    config = "--psm 10 -c tessedit_char_whitelist=0123456789"
    return lambda page: pytesseract.image_to_string(page, config=config)


def bare_session() -> Any:
    """Open the network of `base` as anybody would."""
    import onnxruntime

    path = str(resolve("base", format="onnx"))
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def keras_model() -> Any:
    """Load the network of `base` in Keras; None where that is not installed."""
    if importlib.util.find_spec("keras") is None:
        return None
    from digitcnn import load_pretrained

    return load_pretrained("base")


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    """Encode a picture."""
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def not_installed(name: str, what: str, yardstick: str, target: float | None) -> Line:
    """Say that there is no yardstick."""
    return Line(name, what, yardstick, target, note="not installed")
