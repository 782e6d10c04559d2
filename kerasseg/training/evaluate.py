from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasseg.data import Labels
from kerasseg.inference import predict_logits
from kerasseg.metrics import BoundaryF1
from kerasseg.metrics import BoundaryIoU
from kerasseg.metrics import TrimapIoU
from kerasseg.metrics.scores import scores


def evaluate(
    model: keras.Model,
    dataset: Any,
    labels: Labels,
    absent: str = "skip",
    progress: Callable[[int], None] | None = None,
    boundaries: bool = False,
    predict: Callable[[keras.Model, Any], np.ndarray] | None = None,
) -> dict[str, Any]:
    """Scores a model on whole images, one at a time.

    Args:
        model: A segmentation model, pixels in, logits out.
        dataset: Sequence of `(image, mask)`.
        labels: Classes, and ids that are not scored.
        absent: What a class that neither occurs nor is predicted counts as,
            see `kerasseg.metrics.scores`. Defaults to `"skip"`.
        progress: Called with the number of images done. Defaults to `None`.
        boundaries: Whether to score boundaries too. Defaults to `False`.
        predict: Returns the class ids `(height, width)` of an image, given
            the model and the image, such as
            `kerasseg.inference.predict_mask_multi_scale`. Defaults to a
            single scale.

    Returns:
        A dict, ready for JSON: `images`, `pixel_accuracy`,
        `mean_accuracy`, `mean_iou`, `frequency_weighted_iou`,
        `per_class_iou` by class name, and `confusion_matrix` (labels by
        predictions). With `boundaries` also `trimap_iou` (a dict from width
        in pixels, as a string, to mean IoU), `boundary_iou` and
        `boundary_f1`, each `None` where nothing counts; see the metrics
        `TrimapIoU`, `BoundaryIoU` and `BoundaryF1`.

    Raises:
        ValueError: if there is no image, a mask holds an unknown id or has
            another size than its image, or the model has another number of
            classes.
    """
    count = labels.num_classes
    if model.output_shape[-1] != count:
        raise ValueError(
            f"`model` must have {count} classes, like the labels. "
            f"Received: {model.output_shape[-1]} classes"
        )
    if not len(dataset):
        raise ValueError("`dataset` must hold at least one image.")
    predict = predict or _single_scale
    metrics = _boundary_metrics(labels, absent) if boundaries else {}
    matrix = np.zeros((count, count), "int64")
    for index in range(len(dataset)):
        image, mask = dataset[index]
        labels.check(mask, source=f"image {index}")
        predicted = predict(model, image)
        if mask.shape != predicted.shape:
            raise ValueError(
                f"The mask of image {index} must have the size of the image, "
                f"{predicted.shape}. Received: mask.shape={mask.shape}"
            )
        valid = np.isin(mask, labels.ignore_classes, invert=True)
        pairs = mask[valid].astype("int64") * count + predicted[valid]
        matrix += np.bincount(pairs, minlength=count**2).reshape(count, count)
        for metric in metrics.values():
            metric.update(mask, predicted)
        if progress is not None:
            progress(index + 1)
    result = scores(matrix, absent)
    result["per_class_iou"] = {
        name: _number(iou)
        for name, iou in zip(
            labels.class_names, result["per_class_iou"], strict=True
        )
    }
    return {
        "images": len(dataset),
        **result,
        **{name: _number(metric.result()) for name, metric in metrics.items()},
        "confusion_matrix": matrix.tolist(),
    }


def _single_scale(model, image):
    return np.argmax(predict_logits(model, image), axis=-1)


def _boundary_metrics(labels, absent):
    arguments = {"ignore_class": labels.ignore_classes, "absent": absent}
    return {
        "trimap_iou": TrimapIoU(labels.num_classes, **arguments),
        "boundary_iou": BoundaryIoU(labels.num_classes, **arguments),
        "boundary_f1": BoundaryF1(labels.num_classes, **arguments),
    }


def _number(score):
    """A score, or a dict of scores, for JSON, which knows no NaN."""
    if isinstance(score, dict):
        return {str(key): _number(value) for key, value in score.items()}
    return None if np.isnan(score) else float(score)
