import importlib

import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.backbones import vgg16_large_fov

# The package offers the function under the name of the module.
MODULE = importlib.import_module("kerasseg.backbones.vgg16_large_fov")
THINNER = 16


def value(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.fixture
def thin(monkeypatch):
    """All of the network with a sixteenth of its channels."""
    convolution = MODULE.convolution

    def thinner(filters, *args, **kwargs):
        return convolution(filters // THINNER, *args, **kwargs)

    monkeypatch.setattr(MODULE, "convolution", thinner)


def inner(backbone):
    (features,) = [x for x in backbone.layers if isinstance(x, keras.Model)]
    return features


def sizes(n):
    """What Caffe makes of `n` pixels: `ceil((n + 2 - 3) / 2) + 1`, thrice."""
    found = []
    for _ in range(3):
        n = -(-(n - 1) // 2) + 1
        found.append(n)
    return found


@pytest.mark.parametrize("size", [(500, 321), (33, 64), (47, 32)])
def test_sizes_are_those_of_caffe(thin, size):
    assert sizes(500) == [251, 126, 64]
    assert sizes(321) == [161, 81, 41]
    features = inner(vgg16_large_fov((*size, 3)))
    for index in (1, 2, 3):
        pool = features.get_layer(f"pool{index}").output
        assert pool.shape[1:3] == tuple(sizes(n)[index - 1] for n in size)
    for name in ("pool4", "pool5", "pool5a", "fc6", "fc7"):
        output = features.get_layer(name).output
        assert output.shape[1:3] == tuple(sizes(n)[-1] for n in size)


def test_any_size(thin, rng):
    backbone = vgg16_large_fov()
    assert backbone.input_shape == (None, None, None, 3)
    assert backbone.output["P3"].shape == (None, None, None, 64)
    images = rng.uniform(0, 255, (1, 33, 70, 3)).astype("float32")
    features = value(backbone(images)["P3"])
    assert features.shape == (1, sizes(33)[-1], sizes(70)[-1], 64)
    assert features.min() == 0


def pool_of_caffe(x, strides, average=False):
    """3x3 with a border of 1, rounding up; the average divides by 9."""
    out = [-(-(n - 1) // strides) + 1 for n in x.shape[1:3]]
    border = 0 if average else -np.inf
    padded = np.pad(x, ((0, 0), (1, 3), (1, 3), (0, 0)), constant_values=border)
    windows = [
        padded[
            :,
            i : i + strides * out[0] : strides,
            j : j + strides * out[1] : strides,
        ][:, : out[0], : out[1]]
        for i in range(3)
        for j in range(3)
    ]
    return np.sum(windows, axis=0) / 9 if average else np.max(windows, axis=0)


@pytest.mark.parametrize("size", [(38, 45), (45, 38)])
def test_pools_by_hand(thin, rng, size):
    features = inner(vgg16_large_fov())
    names = [f"conv{n}_{d}" for n, d in enumerate((2, 2, 3, 3, 3), start=1)]
    pools = [f"pool{n}" for n in range(1, 6)]
    layers = [*names, *pools, "pool5a"]
    outputs = keras.Model(
        features.inputs[0], [features.get_layer(n).output for n in layers]
    )
    images = rng.normal(size=(1, *size, 3)).astype("float32")
    found = dict(zip(layers, map(value, outputs(images)), strict=True))
    for convolution, pool, strides in zip(
        names, pools, (2, 2, 2, 1, 1), strict=True
    ):
        expected = pool_of_caffe(found[convolution], strides)
        np.testing.assert_allclose(found[pool], expected, atol=1e-6)
    expected = pool_of_caffe(found["pool5"], 1, average=True)
    np.testing.assert_allclose(found["pool5a"], expected, atol=1e-6)


def test_dilations(thin):
    features = inner(vgg16_large_fov(dropout=0.25))
    rates = {
        x.name: x.dilation_rate[0]
        for x in features.layers
        if isinstance(x, keras.layers.Conv2D)
    }
    assert rates.pop("fc6") == 12
    assert {name for name, rate in rates.items() if rate == 2} == {
        "conv5_1",
        "conv5_2",
        "conv5_3",
    }
    assert set(rates.values()) == {1, 2}
    assert features.get_layer("fc6_dropout").rate == 0.25
    assert features.get_layer("fc7_dropout").rate == 0.25


def test_weights_of_the_classifier(thin, rng, monkeypatch):
    layers = [keras.Input((224, 224, 3))]
    for block, (filters, depth) in enumerate(
        ((4, 2), (8, 2), (16, 3), (32, 3), (32, 3)), start=1
    ):
        layers += [
            keras.layers.Conv2D(
                filters, 3, padding="same", name=f"block{block}_conv{index}"
            )
            for index in range(1, depth + 1)
        ]
        layers.append(keras.layers.MaxPooling2D(2))
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(256, name="fc1", bias_initializer="normal"),
        keras.layers.Dense(256, name="fc2", bias_initializer="normal"),
    ]
    classifier = keras.Sequential(layers)
    monkeypatch.setattr(
        keras.applications, "VGG16", lambda weights, include_top: classifier
    )
    features = inner(vgg16_large_fov(weights="imagenet"))

    def weights(model, name):
        return model.get_layer(name).get_weights()

    first = weights(classifier, "block1_conv1")[0]
    np.testing.assert_array_equal(
        weights(features, "conv1_1")[0], first[:, :, ::-1]
    )
    np.testing.assert_array_equal(
        weights(features, "conv5_3")[0], weights(classifier, "block5_conv3")[0]
    )
    kernel, bias = weights(classifier, "fc1")
    np.testing.assert_array_equal(
        weights(features, "fc6")[0][1, 2, 5, 7],
        kernel.reshape(7, 7, 32, 256)[3, 6, 5, 28],
    )
    np.testing.assert_array_equal(weights(features, "fc6")[1], bias[::4])
    kernel, bias = weights(classifier, "fc2")
    np.testing.assert_array_equal(
        weights(features, "fc7")[0][0, 0], kernel[::4, ::4]
    )
    np.testing.assert_array_equal(weights(features, "fc7")[1], bias[::4])


def test_parameters():
    # Nothing is allocated here.
    with keras.StatelessScope():
        count = sum(np.prod(w.shape) for w in vgg16_large_fov().weights)
        keras.backend.clear_session()
    assert count == 20_483_904
