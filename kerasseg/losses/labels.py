"""Label maps as the losses see them: integer, sampled, checked."""

from keras import ops

from kerasseg.ids import FRACTIONS
from kerasseg.ids import NO_ID
from kerasseg.ids import match
from kerasseg.ids import unknown_ids
from kerasseg.ids import value_or_none
from kerasseg.ids import whole_ids


def label_map(y_true):
    """Labels as `int32` of shape `(batch, height, width)`.

    Args:
        y_true: Class ids of any number type, of shape
            `(batch, height, width)` or `(batch, height, width, 1)`.

    Returns:
        An `int32` tensor of shape `(batch, height, width)`. What is no whole
        number becomes `NO_ID`.

    Raises:
        ValueError: If the shape is neither of the two.
    """
    labels = ops.convert_to_tensor(y_true)
    shape = tuple(labels.shape)
    if len(shape) == 4 and shape[-1] == 1:
        labels = ops.squeeze(labels, axis=-1)
    elif len(shape) != 3:
        raise ValueError(
            "`y_true` must have shape (batch, height, width) or "
            f"(batch, height, width, 1). Received: y_true.shape={shape}"
        )
    return whole_ids(labels)


def pixel_weights(sample_weight, labels):
    """A `sample_weight` in a shape that broadcasts to the labels.

    Args:
        sample_weight: Weights of shape `(batch,)` or `(batch, 1)`, or
            `(batch, height, width)`, optionally with a last axis of 1.
        labels: Tensor of shape `(batch, height, width)`.

    Returns:
        A `float32` tensor of shape `(batch, 1, 1)` or
        `(batch, height, width)`.

    Raises:
        ValueError: If the shape is another.
    """
    weights = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
    given, shape = tuple(weights.shape), tuple(labels.shape)
    if len(given) == 4 and given[-1] == 1:
        weights = ops.squeeze(weights, axis=-1)
    elif len(given) in (0, 1) or (len(given) == 2 and given[1] == 1):
        weights = ops.reshape(weights, (-1, 1, 1))
    sizes = tuple(weights.shape)
    if len(sizes) != 3 or any(
        None not in (size, known) and size not in (1, known)
        for size, known in zip(sizes, shape, strict=True)
    ):
        raise ValueError(
            "`sample_weight` must have the shape (batch,), or that of the "
            "labels with or without a last axis of 1. Weights of classes are "
            "`class_weights` of the loss, not `class_weight` of `fit`. "
            f"Received: sample_weight.shape={given}, y_true.shape={shape}"
        )
    return weights


def sampled_weights(weights, height, width):
    """Pixel weights at the places where `downsample_labels` takes labels.

    Args:
        weights: Tensor of `pixel_weights`, or `None`.
        height: Height of the result.
        width: Width of the result.

    Returns:
        A tensor that broadcasts to `(batch, height, width)`; 1.0 for `None`.
    """
    if weights is None:
        return 1.0
    if tuple(weights.shape)[1:] == (1, 1):
        return weights
    return downsample_labels(weights, height, width)


def label_stride(labels, height, width):
    """How many label pixels one logit stands for, along each axis.

    Args:
        labels: Tensor of shape `(batch, label_height, label_width)`.
        height: Height of the logits.
        width: Width of the logits.

    Returns:
        The stride. An integer where the sizes are known, else a scalar
        tensor.

    Raises:
        ValueError: If the sizes are known and their ratio is not one and the
            same whole number for height and width.
    """
    _, label_height, label_width = ops.shape(labels)
    sizes = (label_height, label_width, height, width)
    if not all(isinstance(size, int) for size in sizes):
        return label_height // height
    stride = max(label_height // height, 1)
    if (stride * height, stride * width) != (label_height, label_width):
        raise ValueError(
            "Labels must be a whole number of times larger than the logits, "
            "the same number in height and width. Received: labels of "
            f"{label_height}x{label_width} and logits of {height}x{width}"
        )
    return stride


def downsample_labels(labels, height, width):
    """Label map sampled at the centers of a coarser grid.

    With `s = label_height / height`, cell `[i, j]` receives
    `labels[s * i + s // 2, s * j + s // 2]`. Only ids that were there before
    come out.

    Args:
        labels: Integer tensor of shape `(batch, label_height, label_width)`.
        height: Height of the result. Must divide `label_height`.
        width: Width of the result. Must divide `label_width`, with the same
            quotient.

    Returns:
        A tensor of shape `(batch, height, width)` and the dtype of `labels`.

    Raises:
        ValueError: If the sizes do not divide.
    """
    labels = ops.convert_to_tensor(labels)
    stride = label_stride(labels, height, width)
    if isinstance(stride, int) and stride == 1:
        return labels
    # A reshape, not a strided slice: sizes that are only known when the graph
    # runs then fail loudly if they do not divide.
    batch = ops.shape(labels)[0]
    cells = ops.reshape(labels, (batch, height, stride, width, stride))
    return cells[:, :, stride // 2, :, stride // 2]


def unknown_id_penalty(labels, num_classes, ignore_class):
    """NaN for each image that holds an id which is no class and not ignored.

    While a graph is being traced no error can be raised on a value, so the
    penalty turns the loss into NaN. Outside of tracing the ids are named.

    Args:
        labels: `int32` tensor of shape `(batch, height, width)`.
        num_classes: Number of classes.
        ignore_class: Tuple of ids to ignore.

    Returns:
        A `float32` tensor of shape `(batch,)` of zeros and NaNs.

    Raises:
        ValueError: If there are unknown ids and their values can be read.
    """
    inside = ops.logical_and(labels >= 0, labels < num_classes)
    known = ops.logical_or(inside, match(labels, ignore_class))
    unknown = ops.any(ops.logical_not(known), axis=(1, 2))
    seen = value_or_none(unknown)
    if seen is not None and seen.any():
        ids = unknown_ids(
            ops.convert_to_numpy(labels), num_classes, ignore_class
        )
        found = [f"ids {[i for i in ids if i != NO_ID]}"]
        if NO_ID in ids:
            found = [*(found if len(ids) > 1 else []), FRACTIONS]
        raise ValueError(
            f"`y_true` must hold class ids 0 to {num_classes - 1} or ignored "
            f"ids {tuple(ignore_class)}. Received: {' and '.join(found)}"
        )
    return ops.cast(ops.where(unknown, float("nan"), 0.0), "float32")
