"""Bilinear resizing to the size of another tensor."""

from keras import ops


def resize(x, height, width):
    """Bilinear resize with half-pixel centers, without anti-aliasing.

    The same as `keras.ops.image.resize`, which Keras 3.15 does not do for
    sizes that TensorFlow does not know when it traces a graph.

    Args:
        x: Maps, `(batch, any_height, any_width, channels)`.
        height: Integer or scalar tensor. New height.
        width: Integer or scalar tensor. New width.

    Returns:
        The maps, `(batch, height, width, channels)`.
    """
    sizes = (*x.shape[1:3], *ops.shape(x)[1:3], height, width)
    if not all(isinstance(n, int) for n in sizes):
        return _resize_axis(_resize_axis(x, height, 1), width, 2)
    if tuple(x.shape[1:3]) == (height, width):
        return x
    return ops.image.resize(
        x,
        (height, width),
        interpolation="bilinear",
        data_format="channels_last",
    )


def _resize_axis(x, size, axis):
    last = ops.cast(ops.shape(x)[axis] - 1, "float32")
    scale = (last + 1) / ops.cast(size, "float32")
    samples = ops.cast(ops.arange(size), "float32")
    positions = ops.clip((samples + 0.5) * scale - 0.5, 0, last)
    lower = ops.floor(positions)
    upper = ops.minimum(lower + 1, last)
    shape = (-1, 1, 1) if axis == 1 else (-1, 1)
    weights = ops.cast(ops.reshape(positions - lower, shape), x.dtype)
    first = ops.take(x, ops.cast(lower, "int32"), axis=axis)
    second = ops.take(x, ops.cast(upper, "int32"), axis=axis)
    return first + (second - first) * weights
