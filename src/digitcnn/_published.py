"""Published files: what each must hold, where copies may lie, and whether one is whole.

Without what a download takes: opening a network that came with the package loads this alone.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from digitcnn.errors import CorruptFileError, InvalidArgumentError

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file whose content is fixed for good by its name.

    Attributes
    ----------
    filename : str
        Its name, without a folder.
    size : int
        Its length in bytes.
    sha256 : str
        The SHA-256 of its content, 64 hexadecimal digits.
    """

    filename: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: AnyPath) -> PublishedFile:
        """Describe the file at `path` as it is now."""
        path = Path(path)
        return cls(filename=path.name, size=path.stat().st_size, sha256=_sha256(path))


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where files of one kind may lie: a folder named by a variable, the cache, and URLs."""

    folder_variable: str
    cache: Path
    base_urls: tuple[str, ...]

    def folder(self) -> Path | None:
        """Give the read-only folder that the variable names now."""
        name = setting(self.folder_variable)
        return None if name is None else Path(os.path.expanduser(name))  # noqa: PTH111  Path's raises

    def urls(self, file: PublishedFile) -> list[str]:
        """List the addresses of a file, the preferred one first."""
        return [f"{base.rstrip('/')}/{file.filename}" for base in self.base_urls]


def setting(name: str) -> str | None:
    """Read an environment variable, an empty one being as good as none."""
    return os.environ.get(name) or None


def cache_folder(kind: str, cache_dir: AnyPath | None) -> Path:
    """Name the cache folder for one kind of file, without creating it."""
    chosen = cache_dir if cache_dir is not None else setting("DIGITCNN_CACHE_DIR")
    if chosen is None:
        chosen = _platform_cache()
    if not isinstance(chosen, str | os.PathLike):
        raise InvalidArgumentError(
            argument="cache_dir",
            rule="be a folder",
            got=type(chosen).__name__,
            remedy="Pass its path or None.",
        )
    return Path(os.path.expanduser(chosen)) / kind  # noqa: PTH111  Path's raises without a home


def _platform_cache() -> str:
    """Name the folder of pooch.os_cache("digitcnn") without importing pooch."""
    import platformdirs

    try:
        return platformdirs.user_cache_dir("digitcnn")
    except RuntimeError:  # platformdirs 4.14 where there is no home; before, it kept the "~"
        return "~/.cache/digitcnn"


def is_file(path: Path) -> bool:
    """Say whether a file is there; no where its folder may not even be searched."""
    return os.path.isfile(path)  # noqa: PTH113  Path.is_file raises there


def find_defect(path: Path, file: PublishedFile) -> str | None:
    """Say how the file at `path` differs from the published one; None where it does not."""
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"{size} bytes instead of {file.size}"
        digest = _sha256(path)
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    return None if digest == file.sha256 else f"sha256 {digest} instead of {file.sha256}"


def check(path: Path, file: PublishedFile, *, remedy: str) -> Path:
    """Give `path` back where it holds the published bytes; raise CorruptFileError if not."""
    defect = find_defect(path, file)
    if defect is not None:
        raise CorruptFileError(
            argument=f"{path}", rule="hold the published bytes", got=defect, remedy=remedy
        )
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
