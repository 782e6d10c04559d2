import json
import shutil

import numpy as np
import pytest
from PIL import Image

from kerasseg import export
from kerasseg import zoo

SHAPE = (33, 47)


@pytest.fixture(scope="module")
def exported(channels_entry, tmp_path_factory):
    """An ONNX file of the channels model, with its sidecar."""
    folder = tmp_path_factory.mktemp("files")
    export.to_onnx(
        zoo.load(str(channels_entry)),
        folder / "net.onnx",
        image_shape=SHAPE,
        labels=zoo.info(str(channels_entry)).labels,
    )
    return folder


@pytest.fixture
def net(exported, tmp_path):
    """A copy of the file that a test may spoil."""
    shutil.copytree(exported, tmp_path / "files")
    return tmp_path / "files" / "net.onnx"


def test_a_right_file_is_code_0(run, channels_entry, brightest_data, net):
    out = net.parent / "report.json"
    result = run(
        *("verify", net, "--against", channels_entry, "--out", out),
        *("--data", brightest_data, "--images", "2"),
    )
    assert result.code == 0, result.err
    assert "2 images" in result.out
    assert "100.00 % in Keras, 100.00 % in the file" in result.out
    assert json.loads(out.read_text())["miou_after"] == 1.0


def test_files_and_random_images(run, channels_entry, image_folder, net):
    against = ("--against", channels_entry)
    result = run("verify", net, *against, "--data", image_folder)
    assert result.code == 0, result.err
    assert " 2 images: images of the user" in result.out
    result = run("verify", net, *against)
    assert "seeded random images" in result.out


def test_a_published_layout_is_a_dataset(run, channels_entry, net, rng):
    root = net.parent / "streets"
    for kind in ("leftImg8bit", "gtFine"):
        (root / kind / "test" / "a").mkdir(parents=True)
    image = rng.integers(0, 256, (*SHAPE, 3), dtype="uint8")
    start = root / "leftImg8bit" / "test" / "a" / "a_0"
    Image.fromarray(image).save(f"{start}_leftImg8bit.png")
    mask = image.argmax(-1).astype("uint8")
    start = root / "gtFine" / "test" / "a" / "a_0"
    Image.fromarray(mask).save(f"{start}_gtFine_labelIds.png")
    result = run(
        *("verify", net, "--against", channels_entry, "--data", root),
        *("--images", "1"),
    )
    assert result.code == 0, result.err
    assert "100.00 % in Keras, 100.00 % in the file" in result.out


def test_a_wrong_file_is_code_1(run, channels_entry, net):
    net.write_bytes(net.read_bytes()[:-1])
    result = run("verify", net, "--against", channels_entry)
    assert result.code == 1
    assert result.err.startswith("kerasseg: not verified: net.onnx has ")
    assert "cut off" in result.err


def test_another_model_is_code_1(run, net, tmp_path):
    import keras

    pixels = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(3, 1, use_bias=False)(pixels)
    model = keras.Model(pixels, logits)
    model.set_weights([np.eye(3, dtype="float32")[::-1].reshape(1, 1, 3, 3)])
    zoo.save(model, tmp_path / "other", labels=None)
    result = run("verify", net, "--against", tmp_path / "other")
    assert result.code == 1
    assert "class 0 is 'red' in the sidecar" in result.err


def test_limits_reach_the_proof(run, channels_entry, monkeypatch, net):
    given = {}
    monkeypatch.setattr(
        export, "verify_file", lambda *_, **options: given.update(options)
    )
    limits = ("--max-miou-loss", "0.02", "--min-agreement", "0.9")
    result = run("verify", net, "--against", channels_entry, *limits)
    assert result.code == 0
    assert given["gate"] == export.Gate(0.02, 0.9)


def test_usage_errors_are_code_2(run, channels_entry, tmp_path, net):
    against = ("--against", channels_entry)
    result = run("verify", tmp_path / "none.onnx", *against)
    assert result.code == 2
    assert "none.onnx does not exist" in result.err
    result = run("verify", net, *against, "--images", "3")
    assert result.code == 2
    assert "--images counts the images of --data" in result.err
    result = run("verify", net, *against, "--images", "0")
    assert result.code == 2
    assert "--images counts the images of --data" in result.err
    result = run("verify", net, *against, "--split", "val")
    assert result.code == 2
    assert "--split is a split of --data, give both" in result.err
    result = run("verify", net, *against, "--data", "nowhere")
    assert result.code == 2
    assert "--data nowhere, split test: " in result.err
    result = run("verify", net, "--against", "no_such_entry")
    assert result.code == 2
    for out in (tmp_path, "/proc/report.json", ""):
        result = run("verify", net, *against, "--out", out)
        assert result.code == 2
        assert result.out == ""
    net.with_name("net.onnx.json").unlink()
    result = run("verify", net, *against)
    assert result.code == 2
    assert "sidecar net.onnx.json beside it" in result.err


def test_a_folder_without_images(run, channels_entry, tmp_path, net):
    Image.new("RGB", (47, 33)).save(tmp_path / "image.unknown", "png")
    result = run(
        *("verify", net, "--against", channels_entry, "--data", tmp_path)
    )
    assert result.code == 2
    assert "no images in the folder" in result.err
