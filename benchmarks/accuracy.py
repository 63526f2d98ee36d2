"""Measure how well published networks read: one table, a column for each network.

    python benchmarks/accuracy.py [DATASET...] [--weights NAME...] [--pictures FOLDER]
                                  [--nondigits FILE.npz] [--brief] [--sheet FILE.png] [--page PAGE]

DATASETs are `mnist`, its test set; `corruptions`, MNIST's validation images after something has
befallen them; `inputs`, those images and drawn ones in the forms in which people have digits;
`scenes`, digits in scenes of the project's own drawing; `pictures`, those that FOLDER's
`manifest.csv` lists (columns path, label, source, kind); and `nondigits`, what FILE holds: `x`
uint8 (N, H, W), `kind`, and `lookalike`, true where it looks like a digit. By default all that need
no FOLDER and no FILE. `NAME:tutorial` is a network fed as tutorials do: gray, resized to 28 x 28,
divided by 255. A refusal counts as misread. Nothing is trained and nothing chosen here. In PAGE the
table's name is that of its data sets.
"""

from __future__ import annotations

import argparse
import io
import math
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from checkout import use_published_files
from inputs import cut_pictures, draw_inputs
from PIL import Image, ImageOps
from reporting import begin_options, format_table, read_manifest, save_sheet, show
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
SURE, SEED = 0.9, 0  # another one draws other scenes
KEPT = 0.99  # of MNIST's validation digits, by the threshold that refuses what is no digit
TUTORIAL = ":tutorial"

Answer = Callable[[Any], np.ndarray]


class Samples(NamedTuple):
    """Pictures, their labels, and for each the kind and the person it comes from."""

    images: Any
    labels: np.ndarray
    kinds: Sequence[str] = ()
    sources: Sequence[str] = ()


def reader_of(name: str) -> Answer:
    """Return what reads pictures by a published network: a row of NaN where it refuses."""
    network = resolve(name.removesuffix(TUTORIAL), format="onnx")
    if not name.endswith(TUTORIAL):
        model = DigitClassifier(network)
        return lambda images: predict_proba(images, model=model, errors="return")
    session = onnxruntime.InferenceSession(network)

    def read(images: Any) -> np.ndarray:
        planes = [_opened(image).convert("L").resize((28, 28)) for image in images]
        batch = np.stack([np.asarray(plane, np.float32) / 255 for plane in planes])[..., None]
        return session.run(None, {"images": batch})[0]

    return read


def _opened(image: Any) -> Image.Image:
    if isinstance(image, np.ndarray):
        return Image.fromarray(image if image.dtype != np.float32 else np.uint8(image * 255))
    return Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)


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
    return Samples(list(images), np.array(labels), kinds)


def scenes(arguments: argparse.Namespace) -> Samples:
    """Draw so many scenes of each kind, or of some."""
    kinds = arguments.kinds or KINDS
    keys = [(kind, index) for kind in kinds for index in range(arguments.scenes)]
    digits, contents = zip(*(draw(*key, SEED) for key in keys), strict=True)
    return Samples(list(contents), np.array(digits), [kind for kind, _ in keys])


def pictures(arguments: argparse.Namespace) -> Samples:
    """List people's own pictures."""
    rows = read_manifest(arguments.pictures)
    names = ("path", "label", "kind", "source")
    paths, labels, kinds, sources = ([row[name] for row in rows] for name in names)
    return Samples(paths, np.array(labels, np.int64), kinds, sources)


DATASETS = {each.__name__: each for each in (mnist, corruptions, inputs, scenes, pictures)}


def measure(samples: Samples, probabilities: np.ndarray) -> Iterator[tuple[str, str]]:
    """Count what is right and what is wrong."""
    right, answered = is_right(samples, probabilities), ~np.isnan(probabilities).any(axis=1)
    yield f", {len(right):,}: read", f"{right.mean():.2%}"
    yield ": misread or refused", f"{(~right).sum():,}"
    if samples.kinds:
        sure = ~right & (np.nan_to_num(probabilities).max(axis=1) >= SURE)
        yield f": misread with {SURE:.0%} confidence and more", f"{sure.sum():,}"
    else:
        wrong = set(np.flatnonzero(~right).tolist())
        yield ": misread but for the 15 of disputed label", f"{len(wrong - DISPUTED):,}"
    if answered.any():
        result = Evaluation(samples.labels[answered], probabilities[answered])
        yield ": expected calibration error", f"{result.calibration_error:.2%}"
    if samples.sources:
        sources = np.array(samples.sources)
        shares = [right[sources == source].mean() for source in np.unique(sources)]
        yield f": mean over {len(shares)} sources", f"{np.mean(shares):.2%}"


def measure_kinds(samples: Samples, probabilities: np.ndarray) -> Iterator[tuple[str, str]]:
    """Count what is right of each kind, and what is refused."""
    right, refused = is_right(samples, probabilities), np.isnan(probabilities).any(axis=1)
    for kind in dict.fromkeys(samples.kinds):
        members = np.array(samples.kinds) == kind
        part = f", {refused[members].mean():.1%} refused" if refused[members].any() else ""
        yield f": {kind}, {members.sum():,}", f"{right[members].mean():.1%}{part}"


def is_right(samples: Samples, probabilities: np.ndarray) -> np.ndarray:
    """Return of each picture whether its digit is read; refused, it is not."""
    refused = np.isnan(probabilities).any(axis=1)
    return ~refused & (np.nan_to_num(probabilities).argmax(axis=1) == samples.labels)


def nondigits(read: Answer, arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Count what is no digit and refused by the threshold that keeps 99 % of the digits."""
    train, _ = datasets.load_mnist()
    _, (digits, _) = datasets.train_validation_split(*train)
    threshold = float(np.quantile(read(digits).max(axis=1), 1 - KEPT))
    yield f"confidence that {KEPT:.0%} of the validation digits reach", f"{threshold:.3f}"
    with np.load(arguments.nondigits, allow_pickle=False) as archive:
        images, kinds, alike = archive["x"], archive["kind"].astype(str), archive["lookalike"]
    refused = np.nan_to_num(read(list(images))).max(axis=1) < threshold
    for name, part in (
        ("nondigits", ~alike),
        *((kind, ~alike & (kinds == kind)) for kind in np.unique(kinds) if not arguments.brief),
        ("letters that look like a digit, not counted", alike),
    ):
        yield f"{name}, {part.sum():,}: refused by it", f"{refused[part].mean():.1%}"


def properties(name: str) -> Iterator[tuple[str, str]]:
    """Return what a network takes."""
    record = get_weights(name.removesuffix(TUTORIAL))
    yield "parameters", f"{record.num_parameters:,}"
    yield "multiply-adds for an image", f"{record.multiply_adds:,}"
    yield "size of the `.onnx` file", f"{record.onnx.size / 1e6:.2f} MB"


def mcnemar(right: np.ndarray, other: np.ndarray) -> str:
    """Return the chance of so uneven a split between equally good networks (McNemar's exact)."""
    ours, theirs = int((right & ~other).sum()), int((other & ~right).sum())
    tail = sum(math.comb(ours + theirs, count) for count in range(min(ours, theirs) + 1))
    return f"{min(1.0, 2 * tail / 2 ** (ours + theirs)):.2g}"


def draw_sheet(samples: Samples, probabilities: np.ndarray, path: Path, *, draws_all: bool) -> None:
    """Draw what is misread, or all: the picture, what the network was given, and the answer."""
    cells = []
    for index in np.flatnonzero(draws_all | ~is_right(samples, probabilities)).tolist():
        image, row = samples.images[index], probabilities[index]
        answer, shown = "refused", [ImageOps.exif_transpose(_opened(image))]
        if not np.isnan(row).any():
            answer = f"{row.argmax()} {row.max():.2f}"
            given = np.rint(preprocess(image)[0, ..., 0] * 255).astype(np.uint8)
            shown.append(Image.fromarray(given))
        name = image if isinstance(image, str) else "".join(samples.kinds[index : index + 1])
        cells.append((f"{name[-40:]}\n{samples.labels[index]}: {answer}", shown))
    save_sheet(cells, path)
    print(f"drawn: {path}", file=sys.stderr)


def table(arguments: argparse.Namespace, names: list[str], command: str) -> str:
    """Measure each network on each data set, and write the table."""
    use_published_files()
    columns: dict[str, dict[str, str]] = {name: {} for name in names}
    for dataset in arguments.datasets:
        samples = None if dataset == "nondigits" else DATASETS[dataset](arguments)
        first = None
        for name, cells in columns.items():
            read = reader_of(name)
            if samples is None:
                cells.update(nondigits(read, arguments))
                continue
            probabilities = read(samples.images)
            found = dict(measure(samples, probabilities))
            if dataset == "mnist":
                cells.update(properties(name))
                right = is_right(samples, probabilities)
                first = right if first is None else first
                if len(names) > 1:
                    found[": chance of as good as the first (McNemar)"] = mcnemar(first, right)
            if not arguments.brief:
                found |= measure_kinds(samples, probabilities)
            cells.update({f"{dataset}{key}": value for key, value in found.items()})
            if arguments.sheet and name == names[0]:
                path = arguments.sheet
                if len(arguments.datasets) > 1:
                    path = path.with_stem(f"{path.stem}-{dataset}")
                draws_all = dataset == "scenes" and arguments.kinds is not None
                draw_sheet(samples, probabilities, path, draws_all=draws_all)
    measured = dict.fromkeys(key for cells in columns.values() for key in cells)
    rows = [(key, *(cells.get(key, "-") for cells in columns.values())) for key in measured]
    heads = [get_weights(name.removesuffix(TUTORIAL)).id for name in names]
    ways = [", fed as tutorials do" if name.endswith(TUTORIAL) else "" for name in names]
    return format_table(("", *map(str.__add__, heads, ways)), rows, command)


def main(words: list[str] | None = None) -> str:
    """Measure, print, and write what was asked for."""
    words = sys.argv[1:] if words is None else words
    parser, known = begin_options(__doc__), [*DATASETS, "nondigits"]
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help=", ".join(known))
    parser.add_argument("--weights", nargs="+", help="names; by default the newest of each")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="manifest.csv, pictures")
    parser.add_argument("--nondigits", type=Path, metavar="FILE", help="of what is no digit")
    parser.add_argument("--scenes", type=int, default=20, help="of each kind")
    parser.add_argument(
        "--kinds", nargs="+", choices=list(KINDS), metavar="KIND", help="of scenes; a sheet has all"
    )
    parser.add_argument("--images", type=int, default=1000, help="of each corruption and input")
    parser.add_argument("--split", choices=("test", "validation"), default="validation")
    parser.add_argument("--brief", action="store_true", help="no row for each kind of picture")
    parser.add_argument("--sheet", type=Path, help="draw what the first network misreads")
    arguments = parser.parse_args(words)
    given = [name for name in known if getattr(arguments, name, True)]
    if set(arguments.datasets) - set(given):
        parser.error(f"known are {', '.join(known)}; `pictures` and `nondigits` need their option")
    place = " ".join(arguments.datasets) or "everything"
    arguments.datasets = arguments.datasets or given
    published = [each.name for each in list_weights() if each.architecture not in PAGE_NETWORKS]
    names = arguments.weights or list(dict.fromkeys(published))
    command = shlex.join(["python", "benchmarks/accuracy.py", *words])
    # What repeats it, without the user's own paths.
    command = re.sub(r" --(page|sheet) ('.*?'|\S+)", "", command)
    command = re.sub(r"(--pictures) ('.*?'|\S+)", r"\1 FOLDER", command)
    command = re.sub(r"(--nondigits) ('.*?'|\S+)", r"\1 FILE", command)
    try:
        return show(table(arguments, names, command), arguments.page, place)
    except DigitcnnError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
