import json

import keras
import numpy as np
import pytest
from checks import check_layer
from keras import ops
from stand_ins import shake
from stand_ins import tiny_model

from kerasseg.layers import InferenceMode


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def test_contract(rng):
    # The dtype of the layer inside is its own affair.
    check_layer(
        InferenceMode,
        {"layer": shake(tiny_model())},
        normal(rng, 2, 32, 64, 3),
        (2, 1, 2, 8),
        trainable=20,
        non_trainable=10,
        half_policies=(),
    )


@pytest.mark.parametrize(
    "make", [keras.layers.BatchNormalization, lambda: keras.layers.Dropout(0.5)]
)
def test_training_changes_nothing(rng, make):
    inputs = normal(rng, 2, 5, 7, 3)
    layer = InferenceMode(make())
    expected = value(layer.layer(inputs, training=False))
    np.testing.assert_array_equal(value(layer(inputs)), expected)
    np.testing.assert_array_equal(value(layer(inputs, training=True)), expected)


def inside(layer):
    images = keras.Input((None, None, 3))
    return keras.Model(images, layer(images))


def test_an_outer_model_in_training(rng):
    # The reason why this layer exists, and a plain call is not enough.
    model = shake(tiny_model())
    images = normal(rng, 2, 32, 64, 3)
    expected = value(model(images))
    wrapped = inside(inside(InferenceMode(model)))
    np.testing.assert_allclose(
        value(wrapped(images, training=True)), expected, atol=1e-5
    )
    plain = inside(lambda x: model(x, training=False))
    assert abs(value(plain(images, training=True)) - expected).max() > 1e-2


def test_statistics_stay_while_weights_train(rng):
    model = shake(tiny_model())
    trainer = inside(InferenceMode(model))
    before = {v.path: value(v).copy() for v in model.weights}
    trainer.compile("adam", "mse")
    trainer.train_on_batch(normal(rng, 2, 32, 64, 3), normal(rng, 2, 1, 2, 8))
    for variable in model.weights:
        same = np.array_equal(value(variable), before[variable.path])
        assert same == variable.name.startswith("moving_"), variable.path


def test_a_dict_of_features(rng):
    base = tiny_model()
    outputs = {name: base.get_layer(name).output for name in ("level_2",)}
    model = inside(InferenceMode(keras.Model(base.input, outputs)))
    assert model.output["level_2"].shape == (None, None, None, 4)
    copy = keras.models.model_from_json(model.to_json())
    assert json.loads(copy.to_json()) == json.loads(model.to_json())
    assert [v.path for v in copy.weights] == [v.path for v in model.weights]
    found = copy(normal(rng, 1, 32, 64, 3))["level_2"]
    assert found.shape == (1, 8, 16, 4)
