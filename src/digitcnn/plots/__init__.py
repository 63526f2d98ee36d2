"""Pictures and measures as matplotlib charts: arrays in, Axes out.

No function shows a window or touches pyplot's list of figures: each draws on what it is given, or
on a new figure, to which the Axes lead: ``plots.confusion_matrix(counts).figure.savefig("a.png")``.
Colours are those of Okabe and Ito, which the colour-blind tell apart, and what they say is said by
text or form too. Needs ``pip install "digitcnn[plots]"``.
"""

from __future__ import annotations

from digitcnn.plots._measures import confusion_matrix, reliability_diagram, training_curves
from digitcnn.plots._pictures import (
    augmentation_preview,
    feature_maps,
    filters,
    misclassified,
    prediction_grid,
    sample_grid,
    steps,
)
from digitcnn.plots._readings import reading

__all__ = [
    "augmentation_preview",
    "confusion_matrix",
    "feature_maps",
    "filters",
    "misclassified",
    "prediction_grid",
    "reading",
    "reliability_diagram",
    "sample_grid",
    "steps",
    "training_curves",
]
