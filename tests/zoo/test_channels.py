"""Models of the zoo for gray and multi-band images."""

import keras
import numpy as np
import pytest

from kerasseg import backbones
from kerasseg import zoo
from kerasseg.backbones import from_model


def make_backbone(image_shape=(None, None, 3), weights=None, filters=8):
    """As the backbone of the entry `small`, for any channels."""
    images = x = keras.Input(image_shape, name="pixels")
    for stage in range(1, 6):
        x = keras.layers.Conv2D(
            filters,
            3,
            strides=2,
            padding="same",
            activation="relu",
            name=f"stage{stage}",
        )(x)
    model = keras.Model(images, x, name="small_backbone")
    taps = {f"P{stage}": f"stage{stage}" for stage in range(1, 6)}
    return from_model(model, taps, scale=1 / 127.5, offset=-1.0)


@pytest.fixture
def any_channels(small_entry, monkeypatch):
    """The entry `small`, on a backbone that takes any channels."""
    monkeypatch.setattr(backbones, "small_backbone", make_backbone)
    return small_entry


def logits(model, images):
    return keras.ops.convert_to_numpy(model(images))


@pytest.mark.every_backend
@pytest.mark.parametrize("channels", [1, 6])
def test_trained_weights_see_gray_as_they_did(any_channels, rng, channels):
    gray = rng.uniform(0, 255, (1, 48, 65, 1)).astype("float32")
    expected = logits(zoo.load("small"), np.repeat(gray, 3, axis=-1))
    model = zoo.load("small", image_shape=(None, None, channels))
    assert model.input_shape == (None, None, None, channels)
    found = logits(model, np.repeat(gray, channels, axis=-1))
    spread = np.ptp(expected)
    assert spread > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-3 * spread)


@pytest.mark.every_backend
def test_a_saved_folder(any_channels, rng, tmp_path):
    model = zoo.load("small", image_shape=(48, 65, 5))
    images = rng.uniform(0, 255, (1, 48, 65, 5)).astype("float32")
    zoo.save(model, tmp_path / "five")
    assert zoo.info(tmp_path / "five").image_shape == (48, 65, 5)
    for again in (
        zoo.load(tmp_path / "five"),
        zoo.load("small", image_shape=(48, 65, 5), weights=tmp_path / "five"),
    ):
        expected = logits(model, images)
        np.testing.assert_allclose(
            logits(again, images), expected, atol=1e-5 * np.ptp(expected)
        )
    assert zoo.load(tmp_path / "five", image_shape=(64, 33, 5)).input_shape == (
        *(None, 64, 33, 5),
    )
    for function in (zoo.build, zoo.load):
        match = "must have the 5 channels of the saved model.*`weights=`"
        with pytest.raises(ValueError, match=match):
            function(tmp_path / "five", image_shape=(48, 65, 3))


def test_weights_of_a_folder_for_other_channels(any_channels, tmp_path):
    zoo.save(zoo.load("small"), tmp_path / "mine")
    model = zoo.load(
        "small", image_shape=(None, None, 4), weights=tmp_path / "mine"
    )
    assert model.input_shape[-1] == 4
    zoo.save(model, tmp_path / "four")
    # Only kernels for RGB are adapted.
    with pytest.raises(zoo.WeightsError, match="another shape .1.: .*stage1"):
        zoo.load("small", weights=tmp_path / "four")


def test_a_model_of_one_output_channel_is_not_saved(tmp_path):
    images = keras.Input((None, None, 3))
    model = keras.Model(images, keras.layers.Conv2D(1, 1)(images))
    with pytest.raises(ValueError, match=r"`model` .* one \(sigmoid\) channel"):
        zoo.save(model, tmp_path / "one")


@pytest.mark.parametrize("channels", [0, 17, 300, 2.5, True, None])
def test_channels_out_of_range(any_channels, channels):
    for function in (zoo.build, zoo.load):
        with pytest.raises(ValueError, match="1 to 16 channels.*image_shape="):
            function("small", image_shape=(48, 65, channels))


@pytest.mark.parametrize(
    "name",
    [
        "lrr_4x",
        *(
            pytest.param(name, marks=pytest.mark.nightly)
            for name in ("guided_duc_dlc", "fcn_8s", "gdn", "ipixel_dcl")
        ),
    ],
)
def test_published_weights_on_a_gray_image(rng, name):
    shape = zoo.info(name).image_shape
    gray = rng.uniform(0, 255, (1, *shape[:2], 1)).astype("float32")
    shape = shape if name == "gdn" else (None, None, 3)
    expected = logits(
        zoo.load(name, image_shape=shape), np.repeat(gray, 3, axis=-1)
    )
    model = zoo.load(name, image_shape=(*shape[:2], 1))
    spread = np.ptp(expected)
    assert spread > 1
    np.testing.assert_allclose(
        logits(model, gray), expected, atol=2e-3 * spread
    )
