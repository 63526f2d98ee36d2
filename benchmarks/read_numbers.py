"""How well numbers are read: exact texts and character errors, on a folder of people's pictures.

    python benchmarks/read_numbers.py FOLDER [--sheet FILE.png] [--weights FILE.onnx] [--others]

The folder holds a `manifest.csv` with the columns path, rows (digits in reading order, rows
separated by `|`), source, kind and note. `--others` also measures the tutorials' way (threshold,
connected components, `predict` on each), and RapidOCR and Tesseract where they are installed.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from digitcnn import DigitReader, Reading

# Sources with more pictures than this are data sets of their own, not one person's pictures.
_OWN_SET = 40
# Of a picture: smaller components are specks.
_LEAST_PART = 0.0005
_CELL = (300, 220)
_COLUMNS = 6


def main() -> None:
    """Read every picture, print the tables, and draw what was misread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path, help="draw each misread picture into this file")
    parser.add_argument("--weights", default="reader", help="a published name or an .onnx file")
    parser.add_argument("--source", default="", help="only sources that begin so")
    parser.add_argument("--others", action="store_true", help="measure other readers, too")
    arguments = parser.parse_args()
    with (arguments.folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["source"].startswith(arguments.source)]
    weights = arguments.weights
    reader = DigitReader(Path(weights) if weights.endswith(".onnx") else weights)
    begun = time.perf_counter(), time.process_time()
    readings = [reader.read(arguments.folder / row["path"], errors="return") for row in rows]
    wall, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
    texts = [reading.text for reading in readings]
    print_table("digitcnn.read", rows, texts)
    print_full_texts(rows, readings)
    print_coverage(rows, readings)
    print(f"{1000 * wall / len(rows):.0f} ms a picture, {1000 * cpu / len(rows):.0f} ms of CPU")
    if arguments.sheet:
        draw_sheet(arguments.folder, rows, readings, arguments.sheet)
    if arguments.others:
        for name, read_other in other_readers().items():
            print_table(name, rows, [read_other(arguments.folder / row["path"]) for row in rows])


def wanted_digits(row: dict[str, str]) -> str:
    """Return the digits that a picture holds, rows joined; of single digits the label."""
    return (row.get("rows") or row["label"]).replace("|", "")


def print_table(name: str, rows: list[dict[str, str]], texts: list[str]) -> None:
    """Print exact texts and character errors for each set of pictures and each kind."""
    sizes = defaultdict(int)
    for row in rows:
        sizes[row["source"]] += 1
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        source = row["source"]
        is_set = sizes[source] > _OWN_SET
        groups[source if is_set else "pictures"].append(index)
        if not is_set:
            groups[f"pictures: {row['kind']}"].append(index)
    print(f"\n{name}\n\n| pictures | number | exact text | over sources | character errors |")
    print("|---|---|---|---|---|")
    for group, members in sorted(groups.items(), key=lambda each: (":" in each[0], each[0])):
        exact = [digits_of(texts[index]) == wanted_digits(rows[index]) for index in members]
        by_source = defaultdict(list)
        for index, is_exact in zip(members, exact, strict=True):
            by_source[rows[index]["source"]].append(is_exact)
        over = np.mean([np.mean(each) for each in by_source.values()])
        wrong = sum(edits(digits_of(texts[i]), wanted_digits(rows[i])) for i in members)
        total = sum(len(wanted_digits(rows[index])) for index in members)
        shares = " | ".join(f"{share:.1%}" for share in (np.mean(exact), over, wrong / total))
        print(f"| {group} | {len(members)} | {shares} |")


def print_full_texts(rows: list[dict[str, str]], readings: list[Reading]) -> None:
    """Print how often the signs are right, too, where the note gives the whole label."""
    exact = []
    for row, reading in zip(rows, readings, strict=True):
        if found := re.fullmatch(r"label (\S+)", row.get("note", "")):
            exact.append(reading.full_text.replace("\n", "") == found[1])
    if exact:
        print(f"\nfull text, with signs: {np.mean(exact):.1%} of {len(exact)}")


def print_coverage(rows: list[dict[str, str]], readings: list[Reading]) -> None:
    """Print how far confidence can be trusted, and how exact the surest readings are."""
    pairs = list(zip(rows, readings, strict=True))
    exact = np.array([digits_of(each.text) == wanted_digits(row) for row, each in pairs])
    sure = np.array([reading.confidence for reading in readings])
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(exact[bins == each].mean() - sure[bins == each].mean()) * (bins == each).mean()
        for each in range(10)
        if (bins == each).any()
    ]
    print(f"\nexpected calibration error of whole texts: {sum(gaps):.1%}")
    order = np.argsort(-sure)
    shares = (1.0, 0.9, 0.8, 0.6)
    texts = [
        f"{exact[order[: round(part * len(order))]].mean():.1%} of the surest {part:.0%}"
        for part in shares
    ]
    print(f"exact: {', '.join(texts)}")


def digits_of(text: str) -> str:
    """Return the digits of a text, nothing else."""
    return re.sub(r"[^0-9]", "", text)


def edits(first: str, second: str) -> int:
    """Return the Levenshtein distance of two texts."""
    before = list(range(len(second) + 1))
    for row, left in enumerate(first, 1):
        after = [row]
        for column, right in enumerate(second, 1):
            after.append(
                min(before[column - 1] + (left != right), before[column] + 1, after[-1] + 1)
            )
        before = after
    return before[-1]


def draw_sheet(
    folder: Path, rows: list[dict[str, str]], readings: list[Reading], path: Path
) -> None:
    """Draw each picture that is misread, with its boxes."""
    cells = []
    for row, reading in zip(rows, readings, strict=True):
        if digits_of(reading.text) == wanted_digits(row):
            continue
        picture = ImageOps.exif_transpose(Image.open(folder / row["path"])).convert("RGB")
        scale = min(_CELL[0] / picture.width, (_CELL[1] - 30) / picture.height)
        size = max(1, int(picture.width * scale)), max(1, int(picture.height * scale))
        cell = Image.new("RGB", _CELL, "white")
        cell.paste(picture.resize(size), (0, 30))
        draw = ImageDraw.Draw(cell)
        draw.text((0, 0), f"{row['path'][-36:]} {reading.confidence:.0%}", fill="black")
        draw.text(
            (0, 13), f"{wanted_digits(row)[:24]} > {reading.full_text.strip()[:24]!r}", fill="red"
        )
        for digit in reading.digits:
            left, top, right, bottom = (scale * side for side in digit.box)
            draw.rectangle((left, top + 30, right, bottom + 30), outline="red")
            draw.text((left, top + 20), f"{digit.value} {digit.confidence:.0%}", fill="blue")
        for mark in (mark for line in reading.lines for mark in line.marks):
            left, top, right, bottom = (scale * side for side in mark.box)
            draw.rectangle((left, top + 30, right, bottom + 30), outline="green")
        cells.append(cell)
    tall = -(-len(cells) // _COLUMNS)
    sheet = Image.new("RGB", (_CELL[0] * _COLUMNS, _CELL[1] * max(1, tall)), "white")
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % _COLUMNS * _CELL[0], index // _COLUMNS * _CELL[1]))
    sheet.save(path)
    print(f"{len(cells)} misread pictures in {path}")


def other_readers() -> dict[str, Callable[[Path], str]]:
    """Return what else reads numbers here."""
    readers: dict[str, Callable[[Path], str]] = {"threshold, components, predict": read_components}
    try:
        from rapidocr import RapidOCR
    except ImportError:
        print("rapidocr is not installed", file=sys.stderr)
    else:
        engine = RapidOCR()

        def read_rapid(path: Path) -> str:
            output = engine(str(path))
            texts = output.txts or engine(str(path), use_det=False, use_cls=False).txts or ()
            return "\n".join(texts)

        readers["rapidocr"] = read_rapid
    try:
        import pytesseract

        pytesseract.get_tesseract_version()
    except Exception:  # noqa: BLE001 - the package or the program may be missing
        print("pytesseract or Tesseract is not installed", file=sys.stderr)
    else:
        options = "--psm 6 -c tessedit_char_whitelist=0123456789"
        readers["tesseract"] = lambda path: pytesseract.image_to_string(str(path), config=options)
    return readers


def read_components(path: Path) -> str:
    """Read as tutorials do: threshold, connected components left to right, `predict` on each."""
    from digitcnn import predict
    from digitcnn.errors import DigitcnnError
    from digitcnn.preprocessing._components import find_components

    gray = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("L"))
    ink = gray < (int(gray.min()) + int(gray.max())) / 2
    if ink.mean() > 0.5:
        ink = ~ink
    found = find_components(ink)
    boxes = found.boxes[found.areas > _LEAST_PART * ink.size]
    text = []
    for top, left, bottom, right in sorted(boxes.tolist(), key=lambda box: box[1]):
        margin = (bottom - top) // 5 + 2
        part = gray[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin]
        try:
            text.append(str(predict(part)))
        except DigitcnnError:
            continue
    return "".join(text)


if __name__ == "__main__":
    main()
