"""The application: which address answers what."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles

from digitcnn import __version__
from digitcnn.serve.bodies import RefusedError, pictures_of
from digitcnn.serve.guard import Guard, Rules
from digitcnn.serve.metrics import Metrics
from digitcnn.serve.readers import Answer, Readers
from digitcnn.serve.samples import Samples

_STATIC = Path(__file__).with_name("static")

LeastConfidence = Annotated[float, Query(ge=0, le=1)]
Label = Annotated[int, Query(ge=0, le=9)]

# The status of a single picture's answer, 422 for other codes: no digit is an answer, too.
_STATUS = {
    None: 200,
    "no_digit": 200,
    "not_sure": 200,
    "several_digits": 200,
    "too_large": 413,
    "internal": 500,
}


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
        title="digitcnn", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.add_middleware(Guard, rules=rules, metrics=metrics)

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        return _json({"code": error.code, "error": str(error)}, error.status)

    _add_answers(app, readers, metrics, rules.max_bytes)
    _add_samples(app, readers, Samples(samples) if samples else None, rules.max_bytes)

    @app.get("/healthz")
    async def healthz() -> Response:
        """Say that the service is up."""
        return _json({"status": "ok", "version": __version__})

    @app.get("/metrics")
    async def show_metrics() -> Response:
        """Give counts and times of this process in Prometheus' text form."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    app.mount("/", StaticFiles(directory=_STATIC, html=True))
    return app


def _add_answers(app: FastAPI, readers: Readers, metrics: Metrics, max_bytes: int) -> None:
    """Add what answers about pictures."""

    async def answered(request: Request, work: Any, empty: Answer) -> Response:
        pictures = await pictures_of(request, max_bytes)
        answers = [empty | answer for answer in await readers.answer(work, pictures.contents)]
        metrics.count_answers(answer["code"] for answer in answers)
        if pictures.are_many:
            return _json({"answers": answers})
        return _json(answers[0], _STATUS.get(answers[0]["code"], 422))

    @app.post("/v1/predict")
    async def predict(request: Request, min_confidence: LeastConfidence = 0) -> Response:
        """Name the one digit in each picture."""
        work = partial(readers.predict, min_confidence=min_confidence)
        return await answered(request, work, {"digit": None})

    @app.post("/v1/read")
    async def read(request: Request, min_confidence: LeastConfidence = 0) -> Response:
        """Read all digits in each picture."""
        work = partial(readers.read, min_confidence=min_confidence)
        return await answered(request, work, {"text": ""})

    @app.post("/v1/explain")
    async def explain(request: Request) -> Response:
        """Show how the digit of each picture is read, step by step."""
        return await answered(request, readers.explain, {"steps": []})


def _add_samples(app: FastAPI, readers: Readers, samples: Samples | None, max_bytes: int) -> None:
    """Add what keeps corrections, where the user named a folder for them."""

    def kept() -> Samples:
        if samples is None:
            raise RefusedError(
                404, "not_kept", "Start the service with --samples DIR to keep them."
            )
        return samples

    @app.get("/v1/samples")
    async def state() -> Response:
        """Say whether corrections are kept, how many were, and how to learn from them."""
        if samples is None:
            return _json({"kept": False})
        count = len(await run_in_threadpool(samples.paths))
        return _json({"kept": True, "count": count, "command": samples.command})

    @app.post("/v1/samples")
    async def add(request: Request, label: Label) -> Response:
        """Keep a picture of one digit under its label."""
        folder = kept()

        def keep(picture: bytes) -> Answer:
            folder.add(picture, label)
            return {"code": None, "error": None}

        pictures = await pictures_of(request, max_bytes)
        answers = await readers.answer(keep, pictures.contents)
        if pictures.are_many:
            return _json({"answers": answers})
        return _json(answers[0], _STATUS.get(answers[0]["code"], 422))

    @app.get("/v1/samples.zip")
    async def download() -> Response:
        """Give all that were kept, in folders 0 to 9, with a table of their labels."""
        content = await run_in_threadpool(kept().zipped)
        return Response(content, media_type="application/zip")


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
