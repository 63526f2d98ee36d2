"""Files that were published once: what each must hold, where copies may lie, how one is fetched.

pooch downloads, checks and asks again; importing it takes a tenth of a second, which is spent at a
download only.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError

AnyPath = str | os.PathLike[str]

ATTEMPTS = 3
TIMEOUT_S = 30  # without any news from the server

logger = logging.getLogger("digitcnn")


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
    """Where files of one kind may lie: a folder named by a variable, the cache, and URLs.

    `argument` is what the user's function calls them, for errors.
    """

    folder_variable: str
    cache: Path
    base_urls: tuple[str, ...]
    argument: str | None = None

    def folder(self) -> Path | None:
        """Return the read-only folder that the variable names now."""
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
    """Return whether a file is there; no where its folder may not even be searched."""
    return os.path.isfile(path)  # noqa: PTH113  Path.is_file raises there


def find_defect(path: Path, file: PublishedFile) -> str | None:
    """Return how the file at `path` differs from the published one; None where it does not."""
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"{size} bytes instead of {file.size}"
        digest = _sha256(path)
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    return None if digest == file.sha256 else f"sha256 {digest} instead of {file.sha256}"


def verify(path: Path, file: PublishedFile, *, argument: str | None, remedy: str) -> Path:
    """Return `path` where it holds the published bytes; raise CorruptFileError if not."""
    defect = find_defect(path, file)
    if defect is not None:
        raise CorruptFileError(
            f"`{path}` must hold the published bytes; got {defect}.",
            argument=argument,
            remedy=remedy,
        )
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_offline() -> bool:
    """Return whether DIGITCNN_OFFLINE forbids the network."""
    value = setting("DIGITCNN_OFFLINE")
    return value is not None and value.lower() not in {"0", "false", "no", "off"}


def fetch(file: PublishedFile, sources: Sources, *, download: bool) -> Path:
    """Return the path of a checked copy: from the variable's folder, the cache, or a download."""
    folder = sources.folder()
    if folder is not None and is_file(folder / file.filename):
        remedy = f"Replace it by {sources.urls(file)[0]}, or unset {sources.folder_variable}."
        return verify(folder / file.filename, file, argument=sources.argument, remedy=remedy)
    path = sources.cache / file.filename
    may_download = download and not is_offline()
    if is_file(path):
        if not may_download:
            remedy = f"Delete it. {_by_hand(file, sources)}"
            return verify(path, file, argument=sources.argument, remedy=remedy)
        defect = find_defect(path, file)
        if defect is None:
            return path
        logger.warning("The cached file %s is damaged (%s): fetching it anew", path, defect)
    if not may_download:
        raise _nowhere(file, sources, folder)
    _download(file, sources)
    return path


def _download(file: PublishedFile, sources: Sources) -> None:
    """Put the file into the cache from the first URL that gives the published bytes."""
    import pooch
    from requests import RequestException

    failures: dict[str, Exception] = {}
    try:
        if sources.cache.parts[0].startswith("~"):
            raise FileNotFoundError("there is no home directory")
        for url in sources.urls(file):
            getter = pooch.create(
                path=sources.cache,
                base_url="",
                registry={file.filename: f"sha256:{file.sha256}"},
                urls={file.filename: url},
                retry_if_failed=ATTEMPTS - 1,
            )
            try:
                path = Path(getter.fetch(file.filename, downloader=_get))
            except (RequestException, ValueError) as error:
                failures[url] = error
            else:
                path.chmod(0o644)  # pooch 1.9 leaves it to its owner alone
                return
    except OSError as error:
        raise UnavailableError(
            f"`{sources.cache}` must be a folder to write to; got {type(error).__name__}: "
            f"{error.strerror or error}.",
            argument=sources.argument,
            remedy=f"Name another one in DIGITCNN_CACHE_DIR. {_by_hand(file, sources)}",
        ) from error
    reasons = "; ".join(f"{url}: {_root_cause(error)}" for url, error in failures.items())
    raise UnavailableError(
        f"`{file.filename}` must be downloaded once; got {reasons}.",
        argument=sources.argument,
        remedy=_by_hand(file, sources),
    ) from next(iter(failures.values()), None)


def _get(url: str, target: Any, pooch_: Any) -> None:
    """Download by HTTP; pooch 1.9 leaves the connection open where that fails."""
    import pooch

    with contextlib.ExitStack() as stack:

        def close_at_end(response: Any, **_: Any) -> None:
            stack.callback(response.close)

        pooch.HTTPDownloader(
            chunk_size=64 * 1024,
            timeout=TIMEOUT_S,
            # Asked for unchanged: some servers would unpack a .gz on the way.
            headers={"Accept-Encoding": "identity"},
            hooks={"response": close_at_end},
        )(url, target, pooch_)


def _root_cause(error: BaseException) -> str:
    """Return in one line what started a chain of exceptions."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")


def _nowhere(file: PublishedFile, sources: Sources, folder: Path | None) -> UnavailableError:
    """Return the error that a file is not here and may not be fetched."""
    rule = "while DIGITCNN_OFFLINE is set" if is_offline() else "where nothing may be downloaded"
    places = [str(place) for place in (folder, sources.cache) if place is not None]
    return UnavailableError(
        f"`{file.filename}` must be on this machine {rule}; got none in {' or '.join(places)}.",
        argument=sources.argument,
        remedy=_by_hand(file, sources),
    )


def _by_hand(file: PublishedFile, sources: Sources) -> str:
    """Return how to put a file in place by hand."""
    hint = ""
    # A checkout holds the release's assets.
    if is_file(Path("weights", file.filename)):
        hint = f" The folder `weights` here holds it: set {sources.folder_variable}=weights."
    elif sources.argument == "weights":
        hint = " A clone of the project's repository holds it in its folder `weights`."
    return (
        f"To place it by hand, download {' or '.join(sources.urls(file))} on any machine and copy "
        f"it to {sources.cache / file.filename}, or into a folder that you name in "
        f"{sources.folder_variable}.{hint}"
    )
