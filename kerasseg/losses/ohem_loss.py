"""Cross-entropy of the hardest pixels of a batch."""

import math

import keras
from keras import ops

from kerasseg.arguments import check_number
from kerasseg.losses.segmentation_loss import SegmentationLoss


@keras.saving.register_keras_serializable("kerasseg")
class OHEMLoss(SegmentationLoss):
    """Softmax cross-entropy with online hard example mining (OHEM).

    A pixel counts where the probability of its labeled class is below
    `threshold`, or where its cross-entropy is among the largest: of the
    pixels of the batch that are neither ignored nor of weight 0, the share
    `keep` counts at least (rounded up; pixels that are equal to the last of
    them count too). With `threshold=0` it is that share alone. Everything
    else is as in `SegmentationLoss`, which this is for `keep=1`: class
    weights, `sample_weight` (neither changes which pixels are the hardest),
    and what the sum is divided by: the class weights of the pixels that
    count.

    With several replicas each chooses among the pixels of its own share of a
    batch, which is not what one device chooses, and divides by their
    weights; the results are averaged.

    Args:
        threshold: Probability, 0 to 1, below which a pixel counts. Defaults
            to 0.7.
        keep: Share of the pixels, 0 to 1, that counts at least. Defaults to
            1/16.
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`.
        class_weights: Sequence or array of one non-negative number per
            class, a dict from each class id to one, or `None` for equal
            weights. Defaults to `None`.
        normalization: `"valid"`, `"image"` or `"sum"`, see
            `SegmentationLoss`. Defaults to `"valid"`.
        reduction: How Keras reduces the values of the images of a batch.
            Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"ohem_loss"`.

    Input shape:
        `y_true`: `(batch, s * height, s * width)`, optionally with a last
        axis of 1, for a whole number `s`.
        `y_pred`: `(batch, height, width, num_classes)`, logits.

    Example:

    >>> loss = OHEMLoss(threshold=0.0, keep=0.5)
    >>> labels = np.array([[[0, 1], [255, 0]]])
    >>> logits = np.array([[[[0.0, 0], [0, 9]], [[0, 0], [0, 0]]]])
    >>> round(float(loss(labels, logits)), 4)  # two of three pixels
    0.6931

    Reference:
        Shrivastava, Gupta and Girshick, "Training Region-based Object
        Detectors with Online Hard Example Mining", CVPR 2016,
        https://arxiv.org/abs/1604.03540, for regions; for pixels, Wu, Shen
        and van den Hengel, "Bridging Category-level and Instance-level
        Semantic Image Segmentation", 2016, https://arxiv.org/abs/1605.06885.
    """

    def __init__(
        self,
        threshold=0.7,
        keep=1 / 16,
        ignore_class=255,
        class_weights=None,
        normalization="valid",
        reduction="sum_over_batch_size",
        name="ohem_loss",
    ):
        super().__init__(
            ignore_class, class_weights, normalization, reduction, name
        )
        for argument, value in (("threshold", threshold), ("keep", keep)):
            check_number(argument, value, 0, 1)
        if threshold == keep == 0:
            raise ValueError(
                "`threshold` or `keep` must be above 0, lest no pixel counts. "
                f"Received: threshold={threshold!r}, keep={keep!r}"
            )
        self.threshold = float(threshold)
        self.keep = float(keep)

    def selected(self, losses, counts, weights):
        losses = ops.stop_gradient(losses)
        candidates = counts * weights != 0
        # No entropy is below 0: what does not count comes last.
        ranked = ops.where(candidates, losses, -1.0)
        ranked = ops.flip(ops.sort(ops.reshape(ranked, (-1,))))
        number = ops.sum(ops.cast(candidates, "int32"))
        last = ops.ceil(self.keep * ops.cast(number, "float32"))
        last = ops.maximum(ops.cast(last, "int32") - 1, 0)
        hard = losses >= ops.take(ranked, last)
        if self.keep == 0:
            hard = ops.zeros_like(hard)
        if self.threshold > 0:
            unsure = losses > -math.log(self.threshold)
            hard = ops.logical_or(hard, unsure)
        # No comparison holds for NaN, and a ruined model would lose nothing.
        hard = ops.logical_or(hard, ops.isnan(losses))
        return ops.where(ops.logical_and(hard, candidates), counts, 0.0)

    def get_config(self):
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "keep": self.keep,
        }
