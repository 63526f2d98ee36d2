"""Run the tests on other versions of Python and of the dependencies, and write down what ran.

    python tools/compatibility.py WHEEL [--only NAME ...] [--where-possible NAME ...] [--json FILE]

Each environment is made anew with uv, in a temporary folder: `oldest` is the oldest Python with the
oldest versions that pyproject.toml allows, `newest` the newest with the newest, `middle` one
between; these have no TensorFlow, and also read a picture with the command. `keras-oldest` and
`keras-newest` have all extras, and run the tests of networks, of files for them and of training.
By default `oldest` and `newest`; of those named as `--where-possible`, one whose packages cannot be
fetched is left out, in a line. The status is 1 if a test fails. Needs only Python itself.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
PICTURE, DIGIT = "examples/seven-on-paper.jpg", "7"
OLDEST = (3, 11)
NEWEST_FOR_KERAS = (3, 13)  # TensorFlow has no wheels beyond
LAST_LINES = 25

LIGHT = ("tests", "--ignore=tests/test_docs.py", "--ignore=tests/test_pictures.py")
KERAS = tuple(f"tests/test_{name}.py" for name in ("models", "exporting", "hdf5", "training"))
NAMED = ("numpy", "pillow", "pooch", "platformdirs", "onnxruntime")
NAMED_KERAS = (*NAMED, "tensorflow", "keras", "h5py", "onnx")

_VERSIONS = """
import importlib.metadata as m, json, sys
print(json.dumps({"python": sys.version.split()[0]} | {n: m.version(n) for n in sys.argv[1:]}))
"""


@dataclasses.dataclass(frozen=True)
class Environment:
    """A Python, a choice of dependencies, and what is run in it."""

    name: str
    python: str
    resolution: str
    has_keras: bool


def call(
    command: Sequence[str | Path], *, check: bool = True, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command of this script's own making."""
    return subprocess.run(command, check=check, text=True, **options)  # noqa: S603


def find_pythons() -> dict[tuple[int, int], str]:
    """Find the versions of Python on this machine that the package supports."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    found = sorted((Path.home() / ".pyenv" / "versions").glob("*/bin/python"))
    for folder in folders:
        found += sorted(path for path in folder.glob("python3.*") if path.suffix[1:].isdigit())
    pythons: dict[tuple[int, int], str] = {}
    for path in found:
        shown = call(
            [path, "-c", "import sys; print(sys.version_info[:2])"],
            capture_output=True,
            check=False,
        )
        numbers = re.findall(r"\d+", shown.stdout)
        if not shown.returncode and tuple(map(int, numbers)) >= OLDEST:
            pythons.setdefault((int(numbers[0]), int(numbers[1])), str(path))
    return pythons


def environments() -> dict[str, Environment]:
    """Name the environments that this machine can have."""
    pythons = find_pythons()
    known = sorted(pythons)
    with_keras = [version for version in known if version <= NEWEST_FOR_KERAS]
    chosen = {
        "oldest": (known[0], "lowest-direct"),
        "middle": (known[len(known) // 2], "highest"),
        "newest": (known[-1], "highest"),
        "keras-oldest": (with_keras[0], "lowest-direct"),
        "keras-newest": (with_keras[-1], "highest"),
    }
    return {
        name: Environment(name, pythons[version], resolution, name.startswith("keras"))
        for name, (version, resolution) in chosen.items()
    }


def install(environment: Environment, wheel: Path, uv: Path, place: Path) -> None:
    """Make an environment with the package in it."""
    call([uv, "venv", "-q", "--python", environment.python, place])
    extra = "[all]" if environment.has_keras else ""
    command = [uv, "pip", "install", "-q", "--python", place, "--only-binary", ":all:"]
    command += ["--resolution", environment.resolution, f"digitcnn{extra} @ {wheel.as_uri()}"]
    command += ["-r", "pyproject.toml", "--group", "test"]
    command += ["--all-extras"] if environment.has_keras else []
    call(command, cwd=PROJECT)


def test(environment: Environment, place: Path) -> dict[str, Any]:
    """Run the tests in an environment; give the versions and the counts."""
    python = place / "bin" / "python"
    named = NAMED_KERAS if environment.has_keras else NAMED
    shown = call([python, "-c", _VERSIONS, *named], capture_output=True)
    row: dict[str, Any] = {"name": environment.name, "versions": json.loads(shown.stdout)}
    if not environment.has_keras:
        row["reads"] = read_without_tensorflow(python)
    log, report = place / "log.txt", place / "report.xml"
    with log.open("w") as file:
        tests = KERAS if environment.has_keras else LIGHT
        # The tests' own properties have no place in the newer form of the report.
        options = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
        options += [f"--junitxml={report}"]
        call(
            [python, "-m", "pytest", *options, *tests],
            check=False,
            cwd=PROJECT,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    print("\n".join([environment.name, *log.read_text("utf-8").splitlines()[-LAST_LINES:]]))
    return row | counts(report)


def read_without_tensorflow(python: Path) -> bool:
    """Tell whether the command reads a picture there, and TensorFlow is not there."""
    absent = "import importlib.util as u; assert not u.find_spec('tensorflow')"
    call([python, "-c", absent])
    command = [python, "-m", "digitcnn", "predict", PICTURE]
    done = call(command, capture_output=True, cwd=PROJECT)
    return done.stdout.strip() == DIGIT


def counts(report: Path) -> dict[str, int]:
    """Count what passed, what failed and what was skipped."""
    if not report.exists():
        return {"passed": 0, "failed": 1, "skipped": 0}
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest wrote it just now
    number = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    return {
        "passed": number["tests"] - failed - number["skipped"],
        "failed": failed,
        "skipped": number["skipped"],
    }


def main() -> int:
    """Run the tests in each environment asked for."""
    known = environments()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("wheel", type=Path, help="the package, built")
    parser.add_argument("--only", nargs="+", choices=known, default=["oldest", "newest"])
    parser.add_argument("--where-possible", nargs="+", choices=known, default=[], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2, help="environments at once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="compatibility-") as name:
        folder = Path(name)
        venv.create(folder / "uv", with_pip=True)
        call([folder / "uv" / "bin" / "pip", "install", "-q", "uv"])
        uv, wheel = folder / "uv" / "bin" / "uv", arguments.wheel.resolve()

        def run(name: str) -> dict[str, Any] | None:
            try:
                install(known[name], wheel, uv, folder / name)
            except subprocess.CalledProcessError as error:
                if name not in arguments.where_possible:
                    raise
                print(f"{name} is left out: {error}")
                return None
            return test(known[name], folder / name)

        chosen = dict.fromkeys([*arguments.only, *arguments.where_possible])
        with ThreadPoolExecutor(arguments.jobs) as pool:
            rows = [row for row in pool.map(run, chosen) if row]
    for row in rows:
        print(json.dumps(row))
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 1 if any(row["failed"] or not row.get("reads", True) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
