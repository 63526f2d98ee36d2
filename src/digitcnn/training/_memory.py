"""The memory that each step of a training takes, frees and takes again."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any

# Of glibc's <malloc.h>: the option's number, its default, and a whole heap of a thread.
_TOP_PAD = -2
_DEFAULT_TOP_PAD = 128 << 10
_HEAP = 64 << 20


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Have glibc keep the memory that a step frees, for the next step to take.

    By itself it gives a thread's heap back to the system as soon as the heap is empty, and has it
    filled with zeros when it is taken again: tens of thousands of page faults in each step of
    `base`, which doubled its time (glibc 2.36, TensorFlow 2.21). Afterwards all that is free is
    given back. Whoever has set glibc's options by environment variables is left alone, and so are
    other C libraries.
    """
    libc = _glibc()
    if libc is None or _is_set_by_user():
        yield
        return
    libc.mallopt(_TOP_PAD, _HEAP)
    try:
        yield
    finally:
        libc.mallopt(_TOP_PAD, _DEFAULT_TOP_PAD)
        libc.malloc_trim(0)


def _glibc() -> Any:
    """Give the process' C library where it is glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None


def _is_set_by_user() -> bool:
    """Tell whether environment variables tune glibc's memory."""
    return "MALLOC_TOP_PAD_" in os.environ or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
