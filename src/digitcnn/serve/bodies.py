"""What goes in and comes out: bodies as they are read, and as the OpenAPI document has them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, Field, TypeAdapter, WithJsonSchema
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive

MOST_PICTURES = 100  # in one request

# A body must come this quickly, once the first seconds are over.
_GRACE_S = 10
_BYTES_PER_S = 32_768
_DRAIN_S = 1

AnswerT = TypeVar("AnswerT", bound=BaseModel)

Box = tuple[float, float, float, float]


class Problem(BaseModel):
    """Why there is no answer: a code that stays the same, and a sentence."""

    code: str
    error: str


class Kept(BaseModel):
    """What became of a sample."""

    code: str | None
    error: str | None


class Prediction(BaseModel):
    """The one digit of a picture; null where there is none, with the code that says why."""

    digit: int | None
    confidence: float | None = None
    probabilities: list[float] | None = None
    code: str | None
    error: str | None


class Digit(BaseModel):
    """A digit, its box in pixels of the picture, and the probability of each of the ten."""

    value: int
    box: Box
    confidence: float
    probabilities: list[float]


class Mark(BaseModel):
    """A sign between or before digits."""

    value: Literal[".", ",", "-", "/", ":", "+"]
    box: Box
    confidence: float


class Line(BaseModel):
    """Digits in one line, left to right."""

    text: str
    full_text: str
    box: Box
    confidence: float
    digits: list[Digit]
    marks: list[Mark]


class Reading(BaseModel):
    """All digits of a picture; an empty text where there are none."""

    text: str
    full_text: str | None = None
    confidence: float | None = None
    size: tuple[int, int] | None = None
    lines: list[Line] | None = None
    code: str | None
    error: str | None


class Step(BaseModel):
    """A step on the way to what the network sees, its picture as PNG in base64."""

    name: str
    note: str
    png: str


class Explanation(BaseModel):
    """How the digit of a picture is read; `attention` glows where hiding it changes the answer."""

    steps: list[Step]
    attention: str | None = None
    code: str | None
    error: str | None


class Many(BaseModel, Generic[AnswerT]):
    """An answer for each picture of a request that may hold many, in their order."""

    answers: list[AnswerT]


class Samples(BaseModel):
    """Whether corrections are kept, how many were, and the command that learns from them."""

    kept: bool
    count: int | None = None
    command: str | None = None


class Health(BaseModel):
    """The service is up."""

    status: str
    version: str


_Base64 = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "contentEncoding": "base64",
            "pattern": "^(data:[^,]*,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        }
    ),
]


class OnePicture(BaseModel):
    """A picture alone."""

    image: _Base64


class ManyPictures(BaseModel):
    """Several pictures."""

    images: list[_Base64] = Field(min_length=1, max_length=MOST_PICTURES)


_JSON: TypeAdapter[OnePicture | ManyPictures] = TypeAdapter(OnePicture | ManyPictures)
_BINARY = {"type": "string", "format": "binary"}
_FILES = {"type": "array", "minItems": 1, "maxItems": MOST_PICTURES, "items": _BINARY}
_FORM = {"type": "object", "properties": {"files": _FILES}, "required": ["files"]}

# The three forms in which pictures come.
PICTURES = {
    "requestBody": {
        "required": True,
        "description": "One picture as it is; or many, as the files of a form; or either in JSON.",
        "content": {
            "image/*": {"schema": _BINARY},
            "multipart/form-data": {"schema": _FORM},
            "application/json": {
                "schema": {
                    "oneOf": [each.model_json_schema() for each in (OnePicture, ManyPictures)]
                }
            },
        },
    }
}


_PROBLEMS = {
    400: "The request cannot be understood.",
    401: "The token is missing or wrong.",
    403: "A page of another host asks.",
    404: "The service keeps no samples.",
    408: "The body came too slowly.",
    413: "The body, or the picture, is too large.",
    421: "The service is called by a foreign name.",
    503: "The service is busy; Retry-After says for how long.",
}


def problems(*statuses: int) -> dict[int | str, Any]:
    """Describe the problems that an address may answer with."""
    return {status: {"model": Problem, "description": _PROBLEMS[status]} for status in statuses}


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Describe an address that takes pictures and answers with a `model` for one, or many."""
    return {
        "response_model": model | Many[model],  # type: ignore[valid-type]
        "response_description": "For one picture, or for many.",
        "responses": problems(408, 413, 503)
        | {
            422: {"model": model, "description": "The one picture cannot be read."},
            500: {"model": model, "description": "The service failed on the one picture."},
        },
        "openapi_extra": PICTURES,
    }


class RefusedError(Exception):
    """A request that is not answered, with the status and the code that say why."""

    def __init__(self, status: int, code: str, error: str) -> None:
        super().__init__(error)
        self.status, self.code = status, code


def json_response(content: Any, status: int = 200) -> Response:
    """Return what becomes JSON as a response."""
    return Response(json.dumps(content), status, media_type="application/json")


def problem(status: int, code: str, error: str) -> Response:
    """Return why a request is not answered."""
    return json_response({"code": code, "error": error}, status)


async def pictures_of(request: Request, max_bytes: int) -> tuple[list[bytes], bool]:
    """Take the pictures out of a request, and whether it may hold many."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _read_body(request, max_bytes)
    if kind == "multipart/form-data":
        return await _in_form(request, body), True
    # What curl -d sends has another type; no picture begins so.
    if kind == "application/json" or body.startswith(b"{"):
        return _in_json(body)
    return [body], False


async def _read_body(request: Request, max_bytes: int) -> bytes:
    """Read a body, as long as it is neither too large nor too slow."""
    promised = int(request.headers.get("content-length", 0))
    body = bytearray()
    try:
        start = asyncio.get_running_loop().time()
        async with asyncio.timeout(_GRACE_S) as limit:
            if promised <= max_bytes:
                async for part in request.stream():
                    body += part
                    if len(body) > max_bytes:
                        break
                    if len(body) != promised:
                        limit.reschedule(start + _GRACE_S + len(body) / _BYTES_PER_S)
    except TimeoutError as error:
        raise RefusedError(408, "slow_body", "The body came too slowly.") from error
    if max(promised, len(body)) > max_bytes:
        body.clear()
        await drain(request.receive)
        text = f"The body must have at most {max_bytes} bytes. Send fewer or smaller."
        raise RefusedError(413, "too_large", text)
    return bytes(body)


async def drain(receive: Receive) -> None:
    """Take what a client still sends, for a moment: one that is cut off reads no answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while (await receive()).get("more_body"):
                pass


class _MemoryParser(MultiPartParser):
    """Keeps all parts in memory, which holds the body already: nothing is written to a disk."""

    spool_max_size = max_file_size = 2**40


async def _in_form(request: Request, body: bytes) -> list[bytes]:
    """Return the files of a form, in order."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await _MemoryParser(
            request.headers, stream(), max_files=MOST_PICTURES, max_fields=MOST_PICTURES
        ).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise _bad_request(f"The form cannot be read: {error}") from error
    files = [each for _, each in form.multi_items() if not isinstance(each, str)]
    contents = [await file.read() for file in files]
    await form.close()
    if not contents:
        raise _bad_request("The form must hold one file or more.")
    return contents


def _in_json(body: bytes) -> tuple[list[bytes], bool]:
    """Return the pictures of `{"image": base64}` or `{"images": [base64, ...]}`."""
    try:
        given = _JSON.validate_json(body)
        are_many = isinstance(given, ManyPictures)
        texts = given.images if isinstance(given, ManyPictures) else [given.image]
        return [_decoded(text) for text in texts], are_many
    except ValueError as error:
        raise _bad_request(
            'The body must be JSON, {"image": base64} or {"images": [base64, ...]}, with at most '
            f"{MOST_PICTURES} pictures."
        ) from error


def _decoded(text: str) -> bytes:
    """Decode base64; a data URL, as a page's canvas gives one, will do."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return base64.b64decode(text, validate=True)


def _bad_request(error: str) -> RefusedError:
    return RefusedError(400, "bad_request", error)
