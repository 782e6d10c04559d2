"""Reading one image, or one mask of class ids, from a file."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps

from kerasseg.channels import RGB
from kerasseg.channels import check_channel_count
from kerasseg.data.bands import BITS_PER_SAMPLE
from kerasseg.data.bands import COMPRESSION
from kerasseg.data.bands import PHOTOMETRIC
from kerasseg.data.bands import WHITE_IS_ZERO
from kerasseg.data.bands import ImageReadError
from kerasseg.data.bands import fitted
from kerasseg.data.bands import read_bands
from kerasseg.data.bands import tiff_tags
from kerasseg.data.bands import unreadable

# Pillow widens gray values of 2 and 4 bits to the full range; ids must not be.
_GRAY_FACTOR = {2: 85, 4: 17}
_PNG_START = b"\x89PNG"
_PNG_BIT_DEPTH = 24
_JPEG_START = b"\xff\xd8"
# The old and the new kind of JPEG within TIFF.
_TIFF_JPEG = (6, 7)
# Modes of Pillow whose bands are taken as they are; all others become RGB.
_MODES = {
    "1": "L",
    **{mode: mode for mode in ("L", "LA", "RGB", "RGBA", "RGBX")},
}
_WITHOUT_ALPHA = {"LA": "L", "RGBA": "RGB"}
_ORIENTATION = 0x0112
_TURNS = range(1, 9)
UPRIGHT = 1
# From this EXIF orientation on, height and width change places.
SIDEWAYS = 5


def read_image(path: str | os.PathLike, channels: int = RGB) -> np.ndarray:
    """Image from a file, as every model takes it.

    For RGB, gray and palette images become RGB, and an alpha channel is
    dropped as it is: the colors below transparent pixels show. For one
    channel, an image in color is refused, unless its three channels are all
    the same. For any other number, the file must have just as many bands,
    alpha being one of them. Sixteen bits per channel become eight by dropping
    the low byte. The EXIF orientation is applied.

    Args:
        path: A file in any format that Pillow reads; an array `(height,
            width, bands)` of 8 or 16 bits that NumPy saved (`.npy`); or a
            TIFF file of more bands, for which rasterio must be installed.
        channels: Integer from 1 to 16. Channels of the image. Defaults to 3.

    Returns:
        `uint8` array of shape `(height, width, channels)`, 0 to 255; RGB if
        there are three.

    Raises:
        ImageReadError: If the file is missing, truncated, no image, or has
            other bands; the message names the file and the cause.
    """
    return read_turned_image(path, channels=channels)[0]


def read_turned_image(
    path: str | os.PathLike, upright: bool = True, channels: int = RGB
) -> tuple[np.ndarray, int]:
    """Image from a file, and how EXIF says that it is to be turned.

    Args:
        path: A file as of `read_image`.
        upright: Whether to apply the EXIF orientation. Defaults to `True`.
        channels: Channels of the image. Defaults to 3.

    Returns:
        An array as of `read_image`, and the orientation that the file names,
        1 to 8, where 1 is upright and 5 and above swap height and width.

    Raises:
        ImageReadError: As `read_image`.
    """
    channels = check_channel_count("channels", channels)
    bands = read_bands(path)
    if bands is not None:
        return fitted(bands, channels, path), UPRIGHT
    image, _, orientation = _decode(path, upright)
    return fitted(_bands(image, path, channels), channels, path), orientation


def _bands(image, path, channels):
    """The bands of a decoded image, `(height, width, bands)`."""
    if image.mode.startswith("I"):
        return _from_deep_gray(_array(image, path), path)
    if image.mode == "F":
        raise ImageReadError(
            f"Cannot use {path}: it holds floating point values, whose range "
            "is not known. Save it with 8 or 16 bits per channel."
        )
    # What Pillow would warn of, since it is dropped.
    image.info.pop("transparency", None)
    mode = _MODES.get(image.mode, "RGB")
    if channels == RGB and mode not in ("L", "RGBX"):
        mode = "RGB"
    if channels == 1 and mode in _WITHOUT_ALPHA:
        mode = _WITHOUT_ALPHA[mode]
    pixels = _array(image, path, mode)
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


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
        ImageReadError: If the file is missing, truncated, lossy, holds
            colors instead of ids, or is a TIFF file in which white is 0.
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


def orientation_of(path: str | os.PathLike) -> int:
    """How EXIF says that a file is to be turned, without reading its pixels.

    Args:
        path: A file. One that Pillow does not read says nothing.

    Returns:
        The orientation, as of `read_turned_image`.
    """
    try:
        with Image.open(path) as image:
            return _orientation(image)
    # What is wrong with the file, its reader will say.
    except Exception:
        return UPRIGHT


def _orientation(image):
    orientation = image.getexif().get(_ORIENTATION, UPRIGHT)
    return orientation if orientation in _TURNS else UPRIGHT


def _ids(image, data, path):
    if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
        raise ImageReadError(
            f"Cannot use {path} as a mask: it holds colors (mode "
            f"{image.mode}), not class ids. A mask has one channel, and each "
            "value is a class id."
        )
    tags = tiff_tags(io.BytesIO(data))
    if data.startswith(_JPEG_START) or tags.get(COMPRESSION) in _TIFF_JPEG:
        raise ImageReadError(
            f"Cannot use {path} as a mask: JPEG is lossy and changes class "
            "ids. Save masks as PNG."
        )
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        raise ImageReadError(
            f"Cannot use {path} as a mask: white is 0 in it, so that a class "
            "id may be the value or its inverse. Save it with black as 0."
        )
    ids = _array(image, path)
    if image.mode.startswith("I"):
        return ids.astype("int32")
    if image.mode == "L":
        ids = ids // _GRAY_FACTOR.get(_gray_bits(data, tags), 1)
    return ids.astype("uint8")


def _gray_bits(data, tags):
    if data.startswith(_PNG_START):
        return data[_PNG_BIT_DEPTH]
    return tags.get(BITS_PER_SAMPLE, (8,))[0]


def _decode(path, upright):
    """Decoded Pillow image, the bytes of its file, and its orientation."""
    try:
        data = Path(path).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            orientation = _orientation(image)
            if upright:
                return ImageOps.exif_transpose(image), data, orientation
            return image.copy(), data, orientation
    # Decoders raise exceptions of many kinds on damaged files.
    except Exception as error:
        raise unreadable(path, error) from error


def _array(image, path, mode=None):
    """The pixels of a decoded image, in another mode if one is given."""
    try:
        return np.array(image.convert(mode) if mode else image)
    except Exception as error:
        raise unreadable(path, error) from error


def _from_deep_gray(values, path):
    values = values.astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise ImageReadError(
            f"Cannot use {path}: its values run from {values.min()} to "
            f"{values.max()}, beyond 16 bits. Save it with 8 or 16 bits."
        )
    return (values >> 8).astype("uint8")[..., np.newaxis]


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
