import arithmetic
import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from keras import ops

from kerasseg.layers import NearestUpSampling2D


def maps(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def test_contract(rng):
    check_layer(
        NearestUpSampling2D,
        {"strides": 3},
        maps(rng, 2, 5, 7, 3),
        (2, 15, 21, 3),
    )


@pytest.mark.every_backend
@pytest.mark.parametrize("case", range(arithmetic.RANDOM_SHAPES))
def test_each_value_fills_a_square(case):
    rng = np.random.default_rng(case)
    strides = int(rng.integers(2, 6))
    inputs = maps(rng, *rng.integers(1, 9, 4))
    expected = inputs.repeat(strides, axis=1).repeat(strides, axis=2)
    layer = NearestUpSampling2D(strides)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(inputs)), expected)
    # Sizes that are only known when the graph runs.
    images = keras.Input((None, None, inputs.shape[-1]))
    outputs = keras.Model(images, layer(images)).predict(inputs, verbose=0)
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("strides", [1, 0, 2.0, "2", None])
def test_strides_out_of_range(strides):
    with pytest.raises(ValueError, match="`strides` must be an integer of 2"):
        NearestUpSampling2D(strides)


@pytest.mark.every_backend
@pytest.mark.parametrize("shape", [(2, 0, 8, 4), (2, 6, 0, 4), (2, 6, 8, 0)])
def test_an_empty_map(shape):
    batch, height, width, channels = shape
    found = NearestUpSampling2D(3)(np.zeros(shape, "float32"))
    assert tuple(found.shape) == (batch, 3 * height, 3 * width, channels)


def test_other_ranks():
    check_ranks(NearestUpSampling2D(2))
