"""The command: what it prints where, and the status that it ends with."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from networks import write_network
from PIL import Image, ImageDraw, ImageFont

import digitcnn
from digitcnn import DigitClassifier, datasets, evaluation, training, weights
from digitcnn.cli import main
from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError
from digitcnn.synthesis import draw_digits
from digitcnn.weights import PublishedFile, Weights, list_weights

NAMES = {record.name for record in list_weights()}
needs_base = pytest.mark.skipif("base" not in NAMES, reason="`base` is not yet published")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="pipes and signals as on POSIX")
IMAGES, LABELS = draw_digits(3, seed=3)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Give the path of a small network, as an argument."""
    return str(write_network(tmp_path_factory.mktemp("networks") / "small.onnx"))


@pytest.fixture
def pictures(tmp_path):
    """Give a folder of pictures `a.png`, `b.PNG` and `c.png`, and of what is none."""
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for image, name in zip(IMAGES, ("c.png", "b.PNG", "a.png"), strict=True):
        Image.fromarray(image).save(folder / name)
    for name in ("notes.txt", ".hidden.png", "inner/deep.png"):
        (folder / name).write_text("no picture")
    return folder


@pytest.fixture
def answers(network, pictures):
    """Give the digit that the network reads in each picture, by path."""
    classifier = DigitClassifier(network)
    return {
        str(pictures / name): classifier.predict(pictures / name)
        for name in ("a.png", "b.PNG", "c.png")
    }


def run_command(*arguments, stdin=b"", **options):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "digitcnn", *map(os.fspath, arguments)],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        **options,
    )


def test_one_file_gives_its_digit_alone(network, answers, capsys):
    """For a single file, the output is the digit and nothing else."""
    path, digit = next(iter(answers.items()))

    status = main(["predict", path, "--weights", network])

    assert (status, capsys.readouterr()) == (0, (f"{digit}\n", ""))


def test_several_files_give_a_line_each(network, answers, capsys):
    """Several files give name, tab and digit, in the order given."""
    paths = list(answers)[::-1]

    status = main(["predict", *paths, "--weights", network])

    expected = "".join(f"{path}\t{answers[path]}\n" for path in paths)
    assert (status, capsys.readouterr()) == (0, (expected, ""))


def test_a_folder_gives_its_pictures_by_name(network, pictures, answers, capsys):
    """A folder stands for the pictures right in it; hidden and other files are passed over."""
    status = main(["predict", str(pictures), "--weights", network])

    expected = "".join(f"{path}\t{digit}\n" for path, digit in answers.items())
    assert (status, capsys.readouterr()) == (0, (expected, ""))


def test_standard_input_is_a_picture(network, answers):
    """`-` reads the picture from standard input."""
    path, digit = next(iter(answers.items()))

    done = run_command("predict", "-", "--weights", network, stdin=Path(path).read_bytes())

    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"{digit}{os.linesep}", b"")


def test_bad_files_are_told_and_the_others_read(network, pictures, answers, capsys):
    """A bad file is one line on standard error and status 1; every good one is answered."""
    good = str(pictures / "a.png")
    bad = [str(pictures / name) for name in ("notes.txt", "missing.png", "inner")]

    status = main(["predict", bad[0], good, *bad[1:], "--weights", network])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, f"{good}\t{answers[good]}\n")
    lines = printed.err.splitlines()
    assert [line.split(": ")[2] for line in lines[:2]] == bad[:2]
    assert all(line.startswith("digitcnn: error: ") for line in lines)
    assert len(lines) == 3


def test_a_folder_without_pictures_is_told(network, tmp_path, capsys):
    """An empty folder is an error rather than a silent success."""
    status = main(["predict", str(tmp_path), "--weights", network])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert "`FILE` must be a picture or a folder that holds some" in printed.err


def test_json_is_one_object_a_line(network, answers, capsys):
    """With --json each line is an object: file, digit, confidence, unsure, or file and error."""
    path = next(iter(answers))
    row = DigitClassifier(network).predict_proba(path)

    status = main(["predict", path, "missing.png", "--weights", network, "--json"])

    printed = capsys.readouterr()
    good, bad = map(json.loads, printed.out.splitlines())
    assert status == 1
    assert good == {
        "file": path,
        "digit": answers[path],
        "confidence": pytest.approx(float(row.max()), abs=1e-6),
        "unsure": bool(row.max() < 0.5),
    }
    assert bad.keys() == {"file", "error"}
    assert bad["file"] == "missing.png"
    assert "missing.png" in printed.err


def test_probabilities_are_added_when_asked_for(network, answers, capsys):
    """--proba adds the ten probabilities, in tab-separated columns or in the JSON object."""
    path = next(iter(answers))
    expected = DigitClassifier(network).predict_proba(path)

    main(["predict", path, "--weights", network, "--proba"])
    digit, *columns = capsys.readouterr().out.split("\t")
    main(["predict", path, "--weights", network, "--proba", "--json"])
    record = json.loads(capsys.readouterr().out)

    assert int(digit) == answers[path]
    np.testing.assert_allclose([float(column) for column in columns], expected, atol=1e-6)
    np.testing.assert_allclose(record["probabilities"], expected, atol=1e-6)


@needs_base
def test_an_unsure_answer_is_told(tmp_path, capsys):
    """Below even odds, standard error and the JSON say so; with --strict the status is 1."""
    letter = Image.new("L", (200, 200), "white")
    ImageDraw.Draw(letter).text((60, 20), "R", 0, ImageFont.load_default(120))
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
    monkeypatch.setattr(digitcnn.cli._output, "_REFRESH_S", 0)

    assert main(["predict", str(pictures), "--weights", network]) == 0

    assert capsys.readouterr().out.count("\n") == len(answers)
    shown = terminal.getvalue().split("\r")
    assert [line.split(",")[0] for line in shown if line.strip()] == ["1 of 3", "2 of 3"]
    assert shown[-2:] == [" " * 60, ""]


def test_a_digit_below_the_least_confidence_is_refused(network, answers, capsys):
    """--min-confidence answers -1 where the network is less sure."""
    status = main(["predict", next(iter(answers)), "--weights", network, "--min-confidence", "1"])

    assert (status, capsys.readouterr().out) == (0, "-1\n")


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


def test_unknown_weights_are_told_in_one_line(answers, capsys):
    """A name that nobody published is an error, not a traceback."""
    status = main(["predict", next(iter(answers)), "--weights", "bse"])

    printed = capsys.readouterr()
    assert (status, printed.out, printed.err.count("\n")) == (1, "", 1)
    assert printed.err.startswith("digitcnn: error: `--weights` must be a published name")


def test_keras_weights_are_opened_with_keras(answers, monkeypatch, tmp_path, capsys):
    """A training run's folder and a `.weights.h5` file go through `load_pretrained`."""
    opened = []

    def load_pretrained(path):
        opened.append(path)
        return lambda batch: np.eye(10)[[6] * len(batch)]

    monkeypatch.setattr("digitcnn.models.load_pretrained", load_pretrained)
    named = [str(tmp_path), "some.weights.h5"]

    statuses = [main(["predict", next(iter(answers)), "--weights", name]) for name in named]

    paths = [Path(name).absolute() for name in named]
    assert (statuses, opened, capsys.readouterr().out) == ([0, 0], paths, "6\n6\n")


def test_a_table_for_a_picture_names_the_command_that_reads_it(tmp_path, capsys):
    """Who passes a CSV file of images to `predict` is sent to `evaluate --dataset`."""
    table = tmp_path / "train.csv"
    table.write_text(f"label,{','.join('abcdefghij')}\n7,{','.join(['255'] * 10)}\n", "utf-8")

    assert main(["predict", str(table)]) == 1
    assert "`digitcnn evaluate --dataset FILE`" in capsys.readouterr().err


SEVEN = str(Path(__file__).parents[1] / "examples" / "seven-on-paper.jpg")


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["predict", "missing.png"], "`FILE` must name existing files"),
        (["predict", SEVEN, "--weights", "bse"], "`--weights` must be a published name"),
        (["predict", SEVEN, "--weights", "no/such.onnx"], "`digitcnn weights list` prints"),
        (["evaluate", "--dataset", "mnist_test"], "`--dataset` must be .* mean mnist-test?"),
        (["evaluate", "--dataset", "foo"], "`--dataset` must be .*'foo'. Check the path."),
        (["train", "--images", "foo"], "`--images` must be a folder; got foo"),
        (["train", "--recipe", "foo"], "`--recipe` must be one of"),
        (["train", "--recipe", "bse"], "got 'bse'. Did you mean 'base'?"),
        (["train", "--patience", "0"], "`--patience` must be a whole number"),
        (["plot", "samples", "runs/mine"], "`SUBJECT` must be left out .*'runs/mine'. Name the"),
        (["train", "--epochs", "0"], "`--epochs` must be a whole number"),
        (["train", "--batch-size", "-1"], "`--batch-size` must be a whole number"),
        (["train", "--learning-rate", "nan"], "`--learning-rate` must be positive"),
        (["train", "--seed", "-1"], "`--seed` must be a whole number"),
        (["train", "--initial-weights", "foo"], "`--initial-weights` must be a published name"),
        (["plot", "steps", "missing.png"], "`SUBJECT` must name existing files"),
        (["plot", "curves", "foo"], "`SUBJECT` must be the folder of a finished training"),
        (["plot", "samples", "--dataset", "foo"], "`--dataset` must be"),
        (["plot", "samples", "--dataset", "LABELLED"], "0.png: `--dataset` must hold"),
        (["plot", "samples", "--count", "0"], "`--count` must be a whole number"),
        (["export", "foo"], "`MODEL` must be a published name"),
        (["export", "EMPTY"], "`MODEL` must be the folder of a finished training"),
        (["export", "base", "--output", "no/such/folder"], "`--output` must lie in a folder"),
        (["weights", "path", "foo"], "`NAME` must be a published name"),
    ],
)
def test_errors_name_what_was_typed(command, named, mnist_in_little, tmp_path, capsys):
    """An error of the command line names the option to change, not an argument in Python."""
    del mnist_in_little
    if command[0] in ("train", "export") or command[:2] == ["plot", "curves"]:
        pytest.importorskip("keras", reason="needs digitcnn[tensorflow]")
    (tmp_path / "labelled" / "7").mkdir(parents=True)
    (tmp_path / "labelled" / "7" / "0.png").touch()
    (tmp_path / "empty").mkdir()
    folders = {"LABELLED": str(tmp_path / "labelled"), "EMPTY": str(tmp_path / "empty")}

    status = main([folders.get(word, word) for word in command])

    printed = capsys.readouterr()
    assert (status, printed.out, printed.err.count("\n")) == (1, "", 1)
    assert re.search(named, printed.err)


@pytest.mark.parametrize("command", digitcnn.cli.COMMANDS)
def test_errors_name_what_the_help_shows(command, capsys):
    """Whatever an error calls an option by is in the command's own help."""
    argv = [command, "path"] if command == "weights" else [command]
    with pytest.raises(SystemExit, match="0"):
        main([*argv, "--help"])
    help_text = capsys.readouterr().out

    (commands,) = digitcnn.cli.build_parser([command])._subparsers._group_actions
    for typed in commands.choices[command].get_default("typed").values():
        assert typed in help_text


@needs_posix
def test_a_closed_pipe_ends_the_command_quietly(network, pictures):
    """When the reader goes away, nothing is said, and the status is that of SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "digitcnn", "predict", pictures, "--weights", network],
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (141, b"")


@needs_posix
def test_a_full_disk_is_told(network, pictures):
    """What cannot be written out is an error in one line, and no more at Python's end."""
    if not Path("/dev/full").exists():
        pytest.skip("no such device here")
    command = ["predict", pictures, "--weights", network]

    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "digitcnn", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_closed_streams_change_no_status(network, answers, monkeypatch, capsys):
    """A closed standard stream is no reason to fail, nor to write elsewhere."""
    path = next(iter(answers))
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    statuses = [main(["predict", name, "--weights", network]) for name in (path, "-", "missing")]

    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert (statuses, capsys.readouterr()) == ([0, 1, 1], ("", ""))


def test_training_needs_no_standard_output(monkeypatch):
    """Keras writes its bar to a standard output, so there is one for it where it is closed."""
    streams = []

    def train(*_, **options):
        streams.append(sys.stdout)
        return SimpleNamespace(run_dir=options["run_dir"], metrics={})

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(sys, "stdout", None)

    assert main(["train"]) == 0
    assert None not in streams
    assert sys.stdout is None


def test_a_wrong_command_line_cannot_move_the_cursor(capsys):
    """What was typed by mistake is shown with its control characters escaped, in one line."""
    with pytest.raises(SystemExit, match="2"):
        main(["predict", "a.png", "--no\n\x1b[2Jsuch"])

    assert (
        r"unrecognized arguments: --no\x0a\x1b[2Jsuch" in capsys.readouterr().err.splitlines()[-1]
    )


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
        wait_until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=30)

    assert (process.returncode, printed) == (130, (b"", b""))


def wait_until_it_reads(pid):
    """Wait until a process has loaded all it needs and sleeps on its standard input."""
    waits_for = Path(f"/proc/{pid}/wchan")
    for _ in range(200):
        time.sleep(0.05)
        if waits_for.exists() and "pipe" in waits_for.read_text():
            return
    time.sleep(2)


def test_without_a_command_the_usage_is_told(capsys):
    """A wrong command line is status 2."""
    with pytest.raises(SystemExit, match="2"):
        main([])
    with pytest.raises(SystemExit, match="2"):
        main(["predict", "a.png", "--min-confidence", "1.5"])
    assert "must be a number in 0 to 1; got 1.5" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "--weights=--", "--json"])
    assert "argument --weights: expected one argument" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    """--version prints the name and the version."""
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"digitcnn {digitcnn.__version__}\n"


@pytest.mark.parametrize("command", ["predict", "evaluate", "train", "plot", "export", "weights"])
def test_each_help_ends_with_an_example(command, capsys):
    """The help of each command shows a line that can be typed."""
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"\n  digitcnn {command} " in capsys.readouterr().out.partition("example")[2]


LOADED = """
import sys
from digitcnn.cli import main
status = main(sys.argv[1:])
heavy = ("tensorflow", "keras", "matplotlib", "pooch", "digitcnn.training", "digitcnn.evaluation")
sys.exit(status or ", ".join(name for name in heavy if name in sys.modules) or None)
"""


def test_predicting_loads_nothing_more(network, pictures):
    """`digitcnn predict` loads neither TensorFlow nor what the other commands need."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "predict", str(pictures), "--weights", network],
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")


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
    """The report is that of `evaluate` on the part asked for."""
    expected = evaluation.evaluate(network, *mnist_in_little[dataset])

    status = main(["evaluate", "--weights", network, "--dataset", dataset])

    assert (status, capsys.readouterr()) == (0, (f"{expected}\n", ""))


def test_evaluate_gives_json(network, mnist_in_little, capsys):
    """With --json the measures are printed as one object."""
    expected = evaluation.evaluate(network, *mnist_in_little["mnist-test"])

    assert main(["evaluate", "--weights", network, "--json"]) == 0
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


def test_evaluate_refuses_a_folder_of_unreadable_pictures(network, tmp_path, capsys):
    """Where nothing can be read, there is no report."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "empty.png").touch()

    status = main(["evaluate", "--weights", network, "--dataset", str(tmp_path)])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert "must hold pictures that can be read" in printed.err


def test_evaluate_refuses_what_is_no_folder(network, capsys):
    """A dataset is a known name or a folder."""
    assert main(["evaluate", "--weights", network, "--dataset", "mnist-tset"]) == 1
    assert "Did you mean mnist-test?" in capsys.readouterr().err


def is_png(path):
    """Tell a PNG picture that holds more than one colour."""
    with Image.open(path) as picture:
        return picture.format == "PNG" and len(picture.convert("L").histogram()) > 1


@pytest.mark.parametrize(
    "kind", ["samples", "predictions", "misclassified", "confusion", "reliability"]
)
def test_plots_of_a_dataset_are_written(network, mnist_in_little, tmp_path, kind, capsys):
    """Each kind of plot of a dataset becomes a picture, whose name is printed."""
    pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")
    del mnist_in_little
    output = str(tmp_path / f"{kind}.png")

    assert main(["plot", kind, "--weights", network, "--output", output]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    assert is_png(output)


@pytest.mark.parametrize("kind", ["steps", "augmentation", "features", "filters"])
def test_plots_of_a_picture_are_written(pictures, tmp_path, kind):
    """Each kind of plot of a picture or a network becomes a picture."""
    pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")
    if kind in ("features", "filters"):
        pytest.importorskip("keras", reason="layers are shown with digitcnn[tensorflow]")
    output = str(tmp_path / f"{kind}.png")

    assert main(["plot", kind, str(pictures / "a.png"), "--output", output]) == 0
    assert is_png(output)


def test_plots_are_pictures_unless_told_otherwise(pictures, tmp_path, capsys):
    """A name without an ending gets one, and what is printed is the file's name."""
    pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")

    assert main(["plot", "steps", str(pictures / "a.png"), "--output", str(tmp_path / "it")]) == 0

    assert Path(capsys.readouterr().out.strip()).name == "it.png"
    assert (tmp_path / "it.png").exists()


def test_plots_need_what_they_are_of(tmp_path, capsys):
    """A kind of plot without its picture, and an ending that is none, are refused."""
    pytest.importorskip("matplotlib", reason="plots need digitcnn[plots]")

    assert main(["plot", "steps"]) == 1
    assert "`steps` must be followed by a picture" in capsys.readouterr().err
    picture = str(Path(__file__).parents[1] / "examples" / "seven-on-paper.jpg")
    assert main(["plot", "steps", picture, "--output", str(tmp_path / "a.txt")]) == 1
    assert "`--output` must end in a form that matplotlib writes" in capsys.readouterr().err
    assert main(["plot", "steps", picture, "--output", str(tmp_path / "no" / "a.png")]) == 1
    assert "`--output` must be a file that can be written" in capsys.readouterr().err


def test_a_misspelt_kind_of_plot_is_named(capsys):
    """The nearest kind is proposed."""
    with pytest.raises(SystemExit, match="2"):
        main(["plot", "sampels"])

    assert "got 'sampels'. Did you mean 'samples'?" in capsys.readouterr().err


def test_help_lists_every_recipe(capsys):
    """`train --help` has a line for each recipe there is, and for no other."""
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])

    listed = capsys.readouterr().out.partition("recipes, with")[2].splitlines()[1:]
    assert {line.split()[0] for line in listed if line} == set(training.RECIPES)


@pytest.mark.parametrize(("option", "verbose"), [("--quiet", 0), ("--verbose", 1)])
def test_train_says_as_much_as_asked_for(training_calls, option, verbose):
    """Silence and the bar are handed on."""
    main(["train", option])

    assert training_calls[0][2]["verbose"] == verbose


@pytest.fixture
def training_calls(monkeypatch):
    """Let training only write down how it was called."""
    calls = []

    def train(images, labels, **options):
        calls.append((images, labels, options))
        return SimpleNamespace(
            run_dir=Path(options["run_dir"]), metrics={"validation_accuracy": 0.9951}, history={}
        )

    monkeypatch.setattr(training, "train", train)
    return calls


def test_train_leaves_what_is_not_given_to_the_recipe(training_calls, capsys):
    """Without options `train` gets the recipe and a folder named after it."""
    status = main(["train"])

    assert (status, capsys.readouterr().out) == (
        0,
        f"validation_accuracy 0.9951\nrun_dir {Path('runs/base')}\n",
    )
    assert training_calls == [(None, None, {"recipe": "base", "run_dir": str(Path("runs/base"))})]


def test_train_hands_on_its_options(training_calls, pictures):
    """Each option given reaches `train` under its own name, pictures as paths with labels."""
    (pictures / "labelled" / "7").mkdir(parents=True)
    path = (pictures / "a.png").rename(pictures / "labelled" / "7" / "a.png")
    options = ["--recipe", "conv5x5", "--epochs", "2", "--batch-size", "64", "--seed", "9"]
    options += ["--run-dir", "here", "--validation-size", "0"]

    main(["train", *options, "--images", str(pictures / "labelled")])

    ((images, labels, given),) = training_calls
    assert (images, labels.tolist()) == ([path], [7])
    assert given == {
        "recipe": "conv5x5",
        "epochs": 2,
        "batch_size": 64,
        "seed": 9,
        "run_dir": "here",
        "validation_size": 0,
    }


def test_an_interrupted_training_says_how_to_go_on(monkeypatch, capsys):
    """Ctrl-C names the folder from which the same command goes on."""

    def train(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", train)

    assert main(["train", "--run-dir", "runs/mine"]) == 130
    assert "the same command goes on from runs/mine" in capsys.readouterr().err


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


def test_tensorflow_is_loaded_in_silence(tmp_path):
    """A command that needs TensorFlow writes its own words alone on standard error."""
    pytest.importorskip("tensorflow")
    run = [sys.executable, "-m", "digitcnn"]
    done = subprocess.run(
        [*run, "export", "base", "--format", "h5", "--output", tmp_path / "own.weights.h5"],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'own.weights.h5'}\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InvalidArgumentError(argument="epochs", rule="be few", got=9), "`--epochs` must be few"),
        (OSError("disk full"), "disk full"),
    ],
)
def test_a_failed_training_is_told_in_one_line(monkeypatch, capsys, error, told):
    """What stops a training is told as an error."""

    def train(*_, **__):
        raise error

    monkeypatch.setattr(training, "train", train)

    assert main(["train"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"digitcnn: error: {told}")
    assert printed.count("\n") == 1


def make_record(name):
    """Make up a record of published weights."""
    files = {
        form: PublishedFile(filename=f"digitcnn-{name}-v1{suffix}", size=1, sha256="0" * 64)
        for form, suffix in (("onnx", ".onnx"), ("h5", ".weights.h5"))
    }
    return Weights(
        name=name,
        version=1,
        architecture="conv5x5",
        num_parameters=1_234_567,
        metrics={"mnist_test_accuracy": 0.9961} if name == "small" else {},
        recipe=name,
        date="2026-01-31",
        **files,
    )


@pytest.fixture
def published(monkeypatch):
    """Let `broken`, `distant` and `small` be published: damaged, not here, and well."""
    records = {name: make_record(name) for name in ("broken", "distant", "small")}

    def resolve(name, *, format, download):
        assert not download
        return Path(weights.get_weights(name).file(format).filename)

    def verify(record):
        if record.name == "broken":
            raise CorruptFileError("broken.onnx must hold the published bytes")
        if record.name == "distant":
            raise UnavailableError("distant.onnx must be on this machine")

    monkeypatch.setattr(weights, "list_weights", lambda: tuple(records.values()))
    monkeypatch.setattr(weights, "resolve", resolve)
    monkeypatch.setattr(weights, "verify", verify)
    monkeypatch.setattr(
        weights, "fetch_weights", lambda name: {"onnx": Path(f"{name}.onnx"), "h5": Path("x.h5")}
    )


@pytest.mark.usefixtures("published")
def test_weights_are_listed_with_their_figures(capsys):
    """The list tells name, architecture, size, accuracy where measured, day, and what is here."""
    assert main(["weights", "list"]) == 0

    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split() for row in rows] == [
        ["broken-v1", "conv5x5", "1,234,567", "-", "2026-01-31", "damaged"],
        ["distant-v1", "conv5x5", "1,234,567", "-", "2026-01-31", "no"],
        ["small-v1", "conv5x5", "1,234,567", "99.61%", "2026-01-31", "yes"],
    ]


@pytest.mark.usefixtures("published")
def test_the_path_of_weights_is_printed(capsys):
    """`path` prints where the file of a format lies, and downloads nothing."""
    assert main(["weights", "path", "small"]) == 0
    assert main(["weights", "path", "small-v1", "--format", "h5"]) == 0
    assert capsys.readouterr().out == "digitcnn-small-v1.onnx\ndigitcnn-small-v1.weights.h5\n"


@pytest.mark.usefixtures("published")
def test_fetched_weights_are_named(capsys):
    """`fetch` prints the files that it brought."""
    assert main(["weights", "fetch", "small"]) == 0
    assert capsys.readouterr().out == "small.onnx\nx.h5\n"


@pytest.mark.usefixtures("published")
def test_weights_are_verified(capsys):
    """`verify` checks what is here: damage is status 1, absence only where it was asked for."""
    assert main(["weights", "verify"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "distant-v1: not on this machine\nsmall-v1: ok\n"
    assert printed.err == "digitcnn: error: broken.onnx must hold the published bytes\n"

    assert main(["weights", "verify", "small"]) == 0
    assert main(["weights", "verify", "distant"]) == 1
    assert capsys.readouterr().err == "digitcnn: error: distant.onnx must be on this machine\n"


@needs_base
def test_base_weights_are_here_and_well(capsys):
    """The published weights that the package brings along pass their own check."""
    assert main(["weights", "verify", "base"]) == 0
    assert capsys.readouterr().out.endswith(": ok\n")


@needs_base
@pytest.mark.mnist
@pytest.mark.usefixtures("mnist")
def test_evaluate_base_reaches_the_published_accuracy(capsys):
    """`digitcnn evaluate --weights base --dataset mnist-test` prints the accuracy of the record."""
    record = weights.get_weights("base")

    assert main(["evaluate", "--weights", "base", "--dataset", "mnist-test", "--json"]) == 0

    measured = json.loads(capsys.readouterr().out)
    assert measured["num_images"] == 10_000
    assert measured["accuracy"] == pytest.approx(record.metrics["mnist_test_accuracy"], abs=2e-4)


def test_a_stream_that_cannot_encode_gets_bytes(monkeypatch):
    """Where standard output takes no name of another alphabet, its bytes are written."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    digitcnn.cli._output.write_line("caf\u00e9")

    assert stream.buffer.getvalue() == os.fsencode("caf\u00e9\n")
