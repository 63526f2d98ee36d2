"""The service: a real server on loopback, asked as other programs would."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import subprocess
import sys

import pytest
from PIL import Image
from written import write_page

pytest.importorskip("uvicorn", reason="the service needs digitcnn[serve]")
pytest.importorskip("fastapi", reason="the service needs digitcnn[serve]")
httpx = pytest.importorskip("httpx", reason="the tests ask the service with httpx")


def png(picture):
    """Encode a picture."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


SEVEN = png(Image.fromarray(write_page("7")))
NUMBER = png(Image.fromarray(write_page("1250")))
BLANK = png(Image.new("L", (60, 40), "white"))


@contextlib.contextmanager
def serving(*options, **variables):
    """Run `digitcnn serve` on a free port; give its process and a client of it."""
    command = [sys.executable, "-m", "digitcnn", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | variables,
    )
    try:
        url = process.stdout.readline().split()[-1]
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield process, client
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def client():
    """Give a client of a running service."""
    with serving() as (_, client):
        yield client


def test_predict_names_the_one_digit(client):
    """A picture as it is gives one answer: the digit and ten probabilities."""
    response = client.post("/v1/predict", content=SEVEN)

    answer = response.json()
    assert (response.status_code, answer["digit"], answer["code"]) == (200, 7, None)
    assert len(answer["probabilities"]) == 10
    assert answer["confidence"] == max(answer["probabilities"])


def test_read_gives_lines_and_boxes(client):
    """A number gives its text, and each digit with its box."""
    answer = client.post("/v1/read", content=NUMBER).json()

    assert answer["text"] == "1250"
    assert [digit["value"] for digit in answer["lines"][0]["digits"]] == [1, 2, 5, 0]


def test_many_pictures_are_answered_in_order_and_apart(client):
    """A form of several files gives an answer for each; a broken one fails alone."""
    contents = [SEVEN, b"no picture", BLANK, NUMBER]
    files = [("files", (f"{index}.png", content)) for index, content in enumerate(contents)]

    response = client.post("/v1/predict", files=files)

    answers = response.json()["answers"]
    assert response.status_code == 200
    assert [answer["digit"] for answer in answers] == [7, None, None, None]
    codes = [None, "unreadable_image", "no_digit", "several_digits"]
    assert codes == [answer["code"] for answer in answers]


def test_json_takes_base64(client):
    """JSON holds one picture or many, in base64 or as a page's canvas gives them."""
    text = base64.b64encode(SEVEN).decode()

    one = client.post("/v1/predict", json={"image": f"data:image/png;base64,{text}"}).json()
    many = client.post("/v1/read", json={"images": [text, text]}).json()

    assert one["digit"] == 7
    assert ["7", "7"] == [answer["text"] for answer in many["answers"]]


def test_explain_shows_the_steps(client):
    """Each step of `explain` comes as a PNG with its note, and what the network looks at."""
    answer = client.post("/v1/explain", content=SEVEN).json()

    pictures = [step["png"] for step in answer["steps"]] + [answer["attention"]]
    sizes = [Image.open(io.BytesIO(base64.b64decode(each))).size for each in pictures]
    assert sizes[-2:] == [(28, 28), (28, 28)]
    assert all(step["name"] and step["note"] for step in answer["steps"])
