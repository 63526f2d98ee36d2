"""Make the pictures in `examples/`: digits and numbers as people photograph, scan and draw them.

Every digit is drawn by `digitcnn.synthesis` and put on a paper, board or canvas that is computed
here, so that the pictures are the project's own. The same script makes the same pictures.

    python tools/make_examples.py [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scenery import (
    Picture,
    Plane,
    Size,
    clouds,
    lay_ink,
    light,
    paper,
    photograph,
    pull_pen,
    rule,
    shadow,
    tilt,
    to_image,
    write_digit,
    write_number,
)

from digitcnn.synthesis import digits as forms
from digitcnn.synthesis.surroundings import security_pattern

SMALLEST_SIDE = 28  # of a paint program's picture in the manner of MNIST
ORIENTATION = 0x0112  # the EXIF tag
ROTATED_90_TO_SHOW = 6

WHITE = (0.97, 0.97, 0.96)
BLUE_RULES = (0.62, 0.74, 0.9)
BLUE_INK = (0.12, 0.18, 0.5)
BLACK_INK = (0.13, 0.13, 0.17)


def seven_on_paper(path: Path) -> None:
    """Photograph a 7 on lined paper, the lamp at the upper left, a shadow at the right."""
    size, rng = (640, 480), np.random.default_rng(1)
    sheet = paper(size, WHITE, rng)
    sheet = rule(sheet, pitch=74, first=34, color=BLUE_RULES, width=2, tilt=-16)
    sheet = lay_ink(sheet, _margin(size), (0.93, 0.62, 0.64))
    digit = write_digit(forms.draw_seven, 10, center=(335, 225), height=215, slant=0.12)
    sheet = lay_ink(sheet, _pen_flow(size, pull_pen(size, digit, 10, taper=0.3), rng), BLACK_INK)
    lit = 0.95 * light(size, rng, toward=(-1, -0.7), fall=0.3)
    lit = lit * shadow(size, edge=(1.0, 0.35, 1.12), soft=0.05, depth=0.16)
    photo = photograph(sheet, lit, rng, noise=0.016)
    photo = tilt(photo, [(14, 8), (632, 2), (640, 478), (2, 470)])
    photo.save(path, quality=62)


def one_with_flag_and_foot(path: Path) -> None:
    """Scan a 1 as most of the world writes it, in black ink on white paper."""
    size, rng = (420, 560), np.random.default_rng(2)
    sheet = paper(size, (0.985, 0.985, 0.98), rng, grain=0.004)
    digit = write_digit(forms.draw_one_on_a_foot, 10, center=(205, 285), height=330, slant=0.05)
    sheet = lay_ink(sheet, _pen_flow(size, pull_pen(size, digit, 13, taper=0.15), rng), BLACK_INK)
    _scan(sheet, rng).convert("L").save(path, quality=80)


def two_far_off_centre(path: Path) -> None:
    """Photograph a large empty sheet with a small 2 near its corner."""
    size, rng = (1600, 1200), np.random.default_rng(3)
    sheet = paper(size, (0.95, 0.94, 0.91), rng, grain=0.006)
    digit = write_digit(forms.draw_plain_two, 3, center=(1275, 905), height=200, slant=0.1)
    sheet = lay_ink(sheet, _pen_flow(size, pull_pen(size, digit, 11, taper=0.3), rng), BLACK_INK)
    lit = 0.94 * light(size, rng, toward=(0.6, -1), fall=0.16, patchy=0.012)
    photograph(sheet, lit, rng, tint=(1.0, 0.96, 0.88), blur=1.3, noise=0.009).save(
        path, quality=52
    )


def three_transparent(path: Path) -> None:
    """Save a 3 as drawing programs do: black ink, and nothing behind it."""
    size = (240, 240)
    digit = write_digit(forms.draw_round_three, 5, center=(118, 122), height=164, slant=0.08)
    alpha = np.rint(pull_pen(size, digit, 13) * 255).astype(np.uint8)
    picture = np.zeros((*alpha.shape, 4), np.uint8)
    picture[..., 3] = alpha
    Image.fromarray(picture).save(path, optimize=True)


def four_sideways(path: Path) -> None:
    """Photograph a blue 4 with the phone held sideways, as the EXIF tag says."""
    size, rng = (720, 960), np.random.default_rng(5)
    sheet = paper(size, (0.96, 0.955, 0.93), rng, grain=0.01)
    digit = write_digit(forms.draw_open_four, 6, center=(350, 470), height=360, slant=0.14)
    flow = _pen_flow(size, pull_pen(size, digit, 12, taper=0.2), rng, skips=0.35)
    sheet = lay_ink(sheet, flow, BLUE_INK)
    lit = 0.96 * light(size, rng, toward=(1, -0.4), fall=0.25)
    lit = lit * shadow(size, edge=(-0.5, 1.0, 0.62), soft=0.08, depth=0.14)
    photo = photograph(sheet, lit, rng, tint=(0.95, 0.98, 1.0))
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED_90_TO_SHOW
    photo.transpose(Image.Transpose.ROTATE_90).save(path, quality=66, exif=exif)


def five_chalk(path: Path) -> None:
    """Photograph a chalk 5 on a board that has been wiped before."""
    size, rng = (640, 480), np.random.default_rng(6)
    board = np.full((size[1], size[0], 3), (0.13, 0.19, 0.165), np.float32)
    wiped = clouds(size, 150, rng) * 0.5 + _streaks(size, rng)
    board = np.clip(board + 0.012 * wiped[..., None], 0, 1)
    digit = write_digit(forms.draw_two_stroke_five, 5, center=(300, 240), height=285, slant=0.1)
    chalk = pull_pen(size, digit, 17, taper=0.15)
    tooth = 0.8 * clouds(size, 1.6, rng) + 0.5 * clouds(size, 3.5, rng)
    pressed = np.clip(0.9 + 0.5 * tooth - 0.55 * (1 - _core(chalk)), 0, 1)
    dust = np.asarray(to_image(chalk).filter(ImageFilter.GaussianBlur(9)), np.float32) / 255
    cover = np.clip(chalk * pressed * 0.9 + 0.1 * dust, 0, 1)[..., None]
    board = board * (1 - cover) + np.array((0.93, 0.93, 0.9), np.float32) * cover
    lit = light(size, rng, toward=(-1, -1), fall=0.35)
    photograph(board, lit, rng, tint=(1, 1, 0.97), blur=0.8, noise=0.014).save(path, quality=72)


def six_in_pencil(path: Path) -> None:
    """Photograph a faint pencil 6 on grey drawing paper."""
    size, rng = (560, 560), np.random.default_rng(7)
    sheet = paper(size, (0.9, 0.895, 0.88), rng, grain=0.014)
    digit = write_digit(forms.draw_curved_six, 8, center=(290, 275), height=290, slant=0.05)
    line = pull_pen(size, digit, 7, taper=0.35)
    tooth = np.clip(0.75 + 0.35 * clouds(size, 2.4, rng) + 0.15 * clouds(size, 40, rng), 0, 1)
    sheet = lay_ink(sheet, line * tooth, (0.4, 0.4, 0.42), strength=0.55)
    lit = 0.98 * light(size, rng, toward=(-0.3, -1), fall=0.2, patchy=0.015)
    photograph(sheet, lit, rng, noise=0.01).save(path, quality=78)


def seven_crossed(path: Path) -> None:
    """Photograph a crossed 7 in blue ball-point on squared paper, under warm light."""
    size, rng = (600, 600), np.random.default_rng(8)
    sheet = paper(size, WHITE, rng)
    for turned in (False, True):
        sheet = sheet.transpose(1, 0, 2) if turned else sheet
        sheet = rule(sheet, pitch=46, first=20, color=(0.8, 0.84, 0.88), width=1.2)
        sheet = sheet.transpose(1, 0, 2) if turned else sheet
    digit = write_digit(forms.draw_seven, 5, center=(310, 300), height=310, slant=0.1)
    flow = _pen_flow(size, pull_pen(size, digit, 11, taper=0.25), rng, skips=0.25)
    sheet = lay_ink(sheet, flow, BLUE_INK)
    lit = 0.97 * light(size, rng, toward=(1, -1), fall=0.3)
    photo = photograph(sheet, lit, rng, tint=(1.0, 0.95, 0.85))
    tilt(photo, [(20, 4), (596, 14), (584, 592), (6, 584)]).save(path, quality=70)


def eight_marker(path: Path) -> None:
    """Photograph an 8 in thick marker on a whiteboard."""
    size, rng = (520, 640), np.random.default_rng(9)
    board = np.full((size[1], size[0], 3), (0.93, 0.94, 0.95), np.float32)
    digit = write_digit(forms.draw_one_stroke_eight, 11, center=(255, 330), height=380, slant=0.1)
    marker = pull_pen(size, digit, 42)
    streaky = np.clip(marker * (0.94 + 0.015 * clouds(size, 30, rng)), 0, 1)
    board = lay_ink(board, streaky, (0.13, 0.12, 0.14))
    lit = 0.88 * light(size, rng, toward=(0.2, -1), fall=0.25)
    # The lamp mirrors in the board.
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    lit = lit + 0.3 * np.exp(-(((x - 0.82) / 0.16) ** 2) - ((y - 0.1) / 0.07) ** 2)
    photo = photograph(board, lit.astype(np.float32), rng, tint=(0.97, 1.0, 0.98), blur=1.1)
    photo.save(path, quality=66)


def nine_paint_28(path: Path) -> None:
    """Draw a 9 with the pencil of a paint program on 28 x 28 pixels."""
    size = (SMALLEST_SIDE, SMALLEST_SIDE)
    digit = write_digit(forms.draw_closed_nine, 2, center=(13.5, 14), height=19, slant=0.05)
    ink = pull_pen(size, digit, 2.1) > 0.4
    Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).convert("RGB").save(path)


def zero_canvas(path: Path) -> None:
    """Draw a 0 with the finger on a web page's canvas."""
    size = (280, 280)
    digit = write_digit(forms.draw_oval_zero, 6, center=(146, 139), height=178, slant=0.12)
    ink = np.rint(pull_pen(size, digit, 20) * 255).astype(np.uint8)
    Image.fromarray(ink).convert("RGBA").save(path, optimize=True)


def four_scan_16_bit(path: Path) -> None:
    """Scan a 4 with a closed top in 16 bits of grey, without stretching the range."""
    size, rng = (150, 190), np.random.default_rng(12)
    sheet = paper(size, (0.97, 0.97, 0.97), rng, grain=0.002)
    digit = write_digit(forms.draw_closed_four, 5, center=(74, 94), height=128, slant=0.1)
    sheet = lay_ink(sheet, pull_pen(size, digit, 7, taper=0.2), BLACK_INK)
    plane = np.asarray(_scan(sheet, rng).convert("L"), np.uint16)
    # Scanners give 10 or 12 true bits at most; the rest would be noise that no PNG can shrink.
    levels = 3000 + plane * 128 + 32 * (np.arange(size[0]) // 40).astype(np.uint16)
    Image.fromarray(levels.astype(np.uint16)).save(path, optimize=True)


def two_palette(path: Path) -> None:
    """Save a looped 2 in red felt pen as a GIF of a few colours."""
    size, rng = (200, 220), np.random.default_rng(13)
    sheet = paper(size, (1.0, 0.99, 0.93), rng, grain=0.002)
    digit = write_digit(forms.draw_looped_two, 0, center=(98, 110), height=146, slant=0.08)
    sheet = lay_ink(sheet, pull_pen(size, digit, 7), (0.8, 0.12, 0.14))
    to_image(sheet).quantize(16, dither=Image.Dither.NONE).save(path)


def three_tiny(path: Path) -> None:
    """Cut a 3 out of a form that was scanned in black and white, at a coarse resolution."""
    size = (15, 19)
    digit = write_digit(forms.draw_flat_topped_three, 4, center=(7, 9.3), height=13, slant=0.06)
    ink = pull_pen(size, digit, 2.0) > 0.45
    Image.fromarray(~ink).save(path, optimize=True)


def cheque_amount(path: Path) -> None:
    """Scan a cheque's amount: a printed field on a security pattern, written with a blue pen."""
    size, rng = (720, 260), np.random.default_rng(21)
    sheet = paper(size, (0.965, 0.975, 0.965), rng, grain=0.004)
    sheet = lay_ink(sheet, 0.4 * security_pattern(*size, rng), (0.72, 0.86, 0.82))
    sheet = lay_ink(sheet, _print(size, "Amount in figures", (86, 34), 24), BLACK_INK)
    sheet = lay_ink(sheet, _box(size, (80, 76, 660, 206), 3), (0.25, 0.32, 0.36))
    number = write_number("1250", 3, start=(150, 142), height=88, gap=0.42, slant=0.14)
    flow = _pen_flow(size, pull_pen(size, number, 7, taper=0.25), rng, skips=0.2)
    _scan(lay_ink(sheet, flow, BLUE_INK), rng).save(path, quality=64)


def form_cells(path: Path) -> None:
    """Scan a row of a form: a postal code, a digit in each printed cell."""
    size, rng, pitch = (620, 170), np.random.default_rng(22), 84
    sheet = paper(size, (0.985, 0.985, 0.98), rng, grain=0.004)
    sheet = lay_ink(sheet, _print(size, "Postal code", (20, 64), 20), (0.3, 0.3, 0.32))
    written = np.zeros(size[::-1], np.float32)
    for place, letter in enumerate("40719"):
        left = 160 + place * pitch
        sheet = lay_ink(sheet, _box(size, (left, 40, left + pitch, 130), 2), (0.45, 0.5, 0.55))
        middle = (left + 0.28 * pitch + rng.uniform(-4, 6), 85 + rng.uniform(-3, 3))
        digit = write_number(letter, 30 + place, start=middle, height=58)
        written = np.maximum(written, pull_pen(size, digit, 5, taper=0.2))
    _scan(lay_ink(sheet, written, BLACK_INK), rng).convert("L").save(path, quality=70)


def meter_log(path: Path) -> None:
    """Photograph a meter's log: three readings on lined paper, in blue ball-point."""
    size, rng = (760, 560), np.random.default_rng(23)
    sheet = paper(size, WHITE, rng)
    sheet = rule(sheet, pitch=76, first=58, color=BLUE_RULES, width=2, tilt=-10)
    written = np.zeros(size[::-1], np.float32)
    for line, text in enumerate(("1204", "1377", "1586")):
        start = (200 + rng.uniform(-14, 14), 172 + 152 * line)
        number = write_number(text, 40 + 10 * line, start=start, height=74, gap=0.36)
        written = np.maximum(written, pull_pen(size, number, 6, taper=0.3))
    sheet = lay_ink(sheet, _pen_flow(size, written, rng, skips=0.25), BLUE_INK)
    lit = 0.96 * light(size, rng, toward=(-1, -0.8), fall=0.28)
    lit = lit * shadow(size, edge=(1.0, 0.4, 1.2), soft=0.05, depth=0.14)
    photo = photograph(sheet, lit, rng, noise=0.012)
    tilt(photo, [(10, 6), (752, 2), (760, 556), (4, 550)]).save(path, quality=58)


def prices(path: Path) -> None:
    """Photograph two prices in thick marker on a whiteboard, with decimal points."""
    size, rng = (560, 400), np.random.default_rng(24)
    board = np.full((size[1], size[0], 3), (0.94, 0.95, 0.955), np.float32)
    written = np.zeros(size[::-1], np.float32)
    for line, text in enumerate(("12.50", "7.95")):
        number = write_number(text, 60 + 10 * line, start=(90, 115 + 165 * line), height=95)
        written = np.maximum(written, pull_pen(size, number, 13))
    streaky = np.clip(written * (0.94 + 0.015 * clouds(size, 30, rng)), 0, 1)
    board = lay_ink(board, streaky, (0.16, 0.14, 0.15))
    lit = 0.9 * light(size, rng, toward=(0.3, -1), fall=0.22)
    photograph(board, lit, rng, tint=(0.97, 1.0, 0.98), blur=1.0).save(path, quality=62)


def _print(size: Size, text: str, at: tuple[int, int], height: int) -> Plane:
    """Cover the paper with a line of print."""
    canvas = Image.new("L", size)
    ImageDraw.Draw(canvas).text(at, text, fill=255, font=ImageFont.load_default(height))
    return np.asarray(canvas, np.float32) / 255


def _box(size: Size, sides: tuple[int, int, int, int], width: int) -> Plane:
    """Cover the paper with a printed frame."""
    canvas = Image.new("L", size)
    ImageDraw.Draw(canvas).rectangle(sides, outline=255, width=width)
    return np.asarray(canvas, np.float32) / 255


def _margin(size: Size) -> Plane:
    """Cover the line that parts off the margin of lined paper."""
    line = np.array([[92.0, -5.0], [78.0, size[1] + 5.0]])
    return pull_pen(size, [line], 2)


def _pen_flow(size: Size, cover: Plane, rng: np.random.Generator, *, skips: float = 0.12) -> Plane:
    """Let the ink flow unevenly, as a ball-point's does."""
    flow = 0.95 + 0.08 * clouds(size, 22, rng) - skips * np.maximum(0, clouds(size, 3, rng) - 1.2)
    return np.clip(cover * flow, 0, 1)


def _core(cover: Plane) -> Plane:
    """Give how far inside a stroke each pixel lies: 1 in its middle, about 0 at its edge."""
    soft = to_image(cover).filter(ImageFilter.GaussianBlur(4))
    return np.clip(2.4 * np.asarray(soft, np.float32) / 255 - 1.1, 0, 1)


def _streaks(size: Size, rng: np.random.Generator) -> Plane:
    """Give the traces of a sponge that went across a board in long sweeps."""
    width, height = size
    across = clouds((width // 10, height * 2), 4, rng)
    long = Image.fromarray(across).resize((int(width * 1.3), height * 2), Image.Resampling.BICUBIC)
    turned = np.asarray(long.rotate(14, Image.Resampling.BILINEAR))
    top, left = height // 2, int(0.15 * width)
    return turned[top : top + height, left : left + width]


def _scan(sheet: Picture, rng: np.random.Generator) -> Image.Image:
    """Scan a sheet: even light, a slight blur, little noise."""
    height, width = sheet.shape[:2]
    even = np.ones((height, width), np.float32)
    return photograph(sheet, even, rng, tint=(1, 1, 1), blur=0.7, noise=0.005)


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "zero-canvas.png": zero_canvas,
    "one-with-flag-and-foot.jpg": one_with_flag_and_foot,
    "two-far-off-centre.jpg": two_far_off_centre,
    "two-palette.gif": two_palette,
    "three-transparent.png": three_transparent,
    "three-tiny.png": three_tiny,
    "four-sideways-phone.jpg": four_sideways,
    "four-scan-16-bit.png": four_scan_16_bit,
    "five-chalk.jpg": five_chalk,
    "six-pencil.jpg": six_in_pencil,
    "seven-on-paper.jpg": seven_on_paper,
    "seven-crossed.jpg": seven_crossed,
    "eight-marker.jpg": eight_marker,
    "nine-paint-28.png": nine_paint_28,
    "numbers/cheque-amount.jpg": cheque_amount,
    "numbers/form-cells.jpg": form_cells,
    "numbers/meter-log.jpg": meter_log,
    "numbers/prices.jpg": prices,
}


def main() -> None:
    """Write every picture into the folder named on the command line, else into `examples/`."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "examples"
    (folder / "numbers").mkdir(parents=True, exist_ok=True)
    for name, make in EXAMPLES.items():
        make(folder / name)
        print(f"{name:28}{(folder / name).stat().st_size:>8} bytes")


if __name__ == "__main__":
    main()
