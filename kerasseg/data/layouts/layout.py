"""What a layout is, and what all of them need: files by name, and pairs."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasseg.data.folder import Pair
from kerasseg.data.folder import SegmentationPairs
from kerasseg.files import IMAGE_SUFFIXES
from kerasseg.labels import Labels

MaskReader = Callable[[Pair], np.ndarray]


@dataclass(frozen=True)
class Layout:
    """A way in which images and masks lie in a folder.

    Args:
        name: Name of the layout.
        files: The paths below the folder, in words.
        fits: Whether a folder looks like it; cheap, and never raises.
        splits: The names of the splits that are there.
        read: The samples of a split, given the folder, the split and the
            labels, or `None` for the labels that the files name.
    """

    name: str
    files: str
    fits: Callable[[Path], bool]
    splits: Callable[[Path], list[str]]
    read: Callable[[Path, str, Labels | None], SegmentationPairs]


def folders_in(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted.

    Args:
        folder: A folder, which need not exist.

    Returns:
        The names, without hidden ones.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def lists_in(folder: Path) -> list[str]:
    """The names of the lists `NAME.txt` in a folder, sorted.

    Args:
        folder: A folder, which need not exist.

    Returns:
        The names without suffix.
    """
    return sorted(path.stem for path in folder.glob("*.txt"))


def names_in(path: Path) -> list[str]:
    """The first word of each line of a list of samples.

    Args:
        path: A text file. Empty lines and those that begin with `#` are
            left out.

    Returns:
        The words, in order.

    Raises:
        ValueError: If the file is missing, no text or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"Cannot read the list {path}: {error}") from error
    names = [line.split()[0] for line in lines if line.strip()]
    names = [name for name in names if not name.startswith("#")]
    if not names:
        raise ValueError(f"The list {path} must name at least one sample.")
    return names


def files_below(
    folder: Path, suffix: str = "", suffixes: Iterable[str] = IMAGE_SUFFIXES
) -> dict[str, Path]:
    """The image files in a folder and all folders below it.

    Args:
        folder: The folder.
        suffix: End of the file names, with what stands before the dot, such
            as `"_label.png"`. Defaults to `""`: any of `suffixes`.
        suffixes: The suffixes of images, in lower case. Defaults to those
            of all image formats.

    Returns:
        The path of each file by its name: the path relative to the folder,
        with forward slashes, without the suffix.

    Raises:
        ValueError: If there is no such folder, or two files have one name.
    """
    if not folder.is_dir():
        raise ValueError(f"There must be a folder {folder}; it is not there.")
    ends = (suffix.lower(),) if suffix else tuple(suffixes)
    found = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or not path.name.lower().endswith(ends) or path.is_dir():
            continue
        text = relative.as_posix()
        name = text[: -len(suffix or path.suffix)]
        if name in found:
            raise ValueError(
                "A name must belong to one file only. "
                f"Received: {found[name]} and {path}"
            )
        found[name] = path
    return found


def paired(
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    labels: Labels,
    read_mask: MaskReader | None = None,
) -> SegmentationPairs:
    """The samples of two sets of files with the same names.

    Args:
        images: Files of the images by name.
        masks: Files of the masks by name.
        labels: What the ids mean.
        read_mask: How a mask is read, see `Pair`. Defaults to `None`.

    Returns:
        The samples, sorted by name.

    Raises:
        ValueError: If there is none, or a file has no partner.
    """
    for these, those, what in (
        (images, masks, "Each image must have a mask"),
        (masks, images, "Each mask must have an image"),
    ):
        alone = sorted(set(these) - set(those))
        if alone:
            more = f" and {len(alone) - 5} more" if len(alone) > 5 else ""
            where = these[alone[0]].parent
            raise ValueError(
                f"{what} of the same name. Without, in {where}: "
                f"{', '.join(alone[:5])}{more}."
            )
    pairs = [Pair(n, images[n], masks[n], read_mask) for n in sorted(images)]
    return SegmentationPairs(pairs, labels)


def listed(
    names: Iterable[str],
    image_of: Callable[[str], Path],
    mask_of: Callable[[str], Path],
    labels: Labels,
    read_mask: MaskReader | None = None,
) -> SegmentationPairs:
    """The samples that a list names.

    Args:
        names: Names of the samples, whose order is kept.
        image_of: Path of the image of a name.
        mask_of: Path of the mask of a name.
        labels: What the ids mean.
        read_mask: How a mask is read, see `Pair`. Defaults to `None`.

    Returns:
        The samples.

    Raises:
        ValueError: If a file is missing.
    """
    pairs = [Pair(n, image_of(n), mask_of(n), read_mask) for n in names]
    missing = [
        path
        for pair in pairs
        for path in (pair.image_path, pair.mask_path)
        if not path.is_file()
    ]
    if missing:
        raise ValueError(
            f"{len(missing)} files that the list names must be there. "
            f"Missing: {missing[0]}"
            + (", and others" if len(missing) > 1 else "")
        )
    return SegmentationPairs(pairs, labels)


def with_labels(labels: Labels | None, layout: str) -> Labels:
    """The labels that a layout needs, since its files name no classes.

    Args:
        labels: What the user gave.
        layout: Name of the layout, for the message.

    Returns:
        The labels.

    Raises:
        ValueError: If there are none.
    """
    if labels is None:
        raise ValueError(
            f"`labels` must be given for the layout {layout!r}, or the folder "
            "must hold a file labels.json with the class names."
        )
    return labels
