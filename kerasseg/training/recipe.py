"""Everything that defines a training run."""

import contextlib
import os
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras

from kerasseg.arguments import check_integer
from kerasseg.labels import Labels
from kerasseg.losses import DistillationLoss

# One for all, so that equal recipes are equal.
_DISTILLATION = DistillationLoss()
# What NumPy, and so Keras, takes.
_MAX_SEED = 2**32 - 1
_OPTIONAL = ("augmentation", "optimizer", "heads", "validation")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes.

    The parts that cost something are functions, called by `fit` when they
    are needed: a recipe is read without loading data or building a model.

    Args:
        name: Name of the run, such as the zoo entry it makes.
        train: Returns the training data, see `kerasseg.data`.
        model: Returns the model to train, with its initial weights; given
            `start_from`, where there is one.
        loss: Compares masks with the model's logits.
        epochs: Number of epochs.
        batch_size: Images per step, over all devices. Defaults to 8.
        augmentation: Joint transform of image and mask. Defaults to `None`.
        optimizer: Returns the optimizer for a number of steps. With
            `use_ema=True` the result is the average that it keeps of the
            weights, and so is what is validated. With
            `gradient_accumulation_steps=n` a step is made of `n` batches, and
            the function is called once more, with as many steps as there then
            are. Defaults to AdamW at 1e-3 with polynomial decay.
        heads: Returns a model with the extra outputs to train with, given
            the model. Defaults to `None`.
        head_losses: Loss of each extra output. Defaults to none.
        validation: Returns the data scored after each epoch. Defaults to
            `None`.
        precision: Keras dtype policy, such as `"mixed_bfloat16"`. Defaults
            to `"float32"`.
        seed: Seed of weights, order and augmentation. Defaults to 0.
        labels: `kerasseg.data.Labels`, what the ids in the masks mean. They
            are saved with the trained model. Defaults to `None`.
        start_from: What the model starts from: path of a weights file or
            saved folder, such as another run's, or what
            `kerasseg.zoo.load` takes, such as `"lrr_4x"`. Defaults to `None`.
        freeze: Parts of the model that are not trained, see
            `kerasseg.training.freeze`: `"backbone"`, `"batch_normalization"`
            or names of layers. Defaults to none.
        synchronized: Whether batch normalization takes its moments over the
            shares of all devices, not over that of its own. On JAX it always
            does. Defaults to `False`.
        teacher: A trained model of the same classes, whose logits the model
            learns as well, see `kerasseg.training.Distillation`: what
            `kerasseg.zoo.load` takes, such as `"lrr_4x"`, or a function that
            returns one. Defaults to `None`.
        distillation: Compares the teacher's logits with the model's. Defaults
            to `kerasseg.losses.DistillationLoss()`.

    Raises:
        ValueError: If `epochs` or `batch_size` is under 1, `seed` out of
            0..4294967295, `precision` no policy of floats, what must be a
            function is none, `labels` are something else, `freeze` holds
            no strings, `teacher` is a model, or there are `head_losses`
            without `heads`.
    """

    name: str
    train: Callable[[], Any]
    model: Callable[..., keras.Model]
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
    labels: Labels | None = None
    start_from: str | os.PathLike | None = None
    freeze: Sequence[str] = ()
    synchronized: bool = False
    teacher: str | os.PathLike | Callable[[], keras.Model] | None = None
    distillation: keras.losses.Loss = field(
        default_factory=lambda: _DISTILLATION
    )

    def __post_init__(self):
        for name in ("train", "model", "loss", "distillation", *_OPTIONAL):
            value = getattr(self, name)
            if name in _OPTIONAL and value is None:
                continue
            if not callable(value) or isinstance(value, keras.Model):
                raise ValueError(
                    f"`{name}` must be a function. Received: {name}={value!r}"
                )
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            check_integer(name, getattr(self, name), least)
        if self.seed > _MAX_SEED:
            raise ValueError(
                f"`seed` must be an integer from 0 to {_MAX_SEED}. "
                f"Received: seed={self.seed!r}"
            )
        _check_precision(self.precision)
        _check_teacher(self.teacher)
        if not isinstance(self.labels, Labels | None):
            raise ValueError(
                "`labels` must be kerasseg.data.Labels. "
                f"Received: labels={self.labels!r}"
            )
        if isinstance(self.freeze, str) or not all(
            isinstance(part, str) for part in self.freeze
        ):
            raise ValueError(
                '`freeze` must be a sequence of strings, such as ("backbone",)'
                f". Received: freeze={self.freeze!r}"
            )
        if self.head_losses and self.heads is None:
            raise ValueError(
                "`heads` must be given along with `head_losses`. Received: "
                f"head_losses for {sorted(self.head_losses)}, heads=None"
            )


def _check_precision(precision):
    """Refuses what is no dtype policy that a model can be trained in."""
    kind = ""
    if isinstance(precision, str | keras.dtype_policies.DTypePolicy):
        with contextlib.suppress(ValueError, TypeError):
            kind = keras.dtype_policies.get(precision).compute_dtype
    if "float" not in kind:
        raise ValueError(
            "`precision` must be a dtype policy of Keras for floats, such as "
            '"float32" or "mixed_bfloat16". '
            f"Received: precision={precision!r}"
        )


def _check_teacher(teacher):
    """Refuses what neither names a trained model nor makes one."""
    named = isinstance(teacher, str | os.PathLike)
    makes = callable(teacher) and not isinstance(teacher, keras.Model)
    if not (teacher is None or named or makes):
        raise ValueError(
            "`teacher` must be what `kerasseg.zoo.load` takes or a function "
            f"that returns a model. Received: teacher={teacher!r}"
        )
