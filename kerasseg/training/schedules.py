"""Learning rate schedules."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasseg")
class PolyDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Polynomial decay to zero after a linear warm-up.

    `rate(t) = initial * (1 - t / steps) ^ power`, times `(t + 1) / warmup`
    while `t < warmup`.

    Args:
        initial_learning_rate: Float > 0.
        steps: Integer >= 1. Steps until the rate is zero.
        power: Float. Defaults to 0.9.
        warmup_steps: Integer >= 0. Defaults to 0.

    Raises:
        ValueError: If `initial_learning_rate` is not above 0, `steps` under 1
            or `warmup_steps` under 0.

    Reference:
        Chen et al., "DeepLab", TPAMI 2018, section 4.1 ("poly").
    """

    def __init__(self, initial_learning_rate, steps, power=0.9, warmup_steps=0):
        super().__init__()
        if not 0 < initial_learning_rate < math.inf:
            raise ValueError(
                "`initial_learning_rate` must be a finite number above 0. "
                f"Received: initial_learning_rate={initial_learning_rate!r}"
            )
        if steps < 1:
            raise ValueError(
                f"`steps` must be 1 or more. Received: steps={steps!r}"
            )
        if warmup_steps < 0:
            raise ValueError(
                "`warmup_steps` must be 0 or more. "
                f"Received: warmup_steps={warmup_steps!r}"
            )
        self.initial_learning_rate = initial_learning_rate
        self.steps = steps
        self.power = power
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        left = ops.clip(1.0 - step / self.steps, 0.0, 1.0)
        rate = self.initial_learning_rate * left**self.power
        if self.warmup_steps:
            rate = rate * ops.minimum((step + 1) / self.warmup_steps, 1.0)
        return rate

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "steps": self.steps,
            "power": self.power,
            "warmup_steps": self.warmup_steps,
        }


def default_optimizer(steps):
    """The optimizer of a recipe that names none.

    Args:
        steps: The number of steps of the training.

    Returns:
        AdamW at 1e-3 with polynomial decay.
    """
    return keras.optimizers.AdamW(PolyDecay(1e-3, steps))
