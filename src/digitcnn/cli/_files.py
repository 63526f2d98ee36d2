"""The pictures that FILE names: files, folders of them, standard input; and a line for each."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from digitcnn.cli._output import as_typed, printable, report, tell, watched, write_line
from digitcnn.datasets import PICTURE_SUFFIXES
from digitcnn.errors import DigitcnnError, InvalidArgumentError

# Confidence is calibrated: what has less is more likely wrong than right.
_UNSURE = 0.5


class Answer(NamedTuple):
    """What is told of one picture: alone, behind its name, and as JSON."""

    text: str
    column: str
    record: dict[str, object]
    confidence: float


def answer_files(arguments: argparse.Namespace, answer: Callable[[str, Any], Answer]) -> int:
    """Print the answer to each picture as soon as it is there.

    The status is 1 if a picture was bad, or, with `--strict`, if an answer was unsure.
    """
    is_named = are_several(arguments.files)
    # Lines on a terminal are a sign of progress themselves.
    pictures = _pictures_of(arguments.files)
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
        if name != "-" and is_folder(name):
            try:
                paths = _pictures_in(Path(name))
            except (DigitcnnError, OSError) as error:
                yield name, error
            else:
                yield from ((str(path), path) for path in paths)
        else:
            yield name, name


def are_several(files: list[str]) -> bool:
    """Return whether each line of output must say which picture it is of."""
    return len(files) > 1 or is_folder(files[0])


def is_folder(name: str) -> bool:
    """Return whether a name is that of a folder, whatever characters it holds."""
    return os.path.isdir(name)  # noqa: PTH112 - Path refuses names with a NUL


def _read_stdin() -> bytes:
    """Read a picture from standard input, which may be closed."""
    if sys.stdin is None:
        return b""
    return sys.stdin.buffer.read()


def _pictures_in(folder: Path) -> list[Path]:
    """List the pictures in a folder by name, hidden ones left out."""
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
            reason=f"which fails with: {str(error).rstrip('.')}",
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
