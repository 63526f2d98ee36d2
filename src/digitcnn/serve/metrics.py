"""Counts of requests and answers, in the text form of Prometheus [1]_.

References
----------
.. [1] https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

_PATHS = ("/v1/predict", "/v1/read", "/v1/explain", "/v1/samples", "/healthz", "/metrics", "/")
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """What this process has answered since it began.

    Attributes
    ----------
    in_progress : int
        Requests with a body that are being answered.
    """

    def __init__(self) -> None:
        self.in_progress = 0
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
        """Return all of it in Prometheus' form."""
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
