"""Pairs of pictures and masks in a folder."""

import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kerasseg.data.image import ImageReadError
from kerasseg.data.image import read_image
from kerasseg.data.image import read_mask
from kerasseg.data.labels import Labels

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MASK_SUFFIXES = (".png",)


class Pair(NamedTuple):
    """One picture and its mask on disk.

    Args:
        name: file name without suffix, the same for both.
        image_path: file of the picture.
        mask_path: file of the mask.
    """

    name: str
    image_path: Path
    mask_path: Path


class SegmentationPairs(Sequence):
    """A sequence of `(image, mask)` samples, read when asked for.

    Sample `i` is a `uint8` picture of shape `(height, width, 3)`, RGB, 0 to
    255, and its mask of class ids of shape `(height, width)`, `uint8` unless
    an id is above 255. Each is checked as it is read: equal sizes, known ids.

    Args:
        pairs: the files.
        labels: what the ids mean.
    """

    def __init__(self, pairs: Sequence[Pair], labels: Labels) -> None:
        if not pairs:
            raise ValueError(
                "`pairs` must not be empty: there is no picture to read."
            )
        self.pairs = tuple(pairs)
        self.labels = labels
        self._samples = None

    @property
    def names(self) -> list[str]:
        """File names without suffix, in order."""
        return [pair.name for pair in self.pairs]

    @property
    def image_paths(self) -> list[Path]:
        """Files of the pictures, in order."""
        return [pair.image_path for pair in self.pairs]

    @property
    def mask_paths(self) -> list[Path]:
        """Files of the masks, in order."""
        return [pair.mask_path for pair in self.pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self._samples is not None:
            return self._samples[index]
        return self._read(self.pairs[index])

    def cached(self) -> "SegmentationPairs":
        """The same samples, all decoded and checked now and kept in memory.

        Returns:
            A sequence with the same interface. Its arrays are read-only.

        Raises:
            ValueError: if a file cannot be used.
        """
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            samples = list(pool.map(self.__getitem__, range(len(self))))
        for image, mask in samples:
            image.flags.writeable = False
            mask.flags.writeable = False
        return _pairs_like(self.pairs, self.labels, samples)

    def subset(
        self, names: Iterable[str] | Callable[[str], bool]
    ) -> "SegmentationPairs":
        """Some of the samples, in the order of this sequence.

        Args:
            names: names to keep, or a function from a name to whether it is
                kept.

        Returns:
            A sequence with the same interface.

        Raises:
            ValueError: if a name is unknown or nothing is left.
        """
        if callable(names):
            wanted = {name for name in self.names if names(name)}
        else:
            wanted = set(names)
        unknown = wanted - set(self.names)
        if unknown or not wanted:
            raise ValueError(
                "`names` must select samples of this data set. "
                f"Received: {_listed(unknown) if unknown else 'nothing'}"
            )
        keep = [i for i, name in enumerate(self.names) if name in wanted]
        samples = self._samples and [self._samples[i] for i in keep]
        return _pairs_like([self.pairs[i] for i in keep], self.labels, samples)

    def _read(self, pair):
        image = read_image(pair.image_path)
        mask = read_mask(pair.mask_path)
        if image.shape[:2] != mask.shape:
            raise ValueError(
                "A picture and its mask must have the same height and width. "
                f"Received: {image.shape[:2]} for {pair.image_path} and "
                f"{mask.shape} for {pair.mask_path}"
            )
        self.labels.check(mask, source=str(pair.mask_path))
        fits = mask.dtype != np.uint8 and mask.max() <= 255
        return image, mask.astype("uint8") if fits else mask


class SegmentationFolder(SegmentationPairs):
    """Samples of one split of a data set on disk.

    The layout is `images/SPLIT/NAME.jpg` (or `.png`, ...) and
    `masks/SPLIT/NAME.png`; each picture needs its mask and each mask its
    picture. Other files are an error in the folder of masks when they are
    pictures, and are left alone otherwise.

    Args:
        root: folder that holds `images` and `masks`.
        split: name of the split, such as `"train"`.
        labels: what the ids mean.

    Example:

    >>> folder = SegmentationFolder("camvid", "train", CAMVID)
    >>> image, mask = folder[0]
    >>> image.shape, mask.shape
    ((360, 480, 3), (360, 480))
    """

    def __init__(
        self, root: str | os.PathLike, split: str, labels: Labels
    ) -> None:
        image_folder = Path(root) / "images" / split
        mask_folder = Path(root) / "masks" / split
        images = _files(image_folder, IMAGE_SUFFIXES)
        masks = _files(mask_folder, MASK_SUFFIXES)
        if not images and not masks:
            raise ValueError(
                f"`root` must hold pictures; {image_folder} is empty. "
                f"Received: root={str(root)!r}, split={split!r}"
            )
        _same_names(images, masks, image_folder, mask_folder)
        pairs = [Pair(n, images[n], masks[n]) for n in sorted(images)]
        super().__init__(pairs, labels)
        self.root = Path(root)
        self.split = split


def merge(*folders: SegmentationPairs) -> SegmentationPairs:
    """Several data sets, one after the other, as one.

    Args:
        *folders: data sets with the same labels.

    Returns:
        A sequence with the same interface, in memory if all parts are.

    Raises:
        ValueError: if there is no part or the labels differ.
    """
    if not folders:
        raise ValueError("`folders` must name at least one data set.")
    labels = folders[0].labels
    if any(folder.labels != labels for folder in folders):
        raise ValueError(
            "`folders` must have the same labels. Received: class names "
            f"{[folder.labels.class_names for folder in folders]}"
        )
    pairs = [pair for folder in folders for pair in folder.pairs]
    parts = [folder._samples for folder in folders]
    if any(part is None for part in parts):
        return SegmentationPairs(pairs, labels)
    return _pairs_like(pairs, labels, [s for part in parts for s in part])


def _pairs_like(pairs, labels, samples):
    copy = SegmentationPairs(pairs, labels)
    copy._samples = samples
    return copy


def _files(folder, suffixes):
    if not folder.is_dir():
        raise ValueError(
            "`root` must hold the folders images/SPLIT and masks/SPLIT. "
            f"Received: a root without {folder}"
        )
    files = {}
    for path in sorted(folder.iterdir()):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in IMAGE_SUFFIXES:
            continue
        if suffix not in suffixes:
            raise ImageReadError(
                f"Cannot use {path} as a mask: masks must be PNG files."
            )
        if path.stem in files:
            raise ValueError(
                "A name must belong to one file only. "
                f"Received: {files[path.stem]} and {path}"
            )
        files[path.stem] = path
    return files


def _same_names(images, masks, image_folder, mask_folder):
    without_mask = set(images) - set(masks)
    if without_mask:
        raise ValueError(
            f"Each picture in {image_folder} must have a mask in "
            f"{mask_folder}. Without: {_listed(without_mask)}."
        )
    without_image = set(masks) - set(images)
    if without_image:
        raise ValueError(
            f"Each mask in {mask_folder} must have a picture in "
            f"{image_folder}. Without: {_listed(without_image)}."
        )


def _listed(names, most=5):
    names = sorted(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
