"""Measure how well published networks read: one table, a column for each network.

    python benchmarks/accuracy.py [DATASET...] [--weights NAME...] [--pictures FOLDER]
                                  [--nondigits FILE.npz] [--brief] [--sheet FILE.png] [--page PAGE]

DATASETs are `mnist`, its test set; `corruptions`, MNIST's validation images after something has
befallen them; `inputs`, those images and drawn ones in the forms in which people have digits;
`scenes`, digits in scenes of the project's own drawing; `pictures`, those that FOLDER's
`manifest.csv` lists (columns path, label, source, kind); and `nondigits`, what FILE holds: `x`
uint8 (N, H, W), `kind`, and `lookalike`, true where it looks like a digit. By default all that need
no FOLDER and no FILE. `NAME:tutorial` is a network fed as tutorials do: gray, resized to 28 x 28,
divided by 255. A refusal counts as misread. Nothing is trained and nothing chosen here.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from checkout import use_published_files
from inputs import cut_pictures, draw_inputs
from PIL import Image, ImageDraw, ImageOps
from reporting import begin_options, format_table, save_sheet, show
from scene_kinds import KINDS, draw

from digitcnn import DigitClassifier, DigitcnnError, Evaluation, datasets, predict_proba, preprocess
from digitcnn.architectures import PAGE_NETWORKS
from digitcnn.augmentation import DAMAGES, damage
from digitcnn.weights import get_weights, list_weights, resolve

# Of MNIST's test set: a majority of five people reads another digit than the label.
DISPUTED = {
    *(947, 1621, 1901, 2130, 2462, 2597, 2654, 3520),
    *(3558, 5937, 6651, 6783, 8527, 9679, 9729),
}
SURE = 0.9
KEPT = 0.99  # of MNIST's validation digits, by the threshold that refuses what is no digit
CELL, COLUMNS = 180, 6  # of the sheet
TUTORIAL = ":tutorial"

Answer = Callable[[Any], np.ndarray]


@dataclass
class Samples:
    """Pictures, their labels, and for each the kind and the person it comes from."""

    images: Any
    labels: np.ndarray
    kinds: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


def read_as_tutorials(name: str) -> Answer:
    """Return a reader that feeds the network as tutorials do."""
    session = onnxruntime.InferenceSession(resolve(name, format="onnx"))

    def read(images: Any) -> np.ndarray:
        planes = [_opened(image).convert("L").resize((28, 28)) for image in images]
        batch = np.stack([np.asarray(plane, np.float32) / 255 for plane in planes])[..., None]
        return session.run(None, {"images": batch})[0]

    return read


def _opened(image: Any) -> Image.Image:
    if isinstance(image, np.ndarray):
        return Image.fromarray(image if image.dtype != np.float32 else np.uint8(image * 255))
    return Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)


def read_whole(name: str) -> Answer:
    """Return a reader of pictures as the library reads them: a row of NaN where it refuses."""
    return read_by(DigitClassifier(resolve(name, format="onnx")))


def read_by(model: Any) -> Answer:
    """Return a reader by a model of the user's own, such as a Keras network."""
    return lambda images: predict_proba(images, model=model, errors="return")


def mnist(_: argparse.Namespace) -> Samples:
    """Load the test set."""
    return Samples(*datasets.load_mnist()[1])


def plain_images(arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Load some images of MNIST: of its validation part, or of its test set."""
    train, test = datasets.load_mnist()
    if arguments.split == "validation":
        test = datasets.train_validation_split(*train)[1]
    images, labels = test
    return images[: arguments.images], labels[: arguments.images]


def corruptions(arguments: argparse.Namespace) -> Samples:
    """Damage some images of MNIST in each way."""
    images, labels = plain_images(arguments)
    damaged = [damage(images, seed=seed, kinds=[name]) for seed, name in enumerate(DAMAGES)]
    kinds = [name for name in DAMAGES for _ in labels]
    return Samples(np.concatenate(damaged), np.tile(labels, len(DAMAGES)), kinds)


def inputs(arguments: argparse.Namespace) -> Samples:
    """Draw so many pictures of each form; cut people's own pictures to the digit."""
    drawn = draw_inputs(*plain_images(arguments), arguments.images)
    if arguments.pictures:
        drawn += cut_pictures(arguments.pictures)
    images, labels, kinds = zip(*drawn, strict=True)
    return Samples(list(images), np.array(labels), list(kinds))


def scenes(arguments: argparse.Namespace) -> Samples:
    """Draw so many scenes of each kind."""
    keys = [(kind, index) for kind in KINDS for index in range(arguments.scenes)]
    digits, contents = zip(*(draw(*key, arguments.seed) for key in keys), strict=True)
    return Samples(list(contents), np.array(digits), [kind for kind, _ in keys])


def pictures(arguments: argparse.Namespace) -> Samples:
    """List people's own pictures."""
    with (arguments.pictures / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return Samples(
        [arguments.pictures / row["path"] for row in rows],
        np.array([int(row["label"]) for row in rows]),
        [row["kind"] for row in rows],
        [row["source"] for row in rows],
    )


DATASETS = {each.__name__: each for each in (mnist, corruptions, inputs, scenes, pictures)}
NEEDS = ("pictures", "nondigits")  # an option of the same name


def measure(name: str, samples: Samples, probabilities: np.ndarray) -> Iterator[tuple[str, str]]:
    """Count what is right and what is wrong."""
    right, answered = is_right(samples, probabilities), ~np.isnan(probabilities).any(axis=1)
    yield f"{name}, {len(right):,}: read", f"{right.mean():.2%}"
    yield "misread or refused", f"{(~right).sum():,}"
    if name == "mnist":
        wrong = set(np.flatnonzero(~right).tolist())
        yield "misread but for the 15 of disputed label", f"{len(wrong - DISPUTED):,}"
    else:
        sure = ~right & (np.nan_to_num(probabilities).max(axis=1) >= SURE)
        yield f"misread with {SURE:.0%} confidence and more", f"{sure.sum():,}"
    if answered.any():
        result = Evaluation(samples.labels[answered], probabilities[answered])
        yield "expected calibration error", f"{result.calibration_error:.2%}"
    if samples.sources:
        sources = np.array(samples.sources)
        shares = [right[sources == source].mean() for source in sorted(set(samples.sources))]
        yield f"mean over {len(shares)} sources", f"{np.mean(shares):.2%}"


def measure_kinds(samples: Samples, probabilities: np.ndarray) -> Iterator[tuple[str, str]]:
    """Count what is right of each kind, and what is refused."""
    right, refused = is_right(samples, probabilities), np.isnan(probabilities).any(axis=1)
    kinds = np.array(samples.kinds)
    for kind in dict.fromkeys(samples.kinds):
        members = kinds == kind
        part = f", {refused[members].mean():.1%} refused" if refused[members].any() else ""
        yield f"{kind}, {members.sum():,}", f"{right[members].mean():.1%}{part}"


def is_right(samples: Samples, probabilities: np.ndarray) -> np.ndarray:
    """Return of each picture whether its digit is read; refused, it is not."""
    refused = np.isnan(probabilities).any(axis=1)
    return ~refused & (np.nan_to_num(probabilities).argmax(axis=1) == samples.labels)


def nondigits(read: Answer, file: Path, *, brief: bool) -> Iterator[tuple[str, str]]:
    """Count what is no digit and refused by the threshold that keeps 99 % of the digits."""
    train, _ = datasets.load_mnist()
    _, (images, _) = datasets.train_validation_split(*train)
    threshold = float(np.quantile(read(images).max(axis=1), 1 - KEPT))
    yield f"confidence that {KEPT:.0%} of the validation digits reach", f"{threshold:.3f}"
    with np.load(file, allow_pickle=False) as archive:
        images, kinds, alike = (archive[name] for name in ("x", "kind", "lookalike"))
    refused = np.nan_to_num(read(list(images))).max(axis=1) < threshold
    each = () if brief else np.unique(kinds.astype(str))
    for name, part in (
        ("nondigits", ~alike),
        *((kind, ~alike & (kinds.astype(str) == kind)) for kind in each),
        ("letters that look like a digit, not counted", alike),
    ):
        yield f"{name}, {part.sum():,}: refused by it", f"{refused[part].mean():.1%}"


def properties(name: str) -> Iterator[tuple[str, str]]:
    """Return what a network takes."""
    record = get_weights(name)
    yield "parameters", f"{record.num_parameters:,}"
    yield "multiply-adds for an image", f"{record.multiply_adds:,}"
    yield "size of the `.onnx` file", f"{record.onnx.size / 1e6:.2f} MB"


def mcnemar(wrong: np.ndarray, other: np.ndarray) -> float:
    """Return the chance of so uneven a split between equally good networks (McNemar's exact)."""
    ours, theirs = int((wrong & ~other).sum()), int((other & ~wrong).sum())
    tail = sum(math.comb(ours + theirs, count) for count in range(min(ours, theirs) + 1))
    return min(1.0, 2 * tail / 2 ** (ours + theirs))


def draw_sheet(samples: Samples, probabilities: np.ndarray, path: Path) -> None:
    """Draw what is misread: the picture, what the network was given, and the answer."""
    cells = []
    for index in np.flatnonzero(~is_right(samples, probabilities)).tolist():
        image, row = samples.images[index], probabilities[index]
        refused = bool(np.isnan(row).any())
        cell = Image.new("RGB", (CELL, CELL + 75), "white")
        answer = "refused" if refused else f"{row.argmax()} {row.max():.2f}"
        name = image.name if isinstance(image, Path) else "".join(samples.kinds[index : index + 1])
        text = f"{name[-20:]} {samples.labels[index]}: {answer}"
        ImageDraw.Draw(cell).text((0, 0), text, fill="black")
        shown = ImageOps.exif_transpose(_opened(image)).convert("RGB")
        cell.paste(ImageOps.contain(shown, (CELL - 4, CELL - 30)), (0, 12))
        if not refused:
            given = np.rint(preprocess(image)[0, ..., 0] * 255).astype(np.uint8)
            cell.paste(Image.fromarray(given).resize((84, 84)), (0, CELL - 15))
        cells.append(cell)
    save_sheet(cells, COLUMNS, path)


def table(arguments: argparse.Namespace, names: list[str]) -> str:
    """Measure each network on each data set, and write the table."""
    use_published_files()
    plain = {name: name.removesuffix(TUTORIAL) for name in names}
    is_whole = "mnist" in arguments.datasets
    columns = {name: dict(properties(plain[name]) if is_whole else ()) for name in names}
    first_wrong: np.ndarray | None = None
    for dataset in arguments.datasets:
        samples = None if dataset == "nondigits" else DATASETS[dataset](arguments)
        for name in names:
            read = (read_as_tutorials if name.endswith(TUTORIAL) else read_whole)(plain[name])
            if samples is None:
                columns[name] |= dict(nondigits(read, arguments.nondigits, brief=arguments.brief))
                continue
            probabilities = read(samples.images)
            cells = dict(measure(dataset, samples, probabilities))
            if dataset == "mnist" and len(names) > 1:
                wrong = probabilities.argmax(axis=1) != samples.labels
                first_wrong = wrong if first_wrong is None else first_wrong
                chance = mcnemar(first_wrong, wrong)
                cells["chance of as good as the first (McNemar)"] = f"{chance:.2g}"
            if not arguments.brief:
                cells |= dict(measure_kinds(samples, probabilities))
            for key, value in cells.items():
                columns[name][key if key.startswith(dataset) else f"{dataset}: {key}"] = value
            if arguments.sheet and name == names[0]:
                path = arguments.sheet.with_stem(f"{arguments.sheet.stem}-{dataset}")
                draw_sheet(samples, probabilities, path)
    measured = list(dict.fromkeys(key for cells in columns.values() for key in cells))
    rows = [(key, *(columns[name].get(key, "-") for name in names)) for key in measured]
    ways = {True: ", fed as tutorials do", False: ""}
    head = (f"{get_weights(plain[name]).id}{ways[name.endswith(TUTORIAL)]}" for name in names)
    return format_table(("", *head), rows, f"python benchmarks/accuracy.py {arguments.command}")


def parse(words: list[str] | None) -> argparse.Namespace:
    """Read the command line; `command` is what repeats it, without the user's own paths."""
    parser, known = begin_options(__doc__), [*DATASETS, "nondigits"]
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help=", ".join(known))
    parser.add_argument("--weights", nargs="+", help="names; by default the newest of each")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="manifest.csv, pictures")
    parser.add_argument("--nondigits", type=Path, metavar="FILE", help="of what is no digit")
    parser.add_argument("--scenes", type=int, default=20, help="of each kind")
    parser.add_argument("--seed", type=int, default=0, help="another one draws other scenes")
    parser.add_argument("--images", type=int, default=1000, help="of each corruption and input")
    parser.add_argument("--split", choices=("test", "validation"), default="validation")
    parser.add_argument("--brief", action="store_true", help="no row for each kind of picture")
    parser.add_argument("--sheet", type=Path, help="draw what the first network misreads")
    parser.add_argument("--name", default="accuracy", help="of the table in the page")
    arguments = parser.parse_args(words)
    if unknown := set(arguments.datasets) - set(known):
        parser.error(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
    given = [name for name in known if name not in NEEDS or getattr(arguments, name)]
    asked = arguments.datasets
    arguments.datasets = asked or given
    if missing := set(arguments.datasets) - set(given):
        parser.error(f"{', '.join(missing)}: give --{' and --'.join(missing)}")
    options = ["--weights", *arguments.weights] if arguments.weights else []
    options += ["--brief"] if arguments.brief else []
    options += ["--split test"] if arguments.split == "test" else []
    options += [f"--images {arguments.images}"] if arguments.images != 1000 else []
    options += ["--pictures FOLDER"] if arguments.pictures else []
    options += ["--nondigits FILE"] if arguments.nondigits else []
    arguments.command = " ".join([*asked, *options])
    return arguments


def main(words: list[str] | None = None) -> str:
    """Measure, print, and write what was asked for."""
    arguments = parse(words)
    names = arguments.weights or list(
        dict.fromkeys(
            each.name for each in list_weights() if each.architecture not in PAGE_NETWORKS
        )
    )
    try:
        text = table(arguments, names)
    except DigitcnnError as error:
        sys.exit(str(error))
    return show(text, arguments.page, arguments.name)


if __name__ == "__main__":
    main()
