import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from keras import ops

from kerasseg.layers import BatchStandardization


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(3, 2, shape).astype("float32")


def test_contract(rng):
    check_layer(
        BatchStandardization,
        {"epsilon": 0.1},
        normal(rng, 2, 3, 5, 4),
        (2, 3, 5, 4),
        trainable=1,
    )


@pytest.mark.every_backend
@pytest.mark.parametrize("training", [False, True])
def test_moments_of_the_batch(rng, training):
    layer = BatchStandardization(epsilon=0.25)
    inputs = normal(rng, 2, 3, 5, 4)
    layer.build(inputs.shape)
    beta = normal(rng, 4)
    layer.beta.assign(beta)
    variance = inputs.var(axis=(0, 1, 2))
    expected = (inputs - inputs.mean(axis=(0, 1, 2))) / np.sqrt(variance + 0.25)
    np.testing.assert_allclose(
        value(layer(inputs, training=training)), expected + beta, atol=1e-5
    )


def test_half_precision_keeps_the_moments(rng):
    layer = BatchStandardization(dtype="mixed_float16")
    inputs = normal(rng, 2, 32, 48, 3) + 300
    outputs = layer(inputs.astype("float16"))
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    outputs = value(outputs).astype("float64")
    np.testing.assert_allclose(outputs.mean(axis=(0, 1, 2)), 0, atol=1e-2)
    np.testing.assert_allclose(outputs.std(axis=(0, 1, 2)), 1, atol=1e-2)


def test_epsilon_out_of_range():
    with pytest.raises(ValueError, match="above 0. Received: epsilon=0"):
        BatchStandardization(epsilon=0)


def test_other_ranks():
    check_ranks(BatchStandardization())
