"""Change the library in small ways, one at a time, and count which the tests notice.

    python tools/mutate.py [--count 60] [--seed 1] [--jobs 2] [--json FILE]

Flips comparisons, arithmetic, conditions and numbers in the preprocessing and in what finds and
fetches weights; each mutant is one flip in a copy of what is committed, and is killed if one of the
tests named below fails or takes too long. A sample is drawn with the seed; texts of messages and
types are left alone. EQUIVALENT lists survivors that no test could tell from the original.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import copy
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = Path("src/digitcnn")
# What is changed, and the tests that should notice.
AREAS: dict[str, tuple[list[str], list[str]]] = {
    "preprocessing": (
        ["preprocessing/*.py"],
        [
            "tests/test_negative_bands.py",
            "tests/test_preprocessing.py",
            "tests/test_errors.py",
            "tests/test_pictures.py",
        ],
    ),
    "weights": (["weights.py", "_fetch.py", "_registry.py"], ["tests/test_weights.py"]),
}
# Survivors that nothing could kill, by the line they are in and by what became what, each with its
# reason.
EQUIVALENT: dict[tuple[str, str], str] = {
    ("if peak == 0:", "0 -> 1"): "a flat picture comes to the same by the line below",
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
SLOWEST_FACTOR, SLOWEST_EXTRA = 2, 30


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


def passes(root: Path, area: str, timeout: float | None) -> bool:
    """Run an area's tests in a copy; too slow is failed."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(root / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CI": "1",  # Hypothesis makes up the same examples each time
    }
    options = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    command = [sys.executable, "-m", "pytest", *options, *AREAS[area][1]]
    with subprocess.Popen(  # noqa: S603 - the project's own tests
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(timeout) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return False


def main() -> int:
    """Draw a sample, run it, and say what survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=60, help="mutants of each area (default: 60)")
    parser.add_argument("--area", choices=AREAS, action="append", help="one of them (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary there")
    arguments = parser.parse_args()
    roots = [copy_of_project() for _ in range(arguments.jobs)]
    everything = {area: list(mutants_of(roots[0], area)) for area in arguments.area or AREAS}
    rng = random.Random(arguments.seed)  # noqa: S311 - a sample, no secret
    sample = [
        mutant
        for mutants in everything.values()
        for mutant in rng.sample(mutants, min(len(mutants), arguments.count))
    ]
    limits = {area: _time_limit(roots[0], area) for area in everything}
    free, lock = list(roots), threading.Lock()

    def survives(mutant: Mutant) -> bool:
        with lock:
            root = free.pop()
        path = root / mutant.path
        original = path.read_text(encoding="utf-8")
        try:
            path.write_text(mutated(root, mutant), encoding="utf-8")
            survived = passes(root, mutant.area, limits[mutant.area])
        finally:
            path.write_text(original, encoding="utf-8")
            with lock:
                free.append(root)
        if survived:
            print(f"survived: {mutant.path}:{mutant.line}: {mutant.change}", flush=True)
        return survived

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        survived = list(pool.map(survives, sample))
    for root in roots:
        shutil.rmtree(root)
    summary = {
        area: _summary([(m, s) for m, s in zip(sample, survived, strict=True) if m.area == area])
        | {"places": len(mutants)}
        for area, mutants in everything.items()
    }
    print(json.dumps(summary, indent=1))
    if arguments.json:
        text = json.dumps({"seed": arguments.seed, "areas": summary}, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _time_limit(root: Path, area: str) -> float:
    """Run the tests once as they are, which must pass, and allow mutants a multiple of the time."""
    start = time.monotonic()
    if not passes(root, area, None):
        raise SystemExit(f"the tests of {area} fail without any change")
    return SLOWEST_FACTOR * (time.monotonic() - start) + SLOWEST_EXTRA


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
