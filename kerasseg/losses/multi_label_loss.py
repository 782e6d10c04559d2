"""Binary cross-entropy on which classes an image shows."""

import keras
from keras import ops

from kerasseg.arguments import check_number
from kerasseg.ids import ids_config
from kerasseg.ids import ignored_ids
from kerasseg.ids import match
from kerasseg.losses.label_map_loss import LabelMapLoss
from kerasseg.losses.label_map_loss import counted_logits


@keras.saving.register_keras_serializable("kerasseg")
class MultiLabelLoss(LabelMapLoss):
    """Binary cross-entropy of one logit per class against a label map.

    The target of a class is 1 where any pixel has its id, else 0. The value
    of an image is the mean over the classes of
    `log(1 + exp(x)) - target * x`, times `weight`, and 0 for an image all of
    whose pixels are ignored. It is computed in float32 whatever the dtype of
    the logits, is 0 or more, averaged over the batch, and NaN (an error
    outside of compiled functions) where labels hold an unknown id. Pixels of
    `sample_weight` 0 are as if ignored; the mean weight of the others
    multiplies the value of their image.

    Args:
        ignore_class: Integer, sequence of integers, or `None`. Ids that are
            no class. Defaults to `255`.
        exclude_class: Integer, sequence of integers, or `None`. Classes that
            do not count, such as a background that every image shows.
            Defaults to `None`.
        weight: Factor, 0 or more: what the branch counts beside the pixels.
            Defaults to 1.0.
        reduction: How Keras reduces the values of the images of a batch.
            Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"multi_label_loss"`.

    Input shape:
        `y_true`: `(batch, height, width)`, optionally with a last axis of 1.
        `y_pred`: `(batch, num_classes)`, logits.

    Example:

    >>> loss = MultiLabelLoss()
    >>> labels = np.array([[[0, 1], [255, 0]]])
    >>> round(float(loss(labels, np.zeros((1, 3), "float32"))), 4)
    0.6931

    Reference:
        Nekrasov, Ju and Choi, "Global Deconvolutional Networks for Semantic
        Segmentation", BMVC 2016. The paper names the loss and does not give
        it; this form is this project's reading.
    """

    def __init__(
        self,
        ignore_class=255,
        exclude_class=None,
        weight=1.0,
        reduction="sum_over_batch_size",
        name="multi_label_loss",
    ):
        super().__init__(ignore_class, reduction, name)
        check_number("weight", weight)
        self.exclude_class = ids_config(exclude_class, "exclude_class")
        self.weight = float(weight)
        self._excluded = ignored_ids(exclude_class)

    def image_losses(self, labels, logits, weights):
        counted = self._counted(tuple(logits.shape))
        num_classes = logits.shape[-1]
        penalty = self.unknown_id_penalty(labels, num_classes)
        ignored = match(labels, self._ignored)
        if weights is not None:
            ignored = ops.logical_or(ignored, ops.equal(weights, 0))
        targets = _classes_shown(ops.where(ignored, -1, labels), num_classes)
        valid = ops.logical_not(ops.all(ignored, axis=(1, 2)))
        logits = counted_logits(logits, valid)
        entropy = ops.softplus(logits) - targets * logits
        counts = ops.convert_to_tensor(counted, "float32")
        entropy = ops.sum(entropy * counts, axis=-1) / sum(counted)
        entropy = ops.where(valid, entropy, 0.0)
        if weights is not None:
            entropy = entropy * _mean_weight(weights, ignored)
        return self.weight * entropy + penalty

    def _counted(self, shape):
        """One per class that counts, zero for others."""
        if len(shape) != 2 or shape[-1] is None:
            raise ValueError(
                "`y_pred` must have shape (batch, num_classes). "
                f"Received: y_pred.shape={shape}"
            )
        counted = [float(c not in self._excluded) for c in range(shape[-1])]
        unknown = set(self._excluded) - set(range(shape[-1]))
        if unknown or not any(counted):
            raise ValueError(
                f"`exclude_class` must name some of the {shape[-1]} classes "
                "of `y_pred`, not all. "
                f"Received: exclude_class={self.exclude_class!r}"
            )
        return counted

    def get_config(self):
        return {
            **super().get_config(),
            "exclude_class": self.exclude_class,
            "weight": self.weight,
        }


def _classes_shown(labels, num_classes):
    """1 where a class has a pixel, as float32 `(batch, num_classes)`."""
    ids = ops.arange(num_classes, dtype="int32")
    same = ops.equal(ops.expand_dims(labels, -1), ids)
    return ops.cast(ops.any(same, axis=(1, 2)), "float32")


def _mean_weight(weights, ignored):
    """Mean weight of the pixels of each image that are not ignored."""
    counts = ops.cast(ops.logical_not(ignored), "float32")
    return ops.divide_no_nan(
        ops.sum(weights * counts, axis=(1, 2)), ops.sum(counts, axis=(1, 2))
    )
