"""The pictures that FILE names: files, folders of them, and standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from digitcnn.datasets import PICTURE_SUFFIXES
from digitcnn.errors import DigitcnnError, InvalidArgumentError


def pictures_of(files: Iterable[str]) -> Iterator[tuple[str, str | Path | bytes | Exception]]:
    """Yield each picture's name and what to open, or why a folder holds none."""
    for name in files:
        if name == "-":
            yield name, _read_stdin()
        elif is_folder(name):
            try:
                paths = _pictures_in(Path(name))
            except (DigitcnnError, OSError) as error:
                yield name, error
            else:
                yield from ((str(path), path) for path in paths)
        else:
            yield name, name


def are_several(files: list[str]) -> bool:
    """Tell whether each line of output must say which picture it is of."""
    return len(files) > 1 or is_folder(files[0])


def is_folder(name: str) -> bool:
    """Tell whether a name is that of a folder, whatever characters it holds."""
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
            remedy="Name the files instead.",
        )
    return paths
