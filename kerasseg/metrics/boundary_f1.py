"""Precision and recall of boundaries."""

import math

import numpy as np

from kerasseg.metrics.boundaries import boundary_pixels
from kerasseg.metrics.boundaries import class_bits
from kerasseg.metrics.boundaries import dilate
from kerasseg.metrics.host_metric import HostMetric
from kerasseg.metrics.scores import class_mean
from kerasseg.metrics.scores import ratio
from kerasseg.metrics.scores import without


class BoundaryF1(HostMetric):
    """Mean over classes of the F1 score of boundary pixels (BF score).

    The boundary of a class is its pixels with a 4-neighbor of another class;
    the border of the image and the outline of void are no boundaries. In one
    image, the precision of a class is the share of its predicted boundary
    pixels that lie within the tolerance (Euclidean) of its true boundary,
    the recall the share of its true boundary pixels within the tolerance of
    its predicted one, and F1 their harmonic mean, 0 if one of the boundaries
    is missing. A class is averaged over the images whose label holds it and
    in which it has a boundary, true or predicted; then classes are averaged.
    Where a class is predicted but absent nothing counts: this scores the
    course of boundaries, and mean IoU what is there.

    Works on whole images, on the host, see `update`; it is no
    `keras.metrics.Metric`.

    Args:
        num_classes: Number of classes, 2 or more.
        tolerance: Largest distance of a match, as a fraction of the image
            diagonal; it is not rounded. Defaults to `0.0075`.
        ignore_class: Integer, sequence of integers, or `None`. Ids in the
            mask that are void. Defaults to `255`.
        absent: What a class without any image counts as: `"skip"` leaves it
            out of the mean, `"zero"` counts it as 0. Defaults to `"skip"`.

    Example:

    >>> metric = BoundaryF1(num_classes=2)
    >>> metric.update(np.array([[0, 0], [1, 1]]), np.array([[0, 1], [1, 1]]))
    >>> round(metric.result(), 4)
    0.5833

    Reference:
        Csurka, Larlus and Perronnin, "What is a good evaluation measure for
        semantic segmentation?", BMVC 2013, section 3.
    """

    def __init__(
        self, num_classes, tolerance=0.0075, ignore_class=255, absent="skip"
    ):
        super().__init__(num_classes, ignore_class, absent)
        if not 0 <= tolerance <= 1:
            raise ValueError(
                "`tolerance` must be a fraction of the image diagonal, 0 to "
                f"1. Received: tolerance={tolerance}"
            )
        self.tolerance = tolerance
        self._total = np.zeros(num_classes)
        self._images = np.zeros(num_classes, "int64")

    def _measure(self, labels, predictions):
        radius = self.tolerance * math.hypot(*labels.shape)
        true, predicted = self._edges(labels), self._edges(predictions)
        recalled, precise = np.zeros((2, *labels.shape), bool)
        for one, other in zip(
            class_bits(true, self.num_classes),
            class_bits(predicted, self.num_classes),
            strict=True,
        ):
            recalled |= (one & dilate(other, radius)) > 0
            precise |= (other & dilate(one, radius)) > 0
        lengths = self._count(true), self._count(predicted)
        recall = self._count(true[recalled]) / np.maximum(lengths[0], 1)
        precision = self._count(predicted[precise]) / np.maximum(lengths[1], 1)
        counted = (self._count(labels) > 0) & (sum(lengths) > 0)
        both = np.where(recall + precision > 0, recall + precision, 1.0)
        self._total += np.where(counted, 2 * recall * precision / both, 0.0)
        self._images += counted

    def _edges(self, ids):
        on_edge = boundary_pixels(ids, self.num_classes)
        return np.where(on_edge, ids, self.num_classes)

    def _count(self, ids):
        counts = np.bincount(ids.ravel(), minlength=self.num_classes + 1)
        return counts[: self.num_classes]

    def result(self):
        """The boundary F1 score.

        Returns:
            A float in 0..1, NaN if nothing counts.
        """
        return class_mean(self.per_class_f1())

    def per_class_f1(self):
        """The boundary F1 score of each class.

        Returns:
            An array of shape `(num_classes,)`; classes without an image are
            NaN or 0 as `absent` says.
        """
        scores = ratio(self._total, self._images, self.absent)
        return without(scores, self._ignored)
