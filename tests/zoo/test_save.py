import json
import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from kerasseg import zoo
from kerasseg.files import sha256
from kerasseg.label_sets import NUCLEI
from kerasseg.labels import Labels
from kerasseg.losses import SegmentationLoss
from kerasseg.metrics import MeanIoU
from kerasseg.zoo import WeightsError

LABELS = Labels(("sky", "road", "car", "tree", "pole"), ignore_classes=(9,))


@pytest.fixture
def folder(tmp_path, trained):
    folder = tmp_path / "models" / "mine"
    zoo.save(trained, folder, LABELS)
    return folder


@pytest.mark.every_backend
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


def test_labels_keep_the_ids_of_files(tmp_path, trained):
    names = tuple("abcde")
    labels = Labels(names, id_map={7: 0, 8: 1, 9: 1, 11: 4, 0: 255})
    zoo.save(trained, tmp_path / "mapped", labels)
    assert zoo.info(tmp_path / "mapped").labels == labels


def test_an_id_map_to_no_class(tmp_path, folder):
    path = folder / "entry.json"
    record = json.loads(path.read_text())
    record["labels"]["id_map"] = {"7": 77}
    path.write_text(json.dumps(record))
    with pytest.raises(WeightsError, match="`id_map` must map"):
        zoo.info(folder)


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
    assert len(after) == len(before) == 5
    assert before & after == {"notes.txt", "entry.json", "README.md"}
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


def test_a_refused_model_leaves_no_folder(tmp_path, trained):
    kernel = trained.trainable_variables[0]
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(ValueError, match="NaN or infinity"):
        zoo.save(trained, tmp_path / "models" / "mine", LABELS)
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder(tmp_path, trained):
    (tmp_path / "mine").write_text("")
    with pytest.raises(ValueError, match="`folder` must be a folder"):
        zoo.save(trained, tmp_path / "mine")


@pytest.mark.parametrize("ending", [".json", ".safetensors"])
@pytest.mark.parametrize("size", [0, -1, -100])
def test_damaged_files(folder, ending, size):
    [path] = folder.glob(f"model-*{ending}")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(
        WeightsError, match="Expected sha256 [0-9a-f]{64}, found sha256"
    ):
        zoo.load(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "other"),
        ("format_version", 1),
        ("architecture", "../elsewhere.json"),
        ("architecture", "model-000000000000.safetensors"),
        ("weights", "/etc/passwd"),
        ("weights", ["model-000000000000.safetensors"]),
        ("weights_sha256", "0" * 63),
        ("image_shape", [None, None]),
        ("image_shape", [0, 8, 3]),
        ("image_shape", [True, 8, 3]),
        ("image_shape", "123"),
        ("parameters", -1),
        ("parameters", 1.5),
        ("parameters", 10**400),
        ("title", 7),
        ("title", "\x1b[2J"),
        ("labels", []),
        ("labels", {}),
        ("builder", "lrr"),
        ("arguments", {"alpha": 1000}),
        ("entry", {"builder": "lrr"}),
    ],
)
def test_damaged_record(folder, field, value):
    path = folder / "entry.json"
    record = {**json.loads(path.read_text()), field: value}
    path.write_text(json.dumps(record))
    for function in (zoo.info, zoo.build, zoo.load):
        with pytest.raises(WeightsError, match=f"`(labels.)?{field}") as caught:
            function(folder)
        assert str(caught.value).isprintable()
    for text in ("{", '{"title": "a", "title": "b"}', '{"title": NaN}'):
        path.write_text(text)
        with pytest.raises(WeightsError, match="entry.json is damaged"):
            zoo.info(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("class_names", "skyroadcartreepole"),
        ("class_names", [1, 2, 3, 4, 5]),
        ("class_names", ["sky"]),
        ("class_names", [["sky"]] * 5),
        ("class_names", ["\x1b[2J", "road", "car", "tree", "pole"]),
        ("palette", "#ffffff"),
        ("palette", [["a", "b", "c"]] * 5),
        ("palette", [[256, 0, 0]] * 5),
        ("ignore_classes", 255),
        ("ignore_classes", [-1]),
        ("ignore_classes", [1e400]),
        ("id_map", [[7, 0]]),
        ("id_map", {"a": 0}),
        ("id_map", {"-1": 0}),
        ("id_map", {"07": 0}),
        ("id_map", {"9" * 5000: 0}),
        ("id_map", {"7": -1}),
        ("id_map", {"7": "0"}),
        ("surprise", 1),
    ],
)
def test_damaged_labels(folder, field, value):
    path = folder / "entry.json"
    record = json.loads(path.read_text())
    record["labels"][field] = value
    path.write_text(json.dumps(record))
    with pytest.raises(WeightsError, match=rf"`labels.{field}`|Infinity"):
        zoo.info(folder)


@pytest.mark.parametrize("names", [["a", "b"], list("abcdefg")])
def test_labels_of_another_number_of_classes(folder, names):
    path = folder / "entry.json"
    record = json.loads(path.read_text())
    record["labels"]["class_names"] = names
    record["labels"]["palette"] = [[0, 0, 0]] * len(names)
    path.write_text(json.dumps(record))
    for function in (zoo.build, zoo.load):
        with pytest.raises(WeightsError, match="`labels` must have .* 5"):
            function(folder)


def test_a_large_record_and_a_deep_one(folder):
    path = folder / "entry.json"
    path.write_text("[" * 100_000)
    with pytest.raises(WeightsError, match="is damaged"):
        zoo.info(folder)
    path.write_text(" " * 2_000_000)
    with pytest.raises(WeightsError, match="more than 1048576 bytes"):
        zoo.info(folder)


def edit_architecture(folder, edit):
    """Changes the architecture, and its hash with it."""
    path = folder / "entry.json"
    record = json.loads(path.read_text())
    architecture = folder / record["architecture"]
    config = json.loads(architecture.read_text())
    edit(config)
    architecture.write_text(json.dumps(config))
    record["architecture_sha256"] = sha256(architecture)
    path.write_text(json.dumps(record))


def test_a_large_architecture_takes_no_memory(folder):
    def enlarge(config):
        config["config"]["layers"][-1]["config"]["kernel_size"] = [40_000] * 2

    edit_architecture(folder, enlarge)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for function in (zoo.build, zoo.load):
        with pytest.raises(WeightsError, match="variables of the weights"):
            function(folder)
    # 320 GB if it were made. What waits for its memory must not get it later.
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000


@pytest.mark.parametrize(
    "loads", [1, pytest.param(200, marks=pytest.mark.nightly)]
)
def test_a_reader_beside_a_writer_never_fails(folder, net, loads):
    small = [net(num_classes=2), net(num_classes=3)]
    done = threading.Event()

    def write():
        while not done.is_set():
            for model in small:
                zoo.save(model, folder)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            for _ in range(loads):
                assert zoo.load(folder).output_shape[-1] in (2, 3, 5)
        finally:
            done.set()
            writing.result()
    assert len(os.listdir(folder)) == 4


def test_parallel_saves_leave_one_model(tmp_path, net):
    folder = tmp_path / "shared"
    models = [net(num_classes=n) for n in (2, 3, 4)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda m: zoo.save(m, folder), models))
    assert zoo.load(folder).output_shape[-1] in (2, 3, 4)
    assert len(os.listdir(folder)) == 4


def test_what_a_killed_save_left_is_deleted_by_the_next(folder, net):
    dead = [
        "model-0123456789ab.json",
        "model-0123456789ab.safetensors",
        ".model-0123456789ab.0123456789abcdef.safetensors",
        ".entry.0123456789abcdef.json",
        ".README.0123456789abcdef.md",
        ".saving",
    ]
    kept = ["model-mine.safetensors", "model.json", ".entry.json", "notes.txt"]
    for name in dead + kept:
        (folder / name).write_text("x")
    zoo.save(net(), folder)
    left = set(os.listdir(folder))
    assert left.issuperset(kept)
    assert not left.intersection(dead)
    assert len(left) == 4 + len(kept)


def test_num_classes_is_fixed(folder):
    assert zoo.load(folder, num_classes=5).output_shape[-1] == 5
    with pytest.raises(ValueError, match="must be 5 or None.*num_classes=3"):
        zoo.load(folder, num_classes=3)
