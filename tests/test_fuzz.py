"""Whatever comes, an answer or an error of the library's own: a few thousand of the cases.

`tools/fuzz.py` runs as many as one likes; what it ever found stands as a test in `test_errors.py`.
"""

from __future__ import annotations

import pytest
from command_lines import run_command_line, words_of, workplace
from fuzzing import WAYS, damaged_file, outcome_of, seed_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import anything

NUM_FILES, NUM_PARTS, NUM_THINGS, NUM_LINES = 2_000, 10, 600, 200
FORMATS = {"JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "ICO", "PPM", "TGA", "PCX", "JPEG2000"}


def test_the_seeds_are_of_every_format():
    """Each format that Pillow writes here is among what is damaged."""
    assert FORMATS <= {name.split()[0] for name in seed_files()}


@pytest.mark.reliability("bad input", "files of every format, as written: answered or refused")
@pytest.mark.parametrize("name", seed_files())
def test_every_format_is_answered_or_refused(name):
    """An undamaged file of any format and mode gives an answer or a DigitcnnError."""
    assert outcome_of("preprocess", seed_files()[name]).failure is None


@pytest.mark.reliability("bad input", "files of every format, damaged: answered or refused")
@pytest.mark.parametrize("part", range(NUM_PARTS))
def test_damaged_files_are_answered_or_refused(part, record_property):
    """Two hundred damaged files at a time: an answer or a DigitcnnError."""
    ways = list(WAYS)
    record_property("cases", NUM_FILES // NUM_PARTS)
    for index in range(part, NUM_FILES, NUM_PARTS):
        name, content = damaged_file(0, index)
        outcome = outcome_of(ways[index // NUM_PARTS % len(ways)], content)
        assert outcome.failure is None, f"damaged_file(0, {index}), once {name}: {outcome.failure}"


@pytest.mark.reliability("bad input", "anything Hypothesis makes up: answered or refused")
@given(st.sampled_from(list(WAYS)), anything())
@settings(
    max_examples=NUM_THINGS, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
def test_anything_is_answered_or_refused(way, images):
    """Whatever is passed, by whichever way in: an answer or a DigitcnnError."""
    assert outcome_of(way, images).failure is None


@pytest.mark.reliability(
    "bad input",
    "command lines made up at random: done, told in one line with status 1, or usage told with 2",
)
@pytest.mark.parametrize("part", range(NUM_PARTS))
def test_command_lines_end_as_they_should(part, record_property):
    """Twenty command lines at a time, with streams that are closed or full among others."""
    record_property("cases", NUM_LINES // NUM_PARTS)
    with workplace() as folder:
        for number in range(part, NUM_LINES, NUM_PARTS):
            outcome = run_command_line(folder, 0, number)
            assert outcome.failure is None, f"{words_of(0, number)}: {outcome.failure}"
