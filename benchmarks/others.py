"""What else reads digits: other programs, where they are installed, and what tutorials do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from digitcnn import predict

Read = Callable[[Image.Image], str]

# Of the tallest component's height: what is smaller is taken for a speck.
SPECK = 1 / 3


def rapidocr(*, whole: bool = True) -> Read:
    """Return what reads a page by RapidOCR: with detection or, of one digit, without."""
    from rapidocr import RapidOCR

    engine = RapidOCR()

    def read(page: Image.Image) -> str:
        pixels = np.asarray(page)
        # It keeps what a call before switched off.
        found = engine(pixels, use_det=True, use_cls=True, use_rec=True).txts if whole else None
        found = found or engine(pixels, use_det=False, use_cls=False, use_rec=True).txts
        return " ".join(found or ())

    return read


def tesseract(*, whole: bool = True) -> Read:
    """Return what reads a page, or one digit, by Tesseract, which is told to look for digits."""
    import pytesseract

    try:
        pytesseract.get_tesseract_version()
    except pytesseract.TesseractNotFoundError as error:
        raise ImportError(str(error)) from error
    config = f"--psm {6 if whole else 10} -c tessedit_char_whitelist=0123456789"
    return partial(pytesseract.image_to_string, config=config)


def components() -> Read:
    """Return what many tutorials do: a threshold, connected components, `predict` on each."""
    import cv2

    def read(page: Image.Image) -> str:
        gray = cv2.GaussianBlur(np.asarray(page.convert("L")), (5, 5), 0)
        kind = cv2.THRESH_BINARY_INV if gray.mean() > gray.max() / 2 else cv2.THRESH_BINARY
        _, binary = cv2.threshold(gray, 0, 255, kind | cv2.THRESH_OTSU)
        outlines, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = sorted(map(cv2.boundingRect, outlines))
        least = SPECK * max((height for *_, height in boxes), default=0)
        cuts = [
            np.pad(binary[top : top + height, left : left + width], height // 4)
            for left, top, width, height in boxes
            if height > least
        ]
        return "".join(str(digit) for digit in predict(cuts, errors="return") if digit >= 0)

    return read


OTHERS: dict[str, Callable[[], Read]] = {
    "rapidocr": rapidocr,
    "tesseract": tesseract,
    "components": components,
}
