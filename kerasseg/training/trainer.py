"""The model of a recipe, and how it is compiled."""

from collections.abc import Sequence

import keras

from kerasseg import zoo
from kerasseg.arguments import check_channels
from kerasseg.ids import default_ignored
from kerasseg.inference.ends import input_shape
from kerasseg.inference.ends import output_shape
from kerasseg.metrics import MeanIoU
from kerasseg.training.deep_supervision import DeepSupervision
from kerasseg.training.distillation import Distillation
from kerasseg.training.freezing import freeze
from kerasseg.training.recipe import Recipe
from kerasseg.training.schedules import default_optimizer


def starting_model(recipe: Recipe) -> keras.Model:
    """The model of a recipe, with the weights that it starts from.

    Args:
        recipe: The recipe.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If it gives logits of a single channel.
    """
    start = () if recipe.start_from is None else (recipe.start_from,)
    model = recipe.model(*start)
    check_channels("model", output_shape(model))
    return model


def compiled(
    recipe: Recipe, model: keras.Model, total_steps: int
) -> tuple[keras.Model, MeanIoU]:
    """A model made ready for `fit` as its recipe says.

    Args:
        recipe: The recipe.
        model: The model; layers that the recipe freezes become so.
        total_steps: Batches of the whole training.

    Returns:
        The model itself, or one around it with the recipe's heads and its
        teacher; and the metric that it is compiled with.

    Raises:
        ValueError: If the teacher has other classes.
    """
    freeze(model, recipe.freeze)
    trainer = _trainer(recipe, model)
    metric = MeanIoU(
        output_shape(model)[-1],
        ignore_class=ignore_class(recipe, model),
        name="mean_iou",
    )
    optimizer = _optimizer(recipe.optimizer or default_optimizer, total_steps)
    trainer.compile(optimizer, recipe.loss, metrics=[metric])
    return trainer, metric


def _trainer(recipe, model):
    """The model, with what it is trained by besides its own logits."""
    if recipe.heads is None and recipe.teacher is None:
        return model
    if recipe.heads is None:
        images = keras.Input(input_shape(model)[1:])
        heads = keras.Model(images, {"logits": model(images)})
    else:
        heads = recipe.heads(model)
    if recipe.teacher is None:
        return DeepSupervision(heads, recipe.head_losses)
    named = not callable(recipe.teacher)
    return Distillation(
        heads,
        recipe.head_losses,
        zoo.load(recipe.teacher) if named else recipe.teacher(),
        recipe.distillation,
        ignore_class(recipe, model),
    )


def _optimizer(make, batches):
    """The optimizer for as many steps as it makes of the batches."""
    optimizer = make(batches)
    every = getattr(optimizer, "gradient_accumulation_steps", None)
    return make(max(batches // every, 1)) if every else optimizer


def ignore_class(
    recipe: Recipe, model: keras.Model
) -> int | Sequence[int] | None:
    """The ids that the loss of a recipe ignores.

    Args:
        recipe: The recipe.
        model: Its model.

    Returns:
        As the argument `ignore_class` of the loss; for a loss without one,
        255 where that is no class.
    """
    default = default_ignored(output_shape(model)[-1])
    return getattr(recipe.loss, "ignore_class", default)
