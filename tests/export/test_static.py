import keras
import numpy as np
import pytest
from keras import layers
from stand_ins import shake
from stand_ins import tiny_backbone

from kerasseg import models
from kerasseg.export.errors import ExportError
from kerasseg.export.static import make_source


def test_the_shape_of_the_model_is_the_default(build):
    assert make_source(build((64, 96, 3))).shape == (1, 64, 96, 3)
    assert make_source(build((64, None, 3)), (64, 96)).shape == (1, 64, 96, 3)
    assert make_source(build(), [64, 96, 3]).shape == (1, 64, 96, 3)


def test_the_models_own_logits_are_the_reference(model, rng):
    source = make_source(model, (32, 48))
    images = rng.uniform(0, 255, (1, 32, 48, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_array_equal(source.logits(images), expected)


def test_a_model_in_inference_mode_updates_nothing(model):
    assert make_source(model, (32, 48)).updated_variables() == []


def test_updated_variables_are_named(trapped_model):
    names = make_source(trapped_model, (32, 48)).updated_variables()
    assert len(names) == 2
    assert "moving_mean" in names[0]


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_mixed_precision_is_rebuilt_in_float32(build, rng, half):
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy("float32")
    plain = build()
    plain.set_weights(model.get_weights())
    source = make_source(model, (32, 48))
    images = rng.uniform(0, 255, (1, 32, 48, 3)).astype("float32")
    assert "float32" in source.notes[0]
    assert source.model.get_layer("stem").compute_dtype == "float32"
    np.testing.assert_allclose(
        source.logits(images),
        keras.ops.convert_to_numpy(plain(images, training=False)),
        atol=1e-5,
    )
    assert model.get_layer("stem").compute_dtype == half


def test_lrr_in_mixed_precision_is_rebuilt_in_float32(rng):
    def net():
        return models.lrr(3, tiny_backbone(), level="8x", num_bases=2)

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = net()
    finally:
        keras.config.set_dtype_policy("float32")
    shake(model)
    plain = net()
    plain.set_weights(model.get_weights())
    source = make_source(model, (64, 96))
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(plain(images, training=False))
    np.testing.assert_allclose(source.logits(images), expected, atol=1e-5)


def test_something_else_than_a_model():
    with pytest.raises(TypeError, match="`model` must be a keras.Model"):
        make_source("lrr_4x", (32, 48))


def test_a_fixed_batch(build):
    with pytest.raises(ValueError, match="batch of one image.*8"):
        make_source(build(batch_size=8), (32, 48))


def test_two_inputs():
    inputs = [keras.Input((32, 48, 3)) for _ in range(2)]
    model = keras.Model(inputs, layers.Add()(inputs))
    with pytest.raises(ValueError, match="`model` must have one input"):
        make_source(model)


@pytest.mark.parametrize("kind", ["two", "vector"])
def test_outputs_that_are_no_logits(kind):
    images = keras.Input((32, 48, 3))
    outputs = (
        {"a": layers.ReLU()(images), "b": layers.Softmax()(images)}
        if kind == "two"
        else layers.GlobalAveragePooling2D()(images)
    )
    with pytest.raises(ValueError, match="`model` must have one output"):
        make_source(keras.Model(images, outputs))


def test_a_subclassed_model_is_tried():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.logits = layers.Conv2D(3, 1)

        def call(self, images):
            return self.logits(images)

    source = make_source(Subclassed(), (32, 48))
    assert source.logits(np.zeros(source.shape)).shape == (1, 32, 48, 3)


def test_a_model_that_cannot_be_traced():
    class Eager(layers.Layer):
        def call(self, inputs):
            import tensorflow as tf

            if not tf.executing_eagerly() and inputs.shape[0] == 1:
                raise RuntimeError("only in eager mode")
            return inputs

    images = keras.Input((None, None, 3))
    source = make_source(keras.Model(images, Eager()(images)), (32, 48))
    with pytest.raises(ExportError, match="cannot be traced.*eager mode"):
        _ = source.traced
