"""Models of `keras.applications` as backbones, without their weights."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.backbones import from_model
from kerasseg.models import lrr

RESNET50 = {
    "P1": "conv1_relu",
    "P2": "conv2_block3_out",
    "P3": "conv3_block4_out",
    "P4": "conv4_block6_out",
    "P5": "conv5_block3_out",
}
# The last layer before each stride.
EFFICIENTNET_V2_B0 = {
    "P1": "block1a_project_activation",
    "P2": "block2b_add",
    "P3": "block3b_add",
    "P4": "block5e_add",
    "P5": "top_activation",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "taps", "channels", "scaling"),
    [
        pytest.param(
            keras.applications.ResNet50,
            RESNET50,
            [64, 256, 512, 1024, 2048],
            {"offset": [-123.68, -116.779, -103.939]},
            id="resnet50",
        ),
        pytest.param(
            keras.applications.EfficientNetV2B0,
            EFFICIENTNET_V2_B0,
            [16, 32, 48, 112, 1280],
            {},
            id="efficientnet_v2_b0",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_levels(rng, make, taps, channels, scaling):
    base = make(include_top=False, weights=None, input_shape=(None, None, 3))
    backbone = from_model(base, taps, **scaling)
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    found = backbone(images)
    assert {level: tuple(x.shape) for level, x in found.items()} == {
        f"P{n}": (1, 64 >> n, 96 >> n, filters)
        for n, filters in enumerate(channels, start=1)
    }
    for features in found.values():
        assert np.isfinite(ops.convert_to_numpy(features)).all()
    model = lrr(3, backbone, num_bases=2)
    assert model.output_shape == (None, None, None, 3)
    assert tuple(model(images[:, :50, :70]).shape) == (1, 50, 70, 3)
