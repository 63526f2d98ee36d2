"""What the command line sets for its own process, which the library may not: quiet, and memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
import tempfile
from collections.abc import Iterator

_X86_64 = ("x86_64", "AMD64")  # on Linux and macOS, and on Windows
# The options of glibc's <malloc.h>, by their numbers.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4

# No array is mapped by itself, and no heap of a thread, of 64 MiB, is given back when it is empty.
_KEEPING = {_MMAP_MAX: 0, _TOP_PAD: 64 << 20}
# The defaults; and, as setting any of these ends glibc's own adapting of the two thresholds, what
# that comes to where large arrays are freed, which without it would be slow for good.
_AFTERWARDS = {
    _MMAP_MAX: 65_536,
    _TOP_PAD: 128 << 10,
    _MMAP_THRESHOLD: 32 << 20,
    _TRIM_THRESHOLD: 64 << 20,
}


def import_quietly() -> None:
    """Import Keras and its backend, and let it look for devices, in silence.

    The lines come from C++ before any level of logging counts (TensorFlow 2.21), so standard error
    itself is led elsewhere, in this process alone. Without Keras nothing happens here: who needs it
    says so.
    """
    if "keras" in sys.modules:
        return
    # By itself TensorFlow computes by oneDNN only on CPUs with AVX-512. Without, training gains as
    # well: a fifth of a step of `base`, two fifths of one of `tiny` (AVX2, TensorFlow 2.21).
    if platform.machine() in _X86_64:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # what is said later, by warnings
    with _silent_stderr(), contextlib.suppress(ImportError):
        import keras

        keras.ops.zeros(1)


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep what is written to standard error, and write it after all if this fails."""
    if sys.stderr is None:  # closed: there is nothing to keep silent
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(before, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Have glibc, where it is the C library, keep what a step frees for the next step to take.

    By itself it gives much of that back to the system, which fills it with zeros when it is taken
    again: tens of thousands of page faults in each step of `base`, which doubled its time (glibc
    2.36, TensorFlow 2.21). Afterwards all that is free is given back.
    """
    if platform.libc_ver()[0] != "glibc" or _is_set_by_user():
        yield
        return
    libc = ctypes.CDLL(None)
    for option, value in _KEEPING.items():
        libc.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in _AFTERWARDS.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)


def _is_set_by_user() -> bool:
    """Return whether environment variables tune how memory is allocated."""
    return "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "") or any(
        name.startswith("MALLOC_") for name in os.environ
    )
