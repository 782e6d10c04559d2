"""Convolutions with groups, which Keras has XLA compile on TensorFlow."""

import keras
import pytest
from keras import layers

from kerasseg.export import Gate
from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.layers import LaplacianReconstruction

SHAPE = (32, 48)
EXPORTS = {
    "saved_model": (to_saved_model, "file", "Conv2D"),
    "litert": (to_litert, "file.tflite", "CONV_2D"),
    "onnx": (to_onnx, "file.onnx", "Conv"),
}


@pytest.fixture
def model():
    images = keras.Input((*SHAPE, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    x = layers.Conv2D(16, 3, groups=4, padding="same", activation="relu")(x)
    x = layers.Conv2D(8, 3, groups=2, dilation_rate=2, padding="same")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    return keras.Model(images, layers.Conv2D(5, 1)(x))


@pytest.mark.by_day(1)
@pytest.mark.parametrize("form", EXPORTS)
def test_the_file_computes_what_the_model_computes(model, tmp_path, form):
    import tensorflow as tf

    to_form, name, convolution = EXPORTS[form]
    function = tf.function
    report = to_form(model, tmp_path / name)
    assert report.relative_error <= 1e-4
    assert report.operators[convolution] == 4
    assert not [x for x in report.operators if "Call" in x]
    # Tracing left it as it was.
    assert tf.function is function


@pytest.mark.by_day(2)
@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_other_precisions(model, tmp_path, rng, form, precision):
    to_form, name, convolution = EXPORTS[form]
    images = rng.uniform(0, 255, (4, *SHAPE, 3)).astype("float32")
    report = to_form(
        model,
        tmp_path / name,
        precision=precision,
        calibration=images if precision == "int8" else None,
        gate=Gate(mask_agreement=0.9),
    )
    assert report.operators[convolution] == 4


@pytest.mark.parametrize("form", EXPORTS)
def test_reconstruction_is_one_convolution(tmp_path, form):
    to_form, name, convolution = EXPORTS[form]
    inputs = keras.Input((*SHAPE, 14))
    x = keras.layers.AveragePooling2D(4)(inputs)
    x = keras.layers.Concatenate()([x] * 5)
    model = keras.Model(inputs, LaplacianReconstruction(7)(x))
    report = to_form(model, tmp_path / name)
    assert report.relative_error <= 1e-4
    assert report.operators[convolution] == 1
