"""From a grayscale picture to the digits in it: boxes, then lines in reading order."""

from __future__ import annotations

from digitcnn.detection.boxes import SIGNS, Detections
from digitcnn.detection.detector import Detector, Found, to_dark_background
from digitcnn.detection.lines import group_lines

__all__ = ["SIGNS", "Detections", "Detector", "Found", "group_lines", "to_dark_background"]
