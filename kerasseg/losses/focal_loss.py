"""Cross-entropy with less weight on pixels that are right already."""

import keras
from keras import ops

from kerasseg.arguments import check_number
from kerasseg.losses.segmentation_loss import SegmentationLoss

# Powers below 1 have no finite gradient at 0.
_LEAST = 1e-7


@keras.saving.register_keras_serializable("kerasseg")
class FocalLoss(SegmentationLoss):
    """Softmax cross-entropy times `(1 - p) ** gamma`.

    `p` is the probability of the labeled class. Everything else is as in
    `SegmentationLoss`, which this is for `gamma=0`: class weights (the
    paper's `alpha`), ignored ids, `sample_weight`, and what the sum is
    divided by, which does not depend on `p`. With two classes this equals
    the sigmoid form of the paper on the difference of the logits. With more
    it is one softmax, not a sigmoid for each class, which is what `FocalLoss`
    of segmentation_models.pytorch has there. That of two classes divides by
    the number of pixels where this divides by their weights.

    With several replicas and `normalization="valid"`, each divides by the
    weights of its own pixels, and the results are averaged; `"image"` and
    `"sum"` are the same on one device and on replicas with equal shares.

    Args:
        gamma: Number of 0 or more. Defaults to 2.0.
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`.
        class_weights: Sequence or array of one non-negative number per
            class, a dict from each class id to one, or `None` for equal
            weights. Defaults to `None`.
        normalization: `"valid"`, `"image"` or `"sum"`, see
            `SegmentationLoss`. Defaults to `"valid"`.
        reduction: How Keras reduces the values of the images of a batch.
            Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"focal_loss"`.

    Input shape:
        `y_true`: `(batch, s * height, s * width)`, optionally with a last
        axis of 1, for a whole number `s`.
        `y_pred`: `(batch, height, width, num_classes)`, logits.

    Example:

    >>> loss = FocalLoss(gamma=2.0)
    >>> labels = np.array([[[0, 1], [255, 0]]])
    >>> logits = np.zeros((1, 2, 2, 2), "float32")
    >>> round(float(loss(labels, logits)), 4)  # log(2) / 4
    0.1733

    Reference:
        Lin, Goyal, Girshick, He and Dollár, "Focal Loss for Dense Object
        Detection", ICCV 2017, https://arxiv.org/abs/1708.02002.
    """

    def __init__(
        self,
        gamma=2.0,
        ignore_class=255,
        class_weights=None,
        normalization="valid",
        reduction="sum_over_batch_size",
        name="focal_loss",
    ):
        super().__init__(
            ignore_class, class_weights, normalization, reduction, name
        )
        check_number("gamma", gamma)
        self.gamma = float(gamma)

    def pixel_losses(self, classes, logits):
        entropy = super().pixel_losses(classes, logits)
        # Not 1 - exp(-entropy), which is 0 for a small entropy.
        wrong = ops.maximum(-ops.expm1(-entropy), _LEAST)
        return ops.power(wrong, self.gamma) * entropy

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}
