"""CamVid as it lies in the repository of SegNet's tutorial."""

import dataclasses

from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import files_below
from kerasseg.data.layouts.layout import folders_in
from kerasseg.data.layouts.layout import paired
from kerasseg.label_sets import CAMVID

_VOID = 11


def _splits(folder):
    there = folders_in(folder)
    return [s for s in there if f"{s}annot" in there]


def _read(folder, split, labels):
    labels = labels or CAMVID
    if not labels.id_map and _VOID not in labels.ignore_classes:
        ids = {i: i for i in range(min(labels.num_classes, _VOID))}
        labels = dataclasses.replace(labels, id_map={**ids, _VOID: labels.void})
    return paired(
        files_below(folder / split),
        files_below(folder / f"{split}annot"),
        labels,
    )


LAYOUT = Layout(
    "segnet",
    "{train,val,test}/NAME.png and {train,val,test}annot/NAME.png, id 11 void",
    lambda folder: bool(_splits(folder)),
    _splits,
    _read,
)
