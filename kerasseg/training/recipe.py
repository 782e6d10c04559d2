from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes.

    The parts that cost something are functions, called by `fit` when they
    are needed: a recipe is read without loading data or building a model.

    Args:
        name: Name of the run, such as the zoo entry it makes.
        train: Returns the training data, see `kerasseg.data`.
        model: Returns the model to train, with its initial weights.
        loss: Compares masks with the model's logits.
        epochs: Number of epochs.
        batch_size: Images per step, over all devices. Defaults to 8.
        augmentation: Joint transform of image and mask. Defaults to `None`.
        optimizer: Returns the optimizer for a number of steps. With
            `use_ema=True` the result is the average that it keeps of the
            weights. Defaults to AdamW at 1e-3 with polynomial decay.
        heads: Returns a model with the extra outputs to train with, given
            the model. Defaults to `None`.
        head_losses: Loss of each extra output. Defaults to none.
        validation: Returns the data scored after each epoch. Defaults to
            `None`.
        precision: Keras dtype policy, such as `"mixed_bfloat16"`. Defaults
            to `"float32"`.
        seed: Seed of weights, order and augmentation. Defaults to 0.

    Raises:
        ValueError: if `epochs` or `batch_size` is under 1, or there are
            `head_losses` without `heads`.
    """

    name: str
    train: Callable[[], Any]
    model: Callable[[], keras.Model]
    loss: keras.losses.Loss
    epochs: int
    batch_size: int = 8
    augmentation: Callable | None = None
    optimizer: Callable[[int], keras.optimizers.Optimizer] | None = None
    heads: Callable[[keras.Model], keras.Model] | None = None
    head_losses: dict[str, keras.losses.Loss] = field(default_factory=dict)
    validation: Callable[[], Any] | None = None
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self):
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"`{name}` must be an integer of {least} or more. "
                    f"Received: {name}={value!r}"
                )
        if self.head_losses and self.heads is None:
            raise ValueError(
                "`heads` must be given along with `head_losses`. Received: "
                f"head_losses for {sorted(self.head_losses)}, heads=None"
            )
