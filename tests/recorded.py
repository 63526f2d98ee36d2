"""What the preprocessing made of each specimen when somebody last looked at it.

`records/preprocessing.json` holds each step's name, shape and mean, and why there is no digit;
`records/preprocessing.png` the canonical images, in the same order. `tools/record.py` writes both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from specimens import draw_specimen

from digitcnn import explain

FOLDER = Path(__file__).parent / "records"
SIDE = 28
COLUMNS = 16
# NumPy 1.26 with Pillow 10.3 and NumPy 2.5 with Pillow 13 make the very same of all specimens kept:
# some draw a pen a hair's breadth wider, and are none. Another processor may round otherwise, too.
MOST_LEVELS = 0.25
MOST_OF_MEAN = 5e-4


@dataclass(frozen=True)
class Record:
    """What came of one specimen."""

    steps: list[tuple[str, str, float]]
    """Each step's name, its shape and its mean as a part of full scale."""
    refusal: str
    """Why there is no digit, or nothing."""
    pixels: np.ndarray
    """The canonical image, uint8 of shape (28, 28); black where there is no digit."""

    def differences(self, other: Record) -> list[str]:
        """Say in what another record differs from this one, noticeably."""
        found = []
        ways = [[f"{name} {shape}" for name, shape, _ in each.steps] for each in (self, other)]
        if ways[0] != ways[1]:
            found.append(f"the steps were {ways[0]}, and are {ways[1]}")
        else:
            found += [
                f"the mean of {name!r} was {before:.5f}, and is {after:.5f}"
                for (name, _, before), (_, _, after) in zip(self.steps, other.steps, strict=True)
                if not abs(before - after) <= MOST_OF_MEAN
            ]
        if self.refusal != other.refusal:
            found.append(f"the refusal was {self.refusal!r}, and is {other.refusal!r}")
        levels = np.abs(self.pixels.astype(int) - other.pixels).mean()
        if levels > MOST_LEVELS:
            found.append(f"the results differ by {levels:.2f} of 255 levels on the average")
        return found


def record(key: str) -> Record:
    """Preprocess the specimen that a key, `family seed`, names."""
    family, seed = key.split()
    steps = explain(draw_specimen(family, int(seed)))
    is_refused = steps[-1].name == "no digit"
    scales = {"uint16": 65535, "uint8": 255}
    return Record(
        [
            (
                step.name,
                "x".join(map(str, step.picture.shape)),
                # The sum over 64 bits, so that it is the same however it is added up.
                float(step.picture.mean(dtype=np.float64)) / scales.get(step.picture.dtype.name, 1),
            )
            for step in steps
        ],
        steps[-1].note if is_refused else "",
        np.zeros((SIDE, SIDE), np.uint8) if is_refused else steps[-1].picture,
    )


def read_records() -> dict[str, Record]:
    """Read all that is recorded, by the specimens' keys."""
    rows = json.loads((FOLDER / "preprocessing.json").read_text(encoding="utf-8"))
    sheet = np.asarray(Image.open(FOLDER / "preprocessing.png"))
    cells = sheet.reshape(-1, SIDE, COLUMNS, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    return {
        key: Record([tuple(step) for step in row["steps"]], row["refusal"], pixels)
        for (key, row), pixels in zip(rows.items(), cells, strict=False)
    }


def write_records(records: dict[str, Record]) -> None:
    """Write all that is recorded anew."""
    rows = {
        key: {
            "refusal": each.refusal,
            "steps": [[name, shape, round(mean, 5)] for name, shape, mean in each.steps],
        }
        for key, each in records.items()
    }
    lines = [f"{json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (FOLDER / "preprocessing.json").write_text(text, encoding="utf-8")
    cells = [each.pixels for each in records.values()]
    cells += [np.zeros((SIDE, SIDE), np.uint8)] * (-len(cells) % COLUMNS)
    sheet = np.stack(cells).reshape(-1, COLUMNS, SIDE, SIDE).swapaxes(1, 2)
    Image.fromarray(sheet.reshape(-1, COLUMNS * SIDE)).save(
        FOLDER / "preprocessing.png", optimize=True
    )
