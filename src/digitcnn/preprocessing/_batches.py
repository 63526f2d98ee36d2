"""One image or many: telling them apart, and bringing them to batches of bounded size."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from digitcnn.errors import DigitcnnError, InvalidImageError
from digitcnn.preprocessing._decoding import (
    COLOR_CHANNELS,
    decode,
    decode_array,
    plane_scale,
    scale_to_plane,
)
from digitcnn.preprocessing._geometry import IMAGE_SIDE, PIXEL_MAX, is_canonical
from digitcnn.preprocessing._pipeline import normalize, to_pixel_values

# Enough to fill the cores, little enough to stay in their caches: 0.8 MB of float32.
CHUNK_SIZE = 256


def is_single(images: Any) -> bool:
    """Tell one image from many, by form alone.

    An array of rank 3 whose last axis is 1, 3 or 4 long is one image (H, W, C); any other array
    of rank 3 is a batch (N, H, W).
    """
    if isinstance(images, (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)):
        return True
    if hasattr(images, "__array__"):
        shape = np.shape(images)
        return len(shape) < 3 or (len(shape) == 3 and shape[2] in COLOR_CHANNELS)
    return hasattr(images, "read")


def batches_of(images: Any, *, chunk_size: int = CHUNK_SIZE) -> Iterator[np.ndarray]:
    """Yield canonical batches of at most `chunk_size` images, in order.

    Parameters
    ----------
    images : image or iterable of images
        As :func:`digitcnn.preprocess` takes them; an iterator is read only as far as needed.
    chunk_size : int
        Images in a batch, which bounds the memory in use.

    Yields
    ------
    batch : ndarray of float32, shape (n, 28, 28, 1)
        Ink in [0, 1]; `n` is `chunk_size` but for the last.
    """
    if is_single(images):
        yield _to_batch(normalize(decode(images))[None])
    elif hasattr(images, "__array__"):
        yield from _array_batches(np.asarray(images), chunk_size)
    elif isinstance(images, Iterable) and not isinstance(images, dict):
        yield from _item_batches(iter(images), chunk_size)
    else:
        raise InvalidImageError(
            "`images` must be a path, bytes, binary file, PIL image, array, or an iterable of "
            f"those; got {type(images).__name__}. Convert it with numpy.asarray or PIL.Image first."
        )


def _item_batches(items: Iterator[Any], chunk_size: int) -> Iterator[np.ndarray]:
    """Decode and normalise single images as they come."""
    index = 0
    while chunk := list(islice(items, chunk_size)):
        planes = []
        for offset, item in enumerate(chunk):
            with _named(index + offset):
                planes.append(decode(item))
        yield _to_batch(_normalize_all(planes, first_index=index))
        index += len(chunk)


def _array_batches(array: np.ndarray, chunk_size: int) -> Iterator[np.ndarray]:
    """Normalise slices of one array of shape (N, H, W) or (N, H, W, C)."""
    is_batch = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in COLOR_CHANNELS)
    if not is_batch:
        raise InvalidImageError(
            "`images` must have shape (H, W), (H, W, C), (N, H, W) or (N, H, W, C) with 1, 3 or 4 "
            f"channels; got {array.shape}. Move the channels last."
        )
    try:
        scale = plane_scale(array)
    except InvalidImageError:
        for index, image in enumerate(array):
            with _named(index):
                plane_scale(image)
        raise
    for start in range(0, len(array), chunk_size):
        chunk = array[start : start + chunk_size]
        yield _to_batch(_normalize_array(chunk, scale, first_index=start))


def _normalize_array(chunk: np.ndarray, scale: float, *, first_index: int) -> np.ndarray:
    """Normalise a slice of an array; what is canonical already is only copied."""
    if chunk.shape[1:] in ((IMAGE_SIDE, IMAGE_SIDE), (IMAGE_SIDE, IMAGE_SIDE, 1)):
        chunk = chunk.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
        if chunk.dtype == np.uint8:
            pixels = chunk
        else:
            pixels = to_pixel_values(scale_to_plane(chunk, scale))
        canonical = is_canonical(pixels)
        if canonical.all():
            return pixels
    else:
        pixels = np.empty((len(chunk), IMAGE_SIDE, IMAGE_SIDE), np.uint8)
        canonical = np.zeros(len(chunk), bool)
    result = pixels.copy()
    for offset in np.flatnonzero(~canonical):
        with _named(first_index + int(offset)):
            result[offset] = normalize(decode_array(chunk[offset], scale))
    return result


def _normalize_all(planes: list[np.ndarray], *, first_index: int) -> np.ndarray:
    """Normalise planes of any sizes to uint8 pixels of shape (n, 28, 28)."""
    pixels = np.empty((len(planes), IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    for offset, plane in enumerate(planes):
        with _named(first_index + offset):
            pixels[offset] = normalize(plane)
    return pixels


def _to_batch(pixels: np.ndarray) -> np.ndarray:
    """Scale uint8 pixels to float32 ink in [0, 1] with a channel axis."""
    return (pixels / np.float32(PIXEL_MAX))[..., None]


class _named:  # noqa: N801 - reads as the statement `with _named(3):`
    """Put the index of the image into the message of an error raised inside."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DigitcnnError):
            message = str(error).replace("`images`", f"`images[{self.index}]`", 1)
            raise type(error)(message) from error
