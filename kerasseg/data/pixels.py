"""The range of pixels that every model takes: 0 to 255.

Models rescale pixels themselves. An image that was rescaled before gives a
mask of the right shape and of no worth, so each entrance asks here.
"""

import numpy as np


def check_pixels(
    image: np.ndarray, what: str = "`image`", source: str = ""
) -> None:
    """Refuses an image that is not made of pixels from 0 to 255.

    Args:
        image: Array of any shape.
        what: What holds the pixels, for the message. Defaults to
            `"`image`"`.
        source: What else the message says at its end. Defaults to `""`.

    Raises:
        ValueError: If the values are no numbers, not finite, below 0 or
            above 255, or if they are floats from 0 to 1 of an image that is
            not of one color.
    """
    if image.dtype == np.uint8 or not image.size:
        return
    must = f"{what} must hold numbers in 0..255, which a model rescales itself"
    if image.dtype.kind not in "uif":
        raise ValueError(f"{must}. Received: dtype={image.dtype}{source}")
    if not np.isfinite(image).all():
        raise ValueError(
            f"{must}. Received: pixels that are NaN or infinite{source}"
        )
    low, high = image.min(), image.max()
    if low < 0 or high > 255:
        raise ValueError(
            f"{must}. Received: values from {low:g} to {high:g}{source}"
        )
    if image.dtype.kind == "f" and low < high <= 1:
        raise ValueError(
            f"{must}. Received: values from {low:g} to {high:g}{source}, as "
            "of pixels divided by 255"
        )
