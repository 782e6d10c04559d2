"""One minus the soft intersection over union."""

import keras

from kerasseg.losses.overlap_loss import OverlapLoss


@keras.saving.register_keras_serializable("kerasseg")
class JaccardLoss(OverlapLoss):
    """One minus the IoU of softmax probabilities and labels.

    For a class with probabilities `p` and labels `t` of 0 and 1, with
    `i = sum(p * t)`, the loss is
    `1 - (i + smooth) / (sum(p) + sum(t) - i + smooth)`. The value is the mean
    over classes, between 0 and 1, and 0 where no pixel counts; in float32
    whatever the dtype of the logits, and NaN (an error outside of compiled
    functions) where labels hold an unknown id. `LovaszSoftmaxLoss` is another
    continuation of the IoU to probabilities.

    The sums are over the pixels of the batch or of each image, ignored ones
    left out. A pixel of `sample_weight` 2 counts as two pixels. With several
    replicas a batch is the share of a replica, and the values of the
    replicas are averaged: `scope="batch"` is then not what one device has,
    `scope="image"` is, with equal shares.

    The loss of that name in segmentation_models.pytorch takes the mean over
    all classes, absent ones counting 0: its value is this one times the share
    of classes that occur.

    Args:
        ignore_class: Integer, sequence of integers, or `None`. Ids that do
            not count. Defaults to `255`.
        class_weights: Weights of the classes in the mean over them: a
            sequence or array of one non-negative number per class, a dict
            from each class id to one, or `None`. Defaults to `None`.
        classes: `"present"` for the mean over the classes that occur among
            the labels, or `"all"`, where predicting a class that does not
            occur costs `1 - smooth / (sum(p) + smooth)`, and `smooth` must be
            above 0. Defaults to `"present"`.
        scope: `"batch"` for sums over the batch, `"image"` for a loss of each
            image. Defaults to `"batch"`.
        smooth: Number of 0 or more, in pixels. Defaults to 0.0.
        reduction: How Keras reduces the values of the images of a batch, all
            the same for `scope="batch"`. Defaults to
            `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"jaccard_loss"`.

    Input shape:
        `y_true`: `(batch, s * height, s * width)`, optionally with a last
        axis of 1, for a whole number `s`.
        `y_pred`: `(batch, height, width, num_classes)`, logits.

    Example:

    >>> loss = JaccardLoss()
    >>> labels = np.array([[[0, 1], [255, 0]]])
    >>> logits = np.array([[[[9.0, -9], [9, -9]], [[9, -9], [9, -9]]]])
    >>> round(float(loss(labels, logits)), 4)  # IoUs of 2/3 and 0
    0.6667

    Reference:
        Rahman and Wang, "Optimizing Intersection-Over-Union in Deep Neural
        Networks for Image Segmentation", ISVC 2016.
    """

    def __init__(
        self,
        ignore_class=255,
        class_weights=None,
        classes="present",
        scope="batch",
        smooth=0.0,
        reduction="sum_over_batch_size",
        name="jaccard_loss",
    ):
        super().__init__(
            ignore_class, class_weights, classes, scope, smooth, reduction, name
        )

    def score(self, overlap, predicted, true):
        return overlap, predicted + true - overlap
