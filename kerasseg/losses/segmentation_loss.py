"""Softmax cross-entropy over label maps."""

import keras
from keras import ops

from kerasseg.arguments import check_choice
from kerasseg.losses.class_weights import check_weights
from kerasseg.losses.class_weights import normalized_weights
from kerasseg.losses.class_weights import weights_of_labels
from kerasseg.losses.label_map_loss import LabelMapLoss
from kerasseg.losses.label_map_loss import check_logits
from kerasseg.losses.label_map_loss import counted_logits
from kerasseg.losses.labels import downsample_labels
from kerasseg.losses.labels import sampled_weights

NORMALIZATIONS = ("valid", "image", "sum")


@keras.saving.register_keras_serializable("kerasseg")
class SegmentationLoss(LabelMapLoss):
    """Softmax cross-entropy of logits against a map of class ids.

    Pixels with an ignored id weigh nothing, others `w = class_weights[id]`
    (1 by default). With the sums over the weighted cross-entropies `ce`:

    - `"valid"`: `sum(w * ce) / sum(w)` over the whole batch, 0 if no pixel
      counts. With several replicas each divides by its own sum, and the
      results are averaged.
    - `"image"`: `sum(w * ce) / (sum(w) + 1)` per image, averaged over the
      batch; the same on one device and on replicas with equal shares.
    - `"sum"`: `sum(w * ce)` per image, averaged over the batch.

    Each `ce` is multiplied by the `sample_weight` of its image or pixel, if
    there is one: see `fit`, which takes `(batch,)`, `(batch, height, width)`
    and `(batch, height, width, 1)`.

    Labels may be larger than the logits by a whole factor; they are then
    sampled by `downsample_labels`. The loss is computed in float32 whatever
    the dtype of the logits, is 0 or more, and is NaN (an error outside of
    compiled functions) where labels hold an unknown id.

    Args:
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`.
        class_weights: Sequence or array of one non-negative number per
            class, a dict from each class id to one, or `None` for equal
            weights. Unlike `class_weight` of `keras.Model.fit`, which does
            not know label maps. Defaults to `None`.
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
        is the form of the reference implementation.
    """

    def __init__(
        self,
        ignore_class=255,
        class_weights=None,
        normalization="valid",
        reduction="sum_over_batch_size",
        name="segmentation_loss",
    ):
        super().__init__(ignore_class, reduction, name)
        check_choice("normalization", normalization, NORMALIZATIONS)
        self.class_weights = normalized_weights(class_weights)
        self.normalization = normalization

    def image_losses(self, labels, logits, weights):
        num_classes = check_logits(logits)
        check_weights(self.class_weights, num_classes)
        batch, height, width, _ = ops.shape(logits)
        penalty = self.unknown_id_penalty(labels, num_classes)
        weights = sampled_weights(weights, height, width)
        counts = self.pixel_weights(labels, num_classes)
        counts = downsample_labels(counts, height, width)
        labels = downsample_labels(labels, height, width)
        # Ignored ids stand outside of the classes: any class will do, the
        # weight is 0.
        classes = ops.clip(labels, 0, num_classes - 1)
        logits = counted_logits(logits, counts * weights)
        losses = self.pixel_losses(classes, logits)
        counts = self.selected(losses, counts, weights)
        weights = counts * weights
        # Not a plain product: 0 * inf of a pixel left out would be NaN.
        losses = ops.where(weights != 0, weights * losses, 0.0)
        total = ops.sum(losses, axis=(1, 2))
        return self._normalize(total, counts, batch) + penalty

    def pixel_weights(self, labels, num_classes):
        """What each pixel counts, in the loss and in what it is divided by.

        Args:
            labels: `int32` tensor of shape `(batch, height, width)`.
            num_classes: Number of classes.

        Returns:
            A `float32` tensor likewise, 0 where the id is ignored.
        """
        return weights_of_labels(
            labels, self.class_weights, self._ignored, num_classes
        )

    def pixel_losses(self, classes, logits):
        """The loss of each pixel, before any weight.

        Args:
            classes: `int32` tensor of shape `(batch, height, width)`.
            logits: `float32` tensor, `(batch, height, width, num_classes)`.

        Returns:
            A `float32` tensor of the shape of `classes`.
        """
        return ops.sparse_categorical_crossentropy(
            classes, logits, from_logits=True
        )

    def selected(self, losses, counts, weights):
        """The weights of the pixels, 0 for those that are not to count.

        Args:
            losses: What `pixel_losses` returned.
            counts: What `pixel_weights` returned, at the same places.
            weights: Sample weights that broadcast to them.

        Returns:
            A `float32` tensor like `counts`.
        """
        return counts

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
        return {
            **super().get_config(),
            "class_weights": self.class_weights,
            "normalization": self.normalization,
        }
