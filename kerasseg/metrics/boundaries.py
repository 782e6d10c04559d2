"""Boundary pixels of label maps, and exact disks around them.

All maps here are `(height, width)` arrays of class ids in which void, what
is never scored, has the id `num_classes`.
"""

import math

import numpy as np


def boundary_pixels(ids, num_classes):
    """Pixels that touch another class.

    A pixel is on a boundary if one of its four neighbors has another class.
    A void pixel never is, and next to void or the image border alone no pixel
    is: where the class ends there is not known.

    Args:
        ids: Class ids, void as `num_classes`.
        num_classes: Number of classes.

    Returns:
        A boolean array of the shape of `ids`.
    """
    edges = np.zeros(ids.shape, bool)
    scored = ids < num_classes
    for one, other in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ):
        differ = (ids[one] != ids[other]) & scored[one] & scored[other]
        edges[one] |= differ
        edges[other] |= differ
    return edges


def class_bits(ids, num_classes):
    """One bit for each class, so that a disk sees all classes at once.

    Args:
        ids: Class ids, void as `num_classes`.
        num_classes: Number of classes.

    Yields:
        Arrays of unsigned integers in the shape of `ids`, one for every 64
        classes: `1 << class` within the group, and 0 for all others and void.
    """
    for first in range(0, num_classes, 64):
        size = min(64, num_classes - first)
        width = next(bits for bits in (8, 16, 32, 64) if size <= bits)
        table = np.zeros(num_classes + 1, f"uint{width}")
        table[first : first + size] = np.uint64(1) << np.arange(
            size, dtype="uint64"
        )
        yield table[ids]


def dilate(bits, radius):
    """The bits of all pixels within a distance.

    Exact: the bits of a pixel are combined by "or" over the disk
    `dy**2 + dx**2 <= radius**2` around it. The disk is a stack of rows; rows
    of equal length share their horizontal part, which takes about
    `4 * radius` passes over the image instead of the area of the disk.

    Args:
        bits: Array of shape `(height, width)`, boolean or unsigned integers.
        radius: Number, 0 or more.

    Returns:
        An array like `bits`.
    """
    height, width = bits.shape
    squared = int(radius * radius)
    longest = min(math.isqrt(squared), width - 1)
    grown = np.zeros_like(bits)
    row = bits.copy()
    for reach in range(longest + 1):
        if reach:
            row[:, reach:] |= bits[:, :-reach]
            row[:, :-reach] |= bits[:, reach:]
        nearest = 0
        if reach < longest:
            nearest = math.isqrt(squared - (reach + 1) ** 2) + 1
        farthest = min(math.isqrt(squared - reach**2), height - 1)
        for offset in range(nearest, farthest + 1):
            grown[offset:] |= row[: height - offset]
            grown[: height - offset] |= row[offset:]
    return grown
