import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasseg.layers import BilinearConv2DTranspose
from kerasseg.layers import BilinearUpSampling2D


def value(tensor):
    return ops.convert_to_numpy(tensor)


def maps(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def line(size):
    """One axis of the reference kernel, as their `upsample_filt`."""
    factor = (size + 1) // 2
    center = factor - 1 if size % 2 else factor - 0.5
    return 1 - abs(np.arange(size) - center) / factor


def transposed_convolution(inputs, kernel, padding):
    """The definition: each cell adds its kernel to the output."""
    batch, rows, columns, channels = inputs.shape
    size = len(kernel)
    strides = size // 2
    canvas = np.zeros(
        (batch, (rows + 1) * strides, (columns + 1) * strides, channels)
    )
    for i in range(rows):
        for j in range(columns):
            y, x = i * strides, j * strides
            canvas[:, y : y + size, x : x + size] += (
                kernel * inputs[:, i : i + 1, j : j + 1]
            )
    if padding == "valid":
        return canvas
    edge = strides // 2
    return canvas[:, edge:-edge, edge:-edge]


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(
    ("padding", "size"), [("same", (20, 28)), ("valid", (24, 32))]
)
def test_contract(rng, padding, size, learned):
    check_layer(
        BilinearConv2DTranspose,
        {"strides": 4, "padding": padding, "learned": learned},
        maps(rng, 2, 5, 7, 3),
        (2, *size, 3),
        trainable=int(learned),
    )


@given(
    shape=st.tuples(*map(st.integers, (1, 1, 1, 1), (3, 6, 7, 5))),
    strides=st.sampled_from([2, 4, 6, 8]),
    padding=st.sampled_from(["same", "valid"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_definition(shape, strides, padding, seed):
    rng = np.random.default_rng(seed)
    inputs = maps(rng, *shape)

    window = np.outer(line(2 * strides), line(2 * strides))[..., None]
    frozen = BilinearConv2DTranspose(strides, padding)
    learned = BilinearConv2DTranspose(strides, padding, learned=True)
    expected = transposed_convolution(inputs, window, padding)
    np.testing.assert_allclose(value(frozen(inputs)), expected, atol=1e-5)
    np.testing.assert_allclose(value(learned(inputs)), expected, atol=1e-5)

    kernel = maps(rng, *learned.kernel.shape)
    learned.kernel.assign(kernel)
    np.testing.assert_allclose(
        value(learned(inputs)),
        transposed_convolution(inputs, kernel, padding),
        atol=1e-4,
    )


@pytest.mark.parametrize("strides", [2, 16, 32])
def test_the_kernel_of_the_reference(strides):
    layer = BilinearConv2DTranspose(strides, learned=True)
    layer.build((None, None, None, 3))
    window = np.outer(line(2 * strides), line(2 * strides))
    kernel = value(layer.kernel)
    assert kernel.shape == (2 * strides, 2 * strides, 3)
    for channel in range(3):
        np.testing.assert_allclose(kernel[..., channel], window, atol=1e-6)
    assert window.sum() == pytest.approx(strides**2)


@pytest.mark.every_backend
def test_the_worked_kernel():
    np.testing.assert_allclose(line(4), [0.25, 0.75, 0.75, 0.25])
    one = np.ones((1, 1, 1, 1), "float32")
    outputs = value(BilinearConv2DTranspose(2, "valid")(one))[0, ..., 0]
    np.testing.assert_allclose(outputs, np.outer(line(4), line(4)), rtol=1e-6)
    outputs = value(BilinearConv2DTranspose(2)(one))[0, ..., 0]
    np.testing.assert_allclose(outputs, np.full((2, 2), 0.5625), rtol=1e-6)


def test_no_class_reads_another(rng):
    layer = BilinearConv2DTranspose(4, learned=True)
    inputs = maps(rng, 1, 3, 5, 3)
    layer.build(inputs.shape)
    layer.kernel.assign(maps(rng, *layer.kernel.shape))
    before = value(layer(inputs))
    inputs[..., 1] += 1
    changed = abs(value(layer(inputs)) - before).max(axis=(0, 1, 2))
    assert changed[1] > 0.1
    assert changed[0] == changed[2] == 0


def test_frozen_it_is_the_fixed_upsampling(rng):
    inputs = maps(rng, 2, 3, 5, 2)
    np.testing.assert_array_equal(
        value(BilinearConv2DTranspose(8)(inputs)),
        value(BilinearUpSampling2D(8)(inputs)),
    )


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_sizes_unknown_to_a_graph(rng, padding, learned):
    # TensorFlow traces the second call of another size with unknown sizes.
    layer = BilinearConv2DTranspose(4, padding, learned)
    images = keras.Input((None, None, 2))
    model = keras.Model(images, layer(images))
    for shape in ((2, 3, 5, 2), (2, 4, 5, 2), (1, 1, 7, 2), (1, 6, 1, 2)):
        inputs = maps(rng, *shape)
        np.testing.assert_allclose(
            model.predict_on_batch(inputs), value(layer(inputs)), atol=1e-5
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strides": 3}, "`strides` must be an even integer"),
        ({"strides": 2.0}, "Received: strides=2.0"),
        ({"padding": "caffe"}, "same, valid. Received: padding='caffe'"),
        ({"learned": "yes"}, "True or False. Received: learned='yes'"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        BilinearConv2DTranspose(**arguments)


def test_other_ranks():
    check_ranks(BilinearConv2DTranspose(2, learned=True))
