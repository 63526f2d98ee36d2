"""Record anew what the preprocessing makes of its specimens, after a deliberate change.

    python tools/record.py [--sheet FILE] [--add "FAMILY SEED" ...] [--drop "FAMILY SEED" ...]

Says what changed, and draws it: each changed specimen with what came of it before and what comes of
it now. Look at it before you commit `tests/records`. The families are in `tests/specimens.py`.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from recorded import Record, read_records, record, write_records
from specimens import draw_specimen

CELL = 112  # pixels
LINE = 14


def drawn(key: str, before: Record, after: Record) -> Image.Image:
    """Draw a specimen beside what came of it before and what comes of it now."""
    strip = Image.new("RGB", (3 * CELL, CELL + LINE), "white")
    ImageDraw.Draw(strip).text((2, 0), f"{key}: {after.steps[-1][0]}", fill="black")
    specimen = draw_specimen(*_parts(key))
    if isinstance(specimen, bytes):
        picture = Image.open(io.BytesIO(specimen))
    else:
        scale = {"uint16": 1 / 257, "float32": 255}.get(specimen.dtype.name, 1)
        picture = Image.fromarray((specimen * scale).astype(np.uint8))
    shown = ImageOps.contain(picture.convert("RGB"), (CELL - 4, CELL - 4))
    strip.paste(shown, (2, LINE))
    for place, each in enumerate((before, after), start=1):
        result = Image.fromarray(each.pixels).resize((CELL - 4, CELL - 4), Image.Resampling.NEAREST)
        strip.paste(result, (place * CELL + 2, LINE))
    return strip


def _parts(key: str) -> tuple[str, int]:
    family, seed = key.split()
    return family, int(seed)


def main() -> int:
    """Compare, draw and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="draw what changed to this file")
    parser.add_argument("--add", nargs="+", default=[], metavar="KEY", help="further specimens")
    parser.add_argument("--drop", nargs="+", default=[], metavar="KEY", help="specimens to forget")
    arguments = parser.parse_args()
    old = {key: each for key, each in read_records().items() if key not in arguments.drop}
    # By family, so that the sheet of all results can be looked through.
    keys = sorted({*old, *arguments.add}, key=_parts)
    new = {key: record(key) for key in keys}
    changed = [key for key in old if old[key].differences(new[key])]
    for key in changed:
        print(f"{key}: {'; '.join(old[key].differences(new[key]))}")
    print(f"{len(changed)} of {len(old)} changed, {len(new) - len(old)} added")
    if arguments.sheet and changed:
        strips = [drawn(key, old[key], new[key]) for key in changed]
        sheet = Image.new("RGB", (4 * 3 * CELL, -(-len(strips) // 4) * (CELL + LINE)), "white")
        for place, strip in enumerate(strips):
            sheet.paste(strip, (place % 4 * 3 * CELL, place // 4 * (CELL + LINE)))
        sheet.save(arguments.sheet)
    write_records(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
