"""Intersection over union of the rims of regions."""

import math

import numpy as np

from kerasseg.metrics.boundaries import class_bits
from kerasseg.metrics.boundaries import dilate
from kerasseg.metrics.host_metric import HostMetric
from kerasseg.metrics.scores import class_mean
from kerasseg.metrics.scores import ratio
from kerasseg.metrics.scores import without


class BoundaryIoU(HostMetric):
    """Mean over classes of the IoU of the rims of label and prediction.

    The rim of a class is the part of its region that lies within `d` pixels
    (Euclidean, from center to center) of a pixel of another class, or of the
    outside of the image: a region cut by the image border has a rim there,
    as in the reference implementation. Void is no other class. `d` is `width`
    times the image diagonal, rounded, and at least 1. The IoU of a class is the
    sum over all images of the pixels in the rims of both label and prediction,
    divided by that of the pixels in either. Unlike the band of `TrimapIoU` it
    is symmetric, so errors far from a true boundary count too.

    The reference implementation erodes with a 3 x 3 square and so measures the
    distance as `max(dy, dx)`; the distance here has no preferred direction.

    Works on whole images, on the host, see `update`; it is no
    `keras.metrics.Metric`.

    Args:
        num_classes: Number of classes, 2 or more.
        width: Width of the rim as a fraction of the image diagonal. Defaults
            to `0.02`.
        ignore_class: Integer, sequence of integers, or `None`. Ids in the
            mask that are void. Defaults to `255`.
        absent: What a class without a rim counts as: `"skip"` leaves it out
            of the mean, `"zero"` counts it as 0. Defaults to `"skip"`.

    Example:

    >>> metric = BoundaryIoU(num_classes=2)
    >>> metric.update(np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]]))
    >>> round(metric.result(), 4)
    0.5833

    Reference:
        Cheng, Girshick, Dollár, Berg and Kirillov, "Boundary IoU: Improving
        Object-Centric Image Segmentation Evaluation", CVPR 2021, equation 2,
        https://arxiv.org/abs/2103.16562.
    """

    def __init__(
        self, num_classes, width=0.02, ignore_class=255, absent="skip"
    ):
        super().__init__(num_classes, ignore_class, absent)
        if not 0 < width <= 1:
            raise ValueError(
                "`width` must be a fraction of the image diagonal, above 0 "
                f"and at most 1. Received: width={width}"
            )
        self.width = width
        self._intersection = np.zeros(num_classes, "int64")
        self._union = np.zeros(num_classes, "int64")

    def _measure(self, labels, predictions):
        width = max(1, round(self.width * math.hypot(*labels.shape)))
        one = self._rim(labels, width)
        other = self._rim(predictions, width)
        both = self._count(labels[one & other & (labels == predictions)])
        self._intersection += both
        self._union += self._count(labels[one]) - both
        self._union += self._count(predictions[other])

    def _rim(self, ids, width):
        rim = np.ones(ids.shape, bool)
        rim[width:-width, width:-width] = False
        for bits in class_bits(ids, self.num_classes):
            rim |= (dilate(bits, width) & ~bits) > 0
        return rim & (ids < self.num_classes)

    def _count(self, ids):
        return np.bincount(ids, minlength=self.num_classes)

    def result(self):
        """The boundary IoU.

        Returns:
            A float in 0..1, NaN if nothing counts.
        """
        return class_mean(self.per_class_iou())

    def per_class_iou(self):
        """The boundary IoU of each class.

        Returns:
            An array of shape `(num_classes,)`; absent classes are NaN or 0 as
            `absent` says.
        """
        scores = ratio(self._intersection, self._union, self.absent)
        return without(scores, self._ignored)
