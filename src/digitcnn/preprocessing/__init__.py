"""Any picture to a canonical batch: what MNIST itself would hold of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from digitcnn.errors import DigitcnnError, InvalidImageError, NoDigitError
from digitcnn.images import IMAGE_SIDE, is_single, open_picture
from digitcnn.preprocessing._batches import Failures, batches_of
from digitcnn.preprocessing._geometry import to_canonical
from digitcnn.preprocessing._ink import (
    INK_SIDE,
    as_ink_input,
    fit_square,
    window_around,
    with_margin,
)
from digitcnn.preprocessing._pipeline import Step, normalization_steps

__all__ = [
    "INK_SIDE",
    "Failures",
    "Step",
    "as_ink_input",
    "batches_of",
    "explain",
    "fit_square",
    "preprocess",
    "to_canonical",
    "window_around",
    "with_margin",
]


def preprocess(images: object) -> np.ndarray:
    """Bring pictures of any kind to what MNIST itself would hold of them.

    Parameters
    ----------
    images : image or iterable of images
        One image is a path (`str` or `os.PathLike`), encoded `bytes`, an open binary file, a
        `PIL.Image.Image`, or an array of shape (H, W) or (H, W, C) with 1 to 4 channels. Many are
        a list, tuple or iterator of those, whose sizes may differ, or an array of shape (N, H, W)
        or (N, H, W, C). Whatever has `__array__` counts as an array. Integers span 0..255 (uint16:
        0..65535), floats 0..1, booleans are 0 or 1. Ink may be dark on light or light on dark.
        Data URLs, uploads of web frameworks, and what Gradio's editor and Streamlit's canvas give
        are pictures, too; columns of paths and streams of batches are many.

    Returns
    -------
    batch : ndarray of float32, shape (N, 28, 28, 1)
        Ink in [0, 1], bright on dark, in steps of 1/255: the digit in a box of 20 x 20 pixels,
        aspect kept, its centre of mass on pixel (14, 14) counted from 0, by a whole number of
        pixels [1]_ [2]_. One image gives a batch of one, no image an empty batch.

    Raises
    ------
    InvalidImageError
        If an item is no picture or its values are not those of one.
    ImageReadError
        If a file cannot be opened or decoded.
    NoDigitError
        If a picture is blank or nothing but noise.

    See Also
    --------
    explain : Shows each step on the way.

    Notes
    -----
    The message of an error in a batch names the item by its index.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86(11), 1998. doi:10.1109/5.726791
    .. [2] Yadav, Bottou, Advances in Neural Information Processing Systems 32, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from digitcnn import preprocess
    >>> page = np.full((100, 80), 250, np.uint8)
    >>> page[20:80, 38:44] = 30
    >>> batch = preprocess(page)
    >>> batch.shape, float(batch.max())
    ((1, 28, 28, 1), 1.0)
    """
    batches = list(batches_of(images))
    if not batches:
        return np.zeros((0, IMAGE_SIDE, IMAGE_SIDE, 1), np.float32)
    return batches[0] if len(batches) == 1 else np.concatenate(batches)


def explain(image: object) -> tuple[Step, ...]:
    """Show each step by which `preprocess` brings a picture to what it gives.

    Parameters
    ----------
    image : image
        One picture of any form that :func:`digitcnn.preprocess` takes.

    Returns
    -------
    steps : tuple of Step
        In order, each with its `name`, its `picture`, an array of rank 2, and a `note` on what it
        did and why. The last one's picture is the canonical image, uint8, shape (28, 28), bright
        on dark. Where the picture turns out to hold no digit, the last step is named "no digit",
        shows what there was to look at, and says in its note what `preprocess` would raise.

    Raises
    ------
    InvalidImageError
        If the image is no picture, or more than one.
    ImageReadError
        If a file cannot be opened or decoded.
    NoDigitError
        If the picture has no pixels, or none that is visible, so that there is no step to show.

    See Also
    --------
    preprocess : Takes all steps at once.

    Examples
    --------
    >>> import numpy as np
    >>> from digitcnn import explain
    >>> page = np.full((100, 80), 250, np.uint8)
    >>> page[20:80, 38:44] = 30
    >>> [step.name for step in explain(page)]
    ['grayscale', 'ink', '20 pixels', 'centred']
    """
    if not is_single(image) and isinstance(image, Iterable):
        raise InvalidImageError(
            argument="image",
            rule="be one picture",
            got=type(image).__name__,
            reason="which holds several",
            remedy="Pass one of them.",
        )
    steps: list[Step] = []
    try:
        steps.extend(normalization_steps(open_picture(image)))
    except DigitcnnError as error:
        error.argument = "image"
        if not steps or not isinstance(error, NoDigitError):
            raise
        steps.append(Step("no digit", steps[-1].picture, str(error)))
    return tuple(steps)
