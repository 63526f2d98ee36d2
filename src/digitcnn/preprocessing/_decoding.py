"""From any one picture to a plane of grey: files, bytes, PIL images and arrays.

The plane is uint16, 0..65535, whatever came in: 8-bit values times 257 are exact there, so that the same picture gives the
same plane as a PNG, as uint8 and as float32, and a negative is the exact mirror of its positive.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digitcnn.errors import ImageReadError, InvalidImageError, NoDigitError
from digitcnn.preprocessing._geometry import PIXEL_MAX

PLANE_MAX = 65535
PLANE_PER_PIXEL = PLANE_MAX // PIXEL_MAX

# Pictures are shrunk to this many pixels on the longer side before anything looks at them: a
# digit that fills a tenth of the frame still has more than the 20 pixels it ends up with.
WORKING_SIDE = 512

# ITU-R BT.601 luma in 16-bit fixed point, as Pillow's convert("L") has it; the weights add up
# to exactly 65536, so equal channels give back their value.
_LUMA = (19595, 38470, 7471)

# A colour contrast this many times stronger than the contrast of the luma is what the eye sees:
# red ink on a green ground of the same brightness has no luma contrast at all.
_COLOR_ADVANTAGE = 2.0

# An opaque part larger than this is a picture with see-through margins, not ink on nothing.
_MOSTLY_OPAQUE = 0.6

COLOR_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA: lengths of an image's last axis

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def decode(image: Any) -> np.ndarray:
    """Turn one picture of any accepted form into a plane of grey.

    Parameters
    ----------
    image : str, os.PathLike, bytes, binary file, PIL.Image.Image or array_like
        One picture; see :func:`digitcnn.preprocess` for what each form may hold.

    Returns
    -------
    plane : ndarray of uint16, shape (H, W)
        Grey values 0..65535, no longer than 512 pixels on a side; ink dark or bright, as it came.

    Raises
    ------
    ImageReadError
        If a file cannot be opened or decoded.
    InvalidImageError
        If the values or the shape are not those of a picture.
    NoDigitError
        If the picture has no pixels.
    """
    if isinstance(image, Image.Image):
        channels = _from_pil(image)
    elif isinstance(image, (str, os.PathLike)):
        channels = _from_file(image)
    elif isinstance(image, (bytes, bytearray, memoryview)):
        channels = _from_file(io.BytesIO(image))
    elif hasattr(image, "read"):
        channels = _from_file(_readable(image))
    elif hasattr(image, "__array__"):
        values = np.asarray(image)
        return decode_array(values, plane_scale(values))
    else:
        raise InvalidImageError(
            f"`images` must hold paths, bytes, binary files, PIL images or arrays; got "
            f"{type(image).__name__}. Convert it with numpy.asarray or PIL.Image first."
        )
    return _to_gray(channels)


def decode_array(values: np.ndarray, scale: int) -> np.ndarray:
    """Turn one array, whose values :func:`plane_scale` has judged, into a plane of grey."""
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in COLOR_CHANNELS:
        raise InvalidImageError(
            f"`images` must hold arrays of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); got "
            f"{values.shape}. Move the channels last."
        )
    if values.size == 0:
        raise NoDigitError(
            f"`images` must hold pictures with pixels; got shape {values.shape}. Drop it."
        )
    return _to_gray(_shrink(scale_to_plane(values, scale)))


def to_plane_values(values: np.ndarray) -> np.ndarray:
    """Rescale the values of an array, of any shape, to uint16 in 0..65535."""
    return scale_to_plane(values, plane_scale(values))


def scale_to_plane(values: np.ndarray, scale: int) -> np.ndarray:
    """Multiply values that :func:`plane_scale` has judged, and round to uint16."""
    if values.dtype.kind == "f":
        return np.rint(values.astype(np.float64) * scale).astype(np.uint16)
    return values.astype(np.uint16) * np.uint16(scale)


def plane_scale(values: np.ndarray) -> int:
    """Find how many of the plane's 65,535 levels one unit of an array's values is worth.

    Integers span 0..255 (uint16: 0..65535), floats 0..1, booleans are 0 or 1. A float array that
    reaches above 1 is taken as 0..255 if it holds whole numbers only.

    Raises
    ------
    InvalidImageError
        If the dtype or a value is not one of a picture.
    """
    kind, itemsize = values.dtype.kind, values.dtype.itemsize
    if kind == "b":
        return PLANE_MAX
    if kind == "u" and itemsize == np.dtype(np.uint16).itemsize:
        return 1
    if kind in "iu":
        if itemsize > 1 or kind == "i":
            _check_range(values, PIXEL_MAX, "integers in 0..255")
        return PLANE_PER_PIXEL
    if kind == "f":
        return _float_scale(values)
    raise InvalidImageError(
        f"`images` must hold integers, floats or booleans; got dtype {values.dtype}. "
        "Convert it with .astype(numpy.uint8) first."
    )


def _float_scale(values: np.ndarray) -> int:
    """Tell finite floats in 0..1 from whole-numbered ones in 0..255."""
    if not np.isfinite(values).all():
        bad = "NaN" if np.isnan(values).any() else "infinity"
        raise InvalidImageError(
            f"`images` must hold finite values; got {bad}. Replace or drop it first."
        )
    if not values.size or values.max() <= 1:
        _check_range(values, 1, "floats in 0..1")
        return PLANE_MAX
    if (values != np.rint(values)).any():
        raise InvalidImageError(
            f"`images` must hold floats in 0..1; got values up to {values.max():.6g} that are "
            "not whole numbers. Divide by the largest value the format allows, or clip."
        )
    _check_range(values, PIXEL_MAX, "floats in 0..1, or whole numbers in 0..255")
    return PLANE_PER_PIXEL


def _check_range(values: np.ndarray, highest: int, rule: str) -> None:
    """Refuse values below 0 or above `highest`."""
    if values.size and (values.min() < 0 or values.max() > highest):
        raise InvalidImageError(
            f"`images` must hold {rule}; got values from {values.min():.6g} to "
            f"{values.max():.6g}. Rescale them first."
        )


def _readable(file: Any) -> io.BytesIO:
    """Read an open file to its end, and refuse one that gives text."""
    content = file.read()
    if not isinstance(content, bytes):
        raise InvalidImageError(
            f"`images` must hold binary files; got one whose read() gives "
            f"{type(content).__name__}. Open it with mode 'rb'."
        )
    return io.BytesIO(content)


def _from_file(source: str | os.PathLike[str] | io.BytesIO) -> np.ndarray:
    """Open and decode a picture file; the message of a failure names the file."""
    name = "encoded bytes" if isinstance(source, io.BytesIO) else f"{os.fspath(source)!r}"
    try:
        with Image.open(source) as opened:
            # JPEG can decode at 1/2, 1/4 or 1/8 size for a fraction of the time.
            opened.draft(None, (WORKING_SIDE, WORKING_SIDE))
            return _from_pil(opened)
    except UnidentifiedImageError as error:
        raise ImageReadError(_unidentified(source, name)) from error
    except Image.DecompressionBombError as error:
        raise InvalidImageError(
            f"`images` must hold pictures of sane size; got {name}: {error}. "
            "Crop or shrink it first."
        ) from error
    except (InvalidImageError, NoDigitError):
        raise
    except FileNotFoundError as error:
        raise ImageReadError(
            f"`images` must name existing files; got {name}. Check the path."
        ) from error
    # Pillow's decoders raise many kinds on damaged files: SyntaxError, ValueError, struct.error,
    # IndexError, zlib.error and more.
    except Exception as error:
        raise ImageReadError(
            f"`images` must hold readable pictures; got {name}, which fails with: {error}. "
            "Open it in an image viewer and save it again as PNG."
        ) from error


def _unidentified(source: str | os.PathLike[str] | io.BytesIO, name: str) -> str:
    """Say why Pillow does not know a file: HEIC has a cure, the rest is no picture."""
    if isinstance(source, io.BytesIO):
        head = source.getvalue()[:12]
    else:
        with open(source, "rb") as file:  # noqa: PTH123 - `source` may be any os.PathLike
            head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return (
            f"`images` must hold pictures that Pillow can open; got {name}, which is HEIC or AVIF. "
            "Save it as JPEG or PNG, or install pillow-heif and call "
            "pillow_heif.register_heif_opener()."
        )
    return (
        f"`images` must hold pictures that Pillow can open; got {name}, which is of no known "
        "format. Save it as PNG or JPEG."
    )


def _from_pil(image: Image.Image) -> np.ndarray:
    """Take the pixels of a PIL image, upright, as uint16 of shape (H, W, 1, 3 or 4)."""
    if 0 in image.size:
        raise NoDigitError(
            f"`images` must hold pictures with pixels; got one of size {image.size}. Drop it."
        )
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        # Pillow's convert("L") would clip these to white.
        values = _from_wide_mode(np.asarray(ImageOps.exif_transpose(image)))
        return _shrink(values)
    target = _eight_bit_mode(image)
    if image.mode in ("1", "P", "PA"):
        # Palette indices and bits cannot be averaged; colours can.
        image = image.convert(target)
    factor = -(-max(image.size) // WORKING_SIDE)
    if factor > 1:
        image = image.reduce(factor)
    if image.mode != target:
        image = image.convert(target)
    pixels = np.asarray(ImageOps.exif_transpose(image))
    return to_plane_values(pixels if pixels.ndim == 3 else pixels[:, :, None])


def _eight_bit_mode(image: Image.Image) -> str:
    """Name the mode of L, LA, RGB, RGBA that loses nothing of the image."""
    has_alpha = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if has_alpha:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


def _from_wide_mode(values: np.ndarray) -> np.ndarray:
    """Rescale 16-bit, 32-bit and float pixels by the least common range that holds them."""
    if not np.isfinite(values).all():
        raise InvalidImageError(
            "`images` must hold finite values; got NaN or infinity. Replace or drop it first."
        )
    low, high = float(values.min()), float(values.max())
    is_integer = values.dtype.kind in "iu"
    spans = (PIXEL_MAX, PLANE_MAX) if is_integer else (1, PIXEL_MAX, PLANE_MAX)
    if values.dtype == np.uint16:
        spans = (PLANE_MAX,)
    span = next((span for span in spans if high <= span), None)
    if low < 0 or span is None:
        # No common range: stretch what is there. A flat picture stays flat.
        values, span = values.astype(np.float64) - low, max(high - low, 1)
    scaled = np.rint(values.astype(np.float64) * (PLANE_MAX / span)).astype(np.uint16)
    return scaled[:, :, None]


def _shrink(channels: np.ndarray) -> np.ndarray:
    """Average whole blocks of pixels until the longer side fits the working size."""
    height, width = channels.shape[:2]
    factor = -(-max(height, width) // WORKING_SIDE)
    if factor <= 1:
        return channels
    rows = np.arange(0, height, factor)
    columns = np.arange(0, width, factor)
    sums = np.add.reduceat(channels, rows, axis=0, dtype=np.uint64)
    sums = np.add.reduceat(sums, columns, axis=1)
    sizes = np.outer(np.diff(np.append(rows, height)), np.diff(np.append(columns, width))).astype(
        np.uint64
    )[:, :, None]
    return ((2 * sums + sizes) // (2 * sizes)).astype(np.uint16)


def _to_gray(channels: np.ndarray) -> np.ndarray:
    """Reduce uint16 pixels of shape (H, W, 1, 3 or 4) to one plane."""
    if channels.shape[2] == 4:
        channels = flatten_alpha(channels)
    if channels.shape[2] == 1:
        return channels[:, :, 0]
    return choose_plane(channels)


def flatten_alpha(rgba: np.ndarray) -> np.ndarray:
    """Lay a picture with transparency over the ground that makes its ink visible.

    A picture that is opaque for the most part keeps its own ground; ink on nothing is laid over
    white where it is dark and over black where it is bright.

    Parameters
    ----------
    rgba : ndarray of uint16, shape (H, W, 4)
        Colour and opacity, 0..65535 each.

    Returns
    -------
    rgb : ndarray of uint16, shape (H, W, 3)
        The picture without transparency.
    """
    color, alpha = rgba[:, :, :3], rgba[:, :, 3:].astype(np.uint32)
    if alpha.min() == PLANE_MAX:
        return color
    opacity = alpha[:, :, 0] / PLANE_MAX
    if opacity.sum() == 0:
        raise NoDigitError(
            "`images` must hold visible pictures; got a fully transparent one. Drop it."
        )
    luma = _luma(color).astype(np.float64)
    if opacity.mean() > _MOSTLY_OPAQUE:
        solid = color[alpha[:, :, 0] == alpha.max()]
        ground = np.median(solid, axis=0).astype(np.uint32)
    else:
        is_dark = np.average(luma, weights=opacity) <= PLANE_MAX / 2
        ground = np.full(3, PLANE_MAX if is_dark else 0, np.uint32)
    # In uint64: products of two 16-bit values, doubled for rounding, pass 32 bits.
    blended = color.astype(np.uint64) * alpha + ground.astype(np.uint64) * (PLANE_MAX - alpha)
    return ((2 * blended + PLANE_MAX) // (2 * PLANE_MAX)).astype(np.uint16)


def choose_plane(rgb: np.ndarray) -> np.ndarray:
    """Reduce colours to the grey that shows the ink: the luma, or else the main axis of colour.

    Parameters
    ----------
    rgb : ndarray of uint16, shape (H, W, 3)
        Colours, 0..65535 each.

    Returns
    -------
    plane : ndarray of uint16, shape (H, W)
        BT.601 luma; where colours differ clearly more along another direction, the position
        along the first principal component of the colours, stretched to 0..65535.
    """
    luma = _luma(rgb)
    if np.array_equal(rgb[:, :, 0], rgb[:, :, 1]) and np.array_equal(rgb[:, :, 1], rgb[:, :, 2]):
        return luma
    colors = rgb.reshape(-1, 3).astype(np.float64) / PLANE_MAX
    variances, axes = np.linalg.eigh(np.cov(colors, rowvar=False, bias=True))
    axis = axes[:, -1] / np.abs(axes[:, -1]).sum()
    color_contrast = np.sqrt(max(variances[-1], 0.0)) * np.linalg.norm(axis)
    luma_contrast = luma.std() / PLANE_MAX
    if color_contrast <= _COLOR_ADVANTAGE * luma_contrast or color_contrast == 0:
        return luma
    position = colors @ axis
    spread = np.ptp(position)
    return (
        np.rint((position - position.min()) / spread * PLANE_MAX)
        .astype(np.uint16)
        .reshape(luma.shape)
    )


def _luma(rgb: np.ndarray) -> np.ndarray:
    """Weigh red, green and blue as the eye does, in whole numbers."""
    red, green, blue = (rgb[:, :, channel].astype(np.uint32) for channel in range(3))
    # The weights add up to 2**16, so the sum stays below 2**32 with its rounding term.
    weighted = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2] + 0x8000
    return (weighted >> 16).astype(np.uint16)
