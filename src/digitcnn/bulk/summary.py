"""What came of a job: its answers and errors in numbers and, by labels, how many are right."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from digitcnn._checks import NUM_CLASSES

# Counts by name, as each file of answers has its own: those of a job are their sum.
Counts = Counter[str]

_LEAST_CONFIDENCES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Summary:
    """The counts of a finished job.

    `str()` gives a report.

    Attributes
    ----------
    num_pictures, num_answered : int
        How many there were, and how many of them were read.
    errors : dict of str to int
        Why the others were not: how many had an error of each code.
    labelled : dict or None
        Where labels were asked for: num_pictures with a label; accuracy, the part of them that was
        read rightly, in all digits of a text; coverage, for each of some confidences the part that
        is as sure, and the accuracy of that; and confusion, how many digits of each label (row)
        were read as each digit (column), of texts only where their length was right.
    """

    num_pictures: int
    num_answered: int
    errors: dict[str, int]
    labelled: dict[str, Any] | None = None

    @classmethod
    def of(cls, counts: Counts) -> Summary:
        """Make a summary of counts."""
        errors = {key[6:]: counts[key] for key in sorted(counts) if key.startswith("error ")}
        total = counts["pictures"]
        return cls(total, total - sum(errors.values()), errors, _labelled(counts))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain numbers, strings, lists and dicts, ready for JSON."""
        return dict(vars(self))

    def __str__(self) -> str:
        """Report it in a few lines."""
        lines = [f"{self.num_answered:,} of {self.num_pictures:,} pictures were read"]
        lines += [f"  {count:,} {code}" for code, count in self.errors.items()]
        if self.labelled:
            lines += [
                f"accuracy {self.labelled['accuracy']:.2%}",
                "confidence  coverage  accuracy",
                *(
                    f"{each['confidence']:10.2f}{each['coverage']:10.2%}{each['accuracy']:10.2%}"
                    for each in self.labelled["coverage"]
                ),
                "labels in rows, answers in columns:",
                *(
                    "".join(f"{count:7,}" for count in row)
                    for row in [range(NUM_CLASSES), *self.labelled["confusion"]]
                ),
            ]
        return "\n".join(lines)


def count_answers(columns: dict[str, list[Any]]) -> Counts:
    """Count the answers of one file."""
    counts = Counter({"pictures": len(columns["code"])})
    counts.update(f"error {code}" for code in columns["code"] if code)
    answers = columns.get("text", columns.get("digit", []))
    for label, answer, confidence in zip(
        columns.get("label", ()), answers, columns["confidence"], strict=False
    ):
        if label is None:
            continue
        counts["labelled"] += 1
        if answer is None or answer == -1:
            continue
        wanted, given = _digits_of(label), _digits_of(answer)
        for least in _LEAST_CONFIDENCES:
            counts[f"covered {least}"] += confidence >= least
            counts[f"right {least}"] += confidence >= least and wanted == given
        if len(wanted) == len(given):
            counts.update(f"confusion {pair}" for pair in zip(wanted, given, strict=True))
    return counts


def _digits_of(value: Any) -> str:
    return re.sub("[^0-9]", "", str(value))


def _labelled(counts: Counts) -> dict[str, Any] | None:
    total = counts["labelled"]
    if not total:
        return None
    digits = "0123456789"
    return {
        "num_pictures": total,
        "accuracy": counts["right 0.0"] / total,
        "coverage": [
            {
                "confidence": least,
                "coverage": counts[f"covered {least}"] / total,
                "accuracy": counts[f"right {least}"] / max(counts[f"covered {least}"], 1),
            }
            for least in _LEAST_CONFIDENCES
        ],
        "confusion": [
            [counts[f"confusion {(label, digit)}"] for digit in digits] for label in digits
        ],
    }
