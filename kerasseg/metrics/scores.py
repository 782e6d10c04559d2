"""A confusion matrix on the host, and the scores of one."""

import numpy as np

from kerasseg.arguments import check_choice
from kerasseg.ids import unknown_ids

ABSENT = ("skip", "zero")


def confusion_matrix(mask, prediction, num_classes, ignored=()):
    """Counts the pixels of each pair of true and predicted class.

    Args:
        mask: Integer array of true class ids, all of them known or ignored.
        prediction: Array of predicted class ids, of the same shape.
        num_classes: Number of classes.
        ignored: Ids in the mask whose pixels are not counted. Defaults to
            `()`.

    Returns:
        An `int64` array `(num_classes, num_classes)`, true class by row.

    Raises:
        TypeError: If the prediction holds no integers.
        ValueError: If a predicted id is no class.
    """
    check_class_ids("prediction", prediction, num_classes)
    valid = np.isin(mask, ignored, invert=True)
    pairs = mask[valid].astype("int64") * num_classes + prediction[valid]
    counts = np.bincount(pairs, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def check_class_ids(name, ids, num_classes, ignored=None):
    """Refuses an array that holds other ids than those of classes.

    Args:
        name: Name of the argument, for the message.
        ids: Array of class ids, any shape.
        num_classes: Number of classes, which have the ids from 0 on.
        ignored: Ids that are allowed besides. Defaults to `None`: none ever
            are.

    Raises:
        TypeError: If it holds no integers.
        ValueError: If an id is neither a class nor ignored.
    """
    if ids.dtype.kind not in "iu":
        raise TypeError(
            f"`{name}` must hold integers. Received: {name}.dtype={ids.dtype}"
        )
    unknown = unknown_ids(ids, num_classes, ignored or ())
    if unknown:
        also = "" if ignored is None else f" or ignored ids {ignored}"
        raise ValueError(
            f"`{name}` must hold class ids 0 to {num_classes - 1}{also}. "
            f"Received: ids {unknown}"
        )


def scores(matrix, absent="skip", ignored=()):
    """Segmentation scores of a confusion matrix.

    With rows `g` as labels and columns `p` as predictions: pixel accuracy
    `tr(M) / sum(M)`; class accuracy `M[g, g] / row_g`; class IoU
    `M[g, g] / (row_g + column_g - M[g, g])`; their means over classes; and
    the IoU weighted by `row_g / sum(M)`.

    Args:
        matrix: Array of shape `(num_classes, num_classes)`: how many pixels
            of class `g` were predicted as class `p`.
        absent: What a class without pixels counts as: `"skip"` leaves it out
            of the means (its own IoU is NaN), `"zero"` counts it as 0. A
            matrix of zeros scores NaN or 0. Defaults to `"skip"`.
        ignored: Ids that are not scored. Where one is the id of a class, that
            class has no score (NaN) and is left out of the means, whatever
            `absent` says. Defaults to `()`.

    Returns:
        A dict with the floats `pixel_accuracy`, `mean_accuracy`, `mean_iou`
        and `frequency_weighted_iou`, the array `per_class_iou` of shape
        `(num_classes,)`, and the dict `mean_over`, the number of classes in
        `mean_accuracy` and in `mean_iou`.

    Raises:
        ValueError: If `matrix` is not square or `absent` is unknown.
    """
    check_absent(absent)
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            "`matrix` must have shape (num_classes, num_classes). "
            f"Received: matrix.shape={matrix.shape}"
        )
    hits = np.diag(matrix)
    rows, columns = matrix.sum(axis=1), matrix.sum(axis=0)
    accuracy = without(ratio(hits, rows, absent), ignored)
    iou = without(ratio(hits, rows + columns - hits, absent), ignored)
    total = matrix.sum()
    weighted = np.sum(rows * np.nan_to_num(iou))
    return {
        "pixel_accuracy": float(ratio(hits.sum(), total, absent)),
        "mean_accuracy": class_mean(accuracy),
        "mean_iou": class_mean(iou),
        "frequency_weighted_iou": float(ratio(weighted, total, absent)),
        "per_class_iou": iou,
        "mean_over": {
            "mean_accuracy": int(np.sum(~np.isnan(accuracy))),
            "mean_iou": int(np.sum(~np.isnan(iou))),
        },
    }


def check_absent(absent):
    """Raises unless `absent` is a known treatment of absent classes.

    Args:
        absent: `"skip"` or `"zero"`.

    Raises:
        ValueError: If it is anything else.
    """
    check_choice("absent", absent, ABSENT)


def ratio(numerator, denominator, absent):
    """A quotient of counts that is defined for absent classes.

    Args:
        numerator: Array or number.
        denominator: Counts, 0 where a class is absent.
        absent: `"skip"` for NaN there, `"zero"` for 0.

    Returns:
        An array or number.
    """
    quotient = numerator / np.maximum(denominator, 1)
    if absent == "zero":
        return quotient
    return np.where(denominator > 0, quotient, np.nan)


def without(values, ignored):
    """Values of classes, NaN for those that are ignored.

    An ignored class has no pixels, but would score 0 as soon as it is
    predicted somewhere.

    Args:
        values: Array whose last axis is `num_classes`.
        ignored: Ids, which need not be classes.

    Returns:
        A float array.
    """
    values = np.array(values, dtype="float64")
    values[..., [i for i in ignored if 0 <= i < values.shape[-1]]] = np.nan
    return values


def class_mean(values):
    """The mean of the values that are not NaN.

    Args:
        values: Array of shape `(num_classes,)`.

    Returns:
        A float, NaN if all are.
    """
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
