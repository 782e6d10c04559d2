"""Images with other channels than red, green and blue: files, and views."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL import TiffImagePlugin

from kerasseg.arguments import check_integers
from kerasseg.channels import RGB

ARRAY_SUFFIX = ".npy"
# Values of 12 bits or fewer, kept in 16, are nearly black as 8 bits.
FEW_BITS = 12
# GDAL's own cache of blocks would take a twentieth of the machine.
_CACHE_MEGABYTES = 64
_BIG_TIFF_STARTS = (b"II+\0", b"MM\0+")
_TIFF_STARTS = (b"II*\0", b"MM\0*", *_BIG_TIFF_STARTS)
BITS_PER_SAMPLE = 258
COMPRESSION = 259
PHOTOMETRIC = 262
WHITE_IS_ZERO = 0
_ORIENTATION = 274
_SAMPLES_PER_PIXEL = 277
_PLANAR = 284
_LAB = (8, 9, 10)
_WEBP = 50001
_WHOLE_BYTES = (8, 16, 32, 64)


class ImageReadError(ValueError):
    """An image or mask that cannot be used, with the file and the cause."""


def read_bands(path: str | os.PathLike) -> np.ndarray | None:
    """The bands of a file that Pillow does not know whole.

    These are arrays of NumPy (`.npy`), and TIFF files of five bands and more,
    whose bands have no colors, or with 16 bits in a form that Pillow misreads.
    TIFF files are read with rasterio.

    Args:
        path: The file.

    Returns:
        `uint8` array `(height, width, bands)`, sixteen bits becoming eight by
        dropping the low byte; `None` for any other file.

    Raises:
        ImageReadError: If the file is damaged, or its values have another
            type than 8 or 16 bits.
    """
    opened = _opened(path)
    if opened is None:
        return None
    with opened as bands:
        return eight_bits(bands(), path)


def band_count(path: str | os.PathLike) -> tuple[int, int, int] | None:
    """The shape of what `read_bands` returns, without reading it.

    Args:
        path: The file.

    Returns:
        `(height, width, bands)`, or `None` as of `read_bands`.

    Raises:
        ImageReadError: As `read_bands`.
    """
    opened = _opened(path)
    if opened is None:
        return None
    with opened as bands:
        return bands.shape


def used_bits(path: str | os.PathLike) -> int:
    """How many bits the values of a file of 16 bits use.

    Args:
        path: A file that `kerasseg.data.read_image` reads.

    Returns:
        The number, up to 16; 0 for a file of 8 bits, and for one of colors
        that Pillow reads, which gives 8 bits of them.

    Raises:
        ImageReadError: As `read_bands`.
    """
    opened = _opened(path)
    if opened is not None:
        with opened as bands:
            values = bands()
    else:
        with Image.open(path) as image:
            if not image.mode.startswith("I"):
                return 0
            values = np.asarray(image)
    if values.dtype.itemsize == 1:
        return 0
    return int(values.max(initial=0)).bit_length()


def eight_bits(values: np.ndarray, source: Any) -> np.ndarray:
    """Values of 8 or 16 bits as 8 bits.

    Args:
        values: Array of any shape.
        source: The file, for the message.

    Returns:
        `uint8` array; of 16 bits the low byte is dropped.

    Raises:
        ImageReadError: If the values have another type.
    """
    # Not the types themselves, which differ in the order of their bytes.
    kind, size = values.dtype.kind, values.dtype.itemsize
    if (kind, size) == ("u", 2):
        return (values >> 8).astype("uint8")
    if (kind, size) != ("u", 1):
        raise ImageReadError(
            f"Cannot use {source}: its values are {values.dtype}, whose range "
            "is not known. Save it with 8 or 16 bits per channel."
        )
    return values


def fitted(bands: np.ndarray, channels: int, source: Any) -> np.ndarray:
    """The bands of a file as the channels that a model takes.

    A gray image becomes RGB, which loses nothing; an RGB image whose channels
    are all the same becomes gray. Anything else is refused.

    Args:
        bands: Array `(height, width, bands)`.
        channels: Number of channels.
        source: The file, for the message.

    Returns:
        Array `(height, width, channels)`.

    Raises:
        ImageReadError: If the bands do not fit.
    """
    count = bands.shape[-1]
    if count == channels:
        return bands
    if (count, channels) == (1, RGB):
        return np.repeat(bands, RGB, axis=-1)
    gray = (count, channels) == (RGB, 1)
    if gray and (bands == bands[..., :1]).all():
        return np.ascontiguousarray(bands[..., :1])
    cause = "it holds colors" if gray else f"it has {_many(count)}"
    advice = (
        " Make it gray as the images of the training were, for instance with "
        '`convert("L")` of Pillow.'
        if gray
        else ""
    )
    raise ImageReadError(
        f"Cannot use {source}: {cause}, and images of "
        f"{_many(channels, 'channel')} are wanted.{advice}"
    )


def shown_bands(
    image: np.ndarray, bands: Sequence[int] | None = None
) -> tuple[np.ndarray, str]:
    """What people are shown of an image with any number of channels.

    Args:
        image: Array `(height, width, channels)` or `(height, width)`, pixels
            in 0..255.
        bands: Three channels to show as red, green and blue, or one to show
            as gray, counted from 1. Defaults to `None`: the only one, the
            first of two, or the first three.

    Returns:
        An array `(height, width, 3)`, and which bands it shows, such as
        `"bands 1, 2, 3 of 5"`; empty for a gray or RGB image as it is.

    Raises:
        ValueError: If the image has no such bands.
    """
    image = image[..., np.newaxis] if image.ndim == 2 else image
    count = image.shape[-1]
    chosen = bands
    if chosen is None:
        chosen = (1, 2, 3) if count >= RGB else (1,)
    chosen = check_integers("bands", tuple(chosen))
    if len(chosen) not in (1, RGB) or max(chosen) > count:
        raise ValueError(
            f"`bands` must be one or three of the {_many(count)} of the image, "
            f"counted from 1. Received: bands={bands!r}"
        )
    shown = image[..., [band - 1 for band in chosen]]
    if len(chosen) == 1:
        shown = np.repeat(shown, RGB, axis=-1)
    if bands is None and count in (1, RGB):
        return shown, ""
    listed = ", ".join(map(str, chosen))
    return shown, f"band{'s' * (len(chosen) > 1)} {listed} of {count}"


@contextlib.contextmanager
def rasterio_environment() -> Iterator[None]:
    """GDAL with a small cache, and silent of files without a reference."""
    import rasterio

    with (
        warnings.catch_warnings(),
        rasterio.Env(GDAL_CACHEMAX=_CACHE_MEGABYTES),
    ):
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield


class _Bands:
    """An open file, whose bands are read when it is called."""

    def __init__(self, read, shape):
        self._read = read
        self.shape = shape

    def __call__(self):
        return self._read()


def _opened(path):
    """A context of the `_Bands` of a file, or `None` if it is Pillow's."""
    if Path(path).suffix.lower() == ARRAY_SUFFIX:
        return _array(path)
    return _tiff(path) if _is_beyond_pillow(path) else None


@contextlib.contextmanager
def _array(path):
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    # What is damaged raises one or the other.
    except (OSError, ValueError, EOFError) as error:
        raise unreadable(path, error) from error
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3):
        raise ImageReadError(
            f"Cannot use {path}: an array must be (height, width, bands). "
            f"Received: shape {getattr(array, 'shape', None)}."
        )
    array = array[..., np.newaxis] if array.ndim == 2 else array
    yield _Bands(lambda: np.array(array), array.shape)


def _is_beyond_pillow(path):
    """Whether a TIFF file has bands that Pillow drops or does not know."""
    try:
        with open(path, "rb") as file:
            if file.read(4) not in _TIFF_STARTS:
                return False
        with Image.open(path) as image:
            count = image.tag_v2.get(_SAMPLES_PER_PIXEL, 1)
            return count > len(image.getbands()) or _is_misread(image.tag_v2)
    except Image.UnidentifiedImageError:
        return True
    # What is wrong with the file, Pillow will say when it reads it.
    except Exception:
        return False


def _is_misread(tags):
    """Whether Pillow opens a file, and fails or takes other values for its."""
    bits = _bits(tags)
    apart = tags.get(_PLANAR) == 2
    inverted = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO
    if bits > 8 and (apart or inverted or bits not in _WHOLE_BYTES):
        return True
    return tags.get(COMPRESSION) == _WEBP


def _bits(tags):
    return max(tags.get(BITS_PER_SAMPLE, (1,)))


@contextlib.contextmanager
def _tiff(path):
    try:
        import rasterio
        import rasterio.errors
    except ImportError as error:
        raise ImageReadError(
            f"Cannot read {path}: a TIFF file with bands that Pillow does not "
            "read needs rasterio. Install it with: "
            "pip install 'kerasseg[tiff]'"
        ) from error
    with rasterio_environment():
        try:
            with rasterio.open(path) as dataset:
                cause = stored_otherwise(path)
                if cause:
                    raise ImageReadError(f"Cannot read {path}: {cause}.")
                shape = (dataset.height, dataset.width, dataset.count)
                yield _Bands(
                    lambda: np.ascontiguousarray(
                        dataset.read().transpose(1, 2, 0)
                    ),
                    shape,
                )
        except rasterio.errors.RasterioError as error:
            raise unreadable(path, error.__cause__ or error) from error


def stored_otherwise(path: str | os.PathLike) -> str:
    """Why the values in a TIFF file are not the pixels of the image.

    Rasterio does not heed that. Only the head of the file is read.

    Args:
        path: A TIFF file, or another one, which says nothing.

    Returns:
        The cause and what to do, or an empty text where they are the pixels.
    """
    try:
        with open(path, "rb") as file:
            tags = tiff_tags(file)
    except OSError:
        return ""
    if tags.get(_ORIENTATION, 1) in range(2, 9):
        return (
            "its orientation tag says that it is stored turned or mirrored. "
            "Save it upright"
        )
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        return "white is 0 in it. Save it with black as 0"
    if tags.get(PHOTOMETRIC) in _LAB:
        return "its colors are those of CIE Lab. Save it as RGB"
    if _bits(tags) not in _WHOLE_BYTES:
        return (
            f"its values have {_bits(tags)} bits. Save it with 8 or 16 bits "
            "per channel, and the whole range of them"
        )
    return ""


def tiff_tags(file: BinaryIO) -> Mapping[int, Any]:
    """The tags of the first image in a TIFF file, by their numbers.

    Args:
        file: The file, open for reading in binary at its start.

    Returns:
        The tags; none for a damaged file or another one, of which its reader
        will say what is wrong.
    """
    try:
        head = file.read(8)
        if head[:4] in _BIG_TIFF_STARTS:
            head += file.read(8)
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
    except Exception:
        return {}
    return tags


def unreadable(path: Any, error: Exception) -> ImageReadError:
    """The error of a file that cannot be read.

    Args:
        path: The file.
        error: What went wrong.

    Returns:
        An `ImageReadError` that says so on one line.
    """
    if isinstance(error, FileNotFoundError):
        cause = "there is no such file"
    elif isinstance(error, Image.UnidentifiedImageError):
        cause = "it is not an image in a known format, or its start is damaged"
    else:
        cause = getattr(error, "strerror", None) or str(error) or repr(error)
    cause = " ".join(cause.split()).rstrip(".")
    return ImageReadError(f"Cannot read {path}: {cause}.")


def _many(count, what="band"):
    return f"{count} {what}{'s' * (count != 1)}"
