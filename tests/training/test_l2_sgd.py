import keras
import numpy as np
import pytest

from kerasseg.training import L2SGD
from kerasseg.training import LearningRateMultipliers


class Fixed(keras.layers.Layer):
    """Two weights; the loss of their sum with the input has known gradients."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(2,), name="kernel")
        self.bias = self.add_weight(shape=(2,), name="bias")

    def call(self, inputs):
        return inputs * self.kernel + self.bias


def train(optimizer, start, inputs):
    layer = Fixed(name="fixed")
    model = keras.Sequential([keras.Input((2,)), layer])
    layer.set_weights(start)
    model.compile(optimizer, lambda _, y: keras.ops.sum(y, axis=-1))
    for row in inputs:
        model.train_on_batch(row[None], np.zeros((1, 2)))
    return layer.get_weights()


def caffe(start, gradients, rate, momentum, decay, nesterov=False):
    """The update by its definition, for one weight."""
    w, v = np.array(start, "float64"), 0.0
    for gradient in gradients:
        g = gradient + decay * w
        v = momentum * v - rate * g
        w = w + (momentum * v - rate * g if nesterov else v)
    return w


@pytest.fixture
def case(rng):
    start = [rng.normal(size=2).astype("float32") for _ in "wb"]
    return start, rng.normal(size=(7, 2)).astype("float32")


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_decay_passes_through_the_momentum(case, momentum, nesterov):
    start, inputs = case
    found = train(L2SGD(0.1, momentum, nesterov, 0.3), start, inputs)
    gradients = (inputs, np.ones_like(inputs))
    for w, first, gradient in zip(found, start, gradients, strict=True):
        expected = caffe(first, gradient, 0.1, momentum, 0.3, nesterov)
        np.testing.assert_allclose(w, expected, rtol=1e-4)


def test_the_decay_of_keras_is_the_decoupled_one(case):
    start, inputs = case
    plain = keras.optimizers.SGD(0.1, 0.9, weight_decay=0.3)
    found = train(plain, start, inputs)[0]
    w, v = start[0].astype("float64"), 0.0
    for gradient in inputs:
        w = w - 0.1 * 0.3 * w
        v = 0.9 * v - 0.1 * gradient
        w = w + v
    np.testing.assert_allclose(found, w, rtol=1e-4)
    coupled = caffe(start[0], inputs, 0.1, 0.9, 0.3)
    assert abs(coupled - w).max() > 1e-2


def test_no_decay_is_sgd(case):
    start, inputs = case
    for none in (None, 0.0):
        found = train(L2SGD(0.1, 0.9, weight_decay=none), start, inputs)
        expected = train(keras.optimizers.SGD(0.1, 0.9), start, inputs)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5)


def test_excluded_weights_do_not_decay(case):
    start, inputs = case
    optimizer = L2SGD(0.1, 0.9, weight_decay=0.3)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    found = train(optimizer, start, inputs)
    kernel = caffe(start[0], inputs, 0.1, 0.9, 0.3)
    bias = caffe(start[1], np.ones_like(inputs), 0.1, 0.9, 0.0)
    np.testing.assert_allclose(found[0], kernel, rtol=1e-4)
    np.testing.assert_allclose(found[1], bias, rtol=1e-4)


def test_multipliers_are_those_of_caffe(case):
    start, inputs = case
    optimizer = LearningRateMultipliers(
        L2SGD(0.1, 0.9, weight_decay=0.3), {".*bias": 2.0}, {".*bias": 0.5}
    )
    found = train(optimizer, start, inputs)
    kernel = caffe(start[0], inputs, 0.1, 0.9, 0.3)
    bias = caffe(start[1], np.ones_like(inputs), 0.2, 0.9, 0.15)
    np.testing.assert_allclose(found[0], kernel, rtol=1e-4)
    np.testing.assert_allclose(found[1], bias, rtol=1e-4)
