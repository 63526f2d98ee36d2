"""The rooms import one way only, and `import digitcnn` next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import digitcnn

SOURCE = Path(digitcnn.__file__).parent
HEAVY = ("tensorflow", "keras", "onnxruntime", "pooch", "matplotlib")

# What each room may import of the others. The ground floor imports errors alone.
MAY_IMPORT = {
    "errors": set(),
    "_pyinstaller": set(),
    "_checks": {"errors"},
    "preprocessing": {"errors"},
    "synthesis": {"errors", "_checks"},
    "detection": {"errors"},
    "readings": set(),
    "reading": {
        "errors",
        "_checks",
        "_probabilities",
        "_sessions",
        "detection",
        "preprocessing",
        "readings",
        "weights",
    },
    "architectures": {"errors"},
    "augmentation": {"errors", "_checks"},
    "plots": {"errors", "_checks", "preprocessing", "readings"},
    "_downloads": {"errors"},
    "_probabilities": {"errors", "_checks"},
    "_runs": {"errors"},
    "_sessions": {"errors", "_onnx"},
    "_hdf5": {"errors"},
    "_onnx": {"errors"},
    "datasets": {
        "errors",
        "_checks",
        "_downloads",
        "_probabilities",
        "_tables",
        "augmentation",
        "preprocessing",
    },
    "_tables": {"errors"},
    "weights": {"errors", "_downloads", "_runs"},
    "_quantization": {"errors"},
    "models": {"errors", "weights", "architectures", "_runs", "_hdf5", "_quantization"},
    "exporting": {"errors", "_checks", "models"},
    "inference": {
        "errors",
        "_checks",
        "preprocessing",
        "reading",
        "weights",
        "models",
        "_probabilities",
        "_sessions",
    },
    "bulk": {
        "__version__",
        "errors",
        "_checks",
        "_probabilities",
        "_sessions",
        "datasets",
        "inference",
        "preprocessing",
        "reading",
        "readings",
        "weights",
    },
    "evaluation": {
        "errors",
        "_checks",
        "preprocessing",
        "detection",
        "synthesis",
        "inference",
        "_probabilities",
    },
    "training": {
        "errors",
        "detection",
        "evaluation",
        "architectures",
        "preprocessing",
        "augmentation",
        "synthesis",
        "models",
        "exporting",
        "datasets",
        "_hdf5",
        "_runs",
        "_checks",
        "_probabilities",
    },
    "tuning": {"errors", "_checks", "preprocessing", "training"},
    "serve": {
        "__version__",
        "_checks",
        "_sessions",
        "errors",
        "inference",
        "preprocessing",
        "reading",
        "weights",
    },
}
# These see everything: the public names, and the shell over them.
FREE = {"__init__", "__main__", "cli"}

MAY_LOAD = {
    "tensorflow": {"models", "training", "exporting", "datasets"},
    "keras": {"models", "augmentation", "training", "tuning", "cli"},
    "h5py": {"_hdf5"},
    "onnx": {"models", "_quantization"},
    "onnxruntime": {"inference", "_sessions"},
    "dask": {"bulk"},
    "pyarrow": {"bulk"},
    "optuna": {"tuning"},
    "pooch": {"_downloads"},
    "requests": {"_downloads"},
    "matplotlib": {"plots", "synthesis"},
    "seaborn": {"plots"},
    "fastapi": {"serve"},
    "starlette": {"serve"},
    "uvicorn": {"cli"},
    "scipy": set(),
    "skimage": set(),
    "cv2": set(),
    "pandas": set(),
}


def modules():
    """Give the room and the path of each module."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).parts[0].removesuffix(".py"), path


def imports(path):
    """Give each import of a module: the dotted name, and whether it is made on loading it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node)
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


def is_type_checking(node):
    """Tell `if TYPE_CHECKING:`, whose imports are never made."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def rooms_of(path):
    """Give the rooms that a module imports, and whether it does on loading."""
    for name, on_loading in imports(path):
        parts = name.split(".")
        if parts[0] == "digitcnn" and len(parts) > 1:
            yield parts[1], on_loading


def test_every_room_is_known():
    """A new module joins the table above, and with it the design."""
    assert {room for room, _ in modules()} <= set(MAY_IMPORT) | FREE


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_one_way_only(room):
    """No room imports one above it, on loading or later."""
    for owner, path in modules():
        if owner != room:
            continue
        for other, _ in rooms_of(path):
            allowed = MAY_IMPORT[room] | {room}
            assert other in allowed, f"{path.relative_to(SOURCE)} imports {other}"


def test_the_table_has_no_circle():
    """Loading rooms in some order always finds what each needs loaded before it."""
    waiting = dict(MAY_IMPORT)
    while waiting:
        ready = [room for room, needs in waiting.items() if not needs & set(waiting)]
        assert ready, f"a circle among {sorted(waiting)}"
        for room in ready:
            del waiting[room]


@pytest.mark.parametrize("package", MAY_LOAD)
def test_packages_stay_in_their_rooms(package):
    """Keras, ONNX Runtime, pooch and matplotlib are imported where the design has them only."""
    for room, path in modules():
        names = {name.split(".")[0] for name, _ in imports(path)}
        assert package not in names or room in MAY_LOAD[package], path.relative_to(SOURCE)


def test_the_package_root_imports_nothing():
    """The public names are loaded when they are first used."""
    names = {name for name, on_loading in imports(SOURCE / "__init__.py") if on_loading}

    assert not any(name.startswith("digitcnn") for name in names)


def loaded_by(code):
    """Run code in a fresh interpreter; give the heavy packages that it loads."""
    report = f"import sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    "code",
    [
        "import digitcnn",
        "import digitcnn; dir(digitcnn); digitcnn.__all__; digitcnn.__version__",
        "import digitcnn, numpy; digitcnn.preprocess(numpy.eye(9)); digitcnn.explain(numpy.eye(9))",
        "from digitcnn import predict, DigitClassifier, NoDigitError, evaluate",
        "from digitcnn import datasets, weights, synthesis, errors, evaluation",
    ],
)
def test_importing_loads_nothing_heavy(code):
    """Neither TensorFlow, Keras, ONNX Runtime, pooch nor matplotlib comes with an import."""
    assert [] == loaded_by(code)


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
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )

    assert ("", "") == (done.stdout, done.stderr)
    assert [] == list(tmp_path.iterdir())
