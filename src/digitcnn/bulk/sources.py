"""What a source holds: files, globs, Parquet and CSV, cut into shards that are read one by one."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Any, TypeVar

import numpy as np

from digitcnn.datasets import PICTURE_SUFFIXES
from digitcnn.errors import (
    CorruptFileError,
    DigitcnnError,
    ImageReadError,
    InvalidArgumentError,
    InvalidImageError,
)
from digitcnn.images import IMAGE_SIDE
from digitcnn.images.files import read_path

T = TypeVar("T")

# Pictures that are in memory at once, and threads that open the next ones meanwhile.
_CHUNK_SIZE = 64
_THREADS = 8
# A column of Parquet is read in pieces of so many bytes, however long it is.
_BUFFER_BYTES = 2**20

_PARQUET_SUFFIXES = (".parquet", ".pq")
_CSV_SUFFIX = ".csv"
_LABEL_NAMES = ("label", "class", "digit", "target", "y")


@dataclass(frozen=True)
class Shard:
    """Pictures that are answered together: some files, or some rows of one table.

    Attributes
    ----------
    files : sequence of str
        Their addresses; of a table the one.
    first, count : int
        Of a table: its rows from which on, and how many.
    begin, end : int
        Of a CSV file: where these rows stand in it, in bytes.
    """

    files: tuple[str, ...]
    first: int = 0
    count: int = 0
    begin: int = 0
    end: int = 0

    @property
    def num_pictures(self) -> int:
        """How many pictures there are."""
        return self.count or len(self.files)


@dataclass(frozen=True)
class Chunk:
    """Some pictures of a shard, an error where one cannot be had, and their labels if asked for."""

    sources: list[str]
    indices: list[int]
    images: list[Any]
    labels: list[Any]


def list_shards(source: str, shard_size: int) -> Iterator[Shard]:
    """Yield the shards of a source, in memory that its size does not change."""
    names = _names(source)
    first = next(names, None)
    if first is None:
        raise InvalidArgumentError(
            argument="source",
            rule="be a folder or glob of pictures, a CSV file, or Parquet",
            got=repr(source),
            reason="where nothing of the kind is",
            remedy="Check the path.",
        )
    names = chain([first], names)
    if _suffix(first) in _PARQUET_SUFFIXES:
        for name in names:
            yield from _parquet_shards(name, shard_size)
    elif _suffix(first) == _CSV_SUFFIX:
        for name in names:
            yield from _csv_shards(name, shard_size)
    else:
        yield from (Shard(files) for files in _parts(names, shard_size))


def read_shard(shard: Shard, *, column: str | None, labels: str | None) -> Iterator[Chunk]:
    """Yield the pictures of a shard, few at a time."""
    suffix = _suffix(shard.files[0])
    if suffix in _PARQUET_SUFFIXES:
        return _parquet_chunks(shard, column, labels)
    if suffix == _CSV_SUFFIX:
        return _csv_chunks(shard, labels)
    return _file_chunks(shard)


def _parts(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield so many at a time."""
    items = iter(items)
    while part := tuple(islice(items, size)):
        yield part


def _suffix(address: str) -> str:
    return os.path.splitext(address.partition("::")[0])[1].lower()  # noqa: PTH122 - it may be a URL


def is_remote(address: str) -> bool:
    """Distinguish an address of fsspec's from a path."""
    return "://" in address


def _names(source: str) -> Iterator[str]:
    """Yield the addresses of the files that a source names."""
    if not is_remote(source):
        if os.path.isdir(source):  # noqa: PTH112 - Path refuses names with a NUL
            return _of_kind(lambda: _walk(os.walk(source), os.path.join))
        if os.path.lexists(source):
            return iter([source])
        return filter(os.path.isfile, glob.iglob(source, recursive=True))  # noqa: PTH207 - lazy
    import fsspec

    files, path = fsspec.core.url_to_fs(source)
    _, chained, rest = source.partition("::")
    if glob.has_magic(path):
        names: Iterable[str] = sorted(files.glob(path))
    elif files.isdir(path):
        names = _of_kind(lambda: _walk(files.walk(path), lambda *parts: "/".join(parts)))
    else:
        names = [path]
    return (f"{files.unstrip_protocol(name)}{chained}{rest}" for name in names)


def _walk(folders: Iterable[Any], join: Any) -> Iterator[str]:
    """Yield the files of a tree in the order of their names, hidden ones left out."""
    for folder, inner, files in folders:
        if isinstance(inner, list):  # of os.walk, which goes through them in this order
            inner[:] = sorted(name for name in inner if not name.startswith((".", "_")))
        yield from (join(folder, name) for name in sorted(files) if name[0] not in "._")


def _of_kind(walk: Any) -> Iterator[str]:
    """Yield the pictures of a folder, or its Parquet files if it has no pictures."""
    for suffixes in (PICTURE_SUFFIXES, _PARQUET_SUFFIXES):
        names = (name for name in walk() if _suffix(name) in suffixes)
        first = next(names, None)
        if first is not None:
            return chain([first], names)
    return iter(())


def _open(address: str) -> IO[bytes]:
    """Open a table."""
    if not is_remote(address):
        return open(address, "rb")  # noqa: PTH123 - as above
    import fsspec

    stream: IO[bytes] = fsspec.open(address, "rb").open()
    return stream


def _file_chunks(shard: Shard) -> Iterator[Chunk]:
    """Yield the contents of files; several threads open the next while these are worked on."""
    with ThreadPoolExecutor(_THREADS) as pool:
        before: tuple[str, ...] = ()
        opened: list[Any] = []
        for names in [*_parts(shard.files, _CHUNK_SIZE), ()]:
            # Some files to a call: to hand over each alone costs as much as to open it.
            parts = _parts(names, _CHUNK_SIZE // _THREADS)
            opening = [pool.submit(lambda part: list(map(_content, part)), part) for part in parts]
            if before:
                images = [content for part in opened for content in part.result()]
                yield Chunk(list(before), [0] * len(before), images, [])
            before, opened = names, opening


def _content(address: str) -> bytes | DigitcnnError:
    """Return the bytes of a picture's file, or why there are none."""
    try:
        if not is_remote(address):
            return read_path(address)
        import fsspec

        files, path = fsspec.core.url_to_fs(address)
        content: bytes = files.cat_file(path)
    except DigitcnnError as error:
        return error
    # Whatever else a distant store fails with says nothing about the picture.
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        return ImageReadError(
            argument="images",
            rule="name readable files",
            got=repr(address),
            reason=f"which fails with: {error}",
            remedy="Check the address and its permissions.",
        )
    return content


def _parquet_shards(name: str, shard_size: int) -> Iterator[Shard]:
    with _parquet(name) as table:
        num_rows = table.metadata.num_rows
    for first in range(0, num_rows, shard_size):
        yield Shard((name,), first, min(shard_size, num_rows - first))


@contextlib.contextmanager
def _parquet(name: str) -> Iterator[Any]:
    """Open a Parquet file, to be read in order and in pieces."""
    import pyarrow as pa
    from pyarrow import parquet

    with _open(name) as stream:
        try:
            yield parquet.ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise CorruptFileError(
                argument="source",
                rule="hold sound tables",
                got=repr(name),
                reason=f"which fails with: {error}",
                remedy="Write it again.",
            ) from error


def _parquet_chunks(shard: Shard, column: str | None, labels: str | None) -> Iterator[Chunk]:
    """Yield rows of a Parquet file; only the row groups that hold them are read."""
    name, last = shard.files[0], shard.first + shard.count
    with _parquet(name) as table:
        wanted = _picture_column(table.schema_arrow, column)
        sizes = [table.metadata.row_group(at).num_rows for at in range(table.num_row_groups)]
        ends = np.cumsum(sizes)
        groups = np.flatnonzero((ends > shard.first) & (ends - sizes < last)).tolist()
        row = int(ends[groups[0]]) - sizes[groups[0]]
        columns = [wanted, labels] if labels else [wanted]
        for batch in table.iter_batches(_CHUNK_SIZE, row_groups=groups, columns=columns):
            low, high = max(shard.first - row, 0), min(last - row, len(batch))
            if low < high:
                part = batch.slice(low, high - low)
                yield Chunk(
                    [name] * len(part),
                    list(range(row + low, row + high)),
                    part.column(wanted).to_pylist(),
                    part.column(labels).to_pylist() if labels else [],
                )
            row += len(batch)
            if row >= last:
                break


def check_columns(source: str, *, column: str | None, labels: str | None) -> None:
    """Refuse columns that the first table of a source does not have, before the work begins."""
    name = next(_names(source), "")
    if _suffix(name) in _PARQUET_SUFFIXES:
        with _parquet(name) as table:
            _picture_column(table.schema_arrow, column)
            names = table.schema_arrow.names
    elif _suffix(name) == _CSV_SUFFIX:
        with _open(name) as stream:
            names = _csv_layout(stream, name)[0]
    else:
        names = []
    for argument, value in (("column", None if names else column), ("labels", labels)):
        if value is not None and value not in names:
            raise InvalidArgumentError(
                argument=argument,
                rule="name a column of the source",
                got=repr(value),
                reason=f"where there are {', '.join(names) or 'none'}",
                remedy="Choose one of these." if names else "Leave it out.",
            )


def _picture_column(schema: Any, column: str | None) -> str:
    """Return the column of encoded bytes: the one asked for, or the only one there is."""
    from pyarrow import types

    found = [
        field.name
        for field in schema
        if types.is_binary(field.type)
        or types.is_large_binary(field.type)
        or (types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
    ]
    if column in found or (column is None and len(found) == 1):
        return column or found[0]
    raise InvalidArgumentError(
        argument="column",
        rule="name a column of encoded pictures",
        got=repr(column),
        reason=f"where such are {', '.join(found) or 'none'}",
        remedy="Choose one of these." if found else "Store the files' bytes.",
    )


def _csv_layout(stream: IO[bytes], name: str) -> tuple[list[str], int | None, int]:
    """Return the names of the columns, which one is the label, and where the rows begin."""
    line = stream.readline()
    cells = line.decode("utf-8-sig", "replace").strip().split(",")
    names = [cell.strip(" \"'") for cell in cells]
    has_names = not all(each.isdecimal() for each in names)
    if len(names) not in (_NUM_PIXELS, _NUM_PIXELS + 1):
        raise InvalidArgumentError(
            argument="source",
            rule=f"be a CSV file of {_NUM_PIXELS} pixels to a row, with or without a label",
            got=repr(name),
            reason=f"which has {len(names)} columns",
            remedy="Pass pictures as files or in Parquet.",
        )
    named = [at for at, each in enumerate(names) if each.lower() in _LABEL_NAMES]
    label = None if len(names) == _NUM_PIXELS else named[0] if has_names and named else 0
    return (names, label, len(line)) if has_names else ([], label, 0)


_NUM_PIXELS = IMAGE_SIDE**2


def _csv_shards(name: str, shard_size: int) -> Iterator[Shard]:
    """Find where each shard's rows begin and end, so that it can be read alone."""
    with _open(name) as stream:
        begin = _csv_layout(stream, name)[2]
        stream.seek(begin)
        first = 0
        for lines in _parts(stream, shard_size):
            end = begin + sum(map(len, lines))
            count = sum(1 for line in lines if line.strip())
            if count:
                yield Shard((name,), first, count, begin, end)
            first, begin = first + count, end


def _csv_chunks(shard: Shard, labels: str | None) -> Iterator[Chunk]:
    """Yield rows of a CSV file."""
    name = shard.files[0]
    with _open(name) as stream:
        names, label, _ = _csv_layout(stream, name)
        label = names.index(labels) if labels else label
        stream.seek(shard.begin)
        lines = stream.read(shard.end - shard.begin).splitlines()
    rows = (line.split(b",") for line in lines if line.strip())
    for part in _parts(enumerate(rows, shard.first), _CHUNK_SIZE):
        found = [None if label is None or label >= len(row) else row.pop(label) for _, row in part]
        yield Chunk(
            [name] * len(part),
            [index for index, _ in part],
            [_pixels(row) for _, row in part],
            [each and each.decode().strip() for each in found] if labels else [],
        )


def _pixels(cells: list[bytes]) -> Any:
    """Return a row as a picture, or why it is none."""
    try:
        values = bytes(map(int, cells))
        return np.frombuffer(values, np.uint8).reshape(IMAGE_SIDE, IMAGE_SIDE)
    except ValueError as error:
        return InvalidImageError(
            argument="images",
            rule=f"hold {_NUM_PIXELS} whole numbers in 0..255 to a row",
            got=f"{len(cells)} values",
            reason=f"of which is said: {error}",
            remedy="Mend or drop the row.",
        )
