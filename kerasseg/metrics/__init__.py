"""Metrics streamed through an exact confusion matrix."""

from kerasseg.metrics.class_iou import ClassIoU
from kerasseg.metrics.confusion import ConfusionMatrix
from kerasseg.metrics.frequency_weighted_iou import FrequencyWeightedIoU
from kerasseg.metrics.mean_accuracy import MeanAccuracy
from kerasseg.metrics.mean_iou import MeanIoU
from kerasseg.metrics.pixel_accuracy import PixelAccuracy
from kerasseg.metrics.scores import scores

__all__ = [
    "ClassIoU",
    "ConfusionMatrix",
    "FrequencyWeightedIoU",
    "MeanAccuracy",
    "MeanIoU",
    "PixelAccuracy",
    "scores",
]
