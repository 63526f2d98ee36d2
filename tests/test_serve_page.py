"""The page that `digitcnn serve` shows, in a real Chromium, as people use it.

Where DIGITCNN_SCREENSHOTS names a folder, the pictures of the documentation are put there.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_serve import NUMBER, SEVEN, TOKEN, serving
from written import write_page

sync_api = pytest.importorskip("playwright.sync_api", reason="drives the browser")
sync_api.expect.set_options(timeout=60_000)  # a busy machine is slow, and nothing waits so long
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

EXAMPLES = Path(__file__).parents[1] / "examples"
SCREENSHOTS = os.environ.get("DIGITCNN_SCREENSHOTS")

# Strokes in parts of the sheet.
ONE = [[(0.12, 0.36), (0.18, 0.26), (0.18, 0.74)]]
TWO = [[(0.3, 0.36), (0.35, 0.26), (0.41, 0.34), (0.38, 0.5), (0.29, 0.73), (0.43, 0.73)]]
FIVE = [[(0.65, 0.27), (0.56, 0.27), (0.55, 0.46), (0.63, 0.47), (0.65, 0.6), (0.6, 0.73),
         (0.54, 0.7)]]  # fmt: skip
NOUGHT = [[(0.81, 0.27), (0.75, 0.45), (0.77, 0.68), (0.83, 0.72), (0.88, 0.5), (0.81, 0.27)]]
BIG_SEVEN = [[(0.38, 0.22), (0.6, 0.22), (0.55, 0.4), (0.46, 0.8)]]
SCRIBBLE = [[(0.3, 0.3), (0.6, 0.35), (0.32, 0.4), (0.62, 0.5), (0.3, 0.6), (0.6, 0.66), (0.4, 0.7),
             (0.5, 0.2), (0.55, 0.7)]]  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Give the folder that corrections are kept in."""
    return tmp_path_factory.mktemp("page") / "my-digits"


@pytest.fixture(scope="module")
def looked_up():
    """Give the names and addresses that this process, the service in it, asks the network for."""
    found, is_on = [], [True]

    def listen(event, arguments):
        if is_on[0] and event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
            found.append((event, arguments))

    sys.addaudithook(listen)
    yield found
    is_on[0] = False


@pytest.fixture(scope="module")
def url(samples):
    """Give the address of a running service."""
    with serving(samples=samples) as client:
        yield str(client.base_url)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """Give a browser whose webcam shows 27, and that may look up nothing."""
    film = tmp_path_factory.mktemp("film") / "27.y4m"
    page = Image.fromarray(write_page("27")).resize((480, 345))
    frame = Image.new("L", (640, 480), 235)
    frame.paste(page.point(lambda value: min(value, 235)), (20, 70))
    colors = np.full(640 * 480 // 2, 128, np.uint8).tobytes()
    head = b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n"
    film.write_bytes(head + (b"FRAME\n" + frame.tobytes() + colors) * 5)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={film}",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


class Sheet:
    """The page in one tab, and hands that write on it."""

    def __init__(self, chromium, url, **options):
        self.context = chromium.new_context(
            **{"viewport": {"width": 1200, "height": 920}} | options
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.requested, self.troubles = [], []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.goto(url)

    def write(self, *digits):
        """Draw the strokes of digits with the mouse."""
        box = self.page.locator("#draw").bounding_box()
        for stroke in (stroke for digit in digits for stroke in digit):
            points = [
                (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
            ]
            self.page.mouse.move(*points[0])
            self.page.mouse.down()
            for point in points[1:]:
                self.page.mouse.move(*point, steps=6)
            self.page.mouse.up()
        settled = self.page.locator("#answer:not([aria-busy=true])")
        sync_api.expect(settled).to_be_attached(timeout=60_000)

    def shows(self, text):
        """Wait until the answer is this text, or matches it."""
        sync_api.expect(self.page.locator("#answer")).to_have_text(text)

    def has(self, selector, count):
        """Wait until so many elements are there."""
        sync_api.expect(self.page.locator(selector)).to_have_count(count)

    def keep(self, name):
        """Keep a picture of the page for the documentation, where asked to."""
        if SCREENSHOTS:
            Path(SCREENSHOTS).mkdir(exist_ok=True)
            self.page.evaluate("scrollTo(0, 0)")
            self.page.mouse.move(0, 0)
            self.page.wait_for_timeout(900)
            path = Path(SCREENSHOTS) / f"serve-{name}.jpg"
            self.page.screenshot(path=path, type="jpeg", quality=70)


@pytest.fixture
def open_sheet(chromium, url, looked_up):
    """Open the page in a tab of its own; without an error; neither it nor the service asks out."""
    opened = []
    looked_up.clear()

    def open_one(address=url, **options):
        opened.append(Sheet(chromium, address, **options))
        return opened[-1]

    yield open_one
    for sheet in opened:
        sheet.context.close()
        assert sheet.troubles == []
        assert all(re.match(r"http://127|blob:|data:", each) for each in sheet.requested)
    assert looked_up == []


def test_the_answer_follows_the_mouse(open_sheet):
    """A digit is read while it is drawn, with ten bars and the steps that led to it."""
    sheet = open_sheet()
    sheet.keep("empty")

    sheet.write(BIG_SEVEN)

    sheet.shows("7")
    sheet.has("#bars li", 10)
    sheet.has("#bars li.good", 1)
    sync_api.expect(sheet.page.locator("#steps li").last).to_contain_text("what counts")
    sheet.keep("digit")


def test_several_digits_have_boxes(open_sheet):
    """A number is read with a box for each digit, and can be copied."""
    sheet = open_sheet()
    sheet.context.grant_permissions(["clipboard-read", "clipboard-write"])

    sheet.write(ONE, TWO, FIVE, NOUGHT)

    sheet.shows("1250")
    sheet.has("#boxes span", 4)
    sheet.page.click("#copy")
    assert sheet.page.evaluate("navigator.clipboard.readText()") == "1250"
    sheet.page.click("#as-curl")
    assert "/v1/read" in sheet.page.evaluate("navigator.clipboard.readText()")
    sheet.keep("number")


def test_undo_clear_and_history(open_sheet):
    """Undo takes a stroke, Esc all; the history has one entry for each sheet, which comes back."""
    sheet = open_sheet()
    sheet.write(ONE, TWO)
    sheet.shows("12")

    sheet.page.keyboard.press("Control+z")
    sheet.shows("1")
    sheet.page.keyboard.press("Escape")
    sheet.shows("")
    sheet.has("#history button", 1)
    sheet.write(BIG_SEVEN)
    sheet.shows("7")
    sheet.page.click("#clear")
    sheet.has("#history button", 2)
    sheet.page.locator("#history button").last.click()
    sheet.shows("1")
    sheet.page.click("#undo")
    sheet.shows("")


def test_a_scribble_is_not_taken_for_a_digit(open_sheet):
    """What is no digit is said to be none, or not to be sure."""
    sheet = open_sheet()

    sheet.write(SCRIBBLE)

    sheet.shows(re.compile("not sure|no digit"))
    sheet.keep("unsure")


def test_a_finger_draws_and_scrolls_nothing(open_sheet):
    """On a phone a stroke is drawn under the finger, and the page stays where it is."""
    sheet = open_sheet(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
    )
    box = sheet.page.locator("#draw").bounding_box()
    points = [
        {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
        for x, y in ((0.35, 0.2), (0.5, 0.2), (0.65, 0.2), (0.58, 0.4), (0.52, 0.6), (0.46, 0.8))
    ]
    touch = sheet.context.new_cdp_session(sheet.page)
    for number, point in enumerate(points):
        kind = "touchMove" if number else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    sheet.shows("7")
    page = sheet.page
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#answer").bounding_box()["y"] < 844
    sheet.keep("phone")


def test_pictures_are_uploaded_apart(open_sheet, tmp_path):
    """Of three files one is broken: it is told, and the others are read."""
    sheet = open_sheet()
    (tmp_path / "broken.png").write_bytes(SEVEN[:200])
    (tmp_path / "number.png").write_bytes(NUMBER)
    paths = [EXAMPLES / "seven-on-paper.jpg", tmp_path / "broken.png", tmp_path / "number.png"]

    sheet.page.set_input_files("#file", paths)

    sheet.has("#history button", 3)
    sheet.shows("7")
    sync_api.expect(sheet.page.locator("#history button").nth(1)).to_contain_text("no picture")
    sync_api.expect(sheet.page.locator("#history button").first).to_contain_text("1250")
    sheet.page.locator("#history button").nth(1).click()
    sheet.shows("no picture")
    sheet.keep("error")
    sheet.page.set_input_files("#file", EXAMPLES / "numbers" / "meter-log.jpg")
    sheet.shows(re.compile("1204"))
    sheet.keep("picture")


def test_pictures_are_dropped_and_pasted(open_sheet):
    """A picture that is dropped, or pasted with Ctrl+V, is read."""
    sheet = open_sheet()
    sheet.context.grant_permissions(["clipboard-read", "clipboard-write"])
    drop = (
        "async (bytes) => { const moved = new DataTransfer();"
        "moved.items.add(new File([new Uint8Array(bytes)], 'a.png', { type: 'image/png' }));"
        "document.querySelector('#stage').dispatchEvent("
        "new DragEvent('drop', { dataTransfer: moved, bubbles: true, cancelable: true })); }"
    )
    put = (
        "async (bytes) => navigator.clipboard.write([new ClipboardItem({ 'image/png':"
        "new Blob([new Uint8Array(bytes)], { type: 'image/png' }) })])"
    )

    sheet.page.evaluate(drop, list(NUMBER))
    sheet.shows("1250")
    sheet.page.evaluate(put, list(SEVEN))
    sheet.page.keyboard.press("Control+v")

    sheet.shows("7")
    sheet.has("#history button", 2)


def test_the_webcam_is_mirrored_for_the_eye_alone(open_sheet):
    """The reader gets the picture as the camera sees it; video and boxes are mirrored on screen."""
    sheet = open_sheet()

    sheet.page.click("#webcam")

    sheet.shows("27")
    transform = "getComputedStyle(document.querySelector('#video')).transform"
    assert sheet.page.evaluate(transform) == "matrix(-1, 0, 0, 1, 0, 0)"
    places = "[...document.querySelectorAll('#boxes span')].map((box) => box.offsetLeft)"
    two, seven = sheet.page.evaluate(places)
    assert two > seven
    sheet.keep("webcam")
    sheet.page.click("#webcam")
    sheet.has("#history button", 1)
    assert sheet.page.locator("#picture").is_visible()


def test_a_correction_is_kept_by_keyboard_alone(open_sheet, samples):
    """From the sheet on, Tab and Enter reach a digit, say what it is, and keep it."""
    sheet = open_sheet()
    sheet.write(BIG_SEVEN)
    sheet.shows("7")

    press = sheet.page.keyboard.press
    sheet.page.focus("#webcam")
    press("Tab")
    press("Enter")
    sheet.keep("correct")
    press("Shift+Tab")
    press("Enter")

    sheet.shows("6")
    sync_api.expect(sheet.page.locator("#kept")).to_have_text("One digit was kept with its label.")
    assert [path.parent.name for path in samples.glob("*/*.png")] == ["6"]
    with sheet.page.expect_download() as download:
        sheet.page.click("#zip")
    assert download.value.suggested_filename == "samples.zip"


def test_dark_is_dark(open_sheet):
    """Where the system is dark, so are page and sheet, and the ink is bright; a button turns it."""
    sheet = open_sheet(color_scheme="dark")
    sheet.write(ONE, TWO, FIVE, NOUGHT)
    sheet.shows("1250")
    sheet.keep("dark")
    brightness = (
        "() => ['background-color', 'color'].map((name) => getComputedStyle("
        "document.documentElement).getPropertyValue(name).match(/[0-9]+/g).slice(0, 3)"
        ".reduce((sum, each) => sum + Number(each), 0))"
    )

    dark, ink = sheet.page.evaluate(brightness)
    sheet.page.click("#theme")
    light, _ = sheet.page.evaluate(brightness)

    assert dark < 120
    assert min(ink, light) > 600


def test_a_token_is_asked_for(open_sheet):
    """A service with a token lets a page in that knows it."""
    with serving(threads=1, token=TOKEN) as client:
        sheet = open_sheet(str(client.base_url))
        sheet.page.fill("#token", TOKEN)
        sheet.page.keyboard.press("Enter")

        sheet.write(BIG_SEVEN)

        sheet.shows("7")


def test_a_service_that_is_gone_is_told(open_sheet):
    """Where nobody answers any more the page says so."""
    with serving(threads=1) as client:
        sheet = open_sheet(str(client.base_url))
    sheet.write(BIG_SEVEN)

    sync_api.expect(sheet.page.locator("#trouble")).to_contain_text("does not answer")


def test_a_correction_that_no_service_keeps_is_told(open_sheet, tmp_path):
    """Where the service went after it read the digit, the page says that the label is not kept."""
    with serving(threads=1, samples=tmp_path) as client:
        sheet = open_sheet(str(client.base_url))
        sheet.write(BIG_SEVEN)
        sheet.shows("7")
    sheet.page.click("#digits button")
    sheet.page.click("#correct button[value='6']")

    sheet.shows("6")
    sync_api.expect(sheet.page.locator("#trouble")).to_contain_text("does not answer")


def test_the_page_for_programs_lists_each_address(open_sheet, url):
    """The OpenAPI document is shown without a script from elsewhere."""
    sheet = open_sheet(f"{url}/api.html")

    sheet.has("h2:has-text('POST /v1/read')", 1)
    sheet.keep("api")
