"""The README and the site: what they tell a reader to type does what they say."""

import dataclasses
import inspect
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import readme
from PIL import Image
from processes import run_python

import digitcnn
from digitcnn import cli, datasets
from digitcnn.cli import build_parser
from digitcnn.synthesis import draw_digits
from digitcnn.training import RECIPES
from digitcnn.weights import list_weights

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
TUTORIAL = ROOT / "docs" / "from-a-tutorial.md"
MNIST_IMAGES = 200

WITH_PYTHON = [page for page in PAGES if readme.blocks(page, "python")]
# A page that trains is run in this process, where TensorFlow, which takes long to import, mostly is
# there already; the others in one of their own, where it is not.
TRAINING = [page for page in WITH_PYTHON if re.search(r"\btrain\(", page.read_text("utf-8"))]
READING = [page for page in WITH_PYTHON if page not in TRAINING]

# Checked by `.ci/run`, which types the README's lines, or not of this project.
ANY_SHELL = {"cd", "git", "python3", "curl", "docker"}
CHECKED = {"python", "sh", "dockerfile"}
SILENT = {"text", "toctree", "include", "ini", "nginx"}
LOOKS_LIKE_CODE = re.compile(r"^\s*(\$ )?(digitcnn|pip|python|import|from) ", re.MULTILINE)


def name_of(page):
    """Name a page in pytest's report."""
    return str(page.relative_to(ROOT))


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader's folder: the project's examples, and a few pictures of their own."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    pictures, labels = draw_digits(40, seed=3)
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        folder = tmp_path / "my-digits" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    for name in ("seven.jpg", "mine.jpg", "my-picture.jpg"):
        (tmp_path / name).symlink_to(ROOT / "examples" / "seven-on-paper.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell_commands():
    """List each command in the pages, with where it stands."""
    found = []
    for page in PAGES:
        for block in readme.blocks(page, "sh"):
            for line in block.body.replace("\\\n", " ").splitlines():
                for command in line.split(" && "):
                    words = shlex.split(command, comments=True)
                    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                        words = words[1:]
                    if words:
                        found.append((f"{name_of(page)}:{block.line}", words))
    return found


OWN_COMMANDS = sorted(
    {shlex.join(words) for _, words in shell_commands() if Path(words[0]).name == "digitcnn"}
)


def is_cheap(command):
    """Tell whether a command takes seconds and needs nothing but a reader's folder."""
    _, name, *rest = shlex.split(command)
    is_reading = name in ("predict", "read") and "--weights" not in rest
    return is_reading or (name, rest[0]) == ("weights", "list")


@pytest.mark.parametrize("page", READING, ids=name_of)
def test_python_blocks_run_without_tensorflow(page, reader, mnist):
    """What a page of reading digits shows runs as it stands, and prints what it says."""
    del mnist, reader
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        f"sys.argv = ['', {str(page)!r}, 'python', '--run', '--mnist', '{MNIST_IMAGES}']\n"
        f"import runpy; runpy.run_path({readme.__file__!r}, run_name='__main__')"
    )
    run_python(code)


@pytest.mark.parametrize("page", TRAINING, ids=name_of)
def test_python_blocks_that_train_run(page, reader, mnist, monkeypatch):
    """What a page of training shows runs, on a few images and for as long as it says."""
    pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
    del mnist, reader
    for name, recipe in RECIPES.items():  # the drawn pictures of some take half a minute
        drawn = ("drawn_digits", "drawn_nondigits", "damaged")
        few = {each: min(getattr(recipe, each), 50) for each in drawn}
        monkeypatch.setitem(RECIPES, name, dataclasses.replace(recipe, **few))
    monkeypatch.setattr(datasets, "read_idx", datasets.read_idx)  # given back afterwards
    readme.shorten_mnist(MNIST_IMAGES)
    namespace = {"__name__": "__main__"}

    for block in readme.blocks(page, "python"):
        readme.run_python(block, namespace)


def test_every_block_is_of_a_kind_that_is_checked():
    """No code stands in a block that nothing looks at, and no command in a block of text."""
    for page in PAGES:
        for block in readme.blocks(page):
            where = f"{name_of(page)}:{block.line}"
            assert block.language in CHECKED | SILENT, where
            assert block.language in CHECKED or not LOOKS_LIKE_CODE.search(block.body), where


@pytest.mark.parametrize("command", OWN_COMMANDS)
def test_commands_are_understood(command):
    """Each line that begins with `digitcnn` is one that its own parser takes."""
    assert build_parser().parse_args(shlex.split(command)[1:])


def test_scripts_exist_with_their_options():
    """Each `python FILE --option` is the project's and knows the option; no other is unknown."""
    known = ANY_SHELL | {"digitcnn", "python", "pip", "pytest"}
    shared = (ROOT / "tools" / "reporting.py").read_text("utf-8")
    for where, words in shell_commands():
        assert Path(words[0]).name in known, f"{where}: {shlex.join(words)}"
        if words[0] == "python" and words[1] != "-m":
            script = ROOT / words[1]
            assert script.is_file(), f"{where}: {script}"
            for word in words[2:]:
                if word.startswith("--"):
                    assert f'"{word}"' in script.read_text("utf-8") + shared, f"{where}: {word}"


def test_the_dockerfile_is_a_sound_one():
    """It is slim and pinned, runs without root, and its commands can be run."""
    (block,) = readme.blocks(ROOT / "docs" / "serve.md", "dockerfile")
    lines = dict(line.split(" ", 1) for line in block.body.splitlines())

    assert set(lines) == {"FROM", "COPY", "RUN", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert re.fullmatch(r"python:3\.\d+-slim", lines["FROM"])
    assert lines["USER"] in lines["RUN"]
    assert build_parser().parse_args(json.loads(lines["CMD"])[1:])
    health = json.loads(lines["HEALTHCHECK"].removeprefix("CMD "))
    compile(health[2], "HEALTHCHECK", "exec")
    assert f":{lines['EXPOSE']}/healthz" in health[2]


def test_extras_exist():
    """Each `pip install` names extras that there are, and the README's table has them all."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    for page in PAGES:
        for named in re.findall(r"(?:digitcnn|\.)\[([\w,]+)\]", page.read_text("utf-8")):
            assert set(named.split(",")) <= set(extras), f"{name_of(page)}: {named}"
    table = r"^\| .* \| `pip install \"\.\[(\w+)\]\"` \|$"
    assert set(re.findall(table, PAGES[0].read_text("utf-8"), re.MULTILINE)) == set(extras)


@pytest.mark.parametrize("command", [each for each in OWN_COMMANDS if is_cheap(each)])
@pytest.mark.usefixtures("reader")
def test_cheap_commands_succeed(command, capsys):
    """Reading pictures and listing weights is not only understood, but done."""
    status = cli.main(shlex.split(command)[1:])
    printed = capsys.readouterr()

    assert status == 0, printed.err
    assert printed.out


def test_every_public_name_has_its_place_in_the_reference():
    """What `import digitcnn` offers is on a page of the API reference."""
    text = "\n".join(page.read_text("utf-8") for page in (ROOT / "docs" / "api").glob("*.rst"))
    for name in {*digitcnn.__all__} - {"__version__", "DigitcnnError", "NoDigitError"}:
        if inspect.ismodule(getattr(digitcnn, name)):
            continue
        assert re.search(rf"^\.\. auto\w+:: digitcnn\.{name}$", text, re.MULTILINE), name
    assert {"datasets", "errors", "plots", "weights"} <= {
        *re.findall(r"^\.\. automodule:: digitcnn\.(\w+)$", text, re.MULTILINE)
    }


def test_the_table_of_recipes_has_them_all():
    """Each recipe that `train` takes has a line in docs/training.md."""
    page = (ROOT / "docs" / "training.md").read_text("utf-8")
    lines = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
    named = {name for line in lines for name in re.findall(r"`([^`]+)`", line)}
    assert {*RECIPES} <= named


def test_the_list_of_rooms_is_that_of_the_code():
    """Who moves or adds a room writes the list anew: --page docs/architecture.md."""
    pytest.importorskip("matplotlib", reason="the rooms are drawn with digitcnn[plots]")
    printed = subprocess.run(
        [sys.executable, ROOT / "tools" / "rooms.py"], check=True, capture_output=True, text=True
    ).stdout.strip()

    assert printed in (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_links_between_pages_lead_somewhere():
    """Each relative link in the README and the pages names a file of the project."""
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{name_of(page)}: {target}"


def test_the_table_counts_the_lines_of_both_ways():
    """Each step has two blocks, and the table their lines; the last row adds them up."""
    pair = r"(?ms)^## (.*?)$.*?```python\n(.*?)```.*?```python\n(.*?)```"
    rows = [
        (step, *(sum(map(bool, block.split("\n"))) for block in blocks))
        for step, *blocks in re.findall(pair, TUTORIAL.read_text("utf-8"))
    ]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))

    expected = [f"| {step} | {keras} | {ours} |" for step, keras, ours in rows]

    table = [line for line in TUTORIAL.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert table[2:] == expected


def test_the_looks_at_the_test_set_end_their_page():
    """Tools add a look at the end of the page."""
    page = (ROOT / "docs" / "experiments.md").read_text("utf-8")

    *_, last = page.split("\n## ")
    assert last.startswith("Looks at the test set")
    assert last.rstrip().splitlines()[-1].startswith("| 20")


def test_accuracies_in_prose_are_those_of_the_registry():
    """The changelog and the model card's header say of published weights what was measured."""
    changes, card = (ROOT / name for name in ("CHANGELOG.md", "docs/model-card.md"))
    measured = {each.id: each.metrics.get("mnist_test_accuracy") for each in list_weights()}
    measured = {name: f"{100 * value:.2f}" for name, value in measured.items() if value}

    told = dict(re.findall(r"`([\w-]+-v\d+)`[^`]*?(\d\d\.\d\d) %", changes.read_text("utf-8")))
    assert told == measured
    header = card.read_text("utf-8").split("---")[1]
    listed = dict(re.findall(r"name: ([\w-]+-v\d+)\n(?:  .*\n)*?.*value: ([\d.]+)", header))
    assert {name: f"{100 * float(value):.2f}" for name, value in listed.items()} == {
        name: measured[name] for name in ("base-v1", "tiny-v1", "large-v1")
    }
