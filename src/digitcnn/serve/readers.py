"""Answers about pictures: worked out on a few threads, errors as values."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import Request, Response
from PIL import Image

from digitcnn._checks import thread_count
from digitcnn._sessions import available_cpus
from digitcnn.errors import DigitcnnError, InvalidImageError, NoDigitError, SeveralDigitsError
from digitcnn.inference import DigitClassifier
from digitcnn.preprocessing import explain
from digitcnn.reading import DigitReader
from digitcnn.serve.bodies import json_response, pictures_of
from digitcnn.serve.guard import Metrics

Answer = dict[str, Any]

_DECIMALS = 6
# A PNG of so few pixels is worked on at once: to hand it to a thread and to wake up again takes as
# long. Of a canvas that holds as long as nobody else waits.
_DIGIT_PIXELS, _CANVAS_PIXELS, _MOST_BYTES = 28 * 28, 2**17, 2**15
_PNG_BEGINS = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_STEP_SIDE = 280  # pixels of the longer side of a step's picture
# What is hidden of the network's 28 x 28 pixels, at each of 14 x 14 places.
_PATCH, _STRIDE = 4, 2
_FIRST = np.full((60, 60), 255, np.uint8)
_FIRST[15:45, 28:33] = 0
_HOT = np.array([255, 122, 24], np.float32)

# The status of a single picture's answer, 422 for other codes: no digit is an answer, too.
_STATUS = {
    None: 200,
    "no_digit": 200,
    "not_sure": 200,
    "several_digits": 200,
    "invalid_argument": 400,
    "too_large": 413,
    "internal": 500,
}

_log = logging.getLogger(__name__)


class PictureTooLargeError(InvalidImageError):
    """The picture has more pixels than the service decodes."""

    code = "too_large"


class Readers:
    """A classifier and a reader, and the threads that use them."""

    def __init__(
        self,
        weights: str | os.PathLike[str],
        threads: int | None,
        max_pixels: int,
        max_bytes: int,
        metrics: Metrics,
    ) -> None:
        self._classifier = DigitClassifier(weights, threads=1)
        self._reader = DigitReader(threads=1)
        self._network = self._classifier._network  # noqa: SLF001 - of any weights, and open
        self._max_pixels, self._max_bytes, self._metrics = max_pixels, max_bytes, metrics
        self._pool = ThreadPoolExecutor(thread_count(threads) or available_cpus(), "digitcnn")
        # The first answer opens the networks and loads Pillow's plugins: let no user wait for it.
        first = io.BytesIO()
        Image.fromarray(_FIRST).save(first, "PNG")
        for work in (self.predict, self.read, self.explain):
            self._answer_one(work, first.getvalue())

    async def answer(
        self,
        request: Request,
        work: Callable[[bytes], Answer],
        empty: Answer,
        *,
        is_quick: bool = False,
    ) -> Response:
        """Answer each picture of a request on its own; what is wrong with one is its answer.

        `empty` is what an answer holds where the work fails. Where the work `is_quick`, a single
        small picture is answered without another thread.
        """
        pictures, are_many = await pictures_of(request, self._max_bytes)
        if is_quick and len(pictures) == 1 and self._is_small(pictures[0]):
            given = [self._answer_one(work, pictures[0], is_small=True)]
        else:
            loop = asyncio.get_running_loop()
            jobs = [
                loop.run_in_executor(self._pool, self._answer_one, work, picture)
                for picture in pictures
            ]
            given = [await job for job in jobs]
        answers = [empty | answer for answer in given]
        self._metrics.count_answers(answer["code"] for answer in answers)
        if are_many:
            return json_response({"answers": answers})
        return json_response(answers[0], _STATUS.get(answers[0]["code"], 422))

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def predict(self, picture: bytes, *, min_confidence: float = 0.0) -> Answer:
        """Name the one digit of a picture."""
        probabilities = self._classifier.predict_proba(picture)
        digit = int(probabilities.argmax())
        confidence = float(probabilities[digit])
        is_sure = confidence >= min_confidence
        return {
            "digit": digit if is_sure else None,
            "confidence": round(confidence, _DECIMALS),
            "probabilities": [round(each, _DECIMALS) for each in probabilities.tolist()],
            "code": None if is_sure else "not_sure",
            "error": None,
        }

    def read(self, picture: bytes, *, min_confidence: float = 0.0, length: Any = None) -> Answer:
        """Read all digits of a picture."""
        reading: Any = self._reader.read(picture, min_confidence=min_confidence, length=length)
        answer: Answer = reading.to_dict()
        del answer["cells"]
        return answer | {"code": None if reading.lines else NoDigitError.code}

    def explain(self, picture: bytes) -> Answer:
        """Show how a digit is read: the steps of preprocessing, and what the network looks at."""
        steps = explain(picture)
        answer: Answer = {
            "steps": [
                {"name": step.name, "note": step.note, "png": _png(_viewable(step.picture))}
                for step in steps
            ],
            "attention": None,
            "code": None,
            "error": None,
        }
        if steps[-1].picture.dtype != np.uint8:
            return answer | {"code": NoDigitError.code}
        return answer | {"attention": _png(self._attention(steps[-1].picture))}

    def _attention(self, pixels: npt.NDArray[np.uint8]) -> Image.Image:
        """Colour each place by how much of the probability goes when it is hidden."""
        side = len(pixels)
        places = [
            (top, left) for top in range(0, side, _STRIDE) for left in range(0, side, _STRIDE)
        ]
        ink = pixels.astype(np.float32)[None, :, :, None]
        batch: npt.NDArray[np.float32] = np.repeat(ink / 255, 1 + len(places), axis=0)
        for hidden, (top, left) in zip(batch[1:], places, strict=True):
            around = (
                slice(max(0, top - 1), top + _PATCH - 1),
                slice(max(0, left - 1), left + _PATCH - 1),
            )
            hidden[around] = 0
        probabilities = np.asarray(self._network.run(batch))
        digit = int(probabilities[0].argmax())
        lost = (probabilities[0, digit] - probabilities[1:, digit]).clip(0)
        heat = (lost / max(float(lost.max()), 1e-6)).reshape(side // _STRIDE, -1)
        heat = np.asarray(Image.fromarray(heat).resize((side, side), Image.Resampling.BILINEAR))
        shown = ink[0] * 0.85
        colored = shown + (_HOT - shown) * heat[..., None] * np.float32(0.8)
        return Image.fromarray(colored.clip(0, 255).astype(np.uint8))

    def _answer_one(
        self, work: Callable[[bytes], Answer], picture: bytes, *, is_small: bool = False
    ) -> Answer:
        """Answer one picture, here and now; its size is looked at unless it `is_small`."""
        try:
            if not is_small:
                self._refuse_large(picture)
            return work(picture)
        except DigitcnnError as error:
            error.argument, error.index = "picture", None
            if isinstance(error, SeveralDigitsError):
                error.remedy = "/v1/read reads every digit."
            return {"code": error.code, "error": str(error)}
        # A defect, which must not take the picture's neighbours along.
        except Exception:  # noqa: BLE001
            _log.exception("a picture could not be answered")
            return {"code": "internal", "error": "The service failed on this picture."}

    def _is_small(self, picture: bytes) -> bool:
        """Recognize a PNG by its only header that a thread would answer no sooner."""
        most = _CANVAS_PIXELS if self._metrics.in_progress == 1 else _DIGIT_PIXELS
        if len(picture) > _MOST_BYTES or not picture.startswith(_PNG_BEGINS):
            return False
        pixels = int.from_bytes(picture[16:20]) * int.from_bytes(picture[20:24])
        is_small = 0 < pixels <= min(most, self._max_pixels)
        return is_small and picture.count(b"IHDR") == 1  # Pillow takes the last

    def _refuse_large(self, picture: bytes) -> None:
        """Refuse a picture by the size in its header, before anything of it is decoded."""
        got = f"one of more than {self._max_pixels}"
        try:
            with Image.open(io.BytesIO(picture)) as image:
                if image.width * image.height <= self._max_pixels:
                    return
                got = f"{image.width} x {image.height}"
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            pass
        except Exception:  # noqa: BLE001 - what is no picture is told by who reads it
            return
        raise PictureTooLargeError(
            argument="picture",
            rule=f"have at most {self._max_pixels} pixels",
            got=got,
            remedy="Crop or shrink it first.",
        )


def _viewable(picture: npt.NDArray[Any]) -> Image.Image:
    """Return a step's picture in eight bits; strengths of ink reach to their peak."""
    if picture.dtype.kind == "f":
        picture = picture * (255 / max(float(picture.max(initial=0)), 1e-6))
    elif picture.dtype == np.uint16:
        picture = picture // 257
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    image.thumbnail((_STEP_SIDE, _STEP_SIDE))
    return image


def _png(image: Image.Image) -> str:
    """Return a picture as base64."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")
