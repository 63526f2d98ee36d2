"""What the project checks, each by one command: `nox --list` names them, `nox -s NAME` runs one."""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "test"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
EXAMPLE, DIGIT = "examples/seven-on-paper.jpg", "7"
# Those that need no TensorFlow, and those that need Keras.
LIGHT = ("tests", "--ignore=tests/test_docs.py", "--ignore=tests/test_pictures.py")
KERAS = tuple(f"tests/test_{name}.py" for name in ("models", "exporting", "hdf5", "training"))
ENVIRONMENTS = [
    nox.param("3.11", "lowest-direct", LIGHT, id="oldest"),
    nox.param("3.12", "highest", LIGHT, id="middle"),
    nox.param("3.13", "highest", LIGHT, id="newest"),
    nox.param("3.11", "lowest-direct", KERAS, id="keras-oldest"),
    nox.param("3.13", "highest", KERAS, id="keras-newest"),  # TensorFlow has no wheels beyond
]


def install_everything(session: nox.Session, *groups: str) -> None:
    """Install the package as developers have it, with the dependency groups named."""
    wanted = [each for group in groups for each in nox.project.dependency_groups(PYPROJECT, group)]
    session.install("-e", ".[all]", *wanted)


@nox.session
def test(session: nox.Session) -> None:
    """Run the tests; what follows `--` goes to pytest."""
    install_everything(session, "test")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and form."""
    session.install("ruff>=0.9")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    install_everything(session, "dev")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into the folder `site`, with the notebook run from top to bottom."""
    install_everything(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "site")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed; what follows `--` goes to `benchmarks/speed.py`."""
    install_everything(session)
    session.run("python", "benchmarks/speed.py", *session.posargs)


@nox.session
def accuracy(session: nox.Session) -> None:
    """Measure accuracy; what follows `--` goes to `benchmarks/accuracy.py`."""
    session.install("-e", ".")
    session.run("python", "benchmarks/accuracy.py", *session.posargs)


@nox.session
def gate(session: nox.Session) -> None:
    """Measure all that a new way to the ink must keep: `-- --pictures FOLDER --nondigits FILE`."""
    install_everything(session)
    data = ("pictures", "scenes", "inputs", "mnist", "corruptions", "nondigits")
    session.run("python", "benchmarks/accuracy.py", *data, "--weights", "base", *session.posargs)
    lines = ("one-array-bare", "many-arrays-bare", "canvas", "jpeg", "first-answer-bare")
    session.run("python", "benchmarks/speed.py", *lines, "first-answer-memory")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Try many more cases of `tests/test_fuzz.py`: FUZZ_EXAMPLES says how many."""
    install_everything(session, "test")
    session.run("pytest", "tests/test_fuzz.py", "--hypothesis-profile=fuzz", *session.posargs)


@nox.session(venv_backend="uv")
@nox.parametrize(["python", "resolution", "tests"], ENVIRONMENTS)
def compatibility(session: nox.Session, resolution: str, tests: tuple[str, ...]) -> None:
    """Test the wheel that follows `--`, or one built here, with other versions of everything."""
    wheels = [Path(each) for each in session.posargs]
    if not wheels:
        folder = session.create_tmp()
        session.run_install("uv", "build", "-q", "--wheel", "-o", folder, external=True)
        wheels = list(Path(folder).glob("*.whl"))
    has_keras = tests is KERAS
    extra = "[all]" if has_keras else ""
    wanted = [f"digitcnn{extra} @ {wheels[0].resolve().as_uri()}"]
    wanted += nox.project.dependency_groups(PYPROJECT, "test")
    # The lowest versions are those that pyproject.toml names, not those of the wheel alone.
    wanted += ["-r", "pyproject.toml", *(["--all-extras"] if has_keras else [])]
    session.install("--only-binary", ":all:", "--resolution", resolution, *wanted)
    session.run("uv", "pip", "list", "-q", external=True)
    if not has_keras:
        answer = session.run("digitcnn", "predict", EXAMPLE, silent=True)
        if str(answer).strip() != DIGIT:
            session.error(f"{EXAMPLE} holds {DIGIT}; the command read {answer!r}")
    session.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
