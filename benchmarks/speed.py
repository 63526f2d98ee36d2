"""Measure the library's speed against what a user would otherwise do.

    python benchmarks/speed.py [NAME...] [--quick] [--training] [--page docs/performance.md]

Each line is timed against its yardstick in turn, so that a busy machine slows both; the ratio is
the median of the rounds' ratios, with their quartiles. The lines of training take minutes each and
are left out unless named or asked for by `--training`. Exit status 1 where a target is not met.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import io
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Before anything loads them: silence from TensorFlow, no telemetry from ONNX Runtime.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
from PIL import Image, ImageFilter

from digitcnn import DigitClassifier, datasets, preprocess
from digitcnn.synthesis import draw_digits
from digitcnn.weights import resolve

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]
import engines  # noqa: E402 - where to find them is said above
import service  # noqa: E402
import training_speed  # noqa: E402
from fresh import Run, run_in_turn, run_once  # noqa: E402
from pages import fill_place, format_table  # noqa: E402

# A single run of a job that takes less than this is timed as a loop of many.
LEAST_SECONDS = 0.05
# After a run, ONNX Runtime's threads by default stay awake on a CPU that the next job may need.
PAUSE_SECONDS = 0.1
JPEG_SIZE, CANVAS_SIDE = (4000, 3000), 280
# The scale at which pictures are first looked at: the longer side is at most this many pixels.
WORKING_SIDE = 512
PICTURE = str(ROOT / "examples" / "zero-canvas.png")

DIGITCNN = f"from digitcnn import predict\nprint(predict({PICTURE!r}))"
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


@dataclass(frozen=True)
class Result:
    """A figure for each round, ours and the yardstick's; none where that is not installed."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Return ours / theirs of each round, or of the means where the rounds do not pair."""
        if len(self.ours) != len(self.theirs):
            return [statistics.mean(self.ours) / statistics.mean(self.theirs)]
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]


@dataclass(frozen=True)
class Line:
    """A line of the table: what is measured, against what, and the greatest ratio that will do."""

    what: str
    yardstick: str
    target: float | None
    measure: Callable[[bool], Result]
    unit: str = "s"
    is_training: bool = False


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time each job once a round, after one round that is not counted; short ones in a loop."""
    loops = {}
    for name, job in jobs.items():
        job()
        loops[name] = max(1, math.ceil(LEAST_SECONDS / max(_seconds(job), 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds):
        # Every other round backwards: no job always follows the same one.
        for name in list(jobs)[:: -1 if number % 2 else 1]:
            time.sleep(PAUSE_SECONDS)
            times[name].append(_seconds(jobs[name], loops[name]))
    return times


def _seconds(job: Callable[[], object], loops: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        job()
    return (time.perf_counter() - start) / loops


def _compare(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Result:
    return Result(*in_turn({"ours": ours, "theirs": theirs}, rounds).values())


@functools.cache
def _fresh(theirs: str, ours: str = DIGITCNN, rounds: int = 15) -> list[list[Run]]:
    return run_in_turn(ours, theirs, rounds=rounds)


def _seconds_of(runs: list[list[Run]]) -> Result:
    return Result(*([run.seconds for run in each] for each in runs))


def importing(quick: bool) -> Result:
    """Measure what the package's import costs."""
    return _seconds_of(_fresh("import numpy", "import digitcnn", 3 if quick else 15))


def first_answer(quick: bool) -> Result:
    """Measure the first answer against the least that any program with this network does."""
    bare = BARE.format(network=str(resolve("base", format="onnx")))
    return _seconds_of(_fresh(bare, rounds=3 if quick else 15))


def first_answer_keras(quick: bool) -> Result:
    """Measure the first answer against Keras."""
    importlib.metadata.version("keras")
    return _seconds_of(_fresh(KERAS, rounds=2 if quick else 7))


def first_memory(quick: bool) -> Result:
    """Measure the memory that the first answer takes against Keras."""
    importlib.metadata.version("keras")
    runs = _fresh(KERAS, rounds=2 if quick else 7)
    return Result(*([run.peak_mib for run in each] for each in runs))


def one_array(quick: bool) -> Result:
    """Measure one array at a time against the bare session."""
    image, classifier, session = mnist(quick)[0], DigitClassifier(), engines.bare_session()
    batch = preprocess(image)
    return _compare(
        lambda: classifier.predict(image),
        lambda: session.run(None, {"images": batch}),
        6 if quick else 22,
    )


def one_array_keras(quick: bool) -> Result:
    """Measure one array at a time against Keras."""
    image, classifier, model = mnist(quick)[0], DigitClassifier(), engines.keras_model()
    batch = preprocess(image)
    return _compare(
        lambda: classifier.predict(image),
        lambda: model.predict(batch, verbose=0),
        3 if quick else 11,
    )


def many_arrays(run: Callable[[np.ndarray], object], quick: bool) -> Result:
    """Measure all arrays at once against another engine on the ready batch."""
    images, classifier = mnist(quick), DigitClassifier()
    batch = preprocess(images)
    return _compare(lambda: classifier.predict(images), lambda: run(batch), 3 if quick else 11)


def strangers(open_reader: Callable[[], Callable[[Image.Image], object]], quick: bool) -> Result:
    """Measure another program that reads digits, on a few images, per image."""
    read, images, classifier = open_reader(), mnist(quick), DigitClassifier()
    pages = [engines.as_page(image) for image in images[: 20 if quick else 200]]
    read(pages[0])
    classifier.predict(images)
    theirs = [_seconds(functools.partial(read, page)) for page in pages]
    return Result([_seconds(lambda: classifier.predict(images)) / len(images)] * 3, theirs)


def jpeg(quick: bool) -> Result:
    """Measure a phone's photo against Pillow's decoding."""
    content, classifier = phone_jpeg(), DigitClassifier()
    factor = -(-max(JPEG_SIZE) // WORKING_SIDE)

    def decode() -> None:
        with Image.open(io.BytesIO(content)) as image:
            # In colour, as the library has to: ink may stand out by its colour alone.
            image.draft(None, (JPEG_SIZE[0] // factor, JPEG_SIZE[1] // factor))
            image.load()

    return _compare(lambda: classifier.predict(content), decode, 3 if quick else 9)


def canvases(quick: bool) -> Result:
    """Measure what web pages' canvases give against Pillow's decoding."""
    drawn, _ = draw_digits(100 if quick else 1000, seed=5, side=CANVAS_SIDE)
    images = (Image.fromarray(255 - digit).convert("RGBA") for digit in drawn)
    contents, classifier = [_encoded(image, "PNG") for image in images], DigitClassifier()

    def decode() -> None:
        for content in contents:
            with Image.open(io.BytesIO(content)) as image:
                image.load()

    return _compare(lambda: classifier.predict(contents), decode, 3 if quick else 9)


def growth(quick: bool) -> Result:
    """Compare ten times as many images with once as many."""
    classifier = DigitClassifier()
    digits = np.rint(preprocess(draw_digits(100, seed=0)[0])[..., 0] * 255).astype(np.uint8)
    small = np.tile(digits, (10 if quick else 100, 1, 1))
    large = np.tile(small, (10, 1, 1))
    return _compare(lambda: classifier.predict(large), lambda: classifier.predict(small), 3)


def memory(quick: bool) -> Result:
    """Compare what a long iterator takes with what a short one does."""
    counts = (20_000 if quick else 1_000_000, 10_000)
    return Result(*([run_once(STREAM.format(count=count)).peak_mib] for count in counts))


def request(kind: str, quick: bool) -> Result:
    """Measure a request to the service against the call that it makes."""
    importlib.metadata.version("fastapi")
    small = _encoded(Image.fromarray(mnist(quick=True)[0]), "PNG")
    photo = Image.open(ROOT / "examples" / "seven-on-paper.jpg").resize((640, 480))
    pictures = {
        "28": small,
        "canvas": Path(PICTURE).read_bytes(),
        "photo": _encoded(photo, "JPEG", quality=90),
    }
    return Result(*service.processor_times(pictures[kind], 3 if quick else 7))


def training_step(name: str, quick: bool) -> Result:
    """Compare a step of training with stock Keras'."""
    importlib.metadata.version("keras")
    times = training_speed.steps(1 if quick else 5)
    return Result(times[name], times["keras"])


def fast(quick: bool) -> Result:
    """Compare a whole training of `fast` with one of Keras' own example."""
    importlib.metadata.version("keras")
    ours, _ = training_speed.fast(1 if quick else 5)
    return Result(ours, [run_once(training_speed.CONVNET).seconds for _ in range(2)])


def fast_errors(quick: bool) -> Result:
    """Count what `fast` misreads."""
    importlib.metadata.version("keras")
    return Result([statistics.mean(training_speed.fast(1 if quick else 5)[1])], [1.0])


def mnist(quick: bool) -> np.ndarray:
    """Return 10,000 of MNIST's images, or fewer: a whole number of chunks of 256."""
    return datasets.load_mnist()[1][0][: 2048 if quick else 9984]


def phone_jpeg() -> bytes:
    """Draw a photo as a phone takes it: a digit in ink on paper, unevenly lit, with grain."""
    width, height = JPEG_SIZE
    ink = Image.fromarray(draw_digits(1, seed=4, side=1024)[0][0])
    page = Image.new("L", JPEG_SIZE)
    page.paste(ink, ((width - ink.width) // 2, (height - ink.height) // 2))
    page = page.filter(ImageFilter.GaussianBlur(3))
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


FIRST = "first answer: new process, one PNG, to printed digit"
MANY, ONE = "10,000 MNIST arrays", "one 28 x 28 array, warm"
STOCK = "the same network and batch, stock Keras `fit` in float32"
LINES: dict[str, Line] = {
    "import": Line("`import digitcnn`", "`import numpy`", 1.3, importing),
    "first-answer-bare": Line(
        FIRST,
        "bare `import numpy, PIL.Image, onnxruntime`, open session, run once",
        1.3,
        first_answer,
    ),
    "first-answer-keras": Line(FIRST, "Keras, the same network", 1 / 20, first_answer_keras),
    "first-answer-memory": Line(
        f"{FIRST}: peak memory", "Keras, the same network", 1 / 5, first_memory, unit="MiB"
    ),
    "one-array-bare": Line(ONE, "`InferenceSession.run` on the ready batch of one", 2, one_array),
    "one-array-keras": Line(ONE, "Keras `predict` on the ready batch", 1 / 50, one_array_keras),
    **{
        f"many-arrays-{name}": Line(
            MANY, yardstick, target, lambda quick, run=run: many_arrays(run(), quick)
        )
        for name, (yardstick, target, run) in engines.ENGINES.items()
    },
    **{
        f"many-arrays-{name}": Line(
            f"{MANY}, per image",
            f"{name}, per image",
            None,
            lambda quick, read=read: strangers(read, quick),
        )
        for name, read in engines.READERS.items()
    },
    "jpeg": Line("12-megapixel phone JPEG", "Pillow decoding it, colour, reduced", 1.5, jpeg),
    "canvas": Line("1,000 canvas PNGs of 280 x 280", "Pillow decoding them", 2.5, canvases),
    **{
        f"serve-{kind}": Line(
            f"a request to the service, {what}: processor time",
            "`predict_proba(bytes)`",
            target,
            lambda quick, kind=kind: request(kind, quick),
        )
        for kind, (what, target) in service.TARGETS.items()
    },
    "growth": Line("growth: 100,000 arrays", "10,000 of them", 10.5, growth),
    "memory": Line(
        "peak memory of an iterator of 1,000,000", "of one of 10,000", 1.05, memory, unit="MiB"
    ),
    "base-epoch": Line(
        "`base` training, a step of 128 images",
        STOCK,
        1,
        functools.partial(training_step, "base"),
        is_training=True,
    ),
    "plain-epoch": Line(
        "the same without augmentation and drawings",
        STOCK,
        1,
        functools.partial(training_step, "plain"),
        is_training=True,
    ),
    "fast": Line(
        '`recipe="fast"`: from nothing to a trained network, five seeds',
        "Keras' own MNIST convnet example (12 epochs, batch 128)",
        1 / 10,
        fast,
        is_training=True,
    ),
    "fast-errors": Line(
        '`recipe="fast"`: images of MNIST\'s test set misread, mean of five seeds',
        "one in a hundred",
        1,
        fast_errors,
        unit="%",
        is_training=True,
    ),
}


def row(line: Line, result: Result) -> tuple[str, ...]:
    """Write one line of the table."""
    target = "-" if line.target is None else f"<= {_ratio(line.target)}"
    if not result.theirs:
        return line.what, line.yardstick, "-", "-", "-", target, "not installed"
    middle = statistics.median(result.ratios)
    spread = ""
    if len(result.ratios) > 1:
        low, _, high = statistics.quantiles(result.ratios, n=4, method="inclusive")
        spread = f" ({_ratio(low)} to {_ratio(high)})"
    verdict = "reported" if line.target is None else "met" if middle <= line.target else "not met"
    ours, theirs = (_figure(statistics.median(e), line.unit) for e in (result.ours, result.theirs))
    return line.what, line.yardstick, ours, theirs, _ratio(middle) + spread, target, verdict


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
    runs = run_in_turn(*codes.values(), rounds=rounds)
    rows = [
        (
            name,
            f"{statistics.median(run.seconds for run in each):.2f} s",
            f"{statistics.median(run.peak_mib for run in each):.0f} MiB",
        )
        for name, each in zip(codes, runs, strict=True)
    ]
    command = f"python benchmarks/speed.py --cold-start, median of {rounds}; {machine()}"
    return format_table(("one picture in a new process", "time", "peak memory"), rows, command)


def machine() -> str:
    """Describe the machine by what bears on speed, and by nothing that names it."""
    parts = [platform.machine(), f"{os.cpu_count()} CPUs", f"Python {platform.python_version()}"]
    for package in ("numpy", "pillow", "onnxruntime", "keras", "tensorflow"):
        try:
            parts.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(parts)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(LINES))
    parser.add_argument("--quick", action="store_true", help="few rounds and images: rough figures")
    parser.add_argument("--training", action="store_true", help="the lines of training, too")
    parser.add_argument("--cold-start", action="store_true", help="only what the README has")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    arguments = parser.parse_args()
    if arguments.cold_start:
        print(cold_start_table())
        return 0
    if unknown := set(arguments.names) - set(LINES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(LINES)}")
    everything = [name for name in LINES if arguments.training or not LINES[name].is_training]
    rows = []
    for name in arguments.names or everything:
        try:
            result = LINES[name].measure(arguments.quick)
        except ImportError:
            result = Result()
        rows.append(row(LINES[name], result))
        print(f"{name:22}", *rows[-1][2:], sep="  ", flush=True)
    head = ("what", "yardstick", "ours", "yardstick's", "ratio (quartiles)", "target", "verdict")
    words = [*arguments.names, *(["--training"] if arguments.training else [])]
    words += ["--quick"] if arguments.quick else []
    command = f"python benchmarks/speed.py {' '.join(words)}".strip()
    text = format_table(head, rows, f"{command}, on {machine()}")
    if arguments.page:
        fill_place(arguments.page, "speed", text)
    return int(any(row[-1] == "not met" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
