"""Training of a model with a loss on each of its heads."""

import keras


class DeepSupervision(keras.Model):
    """Trains a segmenter together with heads that exist for training alone.

    Feed it plain `(images, masks)`. In training every head is compared with
    the same masks; in evaluation and prediction only the segmenter itself is
    run. The weights are those of the model that the heads were made from.

    Args:
        heads: A `keras.Model` from images to a dict of logits that holds
            `"logits"`, such as `kerasseg.models.lrr_heads(model)`.
        losses: Dict from the name of a head to the loss that compares the
            masks with it. `"logits"` takes the compiled loss.

    Raises:
        ValueError: If `heads` has no `"logits"`, or `losses` does not name
            each other head.

    Example:
        >>> trainer = DeepSupervision(heads, {"32x": SegmentationLoss()})
        >>> trainer.compile("adamw", SegmentationLoss())
        >>> trainer.fit(images, masks)

    Reference:
        Lee et al., "Deeply-Supervised Nets", AISTATS 2015.
    """

    def __init__(self, heads, losses, **kwargs):
        super().__init__(**kwargs)
        _check_heads(heads)
        extra = set(heads.output) - {"logits"}
        if set(losses) != extra:
            raise ValueError(
                f"`losses` must name the heads {sorted(extra)}. "
                f"Received: losses for {sorted(losses)}"
            )
        self.heads = heads
        self.segmenter = keras.Model(
            heads.input, heads.output["logits"], name="segmenter"
        )
        self.head_losses = losses

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, training=False):
        if training:
            return self.heads(inputs, training=True)
        return self.segmenter(inputs, training=False)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if not isinstance(y_pred, dict):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        total = super().compute_loss(
            x, y, y_pred["logits"], sample_weight, training
        )
        for name, loss in self.head_losses.items():
            total = total + loss(y, y_pred[name], sample_weight)
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if isinstance(y_pred, dict):
            y_pred = y_pred["logits"]
        return super().compute_metrics(x, y, y_pred, sample_weight)


def _check_heads(heads):
    outputs = getattr(heads, "output", None)
    if not isinstance(outputs, dict) or "logits" not in outputs:
        found = sorted(outputs) if isinstance(outputs, dict) else "no dict"
        raise ValueError(
            "`heads` must be a model from images to a dict of logits that "
            f"holds 'logits'. Received: heads={heads.name!r}, with {found}"
        )
