"""Scores of a finished confusion matrix."""

import numpy as np

ABSENT = ("skip", "zero")


def scores(matrix, absent="skip"):
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

    Returns:
        A dict with the floats `pixel_accuracy`, `mean_accuracy`, `mean_iou`
        and `frequency_weighted_iou`, and the array `per_class_iou` of shape
        `(num_classes,)`.

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
    accuracy = ratio(hits, rows, absent)
    iou = ratio(hits, rows + columns - hits, absent)
    total = matrix.sum()
    weighted = np.sum(rows * np.nan_to_num(iou))
    return {
        "pixel_accuracy": float(ratio(hits.sum(), total, absent)),
        "mean_accuracy": class_mean(accuracy),
        "mean_iou": class_mean(iou),
        "frequency_weighted_iou": float(ratio(weighted, total, absent)),
        "per_class_iou": iou,
    }


def check_absent(absent):
    """Raises unless `absent` is a known treatment of absent classes.

    Args:
        absent: `"skip"` or `"zero"`.

    Raises:
        ValueError: If it is anything else.
    """
    if absent not in ABSENT:
        raise ValueError(
            f"`absent` must be one of {ABSENT}. Received: absent={absent!r}"
        )


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


def class_mean(values):
    """The mean of the values that are not NaN.

    Args:
        values: Array of shape `(num_classes,)`.

    Returns:
        A float, NaN if all are.
    """
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
