"""Reading one picture, or one mask of class ids, from a file."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps

# Pillow widens grey PNGs of 2 and 4 bits to the full range; ids must not be.
_PNG_GREY_FACTOR = {2: 85, 4: 17}
_PNG_BIT_DEPTH = 24
_BROKEN = (
    OSError,
    SyntaxError,
    EOFError,
    ValueError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class ImageReadError(ValueError):
    """A picture or mask that cannot be used, with the file and the cause."""


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Picture from a file, as every model takes it.

    Grey and palette pictures become RGB. Sixteen bits per channel become
    eight by dropping the low byte. An alpha channel is dropped as it is: the
    colours below transparent pixels show. The EXIF orientation is applied.

    Args:
        path: a file in any format that Pillow reads.

    Returns:
        `uint8` array of shape `(height, width, 3)`, RGB, 0 to 255.

    Raises:
        ImageReadError: if the file is missing, truncated or no picture; the
            message names the file and the cause.
    """
    image, _ = _decode(path)
    if image.mode.startswith("I"):
        return _from_deep_grey(np.asarray(image), path)
    if image.mode == "F":
        raise ImageReadError(
            f"Cannot use {path}: it holds floating point values, whose range "
            "is not known. Save it with 8 or 16 bits per channel."
        )
    try:
        return np.array(image.convert("RGB"))
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """Mask of class ids from a file.

    Grey files hold the ids as values, palette files as indices; 1, 2, 4, 8
    and 16 bits per pixel are read. Colours are not translated to ids.

    Args:
        path: a lossless file with one channel, as a rule PNG.

    Returns:
        `uint8` array of shape `(height, width)`, or `int32` where the file
        has more than 8 bits.

    Raises:
        ImageReadError: if the file is missing, truncated, lossy, or holds
            colours instead of ids.
    """
    image, data = _decode(path)
    if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
        raise ImageReadError(
            f"Cannot use {path} as a mask: it holds colours (mode "
            f"{image.mode}), not class ids. A mask has one channel, and each "
            "value is a class id."
        )
    if data[:2] == b"\xff\xd8":
        raise ImageReadError(
            f"Cannot use {path} as a mask: JPEG is lossy and changes class "
            "ids. Save masks as PNG."
        )
    ids = np.asarray(image)
    if image.mode.startswith("I"):
        return ids.astype("int32")
    if image.mode == "L" and data[:4] == b"\x89PNG":
        ids = ids // _PNG_GREY_FACTOR.get(data[_PNG_BIT_DEPTH], 1)
    return ids.astype("uint8")


def _decode(path):
    """Decoded, upright Pillow image, and the bytes of its file."""
    try:
        data = Path(path).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return ImageOps.exif_transpose(image), data
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def _unreadable(path, error):
    if isinstance(error, FileNotFoundError):
        cause = "there is no such file"
    elif isinstance(error, Image.UnidentifiedImageError):
        cause = "it is not a picture in a known format, or its start is damaged"
    else:
        cause = getattr(error, "strerror", None) or str(error) or repr(error)
    return ImageReadError(f"Cannot read {path}: {cause}.")


def _from_deep_grey(values, path):
    values = values.astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise ImageReadError(
            f"Cannot use {path}: its values run from {values.min()} to "
            f"{values.max()}, beyond 16 bits. Save it with 8 or 16 bits."
        )
    grey = (values >> 8).astype("uint8")
    return np.repeat(grey[..., None], 3, axis=-1)
