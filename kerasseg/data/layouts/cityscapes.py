"""Cityscapes, and IDD-Lite, which follows it."""

from pathlib import Path

from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import files_below
from kerasseg.data.layouts.layout import folders_in
from kerasseg.data.layouts.layout import paired
from kerasseg.label_sets import CITYSCAPES
from kerasseg.label_sets import IDD_LITE as IDD_LITE_LABELS

_IMAGES, _MASKS = "leftImg8bit", "gtFine"


def _splits(folder):
    masks = folders_in(folder / _MASKS)
    return [s for s in folders_in(folder / _IMAGES) if s in masks]


def _has(folder, pattern):
    return next((folder / _MASKS).glob(f"*/*/*{pattern}"), None) is not None


def _reader(image_suffix, mask_suffix, default):
    def read(folder, split, labels):
        images = files_below(Path(folder, _IMAGES, split), image_suffix)
        masks = files_below(Path(folder, _MASKS, split), mask_suffix)
        # The masks of instances, which end alike.
        masks = {n: masks[n] for n in masks if not n.endswith("_inst")}
        return paired(images, masks, labels or default)

    return read


LAYOUT = Layout(
    "cityscapes",
    "leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png and "
    "gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png",
    lambda folder: _has(folder, "_gtFine_labelIds.png"),
    _splits,
    _reader("_leftImg8bit.png", "_gtFine_labelIds.png", CITYSCAPES),
)

IDD_LITE = Layout(
    "idd_lite",
    "leftImg8bit/SPLIT/DRIVE/NAME_image.jpg and "
    "gtFine/SPLIT/DRIVE/NAME_label.png",
    lambda folder: _has(folder, "_label.png"),
    _splits,
    _reader("_image.jpg", "_label.png", IDD_LITE_LABELS),
)
