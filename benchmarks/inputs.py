"""Measure how well digits are read in the forms in which people have them.

    python benchmarks/inputs.py [--images N] [--split test] [--families NAME...]
        [--pictures FOLDER] [--sheet FILE.png] [--json FILE] [--page PAGE.md]

Digits cut to their box, stretched, drawn with thick and thin pens, in a hard shadow, dithered: from
MNIST's images and from digits that `digitcnn.synthesis` draws, by a fixed seed. What is refused
counts as misread. Choices are made by the validation images; the test images are for reporting.
`--pictures` adds people's own pictures, cut to the digit; FOLDER is as `benchmarks/pictures.py`
takes it.

`measure()` takes any function that reads one picture, for what is not in the library yet.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from checkout import use_published_files
from PIL import Image, ImageFilter, ImageOps

from digitcnn import DigitClassifier, DigitcnnError, DigitReader, datasets
from digitcnn.synthesis import draw_digits
from digitcnn.synthesis.digits import DIGITS, draw_flagged_one
from digitcnn.synthesis.hands import Forms, draw_form, sample_hand

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))
from pages import fill_place, format_table  # noqa: E402 - where to find it is said above

NAME = "inputs"  # of the table in the page
INTRODUCTION = """\
How well digits are read that were cut to their box, stretched, written with thick and thin pens,
lie in a hard shadow or were dithered: made from MNIST's images, from drawn digits, and from
people's own pictures. What is refused counts as misread; `--sheet` draws examples of each kind.
"""
SEED = 26
COUNT = 1000
REFUSED = -1
PIXEL_MAX = 255
LARGE = 100  # pixels: the height of an enlarged digit
THICK = 0.165  # heights of the digit; what comes out is nearly a fifth
SHOWN = 14
CELL = 72  # pixels

Split = Literal["validation", "test"]
Ink = np.ndarray  # uint8, bright on a background of 0
Change = Callable[[Ink, np.random.Generator], np.ndarray]
Digits = Iterator[tuple[Ink, int]]


def box_of(ink: Ink, level: float = 0) -> Ink:
    """Cut to the box of what exceeds a part of the brightest, as `cv2.boundingRect` gives it."""
    rows, columns = np.nonzero(ink > level * ink.max())
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def box_of_any(ink: Ink, rng: np.random.Generator) -> Ink:
    """Cut to the box of all ink, or to that of what a threshold leaves of it."""
    return box_of(ink, rng.choice([0, 0.5]))


def resized(ink: np.ndarray, width: int, height: int) -> Ink:
    """Scale to these sides, with soft edges."""
    picture = Image.fromarray(ink)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def enlarged(ink: Ink) -> Ink:
    """Scale to a height of 100 pixels, with edges as crisp as a pen's."""
    cut = box_of(ink)
    scale = LARGE / max(cut.shape)
    width, height = (max(4, round(side * scale)) for side in cut.shape[::-1])
    large = resized(cut, width, height).astype(np.float64)
    return np.clip((large - 0.5 * PIXEL_MAX) * 4 + 0.5 * PIXEL_MAX, 0, PIXEL_MAX).astype(np.uint8)


def either(ink: Ink, rng: np.random.Generator) -> np.ndarray:
    """Turn every other picture into its negative."""
    return ink if rng.random() < 0.5 else PIXEL_MAX - ink


def on_paper(ink: Ink, rng: np.random.Generator, light: float | np.ndarray = 1.0) -> np.ndarray:
    """Write dark on bright paper, with the grain of a camera."""
    paper, pen = rng.uniform(170, 245), rng.uniform(20, 90)
    levels = (paper + (pen - paper) * (ink / PIXEL_MAX)) * light
    return np.clip(levels + rng.normal(0, 3, ink.shape), 0, PIXEL_MAX).astype(np.uint8)


def framed(ink: Ink, rng: np.random.Generator) -> Ink:
    """Put a digit somewhere near the middle of a larger frame."""
    height, width = ink.shape
    top, bottom, left, right = rng.integers(LARGE // 5, LARGE // 2, 4)
    canvas = np.zeros((height + top + bottom, width + left + right), np.uint8)
    canvas[top : top + height, left : left + width] = ink
    return canvas


def stroke_width(ink: Ink) -> float:
    """Estimate a stroke's width in pixels: a quarter of it off each side leaves half of the ink."""
    steps, area = 0, np.count_nonzero(ink > PIXEL_MAX // 2)
    left, before = Image.fromarray(ink), area
    while True:
        left = left.filter(ImageFilter.MinFilter(3))
        now = np.count_nonzero(np.asarray(left) > PIXEL_MAX // 2)
        if now <= area / 2:
            return 4 * (steps + (before - area / 2) / max(1, before - now))
        steps, before = steps + 1, now


def thickened(ink: Ink) -> Ink:
    """Draw an enlarged digit anew with a thick pen with soft edges, and cut it by a threshold."""
    large = np.pad(enlarged(ink), LARGE // 4)
    while stroke_width(large) < THICK * max(box_of(large).shape):
        soft = Image.fromarray(large).filter(ImageFilter.GaussianBlur(2))
        levels = np.asarray(soft, np.float64)
        large = np.clip((levels - 0.2 * PIXEL_MAX) * 4, 0, PIXEL_MAX).astype(np.uint8)
    soft = Image.fromarray(large).filter(ImageFilter.GaussianBlur(2.5))
    return box_of(np.asarray(soft), 0.5)


def gray_and_noisy(ink: Ink, rng: np.random.Generator) -> np.ndarray:
    """Write grey on grey, in noise."""
    dark, bright = rng.uniform(50, 90), rng.uniform(150, 190)
    levels = bright + (dark - bright) * (ink / PIXEL_MAX) + rng.normal(0, 8, ink.shape)
    return either(np.clip(levels, 0, PIXEL_MAX).astype(np.uint8), rng)


def fitted(ink: Ink) -> np.ndarray:
    """Fit into 16 x 16, proportions kept, as USPS holds its digits: floats from 0 to 1."""
    picture = ImageOps.pad(Image.fromarray(box_of(ink)), (16, 16), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32) / PIXEL_MAX


def shadowed(ink: Ink, rng: np.random.Generator) -> np.ndarray:
    """Let the edge of a shadow, half as bright, fall across the digit."""
    canvas = framed(ink, rng)
    rows, columns = np.nonzero(canvas)
    index = rng.integers(len(rows))  # the edge runs through some point of the ink
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.indices(canvas.shape)
    beyond = (x - columns[index]) * np.cos(angle) + (y - rows[index]) * np.sin(angle)
    shade = np.clip(beyond + 0.5, 0, 1)  # soft over one pixel, as a camera sees it
    return on_paper(canvas, rng, 1 - 0.5 * shade)


def dithered(ink: Ink, rng: np.random.Generator) -> np.ndarray:
    """Turn a photo into black and white as `Image.convert("1")` does: grey becomes dots."""
    photo = Image.fromarray(on_paper(framed(ink, rng), rng, light=rng.uniform(0.75, 1)))
    return np.asarray(photo.convert("1"))


def mnist_digits(split: Split) -> Digits:
    """Return MNIST's images and labels, one after another."""
    (images, labels), test = datasets.load_mnist()
    if split == "test":
        images, labels = test
    else:
        _, (images, labels) = datasets.train_validation_split(images, labels)
    return zip(images, labels.tolist(), strict=True)


def drawn_digits(_split: Split) -> Digits:
    """Draw digits in all ways of writing them, by all pens."""
    for seed in range(SEED, 2**31):
        images, labels = draw_digits(100, seed=seed)
        yield from zip(images, labels.tolist(), strict=True)


def written(
    forms: dict[int, Forms], thinnest: float, thickest: float, *, narrow: bool = False
) -> Callable[[Split], Digits]:
    """Return a source of digits in these forms, by pens of these widths in heights of the digit."""

    def draw(_split: Split) -> Digits:
        rng = np.random.default_rng(SEED)
        while True:
            digit, hand = int(rng.choice(list(forms))), sample_hand(rng)
            width = rng.uniform(thinnest, thickest)
            pen = dataclasses.replace(hand.pen, kind="round", ink=1.0, width=width)
            hand = dataclasses.replace(hand, pen=pen)
            if narrow:
                aspect, slant = rng.uniform(0.4, 0.8), rng.uniform(-0.3, 0.6)
                hand = dataclasses.replace(hand, aspect=aspect, slant=slant)
            yield draw_form(forms[digit], hand, side=200, rng=rng, style_rng=rng), digit

    return draw


@dataclass(frozen=True)
class Family:
    """One kind of input.

    Attributes
    ----------
    what : str
        It in words.
    digits : callable
        Return digits without end, or as many as there are.
    change : callable
        Make the picture out of the ink of a digit.
    target : float or None
        The share that is to be read.
    """

    what: str
    digits: Callable[[Split], Digits]
    change: Change
    target: float | None = None

    def pictures(self, count: int, split: Split) -> tuple[list[np.ndarray], list[int]]:
        """Return so many pictures and their digits, the same ones each time."""
        rng = np.random.default_rng(SEED)
        found = list(islice(self.digits(split), count))
        return [self.change(ink, rng) for ink, _ in found], [label for _, label in found]


LOOPS = {digit: DIGITS[digit] for digit in (0, 6, 8, 9)}
STEEP_ONES: dict[int, Forms] = {1: ((1.0, draw_flagged_one),)}

FAMILIES = {
    "mnist": Family("MNIST as it is", mnist_digits, lambda ink, _: ink),
    "margin": Family(
        "cut to the box, one pixel of margin, either polarity",
        mnist_digits,
        lambda ink, rng: either(np.pad(box_of(ink), 1), rng),
    ),
    "tight": Family(
        "cut to the box, no margin, either polarity",
        mnist_digits,
        lambda ink, rng: either(box_of_any(ink, rng), rng),
        0.99,
    ),
    "stretched-16": Family(
        "the same, stretched to 16 x 16",
        mnist_digits,
        lambda ink, rng: either(resized(box_of_any(ink, rng), 16, 16), rng),
        0.94,
    ),
    "stretched-28": Family(
        "the same, stretched to 28 x 28",
        mnist_digits,
        lambda ink, rng: either(resized(box_of_any(ink, rng), 28, 28), rng),
        0.95,
    ),
    "thick": Family(
        "thick pen, cut tight, 100 pixels",
        mnist_digits,
        lambda ink, rng: either(thickened(ink), rng),
        0.97,
    ),
    "thick-noisy": Family(
        "the same, grey with noise",
        mnist_digits,
        lambda ink, rng: gray_and_noisy(thickened(ink), rng),
        0.97,
    ),
    "usps": Family(
        "as USPS: 16 x 16, tight, bright on dark",
        mnist_digits,
        lambda ink, _: fitted(ink),
        0.975,
    ),
    "semeion": Family(
        "as Semeion: stretched to 16 x 16, black and white",
        mnist_digits,
        lambda ink, rng: resized(box_of_any(ink, rng), 16, 16) > PIXEL_MAX // 2,
        0.94,
    ),
    "shadow": Family(
        "the edge of a hard shadow across the digit",
        mnist_digits,
        lambda ink, rng: shadowed(enlarged(ink), rng),
        0.95,
    ),
    "dithered": Family(
        "a photo dithered to black and white",
        mnist_digits,
        lambda ink, rng: dithered(enlarged(ink), rng),
    ),
    "drawn-tight": Family(
        "drawn, cut to the box, either polarity",
        drawn_digits,
        lambda ink, rng: either(box_of_any(ink, rng), rng),
    ),
    "drawn-shadow": Family(
        "drawn, the edge of a hard shadow across the digit",
        drawn_digits,
        lambda ink, rng: shadowed(box_of(ink), rng),
    ),
    "drawn-thick": Family(
        "drawn with a thick pen, cut tight",
        written(dict(enumerate(DIGITS)), THICK * 0.8, THICK),
        lambda ink, rng: either(box_of_any(ink, rng), rng),
    ),
    "thin": Family(
        "0, 6, 8, 9, narrow or slanted, drawn with a thin pen",
        written(LOOPS, 0.005, 0.02, narrow=True),
        lambda ink, _: PIXEL_MAX - ink,
    ),
    "flagged-1": Family(
        "1 with a flag, without a foot",
        written(STEEP_ONES, 0.03, 0.1),
        lambda ink, _: PIXEL_MAX - ink,
    ),
}


@dataclass(frozen=True)
class Result:
    """What came of one family: shares of its pictures."""

    pictures: int
    read: float
    refused: float


def score(
    predict: Callable[[np.ndarray], object], pictures: Iterable[np.ndarray], labels: list[int]
) -> Result:
    """Read pictures one at a time, so that one refusal spoils no other."""
    answers = []
    for picture in pictures:
        try:
            answers.append(int(np.asarray(predict(picture)).item()))
        except DigitcnnError:
            answers.append(REFUSED)
    right, refused = np.equal(answers, labels), np.equal(answers, REFUSED)
    return Result(len(labels), float(right.mean()), float(refused.mean()))


def measure(
    predict: Callable[[np.ndarray], object],
    families: Iterable[str] | None = None,
    count: int = 300,
    *,
    split: Split = "validation",
) -> dict[str, Result]:
    """Read so many pictures of each family.

    Parameters
    ----------
    predict : callable
        Takes one picture as an array, and returns its digit; -1 or a `DigitcnnError` refuses it.
    families : iterable of str, optional
        Names in `FAMILIES`; by default all.
    count : int
        How many pictures of each.
    split : {"validation", "test"}
        Which of MNIST's images they are made from.

    Returns
    -------
    results : dict of str to Result
        What came of each family, by its name.
    """
    names = FAMILIES if families is None else families
    return {name: score(predict, *FAMILIES[name].pictures(count, split)) for name in names}


def cut_pictures(folder: Path) -> tuple[list[np.ndarray], list[int]]:
    """Cut people's pictures to the digit, where the reader finds that digit alone."""
    reader, pictures, labels = DigitReader(), [], []
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(folder / row["path"], row["label"]) for row in csv.DictReader(stream)]
    for path, label in rows:
        reading = reader.read(path)
        if reading.text != label:
            continue
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            shown = Image.new("RGBA", upright.size, "white")
            shown.alpha_composite(upright.convert("RGBA"))
        left, top, right, bottom = reading.digits[0].box
        box = (int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom)))
        pictures.append(np.asarray(shown.convert("RGB").crop(box)))
        labels.append(int(label))
    return pictures, labels


def draw_sheet(names: Iterable[str], count: int, split: Split) -> Image.Image:
    """Draw a row of examples for each family."""
    names = list(names)
    sheet = Image.new("L", (SHOWN * (CELL + 4), len(names) * (CELL + 4)), 128)
    for row, name in enumerate(names):
        draw_row(sheet, row, FAMILIES[name].pictures(min(count, SHOWN), split)[0])
    return sheet


def draw_row(sheet: Image.Image, row: int, pictures: Iterable[np.ndarray]) -> None:
    """Paste pictures side by side, each as large as its cell."""
    for column, picture in enumerate(pictures):
        scale = 1 if picture.dtype == np.uint8 else PIXEL_MAX
        shown = Image.fromarray((picture * scale).astype(np.uint8)).convert("L")
        shown = ImageOps.contain(shown, (CELL, CELL), Image.Resampling.NEAREST)
        sheet.paste(shown, (column * (CELL + 4), row * (CELL + 4)))


def table(results: dict[str, Result], command: str) -> str:
    """Write a Markdown table of what was read and what is asked for."""
    rows = []
    for name, result in results.items():
        family = FAMILIES.get(name, PICTURES)
        target = "-" if family.target is None else f">= {family.target:.1%}"
        rows.append((family.what, f"{result.read:.1%}", f"{result.refused:.1%}", target))
    return format_table(("input", "read", "refused", "target"), rows, command)


PICTURES = Family("people's pictures cut to the digit", drawn_digits, either, 0.97)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", default="base", help="published name or .onnx file")
    parser.add_argument("--images", type=int, default=COUNT, help="how many of each family")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument(
        "--families", nargs="+", choices=FAMILIES, default=list(FAMILIES), metavar="NAME"
    )
    parser.add_argument("--pictures", type=Path, help="labelled pictures and manifest.csv")
    parser.add_argument("--sheet", type=Path, help="draw examples of each family to this PNG")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--page", type=Path, help="write the table into this Markdown page")
    arguments = parser.parse_args()
    use_published_files()

    if arguments.sheet:
        draw_sheet(arguments.families, arguments.images, arguments.split).save(arguments.sheet)
    predict = DigitClassifier(arguments.weights).predict
    results = {}
    for name in arguments.families:
        results |= measure(predict, [name], arguments.images, split=arguments.split)
        print(f"{name:14}{results[name].read:8.1%}", flush=True)
    if arguments.pictures:
        results["pictures"] = score(predict, *cut_pictures(arguments.pictures))
    options = " --split test" if arguments.split == "test" else ""
    options += f" --images {arguments.images}" if arguments.images != COUNT else ""
    options += " --pictures FOLDER" if arguments.pictures else ""
    text = table(results, f"python benchmarks/inputs.py{options}")
    print(f"\n{text}")
    if arguments.json:
        record = {name: dataclasses.asdict(result) for name, result in results.items()}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if arguments.page:
        fill_place(arguments.page, NAME, f"{INTRODUCTION}\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
