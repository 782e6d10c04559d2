import keras
import numpy as np
import pytest

from kerasseg.inference import predict_mask
from kerasseg.inference import predict_mask_halves


def columns(seen):
    """A model of two classes that are certain by what `seen` tells."""

    class Columns(keras.layers.Layer):
        def call(self, inputs):
            shade = inputs[..., :1]
            seen.append(inputs.shape[2])
            return keras.ops.concatenate([shade, 255 - shade], axis=-1)

    pixels = keras.Input((None, None, 3))
    return keras.Model(pixels, Columns()(pixels))


def test_a_model_of_single_pixels_sees_no_difference(rng):
    image = rng.integers(0, 256, (40, 131, 3), dtype="uint8")
    seen = []
    model = columns(seen)
    expected = predict_mask(model, image)
    seen.clear()
    np.testing.assert_array_equal(predict_mask_halves(model, image), expected)
    assert set(seen) <= {None, 82}


def test_inner_edges_do_not_count():
    """A class that is certain at the last columns seen, of each part."""

    class Edges(keras.layers.Layer):
        def call(self, inputs):
            ones = keras.ops.ones_like(inputs[..., :1])
            near = keras.ops.cumsum(ones, axis=2)
            far = keras.ops.flip(near, axis=2)
            # The 10 columns at both edges.
            edge = keras.ops.minimum(near, far) <= 10
            edge = keras.ops.cast(edge, "float32")
            return keras.ops.concatenate([1 - edge, edge], axis=-1) * 9

    pixels = keras.Input((None, None, 3))
    model = keras.Model(pixels, Edges()(pixels))
    image = np.zeros((40, 160, 3), "uint8")
    # Of parts of 100 columns the inner 12 are left out.
    mask = predict_mask_halves(model, image)
    assert mask[:, :10].all()
    assert mask[:, -10:].all()
    assert not mask[:, 10:-10].any()


def test_a_narrow_image_is_refused():
    image = np.zeros((40, 50, 3), "uint8")
    with pytest.raises(ValueError, match="64 pixels or more wide"):
        predict_mask_halves(columns([]), image)
