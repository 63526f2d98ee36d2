"""`digitcnn read`: all digits of each picture, as soon as it is read."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitcnn.cli._parser import add_command, add_files, add_min_confidence, value

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from digitcnn.plots._readings import Label
    from digitcnn.reading import Reading
    from digitcnn.readings import Box

_MOST_DIGITS = 99  # that `read` takes for a length
# Pictures are drawn about so large, along their longer side.
_SHORTEST, _LONGEST = 800, 1600
_HARD_PIXELS = 3  # times: what is enlarged so often or more shows its pixels
_RIM = (255, 255, 255, 128)  # around frames, which dark pictures need
_FONT_HEIGHT = 1.05  # of a plate


def add_to(commands: Any) -> None:
    """Describe the arguments."""
    parser = add_command(
        commands,
        "read",
        "read all digits in each picture: numbers, lines, forms",
        "A single FILE gives its text, a line for each line of writing; several or a folder give "
        "FILE, a tab and the lines, separated by spaces. Signs that stand between digits, as the "
        "comma in 12,50, are part of it; --json has the digits alone, too. Without digits the text "
        "is empty. Errors about a file go to standard error; the others are still read, and the "
        "exit status is 1. Folders within a folder are left out.",
        "digitcnn read cheque.jpg",
        "digitcnn read scans/ --length 5 --json --draw drawn/",
    )
    parser.set_defaults(typed={"images": "FILE"})
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
    add_files(parser)


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


def run(arguments: argparse.Namespace) -> int:
    """Read each file."""
    from digitcnn.cli._files import Answer, answer_files, are_several
    from digitcnn.reading import DigitReader, Reading

    reader = DigitReader(arguments.weights)
    is_one = not are_several(arguments.files)
    drawings = _Drawings(arguments.draw, is_one=is_one) if arguments.draw else None

    def answer(name: str, picture: Any) -> Answer:
        reading = reader.read(
            picture,
            min_confidence=arguments.min_confidence,
            length=arguments.length,
            cells=arguments.cells,
        )
        assert isinstance(reading, Reading)  # noqa: S101 - one picture has one
        if drawings is not None:
            drawings.add(name, picture, reading)
        rows = [" ".join(line.full_text.split()) for line in reading.lines]
        text = "\n".join(rows)
        if reading.cells is not None:
            rows = [",".join(row) for row in reading.cells]
            text = "\n".join("\t".join(row) for row in reading.cells)
        # Nothing found is no unsure answer.
        confidence = reading.confidence if reading.lines else 1.0
        return Answer(text, " ".join(rows), reading.to_dict(), confidence)

    return answer_files(arguments, answer)


class _Drawings:
    """Where `--draw` puts pictures: the file of that name for one, else a folder."""

    def __init__(self, output: str, *, is_one: bool) -> None:
        from digitcnn.cli._files import is_folder
        from digitcnn.errors import InvalidArgumentError

        self._path = Path(output)
        self._is_one = is_one and not is_folder(output)
        self._taken: set[Path] = set()
        if self._is_one and not self._path.suffix:
            self._path = self._path.with_name(f"{self._path.name}.png")
        if not self._is_one:
            if self._path.suffix and not is_folder(output):
                raise InvalidArgumentError(
                    argument="--draw",
                    rule="be a folder where several pictures are read",
                    got=repr(output),
                    remedy="Name one, which is made if need be.",
                )
            self._path.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, picture: Any, reading: Reading) -> None:
        """Draw one reading into its file."""
        from digitcnn.cli._files import write_picture

        path = self._path if self._is_one else self._path_for(name)
        save = draw_reading(picture, reading).save
        write_picture(save, str(path), "--draw", "Pillow", ".png or .jpg")

    def _path_for(self, name: str) -> Path:
        """Name a drawing after its picture; of pictures with one name, the later get a number."""
        stem = "stdin" if name == "-" else Path(name).stem
        path, number = self._path / f"{stem}.png", 2
        while path in self._taken:
            path, number = self._path / f"{stem}-{number}.png", number + 1
        self._taken.add(path)
        return path


def draw_reading(picture: Any, reading: Reading) -> Image.Image:
    """Draw a picture with frames and labels as `digitcnn.plots.reading` does, by Pillow alone."""
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
        frame, plate = (
            # Pillow takes the last pixel of a box, not the edge behind it.
            (
                (x0 - left) * scale,
                (y0 - top) * scale,
                (x1 - left) * scale - 1,
                (y1 - top) * scale - 1,
            )
            for x0, y0, x1, y1 in (label.frame, label.plate)
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
