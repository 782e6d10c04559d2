"""The channels of images: how many, and what belongs to each of them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasseg.arguments import as_integer

MOST_CHANNELS = 16
RGB = 3


def check_channel_count(name: str, value: Any) -> int:
    """A number of channels of images.

    Args:
        name: Name of the argument, for the message.
        value: Its value.

    Returns:
        The value as a Python integer.

    Raises:
        ValueError: If it is no integer from 1 to 16.
    """
    count = as_integer(value)
    if count is None or not 1 <= count <= MOST_CHANNELS:
        raise ValueError(
            f"`{name}` must be an integer from 1 to {MOST_CHANNELS}. "
            f"Received: {name}={value!r}"
        )
    return count


def check_channels_last(name: str, shape: Sequence[int | None]) -> None:
    """Refuses a model whose images have their channels first.

    No image is so low that its height could be a number of channels.

    Args:
        name: Name of the argument, for the message.
        shape: Shape of the input of the model.

    Raises:
        ValueError: If the second axis is that of the channels.
    """
    if len(shape) == 4 and shape[1] is not None and shape[1] <= MOST_CHANNELS:
        raise ValueError(
            f"`{name}` must take images (height, width, channels), channels "
            f"last. Received: a model with input_shape={tuple(shape)}, "
            "channels first; build it after "
            "keras.config.set_image_data_format('channels_last')"
        )


def check_image_shape(image_shape: Any) -> tuple[int | None, int | None, int]:
    """The shape of the images that a model takes.

    Args:
        image_shape: `(height, width, channels)`; sizes may be `None`.

    Returns:
        The shape as a tuple of Python integers and `None`.

    Raises:
        ValueError: If it is something else, or has no 1 to 16 channels.
    """
    given = image_shape if isinstance(image_shape, list | tuple) else ()
    if len(given) != 3 or not all(map(_is_size, given[:2])):
        raise ValueError(
            "`image_shape` must be (height, width, channels), sizes being "
            f"integers of 1 or more, or None. Received: {image_shape=}"
        )
    count = as_integer(given[2])
    if count is None or not 1 <= count <= MOST_CHANNELS:
        raise ValueError(
            f"`image_shape` must have 1 to {MOST_CHANNELS} channels, an "
            f"integer. Received: {image_shape=}"
        )
    return (*(None if n is None else as_integer(n) for n in given[:2]), count)


def per_channel(values: Sequence[float], channels: int) -> list[float]:
    """What is known of red, green and blue, for another number of channels.

    As in timm and segmentation_models.pytorch: for one channel the mean, for
    others red, green and blue in turn.

    Args:
        values: Three numbers.
        channels: Number of channels.

    Returns:
        A number for each channel.
    """
    if channels == 1:
        return [sum(values) / len(values)]
    return [values[index % len(values)] for index in range(channels)]


def first_kernel(kernel: np.ndarray, channels: int) -> np.ndarray:
    """A kernel that reads RGB, made to read another number of channels.

    As in timm and segmentation_models.pytorch: for one channel the kernels
    of red, green and blue are summed, so that a gray image gives what it
    gives as RGB. For others they are repeated in turn and multiplied by
    `3 / channels`, so that responses keep their size.

    Args:
        kernel: Array `(height, width, 3, filters)`.
        channels: Number of channels.

    Returns:
        Array `(height, width, channels, filters)`.
    """
    if channels == RGB:
        return kernel
    if channels == 1:
        return kernel.sum(axis=-2, keepdims=True)
    repeated = np.tile(kernel, (1, 1, math.ceil(channels / RGB), 1))
    return repeated[..., :channels, :] * np.asarray(
        RGB / channels, kernel.dtype
    )


def channel_names(channels: int) -> str | list[str]:
    """What the channels of images are where nobody says it.

    Args:
        channels: Number of channels.

    Returns:
        `"RGB"` of three, else a name for each channel.
    """
    if channels == RGB:
        return "RGB"
    if channels == 1:
        return ["gray"]
    return [f"band {number}" for number in range(1, channels + 1)]


def reads_other_channels(
    stored: Sequence[int], wanted: Sequence[int], channels: int
) -> bool:
    """Whether two kernels differ in the images that they read, and else not.

    Args:
        stored: Shape of a kernel that may read RGB.
        wanted: Shape of one that may read `channels` channels.
        channels: Number of channels.

    Returns:
        The answer.
    """
    return (
        len(stored) == len(wanted) == 4
        and (stored[-2], wanted[-2]) == (RGB, channels) != (RGB, RGB)
        and (*stored[:2], stored[3]) == (*wanted[:2], wanted[3])
    )


def count_of(model: Any) -> int | None:
    """The number of channels of the images that a model takes.

    Args:
        model: `keras.Model` with one image input, channels last.

    Returns:
        The number, or `None` where the model takes any.
    """
    shape = getattr(model, "input_shape", None)
    return shape[-1] if isinstance(shape, tuple) and shape else None


def _is_size(value):
    whole = as_integer(value)
    return value is None or (whole is not None and whole > 0)
