"""Models of every kind are predicted with alike."""

import keras
import numpy as np
import pytest
from ways_to_build import WAYS
from ways_to_build import image

from kerasseg import inference
from kerasseg.inference.ends import input_shape
from kerasseg.inference.ends import output_shape

EVERY_WAY = pytest.mark.parametrize("way", WAYS)


def logits_of(model, pixels):
    """What the model itself returns for an image."""
    batch = pixels[np.newaxis].astype("float32")
    return keras.ops.convert_to_numpy(model(batch, training=False))[0]


@EVERY_WAY
def test_the_mask_is_that_of_the_model_at_every_size(way):
    model = WAYS[way]()
    for size in ((40, 56), (70, 33)):
        pixels = image(*size)
        mask = inference.predict_mask(model, pixels)
        np.testing.assert_array_equal(mask, logits_of(model, pixels).argmax(-1))


@EVERY_WAY
def test_tiles_give_the_mask_of_the_whole(way):
    model = WAYS[way]()
    pixels = image(64, 96)
    whole = inference.predict_mask(model, pixels)
    tiled = inference.predict_tiled(
        model, pixels, tile_shape=(64, 64), overlap=32
    )
    np.testing.assert_array_equal(tiled, whole)


@EVERY_WAY
def test_several_scales(way):
    pixels = image(70, 101)
    mask = inference.predict_mask_multi_scale(WAYS[way](), pixels, (1.0,))
    assert mask.shape == (70, 101)
    assert len(np.unique(mask)) > 1


@EVERY_WAY
def test_ends(way):
    model = WAYS[way]()
    assert input_shape(model)[1:3] == (None, None)
    assert output_shape(model) == (None, None, None, 3)


def test_channels_first_are_refused():
    inputs = keras.Input((3, 40, 56))
    model = keras.Model(inputs, keras.layers.Permute((2, 3, 1))(inputs))
    with pytest.raises(ValueError, match="channels last.*3, 40, 56"):
        inference.predict_mask(model, image(40, 56))


def test_the_smallest_tiles_do_not_overlap():
    model = WAYS["functional"]()
    mask = inference.predict_tiled(model, image(70, 101), tile_shape=(32, 32))
    assert mask.shape == (70, 101)
