import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasseg.layers import IPixelDCL


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def convolve(inputs, kernel):
    """A convolution of the same size, tap by tap."""
    size = len(kernel)
    height, width = inputs.shape[1:3]
    edge = size // 2
    padded = np.pad(inputs, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    return sum(
        padded[:, a : a + height, b : b + width] @ kernel[a, b]
        for a in range(size)
        for b in range(size)
    )


def ipixel_dcl(inputs, kernels):
    """The definition, map by map."""
    filters = kernels[0].shape[-1]
    x, maps = inputs, []
    for kernel in kernels:
        maps.append(convolve(x, kernel))
        x = np.concatenate([x, maps[-1]], axis=-1)
    if len(kernels) == 3:
        both = maps.pop()
        maps += [both[..., :filters], both[..., filters:]]
    batch, height, width, _ = inputs.shape
    grid = np.zeros((batch, 2 * height, 2 * width, filters))
    places = ((0, 0), (1, 1), (1, 0), (0, 1))
    for (a, b), pixels in zip(places, maps, strict=True):
        grid[:, a::2, b::2] = pixels
    return grid


def random_layer(rng, channels, *args, **kwargs):
    layer = IPixelDCL(*args, **kwargs)
    layer.build((None, None, None, channels))
    kernels = [normal(rng, *kernel.shape) for kernel in layer.weights]
    layer.set_weights(kernels)
    return layer, kernels


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("sequential", "kernels"), [(False, 3), (True, 4)])
def test_contract(rng, sequential, kernels):
    check_layer(
        IPixelDCL,
        {
            "filters": 4,
            "sequential": sequential,
            "activation": "tanh",
            "kernel_initializer": "he_normal",
        },
        normal(rng, 2, 3, 5, 3),
        (2, 6, 10, 4),
        trainable=kernels,
    )


@given(
    shape=st.tuples(*map(st.integers, (1, 1, 1, 1), (2, 6, 6, 4))),
    filters=st.integers(1, 4),
    size=st.sampled_from([3, 5, 7]),
    sequential=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_definition(shape, filters, size, sequential, seed):
    rng = np.random.default_rng(seed)
    layer, kernels = random_layer(
        rng, shape[-1], filters, size, sequential=sequential
    )
    inputs = normal(rng, *shape)
    expected = ipixel_dcl(inputs, kernels)
    np.testing.assert_allclose(
        value(layer(inputs)), expected, atol=1e-6 * abs(expected).max() + 1e-6
    )


@pytest.mark.parametrize(("sequential", "squares"), [(False, 5), (True, 6)])
@pytest.mark.parametrize("size", [3, 5])
def test_parameters(sequential, squares, size):
    # Golden check 1.
    layer = IPixelDCL(4, size, sequential=sequential)
    layer.build((None, None, None, 7))
    assert layer.count_params() == size**2 * (4 * 7 * 4 + squares * 4 * 4)


@pytest.mark.parametrize("sequential", [False, True])
def test_without_the_maps_a_transposed_convolution(rng, sequential):
    # Golden check 7.
    layer, kernels = random_layer(rng, 3, 2, sequential=sequential)
    for kernel in kernels:
        kernel[:, :, 3:] = 0
    layer.set_weights(kernels)
    if not sequential:
        kernels = [*kernels[:2], *np.split(kernels[2], 2, axis=-1)]
    window = np.zeros((6, 6, 2, 3), "float32")
    places = ((0, 0), (1, 1), (1, 0), (0, 1))
    for (a, b), kernel in zip(places, kernels, strict=True):
        # A pixel meets the cell after its own at the start of the window.
        flipped = kernel[::-1, ::-1, :3].transpose(0, 1, 3, 2)
        window[a::2, b::2] = flipped
    inputs = normal(rng, 2, 4, 5, 3)
    expected = ops.conv_transpose(
        inputs, window, 2, "same", data_format="channels_last"
    )
    np.testing.assert_allclose(
        value(layer(inputs)), value(expected), atol=1e-4
    )


@pytest.mark.parametrize("sequential", [False, True])
def test_the_fourth_map_sees_the_third(rng, sequential):
    layer, kernels = random_layer(rng, 3, 2, sequential=sequential)
    inputs = normal(rng, 1, 4, 5, 3)
    before = value(layer(inputs))
    third = kernels[2].copy()
    third[..., :2] += 1
    layer.kernel_3.assign(third)
    changed = value(layer(inputs)) != before
    assert changed[:, 1::2, ::2].any()
    assert changed[:, ::2, 1::2].any() == sequential
    assert not changed[:, ::2, ::2].any()
    assert not changed[:, 1::2, 1::2].any()


@pytest.mark.parametrize("sequential", [False, True])
def test_sizes_unknown_to_a_graph(rng, sequential):
    layer, _ = random_layer(rng, 2, 3, sequential=sequential)
    images = keras.Input((None, None, 2))
    model = keras.Model(images, layer(images))
    # TensorFlow traces the second call of another size with unknown sizes.
    for shape in ((2, 3, 5, 2), (1, 4, 1, 2)):
        inputs = normal(rng, *shape)
        np.testing.assert_allclose(
            model.predict_on_batch(inputs), value(layer(inputs)), rtol=1e-4
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "`filters` must be an integer of 1 or more"),
        ({"filters": 2, "kernel_size": 4}, "`kernel_size` must be an odd"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        IPixelDCL(**arguments)


@pytest.mark.export
@pytest.mark.parametrize("sequential", [False, True])
def test_export(tmp_path, sequential):
    from kerasseg.export import to_litert
    from kerasseg.export import to_onnx

    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, 2, strides=2)(images)
    layer = IPixelDCL(4, activation="relu", sequential=sequential)
    model = keras.Model(images, layer(x))
    litert = to_litert(model, tmp_path / "x.tflite", image_shape=(32, 48))
    onnx = to_onnx(model, tmp_path / "x.onnx", image_shape=(32, 48))
    for report in (litert, onnx):
        assert report.output_shape == (1, 32, 48, 4)
        assert report.relative_error < 1e-5
    convolutions = 5 if sequential else 4
    assert litert.operators["CONV_2D"] == convolutions
    assert litert.operators["DEPTH_TO_SPACE"] == 1
    assert onnx.operators["Conv"] == convolutions
    assert onnx.operators["DepthToSpace"] == 1


def test_other_ranks():
    check_ranks(IPixelDCL(4))
