"""A real HTTP server on the loopback, which answers as a test tells it to and counts its visits."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """One answer; `cut` sends so many bytes of the body, having promised all, and hangs up."""

    body: bytes = b""
    status: int = 200
    cut: int | None = None
    gzipped: bool = False
    location: str | None = None


@dataclass
class Server:
    """The server as a test sees it: what to answer where, and what was asked.

    `replies` maps a path to its answers in order, the last one repeated; any other path is 404.
    """

    url: str
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    visits: Counter[str] = field(default_factory=Counter)

    def answer(self, path: str) -> Reply:
        """Count the visit and choose the answer."""
        replies = self.replies.get(path, [Reply(status=404)])
        self.visits[path] += 1
        return replies[min(self.visits[path], len(replies)) - 1]


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    """Run a server on a free port until the block ends."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listener:
        listener.scripted = Server(f"http://127.0.0.1:{listener.server_port}")
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield listener.scripted
        finally:
            listener.shutdown()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        reply = self.server.scripted.answer(self.path)
        body = gzip.compress(reply.body) if reply.gzipped else reply.body
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(body)))
        if reply.gzipped:
            self.send_header("Content-Encoding", "gzip")
        if reply.location is not None:
            self.send_header("Location", reply.location)
        self.end_headers()
        self.wfile.write(body[: reply.cut])

    def log_message(self, *args: object) -> None:
        """Keep the tests' output clean."""
