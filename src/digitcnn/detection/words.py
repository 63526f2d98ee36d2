"""Words: digits that stand beside each other, named, and read as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from digitcnn.detection.boxes import Detections, join
from digitcnn.detection.detector import Found
from digitcnn.detection.line_reading import (
    Logs,
    Strip,
    as_input,
    beside,
    correct,
    cut_line,
    is_digit,
    strip_along,
    symbol_logs,
    symbols_of,
    text_logs,
    unseen,
)
from digitcnn.detection.lines import group_lines, split_words
from digitcnn.detection.selection import (
    LEGIBLE,
    LEGIBLE_AMID_PRINT,
    WRITTEN,
    are_discs,
    is_confirmed,
    select_faint,
    select_lone,
    stands,
    without_brackets,
)

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
Span = tuple[int, int]
Network = Callable[[Floats], Floats]
Namer = Callable[[list[Floats]], Floats]

# What the network that sees each digit alone is trusted with beside the detector: its probabilities
# are lifted by so much, so that one that is sure and wrong does not overrule the other.
_DOUBT = 0.02
# Where a range of digits is asked for, what is surer than this counts as one.
_LIKELY = 0.25


@dataclass(frozen=True)
class Word:
    """Digits beside each other.

    Attributes
    ----------
    line : int
        The number of their line, from the top.
    digits : Detections
        From left to right.
    sureness, legibility : float
        How probable their text is, as a mean of the digits: by the network that reads lines, and by
        that and the one that knows other signs.
    """

    line: int
    digits: Detections
    sureness: float
    legibility: float

    @property
    def box(self) -> Floats:
        """What encloses all of them."""
        boxes = self.digits.boxes
        return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


class WordReader:
    """Names digits that were found, and reads words of them.

    Parameters
    ----------
    name : callable
        Takes the ink of N boxes, each float32 (h, w), and gives probabilities, float32 (N, 10).
    read_line, find_signs : callable
        Take a line as `as_input` scales it, and give its maps: of digits, and of other signs.
    """

    def __init__(self, name: Namer, read_line: Network, find_signs: Network) -> None:
        self._name, self._read_line, self._find_signs = name, read_line, find_signs

    def read(self, found: Found, chosen: Indices, length: Span | None = None) -> list[Word]:
        """Name the chosen digits, put them into lines and words, and read each word as a whole.

        Parameters
        ----------
        found : Found
        chosen : ndarray of int
            Which of the found digits are the writing, as far as they can be told one by one.
        length : (int, int), optional
            The fewest and the most digits of a line, where that is known.

        Returns
        -------
        words : list of Word
            Those that count as numbers, line by line.
        """
        digits = self._named(found, found.digits[chosen])
        others = found.digits[np.setdiff1d(np.arange(len(found.digits)), chosen)]
        lines = [digits[members] for members in group_lines(digits.boxes)]
        words = [
            Word(number, *self._read_word(found, line[part], others, None))
            for number, line in enumerate(lines)
            for part in split_words(line.boxes)
        ]
        words = [word for word in words if len(word.digits)]
        words = [replace(word, digits=without_brackets(found.gray, word.digits)) for word in words]
        if len(words) > 1:
            words = [word for word in words if not are_discs(found.gray, word.digits)]
        words = _standing(words, found=len(digits))
        return self._of_length(found, lines, words, others, length) if length else words

    def read_faint(self, found: Found) -> list[Word]:
        """Read what is faint, as far as that confirms it: words, or else one digit alone.

        Parameters
        ----------
        found : Found

        Returns
        -------
        words : list of Word
        """
        words = self.read(found, select_faint(found.digits))
        confirmed = [word for word in words if is_confirmed(word.digits, word.sureness)]
        if not confirmed:
            words = self.read(found, select_lone(found.digits))
            confirmed = [
                word for word in words if is_confirmed(word.digits, word.sureness, alone=True)
            ]
        return confirmed

    def _of_length(
        self,
        found: Found,
        lines: list[Detections],
        words: list[Word],
        others: Detections,
        length: Span,
    ) -> list[Word]:
        """Read those lines anew whose words do not have as many digits as is asked for."""
        read = []
        for number, line in enumerate(lines):
            line_words = [word for word in words if word.line == number]
            if not length[0] <= sum(len(word.digits) for word in line_words) <= length[1]:
                line_words = []
                if len(surest := _surest(line, *length)):
                    line_words = [Word(number, *self._read_word(found, surest, others, length))]
            read += line_words
        return read

    def _named(self, found: Found, digits: Detections) -> Detections:
        """Name digits by the detector and by the look of each alone."""
        names = self._name([found.ink_of(box) for box in digits.boxes])
        named = digits.probabilities * (names + np.float32(_DOUBT))
        named /= named.sum(axis=1, keepdims=True)
        return Detections(digits.boxes, digits.scores, named)

    def _read_word(
        self, found: Found, word: Detections, others: Detections, length: Span | None
    ) -> tuple[Detections, float, float]:
        """Read a word as a whole, too: leave out other signs, and correct it where that disagrees.

        Returns it with how probable its text then is, as a mean of its digits, by the network that
        reads lines, and by that and the one that knows other signs.
        """
        seen = None
        if not length:  # what is known to be digits is not asked about
            word, seen = self._without_signs(found, word)
        strip = strip_along(word.boxes) if len(word) else None
        if strip is None:
            return word, 1.0, 1.0
        maps = self._read_line(_batch(found, strip))
        logs = symbol_logs(maps)
        symbols = symbols_of(logs)
        # What neighbours make plain: a digit alone is named by what sees digits alone.
        is_alone = len(word) == 1 and len(symbols) <= 1
        if symbols != (word.probabilities.argmax(axis=1) + 1).tolist() and not is_alone:
            others = others[beside(word, others)]
            more = unseen(maps, strip, word, size=found.size)
            others = self._named(found, join([others, more]))
            word = correct(word, others, logs, length=length)
        sureness = _sureness(logs, word)
        if seen is None:
            return word, sureness, sureness
        return word, sureness, math.sqrt(sureness * _sureness(symbol_logs(seen), word))

    def _without_signs(self, found: Found, word: Detections) -> tuple[Detections, Floats | None]:
        """Leave out what is another sign, again and again; return what is left, and its maps."""
        seen = None
        while len(word) and (strip := strip_along(word.boxes)) is not None:
            seen = self._find_signs(_batch(found, strip))
            is_kept = is_digit(seen, strip, word)
            if is_kept.all():
                break
            word = word[np.flatnonzero(is_kept)]
        return word, seen


def _batch(found: Found, strip: Strip) -> Floats:
    """Cut a line out as a batch of one."""
    return as_input(cut_line(found, strip))[None]


def put_together(words: list[Word], others: list[Word]) -> list[Word]:
    """Put words of another size into the lines that they stand in, or into lines of their own.

    Parameters
    ----------
    words, others : list of Word

    Returns
    -------
    words : list of Word
        All, in reading order.
    """
    first_free = max(word.line for word in words) + 1
    placed = list(words)
    for other in others:
        level = [word for word in words if _is_level(word.box, other.box)]
        nearest = min(level, key=lambda word: abs(word.box[0] - other.box[0]), default=None)
        line = first_free + other.line if nearest is None else nearest.line
        placed.append(replace(other, line=line))
    levels = {word.line: word.box[1] + word.box[3] for word in reversed(placed)}
    return sorted(placed, key=lambda word: (levels[word.line], word.box[0]))


def _is_level(box: Floats, other: Floats) -> bool:
    """Return whether two boxes share half of the smaller one's height."""
    shared = min(box[3], other[3]) - max(box[1], other[1])
    return bool(2 * shared > min(box[3] - box[1], other[3] - other[1]))


def _standing(words: list[Word], *, found: int) -> list[Word]:
    """Return the words that count, of so many digits found: amid print, the surest."""
    longest = max((len(word.digits) for word in words), default=0)
    for least in (LEGIBLE, LEGIBLE_AMID_PRINT):
        standing = [
            word
            for word in words
            if stands(word.digits, word.legibility, longest=longest, least_sureness=least)
        ]
        if sum(len(word.digits) for word in standing) >= WRITTEN * found:
            break
    return standing


def _surest(line: Detections, fewest: int, most: int) -> Detections:
    """Return the surest digits of a line, in their order: as many as it may have, or none."""
    sure = line.scores * line.probabilities.max(axis=1, initial=0)
    number = min(most, max(fewest, int((sure > _LIKELY).sum())))
    kept = np.sort(np.argsort(-sure, kind="stable")[:number])
    return line[kept] if len(kept) >= fewest else line[:0]


def _sureness(logs: Logs, word: Detections) -> float:
    """Return how probable a word's text is, as a mean of its digits."""
    text = word.probabilities.argmax(axis=1)[None]
    return math.exp(text_logs(logs, text)[0] / max(1, len(word)))
