"""`digitcnn read`: all digits of each picture, as soon as it is read."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from digitcnn.cli._drawing import draw_reading
from digitcnn.cli._files import are_several, is_folder, pictures_of
from digitcnn.cli._output import as_typed, printable, report, write_line
from digitcnn.errors import DigitcnnError, InvalidArgumentError
from digitcnn.reading import DigitReader, Reading


def run(arguments: argparse.Namespace) -> int:
    """Read each file; the status is 1 if one of them was bad."""
    reader = DigitReader(arguments.weights)
    is_named = are_several(arguments.files)
    drawings = _Drawings(arguments.draw, is_one=not is_named) if arguments.draw else None
    status = 0
    for name, picture in pictures_of(arguments.files):
        answer = picture if isinstance(picture, Exception) else _answer(reader, picture, arguments)
        if isinstance(answer, Reading) and drawings is not None:
            try:
                drawings.add(name, picture, answer)
            except DigitcnnError as error:
                answer = error
        if isinstance(answer, Exception):
            answer.add_note(name)
            report(answer, arguments.command)
            status = 1
            if arguments.json:
                write_line(json.dumps({"file": name, "error": as_typed(answer, arguments.command)}))
        elif arguments.json:
            write_line(json.dumps({"file": name} | answer.to_dict()))
        elif is_named:
            write_line(f"{printable(name)}\t{' '.join(answer.full_text.split())}")
        else:
            write_line(answer.full_text)
    return status


def _answer(
    reader: DigitReader, picture: Any, arguments: argparse.Namespace
) -> Reading | DigitcnnError:
    """Give the reading of one picture, or why there is none."""
    try:
        reading = reader.read(
            picture, min_confidence=arguments.min_confidence, length=arguments.length
        )
    except DigitcnnError as error:
        return error
    assert isinstance(reading, Reading)  # noqa: S101 - one picture has one
    return reading


class _Drawings:
    """Where `--draw` puts pictures: the file of that name for one, else a folder."""

    def __init__(self, output: str, *, is_one: bool) -> None:
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
        drawing = draw_reading(picture, reading)
        path = self._path if self._is_one else self._path_for(name)
        try:
            drawing.save(path)
        except (KeyError, ValueError) as error:
            raise InvalidArgumentError(
                argument="--draw",
                rule="end in a form that Pillow writes",
                got=repr(str(path)),
                remedy="Name one such as .png or .jpg.",
            ) from error

    def _path_for(self, name: str) -> Path:
        """Name a drawing after its picture; of pictures with one name, the later get a number."""
        stem = "stdin" if name == "-" else Path(name).stem
        path, number = self._path / f"{stem}.png", 2
        while path in self._taken:
            path, number = self._path / f"{stem}-{number}.png", number + 1
        self._taken.add(path)
        return path
