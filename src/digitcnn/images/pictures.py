"""Pictures of any accepted form, seen as a whole at working size or closer where the digit is."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from PIL import Image

from digitcnn.errors import DigitcnnError, ImageReadError, InvalidImageError, NoDigitError
from digitcnn.images.files import opened, read_file, read_path, reading
from digitcnn.images.forms import (
    CHANNELS,
    as_array,
    as_bytes,
    conversion,
    drawn_on,
    form_of,
    is_single,
    iter_items,
    refuse_planes,
    refuse_table,
)
from digitcnn.images.gray import is_opaque_gray, to_gray
from digitcnn.images.values import (
    PLANE_PER_PIXEL,
    average_blocks,
    plane_scale,
    stretch,
    to_pixel_values,
    to_plane_values,
    wide_span,
)

# Pictures are shrunk to this many pixels on the longer side before anything looks at them; where
# the digit turns out to be small, its surroundings are looked at again.
WORKING_SIDE = 512

# Top, left, bottom and right as parts of the whole picture's sides.
Region = tuple[float, float, float, float]
_WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

# What brings the pixels of a file upright, by EXIF's number: swap the axes, then reverse the
# rows, then the columns.
_ORIENTATIONS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
_EXIF_ORIENTATION = 0x0112

# Pixels that are converted at a time.
_STRIP_PIXELS = 2**22


@dataclass(frozen=True)
class View:
    """A region of a picture: its channels, uint8 or uint16 (H, W, 1, 3 or 4).

    `reduction` is how many pixels of the original one of theirs stands for, and `size` the
    original's width and height, both upright.
    """

    channels: np.ndarray
    reduction: int
    size: tuple[int, int]


# From a region, and how many pixels it may be long, to what is seen there.
Look = Callable[[Region, int], View]


@dataclass(frozen=True)
class Picture:
    """One picture, or a part of one, as a plane of grey.

    Attributes
    ----------
    values : ndarray of uint8 or uint16, shape (H, W)
        Grey values of the type's whole range; ink dark or bright, as it came.
    look : callable
        Gives a region of the whole, no longer than asked for, as a `View`; None where there is no
        more to see.
    region : tuple of float
        The part of the whole that the plane shows.
    reduction : int
        How many pixels of the original, along a side, one of the plane's stands for.
    size : tuple of int
        Width and height of the whole original in pixels, as a person sees it.
    """

    values: np.ndarray
    look: Look | None = None
    region: Region = _WHOLE
    reduction: int = 1
    size: tuple[int, int] = (0, 0)

    @cached_property
    def plane(self) -> np.ndarray:
        """The values as uint16, 0..65535."""
        if self.values.dtype == np.uint16:
            return self.values
        return to_plane_values(self.values, PLANE_PER_PIXEL)

    @property
    def gray(self) -> np.ndarray:
        """The values as uint8, rounded so that a negative's is the negative of it."""
        return self.values if self.values.dtype == np.uint8 else to_pixel_values(self.values)

    def closer(self, box: tuple[int, int, int, int], least: int) -> Picture:
        """Show a box of the plane, in as many of the original's pixels as 512 allow.

        The original is decoded again only where the plane has fewer than `least` along the box.
        """
        top, left, bottom, right = box
        is_enough = max(bottom - top, right - left) >= least
        if self.look is None or self.reduction == 1 or is_enough:
            return Picture(self.values[top:bottom, left:right])
        height, width = self.values.shape
        first, start, last, end = self.region
        region = (
            first + (last - first) * top / height,
            start + (end - start) * left / width,
            first + (last - first) * bottom / height,
            start + (end - start) * right / width,
        )
        return _seen(self.look, region)


def open_picture(image: object, *, side: int = WORKING_SIDE) -> Picture:
    """Turn one picture of any accepted form into a plane of grey at working size.

    Parameters
    ----------
    image : str, os.PathLike, bytes, binary file, PIL.Image.Image or array_like
        One picture; see :func:`digitcnn.preprocess` for what each form may hold.
    side : int
        The plane's longest side in pixels: a larger picture is shrunk by a whole number.

    Returns
    -------
    picture : Picture

    Raises
    ------
    ImageReadError
        If a file cannot be opened or decoded.
    InvalidImageError
        If the values or the shape are not those of a picture.
    NoDigitError
        If the picture has no pixels, or none that is visible.
    """
    form = form_of(image)
    if form == "PIL image":
        return _pil_picture(cast("Image.Image", image), side)
    if form == "path":
        path = cast("str | os.PathLike[Any]", image)
        return _seen(_file_look(read_path(path), repr(os.fspath(path))), _WHOLE, side)
    if form == "bytes":
        return _seen(_file_look(as_bytes(image), "encoded bytes"), _WHOLE, side)
    if form == "array":
        values = as_array(image)
        refuse_table(values)
        return array_picture(values, plane_scale(values), side=side)
    if form == "file":
        return _seen(_file_look(read_file(image), "an open file"), _WHOLE, side)
    if form == "canvas":
        return open_picture(drawn_on(image), side=side)
    raise InvalidImageError(
        argument="images",
        rule="hold paths, bytes, binary files, PIL images or arrays",
        got=type(image).__name__,
        remedy=conversion(image),
    )


def iter_pictures(images: object, *, side: int) -> Iterator[Picture | DigitcnnError]:
    """Yield each picture as a plane of grey, opened only as it is asked for, or why it cannot be.

    Parameters
    ----------
    images : image or iterable of images
        As :func:`digitcnn.preprocess` takes them.
    side : int
        The planes' longest side in pixels.

    Yields
    ------
    picture : Picture or DigitcnnError
    """
    if is_single(images):
        items: Iterable[tuple[int | None, object]] = [(None, images)]
    elif form_of(images) == "array":
        array = as_array(images)
        refuse_planes(array)
        items = enumerate(array)
    else:
        items = enumerate(iter_items(images))
    for index, image in items:
        try:
            yield open_picture(image, side=side)
        except DigitcnnError as error:
            error.index = index
            yield error


def _pil_picture(image: Image.Image, side: int) -> Picture:
    """Open a PIL image; one whose file is closed says so."""
    try:
        return _seen(_image_look(image, "a PIL image"), _WHOLE, side)
    except ImageReadError as error:
        file = getattr(image, "fp", None)
        if file is None or getattr(file, "closed", False):
            error.remedy = "Call its load() before its file is closed, or pass the path."
        raise


def array_picture(values: np.ndarray, scale: int, *, side: int = WORKING_SIDE) -> Picture:
    """Show one array, whose values :func:`plane_scale` has judged."""
    shape = values.shape
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in CHANNELS:
        raise InvalidImageError(
            argument="images",
            rule="hold arrays of shape (H, W) or (H, W, C) with 1 to 4 channels",
            got=shape,
            remedy="Move the channels last.",
        )
    if values.size == 0:
        raise NoDigitError(
            argument="images",
            rule="hold pictures with pixels",
            got=f"an array of shape {shape}",
            remedy="Drop it.",
        )

    if values.shape[2] == 2:
        values = values[:, :, (0, 0, 0, 1)]  # grey with opacity, as RGBA

    def look(region: Region, side: int) -> View:
        height, width = values.shape[:2]
        top, left, bottom, right = _in_pixels(region, height, width)
        factor = _least_factor(bottom - top, right - left, side)
        blocks = average_blocks(values[top:bottom, left:right], scale, factor)
        return View(blocks, factor, (width, height))

    return _seen(look, _WHOLE, side)


def _seen(look: Look, region: Region, side: int = WORKING_SIDE) -> Picture:
    """Look at a region and reduce it to grey."""
    view = look(region, side)
    return Picture(to_gray(view.channels), look, region, view.reduction, view.size)


def _file_look(content: bytes, name: str) -> Look:
    """Decode an encoded picture anew for each look, no finer than it needs."""

    def look(region: Region, side: int) -> View:
        with opened(content, name) as image:
            whole = image.size
            longer = max(whole)
            # JPEG can decode at 1/2, 1/4 or 1/8 size for a fraction of the time. The region's
            # sides are taken in the order that makes them largest, as EXIF may turn it.
            part = max(region[2] - region[0], region[3] - region[1])
            factor = _least_factor(max(1, int(part * longer)), 1, side)
            image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))
            drafted = round(longer / max(image.size))
            view = _image_look(image, name)(region, side)
            # TIFF may have turned upright as it was loaded; by now all are.
            is_turned = (view.size[0] > view.size[1]) != (whole[0] > whole[1])
            size = (whole[1], whole[0]) if is_turned else whole
            return View(view.channels, drafted * view.reduction, size)

    return look


def _image_look(image: Image.Image, name: str) -> Look:
    """Look at a PIL image, upright."""
    if 0 in image.size:
        raise NoDigitError(
            argument="images",
            rule="hold pictures with pixels",
            got=f"{name} of size {image.size}",
            remedy="Drop it.",
        )

    def look(region: Region, side: int) -> View:
        with reading(name):
            # TIFF is turned upright as it is loaded, so its orientation is asked for afterwards.
            image.load()
            swap, *flips = _ORIENTATIONS.get(_orientation(image), (False, False, False))
            region = _turned_back(region, swap, *flips)
            top, left, bottom, right = _in_pixels(region, image.height, image.width)
            factor = _least_factor(bottom - top, right - left, side)
            channels = _channels(image, (left, top, right, bottom), factor)
        if swap:
            channels = channels.swapaxes(0, 1)
        upright = channels[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
        size = (image.height, image.width) if swap else image.size
        return View(upright, factor, size)

    return look


def _orientation(image: Image.Image) -> int:
    """Read EXIF's orientation; damaged EXIF says nothing."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    # A picture whose EXIF is damaged is a picture still; Pillow raises many kinds.
    except Exception:  # noqa: BLE001
        return 1


def _turned_back(region: Region, swap: bool, flip_rows: bool, flip_columns: bool) -> Region:
    """Find a region of the upright picture in the picture as it is stored."""
    top, left, bottom, right = region
    if flip_rows:
        top, bottom = 1 - bottom, 1 - top
    if flip_columns:
        left, right = 1 - right, 1 - left
    return (left, top, right, bottom) if swap else (top, left, bottom, right)


def _in_pixels(region: Region, height: int, width: int) -> tuple[int, int, int, int]:
    """Round a region outwards to whole pixels, at least one."""
    top, left, bottom, right = region
    first, start = min(int(top * height), height - 1), min(int(left * width), width - 1)
    last, end = math.ceil(bottom * height), math.ceil(right * width)
    return first, start, min(max(last, first + 1), height), min(max(end, start + 1), width)


def _least_factor(height: int, width: int, side: int) -> int:
    """Return the least whole number by which the longer side shrinks to so many pixels."""
    return -(-max(height, width) // side)


def _channels(image: Image.Image, box: tuple[int, int, int, int], factor: int) -> np.ndarray:
    """Take a box of a PIL image, block by block, as an array (H, W, 1, 3 or 4)."""
    # Strip by strip: 32-bit values as float64, a palette picture in full colour, and what is made
    # of them on the way take many times the picture's own memory.
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        # Pillow's convert("L") would clip these to white.
        whole = (0, 0, image.width, image.height)
        span = wide_span(np.asarray(strip) for strip in _strips(image, whole, 1))
        parts = [
            average_blocks(stretch(np.asarray(strip), *span)[:, :, None], 1, factor)
            for strip in _strips(image, box, factor)
        ]
    else:
        parts = []
        for strip in _strips(image, box, factor):
            pixels = np.asarray(_to_eight_bits(strip))
            pixels = pixels.reshape(*pixels.shape[:2], -1)
            # One strip of several may be grey where the others are not.
            if factor > 1 and strip.height == box[3] - box[1] and is_opaque_gray(pixels):
                pixels = pixels[:, :, :1]
            parts.append(average_blocks(pixels, PLANE_PER_PIXEL, factor))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _strips(
    image: Image.Image, box: tuple[int, int, int, int], factor: int
) -> Iterator[Image.Image]:
    """Cut a box into strips of whole blocks, each of a bounded number of pixels."""
    left, top, right, bottom = box
    rows = max(1, _STRIP_PIXELS // ((right - left) * factor)) * factor
    if rows >= bottom - top and (right - left, bottom - top) == image.size:
        yield image  # a crop would copy it
        return
    for start in range(top, bottom, rows):
        yield image.crop((left, start, right, min(start + rows, bottom)))


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert to the one of L, RGB and RGBA that loses nothing of the image."""
    if image.mode == "LAB":
        # Pillow converts it only with a colour profile; its first channel is the lightness.
        return image.getchannel(0)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        target = "RGBA"
    else:
        target = "L" if image.mode in ("1", "L") else "RGB"
    return image if image.mode == target else image.convert(target)
