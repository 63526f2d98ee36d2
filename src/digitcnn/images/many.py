"""One image or many: telling them apart, and going through them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from digitcnn.errors import DigitcnnError, InvalidImageError
from digitcnn.images.forms import COLOR_CHANNELS, as_array, conversion, form_of, refuse_planes
from digitcnn.images.pictures import Picture, open_picture


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


def iter_items(images: object) -> Iterator[object]:
    """Iterate; a failure of the caller's own iterator says after how many images it came."""
    if not isinstance(images, Iterable) or isinstance(images, dict | type):
        raise InvalidImageError(
            argument="images",
            rule="be a path, bytes, binary file, PIL image, array, or an iterable of those",
            got=type(images).__name__,
            remedy=conversion(images),
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
