"""What comes of pictures changes only when somebody has looked at the change.

The specimens are the first ten of each family. After a deliberate change
`python tools/record.py --sheet FILE` draws the old beside the new and writes the record anew.
"""

from __future__ import annotations

import numpy as np
import pytest
from recorded import Record, read_records, record

RECORDS = read_records()


@pytest.mark.parametrize("key", RECORDS)
def test_specimens_come_out_as_recorded(key):
    """Every step on the way, and the canonical image, are as they were when last looked at."""
    differences = RECORDS[key].differences(record(key))

    assert not differences, (
        f"{differences[0]}. If it should, see all changes with "
        "`python tools/record.py --sheet FILE`, which writes the record anew."
    )


def test_a_change_is_noticed():
    """A step more, another mean, another refusal and another image each count as a change."""
    pixels = np.zeros((28, 28), np.uint8)
    plain = Record([("grey", "9x9", 0.5)], "", pixels)

    assert [] == plain.differences(plain)
    assert [] == plain.differences(Record([("grey", "9x9", 0.5004)], "", pixels))
    for other, said in (
        (Record([("grey", "9x9", 0.5), ("ink", "9x9", 0.5)], "", pixels), "steps"),
        (Record([("grey", "9x8", 0.5)], "", pixels), "steps"),
        (Record([("grey", "9x9", 0.501)], "", pixels), "mean of 'grey'"),
        (Record([("grey", "9x9", float("nan"))], "", pixels), "mean of 'grey'"),
        (Record([("grey", "9x9", 0.5)], "noise", pixels), "refusal"),
        (Record([("grey", "9x9", 0.5)], "", pixels + 1), "1.00 of 255 levels"),
    ):
        assert said in plain.differences(other)[0]
