"""A page to draw on, and a service for other programs: needs ``pip install "digitcnn[serve]"``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from digitcnn._checks import whole_number
from digitcnn.errors import MissingDependencyError

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["create_app"]


def create_app(
    *,
    weights: str | os.PathLike[str] = "base",
    threads: int | None = None,
    max_bytes: int = 20_000_000,
    max_pixels: int = 64_000_000,
    samples: str | os.PathLike[str] | None = None,
    token: str | None = None,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
) -> FastAPI:
    """Build the application that `digitcnn serve` runs, for a server of your own.

    Parameters
    ----------
    weights : str or os.PathLike
        What names single digits, as :class:`digitcnn.DigitClassifier` takes it: published weights,
        an `.onnx` file or, with TensorFlow, a training run's folder.
    threads : int, optional
        Pictures that are worked on at the same time; by default as many as the process may use
        CPUs.
    max_bytes : int
        The largest body that is taken, whatever it holds.
    max_pixels : int
        The largest picture that is decoded.
    samples : str or os.PathLike, optional
        The folder that keeps what users correct; without one nothing is ever stored.
    token : str, optional
        What a client must send as a bearer token; without one everybody who can connect is
        answered.
    hosts : iterable of str
        Names that the service may be called by, beside "localhost" and bare addresses.
    origins : iterable of str
        Pages of other hosts that may call it, as "https://example.org".

    Returns
    -------
    app : fastapi.FastAPI
        Its networks are open.

    Raises
    ------
    MissingDependencyError
        If FastAPI is not installed.
    DigitcnnError
        If `weights` cannot be opened, or `samples` is no folder that can be written to.

    Examples
    --------
    >>> app = create_app(threads=1)  # doctest: +SKIP
    """
    try:
        from digitcnn.serve.app import build
        from digitcnn.serve.guard import Rules
    except ImportError as error:
        raise MissingDependencyError(
            f"The service needs {error.name or 'FastAPI'}.",
            remedy='Install it with: pip install "digitcnn[serve]"',
        ) from error
    max_bytes = whole_number("max_bytes", max_bytes, least=1, such_as=20_000_000)
    max_pixels = whole_number("max_pixels", max_pixels, least=1, such_as=64_000_000)
    return build(
        weights=weights,
        threads=threads,
        max_pixels=max_pixels,
        samples=samples,
        rules=Rules(token, frozenset(hosts), frozenset(origins), max_bytes),
    )
