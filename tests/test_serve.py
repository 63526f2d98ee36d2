"""The service: a real server on loopback, asked as other programs would, and as attackers do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import memory_mib, started, wait_until
from strategies import bomb, encode
from written import write_page

from digitcnn import predict
from digitcnn.cli import main
from digitcnn.errors import MissingDependencyError
from digitcnn.serve import create_app
from digitcnn.synthesis import draw_digits

uvicorn = pytest.importorskip("uvicorn", reason="the service needs digitcnn[serve]")
pytest.importorskip("fastapi", reason="the service needs digitcnn[serve]")
pytest.importorskip("multipart", reason="the service needs digitcnn[serve]")
httpx = pytest.importorskip("httpx", reason="the tests ask the service with httpx")


SEVEN = encode(write_page("7"))
NUMBER = encode(write_page("1250"))
TOKEN = "a-token"  # noqa: S105 - of this test's own server
BLANK = encode(Image.new("L", (60, 40), "white"))


@contextlib.contextmanager
def serving(**options):
    """Run the application on a free port, in a thread; give a client of it."""
    config = uvicorn.Config(create_app(**options), log_level="error")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextlib.contextmanager
def command(*options):
    """Run `digitcnn serve` on a free port; give its process and its address."""
    words = ("-m", "digitcnn", "serve", "--port", "0", *options)
    with started(*words) as process:
        yield process, process.stdout.readline().split()[-1]
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Return the folder that the service keeps samples in."""
    return tmp_path_factory.mktemp("serve") / "my digits"


@pytest.fixture(scope="module")
def client(samples):
    """Return a client of a running service."""
    with serving(samples=samples) as client:
        yield client


def test_predict_names_the_one_digit(client):
    """A picture as it is gives one answer: the digit and ten probabilities."""
    response = client.post("/v1/predict", content=SEVEN)

    answer = response.json()
    assert (response.status_code, answer["digit"], answer["code"]) == (200, 7, None)
    assert len(answer["probabilities"]) == 10
    assert answer["confidence"] == max(answer["probabilities"])


def test_read_gives_lines_and_boxes(client):
    """A number gives its text and each digit with its box; `length` and confidence are heeded."""
    answer = client.post("/v1/read", content=NUMBER).json()
    three = client.post("/v1/read?length=2-3&min_confidence=0.01", content=NUMBER).json()

    assert answer["text"] == "1250"
    assert [digit["value"] for digit in answer["lines"][0]["digits"]] == [1, 2, 5, 0]
    assert len(three["text"]) == 3


def test_many_pictures_are_answered_in_order_and_apart(client):
    """A form of several files gives an answer for each; a broken one fails alone."""
    contents = [SEVEN, b"no picture", BLANK, NUMBER, bomb(60_000)]
    files = [("files", (f"{index}.png", content)) for index, content in enumerate(contents)]

    response = client.post("/v1/predict", files=files)

    answers = response.json()["answers"]
    assert response.status_code == 200
    assert [answer["digit"] for answer in answers] == [7, None, None, None, None]
    codes = [None, "unreadable_image", "no_digit", "several_digits", "too_large"]
    assert codes == [answer["code"] for answer in answers]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_json_takes_base64(client, kind):
    """JSON holds one picture or many, as a canvas gives them; curl calls it a form."""
    text = base64.b64encode(SEVEN).decode()

    def ask(path, **body):
        return client.post(path, content=json.dumps(body), headers={"content-type": kind}).json()

    assert ask("/v1/predict", image=f"data:image/png;base64,{text}")["digit"] == 7
    assert ask("/v1/read", image=text) == client.post("/v1/read", content=SEVEN).json()
    answers = ask("/v1/read", images=[text, text])["answers"]
    assert ["7", "7"] == [answer["text"] for answer in answers]


def test_explain_shows_the_steps(client):
    """Each step of `explain` comes as a PNG with its note, and what the network looks at."""
    answer = client.post("/v1/explain", content=SEVEN).json()

    pictures = [step["png"] for step in answer["steps"]] + [answer["attention"]]
    sizes = [Image.open(io.BytesIO(base64.b64decode(each))).size for each in pictures]
    assert sizes[-2:] == [(28, 28), (28, 28)]
    assert all(step["name"] and step["note"] for step in answer["steps"])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (BLANK, 200, "no_digit"),
        (NUMBER, 200, "several_digits"),
        (b"", 422, "unreadable_image"),
        (b"some text", 422, "unreadable_image"),
        (SEVEN[:100], 422, "unreadable_image"),
        (bomb(60_000), 413, "too_large"),
        (bomb(9_000), 413, "too_large"),
        # Of two headers the last is the one that is decoded.
        (bomb(28)[:33] + bomb(9_000)[8:], 413, "too_large"),
    ],
    ids=["blank", "number", "empty", "text", "cut", "bomb", "small bomb", "two headers"],
)
def test_what_is_no_digit_has_a_code(client, content, status, code):
    """A picture without an answer says why at once, and never fails the service."""
    times = []
    for _ in range(9):
        start = time.perf_counter()
        response = client.post("/v1/predict", content=content)
        times.append(time.perf_counter() - start)

    answer = response.json()
    assert min(times) < 0.3
    assert (response.status_code, answer["code"], answer["digit"]) == (status, code, None)
    assert "digitcnn." not in answer["error"]  # whoever asks by HTTP calls no function of Python


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"image": 3}'),
        ("application/json", b'{"images": []}'),
        ("application/json", b'{"image": "no base64"}'),
        ("multipart/form-data", b"no form"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
    ],
)
def test_bodies_that_are_none_are_refused(client, kind, body):
    """What is no form and no JSON of pictures is told so with 400."""
    response = client.post("/v1/read", content=body, headers={"content-type": kind})

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "rebound.example"}, 421),
        ({"host": "rebound.example:80"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:8000", "origin": "http://[::1]:8000"}, 200),
    ],
)
def test_foreign_hosts_and_origins_are_refused(client, headers, status):
    """A name that was led here, or another host's page, gets no answer; no CORS is offered."""
    response = client.post("/v1/predict", content=SEVEN, headers=headers)

    assert response.status_code == status
    assert "access-control-allow-origin" not in response.headers


def test_the_page_may_load_from_itself_alone(client):
    """A browser is told to load nothing from elsewhere, and to frame the page nowhere."""
    response = client.get("/")

    policy = response.headers["content-security-policy"]
    assert 'id="draw"' in response.text
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy


def test_named_origins_and_hosts_may_ask():
    """A named page of another host gets CORS headers, with the token; without it nobody does."""
    page = {"origin": "https://my.example", "host": "digits.example"}
    given = {"hosts": ["digits.example"], "origins": ["https://my.example"]}
    with serving(threads=1, token=TOKEN, **given) as client:
        asked = client.options("/v1/read", headers=page)
        refused = client.post("/v1/read", content=SEVEN, headers=page)
        wrong = client.post("/v1/read", content=SEVEN, headers={"authorization": "Bearer no"})
        page["authorization"] = f"Bearer {TOKEN}"
        answered = client.post("/v1/read", content=SEVEN, headers=page)
        alive = client.get("/healthz")

    assert [each.status_code for each in (asked, refused, wrong, answered, alive)] == [
        204, 401, 401, 200, 200,
    ]  # fmt: skip
    assert answered.headers["access-control-allow-origin"] == "https://my.example"


def test_bodies_beyond_the_limit_are_refused():
    """A body that is too large is refused, by its promised length or as it comes."""
    with serving(threads=1, max_bytes=50_000) as client:
        promised = client.post("/v1/read", content=bytes(50_001))
        chunked = client.post("/v1/read", content=iter([bytes(30_000)] * 2))
        good = client.post("/v1/predict", content=SEVEN)

    assert (promised.status_code, chunked.status_code, good.status_code) == (413, 413, 200)


def test_a_half_sent_body_is_dropped(monkeypatch):
    """A client that stops in the middle of a body is answered 408 and let go."""
    monkeypatch.setattr("digitcnn.serve.bodies._GRACE_S", 0.3)
    with (
        serving(threads=1) as client,
        socket.create_connection((client.base_url.host, client.base_url.port)) as slow,
    ):
        slow.settimeout(20)
        slow.sendall(
            b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nhalf"
        )
        answer = b""
        while part := slow.recv(4096):
            answer += part

    assert answer.startswith(b"HTTP/1.1 408")


def test_a_full_service_says_so_at_once(monkeypatch):
    """Where as many requests are answered as may be, the next is told when to come again."""
    monkeypatch.setattr("digitcnn.serve.guard.MOST_AT_ONCE", 0)
    with serving(threads=1) as client:
        response = client.post("/v1/predict", content=SEVEN)
        page = client.get("/")

    assert (response.status_code, response.json()["code"]) == (503, "busy")
    assert int(response.headers["retry-after"]) == 1
    assert page.status_code == 200


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/read", "/v1/explain"])
def test_an_address_opened_in_a_browser_says_what_to_send(client, path):
    """Pictures are posted: to get such an address is refused, with the method that it takes."""
    refused = client.get(path)

    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"
    assert refused.json()["error"] == "Send the picture with POST."


def test_samples_are_kept_where_the_user_asked(client, samples):
    """A correction lies in its digit's folder, once, and comes back as a ZIP with its label."""
    for label in (1, 7):
        kept = client.post(f"/v1/samples?label={label}", content=SEVEN)
        assert kept.json() == {"code": None, "error": None}
    refused = client.post("/v1/samples?label=3", content=b"no picture")

    state = client.get("/v1/samples").json()
    archive = zipfile.ZipFile(io.BytesIO(client.get("/v1/samples.zip").content))
    (path,) = samples.glob("*/*")
    name = f"7/{path.name}"
    assert (state["kept"], state["count"], path.parent.name) == (True, 1, "7")
    assert f"--images '{samples}'" in state["command"]
    assert archive.read("labels.csv").decode() == f"file,label\n{name},7\n"
    assert np.array_equal(Image.open(io.BytesIO(archive.read(name))), write_page("7"))
    assert refused.status_code == 422


def test_nothing_is_kept_unless_asked():
    """Without a folder for samples none is taken."""
    with serving(threads=1) as client:
        state = client.get("/v1/samples").json()
        refused = client.post("/v1/samples?label=3", content=SEVEN)

    assert (state, refused.status_code) == ({"kept": False}, 404)


def test_metrics_count_requests_and_pictures(client):
    """Prometheus finds how many requests and pictures there were, by status and code."""
    client.post("/v1/predict", content=BLANK)

    text = client.get("/metrics").text
    assert 'digitcnn_requests_total{path="/v1/predict",status="200"}' in text
    assert 'digitcnn_pictures_total{code="no_digit"}' in text
    buckets = re.findall(r'_bucket\{path="/v1/predict",le="[^"]+"\} (\d+)', text)
    (count,) = re.findall(r'_count\{path="/v1/predict"\} (\d+)', text)
    assert max(map(int, buckets)) == int(buckets[-1]) == int(count) > 0


async def _storm(url, pairs):
    """Ask about all pictures at once, again where the service is full; give the wrong answers."""
    host, _, port = url.rpartition("//")[2].partition(":")
    rng = np.random.default_rng(1)

    async def ask(picture, digit):
        head = f"POST /v1/predict HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        head += f"Content-Length: {len(picture)}\r\n\r\n"
        while True:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(head.encode() + picture)
            answer = await reader.read()
            writer.close()
            # A machine that is too busy to send its bodies in time is told so, too.
            if answer[9:12] not in (b"408", b"503"):
                break
            await asyncio.sleep(rng.uniform(0.5, 1.5))
        is_right = json.loads(answer.partition(b"\r\n\r\n")[2])["digit"] == digit
        return None if is_right else (digit, answer)

    return [each for each in await asyncio.gather(*(ask(*pair) for pair in pairs)) if each]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory from /proc")
def test_a_thousand_requests_at_once_are_all_answered_rightly():
    """With a tenth broken, nothing is lost, nothing mixed up, and memory stays flat."""
    drawn, _ = draw_digits(3, seed=1, digits=[1, 3, 7], side=64, hand=1)
    small = [encode(Image.fromarray(digit).resize((28, 28))) for digit in drawn]
    kinds = list(zip(small, predict(small).tolist(), strict=True))
    assert len({digit for _, digit in kinds}) == 3
    pairs = [kinds[index % 3] if index % 10 else (b"broken", None) for index in range(1000)]
    with command() as (process, url):
        assert asyncio.run(_storm(url, pairs[:200])) == []
        before = memory_mib("VmHWM", process.pid)

        failures = asyncio.run(_storm(url, pairs))

        grown = memory_mib("VmHWM", process.pid) - before
    assert failures == []
    assert grown < 60


def test_it_answers_at_once_and_stops_gracefully_under_load():
    """No answer's body waits for its head; SIGTERM lets all be answered that has been asked."""
    with command() as (process, url):
        with httpx.Client(base_url=url, trust_env=False) as asker:
            seconds = [asker.get("/healthz").elapsed.total_seconds() for _ in range(30)]
        # An acknowledgement is put off by 0.04 s, but for those of a connection's first packets.
        assert min(seconds[15:]) < 0.03
        outcomes = []

        def ask_on():
            with contextlib.suppress(httpx.TransportError):  # nothing listens any more
                while True:
                    response = httpx.post(f"{url}/v1/read", content=NUMBER, timeout=30)
                    outcomes.append((response.json()["text"], time.monotonic()))

        threads = [threading.Thread(target=ask_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(outcomes) >= 4)
        stopped = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        for thread in threads:
            thread.join()

        errors = process.stderr.read()
    assert {text for text, _ in outcomes} == {"1250"}
    assert max(moment for _, moment in outcomes) > stopped
    assert process.returncode in (0, -signal.SIGTERM)
    assert errors == ""


def test_several_processes_and_a_warning():
    """--workers starts processes; another host than loopback is warned of."""
    with command("--workers", "2", "--host", "0.0.0.0") as (process, url):  # noqa: S104
        port = url.rpartition(":")[2]
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/predict", content=SEVEN, timeout=60)
        process.terminate()
        _, errors = process.communicate(timeout=30)

    assert answer.json()["digit"] == 7
    assert errors.startswith("digitcnn: warning: everybody who can reach this machine")
    assert errors.count("\n") == 1


def test_a_port_in_use_is_one_line(capsys):
    """A port that is taken, or weights that are none, are told in one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert main(["serve", "--weights", "bse"]) == 1

    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"digitcnn: error: Port {port} of 127.0.0.1 cannot be used")
    assert second.startswith("digitcnn: error: `--weights` must ")


def test_a_missing_extra_is_named(monkeypatch):
    """Without FastAPI the error has the command to type."""
    monkeypatch.setitem(sys.modules, "digitcnn.serve.app", None)

    with pytest.raises(MissingDependencyError, match=r'pip install "digitcnn\[serve\]"'):
        create_app()


@pytest.mark.slow
def test_the_openapi_document_holds(client, tmp_path):
    """What schemathesis makes of the document gets the answers that it promises."""
    pytest.importorskip("schemathesis", reason="schemathesis is a tool of the developers")
    document = str(client.base_url.join("/openapi.json"))
    checks = "not_a_server_error,status_code_conformance,response_schema_conformance"
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", document,
            "--checks", checks, "--max-examples", "10", "--seed", "1", "--no-color",
            "--request-timeout", "120",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,  # it keeps a folder of its own
    )  # fmt: skip

    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
    assert done.returncode == 0, done.stdout


def test_the_recipe_for_a_space_reads(tmp_path):
    """The Gradio page under examples/ runs, and reads a picture and a drawing."""
    gradio = pytest.importorskip("gradio_client", reason="the recipe needs Gradio")
    (tmp_path / "number.png").write_bytes(NUMBER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = Path(__file__).parents[1] / "examples" / "space" / "app.py"
    with started(app, env=os.environ | {"GRADIO_SERVER_PORT": str(port)}) as process:
        assert str(port) in process.stdout.readline()
        client = gradio.Client(f"http://127.0.0.1:{port}", verbose=False)
        picture = gradio.handle_file(str(tmp_path / "number.png"))
        sheet = {"background": picture, "layers": [], "composite": picture}
        answers = [
            client.predict(picture, api_name="/read_picture"),
            client.predict(sheet, api_name="/read_sheet"),
        ]

    assert [text for text, _ in answers] == ["1250", "1250"]
    assert [len(picture["annotations"]) for _, picture in answers] == [4, 4]
