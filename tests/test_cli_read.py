"""The command `digitcnn read`: lines, JSON, drawings, and what it says of bad files."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest
from PIL import Image
from written import write_page

from digitcnn import read
from digitcnn.cli import main


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Give a folder of pictures: a number, two lines, a blank sheet, and what is no picture."""
    folder = tmp_path_factory.mktemp("pages")
    Image.fromarray(write_page("407")).save(folder / "a.png")
    Image.fromarray(write_page("52", "968")).save(folder / "b.png")
    Image.new("L", (60, 40), "white").save(folder / "c.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_files_and_folders_give_their_texts(pages, monkeypatch, capsys):
    """One gives its lines alone, `-` too; several name, tab and text, a blank one an empty text."""
    content = io.BytesIO((pages / "a.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    assert main(["read", "-"]) == main(["read", str(pages / "b.png")]) == 0
    assert capsys.readouterr() == ("407\n52\n968\n", "")

    assert main(["read", str(pages)]) == 0

    texts = {"a.png": "407", "b.png": "52 968", "c.png": ""}
    expected = "".join(f"{pages / name}\t{text}\n" for name, text in texts.items())
    assert capsys.readouterr() == (expected, "")


def test_several_digits_lead_from_predict_to_read(pages, capsys):
    """Who asks for one digit of a number is told the command that reads all."""
    assert main(["predict", str(pages / "a.png")]) == 1

    assert capsys.readouterr().err.endswith(" `digitcnn read` reads every digit.\n")


def test_json_is_the_reading_as_a_dict(pages, capsys):
    """With --json each line is `to_dict()` with the file's name, or the name and an error."""
    path = str(pages / "b.png")

    status = main(["read", path, "missing.png", "--json"])

    printed = capsys.readouterr()
    good, bad = map(json.loads, printed.out.splitlines())
    assert (status, good) == (1, {"file": path, "unsure": False} | read(path).to_dict())
    assert (bad["file"], set(bad)) == ("missing.png", {"file", "error"})
    assert printed.err.startswith("digitcnn: error: missing.png: `FILE` must name existing files")


def test_bad_files_are_told_and_the_others_read(pages, capsys):
    """A bad file is one line on standard error and status 1; every good one is answered."""
    status = main(["read", str(pages / "notes.txt"), str(pages / "a.png"), "missing.png"])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, f"{pages / 'a.png'}\t407\n")
    assert printed.err.count("\n") == 2


def test_length_and_confidence_are_passed_on(pages, capsys):
    """--length gives lines of that many digits, --min-confidence leaves out the less sure."""
    path = str(pages / "a.png")

    for options in (["--length", "2"], ["--length", "1-3"], ["--min-confidence", "1"]):
        assert main(["read", path, *options]) == 0

    expected = [read(path, length=2).text, read(path, length=(1, 3)).text, ""]
    assert capsys.readouterr().out.splitlines() == expected
    assert len(expected[0]) == 2
    for wrong in ("0", "6-4", "many"):
        with pytest.raises(SystemExit, match="2"):
            main(["read", path, f"--length={wrong}"])
        assert f"--length: invalid number of digits value: '{wrong}'" in capsys.readouterr().err


def test_cells_sort_the_digits_into_a_grid(pages, capsys):
    """--cells prints a row of the grid a line, tabs between cells; in a folder it is one line."""
    path = str(pages / "b.png")
    assert main(["read", path, "--cells", "2x1"]) == 0
    assert main(["read", str(pages), "--cells", "1x1"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "52",
        "968",
        f"{pages / 'a.png'}\t407",
        f"{path}\t52968",
        f"{pages / 'c.png'}\t",
    ]
    for wrong in ("2", "0x5", "2x"):
        with pytest.raises(SystemExit, match="2"):
            main(["read", path, "--cells", wrong])


def test_one_picture_is_drawn_into_the_file_named(pages, tmp_path, capsys):
    """--draw writes the picture with what was read; PNG where no ending is given."""
    assert main(["read", str(pages / "a.png"), "--draw", str(tmp_path / "drawn")]) == 0
    assert main(["read", str(pages / "c.png"), "--draw", str(tmp_path / "blank.jpg")]) == 0

    assert capsys.readouterr().out == "407\n\n"
    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(tmp_path / "blank.jpg") as blank:
        hues = {color for _, color in drawn.getcolors(1 << 24) if max(color) - min(color) > 50}
        assert hues
        assert blank.getextrema() == ((255, 255),) * 3


def test_several_pictures_are_drawn_into_a_folder(pages, tmp_path, capsys):
    """A folder is made, and holds a drawing for each picture that was read."""
    twice = [str(pages), str(pages / "a.png"), str(pages / "notes.txt")]
    wrong = "drawn.txt"
    assert main(["read", twice[1], "--draw", wrong]) == main(["read", *twice, "--draw", wrong]) == 1
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert "`--draw` must end in a form that Pillow writes" in first
    assert "`--draw` must be a folder where several" in second

    assert main(["read", *twice, "--draw", str(tmp_path / "drawn")]) == 1

    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "a-2.png",
        "a.png",
        "b.png",
        "c.png",
    ]
