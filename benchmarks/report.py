"""What was measured, as a table, JSON, a plot, and the page in `docs`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.timing import Line

PACKAGES = ("digitcnn", "numpy", "pillow", "onnxruntime", "keras", "tensorflow")
CPUINFO = Path("/proc/cpuinfo")
# Where the time goes and what was tried, for the page's end.
FINDINGS = Path(__file__).with_name("findings.md")


def machine() -> dict[str, Any]:
    """Describe the machine by what bears on speed, and by nothing that names it."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def _cpu() -> str:
    """Name the CPU's family and the vector units that ONNX Runtime would use."""
    try:
        lines = [line.partition(":") for line in CPUINFO.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return platform.processor() or platform.machine()
    fields = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(fields.get("flags", "").split())
    units = [unit for unit in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if unit in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(units) or 'no AVX2'})"


def record(lines: Sequence[Line], *, quick: bool) -> dict[str, Any]:
    """Gather everything in what JSON can hold."""
    return {
        "machine": machine(),
        "quick": quick,
        "lines": [asdict(line) for line in lines],
    }


def lines_of(content: dict[str, Any]) -> list[Line]:
    """Read the lines back from a record."""
    return [Line(**fields) for fields in content["lines"]]


def ratio_text(ratio: float) -> str:
    """Write a ratio: as a part where it is small."""
    if math.isnan(ratio):
        return "-"
    return f"1/{1 / ratio:.1f}" if ratio < 0.5 else f"{ratio:.2f}"


def verdict(line: Line) -> str:
    """Say whether the target is met."""
    if not line.theirs:
        return line.note or "not measured"
    return {True: "met", False: "not met", None: "reported"}[line.is_met]


def figure(values: list[float], unit: str) -> str:
    """Write the median of some figures with its unit."""
    if not values:
        return "-"
    middle = sorted(values)[len(values) // 2]
    if unit != "s":
        return f"{middle:.{0 if middle > 10 else 2}f} {unit}"
    for size, name in ((1, "s"), (1e-3, "ms")):
        if middle >= size:
            return f"{middle / size:.3g} {name}"
    return f"{middle / 1e-6:.3g} us"


def row(line: Line) -> tuple[str, ...]:
    """Write one line of the table."""
    low, high = line.spread
    spread = "" if math.isnan(low) else f" ({ratio_text(low)} to {ratio_text(high)})"
    return (
        line.what,
        line.yardstick,
        figure(line.ours, line.unit),
        figure(line.theirs, line.unit),
        ratio_text(line.ratio) + spread,
        "-" if line.target is None else f"<= {ratio_text(line.target)}",
        verdict(line),
    )


HEAD = ("what", "yardstick", "ours", "yardstick's", "ratio (quartiles)", "target", "verdict")


def text_line(line: Line) -> str:
    """Write a line for the terminal."""
    _, _, ours, theirs, ratio, target, said = row(line)
    note = f"  [{line.note}]" if line.note and line.theirs else ""
    return f"{line.name:22}{ours:>10}{theirs:>12}  {ratio:28}{target:>9}  {said}{note}"


PAGE = """\
# Speed

These figures are written by `python -m benchmarks --write`.

{warning}Each line times the library and its yardstick in turn, several times over. The ratio is the
median of the rounds' ratios, with their quartiles; both figures are medians. Where a yardstick is
not installed, the line says so.

{table}

{notes}

![Each ratio as a part of its target](images/performance.png)

Measured on: {machine}.

Commands: `python -m benchmarks --training` for all lines, `python -m benchmarks --only NAME` for
one, `python -m benchmarks --list` for their names.

{findings}
"""


def page(content: dict[str, Any]) -> str:
    """Write `docs/performance.md`."""
    lines, seen = lines_of(content), content["machine"]
    versions = (f"{name} {version}" for name, version in seen["versions"].items() if version)
    parts = (seen["cpu"], f"{seen['cpus']} CPUs", seen["system"], f"Python {seen['python']}")
    rows = [HEAD, ("---",) * len(HEAD), *map(row, lines)]
    noted = [line for line in lines if line.note and line.theirs]
    return PAGE.format(
        warning="Rough figures of few rounds: `--quick`.\n\n" if content["quick"] else "",
        table="\n".join(f"| {' | '.join(cells)} |" for cells in rows),
        notes="\n".join(f"* `{line.name}`, {line.what}: {line.note}." for line in noted),
        machine=", ".join((*parts, *versions)),
        findings=FINDINGS.read_text(encoding="utf-8").strip(),
    )


def plot(lines: Sequence[Line], path: Path) -> bool:
    """Draw each ratio as a part of its target; tell whether matplotlib was there to do it."""
    shown = [line for line in lines if line.target is not None and line.theirs]
    if not shown or importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.figure import Figure

    shares = [line.ratio / line.target for line in shown]
    colors = ["#2a7f62" if line.is_met else "#c05746" for line in shown]
    drawing = Figure(figsize=(9, 1.2 + 0.36 * len(shown)), layout="constrained")
    ax = drawing.subplots()
    bars = ax.barh([line.name for line in shown], shares, color=colors)
    texts = [f"{ratio_text(line.ratio)} of {ratio_text(line.target)}" for line in shown]
    # On a ground of its own: a label may lie on the line.
    ax.bar_label(bars, texts, padding=4, backgroundcolor="white", zorder=3)
    ax.axvline(1, color="black", linewidth=1)
    ax.set_xlim(0, 1.3 * max(1.0, *shares))
    ax.invert_yaxis()
    ax.set_xlabel("ratio to the yardstick, as a part of the target: left of the line is met")
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(path, dpi=80)
    return True
