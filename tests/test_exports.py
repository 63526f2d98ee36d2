"""What is public is importable, listed and documented."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest

import digitcnn

# The headings of numpydoc, in the order of the house style.
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "See Also", "Notes",
            "References", "Examples")  # fmt: skip


def public_modules():
    """Give the package and its public modules."""
    names = [module.name for module in pkgutil.iter_modules(digitcnn.__path__)]
    public = [name for name in names if not name.startswith("_") and name != "cli"]
    return [digitcnn, *(importlib.import_module(f"digitcnn.{name}") for name in public)]


def public_functions():
    """Give each public function and class once, by its full name."""
    found = {}
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            # Aliases of types are callable too.
            if not inspect.isfunction(value) and not inspect.isclass(value):
                continue
            found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


FUNCTIONS = public_functions()


def sections(documented):
    """Split a docstring at its headings: the text under each, and the summary under ""."""
    text = inspect.getdoc(documented) or ""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}$", text, flags=re.MULTILINE)
    return {"": parts[0].strip()} | dict(zip(parts[1::2], parts[2::2], strict=True))


def own_parameters(function):
    """Name a function's parameters but for self."""
    names = inspect.signature(function).parameters
    return [name for name in names if name not in ("self", "cls")]


def test_all_names_what_is_there():
    """`__all__` lists each name once, and each can be imported; the package's has all rooms."""
    for module in public_modules():
        listed = getattr(module, "__all__", [])
        assert len(listed) == len(set(listed)), module
        assert set(listed) <= set(dir(module)), module
        assert all(hasattr(module, name) for name in listed), module
    rooms = {module.__name__.removeprefix("digitcnn.") for module in public_modules()}
    assert rooms - {"digitcnn"} <= set(digitcnn.__all__)
    assert sorted(digitcnn.__all__) == dir(digitcnn)


def test_lazy_names_are_those_of_the_type_checker():
    """What loads on first use is what `if TYPE_CHECKING` promises; other names are refused."""
    source = inspect.getsource(digitcnn)
    promised = re.findall(r"^    from digitcnn\.\w+ import \w+ as (\w+)$", source, re.MULTILINE)
    modules = {module.__name__.removeprefix("digitcnn.") for module in public_modules()}

    assert set(promised) == set(digitcnn.__all__) - modules - {"__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'predcit'"):
        digitcnn.predcit  # noqa: B018 - the look-up is what fails


def flaws(name, value):
    """List what a public function's docstring and signature lack."""
    found, parts = [], sections(value)
    headings = [heading for heading in parts if heading]
    if not parts[""].split("\n")[0].endswith("."):
        found.append(f"{name}: no summary in one line")
    if not set(headings) <= set(SECTIONS) or headings != sorted(headings, key=SECTIONS.index):
        found.append(f"{name}: sections {headings}")
    # Records document their attributes, errors their occasion.
    if not inspect.isclass(value) or "Parameters" in parts:
        text = parts.get("Parameters", "")
        documented = re.findall(r"^([\w*][\w*, ]*?)(?: :.*)?$", text, re.MULTILINE)
        names = [part.strip(" *") for line in documented for part in line.split(",")]
        if [each for each in names if each] != own_parameters(value):
            found.append(f"{name}: documents the parameters {names}")
    if inspect.isclass(value):
        return found
    signature = inspect.signature(value)
    untyped = [
        each.name
        for each in signature.parameters.values()
        if each.annotation is each.empty and each.name not in ("self", "cls")
    ]
    if untyped or signature.return_annotation is signature.empty:
        found.append(f"{name}: untyped {untyped}")
    elif signature.return_annotation not in (None, "None") and not parts.keys() & {
        "Returns",
        "Yields",
    }:
        found.append(f"{name}: nothing on what comes back")
    return found


def test_public_functions_are_documented_and_typed():
    """Each has a summary, every parameter by its name and type, what comes back, in order."""
    assert [flaw for name, value in FUNCTIONS.items() for flaw in flaws(name, value)] == []


@pytest.mark.slow  # mypy reads all of NumPy
def test_types_are_shipped_and_follow_the_input(tmp_path):
    """A user's type checker sees an `int` for one picture and an array for many."""
    api = pytest.importorskip("mypy.api", reason="mypy is a tool of the developers")
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from digitcnn import DigitClassifier, predict\n"
        "digit: int = predict('seven.jpg')\n"
        "digits: np.ndarray = predict(['seven.jpg'])\n"
        "again: int = DigitClassifier().predict(b'bytes')\n"
    )

    printed, _, status = api.run(["--strict", "--cache-dir", str(tmp_path), str(script)])

    assert status == 0, printed
