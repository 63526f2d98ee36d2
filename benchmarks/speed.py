"""Measure the library's speed against what a user would otherwise do.

    python benchmarks/speed.py [NAME...] [--quick] [--training] [--page docs/performance.md]

Each line is timed against its yardstick in turn, so that a busy machine slows both; the ratio is
the median of the rounds' ratios, with their quartiles. The lines of training take minutes each and
are left out unless named or asked for by `--training`. Exit status 1 where a target is not met.
"""

from __future__ import annotations

import functools
import importlib.metadata
import io
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

# Before anything loads them: silence from TensorFlow, no telemetry from ONNX Runtime.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import engines
import numpy as np
from checkout import ROOT
from fresh import Run, run_in_turn, run_once
from PIL import Image, ImageFilter
from reporting import begin_options, format_table, show

from digitcnn import DigitClassifier, DigitReader, datasets, preprocess
from digitcnn.synthesis import draw_digits
from digitcnn.weights import resolve

# A single run of a job that takes less than this is timed as a loop of many.
LEAST_SECONDS = 0.05
# After a run, ONNX Runtime's threads by default stay awake on a CPU that the next job may need.
PAUSE_SECONDS = 0.1
JPEG_SIZE, CANVAS_SIDE = (4000, 3000), 280
# The scale at which pictures are first looked at: the longer side is at most this many pixels.
WORKING_SIDE = 512
NUMBER = str(ROOT / "examples" / "numbers" / "cheque-amount.jpg")
PICTURE = str(ROOT / "examples" / "zero-canvas.png")

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

Job = Callable[[], object]


class Result(NamedTuple):
    """A figure for each round, ours and the yardstick's; none where that is not installed."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        """Return ours / theirs of each round, or of the means where the rounds do not pair."""
        if len(self.ours) != len(self.theirs):
            return [statistics.mean(self.ours) / statistics.mean(self.theirs)]
        return [ours / theirs for ours, theirs in zip(*self, strict=True)]


@dataclass(frozen=True)
class Line:
    """A line of the table: what is measured, against what, and the greatest ratio that will do."""

    what: str
    yardstick: str
    target: float | None
    measure: Callable[[bool], Result]  # with few rounds, or with many
    unit: str = "s"
    is_training: bool = False


def _compare(ours: Job, theirs: Job, rounds: int) -> Result:
    """Time two jobs once a round, after one round that is not counted; short ones in a loop."""
    jobs, times, loops = (ours, theirs), Result([], []), []
    for job in jobs:
        job()
        loops.append(max(1, math.ceil(LEAST_SECONDS / max(_seconds(job), 1e-7))))
    for number in range(rounds):
        # Every other round backwards: neither always follows the other.
        for which in (0, 1)[:: -1 if number % 2 else 1]:
            time.sleep(PAUSE_SECONDS)
            times[which].append(_seconds(jobs[which], loops[which]))
    return times


def _seconds(job: Job, loops: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        job()
    return (time.perf_counter() - start) / loops


@functools.cache
def _fresh(ours: str, theirs: str, rounds: int) -> list[list[Run]]:
    return run_in_turn(ours, theirs, rounds=rounds)


def _starting(theirs: str, ours: str = DIGITCNN, *, rounds: int, figure: str = "seconds") -> Result:
    """Measure new processes: the time or the memory that each takes."""
    if "load_pretrained" in theirs:
        importlib.metadata.version("keras")
    return Result(
        *([getattr(run, figure) for run in each] for each in _fresh(ours, theirs, rounds))
    )


def _first_answer(quick: bool) -> Result:
    bare = BARE.format(network=str(resolve("base", format="onnx")))
    return _starting(bare, rounds=3 if quick else 15)


def _one_array(open_run: Callable[[], Callable[[np.ndarray], object]], quick: bool) -> Result:
    image, classifier, run = mnist(quick)[0], DigitClassifier(), open_run()
    batch = preprocess(image)
    return _compare(lambda: classifier.predict(image), lambda: run(batch), 5 if quick else 21)


def _bare_run() -> Callable[[np.ndarray], object]:
    session = engines.bare_session()
    return lambda batch: session.run(None, {"images": batch})


def _many_arrays(open_run: Callable[[], Callable[[np.ndarray], object]], quick: bool) -> Result:
    images, classifier, run = mnist(quick), DigitClassifier(), open_run()
    batch = preprocess(images)
    return _compare(lambda: classifier.predict(images), lambda: run(batch), 3 if quick else 11)


def _strangers(open_reader: Callable[[], Callable[[Image.Image], object]], quick: bool) -> Result:
    """Measure another program that reads digits, on a few images, per image."""
    read, images, classifier = open_reader(), mnist(quick), DigitClassifier()
    pages = [engines.as_page(image) for image in images[: 20 if quick else 200]]
    read(pages[0])
    classifier.predict(images)
    theirs = [_seconds(partial(read, page)) for page in pages]
    return Result([_seconds(lambda: classifier.predict(images)) / len(images)] * 3, theirs)


def _jpeg(quick: bool) -> Result:
    content, classifier = phone_jpeg(), DigitClassifier()
    # In colour, as the library has to: ink may stand out by its colour alone.
    size = [side // -(-max(JPEG_SIZE) // WORKING_SIDE) for side in JPEG_SIZE]
    decode = partial(_decode, content, size)
    return _compare(lambda: classifier.predict(content), decode, 3 if quick else 9)


def _photo_of_number(quick: bool) -> Result:
    """Measure `read` on a small photo against the time that a person does not notice."""
    content, reader = phone_jpeg((640, 480), 5), DigitReader()
    reader.read(content)
    times = [_seconds(lambda: reader.read(content)) for _ in range(5 if quick else 21)]
    return Result(times, [0.06] * len(times))


def _strangers_number(open_reader: Callable[[], Callable[[Path], str]], quick: bool) -> Result:
    """Measure another program on that photo."""
    content, reader, read = phone_jpeg((640, 480), 5), DigitReader(), open_reader()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "number.jpg"
        path.write_bytes(content)
        reader.read(path)
        read(path)
        return _compare(lambda: reader.read(path), lambda: read(path), 3 if quick else 9)


def _phone_photo_of_number(quick: bool) -> Result:
    content, reader = phone_jpeg(num_digits=5), DigitReader()
    return _compare(lambda: reader.read(content), lambda: _decode(content), 3 if quick else 9)


def _first_reading(quick: bool, figure: str = "seconds") -> Result:
    return _starting(DIGITCNN, READING, rounds=3 if quick else 15, figure=figure)


def _canvases(quick: bool) -> Result:
    drawn, _ = draw_digits(100 if quick else 1000, seed=5, side=CANVAS_SIDE)
    images = (Image.fromarray(255 - digit).convert("RGBA") for digit in drawn)
    contents, classifier = [_encoded(image, "PNG") for image in images], DigitClassifier()
    decode = lambda: [_decode(content) for content in contents]  # noqa: E731
    return _compare(lambda: classifier.predict(contents), decode, 3 if quick else 9)


def _decode(content: bytes, reduced: list[int] | None = None) -> None:
    with Image.open(io.BytesIO(content)) as image:
        if reduced:
            image.draft(None, reduced)
        image.load()


def _growth(quick: bool) -> Result:
    classifier = DigitClassifier()
    digits = np.rint(preprocess(draw_digits(100, seed=0)[0])[..., 0] * 255).astype(np.uint8)
    small = np.tile(digits, (10 if quick else 100, 1, 1))
    large = np.tile(small, (10, 1, 1))
    return _compare(lambda: classifier.predict(large), lambda: classifier.predict(small), 3)


def _memory(quick: bool) -> Result:
    counts = (20_000 if quick else 1_000_000, 10_000)
    return Result(*([run_once(STREAM.format(count=count)).peak_mib] for count in counts))


def _request(kind: str, quick: bool) -> Result:
    """Measure a request to the service against the call that it makes."""
    import service

    importlib.metadata.version("fastapi")
    photo = Image.open(ROOT / "examples" / "seven-on-paper.jpg").resize((640, 480))
    pictures = {
        "28": _encoded(Image.fromarray(mnist(quick=True)[0]), "PNG"),
        "canvas": Path(PICTURE).read_bytes(),
        "photo": _encoded(photo, "JPEG", quality=90),
    }
    return Result(*service.processor_times(pictures[kind], 3 if quick else 7))


def _training_step(name: str, quick: bool) -> Result:
    import training_speed

    times = training_speed.steps(1 if quick else 5)
    return Result(times[name], times["keras"])


def _fast(quick: bool) -> Result:
    import training_speed

    ours, _ = training_speed.fast(1 if quick else 5)
    return Result(ours, [run_once(training_speed.CONVNET).seconds for _ in range(2)])


def _fast_errors(quick: bool) -> Result:
    import training_speed

    return Result([statistics.mean(training_speed.fast(1 if quick else 5)[1])], [1.0])


def mnist(quick: bool) -> np.ndarray:
    """Return 10,000 of MNIST's images, or fewer: a whole number of chunks of 256."""
    return datasets.load_mnist()[1][0][: 2048 if quick else 9984]


def phone_jpeg(size: tuple[int, int] = JPEG_SIZE, num_digits: int = 1) -> bytes:
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


FIRST = "first answer: new process, one PNG, to printed digit"
MANY, ONE = "10,000 MNIST arrays", "one 28 x 28 array, warm"
SAME = "Keras, the same network"
STOCK = "the same network and batch, stock Keras `fit` in float32"
BARE_START = "bare `import numpy, PIL.Image, onnxruntime`, open session, run once"
SENT = {"28": ("PNG of 28 x 28", 2.2), "canvas": ("canvas", 1.5), "photo": ("photo", 1.2)}


def _keras_start(quick: bool, figure: str = "seconds") -> Result:
    return _starting(KERAS, rounds=2 if quick else 7, figure=figure)


def _import(quick: bool) -> Result:
    return _starting("import numpy", "import digitcnn", rounds=3 if quick else 15)


def _keras_run() -> Callable[[np.ndarray], object]:
    return partial(engines.keras_model().predict, verbose=0)


LINES: dict[str, Line] = {
    "import": Line("`import digitcnn`", "`import numpy`", 1.3, _import),
    "first-answer-bare": Line(FIRST, BARE_START, 1.3, _first_answer),
    "first-answer-keras": Line(FIRST, SAME, 1 / 20, _keras_start),
    "first-answer-memory": Line(
        f"{FIRST}: peak memory", SAME, 1 / 5, partial(_keras_start, figure="peak_mib"), "MiB"
    ),
    "one-array-bare": Line(
        ONE, "`InferenceSession.run` on the ready batch of one", 2, partial(_one_array, _bare_run)
    ),
    "one-array-keras": Line(
        ONE, "Keras `predict` on the ready batch", 1 / 50, partial(_one_array, _keras_run)
    ),
    **{
        f"many-arrays-{name}": Line(MANY, yardstick, target, partial(_many_arrays, open_run))
        for name, (yardstick, target, open_run) in engines.ENGINES.items()
    },
    **{
        f"many-arrays-{name}": Line(
            f"{MANY}, per image", f"{name}, per image", None, partial(_strangers, open_reader)
        )
        for name, (open_reader, _) in engines.READERS.items()
    },
    "jpeg": Line("12-megapixel phone JPEG", "Pillow decoding it, colour, reduced", 1.5, _jpeg),
    "canvas": Line("1,000 canvas PNGs of 280 x 280", "Pillow decoding them", 2.5, _canvases),
    "read-photo": Line("`read`, a 640 x 480 photo of a number", "60 ms", 1, _photo_of_number),
    **{
        f"read-{name}": Line(
            "`read`, the same photo",
            f"{name}, detection and recognition",
            1 / 10 if name == "rapidocr" else None,
            partial(_strangers_number, open_reader),
        )
        for name, (_, open_reader) in engines.READERS.items()
    },
    "read-jpeg": Line(
        "`read`, a 12-megapixel photo", "Pillow decoding it", 3, _phone_photo_of_number
    ),
    "read-first": Line("first answer of `read`: new process", "of `predict`", 2, _first_reading),
    "read-memory": Line(
        "first answer of `read`: peak memory",
        *("of `predict`", None, partial(_first_reading, figure="peak_mib"), "MiB"),
    ),
    **{
        f"serve-{kind}": Line(
            f"a request to the service, {what}: processor time",
            "`predict_proba(bytes)`",
            target,
            partial(_request, kind),
        )
        for kind, (what, target) in SENT.items()
    },
    "growth": Line("growth: 100,000 arrays", "10,000 of them", 10.5, _growth),
    "memory": Line(
        "peak memory of an iterator of 1,000,000", "of one of 10,000", 1.05, _memory, "MiB"
    ),
    "base-epoch": Line(
        "`base` training, a step of 128 images",
        STOCK,
        1,
        partial(_training_step, "base"),
        "s",
        True,
    ),
    "plain-epoch": Line(
        "the same without augmentation and drawings",
        *(STOCK, 1, partial(_training_step, "plain"), "s", True),
    ),
    "fast": Line(
        '`recipe="fast"`: from nothing to a trained network, five seeds',
        "Keras' own MNIST convnet example (12 epochs, batch 128)",
        *(1 / 10, _fast, "s", True),
    ),
    "fast-errors": Line(
        '`recipe="fast"`: images of MNIST\'s test set misread, mean of five seeds',
        *("one in a hundred", 1, _fast_errors, "%", True),
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
    ours, theirs = (_figure(statistics.median(each), line.unit) for each in result)
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
    rows = []
    for name, runs in zip(codes, run_in_turn(*codes.values(), rounds=rounds), strict=True):
        seconds, peak = (statistics.median(each) for each in zip(*runs, strict=True))
        rows.append((name, f"{seconds:.2f} s", f"{peak:.0f} MiB"))
    command = f"python benchmarks/speed.py --cold-start, median of {rounds}; {machine()}"
    return format_table(("one picture in a new process", "time", "peak memory"), rows, command)


def machine() -> str:
    """Describe the machine by what bears on speed, and by nothing that names it."""
    parts = [platform.machine(), f"{os.cpu_count()} CPUs", f"Python {platform.python_version()}"]
    installed = {each.name.lower(): each.version for each in importlib.metadata.distributions()}
    packages = ("numpy", "pillow", "onnxruntime", "keras", "tensorflow")
    return ", ".join(
        parts + [f"{name} {installed[name]}" for name in packages if name in installed]
    )


def main() -> int:
    """Measure and print."""
    parser = begin_options(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(LINES))
    parser.add_argument("--quick", action="store_true", help="few rounds and images: rough figures")
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
            result = LINES[name].measure(arguments.quick)
        except ImportError:
            result = Result([], [])
        rows[name] = row(LINES[name], result)
        print(f"{name:22}", *rows[name][2:], sep="  ", flush=True)
    head = ("what", "yardstick", "ours", "yardstick's", "ratio (quartiles)", "target", "verdict")
    words = [*arguments.names, *(["--training"] if arguments.training else [])]
    words += ["--quick"] if arguments.quick else []
    command = f"python benchmarks/speed.py {' '.join(words)}".strip()
    for table, is_training in (("speed", False), ("training speed", True)):
        chosen = [rows[name] for name in rows if LINES[name].is_training == is_training]
        if arguments.page and chosen:
            show(format_table(head, chosen, f"{command}, on {machine()}"), arguments.page, table)
    return int(any(each[-1] == "not met" for each in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
