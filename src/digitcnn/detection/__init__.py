"""From a grayscale picture to the digits in it: boxes, then lines in reading order."""

from __future__ import annotations

from digitcnn.detection.boxes import Detections
from digitcnn.detection.detector import (
    READER,
    Detector,
    Found,
    published_detector,
    to_dark_background,
)
from digitcnn.detection.lines import group_lines, split_words

__all__ = [
    "READER",
    "Detections",
    "Detector",
    "Found",
    "group_lines",
    "published_detector",
    "split_words",
    "to_dark_background",
]
