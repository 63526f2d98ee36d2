"""Picture files of every format, damaged at random, and what counts as a failure of the library."""

from __future__ import annotations

import functools
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from digitcnn import DigitClassifier, explain, predict, predict_proba, preprocess
from digitcnn.errors import DigitcnnError
from digitcnn.synthesis import draw_digits

SIDE = 48
# Written by Pillow as documents or drawing commands, or only by handlers that a user registers.
NO_PICTURES = {"BUFR", "GRIB", "HDF5", "PDF"}
MODES = ("L", "1", "P", "RGB", "RGBA", "LA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB")

# What more than the default a format can be written with.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "JPEG": [{"progressive": True}, {"quality": 30, "subsampling": 2}, {"restart_marker_rows": 1}],
    "TIFF": [
        {"compression": "tiff_lzw"},
        {"compression": "tiff_adobe_deflate"},
        {"compression": "packbits"},
        {"compression": "raw", "big_tiff": True},
    ],
    "PNG": [{"optimize": True}, {"compress_level": 0}],
    "WEBP": [{"lossless": True}, {"quality": 20}],
    "TGA": [{"compression": "tga_rle"}],
    "JPEG2000": [{"irreversible": True}, {"tile_size": (16, 16)}, {"no_jp2": True}],
    "ICO": [{"bitmap_format": "bmp"}, {"sizes": [(16, 16), (32, 32), (48, 48)]}],
    "DDS": [{"pixel_format": name} for name in ("DXT1", "DXT3", "DXT5", "BC5")],
    "GIF": [{"interlace": 1}, {"transparency": 0}],
    "SGI": [{"bpc": 2}],
    "AVIF": [{"quality": 10}, {"subsampling": "4:0:0"}],
}


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


def _encoded(image: Image.Image, image_format: str, **options: Any) -> bytes | None:
    """Encode an image, or give None where the format does not hold its mode."""
    file = io.BytesIO()
    try:
        image.save(file, image_format, **options)
    # Pillow refuses in as many ways as it has formats.
    except Exception:  # noqa: BLE001
        return None
    return file.getvalue()


@functools.cache
def seed_files() -> dict[str, bytes]:
    """Encode a digit in every format, mode and variant that Pillow writes, and some by hand."""
    Image.init()
    files: dict[str, bytes | None] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some formats are deprecated
        for name in sorted(Image.SAVE.keys() - NO_PICTURES):
            for mode in MODES:
                files[f"{name} {mode}"] = _encoded(_drawn(mode), name)
            for options in VARIANTS.get(name, ()):
                for mode in ("L", "1", "RGB", "RGBA"):
                    files[f"{name} {mode} {options}"] = _encoded(_drawn(mode), name, **options)
        for compression in ("group3", "group4"):
            files[f"TIFF {compression}"] = _encoded(_drawn("1"), "TIFF", compression=compression)
        files["TIFF jpeg"] = _encoded(_drawn("RGB"), "TIFF", compression="jpeg")
        frames = [_drawn("RGB").rotate(angle) for angle in (10, 20)]
        for name in sorted(Image.SAVE_ALL.keys() - NO_PICTURES):
            files[f"{name} of three frames"] = _encoded(
                _drawn("RGB"), name, save_all=True, append_images=frames
            )
        exif = Image.Exif()
        exif.update({0x0112: 6, 0x010E: "a digit", 0x8298: "nobody", 0x011A: 72.0})
        for name in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
            files[f"{name} with EXIF"] = _encoded(
                _drawn("RGB"), name, exif=exif, icc_profile=bytes(200), dpi=(72, 72)
            )
    files |= _handmade()
    return {name: content for name, content in files.items() if content}


def _handmade() -> dict[str, bytes]:
    """Write what Pillow reads but does not write."""
    gray = np.asarray(_drawn("L"))
    raw, colored = gray.tobytes(), np.repeat(gray[..., None], 3, axis=2).tobytes()
    rows = "\n".join('"' + "".join(".#"[int(value < 128)] for value in row) + '",' for row in gray)
    card = "{:80}".format
    fits = "".join(
        card(f"{key:8}= {value}")
        for key, value in {
            "SIMPLE": "T",
            "BITPIX": 8,
            "NAXIS": 2,
            "NAXIS1": SIDE,
            "NAXIS2": SIDE,
        }.items()
    ) + card("END")
    psd = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, SIDE, SIDE, 8, 1) + bytes(12) + bytes(2) + raw
    text = " ".join(str(value) for value in gray.ravel())
    bits = " ".join(str(int(value < 128)) for value in gray.ravel())
    handmade = {
        "XPM": f"/* XPM */\nstatic char *x[] = {{\n"
        f'"{SIDE} {SIDE} 2 1",\n"# c #000000",\n". c #ffffff",\n{rows}\n}};\n'.encode(),
        "SUN": struct.pack(">8I", 0x59A66A95, SIDE, SIDE, 8, SIDE * SIDE, 1, 0, 0) + raw,
        "FITS": fits.ljust(2880).encode() + raw.ljust(2880, b"\0"),
        "PSD": psd,
        "GBR": struct.pack(">5I", 28, 2, SIDE, SIDE, 1) + b"GIMP" + struct.pack(">I", 1) + raw,
        "PGM in text": f"P2\n# drawn\n{SIDE} {SIDE}\n255\n{text}\n".encode(),
        "PPM in text": f"P3 {SIDE} {SIDE} 255 {text} {text} {text}\n".encode(),
        "PBM in text": f"P1 {SIDE} {SIDE} {bits}\n".encode(),
        "PGM of 16 bits": f"P5 {SIDE} {SIDE // 2} 65535\n".encode() + raw,
        "PFM": f"Pf {SIDE // 2} {SIDE // 2} -1.0\n".encode() + raw,
        "PIXAR": b"\x80\xe8\0\0".ljust(416, b"\0")
        + struct.pack("<2H", SIDE, SIDE).ljust(8, b"\0")
        + struct.pack("<2H", 14, 2).ljust(600, b"\0")
        + colored,
        "XVTHUMB": f"P7 332\n# made\n#END_OF_COMMENTS\n{SIDE} {SIDE} 255\n".encode() + raw,
        "MCIDAS": bytes(4) + struct.pack(">I", 4) + raw[:300],
        "FLI": struct.pack("<IHHHHHHI", 600, 0xAF11, 1, SIDE, SIDE, 8, 0, 5).ljust(128, b"\0")
        + struct.pack("<IHH8x", 600, 0xF1FA, 1)
        + struct.pack("<IH", len(raw) + 6, 16)
        + raw,
        "PCD": bytes(2048) + b"PCD_" + bytes(2000) + raw * 300,
        "FTEX": b"FTEX" + struct.pack("<8I", 1, SIDE, SIDE, 1, 1, 1, 32, len(colored)) + colored,
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\nshowpage\n",
        "WMF": struct.pack("<IH4hHI", 0x9AC6CDD7, 0, 0, 0, 99, 99, 72, 0) + bytes(40),
        "nothing": bytes(100),
    }
    ico = _encoded(_drawn("RGBA"), "ICO", bitmap_format="bmp")
    if ico:
        handmade["CUR"] = ico[:2] + b"\x02" + ico[3:]
    return handmade


# Where a program's arithmetic turns over.
_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000)
_MOST_CHANGES = 8
_MOST_BYTES = 200_000


def mutate(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Damage a file in a few places, mostly near its start, where the headers are."""
    damaged = bytearray(content)
    for _ in range(min(rng.geometric(0.5), _MOST_CHANGES)):
        reach = len(damaged) if rng.random() < 0.5 else min(len(damaged), 200)
        start = int(rng.integers(0, max(reach, 1)))
        change = _CHANGES[rng.integers(len(_CHANGES))]
        change(damaged, start, others, rng)
    if damaged[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.8:
        return _with_checksums(bytes(damaged[:_MOST_BYTES]))
    return bytes(damaged[:_MOST_BYTES])


Change = Callable[[bytearray, int, list[bytes], np.random.Generator], None]


def _flip_bit(content: bytearray, start: int, _: list[bytes], rng: np.random.Generator) -> None:
    if start < len(content):
        content[start] ^= 1 << int(rng.integers(8))


def _set_number(content: bytearray, start: int, _: list[bytes], rng: np.random.Generator) -> None:
    size, order = int(rng.choice([1, 2, 4])), rng.choice(["little", "big"])
    number = _EDGES[rng.integers(len(_EDGES))] % 256**size
    content[start : start + size] = number.to_bytes(size, order)


def _scatter(content: bytearray, start: int, _: list[bytes], rng: np.random.Generator) -> None:
    content[start : start + 8] = rng.bytes(min(8, len(content) - start))


def _delete(content: bytearray, start: int, _: list[bytes], rng: np.random.Generator) -> None:
    del content[start : start + int(rng.integers(1, 64))]


def _repeat(content: bytearray, start: int, _: list[bytes], rng: np.random.Generator) -> None:
    content[start:start] = content[start : start + int(rng.integers(1, 300))]


def _insert(content: bytearray, start: int, _: list[bytes], rng: np.random.Generator) -> None:
    content[start:start] = rng.bytes(int(rng.integers(1, 32)))


def _truncate(content: bytearray, start: int, _: list[bytes], __: np.random.Generator) -> None:
    del content[max(start, 4) :]


def _splice(content: bytearray, start: int, others: list[bytes], rng: np.random.Generator) -> None:
    other = others[rng.integers(len(others))]
    place = int(rng.integers(len(other)))
    size = int(rng.integers(1, 200))
    content[start : start + size] = other[place : place + size]


_CHANGES: tuple[Change, ...] = (
    _flip_bit,
    _flip_bit,
    _set_number,
    _set_number,
    _set_number,
    _scatter,
    _delete,
    _repeat,
    _insert,
    _truncate,
    _splice,
)


def _with_checksums(png: bytes) -> bytes:
    """Mend the checksums of a PNG's chunks, so that what they guard is reached."""
    parts, place = [png[:8]], 8
    while place + 12 <= len(png):
        (size,) = struct.unpack_from(">I", png, place)
        body = png[place + 4 : place + 8 + size]
        parts += [png[place : place + 4], body, struct.pack(">I", zlib.crc32(body))]
        place += 12 + size
    return b"".join([*parts, png[place:]])


def damaged_file(seed: int, index: int) -> tuple[str, bytes]:
    """Give the damaged file of a number, always the same, and the name of what it was."""
    rng = np.random.default_rng([seed, index])
    files = seed_files()
    names = list(files)
    name = names[rng.integers(len(names))]
    return name, mutate(files[name], list(files.values()), rng)


# What is asked of each case, and what an answer must look like.


@dataclass(frozen=True)
class Outcome:
    """What came of a case: `kind` is "answered" or an error's name, `failure` what was wrong."""

    kind: str
    failure: str | None = None


@functools.cache
def _classifier() -> DigitClassifier:
    return DigitClassifier(threads=1)


def _are_batches(answer: Any) -> bool:
    return (
        answer.dtype == np.float32
        and answer.shape[1:] == (28, 28, 1)
        and bool(np.isfinite(answer).all())
        and (not answer.size or (answer.min() >= 0 and answer.max() <= 1))
    )


def _are_digits(answer: Any) -> bool:
    digits = np.atleast_1d(answer)
    return digits.dtype == np.int64 and bool(((digits >= 0) & (digits <= 9)).all())


def _are_probabilities(answer: Any) -> bool:
    return answer.shape[-1] == 10 and bool(np.allclose(answer.sum(axis=-1), 1, atol=1e-5))


def _are_steps(answer: Any) -> bool:
    return all(step.picture.ndim == 2 for step in answer)


# Each public way in, with how its answers look.
WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], bool]]] = {
    "preprocess": (preprocess, _are_batches),
    "predict": (predict, _are_digits),
    "predict_proba": (predict_proba, _are_probabilities),
    "explain": (explain, _are_steps),
    "DigitClassifier.predict": (lambda images: _classifier().predict(images), _are_digits),
    "DigitClassifier.iter_proba": (
        lambda images: np.array(list(_classifier().iter_proba(images))).reshape(-1, 10),
        _are_probabilities,
    ),
}


def outcome_of(way: str, images: Any) -> Outcome:
    """Try one way in; anything but a right answer or the library's own error is a failure."""
    call, is_right = WAYS[way]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module=r"PIL\.")  # of damage that it reads past
        try:
            answer = call(images)
        except DigitcnnError as error:
            outcome = Outcome(type(error).__name__, _flaw(str(error)))
        # Whatever else is raised is what the fuzzer is after.
        except Exception as error:  # noqa: BLE001
            return Outcome("failed", f"{way} raised {type(error).__name__}: {error}")
        else:
            wrong = None if is_right(answer) else f"{way} answered {answer!r:.200}"
            outcome = Outcome("answered", wrong)
    if caught and outcome.failure is None:
        first = caught[0]
        return Outcome(outcome.kind, f"{way} warned {first.category.__name__}: {first.message}")
    return outcome


def _flaw(message: str) -> str | None:
    """Say what a message lacks: the item's name, what was got, and how to put it right."""
    named = message.startswith(("`images` ", "`images[", "`image` "))
    cured = message.rstrip().endswith(".") and ". " in message
    if named and " must " in message and "; got " in message and cured:
        return None
    return f"a message that does not name the item and the cure: {message}"
