"""Files that were published once: what each must hold, where copies may lie, how one is fetched.

pooch carries the bytes. Its own `fetch` is not used: it knows one address for a file where MNIST
has two, asks again where the answer is final, waits for ever for a server that drips, writes to
standard error, gives a shared cache files that their owner alone may read, and leaves parts behind
where it was killed. Importing it takes a tenth of a second, which is spent at a download only.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from digitcnn.errors import CorruptFileError, InvalidArgumentError, UnavailableError

AnyPath = str | os.PathLike[str]

ATTEMPTS = 3
PAUSE_S = 0.5
# Without any news from the server; the whole of one attempt is limited below.
TIMEOUT_S = 30
ATTEMPT_S = 60
SLOWEST_BYTES_PER_S = 16 * 1024
# An attempt is over long before: what is left of one that was killed.
STALE_S = 24 * 3600
CHUNK_BYTES = 64 * 1024
_PASSING_STATUSES = frozenset({408, 425, 429})  # timeout, too early, too many requests

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


class _DownloadError(Exception):
    """One URL did not give the file; `is_final` where asking again would not help."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class _BoundedWriter:
    """Writes to a stream no more than the promised bytes, and keeps what the disk raised."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._room = size
        self.failure: OSError | None = None
        self.is_abandoned = False

    def write(self, chunk: bytes) -> None:
        if self.is_abandoned:
            raise _DownloadError("nobody waits for it any more")
        self._room -= len(chunk)
        if self._room < 0:
            raise _DownloadError("more bytes than the file has")
        try:
            self._stream.write(chunk)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        """Exist, because pooch calls it after each chunk; closing the stream flushes."""


def _download(file: PublishedFile, sources: Sources) -> None:
    """Put the file into the cache from the first URL that gives the published bytes."""
    failures: dict[str, _DownloadError] = {}
    try:
        if sources.cache.parts[0].startswith("~"):
            raise FileNotFoundError("there is no home directory")
        sources.cache.mkdir(parents=True, exist_ok=True)
        for url in _tries(sources.urls(file), failures):
            try:
                _download_from(url, file, sources.cache / file.filename)
            except _DownloadError as error:
                logger.info("%s: %s", url, error)
                failures[url] = error
            else:
                return
    except OSError as error:
        raise UnavailableError(
            f"`{sources.cache}` must be a folder to write to; got {type(error).__name__}: "
            f"{error.strerror or error}.",
            argument=sources.argument,
            remedy=f"Name another one in DIGITCNN_CACHE_DIR. {_by_hand(file, sources)}",
        ) from error
    reasons = "; ".join(f"{url}: {error}" for url, error in failures.items())
    raise UnavailableError(
        f"`{file.filename}` must be downloaded once; got {reasons}.",
        argument=sources.argument,
        remedy=_by_hand(file, sources),
    ) from next(iter(failures.values()), None)


def _tries(urls: list[str], failures: dict[str, _DownloadError]) -> Iterator[str]:
    """Yield each URL in turn, and again in later rounds unless its failure was final."""
    for attempt in range(ATTEMPTS):
        pending = [url for url in urls if url not in failures or not failures[url].is_final]
        if attempt and pending:
            time.sleep(PAUSE_S * attempt)
        yield from pending


def _download_from(url: str, file: PublishedFile, path: Path) -> None:
    """Download beside `path`, check, and move into place in one step."""
    part = path.with_name(f"{path.name}.{os.urandom(8).hex()}.part")
    try:
        with part.open("xb") as stream:
            _stream_in_time(url, _BoundedWriter(stream, file.size), time_limit(file))
        defect = find_defect(part, file)
        if defect is not None:
            raise _DownloadError(defect)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _drop_leftovers(path)
    logger.info("Downloaded %s to %s", url, path)


def _drop_leftovers(path: Path) -> None:
    """Delete what downloads of this file left behind that were killed long ago."""
    for part in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > STALE_S:
                part.unlink()


def time_limit(file: PublishedFile) -> float:
    """Return how many seconds one attempt to download a file may take."""
    return ATTEMPT_S + file.size / SLOWEST_BYTES_PER_S


def _stream_in_time(url: str, writer: _BoundedWriter, limit_s: float) -> None:
    """Stream, but for no longer than the limit.

    A thread does it, which can be left behind: the time-outs of requests count from byte to byte,
    so that a server which drips, or a name server that does not answer, would hold the caller for
    as long as it likes.
    """
    responses: list[Any] = []
    outcome: list[BaseException] = []

    def stream() -> None:
        try:
            _stream(url, writer, responses)
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            outcome.append(error)

    thread = threading.Thread(target=stream, name="digitcnn-download", daemon=True)
    thread.start()
    try:
        thread.join(limit_s)
    finally:
        if thread.is_alive():
            writer.is_abandoned = True
            for response in responses:
                _shut_down(response)
    if writer.is_abandoned:
        raise _DownloadError(f"not all of it within {limit_s:.0f} seconds", is_final=True)
    if outcome:
        raise outcome[0]


def _shut_down(response: Any) -> None:
    """Wake the thread that reads a response, where urllib3 (2.3 or newer) can."""
    with contextlib.suppress(AttributeError, OSError, ValueError, RuntimeError):
        response.raw.shutdown()


def _stream(url: str, writer: _BoundedWriter, responses: list[Any]) -> None:
    """Copy what the URL gives to the writer, telling the network's failures from the disk's."""
    import pooch

    with contextlib.ExitStack() as stack:

        def close_at_end(response: Any, **_: Any) -> None:
            responses.append(response)
            stack.callback(response.close)

        download = pooch.HTTPDownloader(
            chunk_size=CHUNK_BYTES,
            timeout=TIMEOUT_S,
            # Asked for unchanged: some servers would unpack a .gz on the way.
            headers={"Accept-Encoding": "identity"},
            # pooch 1.9 leaves the connection open when a download fails.
            hooks={"response": close_at_end},
        )
        try:
            download(url, writer, None)
        except (OSError, ValueError) as error:  # requests raises nothing else
            if error is writer.failure:
                raise
            raise _as_download_error(error) from error


def _as_download_error(error: Exception) -> _DownloadError:
    """Convert what requests raised; redirects in a circle and most 4xx statuses are final."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None:
        return _DownloadError(_root_cause(error))
    is_final = status < 500 and status not in _PASSING_STATUSES
    if status < 400:
        return _DownloadError(_root_cause(error), is_final=is_final)
    return _DownloadError(f"HTTP status {status}", is_final=is_final)


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
    # A checkout holds the release's assets.
    is_beside = is_file(Path("weights", file.filename))
    hint = f" The folder `weights` here holds it: set {sources.folder_variable}=weights."
    return (
        f"To place it by hand, download {' or '.join(sources.urls(file))} on any machine and copy "
        f"it to {sources.cache / file.filename}, or into a folder that you name in "
        f"{sources.folder_variable}.{hint if is_beside else ''}"
    )
