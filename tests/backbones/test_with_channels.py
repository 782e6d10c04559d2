"""Backbones for gray and multi-band images, from the weights for RGB."""

import keras
import numpy as np
import pytest
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_model

from kerasseg import backbones
from kerasseg.backbones import from_model
from kerasseg.backbones import mobilenet_v2
from kerasseg.backbones import with_channels
from kerasseg.backbones.from_model import LEVELS


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, channels, size=(64, 96)):
    return rng.uniform(0, 255, (2, *size, channels)).astype("float32")


def assert_same(found, expected):
    for level in expected:
        spread = np.ptp(value(expected[level]))
        assert spread > 0
        np.testing.assert_allclose(
            value(found[level]), value(expected[level]), atol=1e-4 * spread
        )


@pytest.mark.every_backend
@pytest.mark.parametrize("channels", [1, 5, 6])
def test_responses_keep_their_size(rng, channels):
    rgb = randomize(tiny_model())
    made = with_channels(rgb, channels)
    assert made.input_shape == (None, None, None, channels)
    assert [v.path for v in made.weights] == [v.path for v in rgb.weights]
    gray = pixels(rng, 1, (34, 47))
    found = value(made(np.repeat(gray, channels, axis=-1)))
    if channels != 5:
        expected = value(rgb(np.repeat(gray, 3, axis=-1)))
        np.testing.assert_allclose(
            found, expected, rtol=1e-3, atol=1e-4 * np.ptp(expected)
        )
    images = pixels(rng, channels, (34, 47))
    copy = keras.models.model_from_json(made.to_json())
    copy.set_weights(made.get_weights())
    np.testing.assert_allclose(
        value(copy(images)), value(made(images)), rtol=1e-4, atol=1e-3
    )
    assert np.std(value(made(images))) > 0


def test_new_weights_or_those_of_the_model(rng):
    rgb = randomize(tiny_model())
    old = rgb.get_layer("conv_2").get_weights()
    kept = with_channels(rgb, 4).get_layer("conv_2").get_weights()
    fresh = with_channels(rgb, 4, pretrained=False).get_layer("conv_2")
    np.testing.assert_array_equal(kept[0], old[0])
    assert not np.array_equal(fresh.get_weights()[0], old[0])
    assert with_channels(rgb, 3) is rgb


def test_a_model_that_cannot_be_adapted():
    images = keras.Input((None, None, 3))
    x = keras.layers.DepthwiseConv2D(3, name="each")(images)
    model = keras.Model(images, keras.layers.Conv2D(4, 1)(x))
    with pytest.raises(ValueError, match="one convolution.*layer 'each'"):
        with_channels(model, 5)
    with pytest.raises(ValueError, match="`channels` must be .* channels=17"):
        with_channels(model, 17)


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mobilenet_v2", {"alpha": 0.35}),
        ("efficientnet_lite", {}),
        pytest.param("resnet50", {}, marks=pytest.mark.nightly),
        pytest.param("vgg16_large_fov", {}, marks=pytest.mark.nightly),
    ],
)
def test_random_weights_for_any_number_of_channels(rng, name, arguments):
    """Without the warning of Keras: warnings are errors here."""
    build = getattr(backbones, name)
    for channels in (1, 5):
        backbone = build((64, 96, channels), **arguments)
        features = backbone(pixels(rng, channels))
        assert all(np.isfinite(value(x)).all() for x in features.values())


@pytest.mark.parametrize("channels", [0, 17, 300, 2.5, True, None])
@pytest.mark.parametrize(
    "name",
    ["efficientnet_lite", "mobilenet_v2", "resnet50", "vgg16"]
    + ["vgg16_large_fov"],
)
def test_channels_out_of_range(name, channels):
    with pytest.raises(ValueError, match="1 to 16 channels.*image_shape="):
        getattr(backbones, name)((64, 96, channels))


@pytest.mark.needs_data("backbones")
def test_mobilenet_sees_a_gray_image_as_it_did(rng, data_root):
    path = data_root / "backbones" / "mobilenet_v2_0.35_224_no_top.h5"
    arguments = {"alpha": 0.35, "weights": str(path)}
    gray = pixels(rng, 1)
    expected = mobilenet_v2(**arguments)(np.repeat(gray, 3, axis=-1))
    backbone = mobilenet_v2((None, None, 6), **arguments)
    assert_same(backbone(np.repeat(gray, 6, axis=-1)), expected)


@pytest.mark.needs_data("backbones")
def test_efficientnet_sees_a_gray_image_as_it_did(rng, data_root):
    weights = data_root / "backbones" / "efficientnet_lite0_no_top.npz"
    gray = pixels(rng, 1)
    expected = backbones.efficientnet_lite(weights=weights)(
        np.repeat(gray, 3, axis=-1)
    )
    backbone = backbones.efficientnet_lite((None, None, 1), weights=weights)
    assert_same(backbone(gray), expected)


@pytest.mark.parametrize("channels", [1, 5])
def test_any_model_as_a_backbone(rng, channels):
    taps = {level: f"level_{level[1:]}" for level in LEVELS}
    model = with_channels(tiny_model(), channels)
    backbone = from_model(model, taps, [2.0] * channels, [1.0] * channels)
    assert sorted(backbone(pixels(rng, channels))) == list(LEVELS)
