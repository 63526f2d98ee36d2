"""Reads every digit of a picture: find them, name each, put them into lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn._checks import checked_confidence, errors_choice, shown, thread_count, whole_number
from digitcnn._sessions import LazySession
from digitcnn.detection import READER, Detector, Found
from digitcnn.detection.boxes import Detections, join
from digitcnn.detection.line_reading import LINES, SIGNS_BESIDE
from digitcnn.detection.selection import (
    LIKELY,
    is_confirmed,
    other_height,
    select_digits,
    select_marks,
)
from digitcnn.detection.show_through import shows_through, without_show_through
from digitcnn.detection.skew import Turn, leveling
from digitcnn.detection.words import Word, WordReader, put_together
from digitcnn.errors import InvalidArgumentError, NoDigitError, SeveralDigitsError
from digitcnn.images import Picture, is_single, iter_pictures
from digitcnn.preprocessing import to_canonical
from digitcnn.readings import SIGNS, Box, Digit, Line, Mark, Reading
from digitcnn.weights import Weights, pin

__all__ = ["Digit", "DigitReader", "Line", "Mark", "Reading", "read"]

NAMER = "base"  # names each digit that was found
BESIDE_READER = (NAMER, LINES, SIGNS_BESIDE)  # all that a reader uses beside what finds digits

# A picture is read at no more than so many pixels on its longer side.
_WORKING_SIDE = 2048

_MOST_OTHERS = 100  # digits of another size: more are print
# Of fewer digits, the angle of their line is not known well enough; read less surely, in the mean,
# are letters that were turned level.
_LEVEL_DIGITS, _LEVEL_SURENESS = 3, 0.85

# A picture plainly holds several digits if the second surest is as sure as the first number says,
# or the third as the second, or the fourth.
_BEYOND_DOUBT = (0.7, 0.5, 0.4)

_UNLIKELY = 0.12  # where the number of digits is known, so faint a trace of one is considered
# The powers of a digit's probability, of its word's, and of the detector's score, which is full
# from `_PLAIN` on: their product, over a picture, is how probable the text is. Fitted on people's
# pictures of numbers and of single digits together.
_NAMED, _READ, _FOUND, _PLAIN = 0.7, 0.2, 0.2, 0.8

_MOST = 99  # digits in a line, and rows and columns of a grid, that may be asked for

Length = int | tuple[int, int]


def read(
    images: Any,
    *,
    model: Any = None,
    min_confidence: float = 0.0,
    length: Length | None = None,
    cells: tuple[int, int] | None = None,
    errors: str = "raise",
) -> Reading | list[Reading]:
    r"""Read every handwritten digit in each picture: numbers, lines, forms.

    Parameters
    ----------
    images : image or iterable of images
        Pictures in any form that :func:`digitcnn.preprocess` takes.
    model : str, os.PathLike, Weights or DigitReader, optional
        The network that finds the digits; by default the published "reader", kept for the whole
        process.
    min_confidence : float
        The least confidence, in [0, 1], at which a digit is taken into the text.
    length : int or (int, int), optional
        How many digits each line has, or the least and the most, where that is known: the most
        probable reading of that length is given.
    cells : (int, int), optional
        Rows and columns of the grid that the picture shows, where a form's is known:
        `Reading.cells` then holds the digits of each cell, "" where it is empty.
    errors : str
        "raise", or "return": a picture that cannot be read then gives a `Reading` whose `error`
        says why.

    Returns
    -------
    reading : Reading or list of Reading
        One image gives one reading, many a list. A picture without digits gives an empty text.

    Raises
    ------
    ImageReadError
        If a file cannot be read.
    InvalidImageError
        If an item is no picture. Its index is named.
    InvalidArgumentError
        If another argument is not what is asked for.

    See Also
    --------
    predict : Names the one digit of each picture.
    DigitReader : The same as an object, with threads bounded and streams of any length.

    Examples
    --------
    >>> read("cheque.jpg").text  # doctest: +SKIP
    '1250'
    """
    return _shared_reader(model).read(
        images, min_confidence=min_confidence, length=length, cells=cells, errors=errors
    )


@dataclass(frozen=True)
class _Asked:
    """What a call asks for: the least confidence, how many digits a line, rows and columns."""

    least: float
    length: tuple[int, int] | None
    cells: tuple[int, int] | None


@dataclass(frozen=True)
class _Frame:
    """From the pixels of what was read to the picture's: turned back, and times `reduction`."""

    reduction: int
    size: tuple[int, int]
    turn: Turn | None = None

    def box(self, box: npt.NDArray[np.float32]) -> Box:
        if self.turn is not None:
            box = self.turn.back(box[None])[0]
        sides = (box * self.reduction).clip(0, [*self.size, *self.size]).tolist()
        left, top, right, bottom = (round(side, 1) for side in sides)
        return left, top, right, bottom


class DigitReader:
    """Reads numbers with networks kept ready, which find and name digits, and read whole lines.

    It may be shared by threads and pickled.

    Parameters
    ----------
    weights : str, os.PathLike or Weights
        The name of published weights that find digits, or an `.onnx` file of that form.
    threads : int, optional
        How many threads may work on one picture; by default as many as the process may use CPUs.

    Raises
    ------
    UnknownWeightsError
        If nothing has been published under that name.
    UnavailableError
        If the file is neither on this machine nor within reach.
    CorruptFileError
        If the file does not hold the published bytes, or no network of that form.

    Examples
    --------
    >>> reader = DigitReader(threads=1)  # doctest: +SKIP
    >>> reader.read("cheque.jpg").text  # doctest: +SKIP
    '1250'
    """

    def __init__(
        self, weights: str | os.PathLike[str] | Weights = READER, *, threads: int | None = None
    ) -> None:
        self._weights = pin(weights)
        self._threads = thread_count(threads)
        finder = LazySession(self._weights, self._threads, form="maps")
        self._namer = LazySession(NAMER, self._threads)
        line_reader = LazySession(LINES, self._threads, form="lines")
        sign_finder = LazySession(SIGNS_BESIDE, self._threads, form="lines")
        finder.open()
        self._detector = Detector(finder.run)
        self._words = WordReader(self._names, line_reader.run, sign_finder.run)

    def read(
        self,
        images: Any,
        *,
        min_confidence: float = 0.0,
        length: Length | None = None,
        cells: tuple[int, int] | None = None,
        errors: str = "raise",
    ) -> Reading | list[Reading]:
        """Read every digit in each picture, as :func:`digitcnn.read` does.

        Parameters
        ----------
        images : image or iterable of images
            Pictures in any form that :func:`digitcnn.preprocess` takes.
        min_confidence, length, cells, errors
            As :func:`digitcnn.read` takes them.

        Returns
        -------
        reading : Reading or list of Reading
        """
        readings = self.iter_read(
            images, min_confidence=min_confidence, length=length, cells=cells, errors=errors
        )
        return next(readings) if is_single(images) else list(readings)

    def iter_read(
        self,
        images: Any,
        *,
        min_confidence: float = 0.0,
        length: Length | None = None,
        cells: tuple[int, int] | None = None,
        errors: str = "raise",
    ) -> Iterator[Reading]:
        """Yield the reading of one picture after the other, in constant memory.

        Parameters
        ----------
        images : image or iterable of images
            Pictures in any form that :func:`digitcnn.preprocess` takes, of any number.
        min_confidence, length, cells, errors
            As :func:`digitcnn.read` takes them.

        Yields
        ------
        reading : Reading
        """
        asked = _Asked(
            checked_confidence(min_confidence), _checked_length(length), _checked_cells(cells)
        )
        errors_choice(errors)
        return self._iter_read(images, asked, returns_errors=errors == "return")

    def _iter_read(self, images: Any, asked: _Asked, *, returns_errors: bool) -> Iterator[Reading]:
        for picture in iter_pictures(images, side=_WORKING_SIDE):
            if isinstance(picture, Picture):
                lines = self._read_picture(picture, asked)
                in_cells = _in_cells(lines, picture.size, *asked.cells) if asked.cells else None
                yield Reading(lines, picture.size, cells=in_cells)
            # Nothing to read in what has no pixels, or none that is visible.
            elif returns_errors or isinstance(picture, NoDigitError):
                yield Reading((), (0, 0), picture if returns_errors else None)
            else:
                raise picture

    def _read_picture(self, picture: Picture, asked: _Asked) -> tuple[Line, ...]:
        """Read a picture as it is and, where its lines are plainly steep, turned: what is surer."""
        found = self._detector.find(picture.gray)
        cleaned = without_show_through(found.gray, found.digits[select_digits(found.digits)])
        if cleaned is not None:
            found = self._detector.find(cleaned)
        frame = _Frame(picture.reduction, picture.size)
        lines = self._read_found(found, asked, frame)
        turn = leveling(found)
        if turn is None:
            return lines
        level = turn.within(self._detector.find(turn.of(found.gray)))
        level_lines = self._read_found(level, asked, replace(frame, turn=turn))
        count = sum(len(line.digits) for line in level_lines)
        is_plain = count >= _LEVEL_DIGITS and _worth(level_lines) >= _LEVEL_SURENESS * count
        return max(lines, level_lines, key=_worth) if is_plain else lines

    def _read_found(self, found: Found, asked: _Asked, frame: _Frame) -> tuple[Line, ...]:
        """Name and order the digits that were found."""
        likely = _UNLIKELY if asked.length else LIKELY
        chosen = select_digits(found.digits, likely=likely)
        words = self._words.read(found, chosen, asked.length)
        if not words and not asked.length:
            words = self._words.read_faint(found)
        if not words:
            return ()
        if not asked.length:
            words = self._with_other_sizes(found, words)
        marks = found.signs[select_marks(found.signs, join([word.digits for word in words]))]
        lines: dict[int, list[Digit]] = {}
        for word in words:
            digits = [_digit(word, index, frame) for index in range(len(word.digits))]
            digits = [digit for digit in digits if digit.confidence >= asked.least]
            if digits:
                lines.setdefault(word.line, []).extend(digits)
        return _with_marks(list(lines.values()), marks, frame)

    def _with_other_sizes(self, found: Found, words: list[Word]) -> list[Word]:
        """Read what is much smaller or taller, too, in the picture without what was read."""
        read = join([word.digits for word in words])
        height = other_height(found.digits, read)
        if height is None:
            return words
        rest = self._detector.find_more(found, read.boxes, height)
        chosen = select_digits(rest.digits)
        if len(chosen) > _MOST_OTHERS:
            return words
        others = [
            word
            for word in self._words.read(rest, chosen)
            if is_confirmed(word.digits, word.legibility)
        ]
        return put_together(words, others) if others else words

    def _names(self, inks: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Return the digits' probabilities for the ink of each box, alike where there is none."""
        canonical = map(to_canonical, inks)
        known = {index: each for index, each in enumerate(canonical) if each is not None}
        names = np.full((len(inks), 10), 0.1, np.float32)
        if known:
            names[list(known)] = self._namer.run(np.stack(list(known.values())))
        return names

    def __repr__(self) -> str:
        """Name the weights and the threads."""
        name = self._weights.id if isinstance(self._weights, Weights) else str(self._weights)
        return f"DigitReader({name!r}, threads={self._threads})"


_shared: dict[str | Weights, DigitReader] = {}


def _shared_reader(model: Any) -> DigitReader:
    """Return the reader for the `model` of a call; those of published weights are kept."""
    if isinstance(model, DigitReader):
        return model
    model = READER if model is None else model
    if isinstance(model, str | Weights):
        if model not in _shared:
            _shared[model] = DigitReader(model)
        return _shared[model]
    if isinstance(model, os.PathLike):
        return DigitReader(model)
    raise InvalidArgumentError(
        argument="model",
        rule="be the name of published weights, an .onnx file or a DigitReader",
        got=type(model).__name__,
        remedy=f"Leave it out for {READER!r}.",
    )


def refuse_several_digits(found: Found) -> None:
    """Raise if one coarse look plainly shows several digits, so that none is named alone.

    That look must be enough: what it does not show is not plain.
    """
    digits = found.digits[select_digits(found.digits)]
    digits = digits[np.flatnonzero(~shows_through(found.gray, digits))]
    sure = np.sort(digits.scores * digits.probabilities.max(axis=1, initial=0))[::-1]
    further = sure[1 : 1 + len(_BEYOND_DOUBT)]
    if (further > _BEYOND_DOUBT[: len(further)]).any():
        raise SeveralDigitsError(
            argument="images",
            rule="hold one digit each",
            got=f"a picture of {len(sure)} or more",
            remedy="Call digitcnn.read(), which reads every digit.",
        )


def _digit(word: Word, index: int, frame: _Frame) -> Digit:
    probabilities = word.digits.probabilities[index]
    value = int(probabilities.argmax())
    found = min(1.0, float(word.digits.scores[index]) / _PLAIN)
    confidence = float(probabilities[value]) ** _NAMED * word.sureness**_READ * found**_FOUND
    return Digit(value, frame.box(word.digits.boxes[index]), confidence, probabilities)


def _worth(lines: tuple[Line, ...]) -> float:
    """Return how many digits were read, each counted by its confidence."""
    return sum(digit.confidence for line in lines for digit in line.digits)


def _with_marks(lines: list[list[Digit]], marks: Detections, frame: _Frame) -> tuple[Line, ...]:
    """Assign each sign to the line that it stands in."""
    given: list[list[Mark]] = [[] for _ in lines]
    for box, score, each in zip(marks.boxes, marks.scores, marks.probabilities, strict=True):
        mark = Mark(SIGNS[each.argmax()], frame.box(box), float(score))
        x, y = (mark.box[0] + mark.box[2]) / 2, (mark.box[1] + mark.box[3]) / 2
        far = [min(_distance(x, y, digit.box) for digit in line) for line in lines]
        if far:
            given[int(np.argmin(far))].append(mark)
    return tuple(
        Line(tuple(line), tuple(sorted(each, key=lambda mark: mark.box[0])))
        for line, each in zip(lines, given, strict=True)
    )


def _distance(x: float, y: float, box: Box) -> float:
    """Return how far a point lies from a box, up and down counted twice."""
    left, top, right, bottom = box
    return max(left - x, x - right, 0) + 2 * max(top - y, y - bottom, 0)


def _in_cells(
    lines: tuple[Line, ...], size: tuple[int, int], rows: int, columns: int
) -> tuple[tuple[str, ...], ...]:
    """Return the digits of each cell of an even grid over the picture."""
    texts = [[""] * columns for _ in range(rows)]
    for digit in (digit for line in lines for digit in line.digits):
        left, top, right, bottom = digit.box
        column = min(int((left + right) / 2 / size[0] * columns), columns - 1)
        row = min(int((top + bottom) / 2 / size[1] * rows), rows - 1)
        texts[row][column] += str(digit.value)
    return tuple(tuple(row) for row in texts)


def _checked_length(length: Any) -> tuple[int, int] | None:
    if length is None:
        return None
    least, most = _pair("length", (length, length) if np.ndim(length) == 0 else length)
    if least > most:
        raise _not_a_pair("length", length)
    return least, most


def _checked_cells(cells: Any) -> tuple[int, int] | None:
    return None if cells is None else _pair("cells", cells)


def _pair(argument: str, values: Any) -> tuple[int, int]:
    """Check two small numbers."""
    if np.shape(values) != (2,):
        raise _not_a_pair(argument, values)
    first, second = (
        whole_number(argument, value, least=1, most=_MOST, such_as=5) for value in values
    )
    return first, second


def _not_a_pair(argument: str, got: Any) -> InvalidArgumentError:
    rule = {
        "length": "be a number of digits, or the least and the most of them",
        "cells": "be the numbers of rows and columns",
    }
    return InvalidArgumentError(
        argument=argument, rule=rule[argument], got=shown(got), remedy="Pass (4, 6), say."
    )
