"""What comes of pictures changes only when somebody has looked at the change.

The pictures are the first two of each kind of scene in `benchmarks/scene_kinds.py`. After a
deliberate change `python tools/record.py --sheet FILE` draws the old beside the new, and writes the
record anew.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

_spec = importlib.util.spec_from_file_location(
    "record", Path(__file__).parents[1] / "tools" / "record.py"
)
record = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record)

# Of 255: other versions of Pillow and NumPy draw, encode and scale a little differently.
MOST_LEVELS = 4.0
# A scene at the limit of what can be read may fall on either side with them.
MOST_CHANGED = 2


def test_scenes_come_out_as_recorded():
    """The canonical image of each scene is as it was when somebody last looked."""
    before, now = record.read(), record.make()

    apart = np.abs(before.astype(float) - now).mean(axis=(1, 2))
    changed = [key for key, levels in zip(record.KEYS, apart, strict=True) if levels > MOST_LEVELS]
    assert len(changed) <= MOST_CHANGED, f"`python tools/record.py --sheet FILE` shows {changed}"
