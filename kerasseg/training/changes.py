"""Single values of a recipe, replaced by their dotted names."""

import dataclasses
import difflib
import functools
import math
from collections.abc import Mapping
from typing import Any

import keras

from kerasseg.training.recipe import Recipe
from kerasseg.training.schedules import default_optimizer

_OPTIMIZER = "optimizer"
# What says what a schedule starts from, in the schedules of Keras and here.
_INITIAL = "initial_learning_rate"
_RATES = ("learning_rate", _INITIAL)


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """A recipe with other values.

    Args:
        recipe: The recipe.
        values: The new values by name: a field of the recipe, such as
            `"epochs"`, or a part of one after a dot, such as
            `"optimizer.learning_rate"` or `"loss.gamma"`. A number for the
            learning rate of a schedule is what the schedule starts from.

    Returns:
        A new recipe.

    Raises:
        ValueError: If there is no such name, with the closest one, or a
            value is out of range.

    Example:

    >>> values = {"epochs": 20, "optimizer.learning_rate": 1e-4}
    >>> recipe = changed(recipe, values)
    """
    for name, value in values.items():
        recipe = _with(recipe, name, name.split("."), value)
    return recipe


def _with(owner, name, path, value):
    """A copy of an object with a value replaced at the end of a path."""
    fields = _fields(owner)
    wraps = isinstance(fields.get(_OPTIMIZER), keras.optimizers.Optimizer)
    if wraps and path[0] not in fields:
        path = [_OPTIMIZER, *path]
    head, *rest = path
    if head not in fields:
        raise ValueError(_unknown(name, path, fields))
    if not rest:
        # Optimizers take anything for a number, and fail at the first step.
        number = isinstance(fields[head], int | float)
        if number and isinstance(value, str) and not isinstance(owner, Recipe):
            raise ValueError(
                f"`{name}` must be a number, as {fields[head]!r} is. "
                f"Received: {name}={value!r}"
            )
        number = isinstance(value, int | float)
        if head in _RATES and number and not 0 < value < math.inf:
            raise ValueError(
                f"`{name}` must be a finite number above 0. "
                f"Received: {name}={value!r}"
            )
        new = _as_rate(fields[head], value)
    elif isinstance(owner, Recipe) and head == _OPTIMIZER:
        new = _optimizer_with(owner, name, rest, value)
    else:
        new = _with(fields[head], name, rest, value)
    return _replaced(owner, head, new)


def _fields(owner):
    """The values of an object that can be replaced, by name."""
    if dataclasses.is_dataclass(owner) and not isinstance(owner, type):
        return {
            field.name: getattr(owner, field.name)
            for field in dataclasses.fields(owner)
            if field.init
        }
    if isinstance(owner, Mapping):
        return dict(owner)
    if isinstance(owner, functools.partial):
        return dict(owner.keywords)
    if not hasattr(owner, "get_config") or isinstance(owner, type):
        return {}
    try:
        config = owner.get_config()
    except NotImplementedError:
        return {}
    # Objects rather than their configurations, so that one can go deeper.
    return {key: _object(item) for key, item in config.items()}


def _object(item):
    if isinstance(item, dict) and {"class_name", "config"} <= set(item):
        return keras.saving.deserialize_keras_object(item)
    return item


def _replaced(owner, head, new):
    if dataclasses.is_dataclass(owner):
        return dataclasses.replace(owner, **{head: new})
    if isinstance(owner, Mapping):
        return {**owner, head: new}
    if isinstance(owner, functools.partial):
        keywords = {**owner.keywords, head: new}
        return functools.partial(owner.func, *owner.args, **keywords)
    config = owner.get_config()
    if hasattr(new, "get_config"):
        new = keras.saving.serialize_keras_object(new)
    return type(owner).from_config({**config, head: new})


def _as_rate(old, value):
    """A number in the place of a schedule is where the schedule starts."""
    schedule = keras.optimizers.schedules.LearningRateSchedule
    number = isinstance(value, int | float)
    if not isinstance(old, schedule) or not number:
        return value
    return _replaced(old, _INITIAL, value)


def _optimizer_with(recipe, name, path, value):
    """The function that makes the optimizer, with a value replaced in it."""
    make = _Changed(recipe.optimizer or default_optimizer, name, path, value)
    # Now, not after the data and the model were made.
    make(1)
    return make


@dataclasses.dataclass(frozen=True)
class _Changed:
    """Makes an optimizer, and a copy of it with another value."""

    make: Any
    name: str
    path: list[str]
    value: Any

    def __call__(self, steps):
        return _with(self.make(steps), self.name, self.path, self.value)


def _unknown(name, path, fields):
    before = name[: len(name) - len(".".join(path))]
    if not fields:
        return (
            f"`{name}` must name a value of the recipe, and {before[:-1]} has "
            "no values of its own"
        )
    near = difflib.get_close_matches(path[0], fields, 1, 0.0)[0]
    return (
        f"`{name}` must name a value of the recipe. The closest is "
        f"{before}{near}; there are {', '.join(sorted(fields))}"
    )
