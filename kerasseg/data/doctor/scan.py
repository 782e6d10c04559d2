"""What is seen of one sample: sizes, modes, ids, and a hash of its pixels."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from typing import NamedTuple

import numpy as np
from PIL import Image

from kerasseg.channels import RGB
from kerasseg.data.bands import band_count
from kerasseg.data.bands import used_bits
from kerasseg.data.folder import Pair
from kerasseg.data.image import ImageReadError
from kerasseg.data.image import read_turned_image
from kerasseg.data.image import read_turned_mask

Size = tuple[int, int]

_ORIENTATION = 0x0112
# From this EXIF orientation on, height and width change places.
_TURNED = 5
_BANDS = "bands"
# Modes of Pillow, and arrays of one band, that become RGB by repetition.
GRAY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", f"1 {_BANDS}")


@dataclass(frozen=True)
class Scan:
    """What is seen of one sample.

    Args:
        split: Name of its split.
        name: Its name in the split.
        image_file: File of the image, or what else to call it.
        mask_file: File of the mask, or what else to call it.
        image_size: `(height, width)` of the upright image, if it is known.
        mask_size: `(height, width)` of the mask, if it is known.
        stored_size: `(height, width)` of the image as it is in the file.
        image_mode: Mode of the image in Pillow, `""` if it is not known.
        mask_mode: Mode of the mask in Pillow, `""` if it is not known.
        orientation: EXIF orientation of the image, 1 where it is upright.
        bits: Of an image of more than 8 bits, how many its values use.
        color: The color of all pixels, where they have one only.
        ids: Number of pixels of each id in the file of the mask, if read.
        image_hash: Hash of the pixels of the image, `""` if not read.
        mask_hash: Hash of the ids, `""` if not read.
        faults: Why files cannot be used.
    """

    split: str
    name: str
    image_file: str
    mask_file: str
    image_size: Size | None = None
    mask_size: Size | None = None
    stored_size: Size | None = None
    image_mode: str = ""
    mask_mode: str = ""
    orientation: int = 1
    bits: int | None = None
    color: tuple[int, ...] | None = None
    ids: Mapping[int, int] | None = None
    image_hash: str = ""
    mask_hash: str = ""
    faults: tuple[str, ...] = ()


class Header(NamedTuple):
    """What the start of an image file says.

    Args:
        mode: Mode in Pillow, such as `"5 bands"` where Pillow has none, and
            `""` where it cannot be read.
        stored_size: `(height, width)` in the file.
        orientation: EXIF orientation, 1 where there is none.
    """

    mode: str = ""
    stored_size: Size | None = None
    orientation: int = 1

    def may_have(self, channels: int) -> bool:
        """Whether files of this mode may be read as so many channels.

        Args:
            channels: Number of channels.

        Returns:
            The answer; what it is decided by the pixels counts as well.
        """
        if channels == RGB:
            return self.mode != "RGBX" and not self.mode.endswith(_BANDS)
        return False

    @property
    def size(self) -> Size | None:
        """`(height, width)` of the upright image."""
        turned = self.orientation >= _TURNED
        return self.stored_size[::-1] if turned else self.stored_size


def scan_pair(
    pair: Pair,
    split: str,
    image: bool = True,
    mask: bool = True,
    channels: int = RGB,
) -> Scan:
    """Looks at a pair of files.

    Args:
        pair: The files.
        split: Name of the split.
        image: Whether to read the pixels of the image, not its header alone.
            Defaults to `True`.
        mask: Whether to read the ids of the mask, not its header alone.
            Defaults to `True`.
        channels: Channels of the images. Defaults to 3.

    Returns:
        What was seen; nothing is raised for files that cannot be used.
    """
    head, mask_head = read_header(pair.image_path), read_header(pair.mask_path)
    upright = pair.orientation != "stored"
    seen = {
        "image_mode": head.mode,
        "mask_mode": mask_head.mode,
        "image_size": head.size if upright else head.stored_size,
        "mask_size": mask_head.size if upright else mask_head.stored_size,
        "stored_size": head.stored_size,
        # Which one is right has been said where the pair has one.
        "orientation": 1 if pair.orientation else head.orientation,
    }
    faults = []
    # The reader says why there is no header.
    if image or not head.mode or not head.may_have(channels):
        read = partial(read_turned_image, channels=channels)
        pixels = _read(faults, read, pair.image_path, upright)
        seen |= _of_image(pixels)
        if pixels is not None and _may_be_deep(head.mode):
            seen["bits"] = used_bits(pair.image_path)
    if mask or not (mask_head.mode or pair.read_mask):
        seen |= _of_mask(_read_ids(faults, pair, upright))
    files = str(pair.image_path), str(pair.mask_path)
    return Scan(split, pair.name, *files, **seen, faults=tuple(faults))


def scan_arrays(
    image: Any, mask: Any, split: str, name: str, channels: int = RGB
) -> Scan:
    """Looks at a sample in memory.

    Args:
        image: `uint8` array of shape `(height, width, channels)`.
        mask: Integer array of shape `(height, width)`.
        split: Name of the split.
        name: What to call the sample.
        channels: Channels of the images. Defaults to 3.

    Returns:
        What was seen; nothing is raised for what cannot be used.
    """
    image, mask = np.asarray(image), np.asarray(mask)
    faults = []
    right = image.ndim == 3 and image.shape[-1] == channels
    if image.dtype != np.uint8 or not right:
        faults.append(
            f"The image of {name} must be uint8 (height, width, {channels}). "
            f"Received: {image.dtype} {image.shape}."
        )
    if mask.dtype.kind not in "ui" or mask.ndim != 2:
        faults.append(
            f"The mask of {name} must hold integers (height, width). "
            f"Received: {mask.dtype} {mask.shape}."
        )
    if faults:
        return Scan(split, name, name, name, faults=tuple(faults))
    seen = {**_of_image(image), **_of_mask(mask)}
    return Scan(split, name, name, name, **seen)


def read_header(path: Any) -> Header:
    """What the start of an image file says.

    Args:
        path: The file.

    Returns:
        The `Header`, an empty one where the file is no image.
    """
    try:
        bands = band_count(path)
        if bands is not None:
            return Header(f"{bands[2]} {_BANDS}", bands[:2])
        with Image.open(path) as image:
            # Pillow decodes a whole PNG to look for EXIF behind the pixels.
            known = image.format != "PNG" or "exif" in image.info
            turn = image.getexif().get(_ORIENTATION, 1) if known else 1
            turn = turn if turn in range(1, 9) else 1
            return Header(image.mode, (image.height, image.width), turn)
    # Decoders raise exceptions of many kinds on damaged files.
    except Exception:
        return Header()


def is_gray(path: Any) -> bool:
    """Whether an image file has one channel, by its header.

    Args:
        path: The file.

    Returns:
        The answer; `False` where the file is no image.
    """
    return read_header(path).mode in GRAY_MODES


def _read(faults, read, path, upright):
    try:
        return read(path, upright)[0]
    except ImageReadError as error:
        faults.append(str(error))
        return None


def _read_ids(faults, pair, upright):
    if pair.read_mask is None:
        return _read(faults, read_turned_mask, pair.mask_path, upright)
    try:
        return np.asarray(pair.read_mask(pair))
    except (ValueError, OSError) as error:
        faults.append(str(error))
        return None


def _of_image(image):
    if image is None:
        return {}
    return {
        "image_size": image.shape[:2],
        "image_hash": _hash(image),
        "color": _only_color(image),
    }


def _only_color(image):
    """The color of all pixels, or `None`; a few pixels tell as a rule."""
    first = image[:1, :1]
    for part in (image[::16, ::16], image):
        if not part.size or (part != first).any():
            return None
    return tuple(first[0, 0].tolist())


def _of_mask(mask):
    if mask is None:
        return {}
    if mask.dtype == np.uint8:
        counts = np.bincount(mask.ravel(), minlength=256)
        ids = np.flatnonzero(counts)
        counts = counts[ids]
    else:
        ids, counts = np.unique(mask, return_counts=True)
    return {
        "mask_size": mask.shape,
        "mask_hash": _hash(mask),
        "ids": dict(zip(ids.tolist(), counts.tolist(), strict=True)),
    }


def _may_be_deep(mode):
    return mode.startswith("I") or mode.endswith(_BANDS)


def _hash(array):
    digest = hashlib.blake2b(str(array.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
