"""Masks in which a color stands for a class."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerasseg.data.image import ImageReadError
from kerasseg.data.image import read_turned_image
from kerasseg.labels import Color


def read_color_mask(
    path: str | Path, colors: Mapping[Color, int], upright: bool = True
) -> np.ndarray:
    """Mask of class ids from an image in which colors stand for classes.

    Args:
        path: A lossless file: RGB, palette or gray.
        colors: The id of each color `(red, green, blue)`.
        upright: Whether to apply the EXIF orientation. Defaults to `True`.

    Returns:
        `int32` array of shape `(height, width)`.

    Raises:
        ImageReadError: If the file cannot be read, is lossy, or has a color
            without an id; the message names the most frequent of them.
    """
    if Path(path).suffix.lower() in (".jpg", ".jpeg"):
        raise ImageReadError(
            f"Cannot use {path} as a mask: JPEG is lossy and changes colors. "
            "Save masks as PNG."
        )
    packed = _packed(read_turned_image(path, upright)[0])
    known = _packed(np.array(list(colors), "uint8").reshape(-1, 3))
    order = np.argsort(known)
    ids = np.array(list(colors.values()), "int32")[order]
    place = np.searchsorted(known[order], packed).clip(max=len(ids) - 1)
    strange = known[order][place] != packed
    if strange.any():
        raise ImageReadError(_unknown(path, packed[strange], colors))
    return ids[place]


def color_reader(colors: Mapping[Color, int]):
    """A reader of the masks of pairs, by color.

    Args:
        colors: The id of each color `(red, green, blue)`.

    Returns:
        A function from a `Pair` to the ids, as `Pair.read_mask` takes it.
    """
    colors = {tuple(int(v) for v in c): int(i) for c, i in colors.items()}
    if not colors or any(
        len(c) != 3 or not all(0 <= v <= 255 for v in c) for c in colors
    ):
        raise ValueError(
            "`colors` must map colors of three values from 0 to 255 to ids. "
            f"Received: colors={colors!r}"
        )
    return lambda pair: read_color_mask(
        pair.mask_path, colors, pair.orientation != "stored"
    )


def _packed(pixels):
    red, green, blue = np.moveaxis(pixels.astype("int32"), -1, 0)
    return red << 16 | green << 8 | blue


def _unknown(path, packed, colors):
    values, counts = np.unique(packed, return_counts=True)
    most = values[np.argsort(-counts)][:5]
    shown = ", ".join(
        str((v >> 16, v >> 8 & 255, v & 255)) for v in most.tolist()
    )
    return (
        f"Cannot use {path} as a mask: {len(values)} of its colors have no "
        f"id: {shown}{', ...' if len(values) > 5 else ''}. "
        f"{len(colors)} colors have one."
    )
