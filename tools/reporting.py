"""What commands measure, written where people read it: tables in Markdown pages, and sheets.

A page holds such a table between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

CELL, COLUMNS, CAPTION = (300, 230), 6, 28  # of a sheet, in pixels


def begin_options(doc: str | None) -> argparse.ArgumentParser:
    """Return the parser of a script that this docstring describes and that writes into a page."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--page", type=Path, help="write the table into this Markdown page")
    return parser


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """Return a row for each picture that the folder's `manifest.csv` lists, its path made whole."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        return [{**row, "path": str(folder / row["path"])} for row in csv.DictReader(stream)]


def machine() -> str:
    """Describe the machine by what bears on speed, and by nothing that names it."""
    return f"{platform.machine()}, {os.cpu_count()} CPUs"


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]], command: str = "") -> str:
    """Write a Markdown table, and the command that repeats it; after a comma, how it was run."""
    lines = [head, tuple("---" for _ in head), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
    if command:
        command, comma, how = command.partition(", ")
        text += f"\nCommand: `{command}`{comma}{how}\n"
    return text


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


def save_sheet(cells: Sequence[tuple[str, Sequence[Image.Image]]], path: Path) -> None:
    """Save pictures, one or more to a cell, under captions of up to two lines."""
    (width, height), rows = CELL, max(1, -(-len(cells) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * width, rows * height), "white")
    for place, (caption, pictures) in enumerate(cells):
        left, top = place % COLUMNS * width, place // COLUMNS * height
        ImageDraw.Draw(sheet).text((left, top), caption, fill="black")
        size = (width // len(pictures) - 6, height - CAPTION - 6)
        for number, picture in enumerate(pictures):
            small = ImageOps.contain(picture.convert("RGB"), size)
            sheet.paste(small, (left + number * (size[0] + 6), top + CAPTION))
    sheet.save(path)
