"""What stands before every request: who may ask, how much at once, and what is counted."""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitcnn.serve.bodies import drain, problem

MOST_AT_ONCE = 128  # requests with a body that are waited for or answered
_BODIES_AT_ONCE = 8  # of the largest size

# What is counted apart, and the bounds of the times in seconds.
_PATHS = ("/v1/predict", "/v1/read", "/v1/explain", "/v1/samples", "/healthz", "/metrics", "/")
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-cache",
}
_ENCODED = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
_SAME_ORIGIN = (b"cross-origin-resource-policy", b"same-origin")


@dataclass(frozen=True)
class Rules:
    """Who may ask: with which token, by which names, from pages of which origins."""

    token: str | None
    hosts: frozenset[str]
    origins: frozenset[str]
    max_bytes: int


class Metrics:
    """What this process has answered since it began, as Prometheus takes it."""

    def __init__(self) -> None:
        self.in_progress = 0  # requests with a body
        self._requests: Counter[tuple[str, int]] = Counter()
        self._answers: Counter[str] = Counter()
        self._buckets: Counter[tuple[str, int]] = Counter()
        self._seconds: Counter[str] = Counter()

    def count(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        path = path if path in _PATHS else "other"
        self._requests[path, status] += 1
        self._seconds[path] += seconds  # type: ignore[assignment]
        self._buckets[path, bisect_left(_BOUNDS, seconds)] += 1

    def count_answers(self, codes: Iterable[str | None]) -> None:
        """Count what became of pictures."""
        self._answers.update(code or "ok" for code in codes)

    def text(self) -> str:
        """Return all of it in Prometheus' text form."""
        return "\n".join([*self._lines(), ""])

    def _lines(self) -> Iterator[str]:
        yield "# TYPE digitcnn_requests_total counter"
        for (path, status), count in sorted(self._requests.items()):
            yield f'digitcnn_requests_total{{path="{path}",status="{status}"}} {count}'
        yield "# TYPE digitcnn_pictures_total counter"
        for code, count in sorted(self._answers.items()):
            yield f'digitcnn_pictures_total{{code="{code}"}} {count}'
        yield "# TYPE digitcnn_requests_in_progress gauge"
        yield f"digitcnn_requests_in_progress {self.in_progress}"
        yield "# TYPE digitcnn_request_seconds histogram"
        for path in sorted(self._seconds):
            total = 0
            for at, bound in enumerate([*_BOUNDS, "+Inf"]):
                total += self._buckets[path, at]
                yield f'digitcnn_request_seconds_bucket{{path="{path}",le="{bound}"}} {total}'
            yield f'digitcnn_request_seconds_sum{{path="{path}"}} {self._seconds[path]:.6f}'
            yield f'digitcnn_request_seconds_count{{path="{path}"}} {total}'


class Guard:
    """Refuses what the rules forbid, counts the rest, and sets the headers of each response."""

    def __init__(self, app: ASGIApp, rules: Rules, metrics: Metrics) -> None:
        self._app, self._rules, self._metrics = app, rules, metrics
        self._promised = 0  # bytes of the bodies that are being taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        started = time.perf_counter()
        origin = headers.get("origin")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += _ENCODED
                if origin in self._rules.origins:
                    named = (b"access-control-allow-origin", str(origin).encode("latin-1"))
                    message["headers"] += [named, (b"vary", b"Origin")]
                else:
                    message["headers"].append(_SAME_ORIGIN)
                seconds = time.perf_counter() - started
                self._metrics.count(scope["path"], message["status"], seconds)
            await send(message)

        refused = self._refusal(scope, headers)
        if refused is not None:
            await drain(receive)
            await refused(scope, receive, guarded)
            return
        with self._taken(scope, headers) as has_room:
            if has_room:
                await self._app(scope, receive, guarded)
            else:
                full = problem(503, "busy", "The service is busy. Ask again in a second.")
                full.headers["retry-after"] = "1"
                await drain(receive)
                await full(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return what is answered to a request that the rules forbid."""
        rules, host, origin = self._rules, headers.get("host", ""), headers.get("origin")
        if host and not _is_own(host, rules.hosts):
            return problem(421, "foreign_host", "This service is not called by that name.")
        is_named = origin in rules.origins
        if origin is not None and not is_named and urlsplit(origin).netloc != host:
            return problem(403, "foreign_origin", "Pages of other hosts may not call this.")
        if is_named and scope["method"] == "OPTIONS":
            allowed = {
                "access-control-allow-methods": "GET, POST",
                "access-control-allow-headers": "authorization, content-type",
            }
            return Response(status_code=204, headers=allowed)
        if rules.token is not None and scope["path"].startswith(("/v1/", "/metrics")):
            sent = headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(sent.encode(), rules.token.encode()):
                locked = problem(401, "unauthorized", "Send the token as a bearer token.")
                locked.headers["www-authenticate"] = "Bearer"
                return locked
        return None

    @contextlib.contextmanager
    def _taken(self, scope: Scope, headers: Headers) -> Iterator[bool]:
        """Keep room for a body and its answer, if there is some."""
        if scope["method"] != "POST":
            yield True
            return
        most = self._rules.max_bytes
        length = headers.get("content-length", "")
        promised = min(int(length), most) if length.isdecimal() else most
        has_room = (
            self._metrics.in_progress < MOST_AT_ONCE
            and self._promised + promised <= _BODIES_AT_ONCE * most
        )
        if not has_room:
            yield False
            return
        self._metrics.in_progress += 1
        self._promised += promised
        try:
            yield True
        finally:
            self._metrics.in_progress -= 1
            self._promised -= promised


@lru_cache(maxsize=256)
def _is_own(host: str, names: frozenset[str]) -> bool:
    """Recognize a host that is an address, this machine, or a name of the service.

    A foreign page that has its own name lead here still calls here by that name.
    """
    name = urlsplit(f"//{host}").hostname or ""
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return name == "localhost" or name in names
