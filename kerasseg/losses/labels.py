"""Label maps as the losses see them: integer, sampled, checked."""

import keras
from keras import ops

_SEVERAL = (list, tuple, set, frozenset)


def ignored_ids(ignore_class):
    """Class ids to ignore, as a tuple.

    Args:
        ignore_class: Integer, sequence of integers, or `None` for no id.

    Returns:
        A tuple of Python integers.

    Raises:
        TypeError: If an id is not an integer.
    """
    if ignore_class is None:
        return ()
    ids = ignore_class
    if not isinstance(ids, _SEVERAL):
        ids = (ids,)
    if any(isinstance(i, bool) or not hasattr(i, "__index__") for i in ids):
        raise TypeError(
            "`ignore_class` must be an integer, a sequence of integers or "
            f"`None`. Received: ignore_class={ignore_class!r}"
        )
    return tuple(int(i) for i in ids)


def ids_config(ignore_class):
    """The JSON-clean form of an `ignore_class` argument.

    Args:
        ignore_class: Integer, sequence of integers, or `None`.

    Returns:
        `None`, an integer, or a list of integers.
    """
    if isinstance(ignore_class, _SEVERAL):
        return list(ignored_ids(ignore_class))
    return ignore_class


def label_map(y_true):
    """Labels as `int32` of shape `(batch, height, width)`.

    Args:
        y_true: Class ids of any number type, of shape
            `(batch, height, width)` or `(batch, height, width, 1)`.

    Returns:
        An `int32` tensor of shape `(batch, height, width)`.

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
    return ops.cast(labels, "int32")


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
    """Label map sampled at the centres of a coarser grid.

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


def match_any(labels, ids):
    """Where a label is one of some ids.

    Args:
        labels: Integer tensor of any shape.
        ids: Tuple of Python integers.

    Returns:
        A boolean tensor of the shape of `labels`.
    """
    found = ops.zeros_like(labels, dtype="bool")
    for class_id in ids:
        found = ops.logical_or(found, ops.equal(labels, class_id))
    return found


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
    known = ops.logical_or(inside, match_any(labels, ignore_class))
    unknown = ops.any(ops.logical_not(known), axis=(1, 2))
    seen = _numpy_or_none(unknown)
    if seen is not None and seen.any():
        allowed = {*range(num_classes), *ignore_class}
        values = {int(i) for i in ops.convert_to_numpy(labels).flat}
        raise ValueError(
            f"`y_true` must hold class ids 0 to {num_classes - 1} or ignored "
            f"ids {tuple(ignore_class)}. Received: "
            f"ids {sorted(values - allowed)}"
        )
    return ops.cast(ops.where(unknown, float("nan"), 0.0), "float32")


def _numpy_or_none(tensor):
    if isinstance(tensor, keras.KerasTensor):
        return None
    try:
        return ops.convert_to_numpy(tensor)
    except (AttributeError, NotImplementedError, TypeError):
        return None  # traced: there is no value yet
