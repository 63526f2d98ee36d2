"""Pictures of every kind that the preprocessing tells apart, each drawn from a family and a seed.

They are small and quickly drawn. Their measures are drawn at random about the preprocessing's own
limits, so that some lie just beside each. Planes hold ink or brightness in [0, 1].
"""

from __future__ import annotations

import io
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from digitcnn.synthesis import draw_digits, draw_nondigits

EXIF_ORIENTATION = 0x0112


def draw_specimen(family, seed):
    """Draw one specimen: an array, or an encoded picture."""
    return FAMILIES[family](np.random.default_rng((crc32(family.encode()), seed)))


# What the families draw with.


def chance(rng, part):
    """Say yes in so many cases."""
    return bool(rng.random() < part)


def digit(rng, side):
    """Draw any digit: its ink, cut to its box, `side` long or a little less."""
    seed, numeral = int(rng.integers(2**31)), int(rng.integers(10))
    drawn, _ = draw_digits(1, seed=seed, digits=[numeral], side=max(20, round(1.2 * side)))
    ink = np.asarray(drawn[0], np.float32) / 255
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][:side, :side]


def framed(rng, side, most=0.5):
    """Draw a digit with a margin on each side, of up to a part of its own length."""
    margins = rng.integers(0, max(2, round(most * side)), (2, 2))
    return np.pad(digit(rng, side), margins.tolist())


def pixels(plane):
    """Turn a plane into an 8-bit picture."""
    return np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)


def either(rng, picture):
    """Give a picture or its negative."""
    return 255 - picture if chance(rng, 0.5) else picture


def mask_of(shape, draw_on):
    """Draw on an empty plane."""
    canvas = Image.new("L", (shape[1], shape[0]))
    draw_on(ImageDraw.Draw(canvas))
    return np.asarray(canvas, np.float32) / 255


def positions(shape):
    """Give the y and the x of each pixel, in -1..1."""
    return np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")


def light(rng, shape, fall=0.4):
    """Let light fall off to a side and towards the corners."""
    y, x = positions(shape)
    slopes = rng.uniform(-fall, fall, 2)
    curves = rng.uniform(-fall / 2, fall / 2, 3)
    plane = slopes[0] * x + slopes[1] * y
    plane += curves[0] * x * x + curves[1] * x * y + curves[2] * y * y
    return 1 + plane - plane.max()


def photographed(rng, plane, noise=None):
    """Add a sensor's noise."""
    noise = rng.choice([0.002, 0.008, 0.02, 0.04]) if noise is None else noise
    return pixels(plane + rng.normal(0, noise, plane.shape))


def ruled(rng, shape):
    """Draw lines from edge to edge, whole, dashed or interrupted: how strong they are."""
    height, width = shape
    pitch, first = rng.integers(6, max(8, height)), rng.integers(0, height)
    thick, tilt = int(rng.integers(1, 5)), rng.uniform(-0.04, 0.04) * width
    start = 0 if chance(rng, 0.7) else int(rng.integers(0, max(1, width // 6)))

    def draw_on(pen):
        for y in range(int(first % pitch), height, int(pitch)):
            pen.line((start, y, width, y + tilt), fill=255, width=thick)

    lines = mask_of(shape, draw_on)
    if chance(rng, 0.3):
        gap = int(rng.integers(2, 20))
        lines = lines * (np.arange(width) % (3 * gap) >= gap)
    return lines


# The families.


def small(rng):
    """A digit at MNIST's scale or a little above, on black or grey, pale or strong."""
    ink = framed(rng, int(rng.integers(8, 64)))
    if chance(rng, 0.3):
        ink = np.rint(ink)
    ground, strength = rng.choice([0, 0, 0.1, 0.4]), rng.choice([1, 1, 0.5, 0.1, 0.03])
    return either(rng, pixels(ground + strength * ink * (1 - ground)))


def canonical(rng):
    """What MNIST might hold, or nearly so."""
    ink = Image.fromarray(digit(rng, 60))
    longer = int(rng.choice([20, 20, 20, 19, 21]))
    scale = longer / max(ink.size)
    size = [max(1, round(side * scale)) for side in ink.size]
    cut = np.asarray(ink.resize(size, Image.Resampling.BOX))
    cut = pixels(cut / cut.max() * rng.choice([1, 1, 250 / 255, 249 / 255, 0.9]))
    y, x = (
        int((cut.sum(axis=axis) @ np.arange(len(cut.sum(axis=axis)))) / cut.sum() + 0.5)
        for axis in (1, 0)
    )
    top, left = 14 - y + rng.choice([0, 0, 0, -1, 1]), 14 - x + rng.choice([0, 0, 0, -1, 1])
    page = np.zeros((60, 60), np.uint8)
    page[16 + top : 16 + top + len(cut), 16 + left : 16 + left + cut.shape[1]] = cut
    page = page[16:44, 16:44]
    if chance(rng, 0.15):
        page = np.maximum(page, 1)
    return either(rng, page)


def bordered(rng):
    """A canvas with an outline, on all sides or some, at the edge or a little inside."""
    ink = framed(rng, int(rng.integers(14, 70)))
    plane = np.clip(ink * rng.choice([1, 1, 0.6]), 0, 1)
    tone = rng.choice([rng.uniform(0, 1), rng.uniform(0.05, 0.35)])
    for turn in range(4):
        plane = np.rot90(plane)
        if turn and chance(rng, 0.2):
            continue
        inset, width = int(rng.choice([0, 0, 1, 3])), int(rng.integers(1, 9))
        plane = np.pad(plane, ((inset + width, 0), (0, 0)))
        plane[inset : inset + width] = tone
    if chance(rng, 0.4):
        image = Image.fromarray(pixels(plane)).filter(
            ImageFilter.BoxBlur(float(rng.uniform(0, 1.5)))
        )
        plane = np.asarray(image, np.float32) / 255
    if chance(rng, 0.4):
        plane = plane + rng.normal(0, 0.02, plane.shape)
    return either(rng, pixels(plane))


def banded(rng):
    """Bands in negative behind a digit."""
    ink = framed(rng, int(rng.integers(12, 60)), most=0.4)
    if chance(rng, 0.6):
        ink = np.rint(ink)
    width = ink.shape[1]
    edges = rng.integers(0, width + 1, int(rng.integers(1, 4)))
    if chance(rng, 0.4):
        # As wide as the narrowest that count, or nearly.
        edges = np.array([0.12 * width, 0.88 * width]).round().astype(int) + rng.integers(-1, 2, 2)
    is_negative = (np.arange(width)[:, None] >= edges).sum(axis=1) % 2 == 1
    plane = np.where(is_negative, 1 - ink, ink)
    plane = 0.5 + (plane - 0.5) * rng.choice([1, 1, 0.9, 0.5])
    if chance(rng, 0.3):
        plane = plane + rng.normal(0, 0.03, plane.shape)
    return either(rng, pixels(plane if chance(rng, 0.7) else plane.T))


def lined(rng):
    """Ruled or squared paper, drawn or photographed."""
    side = int(rng.integers(40, 110))
    ink = framed(rng, side, most=0.4)
    lines = ruled(rng, ink.shape)
    if chance(rng, 0.4):
        lines = np.maximum(lines, ruled(rng, ink.shape[::-1]).T)
    ink = np.maximum(ink, lines * rng.uniform(0.2, 1))
    if chance(rng, 0.4):
        return either(rng, pixels(ink))
    paper = 0.9 * light(rng, ink.shape, fall=0.15)
    return photographed(rng, paper * (1 - 0.8 * ink), noise=rng.choice([0.003, 0.01]))


def boxed(rng):
    """A printed box about a digit."""
    ink = np.pad(digit(rng, int(rng.integers(20, 80))), 30)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    apart = rng.integers(-3, 18, 4)
    width = int(rng.integers(1, 6))
    box = (columns[0] - apart[0], rows[0] - apart[1], columns[-1] + apart[2], rows[-1] + apart[3])

    def draw_on(pen):
        pen.rectangle([int(each) for each in box], outline=255, width=width)
        if chance(rng, 0.3):
            pen.line((box[0], box[1], box[0], box[3]), fill=0, width=width)

    ink = np.maximum(ink, mask_of(ink.shape, draw_on))
    ink = np.pad(ink, int(rng.integers(0, 90)))
    if chance(rng, 0.6):
        return either(rng, pixels(ink))
    return photographed(rng, 0.85 * (1 - 0.8 * ink), noise=0.008)


def sheets(rng):
    """A sheet on a ground, both exact to the pixel."""
    ink = np.pad(digit(rng, int(rng.integers(16, 60))), rng.integers(4, 40, (2, 2)).tolist())
    tone, table = rng.uniform(0.1, 1), 0
    sheet = Image.fromarray(pixels(np.maximum(tone, 0.01) * (1 - rng.uniform(0.2, 1) * ink)))
    angle = int(rng.choice([0, 0, 7, 30, 45]))
    cover = Image.new("L", sheet.size, 255).rotate(angle, expand=True)
    page = Image.new("L", [side + int(rng.integers(0, 90)) for side in cover.size], table)
    place = [
        int(rng.integers(-3, max(1, a - b))) for a, b in zip(page.size, cover.size, strict=True)
    ]
    page.paste(sheet.rotate(angle, expand=True), tuple(place), cover)
    return either(rng, np.array(page))


def tables(rng):
    """A sheet on a table, photographed, whole or cut off by the picture's edges."""
    ink = np.pad(digit(rng, int(rng.integers(30, 70))), rng.integers(8, 40, (2, 2)).tolist())
    paper, table = rng.uniform(0.6, 0.95), rng.uniform(0.05, 0.7)
    sheet = Image.fromarray(pixels(paper * (1 - rng.uniform(0.3, 0.9) * ink)))
    angle = float(rng.uniform(-25, 25))
    cover = Image.new("L", sheet.size, 255).rotate(angle, expand=True)
    # Whole, or pushed over an edge or two.
    size = [side + int(rng.integers(8, 60)) for side in cover.size]
    place = [int(rng.integers(2, 40)) for _ in range(2)]
    if chance(rng, 0.5):
        place[int(rng.integers(2))] = int(rng.integers(-40, 0))
    page = Image.new("L", size, round(255 * table))
    page.paste(sheet.rotate(angle, Image.Resampling.BILINEAR, expand=True), tuple(place), cover)
    plane = np.asarray(page.filter(ImageFilter.BoxBlur(float(rng.choice([0, 1, 3])))), np.float32)
    return photographed(rng, plane / 255 * light(rng, plane.shape, fall=0.1), noise=0.01)


def pieces(rng):
    """A digit among other ink: dots, dashes, lines, what the edge cuts, paler or stronger."""
    plane = framed(rng, int(rng.integers(24, 90)), most=0.8)
    height, width = plane.shape
    for _ in range(int(rng.choice([1, 2, 4, 8, 60]))):
        y, x = int(rng.integers(-8, height)), int(rng.integers(-8, width))
        long, thick = int(rng.integers(1, 1 + max(width, 2) // 4)), int(rng.integers(1, 5))
        if chance(rng, 0.15):
            long, x = int(rng.uniform(0.6, 1.1) * width), int(rng.integers(-2, 10))
        tall = long if chance(rng, 0.4) else thick
        if chance(rng, 0.3):
            long, tall = tall, long
        part = plane[max(y, 0) : y + tall, max(x, 0) : x + long]
        part[...] = np.maximum(part, rng.choice([1, 1, 0.6, 0.3]))
    gaps = rng.random(plane.shape) < 0.5 if chance(rng, 0.1) else np.ones(plane.shape, bool)
    plane = plane * gaps
    if chance(rng, 0.5):
        return either(rng, pixels(plane))
    return photographed(rng, 0.9 * light(rng, plane.shape, 0.1) * (1 - 0.8 * plane), noise=0.01)


def photos(rng):
    """Pen or pencil on paper, in slanting light, faint or strong, thick or thin."""
    ink = framed(rng, int(rng.integers(8, 100)), most=0.7)
    strength = rng.choice([0.9, 0.6, 0.3, 0.12, 0.06])
    plane = 0.95 * light(rng, ink.shape, rng.choice([0.02, 0.2, 0.5])) * (1 - strength * ink)
    return either(rng, photographed(rng, plane * rng.choice([1, 0.5])))


def shadows(rng):
    """Shadows with hard and soft edges, stains, and what lies about at the picture's rim."""
    ink = framed(rng, int(rng.integers(24, 100)), most=0.8)
    y, x = positions(ink.shape)
    angle, soft = rng.uniform(0, 6.3), rng.choice([200, 30, 5])
    edge = np.clip(soft * (x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.5, 0.9)), 0, 1)
    plane = 0.9 * (1 - rng.uniform(0.1, 0.7) * edge)
    if chance(rng, 0.4):
        spot = ((x - rng.uniform(-1, 1)) / 0.3) ** 2 + ((y - rng.uniform(-1, 1)) / 0.3) ** 2
        plane = plane * (1 - 0.4 * (spot < 1))
    return photographed(rng, plane * (1 - rng.choice([0.8, 0.4]) * ink), noise=0.008)


def noise(rng):
    """Noise, specks and scribbles, some of them nearly a digit."""
    side = int(rng.choice([12, 20, 28, 40, 90]))
    kind = int(rng.integers(5))
    if kind == 0:
        return either(rng, pixels(rng.random((side, side)) < rng.uniform(0.02, 0.6)))
    if kind == 1:
        return pixels(rng.normal(0.5, rng.choice([0.01, 0.2]), (side, side)))
    if kind == 2:
        salt = rng.random((side, side)) < rng.uniform(0.005, 0.05)
        ink = np.pad(digit(rng, side), 0)
        return either(rng, pixels(np.maximum(np.rint(ink), salt[: len(ink), : ink.shape[1]])))
    if kind == 3:
        return draw_nondigits(1, seed=int(rng.integers(2**31)), side=side + 20)[0]
    # Outlines, one pixel wide.
    ink = np.pad(np.rint(digit(rng, side)), 1)
    inner = np.minimum.reduce([np.roll(ink, step, axis) for step in (-1, 1) for axis in (0, 1)])
    return either(rng, pixels(ink - inner * ink))


def large(rng):
    """A picture beyond the working size, the digit large in it or small, and specks."""
    height, width = rng.integers(300, 1400, 2)
    page = np.zeros((height, width), np.float32)
    side = int(rng.choice([20, 40, 80, 160, 280]))
    ink = digit(rng, min(side, min(height, width) - 2))
    top, left = rng.integers(0, height - len(ink)), rng.integers(0, width - ink.shape[1])
    page[top : top + len(ink), left : left + ink.shape[1]] = ink
    for _ in range(int(rng.choice([0, 0, 3]))):
        y, x = rng.integers(0, height), rng.integers(0, width)
        page[y : y + rng.integers(2, 12), x : x + rng.integers(2, 12)] = 1
    picture = either(rng, pixels(page * rng.choice([1, 0.6])))
    form = int(rng.integers(5))
    if form == 0:
        return picture.astype(np.uint16) * 257
    if form == 1:
        return picture / np.float32(255)
    if form == 2:
        return np.stack([picture, picture // 2 + 60, picture], axis=2)
    if form == 3:
        return picture
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = int(rng.integers(1, 9))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", exif=exif, compress_level=1)
    return file.getvalue()


def jpegs(rng):
    """A photo of some megapixels, as cameras save it, turned or not."""
    height, width = (int(side) for side in rng.integers(520, 2300, 2))
    picture = Image.new("L", (width, height), int(rng.integers(150, 250)))
    ink = Image.fromarray(pixels(digit(rng, int(rng.choice([30, 60, 120, 400])))))
    place = [int(rng.integers(1, a - b)) for a, b in zip(picture.size, ink.size, strict=True)]
    picture.paste(40, tuple(place), ink)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = int(rng.integers(1, 9))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(rng.choice([95, 60])), exif=exif)
    return file.getvalue()


def coloured(rng):
    """Ink of one colour on paper of another, drawn or photographed."""
    ink = framed(rng, int(rng.integers(16, 60)))[..., None]
    pen, paper = rng.uniform(0, 1, (2, 3))
    if chance(rng, 0.3):
        # Of nearly the same brightness.
        paper = paper + (pen - paper) @ [0.299, 0.587, 0.114] + rng.uniform(-0.1, 0.1)
    if chance(rng, 0.3):
        # Two channels hold the same.
        one, other = rng.choice(3, 2, replace=False)
        pen[one], paper[one] = pen[other], paper[other]
    plane = ink * pen + (1 - ink) * paper
    return pixels(plane + rng.normal(0, rng.choice([0, 0.01]), plane.shape))


def transparent(rng):
    """Ink on nothing, or paper with see-through margins."""
    ink = framed(rng, int(rng.integers(16, 60)))
    pen, paper = rng.uniform(0, 1, (2, 3))
    if chance(rng, 0.5):
        alpha = np.maximum(ink, rng.choice([0, 0, 0.2, 0.5]))
        color = np.where(alpha[..., None] > 0, pen, paper)
    else:
        margins = rng.integers(0, 20, (2, 2))
        color = ink[..., None] * pen + (1 - ink[..., None]) * paper
        color = np.pad(color, [*margins.tolist(), (0, 0)])
        alpha = np.pad(np.full(ink.shape, rng.choice([1, 0.9])), margins.tolist())
        # Something stands out from the opacity, too.
        alpha[: int(rng.integers(1, len(alpha)))] *= rng.choice([1, 1, 0.8])
    return pixels(np.dstack([color, alpha]))


def flat(rng):
    """A drawing whose ground is not quite flat: some pixels a little brighter, some darker."""
    plane = 0.4 + 0.6 * np.rint(framed(rng, int(rng.integers(16, 50)), most=0.3))
    count = np.count_nonzero(plane > 0.5)
    height, width = plane.shape
    for tones, most in (((0.41, 0.44, 0.47), 0.5), ((0.1, 0.3, 0.35, 0.38), 0.1)):
        for _ in range(int(count * rng.uniform(0, most))):
            plane[rng.integers(height), rng.integers(width)] = rng.choice(tones)
    return either(rng, pixels(plane))


def tiny(rng):
    """A digit of a few pixels on an empty sheet."""
    height, width = rng.integers(40, 240, 2)
    plane = np.zeros((height, width), np.float32)
    ink = digit(rng, 20)[:: int(rng.integers(1, 5)), :: int(rng.integers(1, 5))]
    plane[height // 2 :, width // 2 :][: len(ink), : ink.shape[1]] = ink
    return photographed(
        rng, 0.8 * (1 - rng.choice([0.9, 0.3, 0.1]) * plane), rng.choice([0.003, 0.01, 0.02])
    )


def thin(rng):
    """Hairlines, some of them broken, at many scales."""
    side = int(rng.choice([24, 40, 80, 160, 320]))
    corners = rng.integers(0, side, (int(rng.integers(2, 5)), 2)).ravel().tolist()
    width = int(rng.choice([1, 1, 2, 3]))
    ink = mask_of((side, side), lambda pen: pen.line(corners, fill=255, width=width))
    if chance(rng, 0.3):
        ink = ink * (np.arange(side) % int(rng.integers(5, 30)) > 1)
    if chance(rng, 0.6):
        return either(rng, pixels(ink))
    return photographed(rng, 0.9 * (1 - 0.7 * ink), noise=0.01)


def odd(rng):
    """Anything of a few pixels, rows and columns."""
    shape = rng.choice([1, 2, 3, 5, 8, 20, 70], 2)
    levels = rng.choice([0, 1, 128, 254, 255], shape, p=[0.5, 0.1, 0.1, 0.1, 0.2])
    if chance(rng, 0.3):
        levels = rng.integers(0, 256, shape)
    return either(rng, levels.astype(np.uint8))


FAMILIES = {
    make.__name__: make
    for make in (
        *(small, canonical, bordered, banded, lined, boxed, sheets, tables, pieces),
        *(photos, shadows, noise, large, jpegs, coloured, transparent, flat, tiny, thin, odd),
    )
}
