"""Training of a model that also learns from a teacher."""

from keras import ops

from kerasseg.ids import check_void
from kerasseg.ids import ids_config
from kerasseg.ids import ignored_ids
from kerasseg.ids import match
from kerasseg.inference.ends import output_shape
from kerasseg.losses.labels import label_map
from kerasseg.losses.labels import pixel_weights
from kerasseg.training.deep_supervision import DeepSupervision


class Distillation(DeepSupervision):
    """Trains a segmenter by the masks and by the logits of a teacher.

    Feed it plain `(images, masks)`. In training the teacher sees the same
    augmented images; what its logits say of the pixels that are not ignored
    is a further loss. It is never trained itself, and in evaluation and
    prediction the segmenter is run alone.

    Args:
        heads: A `keras.Model` from images to a dict of logits, as in
            `DeepSupervision`; the teacher is compared with `"logits"`.
        losses: Loss of each other head, as in `DeepSupervision`.
        teacher: A `keras.Model` from the same images to logits of the same
            shape. It becomes untrainable.
        distillation: Loss of the teacher's logits and the model's, such as
            `kerasseg.losses.DistillationLoss()`.
        ignore_class: Integer, sequence of integers, or `None`. Ids in the
            masks where the teacher does not count. Defaults to `255`.

    Raises:
        ValueError: If the teacher has another number of classes, or `losses`
            does not name each head but `"logits"`.

    Example:
        >>> heads = keras.Model(model.input, {"logits": model.output})
        >>> trainer = Distillation(heads, {}, teacher, DistillationLoss())
        >>> trainer.compile("adamw", SegmentationLoss())
        >>> trainer.fit(images, masks)

    Reference:
        Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
        https://arxiv.org/abs/1503.02531.
    """

    def __init__(
        self, heads, losses, teacher, distillation, ignore_class=255, **kwargs
    ):
        super().__init__(heads, losses, **kwargs)
        num_classes = heads.output["logits"].shape[-1]
        _check_classes(teacher, num_classes)
        check_void(ids_config(ignore_class), num_classes)
        teacher.trainable = False
        self.teacher = teacher
        self.distillation = distillation
        self._ignored = ignored_ids(ignore_class)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        total = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not isinstance(y_pred, dict):
            return total
        return total + self.distillation(
            self.teacher(x, training=False),
            y_pred["logits"],
            self._weights(y, sample_weight),
        )

    def _weights(self, masks, sample_weight):
        """The weight of each pixel, 0 where its id is ignored."""
        labels = label_map(masks)
        counted = ops.logical_not(match(labels, self._ignored))
        counted = ops.cast(counted, "float32")
        if sample_weight is None:
            return counted
        return counted * pixel_weights(sample_weight, labels)


def _check_classes(teacher, num_classes):
    shape = output_shape(teacher)
    if shape[-1] != num_classes:
        raise ValueError(
            f"`teacher` must give logits of {num_classes} classes, as the "
            f"model does. Received: a model with output_shape={shape}"
        )
