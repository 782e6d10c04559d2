"""Images and masks on disk, read and written a few rows at a time."""

import contextlib
import os
import zlib
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasseg.arguments import check_integers
from kerasseg.channels import RGB
from kerasseg.channels import check_channel_count
from kerasseg.data.bands import rasterio_environment
from kerasseg.data.bands import stored_otherwise
from kerasseg.files import atomic_file

# Height of the blocks of a mask, which lie across its width.
_BLOCK = 64


class RasterError(ValueError):
    """A raster file that cannot be used, with the file and the cause."""


class Raster:
    """An open image file whose rows are read as they are needed.

    Args:
        dataset: What `rasterio.open` returned.
        bands: The bands that are the channels, from 1.

    Attributes:
        used_bits: How many of 16 bits the values that were read use; 0 of 8.
    """

    def __init__(self, dataset, bands: tuple[int, ...]):
        self.shape = (dataset.height, dataset.width, len(bands))
        self.bands = bands
        self.used_bits = 0
        self._dataset = dataset
        self._shift = 8 if dataset.dtypes[0] == "uint16" else 0

    def read(self, top: int, bottom: int) -> np.ndarray:
        """Rows of the image.

        Args:
            top: The first row.
            bottom: One past the last row.

        Returns:
            `uint8` array `(bottom - top, width, channels)`.

        Raises:
            RasterError: If the file is damaged there.
        """
        return self._read(((top, bottom), (0, self.shape[1])))

    def reduced(self, longest: int) -> np.ndarray:
        """The whole image, made smaller where it is too large.

        Args:
            longest: Pixels that its longer side has at most.

        Returns:
            `uint8` array `(height, width, channels)`.

        Raises:
            RasterError: If the file is damaged.
        """
        from rasterio.enums import Resampling

        factor = min(1, longest / max(self.shape[:2]))
        size = [max(1, round(side * factor)) for side in self.shape[:2]]
        average = {"resampling": Resampling.average} if factor < 1 else {}
        planes = (len(self.bands), *size)
        return self._read(None, out_shape=planes, **average)

    def reference(self) -> dict[str, Any]:
        """Where the image lies on the ground, for `mask_raster`.

        Returns:
            The keywords `crs`, `transform`, `gcps` and `rpcs` of rasterio,
            those that the file has.
        """
        dataset = self._dataset
        points, system = dataset.gcps
        found = {
            "crs": dataset.crs or system,
            "gcps": points,
            "rpcs": dataset.rpcs,
        }
        if not dataset.transform.is_identity:
            found["transform"] = dataset.transform
        return {key: value for key, value in found.items() if value}

    def _read(self, window, **options):
        import rasterio

        indexes = list(self.bands)
        try:
            planes = self._dataset.read(indexes, window=window, **options)
        except rasterio.errors.RasterioError as error:
            raise _unreadable(self._dataset.name, error) from error
        if self._shift:
            most = int(planes.max(initial=0)).bit_length()
            self.used_bits = max(self.used_bits, most)
        pixels = np.ascontiguousarray(planes.transpose(1, 2, 0))
        return (pixels >> self._shift).astype("uint8", copy=False)


@contextlib.contextmanager
def open_raster(
    path: str | os.PathLike,
    bands: Sequence[int] | None = None,
    channels: int = RGB,
) -> Iterator[Raster]:
    """An image file of any size, such as a GeoTIFF, that is read by rows.

    Needs rasterio. Sixteen bits per channel become eight by dropping the low
    byte, as in `kerasseg.data.read_image`.

    Args:
        path: A file in any format that GDAL reads.
        bands: A band for each channel, counted from 1; red, green and blue
            for RGB. Defaults to `None`: all bands of a file that has as many
            as there are channels; for RGB also the first three of four of
            which the last is alpha, and the only one of a gray file.
        channels: Integer from 1 to 16. Channels of the images that the model
            takes. Defaults to 3, RGB.

    Yields:
        The `Raster`, a source of rows for `predict_tiled`.

    Raises:
        ImportError: If rasterio is not installed.
        RasterError: If the file is no raster, is stored turned, with white as
            0 or in CIE Lab, its bands do not tell which of them are the
            channels or are indices into a palette, or have another type than
            8 or 16 bits.
    """
    rasterio = _rasterio()
    channels = check_channel_count("channels", channels)
    with rasterio_environment():
        try:
            dataset = rasterio.open(path)
        except rasterio.errors.RasterioError as error:
            raise _unreadable(path, error) from error
        with dataset:
            chosen = _bands(dataset, path, bands, channels)
            cause = stored_otherwise(path)
            if cause:
                raise RasterError(f"Cannot read {path} by rows: {cause}.")
            yield Raster(dataset, chosen)


@contextlib.contextmanager
def mask_raster(
    path: str | os.PathLike,
    shape: tuple[int, int],
    palette: Sequence[Sequence[int]],
    reference: dict[str, Any] | None = None,
) -> Iterator["MaskRaster"]:
    """A TIFF file of class ids that is written from the top down.

    It appears under its name when the block has succeeded and what was written
    has been read back; else nothing is left behind. The ids have the colors
    of the classes as their palette, up to 256 classes.

    Args:
        path: The file.
        shape: `(height, width)`.
        palette: One `(red, green, blue)` for each class.
        reference: Where the mask lies on the ground, see `Raster.reference`.

    Yields:
        The `MaskRaster`, for `predict_tiled(out=...)`.

    Raises:
        ImportError: If rasterio is not installed.
        OSError: If the file cannot be written, as on a full disk.
    """
    rasterio = _rasterio()
    small = len(palette) <= 256
    with atomic_file(path) as part, rasterio_environment():
        try:
            with rasterio.open(
                part,
                "w",
                driver="GTiff",
                height=shape[0],
                width=shape[1],
                count=1,
                dtype="uint8" if small else "uint16",
                blockysize=min(_BLOCK, shape[0]),
                compress="deflate",
                bigtiff="if_safer",
                **reference or {},
            ) as dataset:
                if small:
                    dataset.write_colormap(1, dict(enumerate(palette)))
                mask = MaskRaster(dataset)
                yield mask
                mask.finish()
            _verify(part, mask)
        except rasterio.errors.RasterioError as error:
            _raise_of_disk(part)
            raise OSError(f"{path}: cannot be written: {_said(error)}") from (
                error
            )


def reduced_mask(
    path: str | os.PathLike, size: tuple[int, int]
) -> np.ndarray:
    """The class ids of a TIFF file at a smaller size.

    Args:
        path: The file, as `mask_raster` writes it.
        size: `(height, width)`.

    Returns:
        Integer array of that size: the nearest ids.
    """
    rasterio = _rasterio()
    with rasterio_environment(), rasterio.open(path) as dataset:
        return dataset.read(1, out_shape=size)


class MaskRaster:
    """An open TIFF file of class ids.

    Args:
        dataset: What `rasterio.open` returned.
    """

    def __init__(self, dataset):
        self.sums = []
        self._dataset = dataset
        self._waiting = np.empty((0, dataset.width), dataset.dtypes[0])
        self.top = 0

    def write(self, rows: np.ndarray) -> None:
        """Writes the next rows.

        Args:
            rows: Class ids `(n, width)`.
        """
        rows = np.concatenate([self._waiting, rows])
        whole = len(rows) // _BLOCK * _BLOCK
        self._write(rows[:whole])
        self._waiting = rows[whole:]

    def finish(self) -> None:
        """Writes the rows that did not fill a block."""
        self._write(self._waiting)

    def _write(self, rows):
        for start in range(0, len(rows), _BLOCK):
            block = np.ascontiguousarray(rows[start : start + _BLOCK])
            window = _window(self.top, len(block), self._dataset.width)
            self._dataset.write(block, 1, window=window)
            self.sums.append(zlib.crc32(block))
            self.top += len(block)


def _verify(path, mask):
    """Refuses a file that gives back other rows than were written."""
    import rasterio

    with rasterio.open(path) as dataset:
        if mask.top < dataset.height:
            raise rasterio.errors.RasterioIOError(
                f"only {mask.top} of {dataset.height} rows were written"
            )
        for index, expected in enumerate(mask.sums):
            top = index * _BLOCK
            count = min(_BLOCK, dataset.height - top)
            window = _window(top, count, dataset.width)
            block = dataset.read(1, window=window)
            if zlib.crc32(np.ascontiguousarray(block)) != expected:
                raise rasterio.errors.RasterioIOError("damaged as written")


def _window(top, count, width):
    return ((top, top + count), (0, width))


def _raise_of_disk(path):
    """What the system says of writing more to a file, if it refuses."""
    with open(path, "ab") as file:
        file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())


def _rasterio():
    try:
        import rasterio
        import rasterio.errors
    except ImportError as error:
        raise ImportError(
            "Files are read and written by rows with rasterio. Install it "
            "with: pip install 'kerasseg[tiff]'"
        ) from error
    return rasterio


def _bands(dataset, path, bands, channels):
    """The bands to read, counted from 1."""
    kinds = set(dataset.dtypes)
    if len(kinds) > 1 or not kinds <= {"uint8", "uint16"}:
        raise RasterError(
            f"Cannot use {path}: its values are {', '.join(sorted(kinds))}, "
            "and must be uint8 or uint16."
        )
    if "palette" in {color.name for color in dataset.colorinterp}:
        raise RasterError(
            f"Cannot use {path}: its values are indices into a palette. Save "
            "it as RGB."
        )
    count = dataset.count
    if bands is not None:
        bands = check_integers("bands", bands, length=channels)
        if max(bands) > count:
            raise RasterError(
                f"`bands` must be at most {count}, the number of bands of "
                f"{path}. Received: bands={bands}"
            )
        return bands
    alpha = count == 4 and dataset.colorinterp[3].name == "alpha"
    if alpha and channels == RGB:
        count = RGB
    if count != channels and (count, channels) != (1, RGB):
        raise RasterError(_unclear(path, count, channels))
    if count < channels:
        return (1,) * channels
    return tuple(range(1, channels + 1))


def _unclear(path, count, channels):
    if channels == RGB:
        what = "and which are red, green and blue is not known. Name three"
    else:
        many = f"{channels} channel{'s' * (channels > 1)}"
        what = f"and the model takes {many}. Name {channels}"
    example = f"{tuple(range(1, channels + 1))}"
    return (
        f"Cannot use {path}: it has {count} bands, {what} of them, such as "
        f"bands={example}."
    )


def _unreadable(path, error):
    return RasterError(f"Cannot read {Path(path)}: {_said(error)}.")


def _said(error):
    """What GDAL says on one line, without its own name of the file."""
    cause = error.__cause__ or error
    return " ".join(str(cause).split()).rstrip(".")
