"""`digitcnn serve`: the page to draw on, and the service."""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import webbrowser
from typing import Any

from digitcnn.cli._console import add_command, printable, tell, value, write_line
from digitcnn.errors import MissingDependencyError, UnavailableError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STOP_S = 10  # for what is being answered when the service is stopped
_SETTINGS = "_DIGITCNN_SERVE"  # tells the worker processes what to make
_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}


def add_serve(commands: Any) -> None:
    """Describe the arguments."""
    parser = add_command(
        commands,
        _run,
        "serve",
        "open a page to draw on, and a service for other programs",
        'Needs pip install "digitcnn[serve]". Listens on this machine alone unless told otherwise; '
        "with another --host, set DIGITCNN_TOKEN to what clients must send as a bearer token.",
        "digitcnn serve --open",
        "digitcnn serve --port 8080 --samples my-digits",
        typed={},
    )
    parser.add_argument("--host", default="127.0.0.1", help="(default: %(default)s)")
    parser.add_argument(
        "--port",
        type=value("port", _port),
        default=8000,
        metavar="N",
        help="0 is any free one (default: 8000)",
    )
    parser.add_argument(
        "--workers",
        type=value("whole number", _count),
        default=1,
        metavar="N",
        help="processes (default: 1)",
    )
    parser.add_argument(
        "--weights",
        default="base",
        help="what names single digits: a published name, an .onnx file or, with TensorFlow, a "
        "training run's folder (default: %(default)s)",
    )
    parser.add_argument(
        "--max-bytes",
        type=value("number of bytes", _bytes),
        default=20_000_000,
        metavar="SIZE",
        help="the largest request, as 20MB (default: 20MB)",
    )
    parser.add_argument(
        "--samples",
        metavar="DIR",
        help="keep what is corrected on the page in this folder, by its digit, to train with",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that the service is called by, behind a proxy; may be given several times",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a page of another host that may call the service, as https://example.org",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def _port(text: str) -> int:
    """Read the number of a port."""
    if not 0 <= (port := int(text)) < 2**16:
        raise ValueError(text)
    return port


def _count(text: str) -> int:
    """Read a whole number of at least 1."""
    if (count := int(text)) < 1:
        raise ValueError(text)
    return count


def _bytes(text: str) -> int:
    """Read a number of bytes, as 20MB or 500000."""
    found = re.fullmatch(r"(\d+) ?([kMG]?)B?", text)
    if found is None or not (size := int(found[1]) * _UNITS[found[2]]):
        raise ValueError(text)
    return size


def _run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    try:
        import uvicorn
    except ImportError as error:
        raise MissingDependencyError(
            "`digitcnn serve` needs uvicorn.",
            remedy='Install it with: pip install "digitcnn[serve]"',
        ) from error

    from digitcnn.serve import create_app

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
    from digitcnn.serve import create_app

    return create_app(**json.loads(os.environ[_SETTINGS]))


def _settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `create_app` takes."""
    from digitcnn._sessions import available_cpus

    token = os.environ.get("DIGITCNN_TOKEN") or None
    if arguments.host not in _LOOPBACK and token is None:
        tell(
            "warning: everybody who can reach this machine may use the service. Set DIGITCNN_TOKEN."
        )
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
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UnavailableError(
            f"Port {port} of {printable(host)} cannot be used: {error.strerror or error}.",
            remedy="Pass another --port, or 0 for any that is free.",
        ) from error
    # asyncio does so for sockets that it makes itself. Without it the body of each answer waits
    # 40 ms for the client to acknowledge the head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
