"""What a model learns from the class probabilities of another."""

import keras
from keras import ops

from kerasseg.arguments import check_number
from kerasseg.losses.label_map_loss import check_logits
from kerasseg.losses.label_map_loss import counted_logits


@keras.saving.register_keras_serializable("kerasseg")
class DistillationLoss(keras.losses.Loss):
    """Divergence of class probabilities from those of a teacher.

    With `p = softmax(teacher / temperature)` and
    `q = softmax(student / temperature)`, the loss of a pixel is
    `weight * temperature**2 * sum(p * log(p / q))`, 0 where the two agree. The
    square keeps the size of the gradients at all temperatures. The teacher
    gets no gradient, and everything is computed in float32.

    The labels do not enter; `kerasseg.training.Recipe` adds the loss of the
    labels, and leaves ignored pixels out of both.

    Args:
        temperature: Number above 0. The higher it is, the more the classes
            count that the teacher takes for unlikely. Defaults to 1.0.
        weight: Number of 0 or more. Defaults to 1.0.
        reduction: How Keras reduces the values of the pixels. Defaults to
            `"sum_over_batch_size"`, their mean.
        name: Name of the loss. Defaults to `"distillation_loss"`.

    Input shape:
        `y_true`: `(batch, height, width, num_classes)`, the teacher's logits.
        `y_pred`: The same shape, logits.
        `sample_weight`: `(batch, height, width)`, optional.

    Raises:
        ValueError: If `temperature` or `weight` is out of range, the logits
            are of another rank, or have a single channel or unlike numbers of
            channels.

    Example:

    >>> loss = DistillationLoss()
    >>> teacher = np.array([[[[0.0, np.log(3.0)]]]], "float32")
    >>> student = np.zeros((1, 1, 1, 2), "float32")
    >>> round(float(loss(teacher, student)), 4)
    0.1308

    Reference:
        Hinton et al., "Distilling the Knowledge in a Neural Network", 2015,
        https://arxiv.org/abs/1503.02531.
    """

    def __init__(
        self,
        temperature=1.0,
        weight=1.0,
        reduction="sum_over_batch_size",
        name="distillation_loss",
    ):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        check_number("temperature", temperature)
        if temperature == 0:
            raise ValueError(
                "`temperature` must be above 0. "
                f"Received: temperature={temperature!r}"
            )
        check_number("weight", weight)
        self.temperature = float(temperature)
        self.weight = float(weight)

    def __call__(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            y_true = counted_logits(y_true, sample_weight)
            y_pred = counted_logits(y_pred, sample_weight)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        classes = check_logits(y_pred)
        if y_true.shape[-1] != classes:
            raise ValueError(
                "`y_true` must have as many channels as `y_pred`. Received: "
                f"y_true.shape={tuple(y_true.shape)} and "
                f"y_pred.shape={tuple(y_pred.shape)}"
            )
        teacher = self._log_probabilities(ops.stop_gradient(y_true))
        student = self._log_probabilities(y_pred)
        divergence = ops.sum(ops.exp(teacher) * (teacher - student), axis=-1)
        return self.weight * self.temperature**2 * divergence

    def _log_probabilities(self, logits):
        return ops.log_softmax(logits / self.temperature, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "weight": self.weight,
        }
