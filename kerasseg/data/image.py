"""Reading one image, or one mask of class ids, from a file."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps

# Pillow widens gray PNGs of 2 and 4 bits to the full range; ids must not be.
_PNG_GRAY_FACTOR = {2: 85, 4: 17}
_PNG_BIT_DEPTH = 24
_ORIENTATION = 0x0112
_TURNS = range(1, 9)
UPRIGHT = 1
# From this EXIF orientation on, height and width change places.
SIDEWAYS = 5


class ImageReadError(ValueError):
    """An image or mask that cannot be used, with the file and the cause."""


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Image from a file, as every model takes it.

    Gray and palette images become RGB. Sixteen bits per channel become
    eight by dropping the low byte. An alpha channel is dropped as it is: the
    colors below transparent pixels show. The EXIF orientation is applied.

    Args:
        path: A file in any format that Pillow reads.

    Returns:
        `uint8` array of shape `(height, width, 3)`, RGB, 0 to 255.

    Raises:
        ImageReadError: If the file is missing, truncated or no image; the
            message names the file and the cause.
    """
    return read_turned_image(path)[0]


def read_turned_image(
    path: str | os.PathLike, upright: bool = True
) -> tuple[np.ndarray, int]:
    """Image from a file, and how EXIF says that it is to be turned.

    Args:
        path: A file in any format that Pillow reads.
        upright: Whether to apply the EXIF orientation. Defaults to `True`.

    Returns:
        An array as of `read_image`, and the orientation that the file names,
        1 to 8, where 1 is upright and 5 and above swap height and width.

    Raises:
        ImageReadError: As `read_image`.
    """
    image, _, orientation = _decode(path, upright)
    return _pixels(image, path), orientation


def _pixels(image, path):
    if image.mode.startswith("I"):
        return _from_deep_gray(_array(image, path), path)
    if image.mode == "F":
        raise ImageReadError(
            f"Cannot use {path}: it holds floating point values, whose range "
            "is not known. Save it with 8 or 16 bits per channel."
        )
    # What Pillow would warn of, since it is dropped.
    image.info.pop("transparency", None)
    return _array(image, path, "RGB")


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """Mask of class ids from a file.

    Gray files hold the ids as values, palette files as indices; 1, 2, 4, 8
    and 16 bits per pixel are read. Colors are not translated to ids.

    Args:
        path: A lossless file with one channel, as a rule PNG.

    Returns:
        `uint8` array of shape `(height, width)`, or `int32` where the file
        has more than 8 bits.

    Raises:
        ImageReadError: If the file is missing, truncated, lossy, or holds
            colors instead of ids.
    """
    return read_turned_mask(path)[0]


def read_turned_mask(
    path: str | os.PathLike, upright: bool = True
) -> tuple[np.ndarray, int]:
    """Mask from a file, and how EXIF says that it is to be turned.

    Args:
        path: A lossless file with one channel, as a rule PNG.
        upright: Whether to apply the EXIF orientation. Defaults to `True`.

    Returns:
        An array as of `read_mask`, and the orientation that the file names,
        as of `read_turned_image`.

    Raises:
        ImageReadError: As `read_mask`.
    """
    image, data, orientation = _decode(path, upright)
    return _ids(image, data, path), orientation


def _ids(image, data, path):
    if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
        raise ImageReadError(
            f"Cannot use {path} as a mask: it holds colors (mode "
            f"{image.mode}), not class ids. A mask has one channel, and each "
            "value is a class id."
        )
    if data[:2] == b"\xff\xd8":
        raise ImageReadError(
            f"Cannot use {path} as a mask: JPEG is lossy and changes class "
            "ids. Save masks as PNG."
        )
    ids = _array(image, path)
    if image.mode.startswith("I"):
        return ids.astype("int32")
    if image.mode == "L" and data[:4] == b"\x89PNG":
        ids = ids // _PNG_GRAY_FACTOR.get(data[_PNG_BIT_DEPTH], 1)
    return ids.astype("uint8")


def _decode(path, upright):
    """Decoded Pillow image, the bytes of its file, and its orientation."""
    try:
        data = Path(path).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            orientation = image.getexif().get(_ORIENTATION, UPRIGHT)
            if orientation not in _TURNS:
                orientation = UPRIGHT
            if upright:
                return ImageOps.exif_transpose(image), data, orientation
            return image.copy(), data, orientation
    # Decoders raise exceptions of many kinds on damaged files.
    except Exception as error:
        raise _unreadable(path, error) from error


def _array(image, path, mode=None):
    """The pixels of a decoded image, in another mode if one is given."""
    try:
        return np.array(image.convert(mode) if mode else image)
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path, error):
    if isinstance(error, FileNotFoundError):
        cause = "there is no such file"
    elif isinstance(error, Image.UnidentifiedImageError):
        cause = "it is not an image in a known format, or its start is damaged"
    else:
        cause = getattr(error, "strerror", None) or str(error) or repr(error)
    return ImageReadError(f"Cannot read {path}: {' '.join(cause.split())}.")


def _from_deep_gray(values, path):
    values = values.astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise ImageReadError(
            f"Cannot use {path}: its values run from {values.min()} to "
            f"{values.max()}, beyond 16 bits. Save it with 8 or 16 bits."
        )
    gray = (values >> 8).astype("uint8")
    return np.repeat(gray[..., None], 3, axis=-1)


def resize_planes(
    array: np.ndarray,
    size: tuple[int, int],
    resampling: int = Image.Resampling.BILINEAR,
) -> np.ndarray:
    """Resizes each channel as numbers, at half-pixel centers.

    Args:
        array: Array `(height, width, channels)`.
        size: New `(height, width)`.
        resampling: One of `PIL.Image.Resampling`; shrinking is antialiased.
            Defaults to the bilinear one.

    Returns:
        `float32` array of the new size.
    """
    array = array.astype("float32", copy=False)
    if array.shape[:2] == tuple(size):
        return array
    planes = [
        Image.fromarray(np.ascontiguousarray(plane)).resize(
            (size[1], size[0]), resampling
        )
        for plane in np.moveaxis(array, -1, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)
