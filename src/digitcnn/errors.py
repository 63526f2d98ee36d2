"""The exceptions of digitcnn, each one also the builtin that a caller would expect.

::

    DigitcnnError
    ├── InvalidArgumentError    ValueError    an argument outside what a function takes
    ├── InvalidImageError       ValueError    something that is no picture, or a refused one
    │   ├── NoDigitError                      a picture with nothing to read in it
    │   └── SeveralDigitsError                a picture with several digits, for `predict`
    ├── ImageReadError          OSError       a file that cannot be opened or decoded
    ├── UnknownWeightsError     ValueError    a name that is in no registry
    ├── CorruptFileError        ValueError    a file whose bytes are not the ones promised
    ├── UnavailableError        OSError       weights or data that could not be fetched
    └── MissingDependencyError  ImportError   an optional package that is not installed

An error is made of what it is about, and writes its text from that: "`argument` must <rule>; got
<what>. <How to put it right.>"
"""

from __future__ import annotations

GOT_MAX = 80  # characters of what was got
REASON_MAX = 300  # of a reason, which may be in the words of others


class DigitcnnError(Exception):
    """Base of every error that digitcnn raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, in words, where no argument is.
    argument : str, optional
        The argument that is wrong.
    index : int, optional
        Which item of it, counted from 0.
    rule : str
        What the argument must do.
    got : object
        What it was instead; the middle of what is longer than 80 characters is left out.
    reason : str
        More about what was got, such as "which fails with: no such file"; a full stop at its end
        is left out.
    remedy : str
        How to put it right.

    Attributes
    ----------
    code : str
        The kind of error, in a word that stays the same from version to version.
    argument, index, rule, got, reason, remedy
        As above. A caller that knows better what the argument is called sets it.

    Examples
    --------
    >>> error = DigitcnnError(argument="count", rule="be at least 1", got="0", remedy="Pass 5.")
    >>> error.index = 3
    >>> str(error)
    '`count[3]` must be at least 1; got 0. Pass 5.'
    """

    code = "error"

    def __init__(
        self,
        what: str = "",
        *,
        argument: str | None = None,
        index: int | None = None,
        rule: str = "",
        got: object = "",
        reason: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(*([what] if what else []))
        self.argument = argument
        self.index = index
        self.rule = rule
        self.got = _shortened(str(got), GOT_MAX)
        self.reason = _shortened(reason.rstrip("."), REASON_MAX)
        self.remedy = remedy

    def __str__(self) -> str:
        """Write the text."""
        said = str(self.args[0]) if self.args else self._said()
        return f"{said} {self.remedy}".strip()

    def __repr__(self) -> str:
        """Write the kind and the text."""
        return f"{type(self).__name__}({str(self)!r})"

    def _said(self) -> str:
        place = "" if self.index is None else f"[{self.index}]"
        reason = f", {self.reason}" if self.reason else ""
        return f"`{self.argument}{place}` must {self.rule}; got {self.got}{reason}."


def _shortened(text: str, most: int) -> str:
    """Leave out the middle of a long text."""
    if len(text) <= most:
        return text
    kept = most - len("...")
    return f"{text[: kept - kept // 2]}...{text[-(kept // 2) :]}"


class InvalidArgumentError(DigitcnnError, ValueError):
    """An argument lies outside what the function takes."""

    code = "invalid_argument"


class InvalidImageError(DigitcnnError, ValueError):
    """The input is not a picture, or not one that can be read without guessing."""

    code = "invalid_image"


class NoDigitError(InvalidImageError):
    """The picture holds nothing to read: it is blank, empty, or noise from edge to edge."""

    code = "no_digit"


class SeveralDigitsError(InvalidImageError):
    """The picture plainly holds several digits where one was asked for: `read` reads them all."""

    code = "several_digits"


class ImageReadError(DigitcnnError, OSError):
    """A picture file is missing, unreadable, damaged, or of a format that Pillow cannot open."""

    code = "unreadable_image"


class UnknownWeightsError(DigitcnnError, ValueError):
    """No published weights have this name."""

    code = "unknown_weights"


class CorruptFileError(DigitcnnError, ValueError):
    """A file does not hold the bytes, names or shapes that its record promises."""

    code = "corrupt_file"


class UnavailableError(DigitcnnError, OSError):
    """Weights or data are neither at hand nor within reach."""

    code = "unavailable"


class MissingDependencyError(DigitcnnError, ImportError):
    """The call needs a package that only an extra of digitcnn installs."""

    code = "missing_dependency"
