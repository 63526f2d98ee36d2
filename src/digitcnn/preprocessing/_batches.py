"""Any images, in canonical batches of bounded size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import PurePath
from typing import TypeGuard

import numpy as np

from digitcnn.detection.single import Inspect
from digitcnn.errors import DigitcnnError, InvalidImageError
from digitcnn.images.forms import (
    CHANNELS,
    as_array,
    form_of,
    is_single,
    iter_items,
    refuse_planes,
)
from digitcnn.images.pictures import Picture, array_picture, open_picture
from digitcnn.images.values import (
    IMAGE_SIDE,
    PIXEL_MAX,
    plane_scale,
    to_pixel_values,
    to_plane_values,
)
from digitcnn.preprocessing._geometry import are_canonical, is_canonical
from digitcnn.preprocessing._pipeline import normalize

# Enough to fill the cores, little enough to stay in their caches: 0.8 MB of float32.
CHUNK_SIZE = 256

Failures = dict[int, DigitcnnError] | None

# Files that are opened at the same time, each of which takes the memory of a whole picture.
_MOST_AT_ONCE = 4


def batches_of(
    images: object,
    *,
    chunk_size: int = CHUNK_SIZE,
    threads: int = 1,
    failures: Failures = None,
    inspect: Inspect | None = None,
) -> Iterator[np.ndarray]:
    """Yield canonical batches of at most `chunk_size` images, in order.

    Parameters
    ----------
    images : image or iterable of images
        As :func:`digitcnn.preprocess` takes them; an iterator is read only as far as needed.
    chunk_size : int
        Images in a batch, which bounds the memory in use.
    threads : int
        How many threads, up to four, may open the files of a list.
    failures : dict, optional
        Takes the error of each image that cannot be read, by its index, no later than its batch
        comes, in which a blank image stands for it. Without, the first such error is raised.
    inspect : callable, optional
        Sees what is found in each picture that takes a look and is not of MNIST's own size, and
        raises what speaks against it.

    Yields
    ------
    batch : ndarray of float32, shape (n, 28, 28, 1)
        Ink in [0, 1]; `n` is `chunk_size` but for the last.
    """
    care = _Care(failures, inspect)
    if is_single(images):
        # MNIST's own images, one at a time, are what loops over data sets ask for.
        if _is_mnist_image(images) and is_canonical(images):
            yield _to_batch(images[None])
        else:
            yield _to_batch(_normalize_item(None, images, care)[None])
    elif form_of(images) == "array":
        yield from _array_batches(as_array(images), chunk_size, care)
    else:
        threads = min(threads, chunk_size, _MOST_AT_ONCE)
        if threads > 1 and _are_files(images):
            yield from _file_batches(images, chunk_size, threads, care)
        else:
            yield from _item_batches(iter_items(images), chunk_size, care)


@dataclass(frozen=True)
class _Care:
    """What happens to images one by one: where their errors go, and what sees them first."""

    failures: Failures
    inspect: Inspect | None

    def normalize(self, picture: Picture) -> np.ndarray:
        """Normalise a picture to uint8 pixels of shape (28, 28); only a larger one is inspected."""
        is_small = picture.plane.shape == (IMAGE_SIDE, IMAGE_SIDE)
        return normalize(picture, None if is_small else self.inspect)

    @contextlib.contextmanager
    def naming(self, index: int | None) -> Iterator[None]:
        """Name in an error raised inside which image it is about; keep it where that is asked."""
        try:
            yield
        except DigitcnnError as error:
            error.index = index
            if self.failures is None:
                raise
            self.failures[index or 0] = error


def _is_mnist_image(image: object) -> TypeGuard[np.ndarray]:
    """Recognize an array of the form that MNIST holds its images in."""
    return (
        type(image) is np.ndarray  # matrices and masked arrays have rules of their own
        and image.dtype == np.uint8
        and image.shape == (IMAGE_SIDE, IMAGE_SIDE)
    )


def _are_files(images: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    """Recognize several files that are there at once and open without the caller's code."""
    return (
        isinstance(images, list | tuple)
        and len(images) > 1
        and all(isinstance(image, str | bytes | PurePath) for image in images)
    )


def _file_batches(
    files: list[object] | tuple[object, ...], chunk_size: int, threads: int, care: _Care
) -> Iterator[np.ndarray]:
    """Normalise files several at a time: Pillow decodes one while another is worked on."""
    # Not before it is needed: a first answer does without.
    from concurrent.futures import ThreadPoolExecutor

    for start in range(0, len(files), chunk_size):
        chunk = files[start : start + chunk_size]
        # No thread outlives a batch, however long the caller takes to ask for the next.
        with ThreadPoolExecutor(threads) as pool:
            indices = range(start, start + len(chunk))
            rows = list(pool.map(_normalize_item, indices, chunk, repeat(care)))
        yield _to_batch(np.stack(rows))


def _item_batches(images: Iterator[object], chunk_size: int, care: _Care) -> Iterator[np.ndarray]:
    """Normalise single images as they come, each before the next is asked for."""
    items = enumerate(images)
    while chunk := [_normalize_item(*item, care) for item in islice(items, chunk_size)]:
        yield _to_batch(np.stack(chunk))


def _normalize_item(index: int | None, image: object, care: _Care) -> np.ndarray:
    """Normalise one image, of many if it has an index, to uint8 pixels of shape (28, 28)."""
    with care.naming(index):
        return care.normalize(open_picture(image))
    return np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)


def _array_batches(array: np.ndarray, chunk_size: int, care: _Care) -> Iterator[np.ndarray]:
    """Normalise slices of one array of shape (N, H, W) or (N, H, W, C)."""
    if array.shape == (0,):
        return
    is_batch = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in CHANNELS)
    if not is_batch:
        raise InvalidImageError(
            argument="images",
            rule="have shape (H, W), (H, W, C), (N, H, W) or (N, H, W, C) with 1 to 4 channels",
            got=array.shape,
            remedy="Move the channels last.",
        )
    refuse_planes(array)
    try:
        scale = plane_scale(array)
    except InvalidImageError:
        is_sound = np.zeros(len(array), bool)
        for index, image in enumerate(array):
            with care.naming(index):
                plane_scale(image)
                is_sound[index] = True
        if is_sound.all():
            raise
        scale = plane_scale(array[is_sound])
        array = np.where(is_sound.reshape(-1, *[1] * (array.ndim - 1)), array, np.zeros_like(array))
    for start in range(0, len(array), chunk_size):
        chunk = array[start : start + chunk_size]
        yield _to_batch(_normalize_array(chunk, scale, start, care))


def _normalize_array(chunk: np.ndarray, scale: int, first_index: int, care: _Care) -> np.ndarray:
    """Normalise a slice of an array; what is canonical already is only copied."""
    if chunk.shape[1:] in ((IMAGE_SIDE, IMAGE_SIDE), (IMAGE_SIDE, IMAGE_SIDE, 1)):
        pixels = chunk.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
        if pixels.dtype != np.uint8:
            pixels = to_pixel_values(to_plane_values(pixels, scale))
        canonical = are_canonical(pixels)
        if canonical.all():
            return pixels
    else:
        pixels = np.empty((len(chunk), IMAGE_SIDE, IMAGE_SIDE), np.uint8)
        canonical = np.zeros(len(chunk), bool)
    result = pixels.copy()
    for offset in np.flatnonzero(~canonical):
        index = first_index + int(offset)
        result[offset] = 0
        if care.failures and index in care.failures:
            continue
        with care.naming(index):
            result[offset] = care.normalize(array_picture(chunk[offset], scale))
    return result


def _to_batch(pixels: np.ndarray) -> np.ndarray:
    """Scale uint8 pixels to float32 ink in [0, 1] with a channel axis."""
    return (pixels / np.float32(PIXEL_MAX))[..., None]
