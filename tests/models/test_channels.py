"""Every builder, for gray and multi-band images."""

import json

import keras
import numpy as np
import pytest
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg import models

ON_A_BACKBONE = (
    *("bilinear", "deeplab_v3_plus", "fcn", "gdn", "guided_duc_dlc", "lrr"),
    "pixel_dcl_unet",
)
SIZE = (34, 47)


def value(tensor):
    return ops.convert_to_numpy(tensor)


def built(name, channels, **arguments):
    backbone = tiny_backbone((None, None, channels))
    shape = (*SIZE, channels)
    model = getattr(models, name)(3, backbone, image_shape=shape, **arguments)
    return randomize(model, keep=True)


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    ("name", "channels"),
    [
        *((name, 1) for name in ON_A_BACKBONE if name != "bilinear"),
        *(
            pytest.param(name, 5, marks=pytest.mark.nightly)
            for name in ON_A_BACKBONE[1:]
            if name != "lrr"
        ),
        ("lrr", 5),
        pytest.param("bilinear", 5, marks=pytest.mark.every_backend),
    ],
)
def test_logits_and_serialization(rng, tmp_path, name, channels):
    model = built(name, channels)
    images = rng.uniform(0, 255, (2, *SIZE, channels)).astype("float32")
    logits = value(model(images))
    assert logits.shape == (2, *SIZE, 3)
    assert np.isfinite(logits).all()
    # Every channel is seen.
    for channel in range(channels):
        changed = images.copy()
        changed[..., channel] = 255 - changed[..., channel]
        assert abs(value(model(changed)) - logits).max() > 1e-3
    copy = keras.models.model_from_json(model.to_json())
    assert json.loads(copy.to_json()) == json.loads(model.to_json())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        value(loaded(images)), logits, atol=1e-4 * np.ptp(logits)
    )


@pytest.mark.by_day(2)
@pytest.mark.parametrize("channels", [1, 2, 4, 16])
def test_the_reference_u_net(rng, channels):
    model = models.pixel_dcl_unet(
        2, image_shape=(None, None, channels), filters=2
    )
    images = rng.uniform(0, 255, (1, *SIZE, channels)).astype("float32")
    assert model(images).shape == (1, *SIZE, 2)
    means = -127.5 * np.asarray(model.get_layer("rescaling").offset)
    assert len(means) == channels
    expected = (114.45,) if channels == 1 else (122.68, 116.67, 104.01)
    expected = [expected[i % len(expected)] for i in range(channels)]
    np.testing.assert_allclose(means, expected, atol=0.01)


def test_the_default_backbone_takes_the_channels():
    model = models.lrr(2, image_shape=(None, None, 5), level="32x")
    assert model.input_shape == (None, None, None, 5)


@pytest.mark.parametrize("channels", [0, 17, 300, 2.5, True, None, "3"])
@pytest.mark.parametrize("name", ON_A_BACKBONE)
def test_channels_out_of_range(name, channels):
    with pytest.raises(ValueError, match="1 to 16 channels.*image_shape="):
        getattr(models, name)(2, image_shape=(*SIZE, channels))


@pytest.mark.parametrize("name", ON_A_BACKBONE)
def test_a_backbone_for_other_images(name):
    backbone = tiny_backbone((None, None, 1))
    match = "the 3 channels that `image_shape` names.*which takes 1"
    with pytest.raises(ValueError, match=match):
        getattr(models, name)(2, backbone, image_shape=(*SIZE, 3))


def test_a_training_step_in_half_precision(rng):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = built("lrr", 5)
    finally:
        keras.config.set_dtype_policy(policy)
    images = rng.uniform(0, 255, (2, *SIZE, 5)).astype("float32")
    model.compile("sgd", "mse", jit_compile=False)
    loss = model.train_on_batch(images, np.zeros((2, *SIZE, 3), "float32"))
    assert np.isfinite(loss)
