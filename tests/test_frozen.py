"""Programs that carry the package in a zip file, or frozen by PyInstaller, read as others do."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from processes import run_python

import digitcnn

PACKAGE = Path(digitcnn.__file__).parent
ROOT = Path(__file__).parents[1]
SEVEN = ROOT / "examples" / "seven-on-paper.jpg"
PROGRAM = (
    "import sys, digitcnn\nprint(digitcnn.predict(sys.argv[1]), digitcnn.read(sys.argv[1]).text)\n"
)


def test_a_package_in_a_zip_file_reads(tmp_path):
    """Weights and registry are found inside a zip file, and nothing is left of them."""
    packed = shutil.make_archive(tmp_path / "packed", "zip", PACKAGE.parent, PACKAGE.name)
    left = tmp_path / "temporary"
    left.mkdir()
    program = f"{PROGRAM}assert '.zip' in digitcnn.__file__\n"

    environment = os.environ | {"PYTHONPATH": packed, "TMPDIR": str(left)}
    assert run_python(program, SEVEN, env=environment) == "7 7\n"
    assert not list(left.iterdir())


def test_pyinstaller_is_told_of_the_hook():
    """The entry point leads to a folder with the hook for this package in it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, function = project["entry-points"]["pyinstaller40"]["hook-dirs"].partition(":")
    (folder,) = getattr(importlib.import_module(module), function)()

    assert (Path(folder) / "hook-digitcnn.py").is_file()


@pytest.mark.slow
def test_a_frozen_program_reads(tmp_path):
    """The hook brings weights and rooms along, and nothing that only training needs."""
    pytest.importorskip("PyInstaller")
    (tmp_path / "reader.py").write_text(PROGRAM, "utf-8")
    options = ["--distpath", tmp_path / "dist", "--workpath", tmp_path, "--specpath", tmp_path]
    options += ["--additional-hooks-dir", PACKAGE / "_pyinstaller"]

    subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, tmp_path / "reader.py"],
        capture_output=True,
        check=True,
    )

    folder = tmp_path / "dist" / "reader"
    done = subprocess.run([folder / "reader", SEVEN], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("7 7\n", "")
    assert not list(folder.rglob("*tensorflow*"))
