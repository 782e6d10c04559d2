"""Checks of what an augmentation of the user's own has made of a sample."""

from collections.abc import Collection
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasseg.channels import RGB
from kerasseg.ids import check_ids


def known_ids(dataset: Sequence) -> tuple[int, Collection[int]] | None:
    """Which ids the masks of a dataset may hold.

    Args:
        dataset: Sequence of samples.

    Returns:
        The number of classes and the ignored ids, of its labels or of its
        own; `None` where it says neither.
    """
    for source in (dataset, getattr(dataset, "labels", None)):
        if hasattr(source, "num_classes") and hasattr(source, "ignore_classes"):
            return source.num_classes, source.ignore_classes
    return None


def check_augmented(
    result: Any,
    index: int,
    known: tuple[int, Collection[int]] | None,
    size: tuple[int, int] | None,
    channels: int = RGB,
) -> tuple[np.ndarray, np.ndarray]:
    """Refuses what no model can be trained with.

    Args:
        result: What the augmentation returned.
        index: Index of the sample, for messages.
        known: The number of classes and the ignored ids, or `None`: any ids.
        size: `(height, width)` that the augmentation says, or `None`: any.
        channels: Channels of the images. Defaults to 3.

    Returns:
        The image and the mask.

    Raises:
        TypeError: If the image is not `uint8` or the mask holds no integers.
        ValueError: If it is no pair, the shapes do not fit, or the mask holds
            an unknown id.
    """
    what = f"The augmentation of sample {index}"
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise ValueError(
            f"{what} must return (image, mask). "
            f"Received: {type(result).__name__}"
        )
    image, mask = map(np.asarray, result)
    if image.dtype != np.uint8 or mask.dtype.kind not in "iu":
        raise TypeError(
            f"{what} must return an image of uint8, 0 to 255, and a mask of "
            f"integer class ids. Received: image.dtype={image.dtype}, "
            f"mask.dtype={mask.dtype}"
        )
    wanted = mask.shape if size is None else tuple(size)
    right = mask.ndim == 2 and mask.shape == wanted
    if not right or image.shape != (*wanted, channels):
        told = (
            "" if size is None else f", {tuple(size)} as its `crop_size` says"
        )
        raise ValueError(
            f"{what} must return an image (height, width, {channels}) and a "
            f"mask (height, width){told}. Received: image.shape={image.shape}, "
            f"mask.shape={mask.shape}"
        )
    if known is not None:
        check_ids(mask, *known, what=f"{what} returned a mask that")
    return image, mask
