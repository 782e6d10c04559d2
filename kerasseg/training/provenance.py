"""Facts that decide the course of a training run, and their changes."""

import dataclasses
import functools
import hashlib
import json
from typing import Any

import keras

_KEPT = (
    "name",
    "start_from",
    "train",
    "validation",
    "heads",
    "batch_size",
    "augmentation",
    "precision",
    "seed",
    "epochs",
    "labels",
    "loss",
    "head_losses",
)
_LONGEST = 60


def describe(recipe, trainer: keras.Model, images: int) -> dict[str, str]:
    """What decides the course of a training, as texts by name.

    Two recipes with equal descriptions may still differ in the code of their
    functions and in the numbers of their data, which are not looked into.

    Args:
        recipe: A `Recipe`.
        trainer: The compiled model that it trains.
        images: The number of training images.

    Returns:
        A dictionary such as `{"epochs": "40", "optimizer.clipnorm": "5.0"}`.
    """
    values = {name: getattr(recipe, name) for name in _KEPT}
    # Left out where it says nothing, for runs that began without it.
    if recipe.freeze:
        values["freeze"] = list(recipe.freeze)
    if recipe.synchronized:
        values["synchronized"] = True
    if recipe.teacher is not None:
        values["teacher"] = recipe.teacher
        values["distillation"] = recipe.distillation
    values["images"] = images
    values["optimizer"] = trainer.optimizer
    values["model"] = _digest(
        [v.name, list(v.shape), v.trainable] for v in trainer.weights
    )
    return dict(_flat("", values))


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What two descriptions differ in.

    Args:
        before: What `describe` returned of one run.
        now: What it returned of another.

    Returns:
        A list of texts such as `"epochs (40 before, 60 now)"`.
    """
    names = [name for name in {**before, **now}]
    return [
        f"{name} ({_short(before.get(name))} before, "
        f"{_short(now.get(name))} now)"
        for name in names
        if before.get(name) != now.get(name)
    ]


def _flat(name, value):
    """The leaves of a value with their dotted names, as texts."""
    value = _plain(value)
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), item)
    elif isinstance(value, float):
        # An optimizer keeps some of its numbers in float32.
        yield name, f"{value:.7g}"
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def _plain(value):
    if value is None or isinstance(value, bool | int | float | str | dict):
        return value
    if isinstance(value, list | tuple):
        return [_text(item) for item in value]
    if isinstance(value, functools.partial):
        return {
            "function": _text(value.func),
            "arguments": [_text(item) for item in value.args],
            **{key: _text(item) for key, item in value.keywords.items()},
        }
    kind = type(value).__name__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            "kind": kind,
            **{
                field.name: getattr(value, field.name)
                for field in dataclasses.fields(value)
                if not _says_nothing(field, value)
            },
        }
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"kind": kind, **_config(value)}
    # A function by its name, anything else by its class or its path.
    return getattr(value, "__qualname__", None) or (
        str(value) if hasattr(value, "__fspath__") else kind
    )


def _says_nothing(field, value):
    """Whether runs that began before the field was there are the same."""
    neutral = field.metadata.get("neutral", False)
    return neutral and getattr(value, field.name) == field.default


def _config(value):
    try:
        config = value.get_config()
    except NotImplementedError:
        return {}
    return _unnamed(config)


def _unnamed(config):
    """A configuration without the names that Keras makes up and numbers."""
    if not isinstance(config, dict):
        return config
    if {"config", "class_name"} <= set(config):
        config = {"kind": config["class_name"], **(config["config"] or {})}
    return {
        key: _unnamed(item) for key, item in config.items() if key != "name"
    }


def _text(value):
    value = _plain(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}..."


def _digest(values):
    text = json.dumps(list(values))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
