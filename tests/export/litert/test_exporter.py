import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

from kerasseg.export import ExportError
from kerasseg.export import run_litert
from kerasseg.export import to_litert

SHAPE = (32, 48)


class Spectrum(layers.Layer):
    """A Fourier transform, which LiteRT leaves to TensorFlow."""

    def call(self, inputs):
        import tensorflow as tf

        return tf.math.real(tf.signal.fft2d(tf.cast(inputs, tf.complex64)))


def test_the_file_computes_what_the_model_computes(model, tmp_path, rng):
    path = tmp_path / "tiny.tflite"
    report = to_litert(model, path, image_shape=SHAPE)
    images = rng.uniform(0, 255, (2, 32, 48, 3)).astype("float32")
    expected = model(images, training=False)
    np.testing.assert_allclose(run_litert(path, images), expected, atol=1e-5)
    assert report.format == "litert"
    assert report.relative_error <= 1e-4
    assert report.operators["CONV_2D"] == 3
    assert report.operators["DEPTH_TO_SPACE"] == 1
    assert report.bytes == path.stat().st_size
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "tiny.tflite",
        "tiny.tflite.json",
    ]


def test_conversion_is_silent(model, tmp_path, capfd):
    to_litert(model, tmp_path / "tiny.tflite", image_shape=SHAPE)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


@pytest.mark.export
def test_flex_operators_are_refused_by_name(tmp_path):
    images = keras.Input((None, None, 3))
    x = Spectrum()(images)
    model = keras.Model(images, layers.Conv2D(3, 1)(x))
    with pytest.raises(ExportError, match=r"does not have: .*FlexFFT2D"):
        to_litert(model, tmp_path / "flex.tflite", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


@pytest.mark.export
def test_batch_normalization_in_training_mode_is_found(trapped_model, tmp_path):
    pattern = "The conversion to litert failed.*updates 2 variables"
    with pytest.raises(ExportError, match=pattern):
        to_litert(trapped_model, tmp_path / "x.tflite", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


@pytest.mark.export
def test_a_model_with_dynamic_shapes_becomes_static(tmp_path):
    class Tokens(layers.Layer):
        def call(self, inputs):
            shape = ops.shape(inputs)
            flat = ops.reshape(inputs, (shape[0], -1, shape[3]))
            return ops.reshape(flat * 2.0, shape)

        def compute_output_shape(self, input_shape):
            return input_shape

    images = keras.Input((None, None, 3))
    model = keras.Model(images, layers.Conv2D(3, 1)(Tokens()(images)))
    report = to_litert(model, tmp_path / "x.tflite", image_shape=SHAPE)
    assert report.input_shape == (1, 32, 48, 3)
    assert "SHAPE" not in report.operators
