"""The command: what it prints where, and the status that it ends with."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw, ImageFont
from processes import run_command, run_python, started, wait_until
from written import write_page

import digitcnn
from digitcnn import evaluation, predict_proba, read, training, weights
from digitcnn.cli import main

needs_posix = pytest.mark.skipif(os.name != "posix", reason="pipes and signals as on POSIX")
both_readers = pytest.mark.parametrize("command", ["predict", "read"])
EXAMPLES = Path(__file__).parents[1] / "examples"
SEVEN = str(EXAMPLES / "seven-on-paper.jpg")
NUMBERS = str(EXAMPLES / "numbers" / "meter-log.jpg")
DIGITS = {"a.png": "4", "b.PNG": "0", "c.png": "7"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Return a folder of digits, and of what is none."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("empty", "inner"):
        (folder / name).mkdir()
    for name, digit in DIGITS.items():
        Image.fromarray(write_page(digit)).save(folder / name)
    for name in ("notes.txt", ".hidden.png", "inner/deep.png"):
        (folder / name).write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return a folder of a number, two lines, and a blank sheet."""
    folder = tmp_path_factory.mktemp("pages")
    Image.fromarray(write_page("407")).save(folder / "a.png")
    Image.fromarray(write_page("52", "968")).save(folder / "b.png")
    Image.new("L", (60, 40), "white").save(folder / "c.png")
    return folder


@both_readers
def test_files_and_folders_give_their_digits(command, pictures, monkeypatch, capsys):
    """One file, or `-`, gives its digit alone, several name, tab and digit; a folder its files."""
    paths = [str(pictures / name) for name in DIGITS]
    lines = [f"{pictures / name}\t{digit}\n" for name, digit in DIGITS.items()]
    content = io.BytesIO((pictures / "a.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))

    for words, expected in [
        (paths[:1], "4\n"),
        (["-"], "4\n"),
        (paths[::-1], "".join(lines[::-1])),
        ([str(pictures)], "".join(lines)),
    ]:
        assert main([command, *words]) == 0
        assert capsys.readouterr() == (expected, "")


@both_readers
def test_bad_files_are_told_and_the_others_read(command, pictures, capsys):
    """A bad file is one line on standard error and status 1; every good one is answered."""
    good = str(pictures / "a.png")
    bad = [str(pictures / name) for name in ("notes.txt", "missing.png", "inner", "empty")]

    status = main([command, bad[0], good, *bad[1:]])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, f"{good}\t4\n")
    lines = printed.err.splitlines()
    assert [line.split(": ")[2] for line in lines[:2]] == bad[:2]
    assert all(line.startswith("digitcnn: error: ") for line in lines)
    assert len(lines) == 4
    assert "`FILE` must be a picture or a folder that holds some" in lines[-1]


def test_json_is_one_object_a_line(pictures, pages, capsys):
    """It is of a digit, with --proba of ten probabilities, a reading's dict, or of an error."""
    digit, page = str(pictures / "a.png"), str(pages / "b.png")
    row = predict_proba(digit)

    assert main(["predict", digit, "missing.png", "--json", "--proba"]) == 1
    assert main(["read", page, "missing.png", "--json"]) == 1

    printed = capsys.readouterr()
    one, *errors, number, error = map(json.loads, printed.out.splitlines())
    assert one == {
        "file": digit,
        "digit": 4,
        "confidence": pytest.approx(float(row.max()), abs=1e-6),
        "unsure": False,
        "probabilities": pytest.approx(row.tolist(), abs=1e-6),
    }
    assert number == {"file": page, "unsure": False} | read(page).to_dict()
    for bad in (*errors, error):
        assert (bad["file"], set(bad)) == ("missing.png", {"file", "error"})
    assert printed.err.count("error: missing.png: `FILE` must name existing files") == 2
    main(["predict", digit, "--proba"])
    columns = [float(column) for column in capsys.readouterr().out.split("\t")]
    assert columns == pytest.approx([4, *row.tolist()], abs=1e-6)


def test_an_unsure_answer_is_told(tmp_path, capsys):
    """Below even odds, standard error and the JSON say so; with --strict the status is 1."""
    letter = Image.new("L", (200, 200), "white")
    ImageDraw.Draw(letter).text((60, 20), "K", 0, ImageFont.load_default(120))
    letter.save(tmp_path / "letter.png")
    words = ["predict", str(tmp_path / "letter.png"), SEVEN]

    plain = main([*words, "--min-confidence", "0.5"]), capsys.readouterr()
    strict = main([*words, "--strict", "--json"]), capsys.readouterr()

    assert (plain[0], strict[0]) == (0, 1)
    assert [line.split("\t")[1] for line in plain[1].out.splitlines()] == ["-1", "7"]
    assert [json.loads(line)["unsure"] for line in strict[1].out.splitlines()] == [True, False]
    for _, printed in (plain, strict):
        assert re.fullmatch(r"digitcnn: unsure: \S+letter.png: .* of \d\d%\n", printed.err)


def test_long_work_shows_a_person_how_far_it_is(pictures, monkeypatch, capsys):
    """Whoever sends the lines elsewhere sees a bar with the time left, gone at the end."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(time, "monotonic", itertools.count().__next__)

    assert main(["predict", str(pictures)]) == 0

    assert capsys.readouterr().out.count("\n") == len(DIGITS)
    shown = terminal.getvalue().split("\r")
    assert [line.split(",")[0] for line in shown if line.strip()] == ["1 of 3", "2 of 3"]
    assert shown[-2:] == [" " * 60, ""]


def test_a_number_gives_its_lines(pages, capsys):
    """Alone, a picture gives a line for each of its own; among others, one line each."""
    assert main(["read", str(pages / "b.png")]) == 0
    assert main(["read", str(pages)]) == 0

    texts = {"a.png": "407", "b.png": "52 968", "c.png": ""}
    expected = "".join(f"{pages / name}\t{text}\n" for name, text in texts.items())
    assert capsys.readouterr() == (f"52\n968\n{expected}", "")


def test_length_and_confidence_are_passed_on(pages, capsys):
    """--length gives lines of that many digits, --min-confidence leaves out the less sure."""
    path = str(pages / "a.png")

    for options in (["--length", "2"], ["--length", "1-3"], ["--min-confidence", "1"]):
        assert main(["read", path, *options]) == 0

    expected = [read(path, length=2).text, read(path, length=(1, 3)).text, ""]
    assert capsys.readouterr().out.splitlines() == expected
    assert len(expected[0]) == 2


def test_cells_sort_the_digits_into_a_grid(pages, capsys):
    """--cells prints a row of the grid a line, tabs between cells; in a folder it is one line."""
    path = str(pages / "b.png")
    assert main(["read", path, "--cells", "2x1"]) == 0
    assert main(["read", str(pages), "--cells", "1x1"]) == 0

    texts = {"a.png": "407", "b.png": "52968", "c.png": ""}
    expected = "".join(f"{pages / name}\t{text}\n" for name, text in texts.items())
    assert capsys.readouterr().out == f"52\n968\n{expected}"


def test_pictures_are_drawn_with_what_was_read(pages, tmp_path, capsys):
    """--draw writes one picture, PNG where no ending is given, or a folder of several."""
    paths = [str(pages / name) for name in ("a.png", "c.png")]
    assert main(["read", paths[0], "--draw", str(tmp_path / "drawn")]) == 0
    assert main(["read", paths[1], "--draw", str(tmp_path / "blank.jpg")]) == 0
    assert capsys.readouterr().out == "407\n\n"
    assert main(["read", str(pages), paths[0], "--draw", str(tmp_path / "all")]) == 0

    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(tmp_path / "blank.jpg") as blank:
        assert any(max(color) - min(color) > 50 for _, color in drawn.getcolors(1 << 24))
        assert blank.getextrema() == ((255, 255),) * 3
    names = [path.name for path in (tmp_path / "all").iterdir()]
    assert sorted(names) == ["a-2.png", "a.png", "b.png", "c.png"]


@needs_posix
def test_names_may_hold_any_bytes(pictures, tmp_path):
    """A name that is no UTF-8 is printed byte for byte; a line break in one is escaped."""
    odd, broken = (
        os.fsencode(tmp_path) + name
        for name in (b"/\xff\xe9.png", b"/new\nline\xc2\x9b2J\xe2\x80\xa8.png")
    )
    try:
        for name in (odd, broken):
            Path(os.fsdecode(name)).write_bytes((pictures / "a.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")

    done = run_command("predict", odd, broken, odd + b"-none")

    escaped = broken.replace(b"\n", rb"\x0a").replace(b"\xc2\x9b", rb"\x9b")
    escaped = escaped.replace(b"\xe2\x80\xa8", rb"\u2028")
    assert done.stdout == b"%b\t4\n%b\t4\n" % (odd, escaped)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["predict", "missing.png"], "`FILE` must name existing files"),
        (["predict", SEVEN, "--weights", "bse"], "`--weights` must be a published name"),
        (["predict", SEVEN, "--weights", "no/such.onnx"], "`digitcnn weights list` prints"),
        (["predict", NUMBERS], "must hold one digit .*`digitcnn read` reads every digit.$"),
        (["read", SEVEN, "--draw", "a.txt"], "`--draw` must end in a form that Pillow writes"),
        (["read", SEVEN, SEVEN, "--draw", "a.txt"], "`--draw` must be a folder where several"),
        (["evaluate", "--dataset", "mnist_test"], "`--dataset` must be .* mean mnist-test?"),
        (["evaluate", "--dataset", "foo"], "`--dataset` must be .*'foo'. Check the path."),
        (["evaluate", "--dataset", "BROKEN"], "`--dataset` must hold pictures that can be read"),
        (["train", "--images", "foo"], "`--images` must be a folder; got foo"),
        (
            ["train", "--recipe", "bse"],
            r"`--recipe` must be .*, lines, ink; got 'bse'. Did you mean 'base'\?$",
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
def test_output_that_nobody_takes_is_no_traceback(pictures, stream, ends):
    """A reader that went away ends the command quietly, a full disk is an error in one line."""
    if stream == "closed":
        reader, stream = os.pipe()
        os.close(reader)
    elif not Path(stream).exists():
        pytest.skip("no such device here")
    with open(stream, "wb") as output:  # noqa: PTH123 - a descriptor perhaps
        done = run_command("predict", pictures, stdout=output)

    assert (done.returncode, done.stderr.count(b"\n")) == ends


def test_closed_streams_change_no_status(monkeypatch, capsys):
    """A closed standard stream is no reason to fail, nor to write elsewhere."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    assert [main(["predict", name]) for name in (SEVEN, "-", "missing")] == [0, 1, 1]
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert capsys.readouterr() == ("", "")


@needs_posix
def test_an_interrupt_ends_the_command_quietly():
    """Ctrl-C gives status 130 and no traceback."""
    with started("-m", "digitcnn", "predict", "-", stdin=subprocess.PIPE) as process:
        waits_for = Path(f"/proc/{process.pid}/wchan")
        if waits_for.exists():
            wait_until(lambda: "pipe" in waits_for.read_text())  # its standard input's
        else:
            time.sleep(5)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=30)

    assert (process.returncode, printed) == (130, ("", ""))


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("plot sampels", "got 'sampels'. Did you mean 'samples'?"),
        ("predict a.png --min-confidence 1.5", "must be a number in 0 to 1; got 1.5"),
        ("evaluate --weights=-- --json", "argument --weights: expected one argument"),
        ("read a.png --length=0", "--length: invalid number of digits value: '0'"),
        ("read a.png --length=6-4", "--length: invalid number of digits value: '6-4'"),
        ("read a.png --length=many", "--length: invalid number of digits value: 'many'"),
        ("read a.png --cells 2", "argument --cells: "),
        ("read a.png --cells 0x5", "argument --cells: "),
        ("read a.png --cells 2x", "argument --cells: "),
    ],
)
def test_a_wrong_command_line_is_told_with_the_usage(command, told, capsys):
    """The status is 2; a misspelt word is told with the nearest."""
    with pytest.raises(SystemExit, match="2"):
        main(command.split())
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("dataset", ["mnist-test", "mnist-validation"])
def test_evaluate_reports_on_mnist(network, mnist_in_little, dataset, capsys):
    """The report is that of `evaluate` on the part asked for, in words or as JSON."""
    expected = evaluation.evaluate(network, *mnist_in_little[dataset])
    words = ["evaluate", "--weights", str(network), "--dataset", dataset]

    assert main(words) == 0
    assert capsys.readouterr() == (f"{expected}\n", "")
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == expected.to_dict()


def test_evaluate_reads_a_folder(pictures, tmp_path, capsys):
    """Pictures in folders 0 to 9 are measured; one that cannot be read is told and left out."""
    for name, digit in (("a.png", "3"), ("b.PNG", "5"), ("notes.txt", "5")):
        (tmp_path / digit).mkdir(exist_ok=True)
        shutil.copy(pictures / name, (tmp_path / digit / name).with_suffix(".png"))

    assert main(["evaluate", "--dataset", str(tmp_path), "--json"]) == 1

    printed = capsys.readouterr()
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


@pytest.mark.parametrize(
    "kind",
    ["samples", "predictions", "misclassified", "confusion", "reliability",
     "steps", "augmentation", "features", "filters"],
)  # fmt: skip
@pytest.mark.usefixtures("mnist_in_little")
def test_plots_are_written(tmp_path, kind, capsys):
    """Each kind of plot becomes a picture, PNG unless told otherwise, whose name is printed."""
    pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")
    if kind in ("features", "filters"):
        pytest.importorskip("keras", reason="layers are shown with digitcnn[tensorflow]")
    subject = [SEVEN] if kind in ("steps", "augmentation", "features", "filters") else []

    assert main(["plot", kind, *subject, "--output", str(tmp_path / kind)]) == 0

    assert capsys.readouterr().out == f"{tmp_path / kind}.png\n"
    with Image.open(tmp_path / f"{kind}.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("L").getcolors()) > 1


def test_train_hands_on_what_is_given(pictures, tmp_path, monkeypatch, capsys):
    """Options reach `train` under their own names, pictures as paths; the rest is the recipe's."""
    calls = []

    def train(images, labels, *, run_dir, **options):
        assert sys.stdout is not None
        calls.append((images, None if labels is None else labels.tolist(), run_dir, options))
        return SimpleNamespace(run_dir=run_dir, metrics={"validation_accuracy": 0.9951})

    monkeypatch.setattr(training, "train", train)
    (tmp_path / "7").mkdir()
    path = shutil.copy(pictures / "a.png", tmp_path / "7")
    options = {"recipe": "conv5x5", "epochs": 2, "batch_size": 64, "seed": 9, "validation_size": 0}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]

    assert main(["train"]) == 0
    assert capsys.readouterr().out == f"validation_accuracy 0.9951\nrun_dir {Path('runs/base')}\n"
    main(["train", *words, "--run-dir=here", "--images", str(tmp_path), "--quiet"])
    monkeypatch.setattr(sys, "stdout", None)  # Keras writes to one, so that there must be one
    assert main(["train", "--verbose"]) == 0

    assert calls == [
        (None, None, str(Path("runs/base")), {"recipe": "base"}),
        ([Path(path)], [7], "here", options | {"verbose": 0}),
        (None, None, str(Path("runs/base")), {"recipe": "base", "verbose": 1}),
    ]


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


def test_tensorflow_is_loaded_in_silence(tmp_path, monkeypatch):
    """A command that needs TensorFlow writes its own words alone on standard error."""
    pytest.importorskip("tensorflow")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    path = tmp_path / "own.weights.h5"

    done = run_command("export", "base", "--format", "h5", "--output", path)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == os.fsencode(f"{path}{os.linesep}")


def test_weights_are_listed_and_verified(tmp_path, monkeypatch, capsys):
    """The list has figures and what is here; damage is status 1, absence where it was asked for."""
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")
    for name in ("WEIGHTS_DIR", "CACHE_DIR"):
        monkeypatch.setenv(f"DIGITCNN_{name}", str(tmp_path))
    records = {record.name: record for record in weights.list_weights()}
    here, distant, damaged = (records[name] for name in ("base", "conv-pool", "large"))
    (tmp_path / damaged.onnx.filename).touch()

    assert main(["weights", "list"]) == 0
    rows = {row.split()[0]: row.split()[1:] for row in capsys.readouterr().out.splitlines()}
    for record, presence in ((here, "yes"), (distant, "no"), (damaged, "damaged")):
        size, accuracy = record.num_parameters, record.metrics["mnist_test_accuracy"]
        figures = [record.architecture, f"{size:,}", f"{accuracy:.2%}", record.date, presence]
        assert rows[record.id] == figures
    assert rows[records["reader"].id][2] == "-"

    assert main(["weights", "verify"]) == 1
    printed = capsys.readouterr()
    assert f"{here.id}: ok\n" in printed.out
    assert f"{distant.id}: not on this machine\n" in printed.out
    assert re.fullmatch(r"digitcnn: error: .* must hold the published bytes.*\n", printed.err)
    assert main(["weights", "verify", distant.name]) == 1
    assert "must be on this machine" in capsys.readouterr().err


def test_the_path_of_weights_is_printed(capsys):
    """`path` prints where the file of a format lies, `fetch` where both do."""
    words = ("path base", "path base --format h5", "fetch base", "verify base")
    assert [main(["weights", *each.split()]) for each in words] == [0, 0, 0, 0]

    paths = [str(weights.resolve("base", format=form)) for form in ("onnx", "h5")]
    *printed, verified = capsys.readouterr().out.splitlines()
    assert printed[:2] == paths
    assert sorted(printed[2:]) == sorted(paths)
    assert verified.endswith(": ok")


@pytest.mark.mnist
@pytest.mark.usefixtures("mnist")
def test_evaluate_base_reaches_the_published_accuracy(capsys):
    """`digitcnn evaluate --weights base --dataset mnist-test` prints the accuracy of the record."""
    record = weights.get_weights("base")

    assert main(["evaluate", "--weights", "base", "--dataset", "mnist-test", "--json"]) == 0

    measured = json.loads(capsys.readouterr().out)
    assert measured["num_images"] == 10_000
    assert measured["accuracy"] == pytest.approx(record.metrics["mnist_test_accuracy"], abs=2e-4)
