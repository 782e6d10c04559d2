"""Rectangles that are cut out of samples."""

import math
from collections.abc import Sequence

import numpy as np


def drop(
    image: np.ndarray,
    mask: np.ndarray,
    count: int,
    sides: tuple[float, float],
    fill: int | Sequence[int],
    void: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Covers rectangles of a sample.

    Args:
        image: `uint8` array `(height, width, channels)`.
        mask: Integer array `(height, width)`.
        count: Number of rectangles.
        sides: Smallest and largest side, as parts of the sample's.
        fill: Gray value of the rectangles, or one for each channel.
        void: Their id in the mask.
        rng: Source of their sides and places.

    Returns:
        A new image and mask.
    """
    image, mask = image.copy(), mask.copy()
    for _ in range(count):
        box = _inside(mask.shape, rng.uniform(*sides, size=2), rng)
        image[box], mask[box] = fill, void
    return image, mask


def cut_mix(
    image: np.ndarray,
    mask: np.ndarray,
    other_image: np.ndarray,
    other_mask: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Puts a rectangle of another sample in its place.

    Its area is drawn evenly between none and all, its center anywhere; what
    lies beyond the edges is cut off. Pixels and ids are of one sample or of
    the other.

    Args:
        image: `uint8` array `(height, width, channels)`.
        mask: Integer array `(height, width)`.
        other_image: Image of the same size.
        other_mask: Its mask.
        rng: Source of the rectangle.

    Returns:
        A new image and mask; the mask has a type that holds the ids of both.

    Reference:
        Yun et al., "CutMix", ICCV 2019, https://arxiv.org/abs/1905.04899
        (section 3.1, lambda uniform); for segmentation: French et al., "Semi-
        supervised semantic segmentation needs strong, varied perturbations",
        BMVC 2020, https://arxiv.org/abs/1906.01916.
    """
    part = math.sqrt(rng.random())
    box = _about(mask.shape, part, rng)
    # An id of the other may be too large for the type of this mask.
    kind = np.result_type(mask, other_mask)
    image, mask = image.copy(), mask.astype(kind)
    image[box], mask[box] = other_image[box], other_mask[box]
    return image, mask


def _inside(shape, parts, rng):
    """A rectangle of some parts of the sides, anywhere in the whole."""
    box = []
    for length, part in zip(shape, parts, strict=True):
        side = min(max(1, round(length * part)), length)
        start = int(rng.integers(length - side + 1))
        box.append(slice(start, start + side))
    return tuple(box)


def _about(shape, part, rng):
    """A rectangle of a part of both sides, about a center anywhere."""
    box = []
    for length in shape:
        side = round(length * part)
        start = int(rng.integers(length)) - side // 2
        box.append(slice(max(start, 0), min(start + side, length)))
    return tuple(box)
