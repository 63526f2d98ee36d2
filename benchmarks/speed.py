"""Measure the library's speed against what a user would otherwise do.

    python benchmarks/speed.py [NAME...] [--rounds 9] [--training] [--page docs/performance.md]

Each line is timed against its yardstick in turn, so that a busy machine slows both; the ratio is
the median of the rounds' ratios, with their quartiles. The lines of training take minutes each and
are left out unless named or asked for by `--training`. Exit status 1 where a target is not met.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import io
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

# Before anything loads them: silence from TensorFlow, no telemetry from ONNX Runtime.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
from checkout import ROOT
from others import Read, rapidocr, tesseract
from PIL import Image, ImageFilter, ImageOps
from reporting import begin_options, format_table, machine, show

from digitcnn import DigitClassifier, DigitReader, datasets, preprocess
from digitcnn.cli._process import kept_memory
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES
from digitcnn.weights import resolve

# After a run, ONNX Runtime's threads by default stay awake on a CPU that the next job may need.
PAUSE_SECONDS = 0.1
JPEG_SIZE, PHOTO_SIZE, CANVAS_SIDE = (4000, 3000), (640, 480), 280
CHUNK_SIZE = 256  # as many images at once as the library takes
SEEDS = 5  # of a whole training
STEP_IMAGES = 6000  # so that drawing what `base` learns from beside them takes seconds
NUMBER = str(ROOT / "examples" / "numbers" / "cheque-amount.jpg")
PICTURE = str(ROOT / "examples" / "zero-canvas.png")
PHOTO = ROOT / "examples" / "seven-on-paper.jpg"
BICUBIC = Image.Resampling.BICUBIC

DIGITCNN = f"from digitcnn import predict\nprint(predict({PICTURE!r}))"
READING = f"from digitcnn import read\nprint(read({NUMBER!r}))"
# What load_pretrained() does: build the network, load its .weights.h5.
KERAS = f"""\
from digitcnn import load_pretrained, preprocess
model = load_pretrained("base")
print(model.predict(preprocess({PICTURE!r}), verbose=0).argmax())
"""
# What any program that runs the same network pays; telemetry is off there as it is here.
BARE = """\
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy, PIL.Image, onnxruntime
session = onnxruntime.InferenceSession({network!r}, providers=["CPUExecutionProvider"])
print(session.run(None, {{"images": numpy.zeros((1, 28, 28, 1), numpy.float32)}})[0].shape)
"""
STREAM = """\
import itertools
from digitcnn import DigitClassifier, preprocess
from digitcnn.synthesis import draw_digits
image = (preprocess(draw_digits(1, seed=0)[0])[0, ..., 0] * 255).round().astype("uint8")
print(sum(1 for _ in DigitClassifier().iter_proba(itertools.repeat(image, {count}))))
"""
FAST = """\
from digitcnn.cli import main
options = ["--validation-size", "0", "--seed", "{seed}", "--verbose", "0", "--run-dir", {path!r}]
main(["train", "--recipe", "fast", *options])
"""
# https://keras.io/examples/vision/mnist_convnet/ by F. Chollet, Apache 2.0, its network and its
# settings; only where the images come from is another.
CONVNET = """\
import keras, numpy
from keras import layers
from digitcnn.datasets import load_mnist
(x_train, y_train), _ = load_mnist()
x_train = numpy.expand_dims(x_train.astype("float32") / 255, -1)
y_train = keras.utils.to_categorical(y_train, 10)
model = keras.Sequential([
    keras.Input(shape=(28, 28, 1)),
    layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Flatten(),
    layers.Dropout(0.5),
    layers.Dense(10, activation="softmax"),
])
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=128, epochs=12, validation_split=0.1, verbose=0)
"""
# A small process between, because Linux counts into a child's peak what the process that started it
# had in use by then: `ru_maxrss` survives execve(2).
LAUNCH = """\
import os, sys, time
start = time.perf_counter()
pid = os.posix_spawn(sys.executable, [sys.executable, "-c", sys.argv[1]], os.environ)
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
RSS_MIB = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, kilobytes on Linux

Job = Callable[[], object]
Run = Callable[[np.ndarray], object]
# A figure for each round, ours and the yardstick's; none where that is not installed.
Result = tuple[list[float], list[float]]


class Line(NamedTuple):
    """A line of the table: what is measured, against what, and the greatest ratio that will do.

    `prepare` gives both sides: jobs to be timed, code to be run in new processes, or figures.
    """

    what: str
    yardstick: str
    target: float | None
    prepare: Callable[[], tuple[Any, Any]]
    unit: str = "s"
    is_training: bool = False

    def measure(self, rounds: int) -> Result:
        """Return the figures of so many rounds."""
        ours, theirs = self.prepare()
        if isinstance(ours, str):
            runs = run_in_turn(ours, theirs, rounds=rounds)
            return tuple(each[1 if self.unit == "MiB" else 0].tolist() for each in runs)
        return compare(ours, theirs, rounds) if callable(ours) else (ours, theirs)


def compare(ours: Job, theirs: Job, rounds: int) -> Result:
    """Time two jobs once a round, after some that are not counted; short ones in a loop."""
    jobs, times = (ours, theirs), ([], [])
    loops = [timeit.Timer(job).autorange()[0] for job in jobs]
    for number in range(rounds):
        # Every other round backwards: neither always follows the other.
        for which in (0, 1)[:: -1 if number % 2 else 1]:
            time.sleep(PAUSE_SECONDS)
            times[which].append(timeit.timeit(jobs[which], number=loops[which]) / loops[which])
    return times


def run_once(code: str) -> tuple[float, float]:
    """Run code in a fresh process of this environment; return its seconds, and its peak in MiB.

    An installed package is compiled once, by pip; a checkout may not be, where
    `PYTHONDONTWRITEBYTECODE` is set. So all modules are kept compiled in a folder of their own.
    """
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "bytecode")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", LAUNCH, code]
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=variables)  # noqa: S603
    if done.returncode:
        sys.exit(f"The process failed:\n{code}\n{done.stderr}")
    taken, peak = done.stderr.splitlines()[-1].split()
    return float(taken), float(peak) / RSS_MIB


@functools.cache
def run_in_turn(*codes: str, rounds: int) -> list[np.ndarray]:
    """Run each code in fresh processes, after one round that is not counted: (2, rounds) each."""
    counted = [[run_once(code) for code in codes] for _ in range(rounds + 1)][1:]
    return [np.array(runs).T for runs in zip(*counted, strict=True)]


def mnist() -> np.ndarray:
    """Return 10,000 of MNIST's images, or nearly so: a whole number of chunks."""
    return datasets.load_mnist()[1][0][: 39 * CHUNK_SIZE]


@functools.cache
def phone_jpeg(size: tuple[int, int], num_digits: int) -> bytes:
    """Draw a photo as a phone takes it: digits in ink on paper, unevenly lit, with grain."""
    width, height = size
    side = min(1024, 3 * width // 4 // num_digits)
    ink = Image.fromarray(np.hstack(draw_digits(num_digits, seed=4, side=side)[0]))
    page = Image.new("L", size)
    page.paste(ink, ((width - ink.width) // 2, (height - ink.height) // 2))
    page = page.filter(ImageFilter.GaussianBlur(width / 1333))
    rng = np.random.default_rng(0)
    light = 225 * np.outer(np.linspace(0.85, 1, height), np.linspace(0.8, 1, width))
    grey = light * (1 - 0.75 * np.asarray(page, np.float32) / 255)
    # Paper is never quite grey, and a sensor's grain differs between its colours.
    pixels = grey[..., None] * (1.0, 0.98, 0.93) + rng.normal(0, 2.5, (height, width, 3))
    return _encoded(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), "JPEG", quality=90)


def _encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def decode(content: bytes, reduced: list[int] | None = None) -> None:
    """Decode a picture by Pillow alone, a JPEG at about a size."""
    with Image.open(io.BytesIO(content)) as image:
        if reduced:
            image.draft(None, reduced)
        image.load()


# What else runs the same network.


def keras_model() -> Any:
    """Load the network of `base` in Keras."""
    import keras  # noqa: F401 - tells at once where it is missing

    from digitcnn import load_pretrained

    return load_pretrained("base")


def _bare_run() -> Run:
    import onnxruntime

    path = str(resolve("base", format="onnx"))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"images": batch})


def _in_chunks(run: Run, size: int = CHUNK_SIZE) -> Run:
    return lambda batch: [run(batch[at : at + size]) for at in range(0, len(batch), size)]


def in_best_chunks(run: Run) -> Run:
    """Return what runs batches in parts of the size that takes the shortest."""
    batch = preprocess(mnist())
    run(batch[:CHUNK_SIZE])
    runs = [_in_chunks(run, size) for size in (64, 128, 256, 512, 1024)]
    return min(runs, key=lambda each: timeit.timeit(partial(each, batch), number=1))


def _openvino_run() -> Run:
    import openvino

    # As exact as the others; its own choice may be bfloat16.
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    path = str(resolve("base", format="onnx"))
    request = openvino.Core().compile_model(path, "CPU", hints).create_infer_request()
    return _in_chunks(lambda batch: request.infer({0: batch}, share_inputs=True)[0])


def _litert_run() -> Run:
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


# The jobs of a line, ours and the yardstick's.


def beside(images: np.ndarray, run: Run) -> tuple[Job, Job]:
    """Classify images, beside running the batch that they make."""
    return partial(DigitClassifier().predict, images), partial(run, preprocess(images))


def per_image(read: Read) -> Result:
    """Classify images and have a few of them read by another program: seconds for each."""
    # As those programs want it: dark on white, with a margin, larger.
    large = (Image.fromarray(255 - each).resize((112, 112), BICUBIC) for each in mnist()[:200])
    pages = [ImageOps.expand(each, 32, fill=255).convert("RGB") for each in large]
    read(pages[0])
    classify = partial(DigitClassifier().predict, mnist())
    classify()
    ours = timeit.timeit(classify, number=1) / len(mnist())
    return [ours], [timeit.timeit(partial(read, page), number=1) for page in pages]


def reading(yardstick: Callable[[bytes], object], size: tuple[int, int]) -> tuple[Job, Job]:
    """Read the photo of a number, beside what else is done with it."""
    content = phone_jpeg(size, 5)
    return partial(DigitReader().read, content), partial(yardstick, content)


def _keras_start() -> tuple[str, str]:
    importlib.metadata.version("keras")
    return DIGITCNN, KERAS


def stranger(open_reader: Callable[..., Read]) -> tuple[Job, Job]:
    """Read the photo of a number, beside another program."""
    read = open_reader(whole=True)
    return reading(lambda content: read(Image.open(io.BytesIO(content))), PHOTO_SIZE)


def jpeg() -> tuple[Job, Job]:
    """Read a digit's photo, beside decoding it in colour: ink may stand out by its colour alone."""
    content = phone_jpeg(JPEG_SIZE, 1)
    size = [side // 8 for side in JPEG_SIZE]  # as it is looked at first: 512 pixels at most
    return partial(DigitClassifier().predict, content), partial(decode, content, size)


def _canvases() -> tuple[Job, Job]:
    drawn, _ = draw_digits(1000, seed=5, side=CANVAS_SIDE)
    images = (Image.fromarray(255 - digit).convert("RGBA") for digit in drawn)
    contents = [_encoded(image, "PNG") for image in images]
    return partial(DigitClassifier().predict, contents), lambda: [*map(decode, contents)]


def request(picture: bytes) -> Result:
    """Measure requests to the service, beside the call that it makes."""
    import service

    importlib.metadata.version("fastapi")
    return service.processor_times(picture, 7)


def _growth() -> tuple[Job, Job]:
    classify = DigitClassifier().predict
    digits = np.rint(preprocess(draw_digits(100, seed=0)[0])[..., 0] * 255).astype(np.uint8)
    small, large = np.tile(digits, (100, 1, 1)), np.tile(digits, (1000, 1, 1))
    return partial(classify, large), partial(classify, small)


def time_step(name: str) -> float:
    """Train for two epochs; return the median time of a step of the second."""
    if name == "keras":
        # As Keras comes by itself: another line may have set it for this process, too.
        os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
    import keras
    from recipes import step_watch

    from digitcnn import build_model, train

    (images, labels), _ = datasets.load_mnist()
    images, labels = images[:STEP_IMAGES], labels[:STEP_IMAGES]
    base, (watch, ends) = RECIPES["base"], step_watch()
    options = {"epochs": 2, "verbose": 0, "callbacks": [watch]}
    if name == "keras":
        model = build_model("base")
        model.compile(optimizer="adamw", loss="categorical_crossentropy", metrics=["accuracy"])
        batch = (images / np.float32(255))[..., None]
        targets = keras.utils.to_categorical(labels, 10)
        model.fit(batch, targets, batch_size=base.batch_size, **options)
    else:
        bare = {"augmentation": None, "drawn_digits": 0, "drawn_nondigits": 0, "damaged": 0}
        recipe = dataclasses.replace(base, **(bare if name == "plain" else {}))
        with kept_memory():  # as `digitcnn train` has it
            train(images, labels, recipe=recipe, validation_size=0, **options)
    return statistics.median(np.diff(ends))


@functools.cache
def steps() -> dict[str, list[float]]:
    """Time a step of `base`, of it without what makes its images, and of stock Keras, in turn."""
    times: dict[str, list[float]] = {"base": [], "plain": [], "keras": []}
    # A process for each, because what one leaves behind in memory can slow the next.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as processes:
        for number in range(SEEDS):
            for name in list(times)[:: -1 if number % 2 else 1]:
                times[name].append(processes.submit(time_step, name).result())
    return times


@functools.cache
def fast() -> Result:
    """Train `fast` from nothing in fresh processes; return the seconds and the errors in 100."""
    from digitcnn import evaluate

    times, errors = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(SEEDS):
            path = str(Path(folder) / str(seed))
            times.append(run_once(FAST.format(seed=seed, path=path))[0])
            errors.append(100 * (1 - evaluate(path, *datasets.load_mnist()[1]).accuracy))
    return times, errors


FIRST, SAME = "first answer: new process, one PNG, to printed digit", "Keras, the same network"
BARE_START = "bare `import numpy, PIL.Image, onnxruntime`, open session, run once"
ONE, MANY = "one 28 x 28 array, warm", "10,000 MNIST arrays"
EACH, CALL = f"{MANY}, per image", "`predict_proba(bytes)`"
ANSWER, FULL = "first answer of `read`", "detection and recognition"
REQUEST = "a request to the service, {}: processor time"
STOCK = "the same network and batch, stock Keras `fit` in float32"
CLAIMED = '`recipe="fast"`: images of MNIST\'s test set misread, mean of five seeds'
LINES = {
    "import": Line(
        "`import digitcnn`", "`import numpy`", 1.3, lambda: ("import digitcnn", "import numpy")
    ),
    "first-answer-bare": Line(
        FIRST,
        BARE_START,
        1.3,
        lambda: (DIGITCNN, BARE.format(network=str(resolve("base", format="onnx")))),
    ),
    "first-answer-keras": Line(FIRST, SAME, 1 / 20, _keras_start),
    "first-answer-memory": Line(f"{FIRST}: peak memory", SAME, 1 / 5, _keras_start, "MiB"),
    "one-array-bare": Line(
        ONE,
        "`InferenceSession.run` on the ready batch of one",
        2,
        lambda: beside(mnist()[0], _bare_run()),
    ),
    "one-array-keras": Line(
        ONE,
        "Keras `predict` on the ready batch",
        1 / 50,
        lambda: beside(mnist()[0], partial(keras_model().predict, verbose=0)),
    ),
    "many-arrays-bare": Line(
        MANY,
        "`InferenceSession.run` on ready batches, best chunk size",
        1.15,
        lambda: beside(mnist(), in_best_chunks(_bare_run())),
    ),
    "many-arrays-keras": Line(
        MANY,
        "Keras `predict(batch_size=512)` on the same network",
        2 / 3,
        lambda: beside(mnist(), partial(keras_model().predict, batch_size=512, verbose=0)),
    ),
    "many-arrays-openvino": Line(
        MANY, "OpenVINO on ready float32 batches", None, lambda: beside(mnist(), _openvino_run())
    ),
    "many-arrays-litert": Line(
        MANY, "LiteRT on ready float32 batches", None, lambda: beside(mnist(), _litert_run())
    ),
    "many-arrays-rapidocr": Line(
        EACH, "rapidocr, per image", None, lambda: per_image(rapidocr(whole=False))
    ),
    "many-arrays-tesseract": Line(
        EACH, "tesseract, per image", None, lambda: per_image(tesseract(whole=False))
    ),
    "jpeg": Line("12-megapixel phone JPEG", "Pillow decoding it, colour, reduced", 1.5, jpeg),
    "canvas": Line("1,000 canvas PNGs of 280 x 280", "Pillow decoding them", 2.5, _canvases),
    "read-photo": Line(  # the time that a person does not notice
        "`read`, a 640 x 480 photo of a number",
        "60 ms",
        1,
        lambda: reading(lambda _: time.sleep(0.06), PHOTO_SIZE),
    ),
    "read-rapidocr": Line(
        "`read`, the same photo", f"rapidocr, {FULL}", 1 / 10, lambda: stranger(rapidocr)
    ),
    "read-tesseract": Line(
        "`read`, the same photo", f"tesseract, {FULL}", None, lambda: stranger(tesseract)
    ),
    "read-jpeg": Line(
        "`read`, a 12-megapixel photo", "Pillow decoding it", 3, lambda: reading(decode, JPEG_SIZE)
    ),
    "read-first": Line(f"{ANSWER}: new process", "of `predict`", 2, lambda: (READING, DIGITCNN)),
    "read-memory": Line(
        f"{ANSWER}: peak memory", "of `predict`", None, lambda: (READING, DIGITCNN), "MiB"
    ),
    "serve-28": Line(
        REQUEST.format("PNG of 28 x 28"),
        CALL,
        2.2,
        lambda: request(_encoded(Image.fromarray(mnist()[0]), "PNG")),
    ),
    "serve-canvas": Line(
        REQUEST.format("canvas"), CALL, 1.5, lambda: request(Path(PICTURE).read_bytes())
    ),
    "serve-photo": Line(
        REQUEST.format("photo"),
        CALL,
        1.2,
        lambda: request(_encoded(Image.open(PHOTO).resize(PHOTO_SIZE), "JPEG", quality=90)),
    ),
    "growth": Line("growth: 100,000 arrays", "10,000 of them", 10.5, _growth),
    "memory": Line(
        "peak memory of an iterator of 1,000,000",
        "of one of 10,000",
        1.05,
        lambda: [[run_once(STREAM.format(count=count))[1]] for count in (1_000_000, 10_000)],
        "MiB",
    ),
    "base-epoch": Line(
        "`base` training, a step of 128 images",
        STOCK,
        1,
        lambda: (steps()["base"], steps()["keras"]),
        is_training=True,
    ),
    "plain-epoch": Line(
        "the same without augmentation and drawings",
        STOCK,
        1,
        lambda: (steps()["plain"], steps()["keras"]),
        is_training=True,
    ),
    "fast": Line(
        '`recipe="fast"`: from nothing to a trained network, five seeds',
        "Keras' own MNIST convnet example (12 epochs, batch 128)",
        1 / 10,
        lambda: (fast()[0], [run_once(CONVNET)[0] for _ in range(2)]),
        is_training=True,
    ),
    "fast-errors": Line(
        CLAIMED, "one in a hundred", 1, lambda: ([statistics.mean(fast()[1])], [1.0]), "%", True
    ),
}


def row(line: Line, ours: list[float], theirs: list[float]) -> tuple[str, ...]:
    """Write one line of the table."""
    target = "-" if line.target is None else f"<= {_ratio(line.target)}"
    if not theirs:
        return line.what, line.yardstick, "-", "-", "-", target, "not installed"
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=False)]
    if len(ours) != len(theirs):  # the rounds do not pair
        ratios = [statistics.mean(ours) / statistics.mean(theirs)]
    low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75)).tolist()
    spread = f" ({_ratio(low)} to {_ratio(high)})" if len(ratios) > 1 else ""
    verdict = "reported" if line.target is None else "met" if middle <= line.target else "not met"
    figures = (_figure(statistics.median(each), line.unit) for each in (ours, theirs))
    return line.what, line.yardstick, *figures, _ratio(middle) + spread, target, verdict


def _ratio(ratio: float) -> str:
    return f"1/{1 / ratio:.1f}" if ratio < 0.5 else f"{ratio:.2f}"


def _figure(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.{0 if value > 10 else 2}f} {unit}"
    size, name = next(each for each in ((1, "s"), (1e-3, "ms"), (0, "us")) if value >= each[0])
    return f"{value / (size or 1e-6):.3g} {name}"


def cold_start_table(rounds: int = 7) -> str:
    """Measure the time and memory of a first answer, and write them as the README has them."""
    codes = {"digitcnn": DIGITCNN, "keras": KERAS, "python alone": "print()"}
    rows = []
    for name, runs in zip(codes, run_in_turn(*codes.values(), rounds=rounds), strict=True):
        taken, peak = np.median(runs, axis=1)
        rows.append((name, f"{taken:.2f} s", f"{peak:.0f} MiB"))
    command = f"python benchmarks/speed.py --cold-start, median of {rounds}; {versions()}"
    return format_table(("one picture in a new process", "time", "peak memory"), rows, command)


def versions() -> str:
    """Describe the machine and what is installed on it."""
    installed = {each.name.lower(): each.version for each in importlib.metadata.distributions()}
    packages = ("numpy", "pillow", "onnxruntime", "keras", "tensorflow")
    named = [f"{name} {installed[name]}" for name in packages if name in installed]
    return ", ".join([machine(), f"Python {platform.python_version()}", *named])


def main() -> int:
    """Measure and print."""
    parser = begin_options(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(LINES))
    parser.add_argument("--rounds", type=int, default=9, help="few give rough figures")
    parser.add_argument("--training", action="store_true", help="the lines of training, too")
    parser.add_argument("--cold-start", action="store_true", help="only what the README has")
    arguments = parser.parse_args()
    if arguments.cold_start:
        print(cold_start_table())
        return 0
    if unknown := set(arguments.names) - set(LINES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(LINES)}")
    everything = [name for name in LINES if arguments.training or not LINES[name].is_training]
    rows = {}
    for name in arguments.names or everything:
        try:
            result = LINES[name].measure(arguments.rounds)
        except ImportError:
            result = ([], [])
        rows[name] = row(LINES[name], *result)
        print(f"{name:22}", *rows[name][2:], sep="  ", flush=True)
    head = ("what", "yardstick", "ours", "yardstick's", "ratio (quartiles)", "target", "verdict")
    words = [*arguments.names, *(["--training"] if arguments.training else [])]
    command = " ".join(["python benchmarks/speed.py", *words])
    for table, is_training in (("speed", False), ("training speed", True)):
        chosen = [rows[name] for name in rows if LINES[name].is_training == is_training]
        if arguments.page and chosen:
            show(format_table(head, chosen, f"{command}, on {versions()}"), arguments.page, table)
    return int(any(each[-1] == "not met" for each in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
