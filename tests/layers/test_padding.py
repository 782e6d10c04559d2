import json

import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from checks import check_registered
from keras import ops

from kerasseg.layers import CropToMatch
from kerasseg.layers import PadToMultiple


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def test_contract(rng):
    check_layer(
        PadToMultiple,
        {"multiple": 8, "value": 3.0, "minimum": 5},
        pixels(rng, 2, 9, 21, 3),
        (2, 16, 24, 3),
    )


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (32, 32, (32, 32)),
        (33, 47, (64, 64)),
        (64, 65, (64, 96)),
        (63, 96, (64, 96)),
        (45, 60, (64, 64)),
    ],
)
def test_gray_at_the_bottom_and_right(rng, height, width, expected):
    images = pixels(rng, 2, height, width, 3)
    padded = value(PadToMultiple()(images))
    assert padded.shape == (2, *expected, 3)
    np.testing.assert_array_equal(padded[:, :height, :width], images)
    assert (padded[:, height:] == 127.5).all()
    assert (padded[:, :, width:] == 127.5).all()


@pytest.mark.parametrize("shape", [(None, None, 3), (64, None, 3)])
def test_sizes_unknown_to_a_graph(rng, shape):
    images = keras.Input(shape)
    padded = PadToMultiple()(images)
    model = keras.Model(images, [padded, CropToMatch()([padded, images])])
    for width in (47, 96, 100):
        batch = pixels(rng, 1, 64, width, 3)
        wide, cropped = model.predict_on_batch(batch)
        assert wide.shape == (1, 64, -(-width // 32) * 32, 3)
        np.testing.assert_array_equal(cropped, batch)


def test_images_that_are_too_small(rng):
    message = "height and width of 32 pixels or more. Received: .*31, 40, 3"
    with pytest.raises(ValueError, match=message):
        PadToMultiple()(pixels(rng, 1, 31, 40, 3))
    with pytest.raises(ValueError, match=message):
        PadToMultiple()(keras.Input((31, 40, 3)))
    with pytest.raises(ValueError, match="12 pixels or more"):
        PadToMultiple(minimum=12)(pixels(rng, 1, 40, 11, 3))


@pytest.mark.parametrize("multiple", [0, -32, 1.5, None])
def test_multiple_out_of_range(multiple):
    with pytest.raises(ValueError, match="`multiple` must be an integer of 1"):
        PadToMultiple(multiple)


@pytest.mark.every_backend
def test_crop(rng):
    maps, images = pixels(rng, 2, 64, 96, 5), pixels(rng, 2, 33, 71, 3)
    layer = CropToMatch()
    cropped = value(layer([maps, images]))
    np.testing.assert_array_equal(cropped, maps[:, :33, :71])
    shapes = [maps.shape, images.shape]
    assert tuple(layer.compute_output_shape(shapes)) == (2, 33, 71, 5)
    shapes = [(None, None, None, 5), (None, None, None, 3)]
    assert layer.compute_output_shape(shapes) == (None, None, None, 5)


def test_nothing_to_crop(rng):
    maps, images = pixels(rng, 2, 33, 71, 5), pixels(rng, 2, 33, 71, 3)
    np.testing.assert_array_equal(value(CropToMatch()([maps, images])), maps)


def test_crop_serializes():
    check_registered(CropToMatch)
    layer = CropToMatch(name="crop")
    config = json.loads(json.dumps(layer.get_config()))
    assert CropToMatch.from_config(config).get_config() == layer.get_config()


def test_other_ranks():
    check_ranks(PadToMultiple(8, minimum=1))
