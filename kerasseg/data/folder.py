"""Pairs of images and masks in a folder."""

import logging
import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kerasseg.arguments import check_choice
from kerasseg.channels import RGB
from kerasseg.channels import check_channel_count
from kerasseg.data.image import SIDEWAYS
from kerasseg.data.image import UPRIGHT
from kerasseg.data.image import ImageReadError
from kerasseg.data.image import orientation_of
from kerasseg.data.image import read_turned_image
from kerasseg.data.image import read_turned_mask
from kerasseg.files import IMAGE_SUFFIXES
from kerasseg.files import user_path
from kerasseg.labels import Labels

logger = logging.getLogger(__name__)

MASK_SUFFIXES = (".png",)


class Pair(NamedTuple):
    """One image and its mask on disk.

    Args:
        name: File name without suffix, the same for both.
        image_path: File of the image.
        mask_path: File of the mask.
        read_mask: Function from the pair to the ids in its mask, where the
            file is not an image of ids. Defaults to `None`.
        orientation: Which orientation of the files fits together, see
            `SegmentationPairs.with_orientation`. Defaults to `None`.
    """

    name: str
    image_path: Path
    mask_path: Path
    read_mask: Callable[["Pair"], np.ndarray] | None = None
    orientation: str | None = None


class SegmentationPairs(Sequence):
    """A sequence of `(image, mask)` samples, read when asked for.

    Sample `i` is a `uint8` image of shape `(height, width, channels)`, 0 to
    255, and its mask of class ids of shape `(height, width)`, `uint8` unless
    an id is above 255. Each is checked as it is read: equal sizes, known ids.
    A slice is a sequence with the same interface.

    Args:
        pairs: The files.
        labels: What the ids mean.
        channels: Integer from 1 to 16. Channels of the images, see
            `kerasseg.data.read_image`. Defaults to 3, RGB.
    """

    def __init__(
        self, pairs: Sequence[Pair], labels: Labels, channels: int = RGB
    ) -> None:
        if not pairs:
            raise ValueError(
                "`pairs` must not be empty: there is no image to read."
            )
        self.pairs = tuple(pairs)
        self.labels = labels
        self.channels = check_channel_count("channels", channels)
        self._samples = None
        self._warned = []

    @property
    def names(self) -> list[str]:
        """File names without suffix, in order."""
        return [pair.name for pair in self.pairs]

    @property
    def image_paths(self) -> list[Path]:
        """Files of the images, in order."""
        return [pair.image_path for pair in self.pairs]

    @property
    def mask_paths(self) -> list[Path]:
        """Files of the masks, in order."""
        return [pair.mask_path for pair in self.pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(
        self, index: int | slice
    ) -> "tuple[np.ndarray, np.ndarray] | SegmentationPairs":
        if isinstance(index, slice):
            samples = self._samples and self._samples[index]
            return self._like(self.pairs[index], samples)
        if self._samples is not None:
            return self._samples[index]
        return self._read(self.pairs[index])

    def cached(self) -> "SegmentationPairs":
        """The same samples, all decoded and checked now and kept in memory.

        Returns:
            A sequence with the same interface. Its arrays are read-only.

        Raises:
            ValueError: If a file cannot be used.
        """
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            samples = list(pool.map(self.__getitem__, range(len(self))))
        for image, mask in samples:
            image.flags.writeable = False
            mask.flags.writeable = False
        return self._like(self.pairs, samples)

    def subset(
        self, names: Iterable[str] | Callable[[str], bool]
    ) -> "SegmentationPairs":
        """Some of the samples, in the order of this sequence.

        Args:
            names: Names to keep, or a function from a name to whether it is
                kept.

        Returns:
            A sequence with the same interface.

        Raises:
            ValueError: If a name is unknown or nothing is left.
        """
        if callable(names):
            wanted = {name for name in self.names if names(name)}
        else:
            wanted = set(names)
        unknown = wanted - set(self.names)
        if unknown or not wanted:
            raise ValueError(
                "`names` must select samples of this dataset. "
                f"Received: {_listed(unknown) if unknown else 'nothing'}"
            )
        keep = [i for i, name in enumerate(self.names) if name in wanted]
        samples = self._samples and [self._samples[i] for i in keep]
        return self._like([self.pairs[i] for i in keep], samples)

    def with_orientation(self, orientation: str) -> "SegmentationPairs":
        """The same samples, and a word on which way up they are.

        Cameras store images as the sensor saw them, and in their EXIF data
        how they are to be turned. Masks are drawn on the turned image by most
        programs, and on the stored one by others.

        Args:
            orientation: `"exif"`: files are turned as their EXIF data say;
                `"stored"`: nothing is turned. Until this is called files are
                turned, with a warning where one of a pair alone is and its
                size does not tell whether it fits the other.

        Returns:
            A sequence with the same interface, not in memory.

        Raises:
            ValueError: If `orientation` is neither.
        """
        check_choice("orientation", orientation, ("exif", "stored"))
        pairs = [pair._replace(orientation=orientation) for pair in self.pairs]
        return self._like(pairs)

    def with_channels(self, channels: int) -> "SegmentationPairs":
        """The same files, read as images of another number of channels.

        Args:
            channels: Integer from 1 to 16, see `kerasseg.data.read_image`.

        Returns:
            A sequence with the same interface, not in memory.

        Raises:
            ValueError: If `channels` is out of its range.
        """
        return SegmentationPairs(self.pairs, self.labels, channels)

    def _like(self, pairs, samples=None):
        copy = SegmentationPairs(pairs, self.labels, self.channels)
        copy._samples = samples
        return copy

    def _read(self, pair):
        upright = pair.orientation != "stored"
        image, turn = read_turned_image(
            pair.image_path, upright, self.channels
        )
        if pair.read_mask is None:
            mask, own_turn = read_turned_mask(pair.mask_path, upright)
        else:
            mask = pair.read_mask(pair)
            # Shapes have no orientation: they lie on the image as it is shown.
            drawn = pair.mask_path.suffix.lower() in IMAGE_SUFFIXES
            own_turn = orientation_of(pair.mask_path) if drawn else turn
        size = image.shape[:2]
        if size != mask.shape:
            raise ValueError(
                "An image and its mask must have the same height and width. "
                f"Received: {size} for {pair.image_path} and {mask.shape} for "
                f"{pair.mask_path}{_turned(turn, size, mask.shape, upright)}"
            )
        sure = turn >= SIDEWAYS and size[0] != size[1]
        if pair.orientation is None and turn != own_turn and not sure:
            self._warn_of(pair, turn, own_turn)
        return image, self.labels.encode(mask, source=str(pair.mask_path))

    def _warn_of(self, pair, turn, own_turn):
        """Says once that nobody sees whether a turned image fits its mask."""
        # Threads read samples at once; one of them is the first.
        sign = object()
        self._warned.append(sign)
        if self._warned[0] is not sign:
            return
        logger.warning(
            "EXIF turns %s (orientation %d) otherwise than its mask %s "
            "(orientation %d), and sizes do not tell whether the two fit: "
            'look at them, then say so with `.with_orientation("exif")`, or '
            'with `.with_orientation("stored")` where the mask was drawn on '
            "the image as it is stored (`kerasseg evaluate --orientation`). "
            "Others of this dataset may be alike",
            pair.image_path,
            turn,
            pair.mask_path,
            own_turn,
        )


class SegmentationFolder(SegmentationPairs):
    """Samples of one split of a dataset on disk.

    The layout is `images/SPLIT/NAME.jpg` (or `.png`, ...) and
    `masks/SPLIT/NAME.png`, where a name may lie in sub-folders; each image
    needs its mask and each mask its image. Other files are an error in the
    folder of masks when they are images, and are left alone otherwise.

    Args:
        root: Folder that holds `images` and `masks`.
        split: Name of the split, such as `"train"`.
        labels: What the ids mean.
        channels: Channels of the images, as of `SegmentationPairs`. Defaults
            to 3.

    Example:

    >>> folder = SegmentationFolder("camvid", "train", CAMVID)
    >>> image, mask = folder[0]
    >>> image.shape, mask.shape
    ((360, 480, 3), (360, 480))
    """

    def __init__(
        self,
        root: str | os.PathLike,
        split: str,
        labels: Labels,
        channels: int = RGB,
    ) -> None:
        self.root = user_path(root)
        image_folder = self.root / "images" / split
        mask_folder = self.root / "masks" / split
        images = _files(image_folder, IMAGE_SUFFIXES)
        masks = _files(mask_folder, MASK_SUFFIXES)
        if not images and not masks:
            raise ValueError(
                f"`root` must hold images; {image_folder} is empty. "
                f"Received: root={str(root)!r}, split={split!r}"
            )
        _same_names(images, masks, image_folder, mask_folder)
        pairs = [Pair(n, images[n], masks[n]) for n in sorted(images)]
        super().__init__(pairs, labels, channels)
        self.split = split


def merge(*folders: SegmentationPairs) -> SegmentationPairs:
    """Several datasets, one after the other, as one.

    Args:
        *folders: Datasets with the same labels and number of channels.

    Returns:
        A sequence with the same interface, in memory if all parts are.

    Raises:
        ValueError: If there is no part, or the labels or channels differ.
    """
    if not folders:
        raise ValueError("`folders` must name at least one dataset.")
    labels = folders[0].labels
    if any(folder.labels != labels for folder in folders):
        raise ValueError(
            "`folders` must have the same labels. Received: class names "
            f"{[folder.labels.class_names for folder in folders]}"
        )
    counts = [folder.channels for folder in folders]
    if len(set(counts)) > 1:
        raise ValueError(
            "`folders` must have the same number of channels. "
            f"Received: {counts}"
        )
    pairs = [pair for folder in folders for pair in folder.pairs]
    parts = [folder._samples for folder in folders]
    whole = None not in parts
    return folders[0]._like(
        pairs, [s for part in parts for s in part] if whole else None
    )


def _turned(turn, size, mask_size, upright):
    """What EXIF has to do with sizes that differ."""
    if turn == UPRIGHT:
        return ""
    if not upright:
        return f". EXIF orientation {turn} of the image was not applied"
    told = f". EXIF turned the image (orientation {turn})"
    if turn < SIDEWAYS or size[::-1] != tuple(mask_size):
        return told
    return (
        f"{told}; the mask fits it as it is stored, which "
        '`.with_orientation("stored")` of the dataset takes'
    )


def image_files(folder: Path) -> dict[str, list[Path]]:
    """The image files in a folder and all folders below it, by name.

    Args:
        folder: The folder, which need not exist.

    Returns:
        The files of each name, which is the path below the folder with
        forward slashes and without suffix. Hidden files are left out.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in below.parts)
        known = path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()
        if hidden or not known:
            continue
        files.setdefault(below.with_suffix("").as_posix(), []).append(path)
    return files


def _files(folder, suffixes):
    if not folder.is_dir():
        raise ValueError(
            "`root` must hold the folders images/SPLIT and masks/SPLIT. "
            f"Received: a root without {folder}"
        )
    found = image_files(folder)
    for path, *others in found.values():
        for file in (path, *others):
            if file.suffix.lower() not in suffixes:
                raise ImageReadError(
                    f"Cannot use {file} as a mask: masks must be PNG files."
                )
        if others:
            raise ValueError(
                "A name must belong to one file only. "
                f"Received: {path} and {others[0]}"
            )
    return {name: path for name, (path, *_) in found.items()}


def _same_names(images, masks, image_folder, mask_folder):
    without_mask = set(images) - set(masks)
    if without_mask:
        raise ValueError(
            f"Each image in {image_folder} must have a mask in "
            f"{mask_folder}. Without: {_listed(without_mask)}."
        )
    without_image = set(masks) - set(images)
    if without_image:
        raise ValueError(
            f"Each mask in {mask_folder} must have an image in "
            f"{image_folder}. Without: {_listed(without_image)}."
        )


def _listed(names, most=5):
    names = sorted(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
