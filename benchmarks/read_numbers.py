"""How well numbers are read: exact texts and character errors, on a folder of people's pictures.

    python benchmarks/read_numbers.py FOLDER [--sheet FILE.png] [--weights FILE.onnx] [--others]

The folder holds a `manifest.csv` with the columns path, rows (digits in reading order, rows
separated by `|`), source, kind and note. `--others` also measures the tutorials' way (threshold,
connected components, `predict` on each), and RapidOCR and Tesseract where they are installed.
"""

from __future__ import annotations

import csv
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import checkout  # noqa: F401 - says where reporting.py lies
import numpy as np
from engines import READERS
from PIL import Image, ImageDraw, ImageOps
from reporting import begin_options, format_table, save_sheet, show

from digitcnn import DigitcnnError, DigitReader, Reading, predict

# Sources with more pictures than this are data sets of their own, not one person's pictures.
OWN_SET = 40
# Of a picture: smaller components are specks.
LEAST_PART = 0.0005
CELL, COLUMNS = (300, 220), 6  # of the sheet

Row = dict[str, str]


def main() -> None:
    """Read every picture, print the tables, and draw what was misread."""
    parser = begin_options(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path, help="draw each misread picture into this file")
    parser.add_argument("--weights", default="reader", help="a published name or an .onnx file")
    parser.add_argument("--source", default="", help="only sources that begin so")
    parser.add_argument("--others", action="store_true", help="measure other readers, too")
    arguments = parser.parse_args()
    with (arguments.folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["source"].startswith(arguments.source)]
    paths, weights = [arguments.folder / row["path"] for row in rows], arguments.weights
    reader = DigitReader(Path(weights) if weights.endswith(".onnx") else weights)
    begun = time.perf_counter(), time.process_time()
    readings = [reader.read(path, errors="return") for path in paths]
    wall, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
    each = f"{1000 * wall / len(rows):.0f} ms a picture, {1000 * cpu / len(rows):.0f} ms of CPU"
    lines = [*full_texts(rows, readings), *coverage(rows, readings), each]
    text = table("digitcnn.read", rows, [reading.text for reading in readings])
    text += "".join(f"\n* {line}" for line in lines)
    show(
        f"{text}\n\nCommand: `python benchmarks/read_numbers.py FOLDER`\n",
        arguments.page,
        "numbers",
    )
    if arguments.sheet:
        misread = [
            each for each in zip(paths, rows, readings, strict=True) if not is_exact(*each[1:])
        ]
        save_sheet([draw_cell(*each) for each in misread], COLUMNS, arguments.sheet)
        print(f"{len(misread)} misread pictures in {arguments.sheet}")
    for name, open_other in OTHERS.items() if arguments.others else ():
        try:
            read_other = open_other()
        except ImportError as error:
            print(f"{name} is not installed: {error}")
        else:
            print(table(name, rows, [read_other(path) for path in paths]))


def wanted_digits(row: Row) -> str:
    """Return the digits that a picture holds, rows joined; of single digits the label."""
    return (row.get("rows") or row["label"]).replace("|", "")


def digits_of(text: str) -> str:
    """Return the digits of a text, nothing else."""
    return re.sub(r"[^0-9]", "", text)


def is_exact(row: Row, reading: Reading) -> bool:
    """Return whether all of a picture's digits are read, and nothing else."""
    return digits_of(reading.text) == wanted_digits(row)


def table(name: str, rows: list[Row], texts: list[str]) -> str:
    """Write exact texts and character errors for each set of pictures and each kind."""
    sizes = Counter(row["source"] for row in rows)
    groups: dict[str, list[tuple[str, str, str]]] = defaultdict(list)  # source, read, wanted
    for row, text in zip(rows, texts, strict=True):
        source, pair = row["source"], (row["source"], digits_of(text), wanted_digits(row))
        is_set = sizes[source] > OWN_SET
        groups[source if is_set else "pictures"].append(pair)
        if not is_set:
            groups[f"pictures: {row['kind']}"].append(pair)
    lines = []
    for group, members in sorted(groups.items(), key=lambda each: (":" in each[0], each[0])):
        by_source = defaultdict(list)
        for source, text, wanted in members:
            by_source[source].append(text == wanted)
        exact = np.mean([text == wanted for _, text, wanted in members])
        over = np.mean([np.mean(each) for each in by_source.values()])
        wrong = sum(edits(text, wanted) for _, text, wanted in members)
        shares = (exact, over, wrong / sum(len(wanted) for *_, wanted in members))
        lines.append((group, str(len(members)), *(f"{share:.1%}" for share in shares)))
    return format_table((name, "number", "exact text", "over sources", "character errors"), lines)


def full_texts(rows: list[Row], readings: list[Reading]) -> list[str]:
    """Count how often the signs are right, too, where the note gives the whole label."""
    exact = []
    for row, reading in zip(rows, readings, strict=True):
        if found := re.fullmatch(r"label (\S+)", row.get("note", "")):
            exact.append(reading.full_text.replace("\n", "") == found[1])
    return [f"full text, with signs: {np.mean(exact):.1%} of {len(exact)}"] if exact else []


def coverage(rows: list[Row], readings: list[Reading]) -> list[str]:
    """Measure how far confidence can be trusted, and how exact the surest readings are."""
    exact = np.array([is_exact(*each) for each in zip(rows, readings, strict=True)])
    sure = np.array([reading.confidence for reading in readings])
    bins = np.minimum((sure * 10).astype(int), 9)
    members = [bins == each for each in np.unique(bins)]
    gap = sum(abs(exact[each].mean() - sure[each].mean()) * each.mean() for each in members)
    order, shares = np.argsort(-sure), (1.0, 0.9, 0.8, 0.6)
    texts = [
        f"{exact[order[: round(part * len(order))]].mean():.1%} of the surest {part:.0%}"
        for part in shares
    ]
    return [
        f"expected calibration error of whole texts: {gap:.1%}",
        f"exact: {', '.join(texts)}",
    ]


def edits(first: str, second: str) -> int:
    """Return the Levenshtein distance of two texts."""
    before = list(range(len(second) + 1))
    for row, left in enumerate(first, 1):
        after = [row]
        for column, right in enumerate(second):
            change = before[column] + (left != right)
            after.append(min(change, before[column + 1] + 1, after[-1] + 1))
        before = after
    return before[-1]


def draw_cell(path: Path, row: Row, reading: Reading) -> Image.Image:
    """Draw a picture with its boxes."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    scale = min(CELL[0] / picture.width, (CELL[1] - 30) / picture.height)
    cell = Image.new("RGB", CELL, "white")
    cell.paste(picture.resize([max(1, int(side * scale)) for side in picture.size]), (0, 30))
    draw = ImageDraw.Draw(cell)
    draw.text((0, 0), f"{row['path'][-36:]} {reading.confidence:.0%}", fill="black")
    answer = f"{wanted_digits(row)[:24]} > {reading.full_text.strip()[:24]!r}"
    draw.text((0, 13), answer, fill="red")
    marks = [mark for line in reading.lines for mark in line.marks]
    for each, color in ((reading.digits, "red"), (marks, "green")):
        for found in each:
            left, top, right, bottom = (scale * side for side in found.box)
            draw.rectangle((left, top + 30, right, bottom + 30), outline=color)
    for digit in reading.digits:
        place = (scale * digit.box[0], scale * digit.box[1] + 20)
        draw.text(place, f"{digit.value} {digit.confidence:.0%}", fill="blue")
    return cell


def read_components(path: Path) -> str:
    """Read as tutorials do: threshold, connected components left to right, `predict` on each."""
    from digitcnn.preprocessing._components import find_components

    gray = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("L"))
    ink = gray < (int(gray.min()) + int(gray.max())) / 2
    found = find_components(~ink if ink.mean() > 0.5 else ink)
    boxes = found.boxes[found.areas > LEAST_PART * ink.size]
    text = []
    for top, left, bottom, right in sorted(boxes.tolist(), key=lambda box: box[1]):
        margin = (bottom - top) // 5 + 2
        part = gray[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin]
        try:
            text.append(str(predict(part)))
        except DigitcnnError:
            continue
    return "".join(text)


OTHERS: dict[str, Callable[[], Callable[[Path], str]]] = {
    "threshold, components, predict": lambda: read_components,
    **{name: open_pages for name, (_, open_pages) in READERS.items()},
}


if __name__ == "__main__":
    main()
