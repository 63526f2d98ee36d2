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
    """Encode a digit in every format and mode that Pillow writes, and some that it only reads."""
    Image.init()
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010E: "a digit", 0x8298: "nobody", 0x011A: 72.0})
    gray = np.asarray(_drawn("L"))
    text = " ".join(map(str, gray.ravel()))
    files: dict[str, bytes | None] = {
        "PGM in text": f"P2\n# drawn\n{SIDE} {SIDE}\n255\n{text}\n".encode(),
        "PSD": b"8BPS"
        + struct.pack(">H6xHIIHH", 1, 1, SIDE, SIDE, 8, 1)
        + bytes(14)
        + gray.tobytes(),
        "SUN": struct.pack(">8I", 0x59A66A95, SIDE, SIDE, 8, SIDE * SIDE, 1, 0, 0) + gray.tobytes(),
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


# Where a program's arithmetic turns over.
_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000)
_MOST_BYTES = 200_000


def mutate(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Damage a file in a few places, mostly near its start, where the headers are."""
    damaged = bytearray(content)
    for _ in range(min(rng.geometric(0.5), 8)):
        reach = len(damaged) if rng.random() < 0.5 else min(len(damaged), 200)
        _change(damaged, int(rng.integers(0, max(reach, 1))), others, rng)
    if damaged[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.8:
        return _with_checksums(bytes(damaged[:_MOST_BYTES]))
    return bytes(damaged[:_MOST_BYTES])


def _change(content: bytearray, start: int, others: list[bytes], rng: np.random.Generator) -> None:
    """Flip, set, scatter, delete, repeat, insert, cut or splice bytes at a place."""
    size, other = int(rng.integers(1, 200)), others[rng.integers(len(others))]
    place, width = int(rng.integers(len(other))), int(rng.choice([1, 2, 4]))
    edge = _EDGES[rng.integers(len(_EDGES))] % 256**width
    match rng.integers(10):
        case 0 | 1:
            content[start : start + 1] = bytes(
                byte ^ 1 << int(rng.integers(8)) for byte in content[start : start + 1]
            )
        case 2 | 3:
            content[start : start + width] = edge.to_bytes(width, rng.choice(["little", "big"]))
        case 4:
            content[start : start + 8] = rng.bytes(min(8, len(content) - start))
        case 5:
            del content[start : start + size]
        case 6:
            content[start:start] = content[start : start + size]
        case 7:
            content[start:start] = rng.bytes(size)
        case 8:
            del content[max(start, 4) :]
        case 9:
            content[start : start + size] = other[place : place + size]


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
