"""Picture files of every format, damaged at random."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
from PIL import Image

from digitcnn.synthesis import draw_digits

SIDE = 48
# Written by Pillow as documents or drawing commands, or only by handlers that a user registers.
NO_PICTURES = {"BUFR", "GRIB", "HDF5", "PDF"}
MODES = ("L", "1", "P", "RGB", "RGBA", "LA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB")

# What more than the default a format can be written with.
VARIANTS: dict[str, dict[str, Any]] = {
    "JPEG": {"progressive": True, "restart_marker_rows": 1},
    "TIFF": {"compression": "tiff_lzw"},
    "PNG": {"compress_level": 0},
    "WEBP": {"lossless": True},
    "TGA": {"compression": "tga_rle"},
    "JPEG2000": {"tile_size": (16, 16)},
    "ICO": {"bitmap_format": "bmp"},
    "DDS": {"pixel_format": "DXT5"},
    "GIF": {"transparency": 0},
}
# Where a program's arithmetic turns over.
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000)
MOST_BYTES = 200_000


def _drawn(mode: str) -> Image.Image:
    """Give a digit as a PIL image of a mode."""
    pixels, _ = draw_digits(1, seed=4, side=SIDE)
    image = Image.fromarray(255 - pixels[0])
    if mode == "I;16":
        return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    if mode in ("YCbCr", "LAB", "RGBA", "P", "CMYK"):
        image = Image.merge("RGB", (image, image.rotate(90), image))
    if mode == "LAB":
        return Image.merge("LAB", image.split())
    return image.convert(mode)


def _encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Encode an image, or give nothing where the format does not hold its mode."""
    file = io.BytesIO()
    with contextlib.suppress(Exception):  # Pillow refuses in as many ways as it has formats
        image.save(file, image_format, **options)
        return file.getvalue()
    return b""


@functools.cache
def seed_files() -> dict[str, bytes]:
    """Encode a digit in every format and mode that Pillow writes, and some that it only reads."""
    Image.init()
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010E: "a digit", 0x8298: "nobody", 0x011A: 72.0})
    gray = np.asarray(_drawn("L"))
    text = " ".join(map(str, gray.ravel()))
    psd = b"8BPS" + struct.pack(">H6xHIIHH14x", 1, 1, SIDE, SIDE, 8, 1)
    sun = struct.pack(">8I", 0x59A66A95, SIDE, SIDE, 8, SIDE * SIDE, 1, 0, 0)
    files = {
        "PGM in text": f"P2\n# drawn\n{SIDE} {SIDE}\n255\n{text}\n".encode(),
        "PSD": psd + gray.tobytes(),
        "SUN": sun + gray.tobytes(),
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\nshowpage\n",
        "nothing": bytes(100),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some formats are deprecated
        for name in sorted(Image.SAVE.keys() - NO_PICTURES):
            for mode in MODES:
                files[f"{name} {mode}"] = _encoded(_drawn(mode), name)
            for mode in ("L", "RGB", "RGBA"):
                options = VARIANTS.get(name, {})
                files[f"{name} {mode} as variant"] = _encoded(_drawn(mode), name, **options)
            files[f"{name} with EXIF"] = _encoded(_drawn("RGB"), name, exif=exif, dpi=(72, 72))
        for name in sorted(Image.SAVE_ALL.keys() - NO_PICTURES):
            more = {"save_all": True, "append_images": [_drawn("RGB").rotate(10)]}
            files[f"{name} of two frames"] = _encoded(_drawn("RGB"), name, **more)
    return {name: content for name, content in files.items() if content}


def damaged_file(number: int) -> tuple[str, bytes]:
    """Give the damaged file of a number, always the same, and the name of what it was."""
    rng = np.random.default_rng(number)
    name = str(rng.choice(list(seed_files())))
    return name, mutate(seed_files()[name], rng)


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Replace bytes of a file in a few places, mostly near its start, where the headers are.

    What takes their place is nothing, themselves twice, a number at the edge of its range, random
    or of another file; now and then the rest of the file is gone.
    """
    damaged, others = bytearray(content), list(seed_files().values())
    for _ in range(min(rng.geometric(0.5), 8)):
        reach = len(damaged) if rng.random() < 0.5 else min(len(damaged), 200)
        start, width = int(rng.integers(max(reach, 1))), int(rng.choice([0, 1, 2, 4, 8, 100]))
        end = start + width if rng.random() < 0.9 else len(damaged)
        other = others[rng.integers(len(others))]
        place, edge = int(rng.integers(len(other))), int(rng.choice(EDGES)) % 256**width
        damaged[start:end] = (
            b"",
            damaged[start:end] * 2,
            edge.to_bytes(width, str(rng.choice(["little", "big"]))),
            rng.bytes(width),
            other[place : place + width],
        )[rng.integers(5)]
    if damaged[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.8:
        return _with_checksums(bytes(damaged[:MOST_BYTES]))
    return bytes(damaged[:MOST_BYTES])


def _with_checksums(png: bytes) -> bytes:
    """Mend the checksums of a PNG's chunks, so that what they guard is reached."""
    parts, place = [png[:8]], 8
    while place + 12 <= len(png):
        (size,) = struct.unpack_from(">I", png, place)
        body = png[place + 4 : place + 8 + size]
        parts += [png[place : place + 4], body, struct.pack(">I", zlib.crc32(body))]
        place += 12 + size
    return b"".join([*parts, png[place:]])
