"""Change the library in small ways, one at a time, and count which the tests notice.

    python tools/mutate.py [--area AREA] [--count 60] [--minutes N] [--seed 1] [--jobs 1]
                           [--json FILE]

Flips comparisons, arithmetic, conditions and numbers in the preprocessing and in what finds and
fetches weights; each mutant is one flip in a copy of what is committed, and is killed if a test
fails or takes too long. A sample is drawn with the seed; texts of messages and types are left
alone. EQUIVALENT lists survivors that no test could tell from the original.

The tests run once first, and note which lines each of them reaches. A mutant then meets only those
that reach its statement, or one with a name that its statement defines, file by file and the
quickest first; where none does, it meets all. Each time is a fork of this process, which has
imported what takes time.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import contextlib
import copy
import functools
import io
import json
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import hypothesis.extra.numpy
import PIL.Image
import pytest

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = Path("src/digitcnn")
# What is changed, and the tests that should notice.
AREAS: dict[str, tuple[list[str], list[str]]] = {
    "preprocessing": (
        ["preprocessing/*.py"],
        [
            "tests/test_records.py",
            "tests/test_preprocessing_limits.py",
            "tests/test_preprocessing_parts.py",
            "tests/test_drawings.py",
            "tests/test_file_batches.py",
            "tests/test_negative_bands.py",
            "tests/test_preprocessing.py",
            "tests/test_errors.py",
        ],
    ),
    "weights": (
        ["weights.py", "_published.py", "_fetch.py", "_registry.py"],
        ["tests/test_weights.py"],
    ),
}
# Survivors that nothing could kill, by the line they are in and by what became what, each with its
# reason.
EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "centers = (edges[:-1] + edges[1:]) / 2",
        "(edges[:-1] + edges[1:]) / 2 -> (edges[:-1] + edges[1:]) * 2",
    ): "levels on another scale part best at the same place",
    (
        "centers = (edges[:-1] + edges[1:]) / 2",
        "2 -> 3",
    ): "levels on another scale part best at the same place",
    ("CHUNK_BYTES = 64 * 1024", "64 -> 128"): "how much is read at a time",
    ("CHUNK_BYTES = 64 * 1024", "1024 -> 2048"): "how much is read at a time",
    (
        "close = difflib.get_close_matches(name, known, n=1)",
        "1 -> 2",
    ): "only the first of them is named",
    (
        "if len(pieces.areas) <= 1:",
        "len(pieces.areas) <= 1 -> len(pieces.areas) < 1",
    ): "a single piece is kept by what follows as well; this only saves time",
}

SWAPPED: dict[type[Any], type[Any]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
# A mutant's tests may take so many times their time, and so many seconds more.
SLOWEST_FACTOR, SLOWEST_EXTRA = 4, 60
# Imported once, for all forks.
PRELOADED = (coverage, hypothesis.extra.numpy, PIL.Image, pytest)

Place = tuple[str, int]  # a file and a line of it


@dataclass(frozen=True)
class Mutant:
    """One change: the file, its place among the file's, the line and its text, what became what."""

    area: str
    path: str
    place: int
    line: int
    text: str
    before: str
    after: str

    @property
    def change(self) -> str:
        """Say what became what."""
        return f"{self.before} -> {self.after}"


def _idle_parts(node: ast.AST) -> list[Any]:
    """List what a change to would change nothing, or only a text."""
    if isinstance(node, ast.JoinedStr | ast.Raise):
        return [node]
    held = [getattr(node, name, None) for name in ("annotation", "returns")]
    return [part for part in (*held, *getattr(node, "decorator_list", [])) if part is not None]


class _Mutator(ast.NodeTransformer):
    """Counts the places where a file can be changed, and changes the one asked for."""

    def __init__(self, tree: ast.AST, wanted: int = -1) -> None:
        self.wanted = wanted
        # Texts of messages and types decide nothing.
        self.skipped = {
            id(part)
            for node in ast.walk(tree)
            for held in _idle_parts(node)
            for part in ast.walk(held)
        }
        self.places: list[tuple[int, str, str]] = []

    def _offer(self, node: Any, changed: Any) -> Any:
        """Take a place: give the changed node if this is the one."""
        self.places.append((node.lineno, ast.unparse(node), ast.unparse(changed)))
        return changed if len(self.places) - 1 == self.wanted else node

    def visit(self, node: ast.AST) -> Any:
        return node if id(node) in self.skipped else super().visit(node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        changed = copy.deepcopy(node)
        changed.ops[0] = SWAPPED[type(node.ops[0])]()
        return self._offer(node, changed)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        if type(node.op) not in SWAPPED:
            return node
        changed = copy.deepcopy(node)
        changed.op = SWAPPED[type(node.op)]()
        return self._offer(node, changed)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        changed = copy.deepcopy(node)
        changed.op = SWAPPED[type(node.op)]()
        return self._offer(node, changed)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        return self._offer(node, node.operand)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        return self._offer(node, ast.IfExp(node.test, node.orelse, node.body))

    def visit_Constant(self, node: ast.Constant) -> Any:
        value = node.value
        if isinstance(value, bool):
            return self._offer(node, ast.Constant(not value))
        if isinstance(value, int | float):
            # Twice a threshold is another threshold; twice 0 would be none.
            return self._offer(node, ast.Constant(value + 1 if abs(value) < 3 else value * 2))
        return node


def mutants_of(root: Path, area: str) -> Iterator[Mutant]:
    """List all mutants of an area."""
    for pattern in AREAS[area][0]:
        for path in sorted((root / SOURCE).glob(pattern)):
            source = path.read_text(encoding="utf-8")
            tree = ast.parse(source)
            lines = source.splitlines()
            mutator = _Mutator(tree)
            mutator.visit(tree)
            name = str(path.relative_to(root))
            for place, (line, before, after) in enumerate(mutator.places):
                text = lines[line - 1].strip()
                yield Mutant(area, name, place, line, text, before, after)


def mutated(root: Path, mutant: Mutant) -> str:
    """Write a file with one change."""
    tree = ast.parse((root / mutant.path).read_text(encoding="utf-8"))
    return ast.unparse(ast.fix_missing_locations(_Mutator(tree, mutant.place).visit(tree)))


def copy_of_project() -> Path:
    """Unpack what is committed into a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    archive = subprocess.run(  # noqa: S603 - the same words each time
        [
            *("/usr/bin/env", "git", "archive", "HEAD"),
            *("src", "tests", "examples", "weights", "tools", "pyproject.toml"),
        ],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


# Where a mutant is, and who looks there.


class Code:
    """Finds the lines that a change in one of an area's files may show in."""

    def __init__(self, root: Path, area: str) -> None:
        self._statements: dict[str, list[range]] = {}
        self._defined: dict[Place, set[str]] = {}
        self._uses: dict[str, set[Place]] = defaultdict(set)
        for pattern in AREAS[area][0]:
            for path in sorted((root / SOURCE).glob(pattern)):
                self._read(str(path.relative_to(root)), ast.parse(path.read_text(encoding="utf-8")))

    def _read(self, name: str, tree: ast.Module) -> None:
        """Note a file's statements, the names it defines outside of functions, and their uses."""
        is_block = ast.FunctionDef | ast.ClassDef
        self._statements[name] = [
            range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt) and not isinstance(node, is_block)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute):
                used = node.id if isinstance(node, ast.Name) else node.attr
                self._uses[used].add((name, node.lineno))
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                stored = {
                    each.id
                    for each in ast.walk(node)
                    if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
                }
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    self._defined[name, line] = stored or names

    def around(self, place: Place) -> set[Place]:
        """Give the lines of the innermost statement, or of all that use what it defines."""
        names = self._defined.get(place)
        if names is None:
            return self._statement(place)
        seen, waiting, found = set(names), list(names), set()
        while waiting:
            for use in self._uses[waiting.pop()]:
                found |= self._statement(use)
                further = self._defined.get(use, set()) - seen
                seen |= further
                waiting += further
        return found

    def _statement(self, place: Place) -> set[Place]:
        name, line = place
        held = [lines for lines in self._statements[name] if line in lines]
        innermost = max(held, key=lambda lines: (lines.start, -lines.stop), default=[line])
        return {(name, each) for each in innermost}


@dataclass(frozen=True)
class Looks:
    """Which lines each test reaches, and how long it takes."""

    lines: dict[str, set[Place]]
    seconds: dict[str, float]

    def at(self, places: set[Place]) -> list[str]:
        """Name the tests that reach one of these lines, the quickest first; all if none does."""
        found = [test for test, lines in self.lines.items() if lines & places]
        return sorted(found or self.seconds, key=self.seconds.__getitem__)


class _Noting:
    """Notes what each test reaches and how long it takes, while pytest runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(root / SOURCE / "*")]
        )
        self._seconds: dict[str, float] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test with its fixtures."""
        self._coverage.start()
        self._coverage.switch_context(item.nodeid)
        start = time.monotonic()
        yield
        self._seconds[item.nodeid] = time.monotonic() - start
        self._coverage.stop()

    def looks(self) -> Looks:
        """Say what was noted."""
        lines: dict[str, set[Place]] = defaultdict(set)
        found = self._coverage.get_data()
        for file in found.measured_files():
            name = str(Path(file).relative_to(self._root))
            for line, tests in found.contexts_by_lineno(file).items():
                for test in tests:
                    lines[test].add((name, line))
        return Looks(dict(lines), self._seconds)


class _Choosing:
    """Leaves all tests out but those named, and runs them in their order."""

    def __init__(self, tests: list[str]) -> None:
        self._order = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose."""
        items[:] = [item for item in items if item.nodeid in self._order]
        items.sort(key=lambda item: self._order[item.nodeid])


# Running tests.


def _run_pytest(root: Path, files: list[str], plugin: object, log: str = os.devnull) -> int:
    """Run tests of a copy in this process, which must be a fork."""
    os.setsid()
    os.chdir(root)
    os.environ |= {
        "PYTHONPATH": str(root / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CI": "1",  # Hypothesis makes up the same examples each time
    }
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(root / "src"))
    for stream, place in ((0, os.devnull), (1, log), (2, log)):
        os.dup2(os.open(place, os.O_RDWR), stream)
    options = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    options += ["-m", "not slow and not mnist"]
    # Hypothesis is there already, whose own asserts need no rewriting.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, *files], plugins=[plugin]))


def _in_fork(work: Callable[[], int], seconds: float) -> int | None:
    """Give the status a function comes to in a fork, or None if it takes longer than that."""
    child = os.fork()
    if child == 0:
        status = 99
        with contextlib.suppress(BaseException):
            status = work()
        os._exit(status)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def look_around(root: Path, area: str) -> Looks:
    """Run an area's tests as they are, which must pass, and note what each reaches."""
    with tempfile.NamedTemporaryFile() as file, tempfile.NamedTemporaryFile() as log:

        def work() -> int:
            noting = _Noting(root)
            status = _run_pytest(root, AREAS[area][1], noting, log.name)
            Path(file.name).write_bytes(pickle.dumps(noting.looks()))
            return status

        if _in_fork(work, 3600) != 0:
            said = log.read().decode(errors="replace")
            raise SystemExit(f"{said}\nthe tests of {area} fail without any change")
        return pickle.loads(file.read())  # noqa: S301 - written above


@dataclass(frozen=True)
class Trial:
    """A mutant, and the tests that it meets."""

    mutant: Mutant
    tests: list[str]
    seconds: float


_roots: list[Path] = []


def _take_root(roots: Any) -> None:
    """Let each worker have a copy of its own."""
    _roots.append(roots.get())


def survives(trial: Trial) -> bool:
    """Run the tests on a mutant; too slow is failed."""
    (root,) = _roots
    path = root / trial.mutant.path
    original, times = path.read_text(encoding="utf-8"), path.stat()
    chosen = {test.partition("::")[0] for test in trial.tests}
    try:
        path.write_text(mutated(root, trial.mutant), encoding="utf-8")
        return all(
            _in_fork(
                functools.partial(_run_pytest, root, [file], _Choosing(trial.tests)), trial.seconds
            )
            == 0
            for file in AREAS[trial.mutant.area][1]
            if file in chosen
        )
    finally:
        path.write_text(original, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def trials(root: Path, mutants: list[Mutant], area: str) -> Iterator[Trial]:
    """Choose the tests for each mutant of an area."""
    code, looks = Code(root, area), look_around(root, area)
    for mutant in mutants:
        tests = looks.at(code.around((mutant.path, mutant.line)))
        seconds = sum(looks.seconds[test] for test in tests)
        yield Trial(mutant, tests, SLOWEST_FACTOR * seconds + SLOWEST_EXTRA)


def main() -> int:
    """Draw a sample, run it, and say what survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=60, help="mutants of each area (default: 60)")
    parser.add_argument("--area", choices=AREAS, action="append", help="one of them (default: all)")
    parser.add_argument("--minutes", type=float, default=1e6, help="end after so long, if sooner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary there")
    arguments = parser.parse_args()
    roots = [copy_of_project() for _ in range(arguments.jobs)]
    everything = {area: list(mutants_of(roots[0], area)) for area in arguments.area or AREAS}
    rng = random.Random(arguments.seed)  # noqa: S311 - a sample, no secret
    sample = [
        trial
        for area, mutants in everything.items()
        for trial in trials(roots[0], rng.sample(mutants, min(len(mutants), arguments.count)), area)
    ]
    forking = multiprocessing.get_context("fork")
    free = forking.Queue()
    for root in roots:
        free.put(root)
    results = []
    end = time.monotonic() + 60 * arguments.minutes
    with concurrent.futures.ProcessPoolExecutor(
        arguments.jobs, forking, initializer=_take_root, initargs=(free,)
    ) as pool:
        tries = [(trial.mutant, pool.submit(survives, trial)) for trial in sample]
        for mutant, trial in tries:
            if trial.cancelled():
                continue
            results.append((mutant, trial.result()))
            if trial.result():
                print(f"survived: {mutant.path}:{mutant.line}: {mutant.change}", flush=True)
            if time.monotonic() > end:
                # What was tried so far is a sample all the same.
                for _, waiting in tries:
                    waiting.cancel()
    for root in roots:
        shutil.rmtree(root, ignore_errors=True)
    summary = {
        area: _summary([(m, s) for m, s in results if m.area == area]) | {"places": len(mutants)}
        for area, mutants in everything.items()
    }
    print(json.dumps(summary, indent=1))
    if arguments.json:
        text = json.dumps({"seed": arguments.seed, "areas": summary}, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _summary(results: list[tuple[Mutant, bool]]) -> dict[str, Any]:
    """Count, and list what survived."""
    survivors = [mutant for mutant, survived in results if survived]
    counts = Counter((each.text, each.change) in EQUIVALENT for each in survivors)
    return {
        "mutants": len(results),
        "killed": len(results) - len(survivors),
        "equivalent": counts[True],
        "survivors": [f"{each.path}:{each.line}: {each.change}" for each in survivors],
    }


if __name__ == "__main__":
    sys.exit(main())
