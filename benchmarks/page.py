"""Measure how soon the page of `digitcnn serve` answers a stroke, in a real Chromium.

    python benchmarks/page.py

Draws digits with the mouse and times each movement of the pen until the page shows an answer to a
sheet that has it. Needs Playwright's Python package and Debian's `chromium`.
"""

from __future__ import annotations

import os
import shutil
import statistics
from itertools import pairwise

import service
from playwright.sync_api import Page, sync_playwright

PAUSE_MS = 16  # between movements, as a screen of 60 Hz gives them
TARGET_MS, ROUNDS = 80, 5
# In parts of the sheet: a 2 and a 7.
STROKES = (
    ((0.2, 0.4), (0.24, 0.28), (0.32, 0.3), (0.33, 0.4), (0.2, 0.72), (0.36, 0.72)),
    ((0.55, 0.28), (0.75, 0.28), (0.68, 0.5), (0.62, 0.76)),
)

# An answer is shown in the page's order of asking; one to an older sheet shows no newer stroke.
WATCH = """
window.moved = []; window.asked = []; window.delays = [];
const ask = window.fetch;
window.fetch = (path, ...rest) => {
  if (String(path).includes("v1/read")) window.asked.push(performance.now());
  return ask(path, ...rest);
};
addEventListener("DOMContentLoaded", () => {
  document.querySelector("#draw").addEventListener("pointermove", (event) => {
    if (event.buttons) window.moved.push(performance.now());
  }, true);
  new MutationObserver(() => {
    const sheet = window.asked.shift();
    while (window.moved.length && window.moved[0] <= sheet)
      window.delays.push(performance.now() - window.moved.shift());
  }).observe(document.querySelector("#digits"), { childList: true });
});
"""


def delays_of(page: Page) -> list[float]:
    """Draw two digits; return the milliseconds from each movement to its answer."""
    box = page.locator("#draw").bounding_box()
    for stroke in STROKES:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for (x, y), (to_x, to_y) in pairwise(points):
            for part in range(1, 7):
                page.mouse.move(x + (to_x - x) * part / 6, y + (to_y - y) * part / 6)
                page.wait_for_timeout(PAUSE_MS)
        page.mouse.up()
    page.locator('#answer[aria-busy="false"]').wait_for()
    found = page.evaluate("delays.splice(0)")
    page.keyboard.press("Escape")
    page.evaluate("moved.length = asked.length = 0")
    return found


if __name__ == "__main__":
    with service.running() as (_, connection), sync_playwright() as playwright:
        options = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}
        browser = playwright.chromium.launch(**options)
        page = browser.new_page(viewport={"width": 1200, "height": 920})
        page.add_init_script(WATCH)
        page.goto(f"http://{connection.host}:{connection.port}")
        delays_of(page)  # the first answers load code
        delays = [delay for _ in range(ROUNDS) for delay in delays_of(page)]
        browser.close()
    low, middle, high = statistics.quantiles(delays, n=4)
    print(f"{len(delays)} movements, load {os.getloadavg()[0]:.1f}: from stroke to answer "
          f"{middle:.0f} ms ({low:.0f} to {high:.0f}), to be below {TARGET_MS}")  # fmt: skip
