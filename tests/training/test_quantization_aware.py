"""Copies of models that learn with 8 bits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

import kerasseg
from kerasseg.layers import FakeQuantize
from kerasseg.layers import FakeQuantizedKernel
from kerasseg.layers.fake_quantize import is_quantization_aware
from kerasseg.training import freeze_batch_normalization
from kerasseg.training import quantization_aware
from kerasseg.training import without_quantization


def features():
    """A model inside of a model, with a tap that more than one reads."""
    images = keras.Input((None, None, 4))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv")(images)
    x = layers.BatchNormalization(name="norm")(x)
    tap = layers.ReLU(6.0, name="relu")(x)
    x = layers.ZeroPadding2D(1, name="border")(tap)
    x = layers.DepthwiseConv2D(3, strides=2, name="depthwise")(x)
    x = layers.Activation("swish", name="swish")(x)
    return keras.Model(images, {"P1": tap, "P2": x}, name="features")


def net():
    images = keras.Input((None, None, 3), name="images")
    x = layers.Rescaling(1 / 255, name="scale")(images)
    shared = layers.Conv2D(4, 1, name="shared")
    x = shared(layers.Conv2D(3, 1, name="first")(shared(x)))
    taps = features()(x)
    x = layers.Conv2D(8, 1, activation="relu", name="project")(taps["P2"])
    x = layers.MaxPooling2D(1, name="pool")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name="up")(x)
    x = layers.Add(name="sum")([x, taps["P1"]])
    x = layers.Conv2D(3, 1, name="head")(x + 1.0)
    return keras.Model(images, layers.Activation("linear")(x), name="net")


def kinds(model, kind):
    return {x.name for x in model._flatten_layers() if isinstance(x, kind)}


def values(model):
    return [ops.convert_to_numpy(v) for v in model.weights]


def logits(model, images):
    return ops.convert_to_numpy(model(images))


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (2, 12, 16, 3)).astype("float32")


def test_the_copy_has_ranges_where_a_file_has_integers(images, tmp_path):
    model = net()
    before, outputs = values(model), logits(model, images)
    copy = quantization_aware(model, symmetric=True, horizon=30)
    assert kinds(copy, FakeQuantizedKernel) == {
        "shared",
        "first",
        "conv",
        "depthwise",
        "project",
        "head",
    }
    ranges = kinds(copy, FakeQuantize)
    assert ranges >= {
        "shared_range",
        "shared_range_1",
        "first_range",
        "relu_range",
        "depthwise_range",
        "swish_range",
        "project_range",
        "up_range",
        "sum_range",
        "head_range",
    }
    # And one of the addition that is no layer.
    assert len(ranges) == 11
    layer = copy.get_layer("sum_range")
    assert (layer.symmetric, layer.horizon) == (True, 30)

    found = logits(copy, images)
    assert 0 < np.abs(found - outputs).max() < 0.05 * np.ptp(outputs)
    freeze_batch_normalization(copy)
    copy.compile(keras.optimizers.SGD(0.1), "mse")
    copy.train_on_batch(images, np.ones_like(outputs))
    assert not np.allclose(logits(copy, images), found)
    for one, other in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(logits(model, images), outputs)

    kerasseg.zoo.save(copy, tmp_path / "saved")
    again = kerasseg.zoo.load(tmp_path / "saved")
    expected = logits(copy, images)
    found = logits(again, images)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert again.get_layer("sum_range").bounds() == (
        copy.get_layer("sum_range").bounds()
    )


def test_and_back(images):
    model = net()
    outputs = logits(model, images)
    copy = quantization_aware(model)
    plain = without_quantization(copy)
    assert not is_quantization_aware(plain)
    same(logits(plain, images), outputs)
    assert kinds(plain, layers.Conv2D) == kinds(model, layers.Conv2D)
    assert [v.path for v in plain.weights] == [v.path for v in model.weights]
    copy.get_layer("head").layer.bias.assign_add([1, 2, 3])
    changed = logits(without_quantization(copy), images)
    same(changed, outputs + np.array([1, 2, 3]))
    same(logits(plain, images), outputs)


def test_a_sequential_model(images):
    model = keras.Sequential(
        [
            keras.Input((12, 16, 3)),
            keras.Sequential([layers.Conv2D(4, 3), layers.ReLU()], name="in"),
            layers.Dropout(0.5),
            layers.Conv2D(2, 1, name="head"),
        ]
    )
    copy = quantization_aware(model)
    assert len(kinds(copy, FakeQuantize)) == 2
    expected = logits(model, images)
    error = np.abs(logits(copy, images) - expected).max()
    assert error < 0.05 * np.ptp(expected)


class Subclass(keras.Model):
    def call(self, inputs):
        return inputs


def test_bad_input():
    with pytest.raises(TypeError, match="`model` must be a keras.Model"):
        quantization_aware("fcn_8s")
    with pytest.raises(ValueError, match="must be a functional keras.Model"):
        quantization_aware(Subclass())
    with pytest.raises(ValueError, match="must hold layers of Keras with a"):
        quantization_aware(
            keras.Sequential([keras.Input((8, 8, 3)), layers.ReLU()])
        )
    copy = quantization_aware(
        keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 1)])
    )
    with pytest.raises(ValueError, match="must not be quantization-aware"):
        quantization_aware(copy)
    with pytest.raises(ValueError, match="must be made by `quantization_awa"):
        without_quantization(net())


# The number of logical devices is fixed when TensorFlow starts.
SCRIPT = """
import json, sys
import keras, numpy as np, tensorflow as tf
from kerasseg.training import quantization_aware

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
rng = np.random.default_rng(0)
images = rng.normal(size=(4, 8, 8, 3)).astype("float32")
targets = rng.normal(size=(4, 6, 6, 2)).astype("float32")

def trained(strategy):
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = quantization_aware(keras.Sequential([
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Conv2D(2, 1),
        ]))
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    model.fit(images, targets, 4, epochs=3, shuffle=False, verbose=0)
    return [weight.tolist() for weight in model.get_weights()]

two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
json.dump([trained(tf.distribute.get_strategy()), trained(two)], sys.stdout)
"""


@pytest.mark.nightly
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="tf.distribute is TensorFlow",
)
def test_two_devices_learn_the_ranges_of_one():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for one, other in zip(*json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
