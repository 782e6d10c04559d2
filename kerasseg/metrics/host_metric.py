"""Base of the metrics that look at one whole image at a time."""

import numpy as np

from kerasseg.arguments import check_integer
from kerasseg.ids import check_void
from kerasseg.ids import ids_config
from kerasseg.ids import ignored_ids
from kerasseg.metrics.scores import check_absent
from kerasseg.metrics.scores import check_class_ids


class HostMetric:
    """Accumulator over whole images, in NumPy on the host.

    Not a `keras.metrics.Metric`: what it measures needs the complete image in
    its own size, which a batch of crops in a training graph does not have.

    Void is never scored and has no boundary: before anything is measured,
    the prediction becomes void where the label is. A prediction that agrees
    with the label in all other pixels is thus perfect.

    Args:
        num_classes: Number of classes, 2 or more.
        ignore_class: Integer, sequence of integers, or `None`. Ids in the
            mask that are void. Defaults to `255`, which is refused with more
            classes than that.
        absent: What a class without a value counts as: `"skip"` leaves it out
            of the mean, `"zero"` counts it as 0. Defaults to `"skip"`.
    """

    def __init__(self, num_classes, ignore_class=255, absent="skip"):
        check_absent(absent)
        self.num_classes = check_integer("num_classes", num_classes, 2)
        self.ignore_class = ids_config(ignore_class)
        check_void(self.ignore_class, self.num_classes)
        self.absent = absent
        self._ignored = ignored_ids(ignore_class)

    def update(self, mask, prediction):
        """Adds an image.

        Args:
            mask: Array of shape `(height, width)`: true class ids.
            prediction: Array of the same shape: predicted class ids.

        Raises:
            TypeError: If one of them holds no integers.
            ValueError: If the shapes do not fit or an id is neither a class
                nor, in the mask, ignored.
        """
        mask, prediction = np.asarray(mask), np.asarray(prediction)
        if mask.ndim != 2 or 0 in mask.shape or mask.shape != prediction.shape:
            raise ValueError(
                "`mask` and `prediction` must have the same shape (height, "
                f"width). Received: mask.shape={mask.shape}, "
                f"prediction.shape={prediction.shape}"
            )
        check_class_ids("mask", mask, self.num_classes, self._ignored)
        check_class_ids("prediction", prediction, self.num_classes)
        void = np.isin(mask, self._ignored)
        self._measure(
            *(
                np.where(void, self.num_classes, ids.astype("int32"))
                for ids in (mask, prediction)
            )
        )

    def _measure(self, labels, predictions):
        """Adds checked ids; void is `num_classes` in both."""
        raise NotImplementedError
