"""What commands measure, written where people read it: tables in Markdown pages, and sheets.

A page holds such a table between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image


def begin_options(doc: str | None) -> argparse.ArgumentParser:
    """Return the parser of a script that this docstring describes and that writes into a page."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--page", type=Path, help="write the table into this Markdown page")
    return parser


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]], command: str = "") -> str:
    """Write a Markdown table, and the command that repeats it; after a comma, how it was run."""
    lines = [head, tuple("---" for _ in head), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    command, *rest = command.split(", ", 1)
    how = f"Command: `{command}`{', ' if rest else ''}{''.join(rest)}\n"
    return f"{text}\n\n{how}" if command else f"{text}\n"


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


def show(table: str, page: Path | None, name: str) -> str:
    """Print a table and put it into its place in a page, which must have one."""
    print(f"\n{table}")
    if page and not write_figures(page, name, table):
        sys.exit(f"{page} has no place for it: <!-- figures: {name} --> <!-- end -->")
    return table


def save_sheet(cells: Sequence[Image.Image], columns: int, path: Path) -> None:
    """Save pictures of one size side by side."""
    width, height = cells[0].size if cells else (1, 1)
    sheet = Image.new("RGB", (columns * width, max(1, -(-len(cells) // columns)) * height), "white")
    for place, cell in enumerate(cells):
        sheet.paste(cell, (place % columns * width, place // columns * height))
    sheet.save(path)
