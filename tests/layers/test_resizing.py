import arithmetic
import keras
import numpy as np
import pytest
from keras import ops

from kerasseg.layers.resizing import resize


class ResizeToMatch(keras.layers.Layer):
    def call(self, inputs):
        maps, like = inputs
        return resize(maps, *ops.shape(like)[1:3])

    def compute_output_shape(self, input_shape):
        maps, like = input_shape
        return (maps[0], *like[1:3], maps[3])


@pytest.mark.parametrize(
    ("size", "new_size"),
    [((3, 5), (6, 10)), ((3, 5), (8, 7)), ((9, 8), (3, 4)), ((1, 2), (5, 1))],
)
def test_definition(rng, size, new_size):
    maps = rng.normal(size=(2, *size, 3)).astype("float32")
    expected = arithmetic.resize(maps, *new_size)
    outputs = resize(ops.convert_to_tensor(maps), *new_size)
    outputs = ops.convert_to_numpy(outputs)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_a_map_of_that_size_is_the_same_one():
    maps = ops.ones((1, 3, 5, 2))
    assert resize(maps, 3, 5) is maps


def test_sizes_unknown_to_a_graph(rng):
    maps, like = keras.Input((None, None, 2)), keras.Input((None, None, 1))
    model = keras.Model([maps, like], ResizeToMatch()([maps, like]))
    for shape, other in (
        ((2, 3, 5, 2), (6, 7)),
        ((2, 4, 5, 2), (9, 5)),
        ((1, 9, 8, 2), (3, 4)),
        ((1, 1, 7, 2), (4, 1)),
        ((1, 4, 4, 2), (4, 4)),
    ):
        inputs = rng.normal(size=shape).astype("float32")
        outputs = model.predict_on_batch(
            [inputs, np.zeros((shape[0], *other, 1), "float32")]
        )
        expected = arithmetic.resize(inputs, *other)
        np.testing.assert_allclose(outputs, expected, atol=1e-5)
