"""Prediction on one whole image of any size."""

import keras
import numpy as np

MINIMUM_SIZE = 32


def predict_logits(model, image):
    """Float32 logits of one image, at the size of the image.

    A model with `None` height and width sees the image as it is. A model with
    a fixed input size sees the image resized to that size (bilinear,
    antialiased), and its logits are resized back (bilinear).

    Args:
        model: `keras.Model` from `(batch, height, width, 3)` pixels in 0..255
            to logits.
        image: Path of an image file, or RGB array `(height, width, 3)` with
            values in 0..255, `uint8` or float. Height and width 32 or more.

    Returns:
        Float32 array `(height, width, num_classes)`.

    Raises:
        ValueError: If `image` has another shape, is smaller than 32 pixels on
            a side, or cannot be read.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x")
    >>> logits = predict_logits(model, "street.jpg")
    """
    pixels = read_pixels(image)
    size = pixels.shape[:2]
    pixels = _resize(pixels, _input_size(model, size), antialias=True)
    logits = model.predict_on_batch(pixels[np.newaxis])
    logits = np.asarray(logits, dtype="float32")
    if logits.ndim != 4:
        raise ValueError(
            "`model` must return logits `(batch, height, width, num_classes)`."
            f" Received: an output of shape {logits.shape}"
        )
    return _resize(logits[0], size, antialias=False)


def predict_mask(model, image):
    """Class ids of one image, at the size of the image.

    The class of a pixel is the one with the largest logit, see
    `predict_logits`.

    Args:
        model: `keras.Model` from `(batch, height, width, 3)` pixels in 0..255
            to logits.
        image: Path of an image file, or RGB array `(height, width, 3)` with
            values in 0..255, `uint8` or float. Height and width 32 or more.

    Returns:
        Int32 array `(height, width)` of class ids.

    Raises:
        ValueError: If `image` has another shape, is smaller than 32 pixels on
            a side, or cannot be read.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x")
    >>> mask = predict_mask(model, "street.jpg")
    """
    return np.argmax(predict_logits(model, image), axis=-1).astype("int32")


def read_pixels(image):
    """Checked float32 pixels of an image given as a path or an array.

    Args:
        image: Path of an image file, or RGB array `(height, width, 3)` with
            values in 0..255. Height and width 32 or more.

    Returns:
        Float32 array `(height, width, 3)`.

    Raises:
        ValueError: If `image` has another shape or dtype, is smaller than 32
            pixels on a side, or cannot be read.
    """
    source = ""
    if isinstance(image, str) or hasattr(image, "__fspath__"):
        from kerasseg.data.image import read_image

        source = f" of {image}"
        image = read_image(image)
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[-1] != 3:
        raise ValueError(
            "`image` must be an RGB array `(height, width, 3)` or a path. "
            f"Received: image.shape={pixels.shape}{source}"
        )
    if pixels.dtype.kind not in "uif":
        raise ValueError(
            "`image` must hold numbers in 0..255. "
            f"Received: image.dtype={pixels.dtype}{source}"
        )
    if min(pixels.shape[:2]) < MINIMUM_SIZE:
        raise ValueError(
            f"`image` must be at least {MINIMUM_SIZE} pixels high and wide. "
            f"Received: image.shape={pixels.shape}{source}"
        )
    return pixels.astype("float32")


def _input_size(model, size):
    """The size the model wants for an image of `size` (height, width)."""
    fixed = model.input_shape[1:3]
    return tuple(f or s for f, s in zip(fixed, size, strict=True))


def _resize(array, size, antialias, interpolation="bilinear"):
    """`array` `(height, width, channels)` resized to `size`."""
    if array.shape[:2] == tuple(size):
        return array
    resized = keras.ops.image.resize(
        array[np.newaxis],
        tuple(size),
        interpolation=interpolation,
        antialias=antialias,
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(resized)[0]
