"""Feature maps of another library's model, named by their strides."""

import math

import keras

from kerasseg.backbones.from_model import LEVELS


def from_pyramid(model, outputs, scale, offset, name=None):
    """Makes a backbone of a model and some of its feature maps.

    Libraries number their levels in different ways, so what counts is the
    stride that a map has. Of maps of one stride the last is taken; maps at
    other strides than 2, 4, 8, 16 and 32 are left out.

    Args:
        model: A functional `keras.Model` with one image input.
        outputs: List of its feature maps, `(batch, height, width, channels)`.
        scale: Float or list of one for each channel. Factor from pixels to
            what the model takes.
        offset: Float or list of one for each channel, added after `scale`.
        name: String. Name of the backbone. Defaults to the model's.

    Returns:
        A `keras.Model` from pixels in 0..255 to a dict of features.

    Raises:
        ValueError: If no map has such a stride.
    """
    levels = _by_stride(model, outputs)
    if not levels:
        raise ValueError(
            "`backbone` must have feature maps at a stride of 2, 4, 8, 16 or "
            f"32. Received: backbone={model.name!r} with maps of shape "
            f"{', '.join(str(tuple(x.shape)) for x in outputs) or 'none'}"
        )
    features = keras.Model(
        model.inputs[0], levels, name=f"{model.name}_features"
    )
    images = keras.Input(model.inputs[0].shape[1:], name="images")
    scaled = keras.layers.Rescaling(scale, offset, name="rescaling")(images)
    return keras.Model(images, features(scaled), name=name or model.name)


def _by_stride(model, outputs):
    *sizes, channels = model.inputs[0].shape[1:]
    sizes = [n or 128 for n in sizes]
    probe = keras.KerasTensor((1, *sizes, channels))
    maps = keras.Model(model.inputs[0], list(outputs))(probe) if outputs else []
    found = {}
    for output, traced in zip(outputs, keras.tree.flatten(maps), strict=True):
        if len(traced.shape) != 4:
            continue
        strides = [
            2**n
            for n in range(1, 6)
            if tuple(traced.shape[1:3])
            == tuple(math.ceil(size / 2**n) for size in sizes)
        ]
        if strides:
            found[f"P{strides[0].bit_length() - 1}"] = output
    return {level: found[level] for level in LEVELS if level in found}
