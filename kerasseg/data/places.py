"""Where datasets are kept, and what is known of those there."""

import dataclasses
import difflib
import os
from pathlib import Path

from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.table import LAYOUTS
from kerasseg.data.sources import SOURCES
from kerasseg.data.sources import DatasetSource
from kerasseg.files import cache_folder
from kerasseg.files import read_json
from kerasseg.files import user_path
from kerasseg.labels import Labels

LABELS_FILE = "labels.json"


def data_root() -> Path:
    """Folder in which datasets are looked for.

    Returns:
        The folder that the environment variable `KERASSEG_DATA` names, else
        `data` in `KERASSEG_HOME`, else `kerasseg/data` in the user's cache
        folder (`XDG_CACHE_HOME`, else `~/.cache`). It need not exist.
    """
    if os.environ.get("KERASSEG_DATA"):
        return user_path(os.environ["KERASSEG_DATA"])
    return cache_folder() / "data"


def located(
    name: str | os.PathLike, root: str | os.PathLike | None = None
) -> tuple[Path, Layout | None, Labels | None]:
    """Where the dataset of a name is, or the folder of a path.

    Args:
        name: Name of a known dataset, or the path of a folder.
        root: Folder of the dataset, if `name` is a name. Defaults to the
            folder of that name in `data_root()`.

    Returns:
        The folder; the layout of its files, or `None` where it has none; and
        the labels of a known dataset, else `None`.

    Raises:
        ValueError: If the name is unknown or the data is not there.
    """
    if str(name) in SOURCES:
        source = SOURCES[str(name)]
        found = find(source, root)
        if found is None:
            raise ValueError(_missing(source, root))
        return *found, _labels_for(source, found[1])
    folder = user_path(name)
    if not folder.is_dir():
        raise ValueError(_unknown(str(name)))
    return folder, _layout(folder), None


def find(
    source: DatasetSource, root: str | os.PathLike | None = None
) -> tuple[Path, Layout] | None:
    """Where a dataset is, and how its files lie there.

    Args:
        source: The dataset.
        root: Its folder. Defaults to `None`: the first of its folders below
            `data_root()` that is laid out as one of its layouts.

    Returns:
        The folder and the layout, or `None` if there is no such folder.
    """
    if root is not None:
        places = [user_path(root)]
    else:
        places = [data_root() / name for name in (source.name, *source.folders)]
    published = LAYOUTS[source.layout]
    for folder in places:
        for layout in (LAYOUTS["folders"], published):
            if layout.fits(folder):
                return folder, layout
    there = (folder for folder in places if folder.is_dir())
    return next(((folder, published) for folder in there), None)


def _layout(folder):
    """The layout of a folder of which no more is known, if it has one."""
    return next((kind for kind in LAYOUTS.values() if kind.fits(folder)), None)


def _labels_for(source, layout):
    """Labels of a dataset; in plain folders the masks hold class ids."""
    if layout is LAYOUTS[source.layout] and source.layout != "folders":
        return source.labels
    return dataclasses.replace(source.labels, id_map=())


def labels_in(folder: Path, layout: Layout) -> Labels | None:
    """The labels in the file `labels.json` of a folder.

    Args:
        folder: The folder of a dataset.
        layout: How its files lie there.

    Returns:
        The labels, or `None` where there is no such file and the layout may
        name the classes itself.

    Raises:
        ValueError: If the file is missing or cannot be used.
    """
    if (folder / LABELS_FILE).is_file() or layout is LAYOUTS["folders"]:
        return _read_labels(folder / LABELS_FILE)
    return None


def _missing(source, root):
    folder = data_root() / source.name if root is None else user_path(root)
    plain = "images/SPLIT/NAME.jpg and masks/SPLIT/NAME.png"
    layout = LAYOUTS[source.layout]
    published = "" if source.layout == "folders" else f", or {layout.files}"
    return (
        f"The dataset {source.name!r} is not in {folder}. Its files come "
        f"from {source.page} (terms: {source.terms}); `kerasseg data "
        f"{source.name}` says how to get them. Set the environment variable "
        f"KERASSEG_DATA to the folder that holds {source.name}/ with {plain}"
        f"{published}."
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
        return Labels.from_json(read_json(path))
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"Cannot use {path}: {error}") from error
