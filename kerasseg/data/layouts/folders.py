"""Folders of pairs, with any suffixes, sub-folders and kinds of masks."""

import os
from collections.abc import Mapping
from pathlib import Path

from kerasseg.channels import RGB
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.layouts.color import color_reader
from kerasseg.data.layouts.layout import files_below
from kerasseg.data.layouts.layout import paired
from kerasseg.labels import Color
from kerasseg.labels import Labels


def pairs_in_folders(
    images: str | os.PathLike,
    masks: str | os.PathLike,
    labels: Labels,
    image_suffix: str = "",
    mask_suffix: str = "",
    colors: Mapping[Color, int] | None = None,
    channels: int = RGB,
) -> SegmentationPairs:
    """Samples from a folder of images and a folder of masks.

    Files are paired by name: the path below the folder without the suffix,
    in sub-folders too. Both folders may be the same one where the suffixes
    tell images and masks apart.

    Args:
        images: Folder of the images.
        masks: Folder of the masks.
        labels: What the ids mean; its `id_map` says what becomes of the ids
            in the files.
        image_suffix: End of the names of images, such as `"_image.jpg"`.
            Defaults to `""`: the suffix of any image format.
        mask_suffix: End of the names of masks, such as `"_label.png"`.
            Defaults to `""`.
        colors: Id of each color `(red, green, blue)`, where masks are
            images in which colors stand for classes. `labels.colors()` has
            those of the palette. Defaults to `None`: the values of gray
            masks, and the indices of palette masks, are the ids.
        channels: Integer from 1 to 16. Channels of the images, see
            `kerasseg.data.read_image`. Defaults to 3, RGB.

    Returns:
        The samples, sorted by name.

    Raises:
        ValueError: If a folder is missing or a file has no partner.

    Example:

    >>> data = pairs_in_folders(
    ...     "photos", "painted", labels, mask_suffix="_L.png",
    ...     colors={**labels.colors(), (0, 0, 0): 255},
    ... )
    """
    image_files = files_below(Path(images), image_suffix)
    mask_files = files_below(Path(masks), mask_suffix)
    if not image_files and not mask_files:
        raise ValueError(
            f"`images` must hold images; there are none in {images}"
            + (f" that end in {image_suffix!r}." if image_suffix else ".")
        )
    read = None if colors is None else color_reader(colors)
    return paired(image_files, mask_files, labels, read).with_channels(channels)
