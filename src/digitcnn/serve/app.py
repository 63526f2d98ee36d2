"""The application: which address answers what."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from digitcnn import __version__
from digitcnn.serve import schema
from digitcnn.serve.bodies import RefusedError, pictures_of
from digitcnn.serve.guard import Guard, Rules
from digitcnn.serve.metrics import Metrics
from digitcnn.serve.readers import Answer, Readers
from digitcnn.serve.samples import Samples

_STATIC = Path(__file__).with_name("static")

LeastConfidence = Annotated[float, Query(ge=0, le=1)]
Length = Annotated[
    str | None,
    Query(
        pattern=r"^[1-9][0-9]?(-[1-9][0-9]?)?$",
        description="How many digits each line has, where that is known: 5, or 4-6.",
    ),
]
Label = Annotated[int, Query(ge=0, le=9, description="The digit that the picture shows.")]

Work = Callable[[bytes], Answer]


class Answered(Protocol):
    """Takes a request, what answers one picture, and what an answer holds where that fails."""

    def __call__(
        self, request: Request, work: Work, empty: Answer, *, is_quick: bool = False
    ) -> Awaitable[Response]:
        """Answer it; `is_quick` where the work takes little longer than handing it over."""


# The status of a single picture's answer, 422 for other codes: no digit is an answer, too.
_STATUS = {
    None: 200,
    "no_digit": 200,
    "not_sure": 200,
    "several_digits": 200,
    "invalid_argument": 400,
    "too_large": 413,
    "internal": 500,
}


class ZipResponse(Response):
    """A ZIP file."""

    media_type = "application/zip"


def build(
    *,
    weights: str | os.PathLike[str],
    threads: int | None,
    max_pixels: int,
    samples: str | os.PathLike[str] | None,
    rules: Rules,
) -> FastAPI:
    """Build the application."""
    readers = Readers(weights, threads, max_pixels)
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        readers.close()

    app = FastAPI(
        title="digitcnn",
        version=__version__,
        description="Reads handwritten digits and numbers in pictures.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Guard, rules=rules, metrics=metrics)
    _add_problems(app)

    async def answered(
        request: Request, work: Work, empty: Answer, *, is_quick: bool = False
    ) -> Response:
        pictures = await pictures_of(request, rules.max_bytes)
        is_alone = metrics.in_progress == 1
        given = await readers.answer(work, pictures.contents, is_quick=is_quick, is_alone=is_alone)
        answers = [empty | answer for answer in given]
        metrics.count_answers(answer["code"] for answer in answers)
        if pictures.are_many:
            return _json({"answers": answers})
        return _json(answers[0], _STATUS.get(answers[0]["code"], 422))

    _add_answers(app, readers, answered)
    _add_samples(app, Samples(samples) if samples else None, answered)

    @app.get("/healthz", responses=schema.responses(schema.Health))
    async def healthz() -> Response:
        """Report that the service is up."""
        return _json({"status": "ok", "version": __version__})

    @app.get("/metrics", responses=schema.responses(), response_class=PlainTextResponse)
    async def show_metrics() -> Response:
        """Return counts and times of this process in Prometheus' text form."""
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    answered_to_get = {route.path for route in routes if "GET" in (route.methods or ())}
    for path in {route.path for route in routes} - answered_to_get:
        # Without it, the page's files are searched for what a browser opens.
        app.add_route(path, _only_posted, methods=["GET"], include_in_schema=False)
    app.mount("/", StaticFiles(directory=_STATIC, html=True))
    return app


async def _only_posted(_: Request) -> Response:
    raise HTTPException(405, "Send the picture with POST", {"allow": "POST"})


def _add_answers(app: FastAPI, readers: Readers, answered: Answered) -> None:
    """Add what answers about pictures."""
    takes_pictures: Any = {"openapi_extra": schema.PICTURES}

    @app.post("/v1/predict", responses=schema.answers(schema.Prediction), **takes_pictures)
    async def predict(request: Request, min_confidence: LeastConfidence = 0) -> Response:
        """Name the one digit in each picture."""
        work = partial(readers.predict, min_confidence=min_confidence)
        return await answered(request, work, {"digit": None}, is_quick=True)

    @app.post("/v1/read", responses=schema.answers(schema.Reading), **takes_pictures)
    async def read(
        request: Request, min_confidence: LeastConfidence = 0, length: Length = None
    ) -> Response:
        """Read all digits in each picture."""
        span = [int(part) for part in length.split("-")] if length else []
        work = partial(
            readers.read,
            min_confidence=min_confidence,
            length=(span[0], span[-1]) if span else None,
        )
        return await answered(request, work, {"text": ""})

    @app.post("/v1/explain", responses=schema.answers(schema.Explanation), **takes_pictures)
    async def explain(request: Request) -> Response:
        """Show how the digit of each picture is read, step by step."""
        return await answered(request, readers.explain, {"steps": []})


def _add_samples(app: FastAPI, samples: Samples | None, answered: Answered) -> None:
    """Add what keeps corrections, where the user named a folder for them."""

    def kept() -> Samples:
        if samples is None:
            raise RefusedError(404, "not_kept", "The service was started without --samples DIR.")
        return samples

    @app.get("/v1/samples", responses=schema.responses(schema.Samples))
    async def state() -> Response:
        """Return whether corrections are kept, how many were, and how to learn from them."""
        if samples is None:
            return _json({"kept": False})
        count = len(await run_in_threadpool(samples.paths))
        return _json({"kept": True, "count": count, "command": samples.command})

    @app.post(
        "/v1/samples",
        responses=schema.answers(schema.Kept) | schema.NOT_KEPT,
        openapi_extra=schema.PICTURES,
    )
    async def add(request: Request, label: Label) -> Response:
        """Keep each picture of one digit under its label."""
        folder = kept()

        def keep(picture: bytes) -> Answer:
            folder.add(picture, label)
            return {"code": None, "error": None}

        return await answered(request, keep, {})

    @app.get(
        "/v1/samples.zip",
        responses=schema.responses() | schema.NOT_KEPT,
        response_class=ZipResponse,
    )
    async def download() -> Response:
        """Return all that were kept, in folders 0 to 9, with a table of their labels."""
        return ZipResponse(await run_in_threadpool(kept().zipped))


def _add_problems(app: FastAPI) -> None:
    """Have each problem told in the same form."""

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        return _json({"code": error.code, "error": str(error)}, error.status)

    @app.exception_handler(RequestValidationError)
    async def misasked(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        said = f"`{first['loc'][-1]}`: {first['msg']}."
        return _json({"code": "bad_request", "error": said}, 400)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        content = {"code": "bad_request", "error": f"{error.detail}."}
        response = _json(content, error.status_code)
        response.headers.update(error.headers or {})
        return response


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
