"""Intersection over union weighted by frequency."""

import keras
from keras import ops

from kerasseg.metrics.confusion import ConfusionMatrix


@keras.saving.register_keras_serializable("kerasseg")
class FrequencyWeightedIoU(ConfusionMatrix):
    """Intersection over union, weighted by the pixels of each class.

    `sum_g (row_g / sum(M)) IoU_g` of the confusion matrix `M`, between 0
    and 1.

    Args:
        num_classes: Number of classes, 2 or more.
        ignore_class: Integer, sequence of integers, or `None`. Ids in
            `y_true` that do not count. Defaults to `255`.
        absent: What no pixel at all counts as: `"skip"` gives NaN, `"zero"`
            gives 0. Defaults to `"skip"`.
        name: Name of the metric. Defaults to `"frequency_weighted_iou"`.
        dtype: Dtype of the metric, kept for Keras; counts are integers and
            results float32. Defaults to `None`.

    Input shape:
        As `ConfusionMatrix`.

    Example:

    >>> metric = FrequencyWeightedIoU(num_classes=2)
    >>> metric.update_state(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]))
    >>> round(float(metric.result()), 4)
    0.5
    """

    def __init__(
        self,
        num_classes,
        ignore_class=255,
        absent="skip",
        name="frequency_weighted_iou",
        dtype=None,
    ):
        super().__init__(num_classes, ignore_class, absent, name, dtype)

    def score(self, matrix):
        iou = self._class_ious(matrix)
        iou = ops.where(ops.isnan(iou), 0.0, iou)
        weighted = ops.sum(ops.sum(matrix, axis=1) * iou)
        return self._ratio(weighted, ops.sum(matrix))
