import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.backbones import mobilenet_v2

FILES = {
    0.35: "mobilenet_v2_0.35_224_no_top.h5",
    1.0: "mobilenet_v2_1.0_224_no_top_int8_dequantised.h5",
}


def value(tensor):
    return ops.convert_to_numpy(tensor)


def test_levels_and_parameters():
    backbone = mobilenet_v2()
    assert backbone.input_shape == (None, None, None, 3)
    channels = {k: x.shape[-1] for k, x in backbone.output.items()}
    assert channels == {"P1": 96, "P2": 144, "P3": 192, "P4": 576, "P5": 1280}
    assert backbone.count_params() == 2_257_984


def test_strides(rng):
    images = rng.uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    features = mobilenet_v2((64, 96, 3), alpha=0.35)(images)
    for level, output in features.items():
        stride = 2 ** int(level[1:])
        assert output.shape[:3] == (2, 64 // stride, 96 // stride)


def test_a_file_that_does_not_exist():
    with pytest.raises(ValueError, match="weights=/nowhere/weights.h5"):
        mobilenet_v2(weights="/nowhere/weights.h5")


def test_imagenet_for_images_of_any_size(monkeypatch):
    build, made = keras.applications.MobileNetV2, []

    def stand_in(input_shape=None, weights="imagenet", **options):
        # Keras warns of other shapes, and brings these weights for any.
        assert weights is None or input_shape == (224, 224, 3)
        made.append(build(input_shape=input_shape, weights=None, **options))
        return made[-1]

    monkeypatch.setattr(keras.applications, "MobileNetV2", stand_in)
    backbone = mobilenet_v2(alpha=0.35, weights="imagenet")
    _, trained = made
    assert trained.input_shape == (None, 224, 224, 3)
    for old, new in zip(trained.weights, backbone.weights, strict=True):
        np.testing.assert_array_equal(value(new), value(old))


@pytest.mark.by_day(1)
@pytest.mark.needs_data("backbones")
@pytest.mark.parametrize("alpha", [0.35, 1.0])
def test_a_local_file(rng, data_root, alpha):
    path = str(data_root / "backbones" / FILES[alpha])
    backbone = mobilenet_v2(alpha=alpha, weights=path)
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    features = backbone(images)
    original = keras.applications.MobileNetV2(
        input_shape=(64, 96, 3), alpha=alpha, include_top=False, weights=None
    )
    original.load_weights(path)
    expected = value(original(images / 127.5 - 1))
    np.testing.assert_allclose(value(features["P5"]), expected, atol=1e-4)
    assert expected.std() > 0.1


@pytest.mark.needs_data("backbones")
def test_a_file_of_another_width(data_root):
    with pytest.raises(ValueError, match="shape"):
        mobilenet_v2(weights=str(data_root / "backbones" / FILES[0.35]))
