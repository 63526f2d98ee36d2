"""One image or many: telling them apart, and bringing them to batches of bounded size."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import PurePath
from typing import TypeGuard

import numpy as np

from digitcnn.errors import DigitcnnError, InvalidImageError
from digitcnn.preprocessing._forms import COLOR_CHANNELS, as_array, form_of, refuse_planes
from digitcnn.preprocessing._geometry import IMAGE_SIDE, PIXEL_MAX, are_canonical, is_canonical
from digitcnn.preprocessing._pictures import Picture, array_picture, open_picture
from digitcnn.preprocessing._pipeline import normalize
from digitcnn.preprocessing._values import plane_scale, to_pixel_values, to_plane_values

# Enough to fill the cores, little enough to stay in their caches: 0.8 MB of float32.
CHUNK_SIZE = 256

Failures = dict[int, DigitcnnError] | None
Inspect = Callable[[Picture], None]

# Files that are opened at the same time, each of which takes the memory of a whole picture.
_MOST_AT_ONCE = 4


def is_single(images: object) -> bool:
    """Distinguish one image from many, by form alone.

    Parameters
    ----------
    images : image or iterable of images
        As :func:`digitcnn.preprocess` takes them.

    Returns
    -------
    single : bool
        An array of rank 3 whose last axis is 1, 3 or 4 long is one image (H, W, C); any other
        array of rank 3 is a batch (N, H, W).
    """
    form = form_of(images)
    if form != "array":
        return form is not None
    shape = _shape(images)
    # np.array([]) is no image of rank 1, but no images.
    if shape == (0,):
        return False
    return len(shape) < 3 or (len(shape) == 3 and shape[2] in COLOR_CHANNELS)


def _shape(images: object) -> tuple[int, ...]:
    """Ask for an array's shape without converting it, where it knows."""
    try:
        return tuple(images.shape)  # type: ignore[attr-defined]
    # Whatever a caller's own type raises, and what has no shape.
    except Exception:  # noqa: BLE001
        return as_array(images).shape


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
        Sees each picture but those of MNIST's own size, and raises what speaks against it.

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
            yield from _item_batches(_items(images), chunk_size, care)


@dataclass(frozen=True)
class _Care:
    """What happens to images one by one: where their errors go, and what sees them first."""

    failures: Failures
    inspect: Inspect | None

    def normalize(self, picture: Picture) -> np.ndarray:
        """Normalise a picture to uint8 pixels of shape (28, 28), once it is inspected."""
        if self.inspect is not None and picture.plane.shape != (IMAGE_SIDE, IMAGE_SIDE):
            self.inspect(picture)
        return normalize(picture)

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
        items = enumerate(_items(images))
    for index, image in items:
        try:
            yield open_picture(image, side=side)
        except DigitcnnError as error:
            error.index = index
            yield error


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


def _items(images: object) -> Iterator[object]:
    """Iterate; a failure of the caller's own iterator says after how many images it came."""
    if not isinstance(images, Iterable) or isinstance(images, dict | type):
        raise InvalidImageError(
            argument="images",
            rule="be a path, bytes, binary file, PIL image, array, or an iterable of those",
            got=type(images).__name__,
            remedy="Convert it with numpy.asarray or PIL.Image first.",
        )
    count = 0
    # What batches its items, as a tf.data pipeline may; in a list a batch is a slip.
    may_batch = not isinstance(images, list | tuple)
    try:
        for image in images:
            if may_batch and form_of(image) == "array" and not is_single(image):
                yield from as_array(image)
            else:
                yield image
            count += 1
    except DigitcnnError:
        raise
    # GeneratorExit is none of these: a consumer that stops early is no failure.
    except Exception as error:
        raise InvalidImageError(
            argument="images",
            rule="be an iterable that runs to its end",
            got="one",
            reason=f"which fails after {count} images with {type(error).__name__}: {error}",
            remedy="Mend or shorten it.",
        ) from error


def _normalize_item(index: int | None, image: object, care: _Care) -> np.ndarray:
    """Normalise one image, of many if it has an index, to uint8 pixels of shape (28, 28)."""
    with care.naming(index):
        return care.normalize(open_picture(image))
    return np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)


def _array_batches(array: np.ndarray, chunk_size: int, care: _Care) -> Iterator[np.ndarray]:
    """Normalise slices of one array of shape (N, H, W) or (N, H, W, C)."""
    if array.shape == (0,):
        return
    is_batch = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in COLOR_CHANNELS)
    if not is_batch:
        raise InvalidImageError(
            argument="images",
            rule=(
                "have shape (H, W), (H, W, C), (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels"
            ),
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
