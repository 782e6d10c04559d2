"""Gray and multi-band images on the command line."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from kerasseg import zoo
from kerasseg.data import Labels
from kerasseg.data.image import read_mask

CLASSES = ("one", "two", "three", "four", "five")


@pytest.fixture(scope="module")
def five_entry(tmp_path_factory):
    """A saved model whose class is the brightest of five bands."""
    images = keras.Input((None, None, 5))
    logits = keras.layers.Conv2D(5, 1, use_bias=False, name="logits")(images)
    model = keras.Model(images, logits, name="five")
    model.set_weights([np.eye(5, dtype="float32").reshape(1, 1, 5, 5)])
    folder = tmp_path_factory.mktemp("zoo") / "five"
    zoo.save(model, folder, labels=Labels(CLASSES))
    return folder


@pytest.fixture
def five_bands(tmp_path, rng):
    """A dataset whose masks are the brightest bands."""
    root = tmp_path / "five_bands"
    for kind in ("images", "masks"):
        (root / kind / "test").mkdir(parents=True)
    for index in range(2):
        image = rng.integers(0, 256, (33, 47, 5), dtype="uint8")
        np.save(root / f"images/test/{index}.npy", image)
        mask = image.argmax(-1).astype("uint8")
        Image.fromarray(mask).save(root / f"masks/test/{index}.png")
    (root / "labels.json").write_text(json.dumps({"class_names": CLASSES}))
    return root


def test_masks_and_scores(run, five_entry, five_bands, tmp_path):
    images, out = five_bands / "images" / "test", tmp_path / "out"
    result = run("predict", five_entry, images, "--out", out)
    assert result.code == 0, result.err
    for index in range(2):
        image = np.load(images / f"{index}.npy")
        mask = read_mask(out / f"{index}_mask.png")
        np.testing.assert_array_equal(mask, image.argmax(-1))
        assert (out / f"{index}_overlay.jpg").exists()
    result = run("evaluate", five_entry, "--data", five_bands)
    assert result.code == 0, result.err
    assert "100.0" in result.out


def test_a_check(run, five_bands, tmp_path):
    page = tmp_path / "page.html"
    argv = ("data", "check", five_bands, "--channels", "5", "--html", page)
    result = run(*argv)
    assert result.code == 0, result.out
    assert "5 bands" in result.out
    assert page.read_text().count("<img") == 2
    result = run("data", "check", five_bands)
    assert result.code == 1
    assert "has 5 bands, and images of 3 channels are wanted" in result.out
    for count in ("0", "17", "300", "2.5"):
        result = run("data", "check", five_bands, "--channels", count)
        assert result.code == 2
        assert "must be an integer from 1 to 16" in result.err


def test_images_of_other_channels(run, five_entry, image_folder, tmp_path):
    result = run("predict", five_entry, image_folder, "--out", tmp_path / "out")
    assert result.code == 1
    assert "it has 3 bands, and images of 5 channels are wanted" in result.err


def test_gray_images_are_told(run, channels_entry, image_folder, tmp_path, rng):
    gray = rng.integers(0, 256, (33, 47), dtype="uint8")
    Image.fromarray(gray).save(image_folder / "gray.png")
    argv = (image_folder, "--mask", "--out", tmp_path / "out")
    result = run("predict", channels_entry, *argv)
    assert result.code == 0
    assert "1 of 3 images is gray: read as RGB" in result.err
