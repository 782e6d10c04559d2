"""Layers that are kept as they are while the rest is trained."""

import contextlib
import difflib
from collections.abc import Sequence

import keras

BACKBONE = "backbone"
BATCH_NORMALIZATION = "batch_normalization"


def freeze(model: keras.Model, parts: Sequence[str]) -> int:
    """Keeps parts of a model as they are while the rest is trained.

    Frozen batch normalization also keeps its moments. Call it before
    `compile`; a layer is freed again by `layer.trainable = True`.

    Args:
        model: The model to train.
        parts: What to freeze: `"backbone"`, `"batch_normalization"`, or
            names of layers of the model or of the models inside it.

    Returns:
        Number of layers with weights that are frozen.

    Raises:
        TypeError: If `parts` is a string.
        ValueError: If the model has no such part.
    """
    if isinstance(parts, str):
        raise TypeError(
            "`parts` must be a sequence of strings. "
            f"Received: parts={parts!r}, write ({parts!r},)"
        )
    for part in parts:
        found = _find(model, part)
        if not found:
            raise ValueError(_unknown(model, part))
        for layer in found:
            layer.trainable = False
    return sum(
        bool(layer.weights) and not layer.trainable for layer in _leaves(model)
    )


def freeze_batch_normalization(model: keras.Model) -> int:
    """Keeps batch normalization as it was trained, also while the rest learns.

    With a few images a step, the moments of a batch say little, and those
    that the model was trained with are better. Call it before `compile`; a
    layer is freed again by `layer.trainable = True`.

    Args:
        model: The model to fine-tune.

    Returns:
        Number of layers that are frozen.
    """
    found = _find(model, BATCH_NORMALIZATION)
    for layer in found:
        layer.trainable = False
    return len(found)


@contextlib.contextmanager
def synchronized(model):
    """Takes the moments of batch normalization over all devices meanwhile.

    Args:
        model: The model whose layers are told.

    Yields:
        Nothing.
    """
    layers = [
        layer
        for layer in _find(model, BATCH_NORMALIZATION)
        if not layer.synchronized
    ]
    for layer in layers:
        layer.synchronized = True
    try:
        yield
    finally:
        # A saved model says nothing of the devices it was trained on.
        for layer in layers:
            layer.synchronized = False


def _find(model, part):
    if part == BATCH_NORMALIZATION:
        kind = keras.layers.BatchNormalization
        return [layer for layer in _all(model) if isinstance(layer, kind)]
    if part == BACKBONE:
        return [layer for layer in _all(model) if _is_backbone(layer)]
    return [layer for layer in _all(model) if layer.name == part]


def _is_backbone(layer):
    """Whether a layer is a model from images to features by their level."""
    if not isinstance(layer, keras.Model) or not layer.built:
        return False
    outputs = layer.output
    return isinstance(outputs, dict) and all(
        name[:1] == "P" and name[1:].isdigit() for name in outputs
    )


def _all(model):
    """All layers inside of a model, also those that a layer holds."""
    # `model.layers` leaves the latter out.
    return list(model._flatten_layers(include_self=False))


def _leaves(model):
    return [layer for layer in _all(model) if not layer._layers]


def _unknown(model, part):
    names = sorted({layer.name for layer in _all(model) if layer.weights})
    known = [BACKBONE, BATCH_NORMALIZATION, *names]
    near = difflib.get_close_matches(str(part), known, 1, 0.0)[0]
    return (
        f"`freeze` must name {BACKBONE!r}, {BATCH_NORMALIZATION!r} or layers "
        f"that the model has. Received: {part!r}, which it has not; the "
        f"closest name is {near!r}"
    )
