import keras
import numpy as np
import pytest
from PIL import Image

from kerasseg.inference import predict_logits
from kerasseg.inference import predict_mask
from kerasseg.inference import predict_mask_multi_scale
from kerasseg.inference import predict_tiled


def brightest_channel(height=None, width=None, strides=1):
    """A model whose logits are the three channels of its image."""
    pixels = keras.Input((height, width, 3))
    logits = keras.layers.AveragePooling2D(strides)(pixels)
    return keras.Model(pixels, logits)


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (33, 47, 3), dtype="uint8")


@pytest.mark.every_backend
def test_logits_are_float32_at_the_size_of_the_image(image):
    logits = predict_logits(brightest_channel(), image)
    assert logits.dtype == "float32"
    np.testing.assert_array_equal(logits, image.astype("float32"))


@pytest.mark.every_backend
def test_the_mask_is_the_class_of_the_largest_logit(image):
    mask = predict_mask(brightest_channel(), image)
    assert mask.dtype == "int32"
    np.testing.assert_array_equal(mask, image.argmax(-1))


def test_float_pixels_give_the_same_logits(image):
    model = brightest_channel()
    np.testing.assert_array_equal(
        predict_logits(model, image), predict_logits(model, image / 1.0)
    )


def test_a_path_is_read(tmp_path, image):
    Image.fromarray(image).save(tmp_path / "street.png")
    model = brightest_channel()
    expected = predict_mask(model, image)
    for path in (tmp_path / "street.png", str(tmp_path / "street.png")):
        np.testing.assert_array_equal(predict_mask(model, path), expected)


@pytest.mark.parametrize(("height", "width"), [(40, 64), (None, 64)])
def test_a_fixed_input_size_is_resized_to_and_back(height, width):
    ramp = np.linspace(0, 255, 47)[None, :, None] * np.ones((33, 1, 3))
    logits = predict_logits(brightest_channel(height, width), ramp)
    assert logits.shape == (33, 47, 3)
    np.testing.assert_allclose(logits[:, 4:-4], ramp[:, 4:-4], atol=0.5)


def test_logits_coarser_than_the_image_are_resized(image):
    logits = predict_logits(brightest_channel(strides=4), image)
    assert logits.shape == image.shape


@pytest.mark.parametrize("shape", [(31, 47, 3), (33, 31, 3)])
def test_images_under_32_pixels_are_refused(shape):
    with pytest.raises(ValueError, match="at least 32 pixels"):
        predict_mask(brightest_channel(), np.zeros(shape, "uint8"))


@pytest.mark.parametrize("shape", [(33, 47), (33, 47, 4), (1, 33, 47, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="RGB array"):
        predict_mask(brightest_channel(), np.zeros(shape, "uint8"))


def test_arrays_that_hold_no_numbers_are_refused():
    with pytest.raises(ValueError, match="numbers in 0..255"):
        predict_mask(brightest_channel(), np.full((33, 47, 3), "a"))


@pytest.mark.parametrize("scale", [1 / 255, 2 / 255, 2])
def test_pixels_of_another_range_are_refused(image, scale):
    shifted = image * float(scale) - (scale == 2 / 255)
    with pytest.raises(ValueError, match=r"numbers in 0\.\.255.*values from"):
        predict_logits(brightest_channel(), shifted.astype("float32"))


def test_dark_images_are_not_taken_for_scaled_ones(image):
    model = brightest_channel()
    for dark in (image // 128, np.zeros(image.shape), np.ones(image.shape)):
        np.testing.assert_array_equal(predict_logits(model, dark), dark)


def test_pixels_that_are_no_numbers_are_refused(image):
    for value in (np.nan, np.inf):
        pixels = image.astype("float32")
        pixels[3, 4, 1] = value
        with pytest.raises(ValueError, match="NaN or infinite"):
            predict_mask(brightest_channel(), pixels)


def test_a_model_of_one_channel_is_refused(image):
    pixels = keras.Input((None, None, 3))
    model = keras.Model(pixels, keras.layers.Conv2D(1, 1)(pixels))
    with pytest.raises(ValueError, match=r"`model` .* one \(sigmoid\) channel"):
        predict_mask(model, image)


@pytest.mark.parametrize(
    "predict", [predict_mask, predict_mask_multi_scale, predict_tiled]
)
def test_logits_that_are_no_numbers_are_refused(image, predict):
    pixels = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(4, 3, padding="same")
    model = keras.Model(pixels, layer(pixels))
    kernel, bias = layer.get_weights()
    kernel[1, 2, 0, 3] = np.nan
    layer.set_weights([kernel, bias])
    with pytest.raises(ValueError, match="`model` .* numbers. Received: NaN"):
        predict(model, image)


def test_a_class_may_be_ruled_out_by_minus_infinity(image):
    pixels = keras.Input((None, None, 3))
    ruled_out = np.array([0, -np.inf, 0], "float32")
    model = keras.Model(pixels, pixels + ruled_out)
    expected = np.where(image[..., 0] >= image[..., 2], 0, 2)
    np.testing.assert_array_equal(predict_mask(model, image), expected)


def test_an_rgb_image_for_a_gray_model_is_refused(image):
    pixels = keras.Input((None, None, 1))
    model = keras.Model(pixels, keras.layers.Conv2D(2, 1)(pixels))
    with pytest.raises(ValueError, match=r"gray array `\(height, width, 1\)"):
        predict_mask(model, image)


def test_a_classifier_is_refused(image):
    pixels = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(pixels)
    with pytest.raises(ValueError, match="must return logits"):
        predict_mask(keras.Model(pixels, pooled), image)
