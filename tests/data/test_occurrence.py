import types
from pathlib import Path

import numpy as np
import pytest

from kerasseg.data.occurrence import Occurrence
from kerasseg.data.occurrence import where_masks_lie

NAMES = ("background", "cell", "wall")


def warning(*ids, num_classes=3, ignored=(255,)):
    occurrence = Occurrence(num_classes, ignored, NAMES[:num_classes])
    for id_ in ids:
        occurrence.add(np.full((3, 4), id_, "uint8"))
    return occurrence.warning()


@pytest.mark.parametrize("ids", [(0, 1, 2, 255), (0, 1), (0, 0), (255,), ()])
def test_nothing_to_say(ids):
    assert warning(*ids) == ""


def test_masks_of_0_and_255():
    assert warning(0, 255, 0, num_classes=2) == (
        "The class cell never occurs in the masks, while 255, which is "
        "ignored, does. Where 255 is the foreground, it must become 1: "
        "Labels(names, id_map={0: 0, 255: 1}), or "
        '"id_map": {"0": 0, "255": 1} in labels.json.'
    )


def test_an_absent_class_beside_others():
    told = "The classes background, wall never occur in the masks, while 255,"
    assert warning(1, 255).startswith(told)
    assert "id_map" not in warning(1, 255)


def test_an_ignored_class_may_be_absent():
    assert warning(0, 1, 255, ignored=(2, 255)) == ""
    assert warning(0, 1, 2, ignored=(0, 255)) == ""


def test_the_masks_are_named():
    occurrence = Occurrence(2, (255,), source="cells/masks/train")
    occurrence.add(np.array([[0, 255]]))
    told = "The class 1 never occurs in the masks of cells/masks/train, while"
    assert occurrence.warning().startswith(told)


def test_the_folder_of_the_masks():
    folder = types.SimpleNamespace(root="cells", split="train")
    assert where_masks_lie(folder) == str(Path("cells/masks/train"))
    assert where_masks_lie([], "the training data") == "the training data"


def test_classes_without_names():
    occurrence = Occurrence(20, (255,))
    occurrence.add(np.array([[0, 255]]))
    assert "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 9 more" in occurrence.warning()
