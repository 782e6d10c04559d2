"""Masks as image files."""

import os

import numpy as np
from PIL import Image

from kerasseg.files import atomic_file


def write_mask(path: str | os.PathLike, mask, palette) -> None:
    """Writes class ids as a PNG file with the classes' colors.

    Args:
        path: The file.
        mask: Integer array `(height, width)` of class ids.
        palette: One `(red, green, blue)` for each class. With more than 256
            classes the file has 16 bits per pixel and no palette.
    """
    if len(palette) > 256:
        image = Image.fromarray(np.asarray(mask, dtype="uint16"))
    else:
        image = Image.fromarray(np.asarray(mask, dtype="uint8"))
        image.putpalette([value for color in palette for value in color])
    with atomic_file(path) as part:
        image.save(part)
