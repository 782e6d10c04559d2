"""Batch normalisation while fine-tuning."""

import keras


def freeze_batch_normalization(model: keras.Model) -> int:
    """Keeps batch normalisation as it was trained, also while the rest learns.

    With a few images a step, the moments of a batch say little, and those
    that the model was trained with are better. Call it before `compile`; a
    layer is freed again by `layer.trainable = True`.

    Args:
        model: The model to fine-tune.

    Returns:
        Number of layers that are frozen.
    """
    frozen = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
            frozen += 1
        elif hasattr(layer, "layers"):
            frozen += freeze_batch_normalization(layer)
    return frozen
