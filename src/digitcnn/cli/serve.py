"""`digitcnn serve`: the page to draw on, and the service."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import webbrowser
from typing import Any

from digitcnn._sessions import available_cpus
from digitcnn.cli._output import printable, write_line
from digitcnn.errors import MissingDependencyError, UnavailableError
from digitcnn.serve import create_app

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STOP_S = 10  # for what is being answered when the service is stopped
_SETTINGS = "_DIGITCNN_SERVE"  # tells the worker processes what to make


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    try:
        import uvicorn
    except ImportError as error:
        raise MissingDependencyError(
            "`digitcnn serve` needs uvicorn.",
            remedy='Install it with: pip install "digitcnn[serve]"',
        ) from error

    settings = _settings_of(arguments)
    app = create_app(**settings)  # what is wrong with it is told before anything listens
    listening = _listen(arguments.host, arguments.port)
    port = listening.getsockname()[1]
    address = f"http://{f'[{arguments.host}]' if ':' in arguments.host else arguments.host}:{port}"
    options: Any = {
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": _STOP_S,
    }
    write_line(f"digitcnn listens on {address}")
    if arguments.open:
        webbrowser.open(address)
    if arguments.workers == 1:
        uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listening])
        return 0
    os.environ[_SETTINGS] = json.dumps(settings)
    options |= {"fd": listening.fileno(), "workers": arguments.workers}
    uvicorn.run("digitcnn.cli.serve:worker_app", factory=True, **options)
    return 0


def worker_app() -> Any:
    """Make the application of a worker process."""
    return create_app(**json.loads(os.environ[_SETTINGS]))


def _settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `create_app` takes."""
    token = os.environ.get("DIGITCNN_TOKEN") or None
    if arguments.host not in _LOOPBACK and token is None and sys.stderr is not None:
        warning = "everybody who can reach this machine may use the service. Set DIGITCNN_TOKEN."
        print(f"digitcnn: warning: {warning}", file=sys.stderr, flush=True)
    return {
        "weights": arguments.weights,
        "threads": max(1, available_cpus() // arguments.workers),
        "max_bytes": arguments.max_bytes,
        "samples": arguments.samples,
        "token": token,
        "hosts": [arguments.host, *arguments.allow_host],
        "origins": arguments.allow_origin,
    }


def _listen(host: str, port: int) -> socket.socket:
    """Take the port, or say why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UnavailableError(
            f"Port {port} of {printable(host)} cannot be used: {error.strerror or error}.",
            remedy="Pass another --port, or 0 for any that is free.",
        ) from error
