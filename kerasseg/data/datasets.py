"""Datasets by name."""

import os

from kerasseg.channels import RGB
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.folder import merge
from kerasseg.data.from_tfds import PREFIX
from kerasseg.data.from_tfds import from_tfds
from kerasseg.data.layouts.table import LAYOUTS
from kerasseg.data.places import labels_in
from kerasseg.data.places import located
from kerasseg.labels import Labels


def camvid(
    split: str = "train", root: str | os.PathLike | None = None
) -> SegmentationPairs:
    """CamVid, the version with 11 classes at 360x480.

    Args:
        split: `"train"` (367 images), `"val"` (101) or `"test"` (233), or
            several joined by a plus sign. Defaults to `"train"`.
        root: Folder of the dataset. Defaults to `camvid` in `data_root()`.

    Returns:
        The samples.

    Raises:
        ValueError: If the dataset or the split is not there.
    """
    return load("camvid", split, root)


def nuclei(
    split: str = "train", root: str | os.PathLike | None = None
) -> SegmentationPairs:
    """Cell nuclei in microscope images, a part of the 2018 Data Science Bowl.

    Args:
        split: `"train"` (150 images), `"val"` (50) or `"test"` (50), or
            several joined by a plus sign. Defaults to `"train"`.
        root: Folder of the dataset. Defaults to `nuclei` in `data_root()`.

    Returns:
        The samples.

    Raises:
        ValueError: If the dataset or the split is not there.
    """
    return load("nuclei", split, root)


def idd_lite(
    split: str = "train", root: str | os.PathLike | None = None
) -> SegmentationPairs:
    """IDD-Lite, small images of streets in India.

    Args:
        split: `"train"` (1403 images) or `"val"` (204), or both joined by a
            plus sign. Defaults to `"train"`.
        root: Folder of the dataset. Defaults to `idd_lite` in `data_root()`.

    Returns:
        The samples.

    Raises:
        ValueError: If the dataset or the split is not there.
    """
    return load("idd_lite", split, root)


def animals(
    split: str = "train", root: str | os.PathLike | None = None
) -> SegmentationPairs:
    """Animals and people, a part of Pascal VOC 2012.

    All other classes of Pascal VOC are void.

    Args:
        split: `"train"` (3131 images of VOC's augmented training set) or
            `"val"` (445 of VOC's validation set), or both joined by a plus
            sign. Defaults to `"train"`.
        root: Folder of the dataset. Defaults to `animals` in `data_root()`.

    Returns:
        The samples.

    Raises:
        ValueError: If the dataset or the split is not there.
    """
    return load("animals", split, root)


def load(
    name: str | os.PathLike,
    split: str = "train",
    root: str | os.PathLike | None = None,
    labels: Labels | None = None,
    channels: int = RGB,
) -> SegmentationPairs:
    """A dataset by its name, or any folder in the same layout.

    A folder of one's own holds `images/SPLIT/NAME.jpg`,
    `masks/SPLIT/NAME.png` and, unless `labels` is given, a file
    `labels.json` with `class_names` and optionally `palette` and
    `ignore_classes`.

    Args:
        name: A name in `SOURCES`, such as `"camvid"`; or the path of a folder;
            or `tfds:` and the name of a dataset of TensorFlow Datasets, see
            `from_tfds`.
        split: A split, or several joined by a plus sign (`"train+val"`).
            Defaults to `"train"`.
        root: Folder of the dataset, if `name` is a name. Defaults to the
            folder of that name in `data_root()`.
        labels: What the ids mean. Defaults to those of the dataset.
        channels: Integer from 1 to 16. Channels of the images, see
            `kerasseg.data.read_image`. Defaults to 3, RGB.

    Returns:
        The samples.

    Raises:
        ValueError: If the name is unknown, the data is not there, or a split
            is missing.
    """
    if str(name).startswith(PREFIX):
        return from_tfds(
            str(name).removeprefix(PREFIX), split, labels, channels=channels
        )
    folder, layout, known = located(name, root)
    layout = layout or LAYOUTS["folders"]
    labels = labels or known or labels_in(folder, layout)
    parts = split.split("+")
    _check_splits(folder, layout, parts)
    folders = [layout.read(folder, part, labels) for part in parts]
    data = folders[0] if len(folders) == 1 else merge(*folders)
    return data if channels == data.channels else data.with_channels(channels)


def _check_splits(folder, layout, parts):
    there = layout.splits(folder)
    absent = [part for part in parts if part not in there]
    if absent:
        where = folder / "images" if layout.name == "folders" else folder
        wanted = "" if there else f" Its files should be {layout.files}."
        raise ValueError(
            f"`split` must be one of the splits in {where}: "
            f"{', '.join(there) or 'there are none'}.{wanted} "
            f"Received: split={'+'.join(parts)!r}"
        )
