"""What is public is importable, listed and documented."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest

import digitcnn

# The headings of numpydoc, in the order of the house style.
SECTIONS = (
    "Parameters",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "See Also",
    "Notes",
    "References",
    "Examples",
)


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


@pytest.mark.parametrize("module", public_modules(), ids=lambda module: module.__name__)
def test_all_names_what_is_there(module):
    """`__all__` lists each name once, and each can be imported."""
    listed = getattr(module, "__all__", [])

    assert len(listed) == len(set(listed))
    assert all(hasattr(module, name) for name in listed)
    assert set(listed) <= set(dir(module))


def test_the_package_lists_its_rooms():
    """The package's own `__all__` has all public modules but the command line."""
    names = {module.name for module in pkgutil.iter_modules(digitcnn.__path__)}
    public = {name for name in names if not name.startswith("_")} - {"cli"}

    assert public <= set(digitcnn.__all__)


def test_dir_shows_what_is_public():
    """Completion in a shell offers the public names and nothing of the inside."""
    assert sorted(digitcnn.__all__) == dir(digitcnn)


def test_lazy_names_are_those_of_the_type_checker():
    """What loads on first use is what `if TYPE_CHECKING` promises."""
    source = inspect.getsource(digitcnn)
    promised = set(
        re.findall(r"^    from digitcnn\.\w+ import \w+ as (\w+)$", source, re.MULTILINE)
    )
    modules = {module.__name__.removeprefix("digitcnn.") for module in public_modules()}

    assert promised == set(digitcnn.__all__) - modules - {"__version__"}


def test_unknown_names_are_attribute_errors():
    """A typing error is an AttributeError, not a failed import."""
    with pytest.raises(AttributeError, match="has no attribute 'predcit'"):
        digitcnn.predcit  # noqa: B018 - the look-up is what fails


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_have_a_summary(name):
    """The docstring begins with a sentence on one line."""
    summary = sections(FUNCTIONS[name])[""].split("\n")[0]

    assert summary
    assert summary.endswith(".")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_document_their_parameters(name):
    """Each parameter stands in the docstring by its name, in order, and nothing else does."""
    value = FUNCTIONS[name]
    # Records document their attributes, errors their occasion.
    if inspect.isclass(value) and "Parameters" not in sections(value):
        return
    text = sections(value).get("Parameters", "")
    documented = re.findall(r"^([\w*][\w*, ]*?)(?: :.*)?$", text, re.MULTILINE)
    names = [part.strip(" *") for line in documented for part in line.split(",") if part.strip()]

    assert own_parameters(value) == names


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_say_what_comes_back(name):
    """A function that returns or yields something has a section on it."""
    value = FUNCTIONS[name]
    if inspect.isclass(value) or inspect.signature(value).return_annotation in (None, "None"):
        return

    assert sections(value).keys() & {"Returns", "Yields"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sections_stand_in_order(name):
    """The headings are numpydoc's, in the order of the house style."""
    headings = [heading for heading in sections(FUNCTIONS[name]) if heading]

    assert set(headings) <= set(SECTIONS)
    assert headings == sorted(headings, key=SECTIONS.index)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_typed(name):
    """Each parameter and what comes back has a type."""
    value = FUNCTIONS[name]
    if inspect.isclass(value):
        return
    signature = inspect.signature(value)
    untyped = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is inspect.Parameter.empty and parameter.name not in ("self", "cls")
    ]

    assert [] == untyped
    assert signature.return_annotation is not inspect.Signature.empty


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
