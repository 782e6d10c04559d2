"""The Lovász extension of one minus the mean IoU."""

import keras
from keras import ops

from kerasseg.ids import match
from kerasseg.losses.label_map_loss import LabelMapLoss
from kerasseg.losses.label_map_loss import check_logits
from kerasseg.losses.label_map_loss import counted_logits
from kerasseg.losses.labels import downsample_labels
from kerasseg.losses.labels import sampled_weights


@keras.saving.register_keras_serializable("kerasseg")
class LovaszSoftmaxLoss(LabelMapLoss):
    """A differentiable surrogate of `1 - mean IoU`, on softmax probabilities.

    For a class `c`, pixels of the batch have the errors `1 - p_c` where the
    label is `c`, else `p_c`. They are sorted, largest first, and weighted by
    what each adds to `1 - IoU_c` when it is counted as wrong along with all
    before it. With errors of 0 and 1 alone this is `1 - IoU_c`. The value is
    the mean over the classes that occur among the labels, between 0 and 1, 0
    if no pixel counts; in float32 whatever the dtype of the logits, and NaN
    (an error outside of compiled functions) where labels hold an unknown id.

    Sorting takes time in proportion to pixels and classes: on every second
    row and column it costs a quarter. Labels may be larger than the logits by
    a whole factor; they are then sampled by `downsample_labels`. Cross-entropy
    belongs beside this loss, which has next to no gradient for a class that
    is predicted nowhere near its pixels.

    Args:
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`.
        reduction: How Keras reduces the values of the images of a batch, all
            the same. Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"lovasz_softmax_loss"`.

    Input shape:
        `y_true`: `(batch, s * height, s * width)`, optionally with a last
        axis of 1, for a whole number `s`.
        `y_pred`: `(batch, height, width, num_classes)`, logits.

    Example:

    >>> loss = LovaszSoftmaxLoss()
    >>> labels = np.array([[[0, 1], [255, 0]]])
    >>> logits = np.array([[[[9.0, -9], [9, -9]], [[9, -9], [9, -9]]]])
    >>> round(float(loss(labels, logits)), 4)  # IoUs of 2/3 and 0
    0.6667

    Reference:
        Berman, Rannen Triki and Blaschko, "The Lovász-Softmax loss: A
        tractable surrogate for the optimization of the intersection-over-
        union measure in neural networks", CVPR 2018.
    """

    def __init__(
        self,
        ignore_class=255,
        reduction="sum_over_batch_size",
        name="lovasz_softmax_loss",
    ):
        super().__init__(ignore_class, reduction, name)

    def image_losses(self, labels, logits, weights):
        num_classes = check_logits(logits)
        _, height, width, _ = ops.shape(logits)
        penalty = self.unknown_id_penalty(labels, num_classes)
        labels = downsample_labels(labels, height, width)
        counts = ops.logical_not(match(labels, self._ignored))
        # A pixel of weight 2 counts as two pixels.
        counts = ops.cast(counts, "float32") * sampled_weights(
            weights, height, width
        )
        logits = counted_logits(logits, counts)
        # A row for each class: the last axis is the fast one to sort.
        truth = ops.equal(
            ops.reshape(ops.arange(num_classes, dtype="int32"), (-1, 1)),
            ops.reshape(labels, (1, -1)),
        )
        counts = ops.reshape(counts, (1, -1))
        truth = ops.cast(truth, "float32")
        probabilities = ops.softmax(ops.reshape(logits, (-1, num_classes)))
        errors = ops.abs(truth - ops.transpose(probabilities))
        # What does not count comes last, where it adds nothing.
        errors = ops.where(counts > 0, errors, 0.0)
        order = ops.flip(ops.argsort(ops.stop_gradient(errors)), axis=-1)
        truth = truth * counts
        added = _added_loss(
            ops.take_along_axis(truth, order, axis=-1),
            ops.take_along_axis(
                ops.broadcast_to(counts, ops.shape(truth)), order, axis=-1
            ),
        )
        errors = ops.take_along_axis(errors, order, axis=-1)
        losses = ops.sum(errors * ops.stop_gradient(added), axis=-1)
        present = ops.cast(ops.any(truth > 0, axis=-1), "float32")
        mean = ops.sum(losses * present) / ops.maximum(ops.sum(present), 1.0)
        return mean + penalty


def _added_loss(truth, counts):
    """What each pixel adds to `1 - IoU` of its row, wrong as all before it."""
    true = ops.sum(truth, axis=-1, keepdims=True)
    missed = ops.cumsum(truth, axis=-1)
    invented = ops.cumsum(counts - truth, axis=-1)
    losses = 1.0 - ops.divide_no_nan(true - missed, true + invented)
    return losses - ops.pad(losses[:, :-1], ((0, 0), (1, 0)))
