"""What a model says of its input and its output."""

import keras


def input_shape(model):
    """Shape of the images that a model takes, `None` where any size will do.

    A subclassed model says nothing of its input, and takes images of any
    size. A `keras.Sequential` without an input would take the size of the
    first image as the only one: it is built for any size here.

    Args:
        model: A `keras.Model` with one input of images.

    Returns:
        Tuple `(batch, height, width, channels)`.
    """
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, None, None, 3))
    return tuple(getattr(model, "input_shape", None) or (None,) * 4)


def output_shape(model):
    """Shape of the logits that a model returns, `None` for sizes not known.

    Args:
        model: A `keras.Model` from images to logits.

    Returns:
        Tuple `(batch, height, width, num_classes)`; or what it returns, where
        that is no single tensor.
    """
    input_shape(model)
    shape = getattr(model, "output_shape", None)
    if shape is not None:
        return shape
    # A subclassed model: its shape at one size.
    image = keras.KerasTensor((1, 64, 64, 3), dtype="float32")
    logits = keras.tree.flatten(model(image))[0]
    return (None, None, None, logits.shape[-1])
