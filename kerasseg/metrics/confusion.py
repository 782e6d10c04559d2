"""Streaming confusion matrix, the base of all metrics."""

import keras
import numpy as np
from keras import ops

from kerasseg.arguments import check_integer
from kerasseg.ids import FRACTIONS
from kerasseg.ids import check_void
from kerasseg.ids import ids_config
from kerasseg.ids import ignored_ids
from kerasseg.ids import match
from kerasseg.ids import value_or_none
from kerasseg.metrics.counting import BEYOND
from kerasseg.metrics.counting import FRACTION
from kerasseg.metrics.counting import UNKNOWN_BINS
from kerasseg.metrics.counting import count
from kerasseg.metrics.scores import check_absent
from kerasseg.metrics.scores import scores

# Counts are kept in two integer words, `high * WORD + low`: int64 does not
# exist on every backend. With `low` this small the sum of the words of a
# hundred replicas still fits 32 bits.
WORD = 2**24
_NAMES = {BEYOND: "below 0 or above 255", FRACTION: FRACTIONS}
_LOGITS = (
    ", or logits with a channel for each class; one (sigmoid) channel is not "
    "supported"
)


@keras.saving.register_keras_serializable("kerasseg")
class ConfusionMatrix(keras.metrics.Metric):
    """Pixel counts by label and prediction.

    Entry `[g, p]` of the result is the number of pixels of class `g` that
    were predicted as class `p`; pixels with an ignored id do not count.
    The id of a class may be one of them: means over classes leave it out.
    Counts are exact up to 2**55. Ids that are neither a class nor ignored are
    an error that names them, and so are numbers with a fraction: `result`
    raises it, or returns NaN while a graph is being traced, where no error can
    be raised.

    Args:
        num_classes: Number of classes, 2 or more.
        ignore_class: Integer, sequence of integers, or `None`. Ids in
            `y_true` that do not count. Defaults to `255`, which is refused
            with more classes than that.
        absent: What a class without pixels counts as in scores: `"skip"`
            leaves it out of means, `"zero"` counts it as 0. Defaults to
            `"skip"`.
        name: Name of the metric. Defaults to `"confusion_matrix"`.
        dtype: Dtype of the metric, kept for Keras; counts are integers and
            results float32. Defaults to `None`.

    Input shape:
        `y_true`: `(batch, height, width)` class ids, optionally with a last
        axis of 1.
        `y_pred`: `(batch, height, width, num_classes)` logits or
        probabilities, or class ids in the shape of `y_true`.

    Example:

    >>> metric = ConfusionMatrix(num_classes=2)
    >>> metric.update_state(np.array([[0, 1, 255]]), np.array([[0, 0, 1]]))
    >>> metric.matrix().tolist()
    [[1, 0], [1, 0]]
    """

    def __init__(
        self,
        num_classes,
        ignore_class=255,
        absent="skip",
        name="confusion_matrix",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        # More is better: what callbacks of Keras with mode="auto" look at.
        self._direction = "up"
        check_absent(absent)
        self.num_classes = check_integer("num_classes", num_classes, 2)
        self.ignore_class = ids_config(ignore_class)
        check_void(self.ignore_class, self.num_classes)
        self.absent = absent
        self._ignored = ignored_ids(ignore_class)
        # "int" is the integer that can live on an accelerator.
        square = (self.num_classes, self.num_classes)
        self._low = self.add_variable(square, "zeros", "int", name="low")
        self._high = self.add_variable(square, "zeros", "int", name="high")
        # Row 0: ids in y_true, row 1: ids in y_pred.
        self._unknown = self.add_variable(
            (2, UNKNOWN_BINS), "zeros", "int", name="unknown"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch.

        Args:
            y_true: Class ids.
            y_pred: Logits, or class ids.
            sample_weight: Must be `None`: counts have no weights.

        Raises:
            ValueError: If the shapes do not fit, or weights are given.
        """
        if sample_weight is not None:
            raise ValueError(
                "`sample_weight` must be None: pixels are counted, give "
                "pixels to leave out an ignored id. "
                f"Received: sample_weight={sample_weight!r}"
            )
        labels, predictions = self._aligned(y_true, y_pred)
        counts = count(labels, predictions, self.num_classes, self._ignored)
        size = self.num_classes**2
        pairs = ops.reshape(counts[:size], self._low.shape)
        unknown = ops.reshape(counts[size:-1], self._unknown.shape)

        low = self._low + ops.cast(pairs, self._low.dtype)
        carry = low // WORD
        self._low.assign(low - carry * WORD)
        self._high.assign(self._high + carry)
        # Saturates instead of wrapping around to a small number.
        unknown = self._unknown + ops.cast(unknown, self._unknown.dtype)
        self._unknown.assign(ops.minimum(unknown, WORD))

    def _aligned(self, y_true, y_pred):
        labels = ops.convert_to_tensor(y_true)
        predictions = ops.convert_to_tensor(y_pred)
        shapes = tuple(labels.shape), tuple(predictions.shape)
        last = predictions.shape[-1]
        extra = len(labels.shape) - len(predictions.shape)
        if labels.shape[-1] == 1 and (extra == 1 or (extra == 0 and last > 1)):
            labels = ops.squeeze(labels, axis=-1)
        size = predictions.shape
        if len(predictions.shape) == len(labels.shape) + 1:
            if last == self.num_classes:
                size = predictions.shape[:-1]
            elif last == 1:
                # Class ids. The probabilities of a model with one (sigmoid)
                # channel are no whole numbers, and are refused as such.
                predictions = ops.squeeze(predictions, axis=-1)
                size = predictions.shape
        if not _same_shape(labels.shape, size):
            raise ValueError(
                "`y_pred` must be logits of the size of `y_true` with a last "
                f"axis of {self.num_classes}, or ids in the shape of "
                f"`y_true`. Received: y_true.shape={shapes[0]}, "
                f"y_pred.shape={shapes[1]}"
            )
        return labels, predictions

    def result(self):
        """The score of all pixels so far.

        Returns:
            A float32 tensor; NaN while tracing if there are unknown ids.

        Raises:
            ValueError: If there are unknown ids and they can be named.
        """
        unknown = ops.convert_to_tensor(self._unknown)
        seen = value_or_none(unknown)
        if seen is not None:
            _raise_unknown(seen, self.num_classes, self._ignored)
        matrix = ops.cast(self._high, "float32") * float(WORD)
        matrix = matrix + ops.cast(self._low, "float32")
        penalty = ops.where(ops.any(unknown > 0), float("nan"), 0.0)
        return self.score(matrix) + ops.cast(penalty, "float32")

    def score(self, matrix):
        """The value of this metric for a confusion matrix.

        Args:
            matrix: Float32 tensor of shape `(num_classes, num_classes)`.

        Returns:
            The matrix here, a scalar in the metrics derived from this class.
        """
        return matrix

    def matrix(self):
        """The exact counts. Not for use in compiled functions.

        Returns:
            An int64 array of shape `(num_classes, num_classes)`, labels by
            predictions.

        Raises:
            ValueError: If there are unknown ids.
        """
        self.check()
        low, high = (
            ops.convert_to_numpy(ops.convert_to_tensor(word)).astype("int64")
            for word in (self._low, self._high)
        )
        return high * WORD + low

    def per_class_iou(self):
        """Intersection over union of each class, in float64.

        Returns:
            An array of shape `(num_classes,)`; absent classes are NaN or 0 as
            `absent` says.

        Raises:
            ValueError: If there are unknown ids.
        """
        matrix = self.matrix()
        return scores(matrix, self.absent, self._ignored)["per_class_iou"]

    def check(self):
        """Raises if ids were seen that are neither classes nor ignored.

        Raises:
            ValueError: Naming the ids and how many pixels hold them.
        """
        unknown = ops.convert_to_numpy(ops.convert_to_tensor(self._unknown))
        _raise_unknown(unknown, self.num_classes, self._ignored)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "ignore_class": self.ignore_class,
            "absent": self.absent,
        }

    def _ratio(self, numerator, denominator):
        ratio = numerator / ops.maximum(denominator, 1.0)
        if self.absent == "zero":
            return ratio
        return ops.where(denominator > 0, ratio, float("nan"))

    def _class_ious(self, matrix):
        hits = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=1) + ops.sum(matrix, axis=0) - hits
        return self._without_ignored(self._ratio(hits, union))

    def _without_ignored(self, values):
        classes = ops.arange(self.num_classes, dtype="int32")
        ignored = match(classes, self._ignored)
        return ops.where(ignored, float("nan"), values)

    def _class_mean(self, values):
        absent = ops.isnan(values)
        present = ops.sum(ops.cast(ops.logical_not(absent), "float32"))
        total = ops.sum(ops.where(absent, 0.0, values))
        return self._ratio(total, present)


def _same_shape(one, other):
    if len(one) != len(other):
        return False
    # Sizes that are only known at run time cannot be compared yet.
    return all(
        a == b or a is None or b is None
        for a, b in zip(one, other, strict=True)
    )


def _raise_unknown(unknown, num_classes, ignored):
    for name, counts in zip(("y_true", "y_pred"), unknown, strict=True):
        if not counts.any():
            continue
        found = [
            f"{_NAMES.get(i, i)} ({counts[i]} pixels)"
            for i in np.flatnonzero(counts).tolist()
        ]
        also = f" or ignored ids {ignored}" if name == "y_true" else _LOGITS
        ids = "" if counts.argmax() == FRACTION and len(found) == 1 else "ids "
        raise ValueError(
            f"`{name}` must hold class ids 0 to {num_classes - 1}{also}. "
            f"Received: {ids}{', '.join(found)}"
        )
