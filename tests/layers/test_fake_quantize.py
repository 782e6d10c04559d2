import keras
import numpy as np
import pytest
from checks import check_layer
from keras import layers
from keras import ops

from kerasseg.layers import FakeQuantize
from kerasseg.layers import FakeQuantizedKernel


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(0.5, 2, shape).astype("float32")


def rounded(x, low, high):
    """The 256 values from low to high of which one is 0, in float64."""
    scale = (high - low) / 255
    zero = np.round(-low / scale)
    steps = np.clip(np.round(x / scale), -zero, 255 - zero)
    return steps * scale, (x >= -zero * scale) & (x <= (255 - zero) * scale)


def gradient(layer, inputs):
    """That of the sum of squares of the outputs, by the inputs."""
    layer.trainable = False
    start = keras.Sequential([keras.Input(inputs.shape[1:]), Shift(), layer])
    start.compile(keras.optimizers.SGD(1.0), lambda y, z: ops.sum(y * z))
    factors = np.arange(1, inputs.size + 1, dtype="float32")
    factors = factors.reshape(inputs.shape) / inputs.size
    start.train_on_batch(inputs, factors)
    return -value(start.layers[0].shift) / factors[0]


class Shift(layers.Layer):
    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[1:], initializer="zeros")

    def call(self, inputs):
        return inputs + self.shift


def test_contract(rng):
    inputs = normal(rng, 2, 3, 5, 4)
    arguments = {"symmetric": True, "horizon": 7}
    check_layer(FakeQuantize, arguments, inputs, inputs.shape, non_trainable=3)


def test_contract_of_the_kernel(rng):
    check_layer(
        FakeQuantizedKernel,
        {"layer": layers.Conv2D(6, 3, name="conv", activation="relu")},
        normal(rng, 2, 7, 9, 4),
        (2, 5, 7, 6),
        trainable=2,
        half_output="float32",  # The layer inside has its own.
    )


@pytest.mark.every_backend
@pytest.mark.parametrize("symmetric", [False, True])
def test_values_range_and_gradient_are_those_of_numpy(rng, symmetric):
    layer = FakeQuantize(symmetric, horizon=2)
    batches = [k * normal(rng, 2, 3, 5, 4) for k in (2, 1, 1, 1)]
    np.testing.assert_array_equal(value(layer(batches[0])), batches[0])
    ends = np.zeros(2)
    for number, batch in enumerate(batches, start=1):
        layer(batch, training=True)
        extremes = [
            batch.min(axis=(1, 2, 3)).mean(),
            batch.max(axis=(1, 2, 3)).mean(),
        ]
        ends += (extremes - ends) / min(number, 2)
    low, high = ends
    if symmetric:
        high = max(-low, high)
        low = -high * 128 / 127
    np.testing.assert_allclose(layer.bounds(), (low, high), rtol=1e-5)
    expected, inside = rounded(batches[0].astype("float64"), low, high)
    found = value(layer(batches[0]))
    # A number halfway between two steps may go to either.
    apart = np.abs(found - expected)
    assert np.quantile(apart, 0.98) < 1e-5
    assert apart.max() < 1.01 * (high - low) / 255
    assert 0 < inside.mean() < 1
    steps = found / ((high - low) / 255)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    slope = gradient(layer, batches[0][:1])
    np.testing.assert_allclose(slope, inside[0], atol=1e-4)
    before = layer.bounds()
    layer(10 * batches[1], training=True)
    assert layer.bounds() == before


@pytest.mark.parametrize(
    ("layer", "axes"),
    [
        (layers.Conv2D(5, 3), {"kernel": (3,)}),
        (layers.Conv2DTranspose(5, 2), {"kernel": (2,)}),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), {"kernel": (2, 3)}),
        (
            layers.SeparableConv2D(5, 3),
            {"depthwise_kernel": (2, 3), "pointwise_kernel": (3,)},
        ),
        (layers.Dense(5), {"kernel": (1,)}),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_kernels_are_rounded_by_channel(rng, layer, axes):
    inputs = normal(rng, 2, 5, 7, 4)
    wrapper = FakeQuantizedKernel(layer)
    wrapper.build(inputs.shape)
    expected = []
    for variable in layer.weights:
        weights = rng.normal(size=variable.shape).astype("float32")
        variable.assign(weights)
        channels = axes.get(variable.path.rpartition("/")[2])
        if channels:
            # Channels of other sizes, and one of zeros.
            shape = [
                n if a in channels else 1 for a, n in enumerate(weights.shape)
            ]
            weights *= rng.uniform(0.01, 10, shape)
            weights[..., 1:2] = 0
            variable.assign(weights)
            others = tuple(set(range(weights.ndim)) - set(channels))
            largest = np.abs(weights).max(axis=others, keepdims=True)
            scale = np.where(largest, largest, 1) / 127
            weights = np.round(weights / scale) * scale
        expected.append(weights)
    outputs = value(wrapper(inputs))
    exact = value(layer(inputs))
    layer.set_weights(expected)
    np.testing.assert_allclose(outputs, value(layer(inputs)), atol=2e-3)
    assert np.abs(outputs - exact).max() > 5e-3


@pytest.mark.every_backend
def test_kernels_learn_as_if_they_were_not_rounded(rng):
    def trained(rounds):
        layer = layers.Dense(3, name="dense")
        model = keras.Sequential(
            [keras.Input((4,)), FakeQuantizedKernel(layer) if rounds else layer]
        )
        layer.set_weights([kernel, bias])
        model.compile(keras.optimizers.SGD(0.5), lambda y, z: ops.sum(y * z))
        model.train_on_batch(inputs, targets)
        return [value(v) for v in layer.weights]

    kernel, bias = normal(rng, 4, 3), normal(rng, 3)
    inputs, targets = normal(rng, 2, 4), normal(rng, 2, 3)
    # The loss is linear in the kernel: its gradient does not depend on it.
    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_bad_input():
    with pytest.raises(ValueError, match="`symmetric` must be True or False"):
        FakeQuantize(symmetric=1)
    with pytest.raises(ValueError, match="`horizon` must be"):
        FakeQuantize(horizon=0)
    with pytest.raises(ValueError, match="`layer` must be a keras.layers of"):
        FakeQuantizedKernel(layers.ReLU())
    with pytest.raises(ValueError, match="layer 'early' has no range"):
        FakeQuantize(name="early").bounds()
