"""Print the code blocks of a Markdown file, so that what a reader would run is what is tested.

    python tools/readme.py README.md sh 1          the first block marked sh
    python tools/readme.py README.md python --run  run all blocks marked python, one after another

What lines announce with `# prints` is compared with what the block printed, line by line.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"# prints (.+)$", re.MULTILINE)


def blocks(path: Path, language: str) -> list[str]:
    """List the fenced blocks of one language, in order."""
    return [body for name, body in _BLOCK.findall(path.read_text("utf-8")) if name == language]


def run_python(body: str, namespace: dict[str, object]) -> None:
    """Run one block, and hold it to what its comments say it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(body, "<block>", "exec"), namespace)  # noqa: S102 - the project's own docs
    expected = _EXPECTED.findall(body)
    if expected and printed.getvalue().splitlines() != expected:
        raise SystemExit(f"expected {expected}, but it printed {printed.getvalue()!r}")


def main() -> None:
    """Print or run blocks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("language")
    parser.add_argument("number", type=int, nargs="?", help="counted from 1; all by default")
    parser.add_argument("--run", action="store_true", help="run Python blocks instead")
    arguments = parser.parse_args()
    found = blocks(arguments.path, arguments.language)
    if arguments.number:
        found = [found[arguments.number - 1]]
    if not found:
        raise SystemExit(f"{arguments.path} holds no block marked {arguments.language}")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for body in found:
        if arguments.run:
            run_python(body, namespace)
        else:
            print(body, end="")
    if arguments.run:
        print(f"{arguments.path}: {len(found)} blocks ran")


if __name__ == "__main__":
    main()
