"""`digitcnn predict` and `digitcnn read`: an answer to each picture, as soon as it is read."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from digitcnn.cli._console import (
    WEIGHTS_HELP,
    add_command,
    add_min_confidence,
    as_typed,
    printable,
    report,
    tell,
    value,
    watched,
    write_line,
)
from digitcnn.errors import DigitcnnError, InvalidArgumentError

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from digitcnn.plots._readings import Label
    from digitcnn.readings import Box, Reading

_DECIMALS = 6
# Confidence is calibrated: what has less is more likely wrong than right.
_UNSURE = 0.5
_MOST_DIGITS = 99  # that `read` takes for a length
# Pictures are drawn about so large, along their longer side.
_SHORTEST, _LONGEST = 800, 1600
_HARD_PIXELS = 3  # times: what is enlarged so often or more shows its pixels
_RIM = (255, 255, 255, 128)  # around frames, which dark pictures need
_FONT_HEIGHT = 1.05  # of a plate


class Answer(NamedTuple):
    """What is told of one picture: alone, behind its name, and as JSON."""

    text: str
    column: str
    record: dict[str, object]
    confidence: float


def add_predict(commands: Any) -> None:
    """Describe the arguments of `digitcnn predict`."""
    parser = add_command(
        commands,
        _predict,
        "predict",
        "read the digit in each picture",
        "A single FILE gives the digit alone, several or a folder give FILE, a tab and the digit; "
        "-1 where less sure than asked for. Errors about a file go to standard error; the others "
        "are still read, and the exit status is 1. Folders within a folder are left out.",
        "digitcnn predict seven.jpg",
        "digitcnn predict scans/ --json --min-confidence 0.9",
        typed={"images": "FILE"},
    )
    parser.add_argument("--weights", default="base", help=WEIGHTS_HELP)
    add_min_confidence(parser, "answer -1 below this probability, 0 to 1")
    parser.add_argument(
        "--proba", action="store_true", help="add the ten probabilities, separated by tabs"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: file, digit, confidence, unsure and, with --proba, "
        "probabilities; file and error for a bad file",
    )
    _add_files(parser)


def add_read(commands: Any) -> None:
    """Describe the arguments of `digitcnn read`."""
    parser = add_command(
        commands,
        _read,
        "read",
        "read all digits in each picture: numbers, lines, forms",
        "A single FILE gives its text, a line for each line of writing; several or a folder give "
        "FILE, a tab and the lines, separated by spaces. Signs that stand between digits, as the "
        "comma in 12,50, are part of it; --json has the digits alone, too. Without digits the text "
        "is empty. Errors about a file go to standard error; the others are still read, and the "
        "exit status is 1. Folders within a folder are left out.",
        "digitcnn read cheque.jpg",
        "digitcnn read scans/ --length 5 --json --draw drawn/",
        typed={"images": "FILE"},
    )
    parser.add_argument(
        "--weights",
        default="reader",
        help="a published name or an .onnx file of a network that finds digits "
        "(default: %(default)s)",
    )
    add_min_confidence(parser, "leave out digits below this probability, 0 to 1")
    parser.add_argument(
        "--length",
        type=value("number of digits", _length),
        metavar="N",
        help="how many digits each line has, where that is known: 5, or 4-6 for four to six",
    )
    parser.add_argument(
        "--draw",
        metavar="OUT",
        help="draw the picture with what was read in it: a picture file or, for several FILEs, a "
        "folder",
    )
    parser.add_argument(
        "--cells",
        type=value("grid", _cells),
        metavar="RxC",
        help="sort the digits into a grid of R rows and C columns over the picture, such as 2x5: "
        "a line for each row, cells separated by tabs or, behind a FILE, by commas",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: file, text, full_text, confidence, size, unsure, cells, and "
        "lines with the box, confidence and probabilities of each digit; file and error for a bad "
        "file",
    )
    _add_files(parser)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a picture, a folder of pictures, or - for standard input",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit status 1 also where an answer is unsure, more likely wrong than right, which "
        "standard error says in any case",
    )


def _length(text: str) -> int | tuple[int, int]:
    """Read a number of digits, or the least and the most of them."""
    least, is_range, most = text.partition("-")
    ends = int(least), int(most if is_range else least)
    if not 1 <= ends[0] <= ends[1] <= _MOST_DIGITS:
        raise ValueError(text)
    return ends if is_range else ends[0]


def _cells(text: str) -> tuple[int, int]:
    """Read a number of rows and one of columns, such as 2x5."""
    rows, _, columns = text.lower().partition("x")
    cells = int(rows), int(columns)
    if not all(1 <= number <= _MOST_DIGITS for number in cells):
        raise ValueError(text)
    return cells


def _predict(arguments: argparse.Namespace) -> int:
    """Name the digit in each file."""
    import numpy as np

    from digitcnn._checks import choose_digits
    from digitcnn.inference import predict_proba

    model = open_model(arguments.weights)

    def answer(_: str, picture: Any) -> Answer:
        row = predict_proba(picture, model=model)
        digit = int(choose_digits(row[None], min_confidence=arguments.min_confidence)[0])
        probabilities = np.round(row.astype(np.float64), _DECIMALS).tolist()
        record = {"digit": digit, "confidence": max(probabilities)}
        columns = [str(digit)]
        if arguments.proba:
            record["probabilities"] = probabilities
            columns += [f"{probability:.{_DECIMALS}f}" for probability in probabilities]
        text = "\t".join(columns)
        return Answer(text, text, record, float(row.max()))

    return _answer_files(arguments, answer)


def open_model(weights: str) -> Any:
    """Open what `--weights` names: published weights, a file, or a training run's folder."""
    from digitcnn.inference import DigitClassifier
    from digitcnn.weights import identify, needs_keras

    found = identify(weights)
    if needs_keras(found):
        from digitcnn.cli._process import import_quietly

        import_quietly()
    return DigitClassifier(found)


def _read(arguments: argparse.Namespace) -> int:
    """Read all digits in each file."""
    from digitcnn.reading import DigitReader

    reader = DigitReader(arguments.weights)
    place = None
    if arguments.draw:
        place = _drawings(arguments.draw, is_one=not _are_several(arguments.files))

    def answer(name: str, picture: Any) -> Answer:
        reading: Any = reader.read(
            picture,
            min_confidence=arguments.min_confidence,
            length=arguments.length,
            cells=arguments.cells,
        )
        if place is not None:
            save = draw_reading(picture, reading).save
            write_picture(save, str(place(name)), "--draw", "Pillow", ".png or .jpg")
        rows = [" ".join(line.full_text.split()) for line in reading.lines]
        text = "\n".join(rows)
        if reading.cells is not None:
            rows = [",".join(row) for row in reading.cells]
            text = "\n".join("\t".join(row) for row in reading.cells)
        # Nothing found is no unsure answer.
        confidence = reading.confidence if reading.lines else 1.0
        return Answer(text, " ".join(rows), reading.to_dict(), confidence)

    return _answer_files(arguments, answer)


def _answer_files(arguments: argparse.Namespace, answer: Callable[[str, Any], Answer]) -> int:
    """Print the answer to each picture as soon as it is there.

    The status is 1 if a picture was bad, or, with `--strict`, if an answer was unsure.
    """
    is_named = _are_several(arguments.files)
    pictures = _pictures_of(arguments.files)
    # Lines on a terminal are a sign of progress themselves.
    if is_named and not (sys.stdout is not None and sys.stdout.isatty()):
        pictures = watched(list(pictures))
    status = 0
    for name, picture in pictures:
        try:
            if isinstance(picture, Exception):
                raise picture
            found = answer(name, _read_stdin() if name == "-" else picture)
        except (DigitcnnError, OSError) as error:
            error.add_note(name)
            report(error, arguments)
            status = 1
            if arguments.json:
                write_line(json.dumps({"file": name, "error": as_typed(error, arguments)}))
            continue
        is_unsure = found.confidence < _UNSURE
        if arguments.json:
            write_line(json.dumps({"file": name} | found.record | {"unsure": is_unsure}))
        else:
            write_line(f"{printable(name)}\t{found.column}" if is_named else found.text)
        if is_unsure:
            tell(f"unsure: {name}: the answer has a confidence of {found.confidence:.0%}")
            status = max(status, int(arguments.strict))
    return status


def _pictures_of(files: Iterable[str]) -> Iterator[tuple[str, str | Path | Exception]]:
    """Yield each picture's name and what to open, or why a folder holds none."""
    for name in files:
        if name == "-" or not _is_folder(name):
            yield name, name
            continue
        try:
            paths = _pictures_in(Path(name))
        except (DigitcnnError, OSError) as error:
            yield name, error
        else:
            yield from ((str(path), path) for path in paths)


def _are_several(files: list[str]) -> bool:
    """Return whether each line of output must say which picture it is of."""
    return len(files) > 1 or _is_folder(files[0])


def _is_folder(name: str) -> bool:
    """Return whether a name is that of a folder, whatever characters it holds."""
    return os.path.isdir(name)  # noqa: PTH112 - Path refuses names with a NUL


def _read_stdin() -> bytes:
    """Read a picture from standard input, which may be closed."""
    return b"" if sys.stdin is None else sys.stdin.buffer.read()


def _pictures_in(folder: Path) -> list[Path]:
    """List the pictures in a folder by name, hidden ones left out."""
    from digitcnn.datasets import PICTURE_SUFFIXES

    paths = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and path.name[0] != "."
    ]
    if not paths:
        raise InvalidArgumentError(
            argument="FILE",
            rule="be a picture or a folder that holds some",
            got=repr(str(folder)),
            reason=f"which holds none ending in {', '.join(sorted(PICTURE_SUFFIXES))}",
            remedy="Name the files, or the folders within it.",
        )
    return paths


def _drawings(output: str, *, is_one: bool) -> Callable[[str], Path]:
    """Return what names a drawing by its picture: the file named for one, else one in a folder.

    Of pictures with one name, the later get a number.
    """
    folder, is_there = Path(output), _is_folder(output)
    if is_one and not is_there:
        return lambda _: folder if folder.suffix else folder.with_name(f"{folder.name}.png")
    if folder.suffix and not is_there:
        raise InvalidArgumentError(
            argument="--draw",
            rule="be a folder where several pictures are read",
            got=repr(output),
            remedy="Name one, which is made if need be.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[Path] = set()

    def place(name: str) -> Path:
        stem = "stdin" if name == "-" else Path(name).stem
        path, number = folder / f"{stem}.png", 2
        while path in taken:
            path, number = folder / f"{stem}-{number}.png", number + 1
        taken.add(path)
        return path

    return place


def draw_reading(picture: Any, reading: Reading) -> Image.Image:
    """Draw a picture with frames and labels as `digitcnn.plots.reading` does, by Pillow alone."""
    import numpy as np
    from PIL import Image, ImageDraw

    from digitcnn.plots._readings import bounds, labels_of, pixels_of

    photo = Image.fromarray(pixels_of(picture, reading, longest=_LONGEST))
    enlargement = max(1, math.ceil(_SHORTEST / max(photo.size)))
    if enlargement > 1:
        method = Image.Resampling.NEAREST
        if enlargement < _HARD_PIXELS:
            method = Image.Resampling.BICUBIC
        photo = photo.resize([side * enlargement for side in photo.size], method)
    labels = labels_of(reading)
    left, top, right, bottom = bounds(reading, labels)
    scale = max(photo.size) / max(reading.size)
    width, height = (math.ceil(side * scale) for side in (right - left, bottom - top))
    canvas = Image.new("RGB", (width, height), "white")
    canvas.paste(photo, (round(-left * scale), round(-top * scale)))
    draw = ImageDraw.Draw(canvas, "RGBA")
    for label in labels:
        # Pillow takes the last pixel of a box, not the edge behind it.
        frame, plate = (
            ((np.array(box) - (left, top, left, top)) * scale - (0, 0, 1, 1)).tolist()
            for box in (label.frame, label.plate)
        )
        _draw_label(draw, label, frame, plate)
    return canvas


def _draw_label(draw: ImageDraw.ImageDraw, label: Label, frame: Box, plate: Box) -> None:
    from PIL import ImageFont

    left, top, right, bottom = frame
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=_RIM, width=4)
    draw.rectangle(frame, outline=label.color, width=2)
    fill = label.color if label.is_sure else "white"
    draw.rectangle(plate, fill=fill, outline=label.color, width=1)
    height = plate[3] - plate[1]
    draw.text(
        ((plate[0] + plate[2]) / 2, plate[3] - height * 0.12),
        label.text,
        fill="white" if label.is_sure else label.color,
        font=ImageFont.load_default(max(1, _FONT_HEIGHT * height)),
        anchor="ms",
        stroke_width=round(height / 40),  # whole before Pillow 11
    )


def write_picture(
    save: Callable[[str], object], path: str, argument: str, program: str, forms: str
) -> None:
    """Write a picture by a program's own function."""
    try:
        save(path)
    # RuntimeError where a form needs a program, as .pgf does LaTeX.
    except (KeyError, ValueError, RuntimeError) as error:
        raise InvalidArgumentError(
            argument=argument,
            rule=f"end in a form that {program} writes",
            got=repr(path),
            reason=f"which fails with: {error}",
            remedy=f"Name one such as {forms}.",
        ) from error
    except OSError as error:
        raise InvalidArgumentError(
            argument=argument,
            rule="be a file that can be written",
            got=repr(path),
            reason=f"which fails with: {error.strerror or error}",
            remedy="Make its folder first, or name another.",
        ) from error
