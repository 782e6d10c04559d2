"""Metrics from an exact confusion matrix, and boundary metrics."""

from kerasseg.metrics.boundary_f1 import BoundaryF1
from kerasseg.metrics.boundary_iou import BoundaryIoU
from kerasseg.metrics.class_iou import ClassIoU
from kerasseg.metrics.confusion import ConfusionMatrix
from kerasseg.metrics.frequency_weighted_iou import FrequencyWeightedIoU
from kerasseg.metrics.mean_accuracy import MeanAccuracy
from kerasseg.metrics.mean_iou import MeanIoU
from kerasseg.metrics.outlines import fill_outlines
from kerasseg.metrics.pixel_accuracy import PixelAccuracy
from kerasseg.metrics.scores import scores
from kerasseg.metrics.trimap_iou import TrimapIoU

__all__ = [
    "BoundaryF1",
    "BoundaryIoU",
    "ClassIoU",
    "ConfusionMatrix",
    "FrequencyWeightedIoU",
    "MeanAccuracy",
    "MeanIoU",
    "PixelAccuracy",
    "TrimapIoU",
    "fill_outlines",
    "scores",
]
