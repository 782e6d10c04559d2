import arithmetic
import keras
import numpy as np
import pytest
from checks import check_layer
from keras import ops
from stand_ins import randomize

from kerasseg.layers.convolution_unit import ConvolutionUnit


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"filters": 4}, (2, 7, 9, 4)),
        ({"filters": 3, "kernel_size": 3, "dilation_rate": 2}, (2, 7, 9, 3)),
        (
            {
                "filters": 4,
                "kernel_size": 3,
                "strides": 2,
                "padding": "valid",
                "kernel_initializer": "glorot_normal",
            },
            (2, 3, 4, 4),
        ),
    ],
)
def test_contract(rng, arguments, shape):
    check_layer(
        ConvolutionUnit,
        arguments,
        normal(rng, 2, 7, 9, 5),
        shape,
        trainable=3,
        non_trainable=2,
    )


@pytest.mark.parametrize("dilation_rate", [1, 2, 3])
def test_definition(rng, dilation_rate):
    layer = ConvolutionUnit(4, 3, dilation_rate=dilation_rate)
    inputs = normal(rng, 2, 6, 8, 3)
    layer.build(inputs.shape)
    randomize(layer, rng)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(inputs)),
        arithmetic.unit(inputs, layer),
        atol=1e-5,
    )


def test_training_uses_the_moments_of_the_batch(rng):
    layer = ConvolutionUnit(4)
    inputs = normal(rng, 2, 6, 8, 3)
    plain = arithmetic.value(layer(inputs))
    trained = arithmetic.value(layer(inputs, training=True))
    assert abs(plain - trained).max() > 0.1
    assert arithmetic.value(layer.normalization.moving_mean).any()


def test_frozen_it_ignores_training(rng):
    inputs = normal(rng, 2, 6, 8, 3)
    layer = ConvolutionUnit(4)
    expected = arithmetic.value(layer(inputs))
    layer.trainable = False
    config = layer.get_config()
    frozen = ConvolutionUnit.from_config(config)
    frozen.build(inputs.shape)
    frozen.set_weights(layer.get_weights())
    for unit in (layer, frozen):
        outputs = arithmetic.value(unit(inputs, training=True))
        np.testing.assert_array_equal(outputs, expected)
        assert not unit.trainable_weights
        assert not arithmetic.value(unit.normalization.moving_mean).any()


def test_units_of_one_initializer_start_apart():
    initializer = keras.initializers.HeNormal()
    units = [
        ConvolutionUnit(4, kernel_initializer=initializer) for _ in range(2)
    ]
    for unit in units:
        unit.build((None, 5, 7, 3))
    first, second = (arithmetic.value(u.convolution.kernel) for u in units)
    assert (first != second).all()


@pytest.mark.parametrize("filters", [0, 1.5, None])
def test_filters_out_of_range(filters):
    with pytest.raises(ValueError, match="`filters` must be an integer of 1"):
        ConvolutionUnit(filters)
