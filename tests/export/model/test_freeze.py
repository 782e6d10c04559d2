import keras
import numpy as np
import pytest
from keras import layers
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg import models
from kerasseg.export.errors import ExportError
from kerasseg.export.model.freeze import freeze
from kerasseg.export.model.trace import Trace


def test_the_shape_of_the_model_is_the_default(build):
    assert freeze(build((64, 96, 3))).shape == (1, 64, 96, 3)
    assert freeze(build((64, None, 3)), (64, 96)).shape == (1, 64, 96, 3)
    assert freeze(build(), [64, 96, 3]).shape == (1, 64, 96, 3)


def test_the_models_own_logits_are_the_reference(model, rng):
    source = freeze(model, (32, 48))
    images = rng.uniform(0, 255, (1, 32, 48, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_array_equal(source.logits(images), expected)


def test_a_model_in_inference_mode_updates_nothing(model):
    frozen = freeze(model, (32, 48))
    assert Trace(frozen, "litert").updated_variables() == []


def test_updated_variables_are_named(trapped_model):
    frozen = freeze(trapped_model, (32, 48))
    names = Trace(frozen, "litert").updated_variables()
    assert len(names) == 2
    assert "moving_mean" in names[0]


def test_one_channel_is_refused(build):
    pixels = keras.Input((32, 48, 3))
    model = keras.Model(pixels, layers.Conv2D(1, 1)(pixels))
    with pytest.raises(ValueError, match=r"one \(sigmoid\) channel is not"):
        freeze(model)


def test_logits_of_another_size_than_the_image_are_refused():
    pixels = keras.Input((64, 96, 3))
    model = keras.Model(pixels, layers.Conv2D(5, 4, strides=4)(pixels))
    message = r"size of the image, \(64, 96\).* size \(16, 24\)"
    with pytest.raises(ValueError, match=message):
        freeze(model)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_mixed_precision_is_rebuilt_in_float32(build, rng, half):
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy("float32")
    plain = build()
    plain.set_weights(model.get_weights())
    source = freeze(model, (32, 48))
    images = rng.uniform(0, 255, (1, 32, 48, 3)).astype("float32")
    assert "float32" in source.notes[0]
    assert source.model.get_layer("stem").compute_dtype == "float32"
    np.testing.assert_allclose(
        source.logits(images),
        keras.ops.convert_to_numpy(plain(images, training=False)),
        atol=1e-5,
    )
    assert model.get_layer("stem").compute_dtype == half


def test_a_layer_in_a_layer_is_rebuilt_in_float32(rng):
    inner = layers.Conv2D(4, 3, padding="same", dtype="mixed_bfloat16")
    images = keras.Input((32, 48, 3))
    model = keras.Model(images, layers.SpectralNormalization(inner)(images))
    source = freeze(model)
    assert "float32" in source.notes[0]
    assert source.model.layers[-1].layer.compute_dtype == "float32"


def test_lrr_in_mixed_precision_is_rebuilt_in_float32(rng):
    def net():
        return models.lrr(3, tiny_backbone(), level="8x", num_bases=2)

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = net()
    finally:
        keras.config.set_dtype_policy("float32")
    randomize(model, keep=True)
    plain = net()
    plain.set_weights(model.get_weights())
    source = freeze(model, (64, 96))
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(plain(images, training=False))
    np.testing.assert_allclose(source.logits(images), expected, atol=1e-5)


def test_an_image_that_does_not_fit_into_the_memory(build):
    model = build((None, None, 3))
    with pytest.raises(ValueError, match=r"`image_shape` .* GiB are free"):
        freeze(model, (400_000, 999_999))


def test_something_else_than_a_model():
    with pytest.raises(TypeError, match="`model` must be a keras.Model"):
        freeze("lrr_4x", (32, 48))


def test_a_fixed_batch(build):
    with pytest.raises(ValueError, match="batch of one image.*8"):
        freeze(build(batch_size=8), (32, 48))


def test_two_inputs():
    inputs = [keras.Input((32, 48, 3)) for _ in range(2)]
    model = keras.Model(inputs, layers.Add()(inputs))
    with pytest.raises(ValueError, match="`model` must have one input"):
        freeze(model)


@pytest.mark.parametrize("kind", ["two", "vector"])
def test_outputs_that_are_no_logits(kind):
    images = keras.Input((32, 48, 3))
    outputs = (
        {"a": layers.ReLU()(images), "b": layers.Softmax()(images)}
        if kind == "two"
        else layers.GlobalAveragePooling2D()(images)
    )
    with pytest.raises(ValueError, match="`model` must have one output"):
        freeze(keras.Model(images, outputs))


def test_a_subclassed_model_is_tried():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.logits = layers.Conv2D(3, 1)

        def call(self, images):
            return self.logits(images)

    source = freeze(Subclassed(), (32, 48))
    assert source.logits(np.zeros(source.shape)).shape == (1, 32, 48, 3)


def test_a_model_that_cannot_be_traced():
    class Eager(layers.Layer):
        def call(self, inputs):
            import tensorflow as tf

            if not tf.executing_eagerly() and inputs.shape[0] == 1:
                raise RuntimeError("only in eager mode")
            return inputs

    images = keras.Input((None, None, 3))
    source = freeze(keras.Model(images, Eager()(images)), (32, 48))
    with pytest.raises(ExportError, match="cannot be traced.*eager mode"):
        Trace(source, "onnx")
