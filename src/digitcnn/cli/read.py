"""`digitcnn read`: all digits of each picture, as soon as it is read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from digitcnn.cli._drawing import draw_reading
from digitcnn.cli._files import Answer, answer_files, are_several, is_folder
from digitcnn.errors import InvalidArgumentError
from digitcnn.reading import DigitReader, Reading


def run(arguments: argparse.Namespace) -> int:
    """Read each file."""
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
        except OSError as error:
            raise InvalidArgumentError(
                argument="--draw",
                rule="be a file that can be written",
                got=repr(str(path)),
                reason=f"which fails with: {error.strerror or error}",
                remedy="Make its folder first, or name another.",
            ) from error

    def _path_for(self, name: str) -> Path:
        """Name a drawing after its picture; of pictures with one name, the later get a number."""
        stem = "stdin" if name == "-" else Path(name).stem
        path, number = self._path / f"{stem}.png", 2
        while path in self._taken:
            path, number = self._path / f"{stem}-{number}.png", number + 1
        self._taken.add(path)
        return path
