"""What a model says of its input and its output."""

import keras

from kerasseg.channels import RGB


def input_shape(model):
    """Shape of the images that a model takes, `None` where any size will do.

    A subclassed model takes images of any size; how many channels they have
    is known once it was built or called. A `keras.Sequential` without an
    input would take the size of the first image as the only one: it is built
    for any size here.

    Args:
        model: A `keras.Model` with one input of images.

    Returns:
        Tuple `(batch, height, width, channels)`.
    """
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, None, None, 3))
    shape = getattr(model, "input_shape", None)
    return tuple(shape or (None, None, None, _channels_built_for(model)))


def _channels_built_for(model):
    """The channels that a subclassed model was built for, if it was."""
    shape = (model.get_build_config() or {}).get("input_shape")
    return shape[-1] if isinstance(shape, list | tuple) else None


def output_shape(model):
    """Shape of the logits that a model returns, `None` for sizes not known.

    Args:
        model: A `keras.Model` from images to logits.

    Returns:
        Tuple `(batch, height, width, num_classes)`; or what it returns, where
        that is no single tensor.
    """
    channels = input_shape(model)[3] or RGB
    shape = getattr(model, "output_shape", None)
    if shape is not None:
        return shape
    # A subclassed model: its shape at one size.
    image = keras.KerasTensor((1, 64, 64, channels), dtype="float32")
    logits = keras.tree.flatten(model(image))[0]
    return (None, None, None, logits.shape[-1])
