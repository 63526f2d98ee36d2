"""Write docs/reliability.md: what was tried, how often, and what came of it.

    python tools/reliability.py [--quick | --no-tests] [--fuzz FILE ...] [--coverage FILE]
                                [--compatibility FILE ...]

Runs the tests marked `reliability(area, claim)`, the slow ones too, and counts their cases:
parameters, Hypothesis' examples, and what a test records as `cases`. The files are what
`tools/fuzz.py --json`, `coverage json -o` and `tools/compatibility.py --json` wrote; a table
whose file is not given stays as it is.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "reliability.md"
AREAS = ("bad input", "weights", "untrusted files", "embedding", "training")
# A claim reads "what was tried: what happens".
_CLAIM = re.compile(r"^(.*?): (.*)$", re.DOTALL)
_EXAMPLES = re.compile(r"(\d+) passing")


class Collector:
    """Counts the cases of each claim while pytest runs."""

    def __init__(self) -> None:
        self.cases: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.reasons: dict[tuple[str, str], str] = {}
        self._claims: dict[str, tuple[str, str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note which test stands for which claim."""
        for item in items:
            # The nearest one: a parameter's own comes before its function's.
            marker = item.get_closest_marker("reliability")
            if marker:
                area, claim = marker.args
                self._claims[item.nodeid] = (area, claim)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        """Count a test's cases by its outcome."""
        result = yield
        report = result.get_result()
        claim = self._claims.get(item.nodeid)
        if claim is None or (report.when != "call" and report.passed):
            return
        self.cases[claim][report.outcome] += _num_cases(item, dict(report.user_properties))
        if report.skipped:
            self.reasons[claim] = report.longrepr[2].removeprefix("Skipped: ")


def _num_cases(item: pytest.Item, properties: dict[str, Any]) -> int:
    """Count the cases of one test: those it recorded, Hypothesis' examples, or itself."""
    if "cases" in properties:
        return int(properties["cases"])
    statistics = getattr(item, "hypothesis_statistics", "")
    return sum(map(int, _EXAMPLES.findall(statistics))) or 1


def claims_table(collector: Collector, area: str) -> str:
    """Write what was tried in one area."""
    lines = ["| what was tried | what happens | cases | passed |", "| --- | --- | ---: | ---: |"]
    for (each, claim), counts in collector.cases.items():
        if each != area:
            continue
        found = _CLAIM.match(claim)
        tried, happens = found.groups() if found else (claim, "")
        passed = f"{counts['passed']:,}"
        if counts["skipped"]:
            passed += f"; {counts['skipped']} not here: {collector.reasons[(each, claim)]}"
        cells = [tried, happens, f"{counts.total():,}", passed]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) if len(lines) > 2 else "Nothing yet."


def fuzz_table(paths: list[Path]) -> str:
    """Write what the fuzzer did."""
    lines = [
        "| cases | seed | number | answered | refused | failed | slowest | largest |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for path in paths:
        summary = json.loads(path.read_text(encoding="utf-8"))
        for name, kind in summary["kinds"].items():
            outcomes = Counter(kind["outcomes"])
            answered, failed = outcomes["answered"], len(kind["failures"])
            lines.append(
                f"| {name} | {summary['seed']} | {kind['cases']:,} | {answered:,} "
                f"| {kind['cases'] - answered - outcomes['failed']:,} | {failed} "
                f"| {kind['slowest_seconds']:.2f} s | {kind['largest_mib']:.0f} MiB |"
            )
    return "\n".join(lines)


def compatibility_table(paths: list[Path]) -> str:
    """Write which tests ran on which versions, and what came of them."""
    lines = [
        "| Python | with | tests | passed | skipped | failed |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for path in paths:
        for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
            versions = dict(row["versions"])
            python = versions.pop("python")
            named = ", ".join(f"{name} {version}" for name, version in versions.items())
            kind = "networks, exports and training"
            if "reads" in row:
                kind = "all that need no TensorFlow; the command reads a picture"
                kind += "" if row["reads"] else " WRONGLY"
            numbers = " | ".join(f"{row[each]:,}" for each in ("passed", "skipped", "failed"))
            lines.append(f"| {python} | {named} | {kind} | {numbers} |")
    return "\n".join(lines)


def coverage_table(path: Path) -> str:
    """Write what part of the library the tests run, modules below the mean by name."""
    summary = json.loads(path.read_text(encoding="utf-8"))
    totals = summary["totals"]
    lines = [
        (
            f"{totals['percent_covered']:.1f} % of {totals['num_statements']:,} statements and "
            f"{totals['num_branches']:,} branches."
        ),
        "",
        "| modules with the least | covered |",
        "| --- | ---: |",
    ]
    files = sorted(summary["files"].items(), key=lambda row: row[1]["summary"]["percent_covered"])
    lines += [
        f"| `{name.partition('src/')[2] or name}` | {row['summary']['percent_covered']:.1f} % |"
        for name, row in files[:8]
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the tests and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fuzz", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--coverage", type=Path, metavar="FILE")
    parser.add_argument("--compatibility", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="leave out the slow tests")
    parser.add_argument("--no-tests", action="store_true", help="write the files' tables alone")
    arguments = parser.parse_args()
    tables = {}
    if arguments.fuzz:
        tables["fuzz"] = fuzz_table(arguments.fuzz)
    if arguments.coverage:
        tables["coverage"] = coverage_table(arguments.coverage)
    if arguments.compatibility:
        tables["compatibility"] = compatibility_table(arguments.compatibility)
    status = 0
    if not arguments.no_tests:
        collector = Collector()
        chosen = "reliability and not slow" if arguments.quick else "reliability"
        options = ["-q", "-m", chosen, "--rootdir", str(PROJECT), str(PROJECT / "tests")]
        status = int(pytest.main(options, plugins=[collector]))
        tables |= {area: claims_table(collector, area) for area in AREAS}
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = re.sub(
            rf"(<!-- table: {name} -->\n).*?(<!-- end -->)",
            lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
    PAGE.write_text(text, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
