import arithmetic
import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from keras import ops

from kerasseg.layers import BilinearUpSampling2D


def value(tensor):
    return ops.convert_to_numpy(tensor)


def maps(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def line(strides):
    """One axis of the bilinear kernel of size `2 * strides`."""
    center = strides - 0.5
    return 1 - abs(np.arange(2 * strides) - center) / strides


def transposed_convolution(inputs, strides):
    batch, rows, columns, channels = inputs.shape
    canvas = np.zeros(
        (batch, (rows + 1) * strides, (columns + 1) * strides, channels)
    )
    kernel = np.outer(line(strides), line(strides))[None, :, :, None]
    for i in range(rows):
        for j in range(columns):
            canvas[
                :,
                i * strides : (i + 2) * strides,
                j * strides : (j + 2) * strides,
            ] += kernel * inputs[:, i : i + 1, j : j + 1]
    edge = strides // 2
    return canvas[:, edge:-edge, edge:-edge]


@pytest.mark.parametrize("border", ["zeros", "edge"])
def test_contract(rng, border):
    check_layer(
        BilinearUpSampling2D,
        {"strides": 4, "border": border},
        maps(rng, 2, 5, 7, 3),
        (2, 20, 28, 3),
    )


@pytest.mark.parametrize("strides", [2, 4, 8])
def test_zeros_outside_make_a_transposed_convolution(rng, strides):
    inputs = maps(rng, 2, 3, 5, 2)
    outputs = value(BilinearUpSampling2D(strides)(inputs))
    expected = transposed_convolution(inputs, strides)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    window = np.outer(line(strides), line(strides))[..., None, None]
    library = ops.conv_transpose(
        inputs,
        (window * np.eye(2)).astype("float32"),
        strides,
        "same",
        data_format="channels_last",
    )
    np.testing.assert_allclose(outputs, value(library), atol=1e-5)


@pytest.mark.parametrize(
    "shapes",
    [arithmetic.RANDOM_SHAPES, pytest.param(200, marks=pytest.mark.nightly)],
)
def test_definition_on_random_shapes(rng, shapes):
    for _ in range(shapes):
        strides = int(rng.choice((2, 4, 6)))
        inputs = maps(rng, *rng.integers(1, (3, 7, 7, 4)))
        height, width = inputs.shape[1:3]
        np.testing.assert_allclose(
            value(BilinearUpSampling2D(strides)(inputs)),
            transposed_convolution(inputs, strides),
            atol=1e-5,
        )
        np.testing.assert_allclose(
            value(BilinearUpSampling2D(strides, "edge")(inputs)),
            arithmetic.resize(inputs, height * strides, width * strides),
            atol=1e-5,
        )


def test_a_map_of_ones_fades_toward_the_border():
    # Golden check 7.
    outputs = value(BilinearUpSampling2D()(np.ones((1, 3, 4, 1), "float32")))
    expected = np.ones((6, 8))
    expected[[0, -1]] *= 0.75
    expected[:, [0, -1]] *= 0.75
    np.testing.assert_allclose(outputs[0, ..., 0], expected, rtol=1e-6)
    assert outputs[0, 0, 0, 0] == pytest.approx(0.5625)


def test_the_worked_kernel():
    np.testing.assert_allclose(line(2), [0.25, 0.75, 0.75, 0.25])
    unit = np.zeros((1, 3, 3, 1), "float32")
    unit[0, 1, 1] = 1
    outputs = value(BilinearUpSampling2D()(unit))[0, 1:5, 1:5, 0]
    np.testing.assert_allclose(outputs, np.outer(line(2), line(2)), rtol=1e-6)
    assert outputs.sum() == pytest.approx(4)


@pytest.mark.parametrize("strides", [2, 4, 8])
def test_the_edge_repeated_makes_a_resize(rng, strides):
    inputs = maps(rng, 2, 3, 5, 2)
    outputs = value(BilinearUpSampling2D(strides, "edge")(inputs))
    resize = keras.layers.UpSampling2D(strides, interpolation="bilinear")
    np.testing.assert_allclose(outputs, value(resize(inputs)), atol=1e-5)
    inner = slice(strides // 2, -strides // 2)
    faded = value(BilinearUpSampling2D(strides)(inputs))
    np.testing.assert_allclose(
        outputs[:, inner, inner], faded[:, inner, inner], atol=1e-5
    )


@pytest.mark.parametrize("border", ["zeros", "edge"])
@pytest.mark.parametrize("strides", [2, 4])
def test_sizes_unknown_to_a_graph(rng, strides, border):
    # TensorFlow traces the second call of another size with unknown sizes.
    layer = BilinearUpSampling2D(strides, border)
    images = keras.Input((None, None, 2))
    model = keras.Model(images, layer(images))
    for shape in ((2, 3, 5, 2), (2, 4, 5, 2), (1, 1, 7, 2), (1, 6, 1, 2)):
        inputs = maps(rng, *shape)
        np.testing.assert_allclose(
            model.predict_on_batch(inputs), value(layer(inputs)), atol=1e-5
        )


@pytest.mark.parametrize("strides", [0, 1, 3, -2, 2.0, "2", None])
def test_strides_out_of_range(strides):
    with pytest.raises(ValueError, match="`strides` must be an even integer"):
        BilinearUpSampling2D(strides)


def test_unknown_border():
    with pytest.raises(ValueError, match="Received: border='same'"):
        BilinearUpSampling2D(border="same")


def test_other_ranks():
    check_ranks(BilinearUpSampling2D(2))
