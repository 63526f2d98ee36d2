"""How well numbers are read: exact texts and character errors, on a folder of people's pictures.

    python benchmarks/read_numbers.py FOLDER [--sheet FILE.png] [--weights FILE.onnx]
                                      [--beside rapidocr tesseract components] [--page PAGE]

The folder holds a `manifest.csv` with the columns path, rows (digits in reading order, rows
separated by `|`), source, kind and note. `--beside` compares with what else reads them instead;
what is not installed is left out.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import checkout  # noqa: F401 - says where reporting.py lies
import numpy as np
from others import OTHERS, Read
from PIL import Image, ImageDraw, ImageOps
from reporting import begin_options, format_table, read_manifest, save_sheet, show

from digitcnn import DigitReader, Reading
from digitcnn.detection import Detections
from digitcnn.evaluation import ReadingEvaluation, evaluate_detection
from digitcnn.synthesis import GlyphBank, draw_page

# Pages whose boxes are known, in hands that no training draws.
DRAWN_PAGES, HANDS, SEED = 1_000, 100, 2**32 - 1
# Sources with more pictures than this are data sets of their own, not one person's pictures.
OWN_SET = 40
PARTS = (1.0, 0.9, 0.8, 0.6)  # that are not looked at again

Row = dict[str, str]


def main(words: list[str] | None = None) -> str:
    """Read every picture, print the tables, and draw what was misread."""
    parser = begin_options(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path, help="draw each misread picture into this file")
    parser.add_argument("--weights", default="reader", help="a published name or an .onnx file")
    parser.add_argument("--beside", nargs="+", default=[], choices=OTHERS, help="others to compare")
    arguments = parser.parse_args(words)
    rows, reader = read_manifest(arguments.folder), DigitReader(arguments.weights)
    begun = time.perf_counter(), time.process_time()
    readings = [reader.read(row["path"], errors="return") for row in rows]
    wall, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
    result = ReadingEvaluation(readings, [wanted_digits(row) for row in rows])
    if arguments.beside:
        return show(beside(rows, result, arguments.beside), arguments.page, "numbers beside")
    surest = [f"{result.accuracy_of_surest(part):.1%} of the surest {part:.0%}" for part in PARTS]
    lines = [
        *full_texts(rows, readings),
        f"expected calibration error of whole texts: {result.calibration_error:.1%}",
        f"exact: {', '.join(surest)}",
        f"{1000 * wall / len(rows):.0f} ms a picture, {1000 * cpu / len(rows):.0f} ms of CPU",
        on_drawn_pages(reader),
    ]
    text = table(rows, result) + "".join(f"\n* {line}" for line in lines)
    text += "\n\nCommand: `python benchmarks/read_numbers.py FOLDER`\n"
    if arguments.sheet:
        misread = np.flatnonzero(~result.is_exact)
        cells = [draw_cell(rows[index], readings[index]) for index in misread]
        save_sheet(cells, arguments.sheet)
    return show(text, arguments.page, "numbers")


def wanted_digits(row: Row) -> str:
    """Return the digits that a picture holds, rows joined; of single digits the label."""
    return (row.get("rows") or row["label"]).replace("|", "")


def table(rows: list[Row], result: ReadingEvaluation) -> str:
    """Write exact texts and character errors for each set of pictures and each kind."""
    lines = []
    for group, indices in groups_of(rows).items():
        part = ReadingEvaluation(
            [result.readings[index] for index in indices],
            [result.texts[index] for index in indices],
        )
        sources = np.array([rows[index]["source"] for index in indices])
        over = np.mean([part.is_exact[sources == each].mean() for each in np.unique(sources)])
        shares = (part.accuracy, over, part.character_error_rate)
        lines.append((group, str(len(indices)), *(f"{share:.1%}" for share in shares)))
    head = ("digitcnn.read", "number", "exact text", "over sources", "character errors")
    return format_table(head, lines)


def groups_of(rows: list[Row]) -> dict[str, list[int]]:
    """Return which pictures make up each data set, and each kind of people's own pictures."""
    sizes = Counter(row["source"] for row in rows)
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        is_set = sizes[row["source"]] > OWN_SET
        for group in (row["source"],) if is_set else ("pictures", f"pictures: {row['kind']}"):
            groups[group].append(index)
    return dict(sorted(groups.items(), key=lambda each: (":" in each[0], each[0])))


def beside(rows: list[Row], result: ReadingEvaluation, names: list[str]) -> str:
    """Write how many texts others read exactly, of each set."""
    exact = {"digitcnn.read": result.is_exact.tolist()}
    for name in names:
        try:
            read = OTHERS[name]()
        except ImportError:
            continue
        texts = [_read_by(read, row["path"]) for row in rows]
        exact[name] = [text == right for text, right in zip(texts, result.texts, strict=True)]
    sets = {name: indices for name, indices in groups_of(rows).items() if ":" not in name}
    lines = [
        (name, *(f"{np.mean(np.take(rights, indices)):.1%}" for indices in sets.values()))
        for name, rights in exact.items()
    ]
    command = f"python benchmarks/read_numbers.py FOLDER --beside {' '.join(names)}"
    return format_table(("exact text", *sets), lines, command)


def _read_by(read: Read, path: str) -> str:
    """Return the digits that another program reads in a picture, upright and on white."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    page = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return re.sub(r"\D", "", read(page.convert("RGB")))


def full_texts(rows: list[Row], readings: list[Reading]) -> list[str]:
    """Count how often the signs are right, too, where the note gives the whole label."""
    whole = [re.fullmatch(r"label (\S+)", row.get("note", "")) for row in rows]
    pairs = [(read, label[1]) for read, label in zip(readings, whole, strict=True) if label]
    if not pairs:
        return []
    result = ReadingEvaluation(*zip(*pairs, strict=True), with_signs=True)
    return [f"full text, with signs: {result.accuracy:.1%} of {result.num_pictures}"]


def on_drawn_pages(reader: DigitReader) -> str:
    """Measure how many digits of pages that are harder than real ones are found."""
    bank, rng = GlyphBank(hands=HANDS, seed=SEED), np.random.default_rng(SEED)
    pages = [draw_page(bank, rng) for _ in range(DRAWN_PAGES)]
    found = [_detections(reading) for reading in reader.read([page.picture for page in pages])]
    scores = evaluate_detection(found, pages)
    return (
        f"on {DRAWN_PAGES:,} drawn pages {scores.recall:.1%} of the digits are found, of what is "
        f"found {scores.precision:.1%} are digits, and {scores.digit_accuracy:.1%} of these are "
        "named rightly"
    )


def _detections(reading: Reading) -> Detections:
    """Return a reading's digits as what a detector finds."""
    boxes = np.array([digit.box for digit in reading.digits], np.float32).reshape(-1, 4)
    confidences = np.array([digit.confidence for digit in reading.digits], np.float32)
    names = np.array([digit.probabilities for digit in reading.digits], np.float32)
    return Detections(boxes, confidences, names.reshape(-1, 10))


def draw_cell(row: Row, reading: Reading) -> tuple[str, list[Image.Image]]:
    """Draw a picture with its boxes: red around digits, green around signs."""
    picture = ImageOps.exif_transpose(Image.open(row["path"])).convert("RGB")
    draw, pen = ImageDraw.Draw(picture), 1 + max(picture.size) // 300
    marks = [mark for line in reading.lines for mark in line.marks]
    for each, color in ((reading.digits, "red"), (marks, "green")):
        for found in each:
            draw.rectangle(found.box, outline=color, width=pen)
    answer = f"{wanted_digits(row)[:20]} > {reading.full_text.strip()[:20]!r}"
    return f"{row['path'][-36:]}\n{answer} {reading.confidence:.0%}", [picture]


if __name__ == "__main__":
    main()
