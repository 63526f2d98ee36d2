"""The published detector, opened once for the whole process."""

from __future__ import annotations

from functools import cache, partial

from digitcnn._sessions import LazySession
from digitcnn.detection.detector import Detector
from digitcnn.weights import resolve

READER = "reader"


@cache
def published_detector() -> Detector:
    """Return the published detector; on one thread, as a caller may have several of its own."""
    return Detector(LazySession(partial(resolve, READER, format="onnx"), 1, form="maps").run)
