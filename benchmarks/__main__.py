"""Measure the library's speed against what a user would otherwise do.

    python -m benchmarks [--only NAME...] [--quick] [--training] [--json FILE] [--plot FILE]
    python -m benchmarks --write [--json FILE]

Each line is measured against its yardstick in the same run, in turn. The lines of training take
minutes each and are left out unless named or asked for by `--training`. `--write` also renders
`docs/performance.md` and its plot: from what it measured or, with `--from FILE`, from a record.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Before anything loads them: silence from TensorFlow, no telemetry from ONNX Runtime.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from benchmarks import answering, engines, opening, report, starting, teaching
from benchmarks.cold_start import ROOT
from benchmarks.timing import Line

Measure = Callable[..., Iterator[Line]]

# What measures which lines.
GROUPS: dict[Measure, tuple[str, ...]] = {
    starting.importing: ("import",),
    starting.against_bare: ("first-answer-bare",),
    starting.against_keras: ("first-answer-keras", "first-answer-memory"),
    answering.one_array: ("one-array-bare", "one-array-keras"),
    answering.many_arrays: ("many-arrays-bare", "many-arrays-keras"),
    answering.strangers: ("many-arrays-rapidocr", "many-arrays-tesseract"),
    engines.other_engines: ("many-arrays-openvino", "many-arrays-litert"),
    opening.jpeg: ("jpeg",),
    opening.canvases: ("canvas",),
    opening.growth: ("growth",),
    opening.memory: ("memory",),
    teaching.epoch: ("base-epoch", "plain-epoch"),
    teaching.fast: ("fast", "fast-errors"),
}
TRAINING = (teaching.epoch, teaching.fast)
NAMES = [name for names in GROUPS.values() for name in names]
OUTPUT = ROOT / "build" / "benchmarks"


def main() -> int:
    """Measure, print, write and draw; exit status 1 where a target is not met."""
    arguments = _arguments()
    if arguments.list:
        print(*NAMES, sep="\n")
        return 0
    if arguments.source:
        content = json.loads(arguments.source.read_text(encoding="utf-8"))
    else:
        lines = list(_measured(arguments))
        content = report.record(lines, quick=arguments.quick)
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    lines = report.lines_of(content)
    images = ROOT / "docs" / "images"
    drawing = arguments.plot or (images if arguments.write else OUTPUT) / "performance.png"
    if not report.plot(lines, drawing):
        print("No plot: it needs matplotlib, and a line with a target.")
    if arguments.write:
        (ROOT / "docs" / "performance.md").write_text(report.page(content), encoding="utf-8")
    return int(any(line.is_met is False for line in lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=NAMES, help="these lines")
    parser.add_argument("--list", action="store_true", help="name the lines and stop")
    parser.add_argument("--quick", action="store_true", help="few rounds and images: rough figures")
    parser.add_argument("--training", action="store_true", help="the lines of training, too")
    parser.add_argument(
        "--json", type=Path, default=OUTPUT / "performance.json", help="where the record goes"
    )
    parser.add_argument("--plot", type=Path, help="where the plot goes")
    parser.add_argument("--write", action="store_true", help="render docs/performance.md, too")
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="FILE", help="a record, instead of measuring"
    )
    return parser.parse_args()


def _measured(arguments: argparse.Namespace) -> Iterator[Line]:
    """Measure the lines asked for, printing each as it is done."""
    for measure, names in GROUPS.items():
        left_out = measure in TRAINING and not arguments.training
        wanted = set(names) & set(arguments.only or (() if left_out else names))
        if not wanted:
            continue
        for line in measure(quick=arguments.quick):
            if line.name in wanted:
                print(report.text_line(line), flush=True)
                yield line
            wanted.discard(line.name)
            # What is not wanted after the last that is stays unmeasured.
            if not wanted:
                break


if __name__ == "__main__":
    sys.exit(main())
