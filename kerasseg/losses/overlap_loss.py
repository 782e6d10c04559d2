"""What the losses share that compare the overlap of regions."""

from keras import ops

from kerasseg.arguments import check_choice
from kerasseg.arguments import check_number
from kerasseg.ids import match
from kerasseg.losses.class_weights import check_weights
from kerasseg.losses.class_weights import class_table
from kerasseg.losses.class_weights import normalized_weights
from kerasseg.losses.label_map_loss import LabelMapLoss
from kerasseg.losses.label_map_loss import check_logits
from kerasseg.losses.label_map_loss import counted_logits
from kerasseg.losses.labels import downsample_labels
from kerasseg.losses.labels import sampled_weights

CLASSES = ("present", "all")
SCOPES = ("batch", "image")


class OverlapLoss(LabelMapLoss):
    """Base of the losses that are one minus a score of overlap.

    With softmax probabilities `p`, labels `t` of 0 and 1 and pixels of
    weight `w`, each class has `overlap = sum(w * p * t)`,
    `predicted = sum(w * p)` and `true = sum(w * t)`. A subclass makes a
    fraction of them in `score`. The value is the mean over the classes of
    `1 - (above + smooth) / (below + smooth)`.

    Args:
        ignore_class: As of `LabelMapLoss`. Defaults to `255`.
        class_weights: Weights of the mean over the classes. Defaults to
            `None`.
        classes: `"present"` or `"all"`. Defaults to `"present"`.
        scope: `"batch"` or `"image"`. Defaults to `"batch"`.
        smooth: Number of 0 or more. Defaults to 0.0.
        reduction: As of `LabelMapLoss`. Defaults to
            `"sum_over_batch_size"`.
        name: Name of the loss. Defaults to `None`.
    """

    def __init__(
        self,
        ignore_class=255,
        class_weights=None,
        classes="present",
        scope="batch",
        smooth=0.0,
        reduction="sum_over_batch_size",
        name=None,
    ):
        super().__init__(ignore_class, reduction, name)
        check_choice("classes", classes, CLASSES)
        check_choice("scope", scope, SCOPES)
        check_number("smooth", smooth)
        if classes == "all" and smooth == 0:
            raise ValueError(
                "`smooth` must be above 0 with `classes='all'`: without it "
                "an absent class has a loss of 1 whatever is predicted. "
                f"Received: smooth={smooth!r}"
            )
        self.class_weights = normalized_weights(class_weights)
        self.classes = classes
        self.scope = scope
        self.smooth = float(smooth)

    def score(self, overlap, predicted, true):
        """The score of overlap of each class, as a fraction.

        Args:
            overlap: `float32` tensor of shape `(batch or 1, num_classes)`.
            predicted: Likewise.
            true: Likewise.

        Returns:
            What is above and what is below the line, tensors likewise.
        """
        raise NotImplementedError

    def area(self, probabilities):
        """What a pixel adds to the predicted area of each class.

        Args:
            probabilities: `float32` tensor.

        Returns:
            A tensor likewise.
        """
        return probabilities

    def image_losses(self, labels, logits, weights):
        num_classes = check_logits(logits)
        check_weights(self.class_weights, num_classes)
        _, height, width, _ = ops.shape(logits)
        penalty = self.unknown_id_penalty(labels, num_classes)
        labels = downsample_labels(labels, height, width)
        counts = ops.logical_not(match(labels, self._ignored))
        # A pixel of weight 2 counts as two pixels.
        counts = ops.cast(counts, "float32") * sampled_weights(
            weights, height, width
        )
        logits = counted_logits(logits, counts)
        probabilities = ops.softmax(logits, axis=-1)
        counts = ops.expand_dims(counts, -1)
        # Ignored ids count nothing; torch has no row of zeros for them.
        classes = ops.clip(labels, 0, num_classes - 1)
        truth = ops.one_hot(classes, num_classes, dtype="float32") * counts
        losses = self._mean_of_classes(
            self._sum(truth * probabilities),
            self._sum(counts * self.area(probabilities)),
            self._sum(truth),
            class_table(self.class_weights, num_classes),
        )
        return losses + penalty

    def _sum(self, maps):
        axes = (1, 2) if self.scope == "image" else (0, 1, 2)
        sums = ops.sum(maps, axis=axes)
        return sums if self.scope == "image" else ops.expand_dims(sums, 0)

    def _mean_of_classes(self, overlap, predicted, true, weights):
        above, below = self.score(overlap, predicted, true)
        scores = ops.divide_no_nan(above + self.smooth, below + self.smooth)
        if self.classes == "present":
            weights = weights * ops.cast(true > 0, "float32")
        else:
            weights = weights * ops.ones_like(true)
        losses = ops.sum(weights * (1.0 - scores), axis=-1)
        return ops.divide_no_nan(losses, ops.sum(weights, axis=-1))

    def get_config(self):
        return {
            **super().get_config(),
            "class_weights": self.class_weights,
            "classes": self.classes,
            "scope": self.scope,
            "smooth": self.smooth,
        }
