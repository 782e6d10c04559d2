"""Intersection over union of one class."""

import keras

from kerasseg.ids import is_integer
from kerasseg.metrics.confusion import ConfusionMatrix


@keras.saving.register_keras_serializable("kerasseg")
class ClassIoU(ConfusionMatrix):
    """Intersection over union of one class.

    `M[c, c] / (row_c + column_c - M[c, c])` of the confusion matrix `M`,
    between 0 and 1.

    Args:
        num_classes: Number of classes, 2 or more.
        class_id: The class to score.
        ignore_class: Integer, sequence of integers, or `None`. Ids in
            `y_true` that do not count. Defaults to `255`.
        absent: What the class counts as if it has no pixel: `"skip"` gives NaN,
            `"zero"` gives 0. Defaults to `"skip"`.
        name: Name of the metric. Defaults to `"class_iou"`.
        dtype: Dtype of the metric, kept for Keras; counts are integers and
            results float32. Defaults to `None`.

    Input shape:
        As `ConfusionMatrix`.

    Example:

    >>> metric = ClassIoU(num_classes=2, class_id=1)
    >>> metric.update_state(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]))
    >>> round(float(metric.result()), 4)
    0.5
    """

    def __init__(
        self,
        num_classes,
        class_id,
        ignore_class=255,
        absent="skip",
        name="class_iou",
        dtype=None,
    ):
        super().__init__(num_classes, ignore_class, absent, name, dtype)
        if not is_integer(class_id) or not 0 <= class_id < num_classes:
            raise ValueError(
                f"`class_id` must be an id from 0 to {num_classes - 1}. "
                f"Received: class_id={class_id!r}"
            )
        self.class_id = int(class_id)

    def score(self, matrix):
        return self._class_ious(matrix)[self.class_id]

    def get_config(self):
        return {**super().get_config(), "class_id": self.class_id}
