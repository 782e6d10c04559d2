"""The contract of TensorFlow Datasets, on samples that the test makes."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasseg.data import SOURCES
from kerasseg.data import load

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("dill")

from kerasseg.data.tfds import Camvid  # noqa: E402
from kerasseg.data.tfds import IddLite  # noqa: E402
from kerasseg.data.tfds import Nuclei  # noqa: E402

COUNTS = {"train": 3, "val": 2, "test": 1}


def write(root, name, splits):
    """Writes a small dataset."""
    rng = np.random.default_rng(1)
    classes = SOURCES[name].labels.num_classes
    for split in splits:
        for index in range(COUNTS[split]):
            image = rng.integers(0, 256, (33, 47, 3), dtype="uint8")
            mask = rng.integers(0, classes, (33, 47), dtype="uint8")
            mask[0, :3] = 255
            for kind, pixels in (("images", image), ("masks", mask)):
                path = Path(root, name, kind, split, f"{split}{index}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)


class _Builder(tfds.testing.DatasetBuilderTestCase):
    """The tests of TensorFlow Datasets for one builder."""

    BUILDER_CONFIG_NAMES_TO_TEST = ["as_found"]

    @classmethod
    def setUpClass(cls):
        if cls.DATASET_CLASS is None:
            raise unittest.SkipTest("it has no builder of its own")
        cls._folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls._folder.cleanup)
        cls.EXAMPLE_DIR = cls._folder.name
        splits = cls.DATASET_CLASS.SPLITS
        cls.SPLITS = {split: COUNTS[split] for split in splits}
        write(cls.EXAMPLE_DIR, cls.DATASET_CLASS.name, splits)
        super().setUpClass()


class CamvidTest(_Builder):
    DATASET_CLASS = Camvid


class NucleiTest(_Builder):
    DATASET_CLASS = Nuclei


class IddLiteTest(_Builder):
    DATASET_CLASS = IddLite


del _Builder


@pytest.mark.parametrize("builder", [Camvid, Nuclei, IddLite])
def test_other_files_than_the_known_ones_are_refused(
    builder, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    write(tmp_path, builder.name, builder.SPLITS)
    checked = tfds.builder(builder.name, data_dir=tmp_path / "prepared")
    with pytest.raises(ValueError, match="with the known hashes"):
        checked.download_and_prepare()
    assert not checked.is_prepared()


def test_files_that_are_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASSEG_DATA", str(tmp_path))
    builder = tfds.builder("camvid", data_dir=tmp_path / "prepared")
    with pytest.raises(ValueError, match="`kerasseg data camvid` says"):
        builder.download_and_prepare()


def _prepared(name, folder):
    builder = tfds.builder(name, data_dir=folder)
    builder.download_and_prepare(file_format="array_record")
    return builder


@pytest.mark.slow
@pytest.mark.needs_data("nuclei")
def test_the_real_files(tmp_path):
    _compare_with_files("nuclei", tmp_path)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.needs_data("camvid", "idd_lite")
@pytest.mark.parametrize("name", ["camvid", "idd_lite"])
def test_more_of_the_real_files(name, tmp_path):
    _compare_with_files(name, tmp_path)


def _compare_with_files(name, folder):
    builder = _prepared(name, folder)
    splits = {k: v.num_examples for k, v in builder.info.splits.items()}
    known = type(builder).SPLITS
    assert splits == {split: known[split].count for split in known}
    files = load(name, "val")
    index = {pair.name: i for i, pair in enumerate(files.pairs)}
    for element in builder.as_data_source("val"):
        image, mask = files[index.pop(element["name"].decode())]
        np.testing.assert_array_equal(element["image"], image)
        ids = element["segmentation_mask"][..., 0]
        np.testing.assert_array_equal(ids, mask)
    assert not index
