"""PASCAL-Context, 59 classes on the images of VOC 2010."""

import functools
from pathlib import Path

import numpy as np

from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import listed
from kerasseg.data.layouts.layout import lists_in
from kerasseg.data.layouts.layout import names_in
from kerasseg.data.layouts.matlab import read_matlab
from kerasseg.ids import class_ids
from kerasseg.label_sets import PASCAL_CONTEXT

_LISTS = Path("ImageSets", "SegmentationContext")
_MASKS = "SegmentationClassContext"
_RAW = "trainval"
_RAW_LISTS = Path("ImageSets", "Main")

# The list of the 59 classes and that of all 459 differ in these names, see
# github.com/shelhamer/fcn.berkeleyvision.org, pascalcontext_layers.py.
_OTHER_NAMES = {
    "diningtable": "table",
    "bedcloth": "bedclothes",
    "clothes": "cloth",
}


def _converted(folder):
    return all((folder / path).is_dir() for path in (_LISTS, _MASKS))


def _raw(folder):
    there = (folder / "JPEGImages", folder / _RAW)
    return all(p.is_dir() for p in there) and (folder / "labels.txt").is_file()


def _splits(folder):
    if _converted(folder):
        return lists_in(folder / _LISTS)
    lists = lists_in(folder / _RAW_LISTS)
    return [s for s in ("train", "val", "trainval") if s in lists]


def _read(folder, split, labels):
    converted = _converted(folder)
    labels = labels or PASCAL_CONTEXT.reduce_zero_label()
    kind, suffix = (_MASKS, ".png") if converted else (_RAW, ".mat")
    names = names_in(
        folder / (_LISTS if converted else _RAW_LISTS) / f"{split}.txt"
    )
    if not converted:
        # The lists of VOC 2010 have images without a mask here.
        names = [n for n in names if (folder / kind / f"{n}.mat").is_file()]
    return listed(
        names,
        lambda name: folder / "JPEGImages" / f"{name}.jpg",
        lambda name: folder / kind / f"{name}{suffix}",
        labels,
        None if converted else _Raw(folder / "labels.txt"),
    )


class _Raw:
    """Reads a mask of 459 classes as one of 59 and background, 0."""

    def __init__(self, path):
        self.path = path

    @functools.cached_property
    def table(self):
        lines = self.path.read_text(encoding="utf-8").splitlines()
        pairs = (line.partition(":") for line in lines if ":" in line)
        ids = {name.strip().replace(" ", ""): int(i) for i, _, name in pairs}
        table = np.zeros(max(ids.values(), default=0) + 1, "uint8")
        for new, name in enumerate(PASCAL_CONTEXT.class_names, 1):
            found = ids.get(_OTHER_NAMES.get(name, name), ids.get(name))
            if found is None:
                raise ValueError(
                    f"{self.path} must name the class {name!r}, as a line "
                    f'like "1: aeroplane". It names {len(ids)} classes.'
                )
            table[found] = new
        return table

    def __call__(self, pair):
        ids = class_ids(
            read_matlab(pair.mask_path, "LabelMap"), str(pair.mask_path)
        )
        if ids.min() < 0 or ids.max() >= len(self.table):
            raise ValueError(
                f"The mask {pair.mask_path} must hold ids that {self.path} "
                f"names. Received: {ids.min()} to {ids.max()}"
            )
        return self.table[ids]


LAYOUT = Layout(
    "pascal_context",
    "JPEGImages/NAME.jpg, with SegmentationClassContext/NAME.png (0 is "
    "background) and ImageSets/SegmentationContext/{train,val}.txt, or with "
    "trainval/NAME.mat, labels.txt and ImageSets/Main/{train,val}.txt",
    lambda folder: _converted(folder) or _raw(folder),
    _splits,
    _read,
)
