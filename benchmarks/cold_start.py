"""Measure how long a fresh process takes to read one picture, against the same job in Keras.

    python benchmarks/cold_start.py [--picture FILE] [--weights NAME] [--repeats N] [--json FILE]

Each repeat starts one process of each kind, in turn, so that a busy machine slows both. The first
round warms the disk's cache and is not counted. Exit status 1 where digitcnn takes more than a
fifteenth of Keras's time, or the two read different digits.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TARGET = 1 / 15
ROOT = Path(__file__).resolve().parents[1]
LAUNCH = str(Path(__file__).with_name("launch.py"))
MIB = 1024 * 1024
# Kilobytes on Linux, bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024

DIGITCNN = """\
from digitcnn import predict
print(predict({picture!r}, model={weights!r}))
"""
# What load_pretrained() does: build the network, load its .weights.h5.
KERAS = """\
from digitcnn import load_pretrained, preprocess
model = load_pretrained({weights!r})
print(model.predict(preprocess({picture!r}), verbose=0).argmax())
"""
PYTHON = "print('nothing')"


@dataclass(frozen=True)
class Run:
    """One process: how long it took, the memory it came to, what it printed."""

    seconds: float
    peak_bytes: int
    output: str


def environment() -> dict[str, str]:
    """Give what processes find around them: this one's variables, and compiled modules.

    An installed package is compiled once, by pip. A checkout may not be, where
    `PYTHONDONTWRITEBYTECODE` is set: the library alone would then be compiled in each process. So
    all modules are kept compiled in a folder of their own, which the first round fills.
    """
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "bytecode")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


def run_once(code: str) -> Run:
    """Run code in a fresh process of this environment."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, LAUNCH, str(figures), sys.executable, "-c", code]
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, check=False, text=True, env=environment()
        )
        if done.returncode:
            sys.exit(f"The process failed:\n{code}\n{done.stderr}")
        usage = json.loads(figures.read_text(encoding="ascii"))
    return Run(usage["seconds"], usage["maxrss"] * RSS_UNIT, done.stdout.strip())


def measure(codes: dict[str, str], repeats: int) -> dict[str, list[Run]]:
    """Run each job in turn, `repeats` times after one round that is not counted."""
    rounds = [{name: run_once(code) for name, code in codes.items()} for _ in range(repeats + 1)]
    return {name: [each[name] for each in rounds[1:]] for name in codes}


def summarize(runs: dict[str, list[Run]]) -> dict[str, dict[str, float | str]]:
    """Take medians."""
    return {
        name: {
            "seconds": statistics.median(run.seconds for run in each),
            "fastest": min(run.seconds for run in each),
            "slowest": max(run.seconds for run in each),
            "peak_mib": statistics.median(run.peak_bytes for run in each) / MIB,
            "read": each[-1].output,
        }
        for name, each in runs.items()
    }


def main() -> int:
    """Measure, print a table, and say whether the target is met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--picture", default=str(ROOT / "examples" / "seven-on-paper.jpg"))
    parser.add_argument("--weights", default="base", help="published name")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")

    place = {"picture": arguments.picture, "weights": arguments.weights}
    codes = {
        "digitcnn": DIGITCNN.format(**place),
        "keras": KERAS.format(**place),
        "python alone": PYTHON,
    }
    table = summarize(measure(codes, arguments.repeats))
    ratio = float(table["digitcnn"]["seconds"]) / float(table["keras"]["seconds"])
    agree = table["digitcnn"]["read"] == table["keras"]["read"]

    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    print(f"median of {arguments.repeats} fresh processes; {machine}\n")
    print(f"{'job':14}{'seconds':>9}{'fastest':>9}{'slowest':>9}{'peak MiB':>10}  read")
    for name, row in table.items():
        spans = "".join(f"{row[key]:>9.3f}" for key in ("seconds", "fastest", "slowest"))
        print(f"{name:14}{spans}{row['peak_mib']:>10.0f}  {row['read']}")
    met = ratio <= TARGET
    print(f"\ndigitcnn / keras = {ratio:.4f} = 1/{1 / ratio:.1f}; target 1/15: ", end="")
    print("met" if met else "missed")
    if not agree:
        print("The two read different digits.")
    if arguments.json:
        record = {"machine": machine, "repeats": arguments.repeats, "ratio": ratio, "jobs": table}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0 if met and agree else 1


if __name__ == "__main__":
    sys.exit(main())
