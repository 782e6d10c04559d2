"""Softmax cross-entropy over label maps."""

import keras
from keras import ops

from kerasseg.losses.labels import downsample_labels
from kerasseg.losses.labels import ids_config
from kerasseg.losses.labels import ignored_ids
from kerasseg.losses.labels import label_map
from kerasseg.losses.labels import match_any
from kerasseg.losses.labels import unknown_id_penalty

NORMALIZATIONS = ("valid", "image", "sum")


@keras.saving.register_keras_serializable("kerasseg")
class SegmentationLoss(keras.losses.Loss):
    """Softmax cross-entropy of logits against a map of class ids.

    Pixels with an ignored id weigh nothing, others `w = class_weights[id]`
    (1 by default). With the sums over the weighted cross-entropies `ce`:

    - `"valid"`: `sum(w * ce) / sum(w)` over the whole batch, 0 if no pixel
      counts. With several replicas each divides by its own sum, and the
      results are averaged.
    - `"image"`: `sum(w * ce) / (sum(w) + 1)` per image, averaged over the
      batch; the same on one device and on replicas with equal shares.
    - `"sum"`: `sum(w * ce)` per image, averaged over the batch.

    Labels may be larger than the logits by a whole factor; they are then
    sampled by `downsample_labels`. The loss is computed in float32 whatever
    the dtype of the logits, is 0 or more, and is NaN (an error outside of
    compiled functions) where labels hold an unknown id.

    Args:
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`.
        class_weights: Sequence of one non-negative number per class, or
            `None` for equal weights. Defaults to `None`.
        normalization: `"valid"`, `"image"` or `"sum"`. Defaults to `"valid"`.
        reduction: How Keras reduces the values of the images of a batch.
            Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"segmentation_loss"`.

    Input shape:
        `y_true`: `(batch, s * height, s * width)`, optionally with a last
        axis of 1, for a whole number `s`.
        `y_pred`: `(batch, height, width, num_classes)`, logits.

    Example:

    >>> loss = SegmentationLoss(ignore_class=255)
    >>> labels = np.array([[[0, 1], [255, 0]]])
    >>> logits = np.zeros((1, 2, 2, 2), "float32")
    >>> round(float(loss(labels, logits)), 4)
    0.6931

    Reference:
        Ghiasi and Fowlkes, 2016, https://arxiv.org/abs/1605.02264; `"image"`
        is the form of the authors' code.
    """

    def __init__(
        self,
        ignore_class=255,
        class_weights=None,
        normalization="valid",
        reduction="sum_over_batch_size",
        name="segmentation_loss",
    ):
        # float32 also where the global default is half precision: ids and
        # sums over pixels need it.
        super().__init__(name=name, reduction=reduction, dtype="float32")
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f"`normalization` must be one of {NORMALIZATIONS}. "
                f"Received: normalization={normalization!r}"
            )
        if class_weights is not None:
            weights = [float(weight) for weight in class_weights]
            if not weights or not all(0 <= w < float("inf") for w in weights):
                raise ValueError(
                    "`class_weights` must be finite numbers, 0 or more. "
                    f"Received: class_weights={class_weights!r}"
                )
        self.ignore_class = ignore_class
        self.class_weights = class_weights
        self.normalization = normalization
        self._ignored = ignored_ids(ignore_class)

    def call(self, y_true, y_pred):
        logits = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        num_classes = self._check_logits(logits)
        batch, height, width, _ = ops.shape(logits)
        labels = label_map(y_true)
        penalty = unknown_id_penalty(labels, num_classes, self._ignored)
        labels = downsample_labels(labels, height, width)

        weights = self._pixel_weights(labels, num_classes)
        # Ignored ids stand outside of the classes: any class will do, the
        # weight is 0.
        classes = ops.clip(labels, 0, num_classes - 1)
        entropy = ops.sparse_categorical_crossentropy(
            classes, logits, from_logits=True
        )
        # Not a plain product: 0 * inf of an ignored pixel would be NaN.
        entropy = ops.where(weights > 0, weights * entropy, 0.0)
        total = ops.sum(entropy, axis=(1, 2))
        return self._normalize(total, weights, batch) + penalty

    def _check_logits(self, logits):
        shape = tuple(logits.shape)
        if len(shape) != 4:
            raise ValueError(
                "`y_pred` must have shape (batch, height, width, "
                f"num_classes). Received: y_pred.shape={shape}"
            )
        given = self.class_weights
        if given is not None and len(given) != shape[-1]:
            raise ValueError(
                f"`class_weights` must have one number for each of the "
                f"{shape[-1]} classes of `y_pred`. "
                f"Received: class_weights={given!r}"
            )
        return shape[-1]

    def _pixel_weights(self, labels, num_classes):
        valid = ops.logical_not(match_any(labels, self._ignored))
        weights = ops.cast(valid, "float32")
        if self.class_weights is None:
            return weights
        table = ops.convert_to_tensor(
            [float(weight) for weight in self.class_weights], dtype="float32"
        )
        classes = ops.clip(labels, 0, num_classes - 1)
        return weights * ops.take(table, classes, axis=0)

    def _normalize(self, total, weights, batch):
        if self.normalization == "sum":
            return total
        if self.normalization == "image":
            return total / (ops.sum(weights, axis=(1, 2)) + 1.0)
        # The mean over the batch, taken by Keras, then is sum / sum.
        return ops.divide_no_nan(
            total * ops.cast(batch, "float32"), ops.sum(weights)
        )

    def get_config(self):
        weights = self.class_weights
        return {
            **super().get_config(),
            "ignore_class": ids_config(self.ignore_class),
            "class_weights": weights and [float(w) for w in weights],
            "normalization": self.normalization,
        }
