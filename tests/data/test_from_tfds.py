import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from source import ROOT

from kerasseg import data
from kerasseg.data import Labels
from kerasseg.data import check
from kerasseg.data import from_tfds
from kerasseg.data import load

pytest.importorskip("tensorflow_datasets")

NAME = "nuclei/as_found"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of datasets that holds a small one in the place of nuclei."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        for index in range(count):
            image = rng.integers(0, 256, (33, 47 + index, 3), dtype="uint8")
            mask = rng.integers(0, 2, (33, 47 + index), dtype="uint8")
            mask[0, :3] = 255
            for kind, pixels in (("images", image), ("masks", mask)):
                path = root / "nuclei" / kind / split / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return root


@pytest.fixture(scope="module")
def prepared(root, tmp_path_factory):
    """Two folders with the dataset of `root`, for random access and not."""
    import tensorflow_datasets as tfds

    import kerasseg.data.tfds  # noqa: F401

    folders = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASSEG_DATA", str(root))
        for form in ("array_record", "tfrecord"):
            folders[form] = tmp_path_factory.mktemp(form)
            builder = tfds.builder(NAME, data_dir=folders[form])
            builder.download_and_prepare(file_format=form)
    return folders


def by_size(samples):
    """Samples by their width, since their order is shuffled on disk."""
    return {mask.shape[1]: (image, mask) for image, mask in samples}


@pytest.mark.parametrize("form", ["array_record", "tfrecord"])
def test_the_samples_are_those_of_the_files(prepared, root, form):
    pytest.importorskip("array_record")
    found = from_tfds(NAME, "train", data_dir=prepared[form])
    assert type(found).__name__ == {
        "array_record": "TfdsSamples",
        "tfrecord": "TfDataSamples",
    }[form]
    assert len(found) == 3
    assert found.labels == data.NUCLEI
    expected = load("nuclei", "train", root / "nuclei")
    found, expected = by_size(found), by_size(expected)
    assert set(found) == set(expected)
    for width, (image, mask) in expected.items():
        np.testing.assert_array_equal(found[width][0], image)
        np.testing.assert_array_equal(found[width][1], mask)
        assert found[width][1].dtype == np.uint8


def test_the_tail_of_a_split(prepared):
    folder = prepared["array_record"]
    assert len(from_tfds(NAME, "train[:2]", data_dir=folder)) == 2


def test_labels_and_keys_that_are_given(prepared):
    labels = Labels(("nucleus", "rest"), id_map={1: 0, 0: 1})
    usual = from_tfds(NAME, "val", data_dir=prepared["array_record"])
    found = from_tfds(
        NAME,
        "val",
        labels,
        image_key="image",
        mask_key="segmentation_mask",
        data_dir=prepared["array_record"],
    )
    assert found.labels is labels
    before, after = usual[1][1], found[1][1]
    np.testing.assert_array_equal(before == 255, after == 255)
    np.testing.assert_array_equal((before == 0), (after == 1))
    with pytest.raises(IndexError, match="out of range"):
        found[2]
    with pytest.raises(ValueError, match="image, segmentation_mask, name"):
        from_tfds(NAME, mask_key="masks", data_dir=prepared["tfrecord"])


def test_what_is_not_prepared(tmp_path):
    with pytest.raises(ValueError, match=r"tfds build nuclei.*Without a net"):
        from_tfds("nuclei", data_dir=tmp_path)
    with pytest.raises(ValueError, match="tfds build oxford_iiit_pet"):
        from_tfds("oxford_iiit_pet", data_dir=tmp_path)


def test_names_that_are_not_there(prepared, tmp_path):
    with pytest.raises(ValueError, match=r"Did you mean nuclei.*'nuclai'"):
        from_tfds("nuclai", data_dir=tmp_path)
    with pytest.raises(ValueError, match="`name` must be a dataset that can"):
        from_tfds("nuclei/unheard_of", data_dir=tmp_path)
    with pytest.raises(ValueError, match="`split` must be one of"):
        from_tfds(NAME, "dev", data_dir=prepared["array_record"])


def test_datasets_without_masks_or_names(tmp_path):
    with pytest.raises(ValueError, match="`mask_key` must be one of"):
        from_tfds("caltech101", data_dir=tmp_path)
    with pytest.raises(ValueError, match="`labels` must be given"):
        from_tfds("caltech_birds2011", data_dir=tmp_path)


def test_it_is_found_by_a_prefix(prepared):
    import tensorflow_datasets as tfds

    tfds.core.add_data_dir(prepared["array_record"])
    report = check(f"tfds:{NAME}")
    assert not report.errors
    assert {k: v.samples for k, v in report.splits.items()} == {
        "train": 3,
        "val": 2,
        "test": 1,
    }
    assert report.labels == data.NUCLEI
    assert len(load(f"tfds:{NAME}", "val")) == 2
    with pytest.raises(ValueError, match="Without a network"):
        check("tfds:oxford_iiit_pet")


@pytest.mark.slow
@pytest.mark.one_backend
def test_tensorflow_may_be_absent(prepared, tmp_path):
    absent = tmp_path / "tensorflow" / "__init__.py"
    absent.parent.mkdir()
    absent.write_text("raise ModuleNotFoundError('no', name='tensorflow')")
    code = (
        "import sys; from kerasseg.data import from_tfds; "
        f"image, mask = from_tfds({NAME!r}, 'val', data_dir=sys.argv[1])[1]; "
        "print(image.shape, mask.shape, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, prepared["array_record"]],
        env={
            **os.environ,
            "KERAS_BACKEND": "torch",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "False"
