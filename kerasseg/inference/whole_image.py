"""Prediction on one whole image of any size."""

import keras
import numpy as np

from kerasseg.arguments import check_channels
from kerasseg.channels import RGB
from kerasseg.channels import check_channel_count
from kerasseg.channels import check_channels_last
from kerasseg.data.pixels import check_pixels
from kerasseg.inference.ends import input_shape

MINIMUM_SIZE = 32


def predict_logits(model, image):
    """Float32 logits of one image, at the size of the image.

    A model with `None` height and width sees the image as it is. A model with
    a fixed input size sees the image resized to that size (bilinear,
    antialiased), and its logits are resized back (bilinear).

    Args:
        model: `keras.Model` from `(batch, height, width, channels)` pixels in
            0..255 to logits.
        image: Path of an image file, see `kerasseg.data.read_image`, or array
            `(height, width, channels)` with values in 0..255, `uint8` or
            float; RGB for three channels. Height and width 32 or more.

    Returns:
        Float32 array `(height, width, num_classes)`.

    Raises:
        ValueError: If `image` has another shape, range or number of channels
            than the model takes, is smaller than 32 pixels on a side, or
            cannot be read; or if the logits are NaN or have a single channel.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x")
    >>> logits = predict_logits(model, "street.jpg")
    """
    return logits_of_pixels(model, read_pixels(image, channels_of(model)))


def logits_of_pixels(model, pixels):
    """Float32 logits of checked pixels, at the size of the pixels.

    Args:
        model: `keras.Model` as of `predict_logits`.
        pixels: Float32 array `(height, width, channels)`, as of `read_pixels`.

    Returns:
        Float32 array `(height, width, num_classes)`.

    Raises:
        ValueError: If the model takes images of other channels, or returns no
            logits of two classes or more, or NaN.
    """
    if pixels.shape[-1] != channels_of(model):
        raise ValueError(
            f"`model` must take images of {pixels.shape[-1]} channels. "
            f"Received: a model with input_shape={input_shape(model)}"
        )
    size = pixels.shape[:2]
    pixels = _resize(pixels, _input_size(model, size), antialias=True)
    return as_logits(model.predict_on_batch(pixels[np.newaxis]), size)[0]


def predict_mask(model, image):
    """Class ids of one image, at the size of the image.

    The class of a pixel is the one with the largest logit, see
    `predict_logits`.

    Args:
        model: `keras.Model` from `(batch, height, width, channels)` pixels in
            0..255 to logits.
        image: Path of an image file, see `kerasseg.data.read_image`, or array
            `(height, width, channels)` with values in 0..255, `uint8` or
            float; RGB for three channels. Height and width 32 or more.

    Returns:
        Int32 array `(height, width)` of class ids.

    Raises:
        ValueError: If `image` has another shape, range or number of channels
            than the model takes, is smaller than 32 pixels on a side, or
            cannot be read; or if the logits are NaN or have a single channel.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x")
    >>> mask = predict_mask(model, "street.jpg")
    """
    return np.argmax(predict_logits(model, image), axis=-1).astype("int32")


def as_logits(output, size):
    """The output of a model as float32 logits of a size.

    Args:
        output: What `predict_on_batch` returned.
        size: `(height, width)` of the logits.

    Returns:
        Float32 array `(batch, height, width, num_classes)`, resized
        (bilinear) where the model's size is another.

    Raises:
        ValueError: If the output is no logits of two classes or more, or NaN.
    """
    logits = np.asarray(output, dtype="float32")
    if logits.ndim != 4:
        raise ValueError(
            "`model` must return logits `(batch, height, width, num_classes)`."
            f" Received: an output of shape {logits.shape}"
        )
    check_channels("model", logits.shape)
    # The largest is NaN if any is, and NaN would be the class.
    if np.isnan(logits.max(initial=-np.inf)):
        raise ValueError(
            "`model` must return logits that are numbers. Received: NaN, as "
            "of weights that are NaN, or of float16 that overflows"
        )
    if logits.shape[1:3] == tuple(size):
        return logits
    return np.stack([_resize(one, size, antialias=False) for one in logits])


def softmax(logits):
    """Probabilities of the classes.

    Args:
        logits: Float array `(..., num_classes)`.

    Returns:
        Float array like it, which sums to 1 along the last axis.
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def channels_of(model):
    """The channels of the images that a model takes.

    Args:
        model: `keras.Model` from pixels to logits.

    Returns:
        Integer; 3 of a model that takes any.

    Raises:
        ValueError: If there are not 1 to 16 of them, or the model has several
            inputs.
    """
    shape = input_shape(model)
    if len(shape) != 4:
        raise ValueError(
            "`model` must take images (batch, height, width, channels). "
            f"Received: a model with input_shape={shape}"
        )
    check_channels_last("model", shape)
    if shape[-1] is None:
        return RGB
    return check_channel_count("channels of the model", shape[-1])


def read_pixels(image, channels=RGB):
    """Checked float32 pixels of an image given as a path or an array.

    Args:
        image: Path of an image file, or array `(height, width, channels)`
            with values in 0..255. Height and width 32 or more.
        channels: Integer. Channels of the image. Defaults to 3, RGB.

    Returns:
        Float32 array `(height, width, channels)`.

    Raises:
        ValueError: If `image` has another shape, dtype or range (see
            `kerasseg.data.pixels`), is smaller than 32 pixels on a side, or
            cannot be read.
    """
    return checked_pixels(image, channels).astype("float32")


def checked_pixels(image, channels=RGB):
    """Pixels of an image given as a path or an array, in their own dtype.

    Args:
        image: Path of an image file, or array `(height, width, channels)`
            with values in 0..255. Height and width 32 or more.
        channels: Integer. Channels of the image. Defaults to 3, RGB.

    Returns:
        Array `(height, width, channels)` of integers or floats.

    Raises:
        ValueError: If `image` has another shape, dtype or range (see
            `kerasseg.data.pixels`), is smaller than 32 pixels on a side, or
            cannot be read.
    """
    source = ""
    if isinstance(image, str) or hasattr(image, "__fspath__"):
        from kerasseg.data.image import read_image

        source = f" of {image}"
        image = read_image(image, channels)
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[-1] != channels:
        kind = {1: "a gray", RGB: "an RGB"}.get(channels, "an")
        raise ValueError(
            f"`image` must be {kind} array `(height, width, {channels})`, as "
            "the model takes it, or a path. "
            f"Received: image.shape={pixels.shape}{source}"
        )
    check_pixels(pixels, source=source)
    if min(pixels.shape[:2]) < MINIMUM_SIZE:
        raise ValueError(
            f"`image` must be at least {MINIMUM_SIZE} pixels high and wide. "
            f"Received: image.shape={pixels.shape}{source}"
        )
    return pixels


def _input_size(model, size):
    """The size the model wants for an image of `size` (height, width)."""
    fixed = input_shape(model)[1:3]
    return tuple(f or s for f, s in zip(fixed, size, strict=True))


def _resize(array, size, antialias):
    """`array` `(height, width, channels)` resized (bilinear) to `size`."""
    if array.shape[:2] == tuple(size):
        return array
    resized = keras.ops.image.resize(
        array[np.newaxis],
        tuple(size),
        interpolation="bilinear",
        antialias=antialias,
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(resized)[0]
