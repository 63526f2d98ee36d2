"""Whatever comes, an answer or an error of the library's own: a few thousand of the cases.

The profile "fuzz" tries as many as one likes; what it ever found stands as a test in
`test_errors.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from command_lines import run_command_line, words_of, workplace
from fuzzing import WAYS, damaged_file, outcome_of, seed_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import anything

FORMATS = {"JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "ICO", "PPM", "TGA", "PCX", "JPEG2000"}
MOST_MIB = 1024
STATUS = Path("/proc/self/status")
NUMBERS = st.integers(0, 2**32 - 1)


def many(times):
    """So many times the examples of the profile, whatever they are."""
    examples = times * settings.default.max_examples
    return settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory():
    """All cases together add less than a limit to the peak of this process's memory."""
    before = peak_mib()
    yield
    assert peak_mib() - before < MOST_MIB


def peak_mib():
    """The peak so far; 0 but on Linux."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0)


def test_the_seeds_are_of_every_format():
    """Each format that Pillow writes here is among what is damaged."""
    assert FORMATS <= {name.split()[0] for name in seed_files()}


def test_every_format_is_answered_or_refused():
    """An undamaged file of any format and mode gives an answer or a DigitcnnError."""
    failures = {name: outcome_of("preprocess", seed_files()[name]).failure for name in seed_files()}

    assert not {name: failure for name, failure in failures.items() if failure}


@given(st.sampled_from(list(WAYS)), NUMBERS)
@many(10)
def test_damaged_files_are_answered_or_refused(way, number):
    """A picture file, damaged anywhere: an answer or a DigitcnnError."""
    name, content = damaged_file(0, number)

    assert outcome_of(way, content).failure is None, f"damaged_file(0, {number}), once {name}"


@given(st.sampled_from(list(WAYS)), anything())
@many(5)
def test_anything_is_answered_or_refused(way, images):
    """Whatever is passed, by whichever way in: an answer or a DigitcnnError."""
    assert outcome_of(way, images).failure is None


def test_command_lines_end_as_they_should():
    """Command lines made up at random, with streams that are closed or full among others."""
    with workplace() as folder:

        @given(NUMBERS)
        @many(1)
        def run(number):
            outcome = run_command_line(folder, 0, number)
            assert outcome.failure is None, f"{words_of(0, number)}: {outcome.failure}"

        run()
