"""Pascal VOC, with the further masks of SBD."""

from pathlib import Path

import numpy as np

from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.folder import merge
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import listed
from kerasseg.data.layouts.layout import lists_in
from kerasseg.data.layouts.layout import names_in
from kerasseg.data.layouts.matlab import read_matlab
from kerasseg.ids import class_ids
from kerasseg.label_sets import VOC

_LISTS = Path("ImageSets", "Segmentation")
# The images of val that no model saw which was trained on SBD's train; of VOC
# 2011 those are 736.
_HELD_OUT = "seg11valid"
_SBD = (Path("benchmark_RELEASE", "dataset"), Path("sbd"), Path("SBD"))


def _fits(folder):
    return (folder / "JPEGImages").is_dir() and (folder / _LISTS).is_dir()


def _splits(folder):
    splits = lists_in(folder / _LISTS)
    if "train" not in splits or _sbd(folder) is None:
        return splits
    return list(dict.fromkeys([*splits, "train_aug", _HELD_OUT]))


def _read(folder, split, labels):
    labels = labels or VOC
    lists = folder / _LISTS
    if split == "train_aug" and not (lists / "train_aug.txt").is_file():
        return _augmented(folder, labels)
    if split == _HELD_OUT and not (lists / f"{split}.txt").is_file():
        known = set(names_in(_sbd(folder) / "train.txt"))
        return _read(folder, "val", labels).subset(lambda n: n not in known)
    # train_aug.txt belongs to the masks of SBD that others have converted.
    masks = "SegmentationClassAug" if "aug" in split else "SegmentationClass"
    return listed(
        names_in(lists / f"{split}.txt"),
        lambda name: folder / "JPEGImages" / f"{name}.jpg",
        lambda name: folder / masks / f"{name}.png",
        labels,
    )


def _sbd(folder):
    """The folder of SBD beside or inside of one of VOC, if there is one."""
    for parent in (folder, *folder.parents[:2]):
        for path in _SBD:
            if _sbd_fits(parent / path):
                return parent / path
    return None


def _augmented(folder, labels) -> SegmentationPairs:
    """The training images of VOC, and all of SBD outside of VOC's lists."""
    train = _read(folder, "train", labels)
    known = {*train.names, *_read(folder, "val", labels).names}
    more = _read_sbd(_sbd(folder), "train+val", labels)
    return merge(train, more.subset(lambda name: name not in known))


def _sbd_fits(folder):
    return all((folder / name).is_dir() for name in ("img", "cls"))


def _read_sbd(folder, split, labels):
    names = [n for s in split.split("+") for n in names_in(folder / f"{s}.txt")]
    return listed(
        names,
        lambda name: folder / "img" / f"{name}.jpg",
        lambda name: folder / "cls" / f"{name}.mat",
        labels or VOC,
        _read_cls,
    )


def _read_cls(pair) -> np.ndarray:
    content = read_matlab(pair.mask_path, "GTcls")
    return class_ids(content["Segmentation"][0, 0], str(pair.mask_path))


def _sbd_splits(folder):
    return [s for s in ("train", "val") if (folder / f"{s}.txt").is_file()]


LAYOUT = Layout(
    "voc",
    "JPEGImages/NAME.jpg, SegmentationClass/NAME.png and "
    "ImageSets/Segmentation/{train,val,trainval}.txt; with SBD beside it "
    "(benchmark_RELEASE/dataset), also the splits train_aug and, of VOC 2011, "
    "seg11valid",
    _fits,
    _splits,
    _read,
)

SBD = Layout(
    "sbd",
    "img/NAME.jpg, cls/NAME.mat, train.txt and val.txt",
    _sbd_fits,
    _sbd_splits,
    _read_sbd,
)
