"""What goes wrong inside of the input reaches the caller as it was."""

import shutil

import numpy as np
import pytest
from PIL import Image

from kerasseg.data import ImageReadError
from kerasseg.data import Labels
from kerasseg.data import SegmentationFolder
from kerasseg.training import fit


@pytest.fixture
def folder(tmp_path, draw):
    """Eight samples in files."""
    for index, (image, mask) in enumerate(draw()):
        for kind, array in (("images", image), ("masks", mask)):
            path = tmp_path / "data" / kind / "train" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    labels = Labels(("red", "green", "blue"))
    return SegmentationFolder(tmp_path / "data", "train", labels)


@pytest.mark.every_backend
def test_ids_that_an_augmentation_makes_up(make_recipe, tmp_path):
    def wrong(image, mask, rng):
        return image, np.where(mask == 2, 77, mask)

    with pytest.raises(
        ValueError, match=r"augmentation of sample \d .*unknown .*ids: 77\."
    ):
        fit(make_recipe(augmentation=wrong), tmp_path / "run", verbose=0)


@pytest.mark.every_backend
def test_a_dataset_that_disappears_in_mid_epoch(make_recipe, tmp_path, folder):
    kept = tmp_path / "kept"
    calls = []

    def augmentation(image, mask, rng):
        calls.append(1)
        # In the second epoch; a first batch may have been looked at before.
        if len(calls) == 15:
            folder.pairs[0].image_path.parents[2].rename(kept)
        return image, mask

    recipe = make_recipe(train=lambda: folder, augmentation=augmentation)
    run = tmp_path / "run"
    with pytest.raises(
        ImageReadError, match=r"Cannot read .*\.png: there is no such file"
    ):
        fit(recipe, run, verbose=0)
    assert (run / "log.csv").read_text().count("\n") == 2

    # What was finished is kept, and the run goes on once the files are back.
    shutil.move(kept, folder.pairs[0].image_path.parents[2])
    calls += [1] * 15
    fit(recipe, run, verbose=0)
    assert (run / "log.csv").read_text().count("\n") == 3
