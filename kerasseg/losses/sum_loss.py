"""A weighted sum of losses."""

import keras

from kerasseg.ids import ids_config
from kerasseg.ids import ignored_ids
from kerasseg.losses.class_weights import normalized_weights


@keras.saving.register_keras_serializable("kerasseg")
class SumLoss(keras.losses.Loss):
    """Several losses of the same logits, each times a weight, added.

    Each loss is called with the labels, the logits and the `sample_weight`
    as they come, and is reduced over the batch by itself. What a loss says
    of several replicas and of half precision therefore holds for its part of
    the sum.

    Args:
        losses: Sequence of `keras.losses.Loss`, one or more. Those that have
            an `ignore_class` must ignore the same ids.
        weights: Sequence of one number of 0 or more for each loss, or `None`
            for 1 each. Defaults to `None`.
        name: Name of the loss. Defaults to `"sum_loss"`.

    Raises:
        TypeError: If one of the losses is none.
        ValueError: If there are none, they ignore different ids, or there is
            not one weight for each.

    Example:

    >>> loss = SumLoss([SegmentationLoss(), DiceLoss()], weights=[1.0, 0.5])
    >>> labels = np.array([[[0, 1], [255, 0]]])
    >>> logits = np.zeros((1, 2, 2, 2), "float32")
    >>> round(float(loss(labels, logits)), 4)
    0.9503
    """

    def __init__(self, losses, weights=None, name="sum_loss"):
        super().__init__(name=name, dtype="float32")
        self.losses = list(losses)
        for loss in self.losses:
            if not isinstance(loss, keras.losses.Loss):
                raise TypeError(
                    "`losses` must hold instances of keras.losses.Loss. "
                    f"Received: {loss!r} of type {type(loss).__name__}"
                )
        self.weights = _one_each(weights, len(self.losses))
        self.ignore_class = _common_ids(self.losses)

    def __call__(self, y_true, y_pred, sample_weight=None):
        parts = [
            weight * loss(y_true, y_pred, sample_weight=sample_weight)
            for loss, weight in zip(self.losses, self.weights, strict=True)
        ]
        total, *others = parts
        for part in others:
            total = total + part
        return total

    def call(self, y_true, y_pred):
        return self(y_true, y_pred)

    def get_config(self):
        return {
            "losses": [
                keras.saving.serialize_keras_object(loss)
                for loss in self.losses
            ],
            "weights": self.weights,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["losses"] = [
            keras.saving.deserialize_keras_object(loss)
            for loss in config["losses"]
        ]
        return cls(**config)


def _one_each(weights, count):
    weights = [1.0] * count if weights is None else weights
    try:
        numbers = normalized_weights(weights)
    except ValueError:
        numbers = []
    if not count or len(numbers) != count:
        raise ValueError(
            "`losses` must hold a loss, and `weights` one finite number of 0 "
            f"or more for each. Received: {count} losses, weights={weights!r}"
        )
    return numbers


def _common_ids(losses):
    """The ignored ids of all losses that ignore some."""
    given = [
        ids_config(loss.ignore_class)
        for loss in losses
        if hasattr(loss, "ignore_class")
    ]
    if len({frozenset(ignored_ids(ids)) for ids in given}) > 1:
        raise ValueError(
            "`losses` must ignore the same ids. Received: ignore_class of "
            f"{', '.join(str(ids) for ids in given)}"
        )
    return given[0] if given else None
