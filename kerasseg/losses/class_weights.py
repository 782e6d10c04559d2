"""Weights of classes, which several losses take."""

from collections.abc import Mapping

from keras import ops

from kerasseg.ids import match


def normalized_weights(class_weights):
    """One float per class, in the order of the ids, or `None`.

    Args:
        class_weights: Sequence or array of one non-negative number per
            class, a dict from each class id to one, or `None`.

    Returns:
        A list of floats, or `None`.

    Raises:
        ValueError: If it is anything else.
    """
    if class_weights is None:
        return None
    weights = class_weights
    if isinstance(weights, Mapping):
        if set(weights) != set(range(len(weights))):
            raise ValueError(
                "`class_weights` must name every class id from 0 on where it "
                f"is a dict. Received: class_weights={class_weights!r}"
            )
        weights = [weights[i] for i in range(len(weights))]
    if isinstance(weights, str | bytes | set | frozenset) or (
        not hasattr(weights, "__iter__")
    ):
        weights = ()
    try:
        weights = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        weights = []
    if not weights or not all(0 <= w < float("inf") for w in weights):
        raise ValueError(
            "`class_weights` must be one finite number, 0 or more, for each "
            f"class. Received: class_weights={class_weights!r}"
        )
    return weights


def check_weights(class_weights, num_classes):
    """Refuses weights of another number of classes.

    Args:
        class_weights: What `normalized_weights` returned.
        num_classes: Number of classes of the logits.

    Raises:
        ValueError: If there is not one weight for each class.
    """
    if class_weights is not None and len(class_weights) != num_classes:
        raise ValueError(
            f"`class_weights` must have one number for each of the "
            f"{num_classes} classes of `y_pred`. "
            f"Received: class_weights={class_weights!r}"
        )


def class_table(class_weights, num_classes):
    """The weights as a tensor.

    Args:
        class_weights: What `normalized_weights` returned.
        num_classes: Number of classes.

    Returns:
        A `float32` tensor of shape `(num_classes,)`, 1 for `None`.
    """
    if class_weights is None:
        return ops.ones((num_classes,), dtype="float32")
    return ops.convert_to_tensor(class_weights, dtype="float32")


def weights_of_labels(labels, class_weights, ignored, num_classes):
    """The weight of the class of each pixel, 0 where its id is ignored.

    Args:
        labels: `int32` tensor of shape `(batch, height, width)`.
        class_weights: What `normalized_weights` returned.
        ignored: Tuple of ids to ignore.
        num_classes: Number of classes.

    Returns:
        A `float32` tensor of the shape of the labels.
    """
    valid = ops.logical_not(match(labels, ignored))
    weights = ops.cast(valid, "float32")
    if class_weights is None:
        return weights
    classes = ops.clip(labels, 0, num_classes - 1)
    table = class_table(class_weights, num_classes)
    return weights * ops.take(table, classes, axis=0)
