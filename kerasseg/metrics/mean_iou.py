"""Intersection over union averaged over classes."""

import keras

from kerasseg.metrics.confusion import ConfusionMatrix


@keras.saving.register_keras_serializable("kerasseg")
class MeanIoU(ConfusionMatrix):
    """Mean over classes of intersection over union (mIoU).

    The mean of `M[g, g] / (row_g + column_g - M[g, g])` over classes `g` of
    the confusion matrix `M` of all pixels seen, between 0 and 1. Unlike
    `keras.metrics.MeanIoU` it takes logits, counts exactly, and refuses
    unknown ids.

    Args:
        num_classes: Number of classes, 2 or more.
        ignore_class: Integer, sequence of integers, or `None`. Ids in
            `y_true` that do not count. Defaults to `255`.
        absent: What a class without pixels counts as: `"skip"` leaves it out of
            the mean, `"zero"` counts it as 0, as the MatConvNet scorer does.
            Defaults to `"skip"`.
        name: Name of the metric. Defaults to `"mean_iou"`.
        dtype: Dtype of the metric, kept for Keras; counts are integers and
            results float32. Defaults to `None`.

    Input shape:
        As `ConfusionMatrix`.

    Example:

    >>> metric = MeanIoU(num_classes=2)
    >>> metric.update_state(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]))
    >>> round(float(metric.result()), 4)
    0.5
    """

    def __init__(
        self,
        num_classes,
        ignore_class=255,
        absent="skip",
        name="mean_iou",
        dtype=None,
    ):
        super().__init__(num_classes, ignore_class, absent, name, dtype)

    def score(self, matrix):
        return self._class_mean(self._class_ious(matrix))
