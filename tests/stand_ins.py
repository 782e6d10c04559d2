"""Stand-ins for what takes long: a backbone of five convolutions."""

import keras
import numpy as np
from keras import ops

from kerasseg.backbones import from_model

FILTERS = (4, 4, 6, 6, 8)


def tiny_model(image_shape=(None, None, 3), filters=FILTERS, normalise=True):
    """Convolutions of stride 2, whose outputs are named `level_1` and on.

    Args:
        image_shape: `(height, width, 3)`, with or without `None`.
        filters: Channels of each level.
        normalise: Whether batch normalisation follows each convolution.
            Without it, dropout does.

    Returns:
        A functional model.
    """
    x = images = keras.Input(image_shape)
    for level, channels in enumerate(filters, start=1):
        x = keras.layers.Conv2D(
            channels, 3, strides=2, padding="same", name=f"conv_{level}"
        )(x)
        if normalise:
            x = keras.layers.BatchNormalization(name=f"norm_{level}")(x)
        else:
            x = keras.layers.Dropout(0.5, name=f"drop_{level}")(x)
        x = keras.layers.LeakyReLU(name=f"level_{level}")(x)
    return keras.Model(images, x, name="tiny")


def tiny_backbone(image_shape=(None, None, 3), normalise=True):
    """A backbone that builds and runs in no time.

    Args:
        image_shape: As for `tiny_model`.
        normalise: As for `tiny_model`.

    Returns:
        A backbone with the levels `"P1"` .. `"P5"`.
    """
    model = tiny_model(image_shape, normalise=normalise)
    taps = {f"P{level}": f"level_{level}" for level in range(1, 6)}
    return from_model(model, taps, scale=1 / 127.5, offset=-1.0)


def shake(model, seed=5):
    """Gives a new model weights whose logits vary.

    New heads are zero and new statistics are those of a normal distribution:
    most mistakes would not show.

    Args:
        model: The model; its frozen bases stay as they are.
        seed: Seed of the new values.

    Returns:
        The same model.
    """
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        name, old = variable.name, ops.convert_to_numpy(variable)
        if name == "moving_variance":
            new = generator.uniform(0.02, 0.2, old.shape)
        elif name in ("moving_mean", "beta", "bias"):
            new = old + generator.normal(0, 0.1, old.shape)
        elif name == "bases" or old.any():
            continue
        else:
            new = generator.normal(0, 0.3, old.shape)
        variable.assign(new.astype("float32"))
    return model
