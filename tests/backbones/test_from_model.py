import json

import keras
import numpy as np
import pytest
from keras import ops
from stand_ins import FILTERS
from stand_ins import randomize
from stand_ins import tiny_backbone
from stand_ins import tiny_model

from kerasseg.backbones import from_model


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def test_features_have_the_stride_of_their_level(rng):
    features = tiny_backbone()(pixels(rng, 2, 64, 96, 3))
    assert {level: tuple(x.shape) for level, x in features.items()} == {
        f"P{level}": (2, 64 >> level, 96 >> level, channels)
        for level, channels in enumerate(FILTERS, start=1)
    }


@pytest.mark.every_backend
def test_pixels_are_rescaled(rng):
    model = randomize(tiny_model(), keep=True)
    images = pixels(rng, 1, 32, 64, 3)
    for scale, offset in (
        (1 / 127.5, -1.0),
        ([0.1, 0.2, 0.3], [-1.0, 0.0, 2.0]),
    ):
        backbone = from_model(model, {"P5": "level_5"}, scale, offset)
        expected = value(model(images * np.float32(scale) + offset))
        found = value(backbone(images)["P5"])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        assert found.std() > 0.01


def test_weights_are_shared():
    model = tiny_model()
    backbone = from_model(model, {"P2": "level_2", "P5": "level_5"})
    assert backbone.name == "tiny"
    assert {id(v) for v in backbone.weights} == {id(v) for v in model.weights}
    named = from_model(model, {"P5": "level_5"}, name="eye")
    assert named.name == "eye"


@pytest.mark.every_backend
def test_round_trip(rng):
    backbone = randomize(tiny_backbone(), keep=True)
    copy = keras.models.model_from_json(backbone.to_json())
    assert json.loads(copy.to_json()) == json.loads(backbone.to_json())
    copy.set_weights(backbone.get_weights())
    images = pixels(rng, 1, 32, 64, 3)
    for level, expected in backbone(images).items():
        np.testing.assert_allclose(
            value(copy(images)[level]), value(expected), atol=1e-5
        )


def test_a_sequential_model_of_one_size():
    model = keras.Sequential(
        [keras.Input((40, 56, 3)), keras.layers.AveragePooling2D(8, name="a")]
    )
    backbone = from_model(model, {"P3": "a"})
    assert backbone.input_shape == (None, 40, 56, 3)
    assert backbone.output["P3"].shape == (None, 5, 7, 3)


def test_the_example():
    base = keras.applications.MobileNetV3Small(
        include_top=False,
        input_shape=(None, None, 3),
        weights=None,
        include_preprocessing=False,
    )
    backbone = from_model(
        base, {"P5": "activation_17"}, scale=1 / 127.5, offset=-1.0
    )
    assert backbone.output["P5"].shape == (None, None, None, 576)


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        ({}, "`taps` must name one level or more"),
        ({"P6": "level_5"}, "levels of P1, P2, P3, P4, P5. Received: 'P6'"),
        ({"level_5": "P5"}, "Received: 'level_5'"),
        ({"P5": "level_6"}, "layers of 'tiny'. Received: P5='level_6'"),
        (
            {"P4": "level_4", "P5": "level_3"},
            r"put P5 at a stride of 32: \(2, 2\) for an input of \(64, 64\). "
            r"Received: \(8, 8\)",
        ),
    ],
)
def test_wrong_taps(taps, message):
    with pytest.raises(ValueError, match=message):
        from_model(tiny_model(), taps)


@pytest.mark.parametrize("model", ["mobilenet_v2", None, len])
def test_not_a_model(model):
    with pytest.raises(TypeError, match="`model` must be a keras.Model. Rec"):
        from_model(model, {"P5": "level_5"})
