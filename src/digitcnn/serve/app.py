"""The application: which address answers what, and the folder of corrected digits."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shlex
import zipfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image
from starlette.exceptions import HTTPException

from digitcnn import __version__
from digitcnn.errors import UnavailableError
from digitcnn.preprocessing import explain
from digitcnn.serve import bodies
from digitcnn.serve.bodies import RefusedError, described, json_response, problem, problems
from digitcnn.serve.guard import Guard, Metrics, Rules
from digitcnn.serve.readers import Answer, Readers

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


class ZipResponse(Response):
    """A ZIP file."""

    media_type = "application/zip"


class Samples:
    """A folder of corrected digits: pictures in folders 0 to 9, as `train` takes them."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                argument="samples",
                rule="be a folder that can be written to",
                got=repr(str(folder)),
                reason=f"of which the system says: {error.strerror}",
                remedy="Name another.",
            ) from error

    @property
    def command(self) -> str:
        """What teaches the library this hand."""
        folder = shlex.quote(str(self._folder))
        return (
            f"digitcnn train --initial-weights base --images {folder} --validation-size 0 "
            "--run-dir runs/my-hand"
        )

    def add(self, picture: bytes, label: int) -> Answer:
        """Keep a picture that shows a digit, under its label alone, as a PNG of its pixels."""
        explain(picture)
        name = f"{hashlib.sha256(picture).hexdigest()[:16]}.png"
        for other in self._folder.glob(f"[0-9]/{name}"):
            other.unlink(missing_ok=True)
        path = self._folder / str(label) / name
        path.parent.mkdir(exist_ok=True)
        with Image.open(io.BytesIO(picture)) as image:
            image.convert("L").save(path)
        return {"code": None, "error": None}

    def paths(self) -> list[Path]:
        """Return the pictures, by label and name."""
        return sorted(self._folder.glob("[0-9]/*.png"))

    def zipped(self) -> bytes:
        """Return all pictures and a table of their labels as a ZIP file."""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            rows = ["file,label"]
            for path in self.paths():
                name = f"{path.parent.name}/{path.name}"
                archive.write(path, name)
                rows.append(f"{name},{path.parent.name}")
            archive.writestr("labels.csv", "\n".join([*rows, ""]))
        return stream.getvalue()


# The same for each application, which has its networks in `app.state`.
router = APIRouter(responses=problems(400, 401, 403, 421))


@router.post("/v1/predict", **described(bodies.Prediction))
async def predict(request: Request, min_confidence: LeastConfidence = 0) -> Response:
    """Name the one digit in each picture."""
    readers: Readers = request.app.state.readers
    work = partial(readers.predict, min_confidence=min_confidence)
    return await readers.answer(request, work, {"digit": None}, is_quick=True)


@router.post("/v1/read", **described(bodies.Reading))
async def read(
    request: Request, min_confidence: LeastConfidence = 0, length: Length = None
) -> Response:
    """Read all digits in each picture."""
    readers: Readers = request.app.state.readers
    span = [int(part) for part in length.split("-")] if length else []
    work = partial(
        readers.read,
        min_confidence=min_confidence,
        length=(span[0], span[-1]) if span else None,
    )
    return await readers.answer(request, work, {"text": ""})


@router.post("/v1/explain", name="explain", **described(bodies.Explanation))
async def show_steps(request: Request) -> Response:
    """Show how the digit of each picture is read, step by step."""
    readers: Readers = request.app.state.readers
    return await readers.answer(request, readers.explain, {"steps": []})


@router.get("/v1/samples", response_model=bodies.Samples)
async def state(request: Request) -> Response:
    """Return whether corrections are kept, how many were, and how to learn from them."""
    samples: Samples | None = request.app.state.samples
    if samples is None:
        return json_response({"kept": False})
    count = len(await run_in_threadpool(samples.paths))
    return json_response({"kept": True, "count": count, "command": samples.command})


_keeping = described(bodies.Kept)


@router.post("/v1/samples", **_keeping | {"responses": _keeping["responses"] | problems(404)})
async def add(request: Request, label: Label) -> Response:
    """Keep each picture of one digit under its label."""
    readers: Readers = request.app.state.readers
    return await readers.answer(request, partial(_kept(request).add, label=label), {})


@router.get("/v1/samples.zip", responses=problems(404), response_class=ZipResponse)
async def download(request: Request) -> Response:
    """Return all that were kept, in folders 0 to 9, with a table of their labels."""
    return ZipResponse(await run_in_threadpool(_kept(request).zipped))


def _kept(request: Request) -> Samples:
    """Return the folder of samples, if the user named one."""
    samples: Samples | None = request.app.state.samples
    if samples is None:
        raise RefusedError(404, "not_kept", "The service was started without --samples DIR.")
    return samples


@router.get("/healthz", response_model=bodies.Health)
async def healthz() -> Response:
    """Report that the service is up."""
    return json_response({"status": "ok", "version": __version__})


@router.get("/metrics", response_class=PlainTextResponse)
async def show_metrics(request: Request) -> Response:
    """Return counts and times of this process in Prometheus' text form."""
    metrics: Metrics = request.app.state.metrics
    return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")


async def _refused(_: Request, error: Exception) -> Response:
    """Return the answer that every problem gets, in the same form."""
    if isinstance(error, RefusedError):
        return problem(error.status, error.code, str(error))
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return problem(400, "bad_request", f"`{first['loc'][-1]}`: {first['msg']}.")
    assert isinstance(error, HTTPException)  # noqa: S101 - there is no other
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    detail = "Send the picture with POST" if headers.get("allow") == "POST" else error.detail
    response = problem(error.status_code, "bad_request", f"{detail}.")
    response.headers.update(headers)
    return response


def build(
    *,
    weights: str | os.PathLike[str],
    threads: int | None,
    max_pixels: int,
    samples: str | os.PathLike[str] | None,
    rules: Rules,
) -> FastAPI:
    """Build the application."""
    metrics = Metrics()
    readers = Readers(weights, threads, max_pixels, rules.max_bytes, metrics)

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
        redirect_slashes=False,
        lifespan=lifespan,
        routes=list(router.routes),
        exception_handlers=dict.fromkeys(
            (RefusedError, RequestValidationError, HTTPException), _refused
        ),
    )
    app.add_middleware(Guard, rules=rules, metrics=metrics)
    app.state.readers, app.state.metrics = readers, metrics
    app.state.samples = Samples(samples) if samples else None
    # Rather than mounted, where a GET of what takes POST alone would be looked for among files.
    app.router.default = StaticFiles(directory=_STATIC, html=True)
    return app
