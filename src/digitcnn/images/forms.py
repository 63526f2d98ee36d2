"""The forms in which pictures come, one or many: telling them apart, and what only looks so."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Iterable, Iterator
from typing import Any, Literal

import numpy as np
from PIL import Image

from digitcnn.errors import DigitcnnError, InvalidImageError, NoDigitError
from digitcnn.images.files import decode_data_url
from digitcnn.images.values import IMAGE_SIDE

CHANNELS = (1, 2, 3, 4)  # grey, with opacity, RGB, RGBA: lengths of an image's last axis

Form = Literal["PIL image", "path", "bytes", "array", "file", "canvas"]

_FORMS: tuple[tuple[Any, Form], ...] = (
    (np.ndarray, "array"),
    (Image.Image, "PIL image"),
    ((str, os.PathLike), "path"),
    ((bytes, bytearray, memoryview), "bytes"),
)
# What holds the drawing in Gradio's dict of an editor, and in the result of Streamlit's canvas.
_EDITOR_KEY, _CANVAS_FIELD = "composite", "image_data"

# Columns of a table that holds images of so many pixels a side: the pixels alone, or with these
# columns left out. The 64 values of UCI's and scikit-learn's digits go up to 16.
_DIGITS_SIDE, _DIGITS_MAX = 8, 16
_TABLES = {
    784: (IMAGE_SIDE, ""),
    785: (IMAGE_SIDE, "1:"),
    786: (IMAGE_SIDE, "2:"),
    64: (_DIGITS_SIDE, ""),
    65: (_DIGITS_SIDE, ":-1"),
}
# In tables of MNIST, rows differ from each other 1.7 times as much as pixels 28 apart and more; in
# drawn digits, whose rows are near each other, at most 0.8 times; in noise, as much.
_ROWS_APART = 1.2
_MOST_PAIRS = 500

# Edges lie in the same places in all planes of a colour picture. Their correlation, among people's
# pictures, is 0.7 and more; between three of MNIST's ones in a row, in 1 of 1,000 cases.
_SAME_EDGES = 0.75
_MOST_ROWS = 256


def form_of(image: object) -> Form | None:
    """Return what form an object gives a picture in, or several if it is an array.

    Raises
    ------
    InvalidImageError
        If the object fails when it is asked what it is, as proxies of nothing do.
    """
    try:
        for kinds, form in _FORMS:
            if isinstance(image, kinds):
                return None if form == "array" and _is_column(image) else form
        # A class has what its instances have, and is none.
        if isinstance(image, type):
            return None
        if hasattr(image, "__array__"):
            return None if _is_column(image) else "array"
        if hasattr(image, "read"):
            return "file"
        is_editor = isinstance(image, dict) and _EDITOR_KEY in image
        return "canvas" if is_editor or hasattr(image, _CANVAS_FIELD) else None
    # Whatever a caller's own type raises.
    except Exception as error:
        raise InvalidImageError(
            argument="images",
            rule="hold paths, bytes, binary files, PIL images or arrays",
            got=type(image).__name__,
            reason=f"which fails with: {error}",
            remedy="Pass what it stands for.",
        ) from error


def is_single(images: object) -> bool:
    """Distinguish one image from many, by form alone.

    Parameters
    ----------
    images : image or iterable of images
        As :func:`digitcnn.preprocess` takes them.

    Returns
    -------
    single : bool
        An array of rank 3 whose last axis is 1 to 4 long is one image (H, W, C); any other
        array of rank 3 is a batch (N, H, W).
    """
    form = form_of(images)
    if form != "array":
        return form is not None
    shape = _shape(images)
    # np.array([]) is no image of rank 1, but no images.
    if shape == (0,):
        return False
    return len(shape) < 3 or (len(shape) == 3 and shape[2] in CHANNELS)


def _shape(images: object) -> tuple[int, ...]:
    """Ask for an array's shape without converting it, where it knows."""
    try:
        return tuple(images.shape)  # type: ignore[attr-defined]
    # Whatever a caller's own type raises, and what has no shape.
    except Exception:  # noqa: BLE001
        return as_array(images).shape


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


def _is_column(array: Any) -> bool:
    """Recognize a column of paths or other objects, as tables hold them: a list, not a picture."""
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    return kind in ("O", "U") and getattr(array, "ndim", None) == 1


def as_bytes(content: Any) -> bytes:
    """Return the bytes of what holds some, those of a data URL decoded."""
    try:
        found = bytes(content)
    except ValueError as error:
        raise InvalidImageError(
            argument="images",
            rule="hold readable bytes",
            got=type(content).__name__,
            reason=f"which fails with: {error}",
            remedy="Pass it before it is released.",
        ) from error
    return decode_data_url(found.decode("latin-1")) if found.startswith(b"data:") else found


def as_array(image: object) -> np.ndarray:
    """Convert whatever has `__array__`, masked arrays and matrices to plain ones.

    Raises
    ------
    InvalidImageError
        If the conversion fails: a tensor on a GPU, one that records gradients, a ragged list.
    """
    try:
        return np.asarray(image)
    except DigitcnnError:
        raise
    # Whatever a caller's own type raises.
    except Exception as error:
        raise InvalidImageError(
            argument="images",
            rule="hold what numpy.asarray can convert",
            got=type(image).__name__,
            reason=f"which fails with: {error}",
            remedy="Convert it to a NumPy array first.",
        ) from error


def drawn_on(canvas: Any) -> object:
    """Return what was drawn in Gradio's editor or on Streamlit's canvas."""
    is_editor = isinstance(canvas, dict)
    drawing = canvas[_EDITOR_KEY] if is_editor else getattr(canvas, _CANVAS_FIELD)
    if drawing is None or form_of(drawing) == "canvas":
        raise NoDigitError(
            argument="images",
            rule="hold a digit",
            got="a canvas with nothing on it",
            remedy="Wait until something is drawn.",
        )
    return drawing


def refuse_table(values: np.ndarray) -> None:
    """Refuse a table of flattened images, which would be read as one picture."""
    if values.ndim not in (1, 2) or values.dtype.kind not in "biuf" or not values.size:
        return
    table = np.atleast_2d(values)
    for rows, turned in ((table, ""), (table.T, ".T")):
        side, kept = _TABLES.get(rows.shape[1], (0, ""))
        if not side or not _are_images(rows, side):
            continue
        cut = f"[{':, ' if values.ndim > 1 else ''}{kept}]" if kept else ""
        divided = f" / {_DIGITS_MAX}" if side == _DIGITS_SIDE else ""
        raise InvalidImageError(
            argument="images",
            rule="hold arrays of shape (H, W)",
            got=values.shape,
            reason=f"which looks like flattened images of {side} x {side}"
            f"{' with their labels' if kept else ''}",
            remedy=f"Pass numpy.asarray(images){turned}{cut}.reshape(-1, {side}, {side}){divided}.",
        )


def _are_images(rows: np.ndarray, side: int) -> bool:
    """Distinguish rows that are images of their own from the rows of one picture."""
    if len(rows) == 1:
        return True
    if side == _DIGITS_SIDE:
        return bool(1 < rows.max() <= _DIGITS_MAX and (rows == np.rint(rows)).all())
    places = np.unique(np.linspace(0, len(rows) - 2, _MOST_PAIRS).astype(int))
    first, second = (rows[each, -side * side :].astype(np.float64) for each in (places, places + 1))
    below = np.abs(first[:, side:] - first[:, :-side]).mean()
    return bool(np.abs(second - first).mean() >= _ROWS_APART * below)


def conversion(thing: object) -> str:
    """Return the advice by which a thing becomes a picture."""
    if isinstance(thing, Awaitable):
        return "Await it first, and pass what it gives."
    if isinstance(thing, list | tuple):
        if any(form_of(each) for each in thing):
            return "Of images with their labels, pass the images alone."
        return "Of numbers in lists, pass numpy.asarray of the whole."
    return "Convert it with numpy.asarray or PIL.Image first."


def refuse_planes(array: np.ndarray) -> None:
    """Refuse one colour picture of shape (3, H, W), which would be read as three of grey."""
    if array.ndim != 3 or len(array) not in (3, 4) or array.dtype.kind not in "biuf":
        return
    # Of whole numbers, the same picture three times is taken for a batch: ToTensor gives floats.
    if array.dtype.kind != "f" and (array[1:3] == array[:1]).all():
        return
    step = max(1, array.shape[1] // _MOST_ROWS)
    edges = np.diff(array[:3, ::step].astype(np.float64), axis=2).reshape(3, -1)
    edges = edges[edges.any(axis=1)]  # a plane in which the ink does not show may be of any colour
    lengths = np.sqrt((edges * edges).sum(axis=1))
    if len(edges) < 2 or not np.isfinite(lengths).all():
        return
    alike = np.abs((edges[1:] * edges[:-1]).sum(axis=1)) / (lengths[1:] * lengths[:-1])
    if alike.min() >= _SAME_EDGES:
        raise InvalidImageError(
            argument="images",
            rule="have the channels last",
            got=array.shape,
            reason="which looks like the channels of one picture",
            remedy="Call numpy.moveaxis(images, 0, -1) first, or pass several pictures as a list.",
        )
