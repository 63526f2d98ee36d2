"""What goes in and comes out, as the OpenAPI document tells it."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

AnswerT = TypeVar("AnswerT", bound=BaseModel)

Box = tuple[float, float, float, float]


class Problem(BaseModel):
    """Why there is no answer: a code that stays the same, and a sentence."""

    code: str
    error: str


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


class Kept(BaseModel):
    """What became of a sample."""

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


_BINARY = {"type": "string", "format": "binary"}
_BASE64 = {
    "type": "string",
    "contentEncoding": "base64",
    "pattern": "^(data:[^,]*,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}
_MANY = {"type": "array", "minItems": 1, "maxItems": 100}

# The three forms in which pictures come.
PICTURES = {
    "requestBody": {
        "required": True,
        "description": "One picture as it is; or many, as the files of a form; or either in JSON.",
        "content": {
            "image/*": {"schema": _BINARY},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"files": _MANY | {"items": _BINARY}},
                    "required": ["files"],
                }
            },
            "application/json": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {"image": _BASE64},
                            "required": ["image"],
                            "additionalProperties": False,
                        },
                        {
                            "type": "object",
                            "properties": {"images": _MANY | {"items": _BASE64}},
                            "required": ["images"],
                            "additionalProperties": False,
                        },
                    ]
                }
            },
        },
    }
}

_REFUSALS = {
    400: "The request cannot be understood.",
    401: "The token is missing or wrong.",
    403: "A page of another host asks.",
    408: "The body came too slowly.",
    413: "The body, or the picture, is too large.",
    421: "The service is called by a foreign name.",
    503: "The service is busy; Retry-After says for how long.",
}


NOT_KEPT: dict[int | str, Any] = {
    404: {"model": Problem, "description": "The service keeps no samples."}
}


def responses(model: type[BaseModel] | None = None) -> dict[int | str, Any]:
    """Return what an address may answer: a `model`, or a problem."""
    answers: dict[int | str, Any] = {} if model is None else {200: {"model": model}}
    return answers | {status: _problem(status) for status in (400, 401, 403, 421)}


def answers(model: type[BaseModel]) -> dict[int | str, Any]:
    """Return what an address that takes pictures may answer: a `model` for one, or many."""
    found: dict[int | str, Any] = {
        200: {"model": model | Many[model], "description": "For one picture, or for many."},  # type: ignore[valid-type]
        422: {"model": model, "description": "The one picture cannot be read."},
        500: {"model": model, "description": "The service failed on the one picture."},
    }
    return found | {status: _problem(status) for status in _REFUSALS}


def _problem(status: int) -> dict[str, Any]:
    return {"model": Problem, "description": _REFUSALS[status]}
