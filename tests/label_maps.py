"""Random label maps with regions, and predictions that resemble them."""

import numpy as np


def label_map(rng, shape, num_classes, void=0.0, grain=4):
    """Blocky regions with ragged outlines; a share of blocks is void (255)."""
    height, width = shape
    size = (-(-height // grain), -(-width // grain))
    ids = rng.integers(0, num_classes, size)
    ids[rng.random(size) < void] = 255
    ids = ids.repeat(grain, axis=0).repeat(grain, axis=1)
    shift = rng.integers(0, grain, 2)
    ids = np.roll(ids, shift, axis=(0, 1))[:height, :width].astype("uint8")
    return scattered(rng, ids, num_classes, 0.05)


def scattered(rng, ids, num_classes, share):
    """The map with a share of the pixels replaced by random classes."""
    noise = rng.integers(0, num_classes, ids.shape, dtype="uint8")
    return np.where(rng.random(ids.shape) < share, noise, ids)


def prediction_of(rng, mask, num_classes):
    """A map without void: the mask moved by a pixel, with noise."""
    ids = np.roll(mask, rng.integers(-1, 2, 2), axis=(0, 1))
    ids = np.where(ids == 255, rng.integers(0, num_classes), ids)
    return scattered(rng, ids, num_classes, 0.03).astype("int32")


def distance_to(pixels):
    """Plain Euclidean distance to the nearest true pixel, inf without any."""
    from scipy.ndimage import distance_transform_edt

    if not pixels.any():
        return np.full(pixels.shape, np.inf)
    return distance_transform_edt(~pixels)


def touches(ids, void=255):
    """Pixels with a 4-neighbor of another class, one pixel at a time."""
    height, width = ids.shape
    found = np.zeros(ids.shape, bool)
    for i, j in np.ndindex(height, width):
        for k, n in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= k < height and 0 <= n < width:
                pair = {ids[i, j], ids[k, n]}
                found[i, j] |= len(pair) == 2 and void not in pair
    return found
