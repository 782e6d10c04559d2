"""What all losses on label maps share: labels, pixel weights, logits."""

import keras
from keras import ops

from kerasseg.arguments import check_channels
from kerasseg.ids import check_void
from kerasseg.ids import ids_config
from kerasseg.ids import ignored_ids
from kerasseg.losses.labels import label_map
from kerasseg.losses.labels import pixel_weights
from kerasseg.losses.labels import unknown_id_penalty


class LabelMapLoss(keras.losses.Loss):
    """Base of the losses that compare logits with a map of class ids.

    A `sample_weight`, as of `keras.Model.fit`, is a weight of each image,
    `(batch,)`, or of each pixel of the labels, `(batch, height, width)`,
    optionally with a last axis of 1. It is applied pixel by pixel before
    anything is summed, and pixels of weight 0 have no gradient. As in Keras
    the weights multiply the loss and do not enter the number that it is
    divided by.

    Args:
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`, which is refused with more classes
            than that.
        reduction: How Keras reduces the values of the images of a batch.
            Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `None`.
    """

    def __init__(
        self, ignore_class=255, reduction="sum_over_batch_size", name=None
    ):
        if reduction == "mean_with_sample_weight":
            raise ValueError(
                "`reduction` must not divide by the weights, which are those "
                f"of pixels. Received: reduction={reduction!r}"
            )
        # float32 also where the global default is half precision: ids and
        # sums over pixels need it.
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.ignore_class = ids_config(ignore_class)
        self._ignored = ignored_ids(ignore_class)

    def __call__(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            # Keras would multiply the loss of an image by them, too late.
            y_true = {"labels": y_true, "sample_weight": sample_weight}
        return super().__call__(y_true, y_pred)

    def call(self, y_true, y_pred):
        weights = None
        if isinstance(y_true, dict):
            weights, y_true = y_true["sample_weight"], y_true["labels"]
        labels = label_map(y_true)
        if weights is not None:
            weights = pixel_weights(weights, labels)
        logits = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        return self.image_losses(labels, logits, weights)

    def image_losses(self, labels, logits, weights):
        """The loss of each image.

        Args:
            labels: `int32` tensor of shape `(batch, height, width)`.
            logits: `float32` tensor.
            weights: `float32` tensor that broadcasts to the labels, or
                `None` for weights of 1.

        Returns:
            A `float32` tensor of shape `(batch,)`.
        """
        raise NotImplementedError

    def unknown_id_penalty(self, labels, num_classes):
        """NaN for each image that holds an unknown id, else 0.

        Args:
            labels: `int32` tensor of shape `(batch, height, width)`.
            num_classes: Number of classes.

        Returns:
            A `float32` tensor of shape `(batch,)`.

        Raises:
            ValueError: If there are unknown ids and their values can be read,
                or the ignored id is a class by default.
        """
        check_void(self.ignore_class, num_classes)
        return unknown_id_penalty(labels, num_classes, self._ignored)

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class}


def counted_logits(logits, counts):
    """Logits that are 0 where nothing counts.

    What is not finite there would otherwise have a gradient that is not: the
    product of 0 and NaN is NaN.

    Args:
        logits: Tensor whose last axis is that of the classes.
        counts: Tensor that broadcasts to its other axes, 0 where a pixel does
            not count.

    Returns:
        A tensor like `logits`.
    """
    counts = ops.expand_dims(ops.convert_to_tensor(counts), -1)
    return ops.where(ops.not_equal(counts, 0), logits, 0.0)


def check_logits(logits):
    """Refuses what is no map of logits of two classes or more.

    Args:
        logits: Tensor.

    Returns:
        Number of classes.

    Raises:
        ValueError: If the rank is not 4 or there is a single channel.
    """
    shape = tuple(logits.shape)
    if len(shape) != 4:
        raise ValueError(
            "`y_pred` must have shape (batch, height, width, num_classes). "
            f"Received: y_pred.shape={shape}"
        )
    check_channels("y_pred", shape)
    return shape[-1]
