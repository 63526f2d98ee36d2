"""Print or run the code blocks of a Markdown file, so that what a reader would run is tested.

    python tools/readme.py README.md sh 1            the first block marked sh
    python tools/readme.py README.md python 1 2 --run  run these two, one after the other
    python tools/readme.py docs/training.md python --run --mnist 400

What lines announce with `# prints` is compared with what the block printed, line by line. Blocks of
a file share their names. A comment in front of a block says what is run in place of what would take
long, in one of its lines: `<!-- budget: train( -> train(epochs=1, -->`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(
    r"^(?:<!-- budget: (?P<old>.+?) -> (?P<new>.+?) -->\n)?"
    r"```(?P<language>[\w-]+)\n(?P<body>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_EXPECTED = re.compile(r"# prints (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: where its code begins, what it says, and what of it is run otherwise."""

    path: Path
    line: int
    old: str | None
    new: str | None
    language: str
    body: str


def blocks(path: Path, language: str | None = None) -> list[Block]:
    """List the fenced blocks, of one language or all, in order."""
    text = path.read_text("utf-8")
    return [
        Block(path, text.count("\n", 0, found.start("body")) + 1, *found.groups())
        for found in _BLOCK.finditer(text)
        if language in (None, found["language"])
    ]


def run_python(block: Block, namespace: dict[str, object]) -> None:
    """Run one block, and hold it to what its comments say it prints."""
    code, printed = block.body, io.StringIO()
    if block.old is not None:
        if code.count(block.old) != 1:
            raise SystemExit(f"{block.path}:{block.line}: {block.old!r} does not stand in it once")
        code = code.replace(block.old, str(block.new))
    # Blank lines before it, so that a traceback names the page's own line.
    code = "\n" * (block.line - 1) + code
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(block.path), "exec"), namespace)  # noqa: S102 - the project's own docs
    expected = _EXPECTED.findall(block.body)
    if expected and printed.getvalue().splitlines() != expected:
        raise SystemExit(
            f"{block.path}:{block.line}: expected {expected}, but it printed {printed.getvalue()!r}"
        )


def shorten_mnist(count: int) -> None:
    """Let `load_mnist` give the first so many images of each part."""
    from digitcnn import datasets

    read_whole = datasets.read_idx
    datasets.read_idx = lambda path: read_whole(path)[:count]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("language")
    parser.add_argument("numbers", type=int, nargs="*", help="counted from 1; all by default")
    parser.add_argument("--run", action="store_true", help="run Python blocks instead")
    parser.add_argument("--mnist", type=int, help="run with so many images of each part")
    arguments = parser.parse_args()
    found = blocks(arguments.path, arguments.language)
    if not found:
        raise SystemExit(f"{arguments.path} holds no block marked {arguments.language}")
    if arguments.numbers:
        found = [found[number - 1] for number in arguments.numbers]
    if arguments.mnist:
        shorten_mnist(arguments.mnist)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in found:
        if arguments.run:
            run_python(block, namespace)
        else:
            print(block.body, end="")
    if arguments.run:
        print(f"{arguments.path}: {len(found)} blocks ran")
