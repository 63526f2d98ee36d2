"""The pictures in a request: one as it is, or many in a form or JSON; size and time limited."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive

MOST_PICTURES = 100  # in one request

# A body must come this quickly, once the first seconds are over.
_GRACE_S = 10
_BYTES_PER_S = 32_768
_DRAIN_S = 1


class RefusedError(Exception):
    """A request that is not answered, with the status and the code that say why."""

    def __init__(self, status: int, code: str, error: str) -> None:
        super().__init__(error)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Pictures:
    """The pictures of a request, and whether it may hold many."""

    contents: list[bytes]
    are_many: bool


async def pictures_of(request: Request, max_bytes: int) -> Pictures:
    """Take the pictures out of a request."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, max_bytes)
    if kind == "multipart/form-data":
        return Pictures(await _in_form(request, body), are_many=True)
    # What curl -d sends has another type; no picture begins so.
    if kind == "application/json" or body.startswith(b"{"):
        return _in_json(body)
    return Pictures([body], are_many=False)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read a body, as long as it is neither too large nor too slow."""
    promised = int(request.headers.get("content-length", 0))
    if promised > max_bytes:
        await drain(request.receive)
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        start = asyncio.get_running_loop().time()
        async with asyncio.timeout(_GRACE_S) as limit:
            async for part in request.stream():
                body += part
                if len(body) > max_bytes:
                    body.clear()
                    await drain(request.receive)
                    raise _too_large(max_bytes)
                if len(body) != promised:
                    limit.reschedule(start + _GRACE_S + len(body) / _BYTES_PER_S)
    except TimeoutError as error:
        raise RefusedError(408, "slow_body", "The body came too slowly.") from error
    return bytes(body)


async def drain(receive: Receive) -> None:
    """Take what a client still sends, for a moment: one that is cut off reads no answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while (await receive()).get("more_body"):
                pass


def _too_large(max_bytes: int) -> RefusedError:
    return RefusedError(
        413, "too_large", f"The body must have at most {max_bytes} bytes. Send fewer or smaller."
    )


class _MemoryParser(MultiPartParser):
    """Keeps all parts in memory, which holds the body already: nothing is written to a disk."""

    spool_max_size = max_file_size = 2**40


async def _in_form(request: Request, body: bytes) -> list[bytes]:
    """Return the files of a form, in order."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = _MemoryParser(
            request.headers, stream(), max_files=MOST_PICTURES, max_fields=MOST_PICTURES
        )
        async with contextlib.AsyncExitStack() as stack:
            form = await parser.parse()
            stack.push_async_callback(form.close)
            files = [each for _, each in form.multi_items() if not isinstance(each, str)]
            contents = [await file.read() for file in files]
    except (MultiPartException, KeyError, ValueError) as error:
        raise _bad_request(f"The form cannot be read: {error}") from error
    if not contents:
        raise _bad_request("The form must hold one file or more.")
    return contents


def _in_json(body: bytes) -> Pictures:
    """Return the pictures of `{"image": base64}` or `{"images": [base64, ...]}`."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _bad_request(f"The body is no JSON: {error}") from error
    image, images = (
        (content.get("image"), content.get("images")) if isinstance(content, dict) else (None, None)
    )
    if isinstance(image, str) and images is None:
        return Pictures([_decoded(image)], are_many=False)
    if isinstance(images, list) and image is None and 0 < len(images) <= MOST_PICTURES:
        return Pictures([_decoded(each) for each in images], are_many=True)
    raise _bad_request(
        'The body must be {"image": base64} or {"images": [base64, ...]}, with at most '
        f"{MOST_PICTURES} pictures."
    )


def _decoded(text: Any) -> bytes:
    """Decode base64; a data URL, as a page's canvas gives one, will do."""
    if isinstance(text, str):
        if text.startswith("data:"):
            text = text.partition(",")[2]
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            pass
    raise _bad_request("A picture in JSON must be text in base64.")


def _bad_request(error: str) -> RefusedError:
    return RefusedError(400, "bad_request", error)
