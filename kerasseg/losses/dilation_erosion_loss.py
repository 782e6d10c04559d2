"""Logistic loss on dilated and eroded class masks."""

import keras
import numpy as np
from keras import ops

from kerasseg.arguments import check_integer
from kerasseg.ids import match
from kerasseg.losses.label_map_loss import LabelMapLoss
from kerasseg.losses.label_map_loss import counted_logits
from kerasseg.losses.labels import label_stride
from kerasseg.losses.labels import sampled_weights


def dilation_erosion_targets(labels, num_classes, height, width, radius=32):
    """Signs of the dilated and eroded masks of each class, on a coarse grid.

    The mask of each class is dilated and eroded at full resolution with an
    exact disk, all pixels within a distance of `radius`. What lies outside of
    the image neither dilates nor erodes. The result is sampled like
    `downsample_labels` does. Both come from one convolution that counts the
    pixels of a class under the disk: any dilate, all erode.

    Args:
        labels: Integer tensor of shape `(batch, label_height, label_width)`.
            Ids outside of `0..num_classes - 1` belong to no class.
        num_classes: Number of classes.
        height: Height of the coarse grid. Must divide `label_height`.
        width: Width of the coarse grid. Must divide `label_width`, with the
            same quotient.
        radius: Radius of the disk in pixels of the labels. Defaults to `32`.

    Returns:
        A pair of `float32` tensors, dilated and eroded, of shape
        `(batch, height, width, num_classes)`, 1 inside and -1 outside.

    Raises:
        ValueError: If the sizes do not divide.
    """
    stride = label_stride(labels, height, width)
    if not isinstance(stride, int):
        raise ValueError(
            "Dilated and eroded targets need labels and logits of known "
            f"size. Received: labels.shape={tuple(labels.shape)}"
        )
    # What is no class has no 1 in one_hot; PyTorch wants it below 0.
    labels = ops.cast(labels, "int32")
    labels = ops.where(labels < num_classes, labels, -1)
    masks = ops.one_hot(labels, num_classes, dtype="float32")
    count = _count_under_disk(masks, radius, stride)
    inside = _count_under_disk(
        ops.ones((1, height * stride, width * stride, 1), dtype="float32"),
        radius,
        stride,
    )
    # Halves, so that a convolution with rounding still decides correctly.
    return _signs(count > 0.5), _signs(count > inside - 0.5)


def _signs(mask):
    return ops.stop_gradient(2.0 * ops.cast(mask, "float32") - 1.0)


def _count_under_disk(masks, radius, stride):
    # Output cell i is centered at stride * i + stride // 2.
    before = radius - stride // 2
    after = radius + stride // 2 - stride + 1
    if before < 0:
        masks = masks[:, -before:, -before:, :]
    padding = (max(before, 0), max(after, 0))
    masks = ops.pad(masks, ((0, 0), padding, padding, (0, 0)))
    square = np.arange(-radius, radius + 1) ** 2
    disk = np.add.outer(square, square) <= radius**2
    kernel = np.tile(disk[:, :, None, None], (1, 1, masks.shape[-1], 1))
    return ops.depthwise_conv(
        masks,
        ops.convert_to_tensor(kernel, dtype="float32"),
        strides=stride,
        padding="valid",
        data_format="channels_last",
    )


@keras.saving.register_keras_serializable("kerasseg")
class DilationErosionLoss(LabelMapLoss):
    """Logistic loss against the dilated and eroded masks of all classes.

    With targets `t` of 1 and -1 (`dilation_erosion_targets`) and logits `x`,
    the value of an image is the sum over pixels and classes of
    `log(1 + exp(-t * x)) / (height * width + 1)`, once for dilation and once
    for erosion, added. Values are 0 or more, averaged over the batch, in
    float32 whatever the dtype of the logits, and NaN (an error outside of
    compiled functions) where labels hold an unknown id.

    The disk is exact, unlike the decomposed approximation in the reference
    implementation.

    Args:
        num_classes: Number of classes.
        radius: Radius of the disk in pixels of the labels. Defaults to `32`.
        ignore_class: Integer, sequence of integers, or `None`. Ids that are
            no class. Defaults to `255`.
        background: Class that ignored pixels count as, or `None` if they
            belong to no class. Defaults to `None`.
        reduction: How Keras reduces the values of the images of a batch.
            Defaults to `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `"dilation_erosion_loss"`.

    Input shape:
        `y_true`: `(batch, s * height, s * width)`, optionally with a last
        axis of 1, for a whole number `s`.
        `y_pred`: `(batch, height, width, 2 * num_classes)`, logits of the
        dilated masks, then of the eroded masks.

    Example:

    >>> loss = DilationErosionLoss(num_classes=3, radius=4)
    >>> labels = np.zeros((1, 32, 48), "int32")
    >>> float(loss(labels, np.zeros((1, 4, 6, 6), "float32"))) > 0
    True

    Reference:
        Ghiasi and Fowlkes, 2016, https://arxiv.org/abs/1605.02264.
    """

    def __init__(
        self,
        num_classes,
        radius=32,
        ignore_class=255,
        background=None,
        reduction="sum_over_batch_size",
        name="dilation_erosion_loss",
    ):
        super().__init__(ignore_class, reduction, name)
        num_classes = check_integer("num_classes", num_classes)
        if background is not None and background not in range(num_classes):
            raise ValueError(
                f"`background` must be a class id, 0 to {num_classes - 1}, or "
                f"`None`. Received: background={background!r}"
            )
        self.num_classes = num_classes
        self.radius = check_integer("radius", radius, 0)
        self.background = background

    def image_losses(self, labels, logits, weights):
        shape = tuple(logits.shape)
        if len(shape) != 4 or shape[-1] != 2 * self.num_classes:
            raise ValueError(
                "`y_pred` must have shape (batch, height, width, "
                f"{2 * self.num_classes}), two logits per class. "
                f"Received: y_pred.shape={shape}"
            )
        _, height, width, _ = ops.shape(logits)
        penalty = self.unknown_id_penalty(labels, self.num_classes)
        # An id that one_hot maps to no class at all.
        nowhere = -1 if self.background is None else self.background
        labels = ops.where(match(labels, self._ignored), nowhere, labels)
        targets = dilation_erosion_targets(
            labels, self.num_classes, height, width, self.radius
        )
        signs = ops.concatenate(targets, axis=-1)
        weights = sampled_weights(weights, height, width)
        logits = counted_logits(logits, weights)
        losses = ops.sum(ops.softplus(-signs * logits), axis=-1)
        total = ops.sum(weights * losses, axis=(1, 2))
        return total / (height * width + 1) + penalty

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "radius": self.radius,
            "background": self.background,
        }
