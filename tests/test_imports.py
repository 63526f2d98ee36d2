"""The rooms import one way only, and `import digitcnn` next to nothing."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from processes import run_python

import digitcnn

SOURCE = Path(digitcnn.__file__).parent
HEAVY = ("tensorflow", "keras", "onnxruntime", "pooch", "matplotlib")

# What each room may import of the others. The ground floor imports errors alone.
MAY_IMPORT = {
    room: set(others.split())
    for room, others in {
        "errors": "",
        "_pyinstaller": "",
        "_checks": "errors",
        "images": "errors",
        "preprocessing": "errors _sessions detection images",
        "synthesis": "errors _checks readings",
        "detection": "errors _sessions readings",
        "readings": "",
        "reading": "errors _checks _sessions detection images preprocessing readings weights",
        "architectures": "errors",
        "augmentation": "errors _checks",
        "plots": "errors _checks evaluation images preprocessing readings",
        "_downloads": "errors",
        "_runs": "errors",
        "_sessions": "errors _weight_files weights",
        "_weight_files": "errors",
        "datasets": "errors _checks _downloads _tables augmentation preprocessing",
        "_tables": "errors",
        "weights": "errors _downloads _runs",
        "_quantization": "errors _checks",
        "models": "errors _checks _quantization _runs _weight_files architectures weights",
        "exporting": "errors _checks models",
        "inference": "errors _checks _sessions images models preprocessing reading weights",
        "bulk": "errors __version__ _checks _sessions datasets detection images inference "
        "preprocessing reading readings weights",
        "evaluation": "errors _checks detection images inference preprocessing readings synthesis",
        "training": "errors _checks _runs _weight_files architectures augmentation "
        "datasets detection evaluation exporting models preprocessing readings synthesis",
        "tuning": "errors _checks preprocessing training",
        "serve": "errors __version__ _checks _sessions inference preprocessing reading weights",
    }.items()
}
# These see everything: the public names, and the shell over them.
FREE = {"__init__", "__main__", "cli"}

MAY_LOAD = {
    package: set(rooms.split())
    for package, rooms in {
        "tensorflow": "models training exporting datasets",
        "keras": "cli models training tuning",
        "h5py": "_weight_files",
        "onnx": "_quantization models",
        "onnxruntime": "_sessions",
        "dask": "bulk",
        "pyarrow": "bulk",
        "optuna": "tuning",
        "pooch": "_downloads",
        "requests": "_downloads",
        "matplotlib": "plots synthesis",
        "seaborn": "plots",
        "fastapi": "serve",
        "starlette": "serve",
        "uvicorn": "cli",
        "scipy": "",
        "skimage": "",
        "cv2": "",
        "pandas": "",
    }.items()
}


def modules():
    """Return the room and the path of each module."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).parts[0].removesuffix(".py"), path


def imports(path):
    """Return each import of a module: the dotted name, and whether it is made on loading it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively in line {node.lineno}"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((name, id(node) not in lazy) for name in names)


def rooms_of(path):
    """Return the rooms that a module imports, and whether it does on loading."""
    for name, on_loading in imports(path):
        parts = name.split(".")
        if parts[0] == "digitcnn" and len(parts) > 1:
            yield parts[1], on_loading


def test_rooms_import_one_way_only():
    """No room imports one above it, on loading or later; a new module joins the table above."""
    assert {room for room, _ in modules()} <= set(MAY_IMPORT) | FREE
    wrong = [
        f"{path.relative_to(SOURCE)} imports {other}"
        for room, path in modules()
        if room not in FREE
        for other, _ in rooms_of(path)
        if other not in MAY_IMPORT[room] | {room}
    ]
    assert wrong == []


def test_the_table_has_no_circle():
    """Loading rooms in some order always finds what each needs loaded before it."""
    waiting = dict(MAY_IMPORT)
    while waiting:
        ready = [room for room, needs in waiting.items() if not needs & set(waiting)]
        assert ready, f"a circle among {sorted(waiting)}"
        for room in ready:
            del waiting[room]


def test_packages_stay_in_their_rooms():
    """Keras, ONNX Runtime, pooch and matplotlib are imported where the design has them only."""
    for room, path in modules():
        for package in {name.split(".")[0] for name, _ in imports(path)} & set(MAY_LOAD):
            assert room in MAY_LOAD[package], f"{path.relative_to(SOURCE)} imports {package}"


def test_the_package_root_imports_nothing():
    """The public names are loaded when they are first used."""
    names = {name for name, on_loading in imports(SOURCE / "__init__.py") if on_loading}

    assert not any(name.startswith("digitcnn") for name in names)


@pytest.mark.parametrize(
    "code",
    [
        "import digitcnn; dir(digitcnn); digitcnn.__all__; digitcnn.__version__",
        "import digitcnn, numpy; bar = numpy.pad(numpy.ones((20, 6)), 9); digitcnn.explain(bar)",
        "from digitcnn import DigitClassifier, datasets, evaluate, plots, predict, weights",
    ],
)
def test_importing_loads_nothing_heavy(code):
    """Neither TensorFlow, Keras, ONNX Runtime, pooch nor matplotlib comes with an import."""
    report = f"import sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"

    assert run_python(f"{code}\n{report}") == "\n"


def test_importing_leaves_no_trace(tmp_path):
    """Importing writes nothing, prints nothing and reads no variable of the library's own."""
    code = (
        "import os, sys\n"
        "read = []\n"
        "class Environment(type(os.environ)):\n"
        "    def __getitem__(self, key): read.append(key); return super().__getitem__(key)\n"
        "os.environ.__class__ = Environment\n"
        "import digitcnn\n"
        "assert not [key for key in read if key.startswith('DIGITCNN')], read\n"
    )
    environment = {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]

    assert run_python(code, cwd=tmp_path, env=environment) == ""
    assert [] == list(tmp_path.iterdir())
