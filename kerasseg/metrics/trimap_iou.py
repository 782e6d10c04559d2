"""Mean IoU in bands around the true boundaries."""

import numpy as np

from kerasseg.metrics.boundaries import boundary_pixels
from kerasseg.metrics.boundaries import dilate
from kerasseg.metrics.host_metric import HostMetric
from kerasseg.metrics.scores import scores


class TrimapIoU(HostMetric):
    """Mean IoU of the pixels near a true boundary, for several widths.

    A boundary pixel is one with a 4-neighbor of another class in the label;
    the border of the image and the outline of void are no boundaries. The
    band of width `w` holds the pixels whose Euclidean distance to a boundary
    pixel, from center to center, is at most `w`: with `w = 1` a straight
    boundary is scored two pixels deep on each side. The mIoU is that of the
    confusion matrix of all pixels in the bands of all images. It becomes
    the plain mIoU as `w` grows, but for images without any boundary, which
    have no band.

    Works on whole images, on the host, see `update`; it is no
    `keras.metrics.Metric`.

    Args:
        num_classes: Number of classes, 2 or more.
        widths: Increasing numbers above 0, in pixels. Defaults to
            `(1, 2, 3, 5, 10, 20, 40)`.
        ignore_class: Integer, sequence of integers, or `None`. Ids in the
            mask that are void. Defaults to `255`.
        absent: What a class without pixels in the band counts as: `"skip"`
            leaves it out of the mean, `"zero"` counts it as 0. Defaults to
            `"skip"`.

    Example:

    >>> metric = TrimapIoU(num_classes=2, widths=(1, 2))
    >>> metric.update(np.array([[0, 0, 0, 1, 1]]), np.array([[1, 0, 1, 1, 1]]))
    >>> {width: round(iou, 4) for width, iou in metric.result().items()}
    {1: 0.5833, 2: 0.4167}

    Reference:
        Kohli, Ladicky and Torr, "Robust Higher Order Potentials for Enforcing
        Label Consistency", IJCV 82, 2009, section 5; Krähenbühl and Koltun,
        "Efficient Inference in Fully Connected CRFs with Gaussian Edge
        Potentials", NIPS 2011, figure 5. As a curve over the width: Ghiasi and
        Fowlkes, "Laplacian Pyramid Reconstruction and Refinement for Semantic
        Segmentation", ECCV 2016, poster.
    """

    def __init__(
        self,
        num_classes,
        widths=(1, 2, 3, 5, 10, 20, 40),
        ignore_class=255,
        absent="skip",
    ):
        super().__init__(num_classes, ignore_class, absent)
        widths = tuple(widths)
        if not widths or list(widths) != sorted({w for w in widths if w > 0}):
            raise ValueError(
                "`widths` must be increasing numbers above 0. "
                f"Received: widths={widths}"
            )
        self.widths = widths
        shape = (len(widths), num_classes, num_classes)
        self._matrices = np.zeros(shape, "int64")

    def _measure(self, labels, predictions):
        edges = boundary_pixels(labels, self.num_classes)
        # How many of the widths are too narrow to reach a pixel.
        narrow = np.zeros(labels.shape, "int64")
        for width in self.widths:
            narrow += ~dilate(edges, width)
        scored = (labels < self.num_classes) & (narrow < len(self.widths))
        place = narrow[scored] * self.num_classes + labels[scored]
        place = place * self.num_classes + predictions[scored]
        rings = np.bincount(place, minlength=self._matrices.size)
        self._matrices += rings.reshape(self._matrices.shape).cumsum(axis=0)

    def result(self):
        """The mean IoU in each band.

        Returns:
            A dict from width to a float in 0..1, NaN where nothing counts.
        """
        return {
            width: self._scores(matrix)["mean_iou"]
            for width, matrix in zip(self.widths, self._matrices, strict=True)
        }

    def per_class_iou(self):
        """The IoU of each class in each band.

        Returns:
            An array of shape `(widths, num_classes)`; absent classes are NaN
            or 0 as `absent` says.
        """
        return np.stack(
            [self._scores(matrix)["per_class_iou"] for matrix in self._matrices]
        )

    def _scores(self, matrix):
        return scores(matrix, self.absent, self._ignored)
