"""Draw the rooms of the library from its code, and list what each imports.

    python tools/rooms.py [--page docs/architecture.md]

With a page, writes the table there, and the picture beside it. A room is a module or a folder of
`src/digitcnn`; each stands above all that it imports.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from matplotlib.figure import Figure
from reporting import begin_options, format_table, show

SOURCE = Path(__file__).resolve().parents[1] / "src" / "digitcnn"
# Every room may tell an error, and does; drawn, that would hide the rest.
EVERYWHERE = {"errors", "_checks"}


@functools.cache
def rooms() -> dict[str, list[Path]]:
    """Return the files of each room."""
    found: dict[str, list[Path]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if not name.startswith("__"):
            found.setdefault(name, []).append(path)
    return found


@functools.cache
def imports(room: str) -> frozenset[str]:
    """Return the other rooms that a room imports, at the top of a file or within a function."""
    found: set[str] = set()
    for path in rooms()[room]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "digitcnn":
                found |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                first, _, rest = node.module.partition(".")
                found |= {rest.partition(".")[0]} if first == "digitcnn" else set()
    return frozenset(found & rooms().keys()) - {room}


@functools.cache
def floor(room: str) -> int:
    """Return how many floors a room stands above the ground."""
    return max((1 + floor(other) for other in imports(room)), default=0)


@functools.cache
def below(room: str) -> frozenset[str]:
    """Return all that a room stands on, by way of others, too."""
    return imports(room).union(*(below(other) for other in imports(room)))


def draw(path: Path) -> None:
    """Draw each room on its floor, with lines to what it imports and does not stand on anyway."""
    floors: dict[int, list[str]] = {}
    for room in rooms():
        floors.setdefault(floor(room), []).append(room)
    widest = max(map(len, floors.values()))
    places = {
        room: ((index + 0.5) * widest / len(row) + 0.15 * (level % 3 - 1), level)
        for level, row in floors.items()
        for index, room in enumerate(row)
    }
    figure = Figure(figsize=(2.2 * widest, 1.1 * len(floors)), layout="constrained")
    ax = figure.subplots()
    box = {"boxstyle": "round,pad=0.4", "facecolor": "#e8f0f4", "edgecolor": "#35566b"}
    for room, (x, y) in places.items():
        implied = set().union(*(below(other) for other in imports(room)))
        for other in imports(room) - implied - EVERYWHERE:
            ax.plot(*zip((x, y), places[other], strict=True), color="#8aa4b8", linewidth=0.8)
        ax.text(x, y, room, ha="center", va="center", fontsize=11, bbox=box)
    ax.set(xlim=(0, widest), ylim=(-0.5, len(floors) - 0.5))
    ax.axis("off")
    figure.savefig(path, dpi=72)


def table() -> str:
    """List the rooms from the top floor down."""
    rows = []
    for room in sorted(rooms(), key=lambda name: (-floor(name), name)):
        names = ", ".join(f"`{each}`" for each in sorted(imports(room) - EVERYWHERE)) or "-"
        rows.append((f"`{room}`", f"{len(rooms()[room])}", names))
    head = ("room", "files", "imports, but for errors and checks")
    return format_table(head, rows, "python tools/rooms.py")


if __name__ == "__main__":
    page = begin_options(__doc__).parse_args().page
    if page:
        draw(page.parent / "images" / f"{page.stem}.png")
    show(table(), page, "rooms")
