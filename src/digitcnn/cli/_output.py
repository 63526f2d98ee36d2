"""Writes lines, whatever the names in them hold."""

from __future__ import annotations

import os
import re
import sys


def write_line(text: str) -> None:
    """Print a line at once; what is no text in a file's name goes out byte for byte."""
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(os.fsencode(text) + b"\n")
        sys.stdout.buffer.flush()


def report(error: object) -> None:
    """Print an error on standard error, in one line."""
    text = " ".join(str(error).split())
    print(f"digitcnn: error: {printable(text)}", file=sys.stderr, flush=True)


def printable(name: str) -> str:
    """Escape control characters, so that a name neither breaks its line nor moves the cursor."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", name)
