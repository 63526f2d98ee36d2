"""What `read` gives: digits, the signs between them, lines of both, and a whole reading."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SIGNS", "Box", "Digit", "Line", "Mark", "Reading"]

SIGNS = (".", ",", "-", "/", ":", "+")  # in the order of the detector's maps

# Left, top, right and bottom, in pixels of the picture as a person sees it.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Digit:
    """One digit.

    Attributes
    ----------
    value : int
        0 to 9.
    box : tuple of float
        Left, top, right and bottom in pixels of the picture as a person sees it.
    confidence : float
        How probable it is that a digit stands there and is this one, in [0, 1].
    probabilities : ndarray of float32, shape (10,)
        Of each digit, if one stands there; they sum to 1.
    """

    value: int
    box: Box
    confidence: float
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mark:
    """A sign that stands between or before digits.

    Attributes
    ----------
    value : str
        One of `SIGNS`.
    box : tuple of float
        Left, top, right and bottom in pixels of the picture as a person sees it.
    confidence : float
        In [0, 1].
    """

    value: str
    box: Box
    confidence: float


@dataclass(frozen=True)
class Line:
    """Digits in one line, left to right, and the signs among them.

    Attributes
    ----------
    digits : tuple of Digit
        At least one.
    marks : tuple of Mark
        Signs that change the number: 12,1 is not 121.
    """

    digits: tuple[Digit, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def text(self) -> str:
        """The digits alone, as ``"1250"``."""
        return "".join(str(digit.value) for digit in self.digits)

    @property
    def full_text(self) -> str:
        """The digits with the signs among them, as ``"12,50"``."""
        middles = [(each.box[0] + each.box[2], str(each.value)) for each in self._members]
        return "".join(value for _, value in sorted(middles))

    @property
    def box(self) -> Box:
        """What encloses all digits and signs."""
        left, top, right, bottom = zip(*(each.box for each in self._members), strict=True)
        return min(left), min(top), max(right), max(bottom)

    @property
    def _members(self) -> tuple[Digit | Mark, ...]:
        return (*self.digits, *self.marks)

    @property
    def confidence(self) -> float:
        """How probable it is that all of its digits are right."""
        return math.prod(digit.confidence for digit in self.digits)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain numbers, strings, lists and dicts, ready for JSON."""
        return {
            "text": self.text,
            "full_text": self.full_text,
            "box": _rounded(self.box),
            "confidence": round(self.confidence, 4),
            "digits": [
                {
                    "value": digit.value,
                    "box": _rounded(digit.box),
                    "confidence": round(digit.confidence, 4),
                    "probabilities": [round(float(each), 4) for each in digit.probabilities],
                }
                for digit in self.digits
            ],
            "marks": [
                {
                    "value": mark.value,
                    "box": _rounded(mark.box),
                    "confidence": round(mark.confidence, 4),
                }
                for mark in self.marks
            ],
        }


@dataclass(frozen=True)
class Reading:
    """All digits of one picture.

    Attributes
    ----------
    lines : tuple of Line
        Top to bottom.
    size : tuple of int
        Width and height of the picture as a person sees it.
    error : Exception or None
        Why nothing could be read, where `read` was called with ``errors="return"``.
    cells : tuple of tuple of str, or None
        The digits in each cell of the grid, row by row, where `read` was told of one.
    """

    lines: tuple[Line, ...]
    size: tuple[int, int]
    error: Exception | None = None
    cells: tuple[tuple[str, ...], ...] | None = None

    @property
    def text(self) -> str:
        r"""The digits of each line, lines joined by ``"\n"``; empty if there are none."""
        return "\n".join(line.text for line in self.lines)

    @property
    def full_text(self) -> str:
        r"""The same with the signs that stand between or before digits."""
        return "\n".join(line.full_text for line in self.lines)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for line in self.lines for digit in line.digits)

    @property
    def confidence(self) -> float:
        """How probable it is that the whole text is right; 0 where nothing was found."""
        return math.prod(line.confidence for line in self.lines) if self.lines else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain numbers, strings, lists and dicts, ready for JSON."""
        return {
            "text": self.text,
            "full_text": self.full_text,
            "confidence": round(self.confidence, 4),
            "size": list(self.size),
            "lines": [line.to_dict() for line in self.lines],
            "cells": None if self.cells is None else [list(row) for row in self.cells],
            "error": None if self.error is None else str(self.error),
        }

    def __str__(self) -> str:
        """Return its text."""
        return self.text

    def __repr__(self) -> str:
        """Summarize what was read, how surely, and in how large a picture."""
        if self.error is not None:
            return f"<Reading: {type(self.error).__name__}>"
        width, height = self.size
        return f"<Reading {self.text!r}, confidence {self.confidence:.0%}, of {width} x {height}>"


def _rounded(box: Box) -> list[float]:
    return [round(side, 1) for side in box]
