"""Backbones from any functional Keras model."""

import keras

from kerasseg.backbones.data_format import channels_last

LEVELS = ("P1", "P2", "P3", "P4", "P5")


@channels_last
def from_model(model, taps, scale=1.0, offset=0.0, name=None):
    """Makes a backbone of any Keras model.

    The backbone shares the model's weights. It takes pixels in 0..255 and
    returns features `"Pn"` at a stride of `2^n`.

    Args:
        model: A functional `keras.Model` with one image input
            `(batch, height, width, channels)`, see `with_channels` for other
            channels than RGB. Height and width are best `None`, or multiples
            of 32.
        taps: Dict from `"P1"` .. `"P5"` to the name of the layer whose
            output is that level. Every level up to `"P5"` may be given; a
            decoder asks for those it reads.
        scale: Float or list of one for each channel. Factor from pixels to
            what the model was trained on. Defaults to 1.0.
        offset: Float or list of one for each channel, added after `scale`.
            Defaults to 0.0.
        name: String. Name of the backbone. Defaults to the model's.

    Returns:
        A `keras.Model` from pixels to a dict of features.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If a level or a layer does not exist, or a tap does not
            have the stride of its level.

    Example:
        >>> base = keras.applications.MobileNetV3Small(
        ...     include_top=False, input_shape=(None, None, 3), weights=None,
        ...     include_preprocessing=False)
        >>> backbone = from_model(base, {"P5": "activation_17"},
        ...     scale=1 / 127.5, offset=-1.0)
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`model` must be a keras.Model. "
            f"Received: model={model!r} of type {type(model).__name__}"
        )
    if not taps:
        raise ValueError(
            f"`taps` must name one level or more. Received: taps={taps!r}"
        )
    known = {layer.name for layer in model.layers}
    for level, layer in taps.items():
        if level not in LEVELS:
            raise ValueError(
                f"`taps` must name levels of {', '.join(LEVELS)}. "
                f"Received: {level!r}"
            )
        if layer not in known:
            raise ValueError(
                f"`taps` must name layers of {model.name!r}. "
                f"Received: {level}={layer!r}"
            )
    backbone, features = on_pixels(model, taps, scale, offset, name)
    _check_strides(features)
    return backbone


def on_pixels(model, taps, scale=1.0, offset=0.0, name=None):
    """Makes a backbone without a check of its strides.

    Args:
        model: As for `from_model`.
        taps: As for `from_model`.
        scale: As for `from_model`. Defaults to 1.0.
        offset: As for `from_model`. Defaults to 0.0.
        name: As for `from_model`. Defaults to the model's.

    Returns:
        A tuple of the backbone and the model inside, from scaled images to a
        dict of features.
    """
    features = keras.Model(
        model.inputs[0],
        {level: model.get_layer(layer).output for level, layer in taps.items()},
        name=f"{model.name}_features",
    )
    images = keras.Input(model.inputs[0].shape[1:], name="images")
    scaled = keras.layers.Rescaling(scale, offset, name="rescaling")(images)
    backbone = keras.Model(images, features(scaled), name=name or model.name)
    return backbone, features


def _check_strides(features):
    *size, channels = features.inputs[0].shape[1:]
    height, width = (n or 64 for n in size)
    probe = keras.KerasTensor((1, height, width, channels))
    for level, output in features(probe).items():
        stride = 2 ** int(level[1:])
        expected = (-(-height // stride), -(-width // stride))
        if tuple(output.shape[1:3]) != expected:
            raise ValueError(
                f"`taps` must put {level} at a stride of {stride}: "
                f"{expected} for an input of {(height, width)}. "
                f"Received: {tuple(output.shape[1:3])}"
            )
