"""Share of correct pixels."""

import keras
from keras import ops

from kerasseg.metrics.confusion import ConfusionMatrix


@keras.saving.register_keras_serializable("kerasseg")
class PixelAccuracy(ConfusionMatrix):
    """Share of pixels whose class was predicted.

    `tr(M) / sum(M)` of the confusion matrix `M`, between 0 and 1.

    Args:
        num_classes: Number of classes, 2 or more.
        ignore_class: Integer, sequence of integers, or `None`. Ids in
            `y_true` that do not count. Defaults to `255`.
        absent: What no pixel at all counts as: `"skip"` gives NaN, `"zero"`
            gives 0. Defaults to `"skip"`.
        name: Name of the metric. Defaults to `"pixel_accuracy"`.
        dtype: Dtype of the metric, kept for Keras; counts are integers and
            results float32. Defaults to `None`.

    Input shape:
        As `ConfusionMatrix`.

    Example:

    >>> metric = PixelAccuracy(num_classes=2)
    >>> metric.update_state(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]))
    >>> round(float(metric.result()), 4)
    0.6667
    """

    def __init__(
        self,
        num_classes,
        ignore_class=255,
        absent="skip",
        name="pixel_accuracy",
        dtype=None,
    ):
        super().__init__(num_classes, ignore_class, absent, name, dtype)

    def score(self, matrix):
        return self._ratio(ops.trace(matrix), ops.sum(matrix))
