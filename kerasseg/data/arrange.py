"""Lays the files of public repositories out as a dataset."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kerasseg.data.image import read_mask
from kerasseg.files import dead_temporaries
from kerasseg.files import is_temporary_of
from kerasseg.files import temporary_name
from kerasseg.ids import VOID

# Ids of Pascal VOC of the classes of `ANIMALS`, in its order.
_VOC_IDS = (0, 8, 12, 13, 10, 17, 15)


def arrange(
    name: str,
    checkouts: Sequence[str | os.PathLike],
    folder: str | os.PathLike,
) -> dict[str, int]:
    """Writes a dataset from checkouts of the repositories that hold it.

    The folder is there once all of it is, so that a run that was interrupted
    leaves no smaller dataset.

    Args:
        name: `"idd_lite"` or `"animals"`.
        checkouts: Folders, in the order in which `kerasseg data NAME` names
            them.
        folder: Folder of the dataset, which must not be there yet.

    Returns:
        The number of samples of each split.

    Raises:
        ValueError: If the dataset has no such steps, the checkouts are not
            those that hold it, or the folder is there.
    """
    if name not in CHECKOUTS:
        raise ValueError(
            f"`name` must be one of {', '.join(CHECKOUTS)}. "
            f"Received: name={name!r}"
        )
    expected, pairs = CHECKOUTS[name]
    if len(checkouts) != len(expected):
        raise ValueError(
            f"`checkouts` must be folders of {' and '.join(expected)}. "
            f"Received: {len(checkouts)} folders"
        )
    folder = Path(folder)
    if folder.exists():
        raise ValueError(
            "`folder` must not be there yet. "
            f"Received: folder={str(folder)!r}"
        )
    counts = {}
    with _whole_folder(folder) as temporary:
        for split, sample, image, mask in pairs(*map(Path, checkouts)):
            _write(temporary, split, sample, image, mask)
            counts[split] = counts.get(split, 0) + 1
        if not counts:
            raise ValueError(
                f"`checkouts` must hold {' and '.join(expected)}. "
                f"Received: no pairs in {', '.join(map(str, checkouts))}"
            )
    return counts


@contextlib.contextmanager
def _whole_folder(folder):
    """A temporary folder that becomes `folder` when the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in dead_temporaries(folder.parent):
        if is_temporary_of(folder, left.name):
            shutil.rmtree(left, ignore_errors=True)
    temporary = folder.with_name(temporary_name(folder))
    try:
        yield temporary
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(folder, split, sample, image, mask):
    suffix = ".jpg" if image.suffix.lower() == ".jpeg" else image.suffix.lower()
    image_path = folder / "images" / split / f"{sample}{suffix}"
    mask_path = folder / "masks" / split / f"{sample}.png"
    for path in (image_path, mask_path):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(image, image_path)
    Image.fromarray(mask).save(mask_path, optimize=True)


def _idd_lite(checkout):
    """Splits, names, images and masks of IDD-Lite."""
    root = checkout / "idd20k_lite"
    for split in ("train", "val"):
        images = root / "leftImg8bit" / split
        for image in sorted(images.glob("*/*_image.jpg")):
            place, name = image.parent.name, image.stem.removesuffix("_image")
            mask = root / "gtFine" / split / place / f"{name}_label.png"
            if mask.is_file():
                yield split, f"{place}_{name}", image, read_mask(mask)


def _animals(masks, images):
    """Splits, names, images and masks of the animals of Pascal VOC."""
    table = np.full(VOID + 1, VOID, "uint8")
    for index, voc_id in enumerate(_VOC_IDS):
        table[voc_id] = index
    names = masks / "train.txt"
    if not names.is_file():
        return
    train = set(names.read_text(encoding="utf-8").split())
    for image in sorted((images / "images").iterdir()):
        mask = masks / "SegmentationClassAug" / f"{image.stem}.png"
        if mask.is_file():
            split = "train" if image.stem in train else "val"
            yield split, image.stem, image, table[read_mask(mask)]


# What the checkouts are, and what lists the samples in them.
CHECKOUTS = {
    "idd_lite": (("IDD",), _idd_lite),
    "animals": (
        ("Nested-unet", "Atividade_programacao_pose_estimation"),
        _animals,
    ),
}
