"""The command: what it prints where, and the status that it ends with."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw, ImageFont
from processes import run_command, run_python, wait_until

import digitcnn
from digitcnn import DigitClassifier, datasets, evaluation, training, weights
from digitcnn.cli import main
from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError
from digitcnn.synthesis import draw_digits

needs_posix = pytest.mark.skipif(os.name != "posix", reason="pipes and signals as on POSIX")
IMAGES, LABELS = draw_digits(3, seed=7)
SEVEN = str(Path(__file__).parents[1] / "examples" / "seven-on-paper.jpg")


@pytest.fixture(scope="module")
def network(network):
    """Return the path of a small network, as an argument."""
    return str(network)


@pytest.fixture
def pictures(tmp_path):
    """Return a folder of pictures `a.png`, `b.PNG` and `c.png`, and of what is none."""
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for image, name in zip(IMAGES, ("c.png", "b.PNG", "a.png"), strict=True):
        Image.fromarray(image).save(folder / name)
    for name in ("notes.txt", ".hidden.png", "inner/deep.png"):
        (folder / name).write_text("no picture")
    return folder


@pytest.fixture
def answers(network, pictures):
    """Return the digit that the network reads in each picture, by path."""
    classifier = DigitClassifier(network)
    return {
        str(pictures / name): classifier.predict(pictures / name)
        for name in ("a.png", "b.PNG", "c.png")
    }


def test_files_and_folders_give_their_digits(network, pictures, answers, capsys):
    """One file gives its digit alone, several name, tab and digit; a folder the pictures in it."""
    path, digit = next(iter(answers.items()))
    lines = [f"{name}\t{answer}\n" for name, answer in answers.items()]
    for words, expected in [
        ([path], f"{digit}\n"),
        ([path, "--min-confidence", "1"], "-1\n"),
        (list(answers)[::-1], "".join(lines[::-1])),
        ([str(pictures)], "".join(lines)),
    ]:
        assert main(["predict", *words, "--weights", network]) == 0
        assert capsys.readouterr() == (expected, "")


def test_standard_input_is_a_picture(network, answers):
    """`-` reads the picture from standard input."""
    path, digit = next(iter(answers.items()))

    done = run_command("predict", "-", "--weights", network, input=Path(path).read_bytes())

    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"{digit}{os.linesep}", b"")


def test_bad_files_are_told_and_the_others_read(network, pictures, answers, capsys):
    """A bad file is one line on standard error and status 1; every good one is answered."""
    good = str(pictures / "a.png")
    (pictures / "empty").mkdir()
    bad = [str(pictures / name) for name in ("notes.txt", "missing.png", "inner", "empty")]

    status = main(["predict", bad[0], good, *bad[1:], "--weights", network])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, f"{good}\t{answers[good]}\n")
    lines = printed.err.splitlines()
    assert [line.split(": ")[2] for line in lines[:2]] == bad[:2]
    assert all(line.startswith("digitcnn: error: ") for line in lines)
    assert len(lines) == 4
    assert "`FILE` must be a picture or a folder that holds some" in lines[-1]


def test_json_is_one_object_a_line(network, answers, capsys):
    """With --json each line is an object of a file; --proba adds the ten probabilities."""
    path = next(iter(answers))
    row = DigitClassifier(network).predict_proba(path)

    status = main(["predict", path, "missing.png", "--weights", network, "--json", "--proba"])

    printed = capsys.readouterr()
    good, bad = map(json.loads, printed.out.splitlines())
    assert status == 1
    assert good == {
        "file": path,
        "digit": answers[path],
        "confidence": pytest.approx(float(row.max()), abs=1e-6),
        "unsure": bool(row.max() < 0.5),
        "probabilities": pytest.approx(row.tolist(), abs=1e-6),
    }
    main(["predict", path, "--weights", network, "--proba"])
    digit, *columns = map(float, capsys.readouterr().out.split("\t"))
    assert (digit, columns) == (answers[path], pytest.approx(row.tolist(), abs=1e-6))
    assert bad.keys() == {"file", "error"}
    assert bad["file"] == "missing.png"
    assert "missing.png" in printed.err


def test_an_unsure_answer_is_told(tmp_path, capsys):
    """Below even odds, standard error and the JSON say so; with --strict the status is 1."""
    letter = Image.new("L", (200, 200), "white")
    ImageDraw.Draw(letter).text((60, 20), "K", 0, ImageFont.load_default(120))
    letter.save(tmp_path / "letter.png")
    words = ["predict", str(tmp_path / "letter.png"), SEVEN]

    plain = main(words), capsys.readouterr()
    strict = main([*words, "--strict", "--json"]), capsys.readouterr()

    assert (plain[0], strict[0]) == (0, 1)
    assert [json.loads(line)["unsure"] for line in strict[1].out.splitlines()] == [True, False]
    for _, printed in (plain, strict):
        assert re.fullmatch(r"digitcnn: unsure: \S+letter.png: .* of \d\d%\n", printed.err)


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self):
        """Say that a person does."""
        return True


def test_long_work_shows_a_person_how_far_it_is(network, pictures, answers, monkeypatch, capsys):
    """Whoever sends the lines elsewhere sees a bar with the time left, gone at the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(digitcnn.cli._console, "_REFRESH_S", 0)

    assert main(["predict", str(pictures), "--weights", network]) == 0

    assert capsys.readouterr().out.count("\n") == len(answers)
    shown = terminal.getvalue().split("\r")
    assert [line.split(",")[0] for line in shown if line.strip()] == ["1 of 3", "2 of 3"]
    assert shown[-2:] == [" " * 60, ""]


@needs_posix
def test_names_may_hold_any_bytes(network, pictures, answers):
    """A name that is no UTF-8 is printed byte for byte; a line break in one is escaped."""
    odd, broken = (
        os.fsencode(pictures) + name
        for name in (b"/\xff\xe9.png", b"/new\nline\xc2\x9b2J\xe2\x80\xa8.png")
    )
    try:
        for name in (odd, broken):
            Path(os.fsdecode(name)).write_bytes((pictures / "a.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    digit = answers[str(pictures / "a.png")]

    done = run_command("predict", odd, broken, odd + b"-none", "--weights", network)

    escaped = broken.replace(b"\n", rb"\x0a").replace(b"\xc2\x9b", rb"\x9b")
    escaped = escaped.replace(b"\xe2\x80\xa8", rb"\u2028")
    assert done.stdout == b"%b\t%d\n%b\t%d\n" % (odd, digit, escaped, digit)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["predict", "missing.png"], "`FILE` must name existing files"),
        (["predict", SEVEN, "--weights", "bse"], "`--weights` must be a published name"),
        (["predict", SEVEN, "--weights", "no/such.onnx"], "`digitcnn weights list` prints"),
        (["evaluate", "--dataset", "mnist_test"], "`--dataset` must be .* mean mnist-test?"),
        (["evaluate", "--dataset", "foo"], "`--dataset` must be .*'foo'. Check the path."),
        (["evaluate", "--dataset", "BROKEN"], "`--dataset` must hold pictures that can be read"),
        (["train", "--images", "foo"], "`--images` must be a folder; got foo"),
        (
            ["train", "--recipe", "bse"],
            r"`--recipe` must be .*, lines; got 'bse'. Did you mean 'base'\?$",
        ),
        (["train", "--epochs", "0"], "`--epochs` must be a whole number"),
        (["train", "--learning-rate", "nan"], "`--learning-rate` must be positive"),
        (["train", "--initial-weights", "foo"], "`--initial-weights` must be a published name"),
        (["plot", "steps"], "`steps` must be followed by a picture"),
        (["plot", "steps", SEVEN, "--output", "a.txt"], "`--output` must end in a form that"),
        (["plot", "steps", SEVEN, "--output", "no/a.png"], "`--output` must be a file that can be"),
        (["plot", "samples", "runs/mine"], "`SUBJECT` must be left out .*'runs/mine'. Name the"),
        (["plot", "curves", "foo"], "`SUBJECT` must be the folder of a finished training"),
        (["plot", "samples", "--count", "0"], "`--count` must be a whole number"),
        (["export", "foo"], "`MODEL` must be a published name"),
        (["export", "base", "--output", "no/such/folder"], "`--output` must lie in a folder"),
        (["weights", "path", "foo"], "`NAME` must be a published name"),
    ],
)
@pytest.mark.usefixtures("mnist_in_little")
def test_errors_name_what_was_typed(command, named, tmp_path, monkeypatch, capsys):
    """An error of the command line names the option to change, not an argument in Python."""
    if command[0] in ("train", "export") or command[:2] == ["plot", "curves"]:
        pytest.importorskip("keras", reason="needs digitcnn[tensorflow]")
    if command[0] == "plot":
        pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")
    monkeypatch.chdir(tmp_path)
    Path("BROKEN/7").mkdir(parents=True)
    Path("BROKEN/7/0.png").touch()

    status = main(command)

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert re.search(named, printed.err)
    assert printed.err.count("\n") == 1 + ("BROKEN" in command)


@needs_posix
@pytest.mark.parametrize(("stream", "ends"), [("closed", (141, 0)), ("/dev/full", (1, 1))])
def test_output_that_nobody_takes_is_no_traceback(network, pictures, stream, ends):
    """A reader that went away ends the command quietly, a full disk is an error in one line."""
    if stream == "closed":
        reader, stream = os.pipe()
        os.close(reader)
    elif not Path(stream).exists():
        pytest.skip("no such device here")
    with open(stream, "wb") as output:  # noqa: PTH123 - a descriptor perhaps
        done = run_command("predict", pictures, "--weights", network, stdout=output)

    assert (done.returncode, done.stderr.count(b"\n")) == ends


def test_closed_streams_change_no_status(network, answers, monkeypatch, capsys):
    """A closed standard stream is no reason to fail, nor to write elsewhere."""
    path = next(iter(answers))
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    statuses = [main(["predict", name, "--weights", network]) for name in (path, "-", "missing")]

    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert (statuses, capsys.readouterr()) == ([0, 1, 1], ("", ""))


@needs_posix
def test_an_interrupt_ends_the_command_quietly(network):
    """Ctrl-C gives status 130 and no traceback."""
    command = [sys.executable, "-m", "digitcnn", "predict", "-", "--weights", network]
    # A shell in whose background the tests run has its children ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        waits_for = Path(f"/proc/{process.pid}/wchan")
        if waits_for.exists():
            wait_until(lambda: "pipe" in waits_for.read_text())  # its standard input's
        else:
            time.sleep(5)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=30)

    assert (process.returncode, printed) == (130, (b"", b""))


def test_without_a_command_the_usage_is_told(capsys):
    """A wrong command line is status 2; a misspelt word is told with the nearest."""
    with pytest.raises(SystemExit, match="2"):
        main([])
    with pytest.raises(SystemExit, match="2"):
        main(["plot", "sampels"])
    assert "got 'sampels'. Did you mean 'samples'?" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["predict", "a.png", "--min-confidence", "1.5"])
    assert "must be a number in 0 to 1; got 1.5" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "--weights=--", "--json"])
    assert "argument --weights: expected one argument" in capsys.readouterr().err


@pytest.fixture
def mnist_in_little(monkeypatch):
    """Let MNIST be a few drawn digits."""
    train, test = draw_digits(40, seed=1), draw_digits(12, seed=2)
    monkeypatch.setattr(datasets, "load_mnist", lambda: (train, test))
    monkeypatch.setattr(
        datasets,
        "train_validation_split",
        lambda images, labels: ((images[:30], labels[:30]), (images[30:], labels[30:])),
    )
    return {"mnist-test": test, "mnist-validation": (train[0][30:], train[1][30:])}


@pytest.mark.parametrize("dataset", ["mnist-test", "mnist-validation"])
def test_evaluate_reports_on_mnist(network, mnist_in_little, dataset, capsys):
    """The report is that of `evaluate` on the part asked for, in words or as JSON."""
    expected = evaluation.evaluate(network, *mnist_in_little[dataset])
    words = ["evaluate", "--weights", network, "--dataset", dataset]

    assert main(words) == 0
    assert capsys.readouterr() == (f"{expected}\n", "")
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == expected.to_dict()


def test_evaluate_reads_a_folder(network, pictures, capsys):
    """Pictures in folders 0 to 9 are measured; one that cannot be read is told and left out."""
    for name, digit in (("a.png", "3"), ("b.PNG", "5"), ("notes.txt", "5")):
        folder = pictures / "labelled" / digit
        folder.mkdir(parents=True, exist_ok=True)
        (folder / Path(name).with_suffix(".png")).write_bytes((pictures / name).read_bytes())

    status = main(
        ["evaluate", "--weights", network, "--dataset", str(pictures / "labelled"), "--json"]
    )

    printed = capsys.readouterr()
    assert status == 1
    assert json.loads(printed.out)["num_images"] == 2
    assert printed.err.count("\n") == 1
    assert "notes.png, left out: " in printed.err


def test_help_ends_with_an_example_and_lists_every_recipe(capsys):
    """The help of each command shows a line that can be typed; --version the version."""
    for command in ("predict", "evaluate", "train", "plot", "export", "weights"):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        text = capsys.readouterr().out
        assert f"\n  digitcnn {command} " in text.partition("example")[2]
        if command == "train":
            listed = text.partition("recipes, with")[2].splitlines()[1:]
            told = {line.split()[0] for line in listed if line}
            assert told == set(training.RECIPES), "name it in _RECIPES of cli/train.py"
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"digitcnn {digitcnn.__version__}\n"


LOADED = """
import sys
from digitcnn.cli import main
status = main(sys.argv[1:])
heavy = ("tensorflow", "keras", "matplotlib", "pooch", "digitcnn.training", "digitcnn.evaluation")
sys.exit(status or ", ".join(name for name in heavy if name in sys.modules) or None)
"""


@pytest.mark.parametrize("options", [["predict"], ["read", "--draw", "drawn.png"]])
def test_reading_and_drawing_load_nothing_more(tmp_path, options):
    """`digitcnn predict` and `read` load neither TensorFlow nor what the other commands need."""
    run_python(LOADED, *options, SEVEN, cwd=tmp_path)


def is_png(path):
    """Recognize a PNG picture that holds more than one colour."""
    with Image.open(path) as picture:
        return picture.format == "PNG" and len(picture.convert("L").histogram()) > 1


@pytest.mark.parametrize(
    "kind",
    ["samples", "predictions", "misclassified", "confusion", "reliability",
     "steps", "augmentation", "features", "filters"],
)  # fmt: skip
@pytest.mark.usefixtures("mnist_in_little")
def test_plots_are_written(network, tmp_path, kind, capsys):
    """Each kind of plot becomes a picture, PNG unless told otherwise, whose name is printed."""
    pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")
    is_of_picture = kind in ("steps", "augmentation", "features", "filters")
    if kind in ("features", "filters"):
        pytest.importorskip("keras", reason="layers are shown with digitcnn[tensorflow]")
    words = [kind, SEVEN] if is_of_picture else [kind, "--weights", network]

    assert main(["plot", *words, "--output", str(tmp_path / kind)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / kind}.png\n"
    assert is_png(tmp_path / f"{kind}.png")


@pytest.fixture
def training_calls(monkeypatch):
    """Let training only write down how it was called."""
    calls = []

    def train(images, labels, **options):
        assert sys.stdout is not None
        calls.append((images, labels, options))
        return SimpleNamespace(
            run_dir=Path(options["run_dir"]), metrics={"validation_accuracy": 0.9951}, history={}
        )

    monkeypatch.setattr(training, "train", train)
    return calls


def test_train_hands_on_what_is_given(training_calls, pictures, monkeypatch, capsys):
    """Options reach `train` under their own names, pictures as paths; the rest is the recipe's."""
    (pictures / "labelled" / "7").mkdir(parents=True)
    path = (pictures / "a.png").rename(pictures / "labelled" / "7" / "a.png")
    options = {"recipe": "conv5x5", "epochs": 2, "batch_size": 64, "seed": 9, "validation_size": 0}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    options |= {"run_dir": "here", "verbose": 0}

    assert main(["train"]) == 0
    assert capsys.readouterr().out == f"validation_accuracy 0.9951\nrun_dir {Path('runs/base')}\n"
    main(["train", *words, "--run-dir=here", "--images", str(pictures / "labelled"), "--quiet"])
    monkeypatch.setattr(sys, "stdout", None)  # Keras writes to one, so that there must be one
    assert main(["train", "--verbose"]) == 0

    plain, (images, labels, given), (*_, talkative) = training_calls
    assert plain == (None, None, {"recipe": "base", "run_dir": str(Path("runs/base"))})
    assert (images, labels.tolist(), given) == ([path], [7], options)
    assert talkative["verbose"] == 1


_INTERRUPTED_SCRIPT = """
import atexit
import signal, sys
import keras
from digitcnn import cli, training
from digitcnn.synthesis import draw_digits

# A shell in whose background the tests run has its children ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)

def train(*_, original=training.train, **options):
    digits = draw_digits(60, seed=1)
    return original(*digits, callbacks=[Interrupt()], verbose=0, **options)

training.train = train
options = ["--recipe", "conv-pool", "--epochs", "4", "--run-dir", sys.argv[1]]
sys.argv = ["digitcnn", "train", *options]
atexit.register(print, "ended slowly")
cli.console()
"""


@needs_posix
def test_ctrl_c_keeps_the_finished_epochs(tmp_path):
    """In its third epoch, a training stops in a line of words, and two epochs are kept."""
    pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_SCRIPT, tmp_path / "run"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 130
    assert "stopped; 2 finished epochs are saved, and the same command goes on" in done.stderr
    assert "Traceback" not in done.stderr
    assert "ended slowly" not in done.stdout
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 3
    pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")
    drawn = tmp_path / "curves.png"
    assert main(["plot", "curves", str(tmp_path / "run"), "--output", str(drawn)]) == 0
    assert drawn.stat().st_size > 0
    # The recipes with an ending have a beginning first, in a folder of its own.
    (tmp_path / "ended" / "beginning").mkdir(parents=True)
    shutil.copy(tmp_path / "run" / "history.csv", tmp_path / "ended" / "beginning")
    assert main(["plot", "curves", str(tmp_path / "ended"), "--output", str(drawn)]) == 0


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (
            InvalidArgumentError(argument="epochs", rule="be few", got=9),
            1,
            "`--epochs` must be few",
        ),
        (OSError("disk full"), 1, "error: disk full"),
        (KeyboardInterrupt(), 130, "the same command goes on from runs/mine"),
    ],
)
def test_a_stopped_training_is_told_in_one_line(monkeypatch, capsys, error, status, told):
    """What stops a training is told as an error, Ctrl-C with the folder to go on from."""

    def train(*_, **__):
        raise error

    monkeypatch.setattr(training, "train", train)

    assert main(["train", "--run-dir", "runs/mine"]) == status
    printed = capsys.readouterr().err
    assert told in printed
    assert printed.strip().count("\n") == 0


def test_tensorflow_is_loaded_in_silence(tmp_path, monkeypatch):
    """A command that needs TensorFlow writes its own words alone on standard error."""
    pytest.importorskip("tensorflow")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    path = tmp_path / "own.weights.h5"

    done = run_command("export", "base", "--format", "h5", "--output", path)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == os.fsencode(f"{path}{os.linesep}")


@pytest.fixture
def published(monkeypatch):
    """Let `broken`, `distant` and `small` be published: damaged, not here, and well."""
    small = replace(
        weights.get_weights("tiny"), name="small", num_parameters=1_234_567,
        metrics={"mnist_test_accuracy": 0.9961}, architecture="conv5x5", date="2026-01-31",
    )  # fmt: skip
    records = [replace(small, name=name, metrics={}) for name in ("broken", "distant")] + [small]

    def verify(record):
        if record.name == "broken":
            raise CorruptFileError("broken.onnx must hold the published bytes")
        if record.name == "distant":
            raise UnavailableError("distant.onnx must be on this machine")

    monkeypatch.setattr(weights, "list_weights", lambda: tuple(records))
    monkeypatch.setattr(weights, "verify", verify)
    monkeypatch.setattr(weights, "fetch_weights", lambda name: {"onnx": Path(f"{name}.onnx")})


@pytest.mark.usefixtures("published")
def test_weights_are_listed_and_verified(capsys):
    """The list has figures and what is here; damage is status 1, absence where it was asked for."""
    assert main(["weights", "list"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split() for row in rows] == [
        ["broken-v1", "conv5x5", "1,234,567", "-", "2026-01-31", "damaged"],
        ["distant-v1", "conv5x5", "1,234,567", "-", "2026-01-31", "no"],
        ["small-v1", "conv5x5", "1,234,567", "99.61%", "2026-01-31", "yes"],
    ]

    assert main(["weights", "verify"]) == 1
    told = "distant-v1: not on this machine\nsmall-v1: ok\n"
    assert capsys.readouterr() == (
        told, "digitcnn: error: broken.onnx must hold the published bytes\n",
    )  # fmt: skip
    assert (main(["weights", "verify", "small"]), main(["weights", "verify", "distant"])) == (0, 1)
    assert capsys.readouterr().err == "digitcnn: error: distant.onnx must be on this machine\n"
    assert main(["weights", "fetch", "small"]) == 0
    assert capsys.readouterr().out == "small.onnx\n"


def test_the_path_of_weights_is_printed(capsys):
    """`path` prints where the file of a format lies; what the package brings along is well."""
    assert main(["weights", "path", "base"]) == 0
    assert main(["weights", "path", "base", "--format", "h5"]) == 0
    paths = [weights.resolve("base", format=form) for form in ("onnx", "h5")]
    assert capsys.readouterr().out == "".join(f"{path}\n" for path in paths)
    assert main(["weights", "verify", "base"]) == 0
    assert capsys.readouterr().out.endswith(": ok\n")


@pytest.mark.mnist
@pytest.mark.usefixtures("mnist")
def test_evaluate_base_reaches_the_published_accuracy(capsys):
    """`digitcnn evaluate --weights base --dataset mnist-test` prints the accuracy of the record."""
    record = weights.get_weights("base")

    assert main(["evaluate", "--weights", "base", "--dataset", "mnist-test", "--json"]) == 0

    measured = json.loads(capsys.readouterr().out)
    assert measured["num_images"] == 10_000
    assert measured["accuracy"] == pytest.approx(record.metrics["mnist_test_accuracy"], abs=2e-4)
