import keras
import numpy as np
import pytest

from kerasseg.inference import predict_mask
from kerasseg.inference import predict_mask_multi_scale
from kerasseg.layers import CropToMatch
from kerasseg.layers import PadToMultiple


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (33, 47, 3), dtype="uint8")


@pytest.fixture(scope="module")
def model():
    """Logits that are the channels, scaled so that softmax stays soft."""
    pixels = keras.Input((None, None, 3))
    return keras.Model(pixels, keras.layers.Rescaling(1 / 64)(pixels))


@pytest.mark.parametrize("fuse", ["max", "mean"])
def test_one_scale_without_flip_is_the_plain_prediction(model, image, fuse):
    mask = predict_mask_multi_scale(
        model, image, scales=(1.0,), flip=False, fuse=fuse
    )
    np.testing.assert_array_equal(mask, predict_mask(model, image))


def test_a_pointwise_model_does_not_see_the_flip(model, image):
    masks = [
        predict_mask_multi_scale(model, image, scales=(1.0,), flip=flip)
        for flip in (False, True)
    ]
    np.testing.assert_array_equal(*masks)


@pytest.mark.every_backend
def test_the_flip_is_undone_before_fusing():
    pixels = keras.Input((None, None, 3))
    shifted = keras.layers.ZeroPadding2D(((0, 0), (2, 0)))(pixels)
    shifted = keras.layers.Cropping2D(((0, 0), (0, 2)))(shifted)
    model = keras.Model(pixels, shifted)
    image = np.zeros((33, 47, 3), "uint8")
    image[:, 20] = (0, 9, 0)
    for fuse, flip, expected in (
        ("max", True, [18, 22]),
        ("mean", True, [18, 22]),
        ("mean", None, [18, 22]),
        ("max", None, [22]),
    ):
        mask = predict_mask_multi_scale(model, image, (1.0,), flip, fuse)
        assert np.flatnonzero(mask[16]).tolist() == expected


@pytest.mark.parametrize("fuse", ["max", "mean"])
def test_large_areas_survive_all_scales(model, fuse):
    image = np.zeros((64, 96, 3), "uint8")
    image[:, :48, 0] = 200
    image[:, 48:, 2] = 200
    mask = predict_mask_multi_scale(model, image, fuse=fuse)
    assert mask.dtype == "int32"
    assert (mask[:, :46] == 0).all()
    assert (mask[:, 50:] == 2).all()


def test_the_fusions_differ():
    """Max follows one sure scale, mean follows the many."""

    class Sizes(keras.layers.Layer):
        def call(self, pixels):
            ones = keras.ops.ones_like(pixels[..., :1])
            sure = 6.0 if pixels.shape[1] == 40 else -1.0
            return keras.ops.concatenate([ones * 0, ones * sure], axis=-1)

    pixels = keras.Input((None, None, 3))
    model = keras.Model(pixels, Sizes()(pixels))
    model.run_eagerly = True
    model.compile(run_eagerly=True)
    image = np.zeros((40, 64, 3), "uint8")
    scales = (0.8, 1.0, 1.2, 1.4)
    found = {
        fuse: predict_mask_multi_scale(
            model, image, scales=scales, flip=False, fuse=fuse
        ).mean()
        for fuse in ("max", "mean")
    }
    assert found == {"max": 1.0, "mean": 0.0}


class Traces(keras.layers.Layer):
    """Counts how often Python runs through the model."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def call(self, pixels):
        self.count += 1
        return pixels / 64


def padded_model():
    pixels = keras.Input((None, None, 3))
    traces = Traces()
    x = traces(PadToMultiple(32)(pixels))
    x = keras.layers.Conv2D(3, 5, padding="same")(x)
    return keras.Model(pixels, CropToMatch()([x, pixels])), traces


@pytest.mark.every_backend
def test_the_padding_is_that_of_the_model(image):
    model, _ = padded_model()
    mask = predict_mask_multi_scale(model, image, scales=(1.0,))
    np.testing.assert_array_equal(mask, predict_mask(model, image))


@pytest.mark.every_backend
@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="PyTorch traces nothing"
)
def test_other_sizes_of_images_are_not_traced_anew(rng):
    model, traces = padded_model()
    traces.count = 0
    for height in (131, 141, 150, 160):
        for width in (195, 205, 224):
            image = rng.integers(0, 256, (height, width, 3), dtype="uint8")
            predict_mask_multi_scale(model, image, (0.5, 1.0), fuse="mean")
    # Two scales. TensorFlow and JAX each run a model twice for one trace.
    assert traces.count <= 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fuse": "min"}, "`fuse` must be one of"),
        ({"fuse": ["max"]}, "one of max, mean. Received: fuse=.'max"),
        ({"scales": ()}, "`scales` must hold"),
        ({"scales": (1.0, 0.0)}, "`scales` must hold"),
        ({"scales": 1.0}, r"`scales` must hold.*scales=1\.0$"),
        ({"scales": (np.nan,)}, r"`scales` must hold.*\(nan,\)$"),
        ({"scales": (np.inf,)}, "`scales` must hold"),
        ({"scales": "1"}, "`scales` must hold"),
    ],
)
def test_wrong_arguments_are_named(model, image, arguments, message):
    with pytest.raises(ValueError, match=message):
        predict_mask_multi_scale(model, image, **arguments)


def test_scales_of_a_generator(model, image):
    scales = [0.75, np.float32(1.25)]
    np.testing.assert_array_equal(
        predict_mask_multi_scale(model, image, (s for s in scales)),
        predict_mask_multi_scale(model, image, scales),
    )


def test_a_fixed_input_size_is_refused(image):
    pixels = keras.Input((33, 47, 3))
    model = keras.Model(pixels, keras.layers.Rescaling(1.0)(pixels))
    with pytest.raises(ValueError, match="must accept any image size"):
        predict_mask_multi_scale(model, image)


def test_a_dark_image_is_taken_as_it_is(model, rng):
    image = rng.integers(0, 2, (40, 56, 3), dtype="uint8")
    mask = predict_mask_multi_scale(model, image, scales=(1.0,))
    assert mask.shape == (40, 56)
