import keras
import numpy as np
import pytest

from kerasseg.inference import reach


def convolutions(*layers):
    pixels = x = keras.Input((None, None, 3))
    for layer in layers:
        x = layer(x)
    return keras.Model(pixels, x)


@pytest.mark.parametrize(
    ("kernel", "dilation", "expected"), [(1, 1, 0), (7, 1, 3), (3, 40, 40)]
)
def test_one_convolution_reaches_half_its_kernel(kernel, dilation, expected):
    model = convolutions(
        keras.layers.Conv2D(4, kernel, padding="same", dilation_rate=dilation)
    )
    assert reach(model) == expected


def test_other_weights_have_another_reach():
    model = convolutions(keras.layers.Conv2D(4, 9, padding="same"))
    kernel, bias = model.get_weights()
    model.set_weights([np.zeros_like(kernel), bias])
    assert reach(model) == 0
    model.set_weights([kernel, bias])
    assert reach(model) == 4


def test_strides_multiply_what_follows():
    model = convolutions(
        keras.layers.AveragePooling2D(4),
        keras.layers.Conv2D(4, 3, padding="same"),
        keras.layers.UpSampling2D(4),
    )
    # One cell, seen from an edge that lies between cells, as tiles' do.
    assert reach(model) == 4


def test_a_long_reach_is_found_in_wider_images():
    model = convolutions(
        keras.layers.Conv2D(2, 3, padding="same", dilation_rate=(1, 300))
    )
    assert reach(model) == 300


def test_a_mean_over_the_image_has_no_reach():
    pixels = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(pixels)
    model = keras.Model(pixels, keras.layers.Add()([pixels, mean]))
    assert reach(model) is None


def test_a_fixed_input_size_is_refused():
    pixels = keras.Input((64, 96, 3))
    model = keras.Model(pixels, keras.layers.Rescaling(1.0)(pixels))
    with pytest.raises(ValueError, match="must accept any image size"):
        reach(model)
