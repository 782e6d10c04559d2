"""Cross-entropy with more weight on pixels near boundaries."""

import math

import keras
from keras import ops

from kerasseg.arguments import check_number
from kerasseg.ids import match
from kerasseg.losses.segmentation_loss import SegmentationLoss


@keras.saving.register_keras_serializable("kerasseg")
class BoundaryWeightedLoss(SegmentationLoss):
    """Softmax cross-entropy with more weight near boundaries of classes.

    The class weight of a pixel is multiplied by
    `1 + boundary_weight * exp(-d**2 / (2 * sigma**2))`, where `d` is the
    Euclidean distance, in pixels of the labels, to the nearest pixel one of
    whose four neighbors has another class, 0 for such a pixel itself. The
    term is 0 farther away than `3 * sigma` along either axis. Ignored pixels
    and the border of the image make no boundary. Everything else is as in
    `SegmentationLoss`, which this is for `boundary_weight=0`. The weights
    enter what the sum is divided by as well, so the size of the loss stays
    that of a cross-entropy, but for `normalization="sum"`.

    The paper separates cells of one class, by the distances to the nearest
    two of them; a map of classes shows no cells, so there is one distance
    here. The weights take about `12 * sigma` passes over the label map.

    With several replicas and `normalization="valid"`, each divides by the
    weights of its own pixels, and the results are averaged; `"image"` and
    `"sum"` are the same on one device and on replicas with equal shares.

    Args:
        boundary_weight: Number of 0 or more. Defaults to 10.0.
        sigma: Number above 0, in pixels of the labels. Defaults to 5.0.
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`.
        class_weights: Sequence or array of one non-negative number per
            class, a dict from each class id to one, or `None` for equal
            weights. Defaults to `None`.
        normalization: `"valid"`, `"image"` or `"sum"`, see
            `SegmentationLoss`. Defaults to `"valid"`.
        reduction: How Keras reduces the values of the images of a batch.
            Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"boundary_weighted_loss"`.

    Input shape:
        `y_true`: `(batch, s * height, s * width)`, optionally with a last
        axis of 1, for a whole number `s`.
        `y_pred`: `(batch, height, width, num_classes)`, logits.

    Example:

    >>> loss = BoundaryWeightedLoss(boundary_weight=2.0, sigma=1.0)
    >>> labels = np.array([[[0, 0, 0, 0, 0, 1]]])
    >>> logits = np.zeros((1, 1, 6, 2), "float32")
    >>> round(float(loss(labels, logits)), 4)
    0.6931

    Reference:
        Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015,
        https://arxiv.org/abs/1505.04597, where the two defaults are from.
    """

    def __init__(
        self,
        boundary_weight=10.0,
        sigma=5.0,
        ignore_class=255,
        class_weights=None,
        normalization="valid",
        reduction="sum_over_batch_size",
        name="boundary_weighted_loss",
    ):
        super().__init__(
            ignore_class, class_weights, normalization, reduction, name
        )
        check_number("boundary_weight", boundary_weight)
        check_number("sigma", sigma)
        if sigma == 0:
            raise ValueError(
                f"`sigma` must be above 0. Received: sigma={sigma!r}"
            )
        self.boundary_weight = float(boundary_weight)
        self.sigma = float(sigma)

    def pixel_weights(self, labels, num_classes):
        counts = super().pixel_weights(labels, num_classes)
        labels = ops.where(match(labels, self._ignored), -1, labels)
        near = ops.cast(_boundaries(labels), "float32")
        for axis in (1, 2):
            near = _faded(near, axis, self.sigma)
        return counts * (1.0 + self.boundary_weight * near)

    def get_config(self):
        return {
            **super().get_config(),
            "boundary_weight": self.boundary_weight,
            "sigma": self.sigma,
        }


def _boundaries(labels):
    """Pixels that touch another class along a row or column, of ids >= 0."""
    edges = ops.zeros_like(labels, dtype="bool")
    for axis in (1, 2):
        for step in (-1, 1):
            other = _moved(labels, axis, step, -1)
            known = ops.logical_and(labels >= 0, other >= 0)
            differ = ops.logical_and(ops.not_equal(labels, other), known)
            edges = ops.logical_or(edges, differ)
    return edges


def _faded(near, axis, sigma):
    """The largest value along an axis, each times a Gaussian of distance.

    Over both axes that is the Gaussian of the Euclidean distance, since it is
    the product of those along the axes.
    """
    result = near
    for distance in range(1, math.floor(3 * sigma) + 1):
        factor = math.exp(-0.5 * (distance / sigma) ** 2)
        for step in (-distance, distance):
            moved = factor * _moved(near, axis, step, 0)
            result = ops.maximum(result, moved)
    return result


def _moved(maps, axis, step, fill):
    """Maps moved along an axis, with `fill` where nothing comes in."""
    height, width = ops.shape(maps)[1:]
    before, after = max(step, 0), max(-step, 0)
    padding = [(0, 0), (0, 0), (0, 0)]
    padding[axis] = (before, after)
    maps = ops.pad(maps, padding, constant_values=fill)
    if axis == 1:
        return maps[:, after : after + height]
    return maps[:, :, after : after + width]
