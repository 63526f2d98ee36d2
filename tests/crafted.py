"""Files made to do harm, as parameters of a test: each is a case of the page on reliability."""

from __future__ import annotations

from typing import Any

import pytest


def crafted_files(kind: str, odd: dict[str, tuple[Any, ...]]) -> list[Any]:
    """Give each way to spoil a file of a kind, by what it is called, to be refused."""
    return [
        pytest.param(
            *case,
            marks=pytest.mark.reliability("untrusted files", f"`{kind}` with {name}: refused"),
            id=name,
        )
        for name, case in odd.items()
    ]
