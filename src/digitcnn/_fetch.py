"""Bring a published file onto this machine, checked; shared by `datasets` and `weights`.

pooch, which takes a tenth of a second to import, is loaded only to download.
"""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from digitcnn._published import PublishedFile, Sources, check, find_defect, is_file, setting
from digitcnn.errors import UnavailableError

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


def is_offline() -> bool:
    """Say whether DIGITCNN_OFFLINE forbids the network."""
    value = setting("DIGITCNN_OFFLINE")
    return value is not None and value.lower() not in {"0", "false", "no", "off"}


def obtain(file: PublishedFile, sources: Sources, *, download: bool) -> Path:
    """Give the path of a checked copy: from the variable's folder, the cache, or a download."""
    folder = sources.folder()
    if folder is not None and is_file(folder / file.filename):
        remedy = f"Replace it by {sources.urls(file)[0]}, or unset {sources.folder_variable}."
        return check(folder / file.filename, file, remedy=remedy)
    path = sources.cache / file.filename
    may_download = download and not is_offline()
    if is_file(path):
        if not may_download:
            return check(path, file, remedy=f"Delete it. {_by_hand(file, sources)}")
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
            remedy=f"Name another one in DIGITCNN_CACHE_DIR. {_by_hand(file, sources)}",
        ) from error
    reasons = "; ".join(f"{url}: {error}" for url, error in failures.items())
    raise UnavailableError(
        f"`{file.filename}` must be downloaded once; got {reasons}.",
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
    """Download beside `path`, check, and move into place in one step.

    pooch's own `retrieve` would leave mode 0600, print through its own logger, and copy where it
    cannot rename, so that another process could see half a file under the real name.
    """
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
    """Say how many seconds one attempt to download a file may take."""
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
    """Word what requests raised; a circle of redirects and most of the 4xx statuses are final."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None:
        return _DownloadError(_root_cause(error))
    is_final = status < 500 and status not in _PASSING_STATUSES
    if status < 400:
        return _DownloadError(_root_cause(error), is_final=is_final)
    return _DownloadError(f"HTTP status {status}", is_final=is_final)


def _root_cause(error: BaseException) -> str:
    """Tell in one line what started a chain of exceptions."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")


def _nowhere(file: PublishedFile, sources: Sources, folder: Path | None) -> UnavailableError:
    """Word that a file is not here and may not be fetched."""
    rule = "while DIGITCNN_OFFLINE is set" if is_offline() else "where nothing may be downloaded"
    places = [str(place) for place in (folder, sources.cache) if place is not None]
    return UnavailableError(
        f"`{file.filename}` must be on this machine {rule}; got none in {' or '.join(places)}.",
        remedy=_by_hand(file, sources),
    )


def _by_hand(file: PublishedFile, sources: Sources) -> str:
    """Word how to put a file in place by hand."""
    return (
        f"To place it by hand, download {' or '.join(sources.urls(file))} on any machine and copy "
        f"it to {sources.cache / file.filename}, or into a folder that you name in "
        f"{sources.folder_variable}."
    )
