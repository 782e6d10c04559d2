"""Where tiles lie along one axis, and how neighbors share their overlap."""

import dataclasses
import itertools

import numpy as np


@dataclasses.dataclass(frozen=True)
class Tile:
    """The part of one axis that a tile sees, and the part that it fills.

    Args:
        start: First pixel that the tile sees.
        low: First pixel that it fills, from the image's start.
        high: One past the last pixel that it fills.
        lead: How many of its first pixels it shares with the tile before.
        trail: How many of its last pixels it shares with the tile after.
    """

    start: int
    low: int
    high: int
    lead: int
    trail: int


def cut(length: int, size: int, overlap: int, align: int = 1) -> list[Tile]:
    """Tiles of one size that cover an axis.

    The tiles are spread evenly, so that they overlap by `overlap` or more.
    Two neighbors share the middle quarter of their overlap, where they are
    blended; outside of it the tile fills a pixel whose edge is farther.

    Args:
        length: Pixels of the image along the axis.
        size: Pixels of a tile, a multiple of `align`, or of one tile that
            covers the image.
        overlap: Least number of pixels that two neighbors both see, a
            multiple of `align` of at most half of `size`.
        align: Each tile starts at a multiple of this: the stride of the
            model, so that its grid lies as in the whole image. Defaults to 1.

    Returns:
        The tiles in order. The last may see pixels beyond the image, up to
        the next multiple of `align`.
    """
    padded = -(-length // align) * align
    if padded <= size:
        return [Tile(0, 0, length, 0, 0)]
    count = -(-(padded - overlap) // (size - overlap))
    # In steps of the stride, of which no two differ by more than one.
    reach = (padded - size) // align
    starts = [index * reach // (count - 1) * align for index in range(count)]
    seams = [(a + b + size) // 2 for a, b in itertools.pairwise(starts)]
    shared = [(a + size - b) // 4 for a, b in itertools.pairwise(starts)]
    ends = [(seam - n // 2, n) for seam, n in zip(seams, shared, strict=True)]
    tiles = []
    for index, start in enumerate(starts):
        low, lead = ends[index - 1] if index else (0, 0)
        seam, trail = ends[index] if index < count - 1 else (length, 0)
        tiles.append(Tile(start, low, seam + trail, lead, trail))
    return tiles


def ramp(length: int) -> np.ndarray:
    """Weights of the second of two tiles over the pixels that they share.

    Args:
        length: Number of the pixels.

    Returns:
        Float32 array: `sin^2`, from near 0 to near 1; with the weights of the
        first tile, which are its mirror image, they sum to 1.
    """
    angles = (np.arange(length) + 0.5) * (np.pi / 2 / max(length, 1))
    return np.square(np.sin(angles)).astype("float32")
