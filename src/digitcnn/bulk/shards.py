"""The folder of a job: its plan, its manifest with the counts, and a file of answers a shard.

The plan is made once and lies on disk; a shard is done when its file is there. Each file is written
under another name and renamed, so that it is whole or not there, whoever is killed.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from digitcnn import __version__
from digitcnn._checks import NUM_CLASSES
from digitcnn.bulk.reader import BatchReader
from digitcnn.bulk.sources import Shard, list_shards, read_shard
from digitcnn.bulk.workers import AGAIN
from digitcnn.errors import DigitcnnError, InvalidArgumentError, UnavailableError
from digitcnn.weights import Weights

SCHEMA_VERSION = 1
_MORE_TRIES = 2

_COUNTS_KEY = b"digitcnn.counts"  # in a file's footer
_VERSION_KEY = b"digitcnn.schema_version"

# Counts by name, as each file of answers has its own: those of a job are their sum.
Counts = Counter[str]

_LEAST_CONFIDENCES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Settings:
    """Whatever decides what a job's files hold."""

    source: str
    task: str
    weights: dict[str, str]  # the name or the file of each network, and its SHA-256
    min_confidence: float
    column: str | None
    labels: str | None
    shard_size: int
    digitcnn: str = __version__


@dataclass(frozen=True)
class Task:
    """What a worker needs to know beside the shard."""

    settings: Settings
    weights: Weights | Path
    folder: Path


@dataclass(frozen=True)
class Summary:
    """The counts of a finished job.

    `str()` gives a report.

    Attributes
    ----------
    num_pictures, num_answered : int
        How many there were, and how many of them were read.
    errors : dict of str to int
        Why the others were not: how many had an error of each code.
    labelled : dict or None
        Where labels were asked for: num_pictures with a label; accuracy, the part of them that was
        read rightly, in all digits of a text; coverage, for each of some confidences the part that
        is as sure, and the accuracy of that; and confusion, how many digits of each label (row)
        were read as each digit (column), of texts only where their length was right.
    """

    num_pictures: int
    num_answered: int
    errors: dict[str, int]
    labelled: dict[str, Any] | None = None

    @classmethod
    def of(cls, counts: Counts) -> Summary:
        """Make a summary of counts."""
        errors = {key[6:]: counts[key] for key in sorted(counts) if key.startswith("error ")}
        total = counts["pictures"]
        return cls(total, total - sum(errors.values()), errors, _labelled(counts))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain numbers, strings, lists and dicts, ready for JSON."""
        return dict(vars(self))

    def __str__(self) -> str:
        """Report it in a few lines."""
        lines = [f"{self.num_answered:,} of {self.num_pictures:,} pictures were read"]
        lines += [f"  {count:,} {code}" for code, count in self.errors.items()]
        if self.labelled:
            lines += [
                f"accuracy {self.labelled['accuracy']:.2%}",
                "confidence  coverage  accuracy",
                *(
                    f"{each['confidence']:10.2f}{each['coverage']:10.2%}{each['accuracy']:10.2%}"
                    for each in self.labelled["coverage"]
                ),
                "labels in rows, answers in columns:",
                *(
                    "".join(f"{count:7,}" for count in row)
                    for row in [range(NUM_CLASSES), *self.labelled["confusion"]]
                ),
            ]
        return "\n".join(lines)


class JobFolder:
    """The output of a job, locked against every other driver while it is open."""

    def __init__(self, out: Path, settings: Settings) -> None:
        self.out = out
        self.num_shards = self.num_pictures = 0
        self._settings = settings

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Lock the folder; make the plan, or find the one of the same job."""
        import locket

        with writing(self.out):
            (self.out / "shards").mkdir(parents=True, exist_ok=True)
            lock = locket.lock_file(str(self.out / ".lock"), timeout=0)
            try:
                lock.acquire()
            except locket.LockError as error:
                raise InvalidArgumentError(
                    argument="out",
                    rule="be the folder of one job at a time",
                    got=repr(str(self.out)),
                    reason="where another one is running",
                    remedy="Wait for it, or name another folder.",
                ) from error
        try:
            with writing(self.out):
                self._find_plan()
            yield
        finally:
            lock.release()

    def _find_plan(self) -> None:
        manifest = self.out / "manifest.json"
        if manifest.exists():
            content = json.loads(manifest.read_text("utf-8"))
            self._refuse_other(content["settings"])
            self.num_shards = content["num_shards"]
            self.num_pictures = content["num_pictures"]
        elif any((self.out / "shards").iterdir()):
            raise self._not_ours("files of which no manifest tells")
        else:
            self._make_plan()
            self.write_manifest(None)
        self.remove_unfinished()

    def remove_unfinished(self) -> None:
        """Remove what drivers and workers that were killed had begun to write."""
        for path in (self.out / "shards").glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def _refuse_other(self, before: dict[str, Any]) -> None:
        now = json.loads(json.dumps(asdict(self._settings)))
        names = [name for name in now | before if now.get(name) != before.get(name)]
        if names:
            name = names[0]
            raise self._not_ours(f"a job whose {name} is {before.get(name)!r}")

    def _not_ours(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            argument="out",
            rule="be a new folder, or hold a job with the same settings",
            got=repr(str(self.out)),
            reason=f"which holds {what}",
            remedy="Name another folder.",
        )

    def _make_plan(self) -> None:
        settings = self._settings
        shards = list_shards(settings.source, settings.shard_size)
        with (
            replacing(self.out / "plan.jsonl.gz") as path,
            gzip.open(path, "wt", compresslevel=1, encoding="ascii") as stream,
        ):
            for shard in shards:
                stream.write(json.dumps(asdict(shard)) + "\n")
                self.num_shards += 1
                self.num_pictures += shard.num_pictures

    def plan(self) -> Iterator[Shard]:
        """Yield each shard."""
        with gzip.open(self.out / "plan.jsonl.gz", "rt", encoding="ascii") as stream:
            for line in stream:
                fields = json.loads(line)
                yield Shard(**fields | {"files": tuple(fields["files"])})

    def done(self) -> Iterator[tuple[int, Counts]]:
        """Yield the number and the counts of each shard whose file is there, and sound."""
        from pyarrow import ArrowInvalid, parquet

        for number in range(self.num_shards):
            path = shard_path(self.out, number)
            if path.exists():
                try:
                    metadata = parquet.read_metadata(path).metadata
                    yield number, Counts(json.loads(metadata[_COUNTS_KEY]))
                except (ArrowInvalid, KeyError):
                    path.unlink()  # a machine that lost power may leave an empty file

    def write_manifest(self, summary: Summary | None) -> None:
        """Write what the job is and, once it is finished, what came of it."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "settings": asdict(self._settings),
            "num_pictures": self.num_pictures,
            "num_shards": self.num_shards,
            "is_complete": summary is not None,
            "summary": summary and summary.to_dict(),
        }
        with writing(self.out), replacing(self.out / "manifest.json") as path:
            path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def shard_path(out: Path, number: int) -> Path:
    """Name the file of a shard's answers."""
    return out / "shards" / f"part-{number:06d}.parquet"


def answer_shard(task: Task, number: int, shard: Shard) -> Counts:
    """Answer the pictures of a shard, in a worker, and write its file."""
    for _ in range(_MORE_TRIES):  # what a distant store fails with may pass
        with contextlib.suppress(Exception):
            return _answer(task, number, shard)
    try:
        return _answer(task, number, shard)
    except DigitcnnError:
        raise
    except Exception as error:  # which may not survive the way to the driver
        raise failure_of(error) from error


def failure_of(error: Exception) -> UnavailableError:
    """Return what a worker failed with as an error of this library."""
    return UnavailableError(f"A worker failed with {type(error).__name__}: {error}.", remedy=AGAIN)


def _answer(task: Task, number: int, shard: Shard) -> Counts:
    settings = task.settings
    if settings.digitcnn != __version__:
        raise InvalidArgumentError(
            argument="scheduler",
            rule=f"have workers with digitcnn {settings.digitcnn}",
            got=__version__,
            remedy="Install the same version everywhere.",
        )
    reader = _reader(settings.task, task.weights, settings.min_confidence)
    columns: dict[str, list[Any]] = {}
    for chunk in read_shard(shard, column=settings.column, labels=settings.labels):
        part: dict[str, Any] = {
            "source": list(map(_as_text, chunk.sources)),
            "index": chunk.indices,
        }
        part |= reader.answer(chunk.images)
        if settings.labels:
            as_label = _as_digit if settings.task == "predict" else str
            part["label"] = [None if each is None else as_label(each) for each in chunk.labels]
        for name, values in part.items():
            columns.setdefault(name, []).extend(values)
    counts = _count_answers(columns)
    _write(shard_path(task.folder, number), columns, counts)
    return counts


def _count_answers(columns: dict[str, list[Any]]) -> Counts:
    """Count the answers of one file."""
    counts = Counter({"pictures": len(columns["code"])})
    counts.update(f"error {code}" for code in columns["code"] if code)
    answers = columns.get("text", columns.get("digit", []))
    for label, answer, confidence in zip(
        columns.get("label", ()), answers, columns["confidence"], strict=False
    ):
        if label is None:
            continue
        counts["labelled"] += 1
        if answer is None or answer == -1:
            continue
        wanted, given = _digits_of(label), _digits_of(answer)
        for least in _LEAST_CONFIDENCES:
            counts[f"covered {least}"] += confidence >= least
            counts[f"right {least}"] += confidence >= least and wanted == given
        if len(wanted) == len(given):
            counts.update(f"confusion {pair}" for pair in zip(wanted, given, strict=True))
    return counts


def _digits_of(value: Any) -> str:
    return re.sub("[^0-9]", "", str(value))


def _labelled(counts: Counts) -> dict[str, Any] | None:
    total = counts["labelled"]
    if not total:
        return None
    digits = "0123456789"
    return {
        "num_pictures": total,
        "accuracy": counts["right 0.0"] / total,
        "coverage": [
            {
                "confidence": least,
                "coverage": counts[f"covered {least}"] / total,
                "accuracy": counts[f"right {least}"] / max(counts[f"covered {least}"], 1),
            }
            for least in _LEAST_CONFIDENCES
        ],
        "confusion": [
            [counts[f"confusion {(label, digit)}"] for digit in digits] for label in digits
        ],
    }


@cache
def _reader(task: str, weights: Weights | Path, min_confidence: float) -> BatchReader:
    """Open a network once for a worker."""
    return BatchReader(task=task, weights=weights, min_confidence=min_confidence)


def _as_text(address: str) -> str:
    """Write what is no text in a file's name as an escape."""
    return os.fsencode(address).decode("utf-8", "backslashreplace")


def _as_digit(label: Any) -> int | None:
    try:
        return int(label)
    except ValueError:
        return None


def _write(path: Path, columns: dict[str, list[Any]], counts: Counts) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {
        "source": pa.string(),
        "index": pa.int64(),
        "text": pa.string(),
        "full_text": pa.string(),
        "digit": pa.int8(),
        "confidence": pa.float32(),
        "boxes": pa.list_(pa.list_(pa.float32())),
        "error": pa.string(),
        "code": pa.string(),
        "label": pa.int64() if "digit" in columns else pa.string(),
    }
    metadata = {_COUNTS_KEY: json.dumps(counts), _VERSION_KEY: str(SCHEMA_VERSION)}
    schema = pa.schema([(name, kinds[name]) for name in kinds if name in columns], metadata)
    with writing(path.parents[1]), replacing(path) as unfinished:
        parquet.write_table(pa.table(columns, schema), unfinished)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file to write, which then takes the place of this one, or is removed."""
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield unfinished
        with unfinished.open("rb+") as stream:
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(out: Path) -> Iterator[None]:
    """Return of which folder it is that nothing can be written."""
    try:
        yield
    except UnavailableError:
        raise
    except OSError as error:
        raise UnavailableError(
            argument="out",
            rule="be a folder that takes all answers",
            got=repr(str(out)),
            reason=f"which fails with: {error.strerror or error}",
            remedy=AGAIN,
        ) from error
