"""The page that sets a tutorial's steps beside ours: it counts its own lines rightly."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "from-a-tutorial.md"


def lines_of(block):
    """Count the lines of code in a block."""
    return sum(bool(line.strip()) for line in block.splitlines())


def counted():
    """Count the lines of each step's two blocks."""
    steps = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [
        (step.splitlines()[0], *map(lines_of, re.findall(r"```python\n(.*?)```", step, re.DOTALL)))
        for step in steps
    ]


def test_the_table_counts_the_lines_of_both_ways():
    """Each step has two blocks, and the table their lines; the last row adds them up."""
    rows = counted()
    total = ("all", sum(row[1] for row in rows), sum(row[2] for row in rows))

    expected = [f"| {step} | {keras} | {ours} |" for step, keras, ours in [*rows, total]]

    assert {len(row) for row in rows} == {3}
    table = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert table[2:] == expected
