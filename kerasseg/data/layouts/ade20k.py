"""ADE20K, in the form of its scene parsing benchmark."""

from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import files_below
from kerasseg.data.layouts.layout import paired
from kerasseg.label_sets import ADE20K

_SPLITS = {"train": "training", "val": "validation"}


def _splits(folder):
    masks = folder / "annotations"
    return [s for s in _SPLITS if (masks / _SPLITS[s]).is_dir()]


def _read(folder, split, labels):
    return paired(
        files_below(folder / "images" / _SPLITS[split]),
        files_below(folder / "annotations" / _SPLITS[split], ".png"),
        labels or ADE20K.reduce_zero_label(),
    )


LAYOUT = Layout(
    "ade20k",
    "images/{training,validation}/NAME.jpg and "
    "annotations/{training,validation}/NAME.png",
    lambda folder: bool(_splits(folder)),
    _splits,
    _read,
)
