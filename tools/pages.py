"""Tables in Markdown pages that commands measure and write.

A page holds such a table between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]], command: str) -> str:
    """Write a Markdown table, and the command that repeats it; after a comma, how it was run."""
    lines = [head, tuple("---" for _ in head), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    command, *rest = command.split(", ", 1)
    return f"{text}\n\nCommand: `{command}`{', ' if rest else ''}{''.join(rest)}\n"


def write_figures(page: Path, name: str, table: str) -> bool:
    """Put a table in the place of the one of that name; tell whether the page has such a place."""
    text, count = re.subn(
        rf"(<!-- figures: {re.escape(name)} -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{table}\n{found[2]}",
        page.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if count:
        page.write_text(text, encoding="utf-8")
    return bool(count)


def fill_place(page: Path, name: str, table: str) -> None:
    """Put a table in its place in a page that must have one; without, the program ends."""
    if not write_figures(page, name, table):
        sys.exit(f"{page} has no place for it: <!-- figures: {name} --> <!-- end -->")
