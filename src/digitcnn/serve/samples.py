"""A folder of corrected digits: pictures in folders 0 to 9, as `train` takes them."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import zipfile
from pathlib import Path

from PIL import Image

from digitcnn.errors import UnavailableError
from digitcnn.preprocessing import explain


class Samples:
    """Keeps samples in a folder, which is made if need be."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                argument="samples",
                rule="be a folder that can be written to",
                got=repr(str(folder)),
                reason=f"of which the system says: {error.strerror}",
                remedy="Name another.",
            ) from error

    @property
    def command(self) -> str:
        """What teaches the library this hand."""
        folder = shlex.quote(str(self._folder))
        return (
            f"digitcnn train --initial-weights base --images {folder} --validation-size 0 "
            "--run-dir runs/my-hand"
        )

    def add(self, picture: bytes, label: int) -> None:
        """Keep a picture that shows a digit, under its label alone, as a PNG of its pixels."""
        explain(picture)
        name = f"{hashlib.sha256(picture).hexdigest()[:16]}.png"
        for other in self._folder.glob(f"[0-9]/{name}"):
            other.unlink(missing_ok=True)
        path = self._folder / str(label) / name
        path.parent.mkdir(exist_ok=True)
        with Image.open(io.BytesIO(picture)) as image:
            image.convert("L").save(path)

    def paths(self) -> list[Path]:
        """Return the pictures, by label and name."""
        return sorted(self._folder.glob("[0-9]/*.png"))

    def zipped(self) -> bytes:
        """Return all pictures and a table of their labels as a ZIP file."""
        stream = io.BytesIO()
        paths = self.paths()
        with zipfile.ZipFile(stream, "w") as archive:
            rows = ["file,label"]
            for path in paths:
                name = f"{path.parent.name}/{path.name}"
                archive.write(path, name)
                rows.append(f"{name},{path.parent.name}")
            archive.writestr("labels.csv", "\n".join([*rows, ""]))
        return stream.getvalue()
