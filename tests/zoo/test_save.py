import json
import os

import keras
import numpy as np
import pytest

from kerasseg import zoo
from kerasseg.data.labels import NUCLEI
from kerasseg.data.labels import Labels
from kerasseg.losses import SegmentationLoss
from kerasseg.metrics import MeanIoU
from kerasseg.zoo import WeightsError

LABELS = Labels(("sky", "road", "car", "tree", "pole"), ignore_classes=(9,))


@pytest.fixture
def folder(tmp_path, trained):
    folder = tmp_path / "models" / "mine"
    zoo.save(trained, folder, LABELS)
    return folder


def test_round_trip(folder, trained, rng):
    images = rng.uniform(0, 255, (2, 33, 47, 3)).astype("float32")
    model = zoo.load(folder)
    expected = keras.ops.convert_to_numpy(trained(images))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model(images)), expected
    )
    again = zoo.load(str(folder), image_shape=(33, 47, 3))
    assert again.input_shape == (None, 33, 47, 3)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(again(images)), expected, rtol=1e-5
    )


def test_a_compiled_model(tmp_path, trained, rng):
    trained.compile("adamw", SegmentationLoss(), metrics=[MeanIoU(5)])
    images = rng.uniform(0, 255, (2, 33, 47, 3)).astype("float32")
    trained.train_on_batch(images, rng.integers(0, 5, (2, 33, 47)))
    zoo.save(trained, tmp_path / "fine_tuned", LABELS)
    np.testing.assert_array_equal(
        zoo.load(tmp_path / "fine_tuned").predict_on_batch(images),
        trained.predict_on_batch(images),
    )


def test_record(folder, trained):
    entry = zoo.info(folder)
    assert entry == zoo.info(str(folder))
    assert entry.name == "mine"
    assert entry.labels == LABELS
    assert entry.image_shape == (None, None, 3)
    assert entry.is_trained
    assert entry.parameters == sum(
        v.shape[-1] * int(np.prod(v.shape[:-1]))
        for v in trained.trainable_variables
    )


def test_labels(tmp_path, trained):
    zoo.save(trained, tmp_path / "numbered")
    names = zoo.info(tmp_path / "numbered").labels.class_names
    assert names == ("class_0", "class_1", "class_2", "class_3", "class_4")
    with pytest.raises(ValueError, match="the 5 classes of the model.*with 2"):
        zoo.save(trained, tmp_path / "other", NUCLEI)
    assert not (tmp_path / "other").exists()


def test_half_precision_is_smaller(folder, tmp_path, trained):
    zoo.save(trained, tmp_path / "half", dtype="float16")

    def size(path):
        return (path / zoo.info(path).weights).stat().st_size

    assert size(tmp_path / "half") < size(folder)
    zoo.load(tmp_path / "half")


def test_only_segmentation_models(tmp_path, trained):
    heads = keras.Model(trained.input, {"a": trained.output})
    with pytest.raises(ValueError, match="one output of logits"):
        zoo.save(heads, tmp_path / "heads")
    flat = keras.layers.GlobalAveragePooling2D()(trained.output)
    with pytest.raises(ValueError, match="one output of logits"):
        zoo.save(keras.Model(trained.input, flat), tmp_path / "flat")


def test_saving_again_replaces_and_leaves_other_files(folder, net, scramble):
    (folder / "notes.txt").write_text("mine")
    before = set(os.listdir(folder))
    zoo.save(scramble(net(num_classes=2), seed=3), folder, NUCLEI)
    after = set(os.listdir(folder))
    assert len(after) == len(before) == 4
    assert before & after == {"notes.txt", "entry.json"}
    assert zoo.load(folder).output_shape[-1] == 2


@pytest.mark.parametrize("limit", [100, 12_000])
def test_a_full_disk_keeps_the_old_model(
    folder, net, scramble, weights_of, file_size_limit, limit
):
    before = set(os.listdir(folder))
    expected = weights_of(zoo.load(folder))
    model = scramble(net(filters=40), seed=3)
    with file_size_limit(limit), pytest.raises(OSError, match="File too large"):
        zoo.save(model, folder)
    assert set(os.listdir(folder)) == before
    for name, value in weights_of(zoo.load(folder)).items():
        np.testing.assert_array_equal(value, expected[name])


def test_a_file_is_no_folder(tmp_path, trained):
    (tmp_path / "mine").write_text("")
    with pytest.raises(ValueError, match="`folder` must be a folder"):
        zoo.save(trained, tmp_path / "mine")


@pytest.mark.parametrize("ending", [".json", ".weights.h5"])
@pytest.mark.parametrize("size", [0, -1, -100])
def test_damaged_files(folder, ending, size):
    [path] = folder.glob(f"model-*{ending}")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(
        WeightsError, match="Expected sha256 [0-9a-f]{64}, found sha256"
    ):
        zoo.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"format_version": 2},
        {"architecture": "../elsewhere.json"},
        {"entry": {}},
        {"entry": None},
    ],
)
def test_damaged_record(folder, change):
    path = folder / "entry.json"
    record = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps(record))
    with pytest.raises(WeightsError, match="entry.json is damaged"):
        zoo.load(folder)
    path.write_text("{")
    with pytest.raises(WeightsError, match="entry.json is damaged"):
        zoo.info(folder)


def test_num_classes_is_fixed(folder):
    assert zoo.load(folder, num_classes=5).output_shape[-1] == 5
    with pytest.raises(ValueError, match="must be 5 or None.*num_classes=3"):
        zoo.load(folder, num_classes=3)
