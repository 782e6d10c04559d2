"""Accuracy averaged over classes."""

import keras
from keras import ops

from kerasseg.metrics.confusion import ConfusionMatrix


@keras.saving.register_keras_serializable("kerasseg")
class MeanAccuracy(ConfusionMatrix):
    """Mean over classes of the share of their pixels that was found.

    The mean of `M[g, g] / sum_p M[g, p]` over classes `g` of the confusion
    matrix `M`, between 0 and 1.

    Args:
        num_classes: Number of classes, 2 or more.
        ignore_class: Integer, sequence of integers, or `None`. Ids in
            `y_true` that do not count. Defaults to `255`.
        absent: What a class without pixels counts as: `"skip"` leaves it out of
            the mean, `"zero"` counts it as 0, as the MatConvNet scorer does.
            Defaults to `"skip"`.
        name: Name of the metric. Defaults to `"mean_accuracy"`.
        dtype: Dtype of the metric, kept for Keras; counts are integers and
            results float32. Defaults to `None`.

    Input shape:
        As `ConfusionMatrix`.

    Example:

    >>> metric = MeanAccuracy(num_classes=2)
    >>> metric.update_state(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]))
    >>> round(float(metric.result()), 4)
    0.75
    """

    def __init__(
        self,
        num_classes,
        ignore_class=255,
        absent="skip",
        name="mean_accuracy",
        dtype=None,
    ):
        super().__init__(num_classes, ignore_class, absent, name, dtype)

    def score(self, matrix):
        accuracy = self._ratio(ops.diagonal(matrix), ops.sum(matrix, axis=1))
        return self._class_mean(self._without_ignored(accuracy))
