"""Scores of a model on a dataset."""

import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasseg.arguments import check_channels
from kerasseg.arguments import check_integer
from kerasseg.data import Labels
from kerasseg.data.occurrence import Occurrence
from kerasseg.data.occurrence import where_masks_lie
from kerasseg.data.tf_data import as_samples
from kerasseg.ids import class_ids
from kerasseg.ids import ignored_ids
from kerasseg.inference import predict_logits
from kerasseg.inference.ends import input_shape
from kerasseg.inference.ends import output_shape
from kerasseg.inference.whole_image import channels_of
from kerasseg.metrics import BoundaryF1
from kerasseg.metrics import BoundaryIoU
from kerasseg.metrics import TrimapIoU
from kerasseg.metrics import fill_outlines
from kerasseg.metrics.scores import confusion_matrix
from kerasseg.metrics.scores import scores

logger = logging.getLogger(__name__)

_MEANS = (
    "pixel_accuracy",
    "mean_accuracy",
    "mean_iou",
    "frequency_weighted_iou",
)


def evaluate(
    model: keras.Model,
    dataset: Any,
    labels: Labels,
    absent: str = "skip",
    progress: Callable[[int], None] | None = None,
    boundaries: bool = False,
    predict: Callable[[keras.Model, Any], np.ndarray] | None = None,
    image_size: tuple[int | None, int | None] | None = None,
    void_outline: int = 0,
) -> dict[str, Any]:
    """Scores a model on whole images, one at a time.

    Args:
        model: A segmentation model, pixels in, logits out.
        dataset: Sequence of `(image, mask)`, or a `tf.data.Dataset` of them.
        labels: Classes, and ids that are not scored. A class that is one of
            them is left out of every mean.
        absent: What a class that neither occurs nor is predicted counts as,
            see `kerasseg.metrics.scores`. Defaults to `"skip"`.
        progress: Called with the number of images done. Defaults to `None`.
        boundaries: Whether to score boundaries too. Defaults to `False`.
        predict: Returns the class ids `(height, width)` of an image, given
            the model and the image, such as
            `kerasseg.inference.predict_mask_multi_scale`. Defaults to a
            single scale.
        image_size: `(height, width)` of the images that the model was made
            for; that others were scored becomes a note. Defaults to the
            model's input size, where it is fixed.
        void_outline: Width in pixels of the strips of void that outline
            objects in the masks, as the 5 (7 at corners) of Pascal VOC. For
            the boundary metrics alone they are given to the nearest class,
            see `kerasseg.metrics.fill_outlines`. Defaults to 0: there are
            none.

    Returns:
        A dict, ready for JSON: `images`, `pixel_accuracy`,
        `mean_accuracy`, `mean_iou`, `frequency_weighted_iou` (each `None`
        where no pixel counts), `mean_over` (how many classes the means are
        over, such as `"1 of 2 classes"`), `notes` (sentences on what the
        scores do not show, also logged),
        `per_class_iou` by class name, and `confusion_matrix` (labels by
        predictions). With `boundaries` also `trimap_iou` (a dict from width
        in pixels, as a string, to mean IoU), `boundary_iou` and
        `boundary_f1`, each `None` where nothing counts; see the metrics
        `TrimapIoU`, `BoundaryIoU` and `BoundaryF1`.

    Raises:
        ValueError: If there is no image, a mask or a prediction holds an
            unknown id, a mask has another size than its image, or the model
            has another number of classes or a single channel.
    """
    count = labels.num_classes
    check_channels("model", output_shape(model))
    if output_shape(model)[-1] != count:
        raise ValueError(
            f"`model` must have {count} classes, like the labels. "
            f"Received: {output_shape(model)[-1]} classes"
        )
    dataset = as_samples(dataset, channels=channels_of(model))
    if not len(dataset):
        raise ValueError("`dataset` must hold at least one image.")
    predict = predict or _single_scale
    metrics = _boundary_metrics(labels, absent) if boundaries else {}
    outlines = _Outlines(labels, void_outline)
    matrix = np.zeros((count, count), "int64")
    occurrence = Occurrence(
        count,
        labels.ignore_classes,
        labels.class_names,
        where_masks_lie(dataset),
    )
    sizes = _Sizes(model, image_size)
    for index in range(len(dataset)):
        image, mask = dataset[index]
        mask = class_ids(mask, f"The mask of image {index}")
        labels.check(mask, source=f"image {index}")
        predicted = predict(model, image)
        if mask.shape != predicted.shape:
            raise ValueError(
                f"The mask of image {index} must have the size of the image, "
                f"{predicted.shape}. Received: mask.shape={mask.shape}"
            )
        matrix += confusion_matrix(
            mask, predicted, count, labels.ignore_classes
        )
        occurrence.add(mask)
        sizes.add(mask.shape)
        if metrics:
            mask = outlines.filled(mask)
        for metric in metrics.values():
            metric.update(mask, predicted)
        if progress is not None:
            progress(index + 1)
    result = scores(matrix, absent, labels.ignore_classes)
    result |= {name: _number(result[name]) for name in _MEANS}
    numbers = {**result["mean_over"], **_boundary_classes(metrics)}
    result["mean_over"] = {
        name: f"{number} of {count} classes" for name, number in numbers.items()
    }
    notes = (occurrence.warning(), sizes.note(), outlines.note())
    result["notes"] = [note for note in notes if note]
    for note in result["notes"]:
        logger.warning(note)
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


class _Sizes:
    """Counts the images of another size than the model was made for."""

    def __init__(self, model, image_size):
        self._fixed = tuple(input_shape(model)[1:3])
        self._wanted = tuple(image_size or self._fixed)
        self._count = 0
        self._example = None

    def add(self, size):
        wanted = zip(self._wanted, size, strict=True)
        if any(want not in (None, is_) for want, is_ in wanted):
            self._count += 1
            self._example = self._example or size

    def note(self):
        if not self._count:
            return ""
        became = "scored as they are"
        if self._fixed != (None, None):
            became = f"resized to {_by(self._fixed)}"
        return (
            f"The model was made for images of {_by(self._wanted)} pixels; "
            f"{self._count} of another size, such as {_by(self._example)}, "
            f"were {became}."
        )


class _Outlines:
    """Fills strips of void, and finds out whether some are left."""

    # Where classes meet void this many times as often as each other, the
    # boundaries that can be scored say little. In street scenes it is the
    # other way round.
    TIMES = 4

    def __init__(self, labels, width):
        self._labels = labels
        self._width = check_integer("void_outline", width, 0)
        self._between = self._to_void = 0

    def filled(self, mask):
        if self._width > max(mask.shape):
            raise ValueError(
                "`void_outline`, --void-outline on the command line, must be "
                f"at most {max(mask.shape)} pixels, the longer side of a "
                f"mask. Received: void_outline={self._width}"
            )
        ignored = self._labels.ignore_classes
        mask = fill_outlines(mask, self._width, ignored)
        scored = ~np.isin(mask, ignored_ids(ignored))
        for axis in (0, 1):
            differ = np.diff(mask.astype("int64"), axis=axis) != 0
            to_void = np.diff(scored, axis=axis)
            self._to_void += to_void.sum()
            # Void may have several ids, between which there is nothing.
            first = scored[:-1] if axis == 0 else scored[:, :-1]
            self._between += (differ & first & ~to_void).sum()
        return mask

    def note(self):
        if self._to_void <= self.TIMES * self._between:
            return ""
        return (
            "Objects are outlined by void in these masks, so that boundaries "
            "between classes are rare and their scores say little: name the "
            "width of the outlines, `void_outline` or --void-outline (7 for "
            "masks like Pascal VOC's)."
        )


def _by(size):
    return "x".join("any" if side is None else str(side) for side in size)


def _single_scale(model, image):
    return np.argmax(predict_logits(model, image), axis=-1)


def _boundary_metrics(labels, absent):
    arguments = {"ignore_class": labels.ignore_classes, "absent": absent}
    return {
        "trimap_iou": TrimapIoU(labels.num_classes, **arguments),
        "boundary_iou": BoundaryIoU(labels.num_classes, **arguments),
        "boundary_f1": BoundaryF1(labels.num_classes, **arguments),
    }


def _boundary_classes(metrics):
    """The number of classes in the mean of each metric of boundaries."""
    if not metrics:
        return {}
    values = {
        "boundary_iou": metrics["boundary_iou"].per_class_iou(),
        "boundary_f1": metrics["boundary_f1"].per_class_f1(),
    }
    return {name: np.sum(~np.isnan(v)) for name, v in values.items()}


def _number(score):
    """A score, or a dict of scores, for JSON, which knows no NaN."""
    if isinstance(score, dict):
        return {str(key): _number(value) for key, value in score.items()}
    return None if np.isnan(score) else float(score)
