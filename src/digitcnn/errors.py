"""The exceptions of digitcnn, each one also the builtin that a caller would expect.

::

    DigitcnnError
    ├── InvalidArgumentError    ValueError    an argument outside what a function takes
    ├── InvalidImageError       ValueError    something that is no picture, or a refused one
    │   └── NoDigitError                      a picture with nothing to read in it
    ├── ImageReadError          OSError       a file that cannot be opened or decoded
    ├── UnknownWeightsError     ValueError    a name that is in no registry
    ├── CorruptFileError        ValueError    a file whose bytes are not the ones promised
    ├── UnavailableError        OSError       weights or data that could not be fetched
    └── MissingDependencyError  ImportError   an optional package that is not installed

Messages read "`argument` must <rule>; got <what>. <How to put it right.>"
"""

from __future__ import annotations


class DigitcnnError(Exception):
    """Base of every error that digitcnn raises on purpose."""


class InvalidArgumentError(DigitcnnError, ValueError):
    """An argument lies outside what the function takes."""


class InvalidImageError(DigitcnnError, ValueError):
    """The input is not a picture, or not one that can be read without guessing."""


class NoDigitError(InvalidImageError):
    """The picture holds nothing to read: it is blank, empty, or noise from edge to edge."""


class ImageReadError(DigitcnnError, OSError):
    """A picture file is missing, unreadable, damaged, or of a format that Pillow cannot open."""


class UnknownWeightsError(DigitcnnError, ValueError):
    """No published weights have this name."""


class CorruptFileError(DigitcnnError, ValueError):
    """A file does not hold the bytes, names or shapes that its record promises."""


class UnavailableError(DigitcnnError, OSError):
    """Weights or data are neither at hand nor within reach."""


class MissingDependencyError(DigitcnnError, ImportError):
    """The call needs a package that only an extra of digitcnn installs."""
