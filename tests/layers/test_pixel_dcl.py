import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasseg.layers import PixelDCL


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


def spread(maps):
    """Maps at their places of the grid, zeros elsewhere."""
    batch, height, width, channels = next(iter(maps.values())).shape
    grid = np.zeros((batch, 2 * height, 2 * width, channels))
    for (a, b), x in maps.items():
        grid[:, a::2, b::2] = x
    return grid


def masked(kernel, keep):
    rows, columns = np.indices(kernel.shape[:2]) - len(kernel) // 2
    return kernel * keep(rows % 2, columns % 2)[..., None, None]


def pixel_dcl(inputs, kernels):
    """The definition, on the upsampled grid."""
    first = convolve(inputs, kernels[0])
    maps = {(0, 0): first, (1, 1): convolve(first, kernels[1])}
    grid = spread(maps)
    odd = masked(kernels[2], np.not_equal)
    if len(kernels) == 3:
        return grid + convolve(grid, odd)
    maps[1, 0] = convolve(grid, odd)[:, 1::2, ::2]
    some = masked(kernels[3], np.maximum)
    maps[0, 1] = convolve(spread(maps), some)[:, ::2, 1::2]
    return spread(maps)


def random_layer(rng, channels, *args, **kwargs):
    layer = PixelDCL(*args, **kwargs)
    layer.build((None, None, None, channels))
    kernels = [normal(rng, *kernel.shape) for kernel in layer.weights]
    layer.set_weights(kernels)
    return layer, kernels


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("sequential", "kernels"), [(False, 3), (True, 4)])
def test_contract(rng, sequential, kernels):
    check_layer(
        PixelDCL,
        {"filters": 4, "sequential": sequential, "activation": "tanh"},
        normal(rng, 2, 3, 5, 3),
        (2, 6, 10, 4),
        trainable=kernels,
    )


def test_contract_with_other_initializers(rng):
    check_layer(
        PixelDCL,
        {
            "filters": 2,
            "kernel_size": 5,
            "kernel_initializer": "he_normal",
            "masked_initializer": keras.initializers.TruncatedNormal(
                stddev=1.0, seed=1
            ),
        },
        normal(rng, 2, 5, 4, 3),
        (2, 10, 8, 2),
        trainable=3,
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
    expected = pixel_dcl(inputs, kernels)
    for training in (False, True):
        outputs = value(layer(inputs, training=training))
        np.testing.assert_allclose(
            outputs, expected, atol=1e-6 * abs(expected).max() + 1e-6
        )


def test_the_plain_form_in_keras(rng):
    layer, kernels = random_layer(rng, 3, 4)
    inputs = normal(rng, 2, 5, 6, 3)

    def same(x, kernel):
        return ops.conv(
            x, kernel, padding="same", data_format="channels_last"
        )

    first = same(inputs, kernels[0])
    nothing = ops.zeros_like(first)
    grid = ops.depth_to_space(
        ops.concatenate(
            [first, nothing, nothing, same(first, kernels[1])], axis=-1
        ),
        2,
        data_format="channels_last",
    )
    plain = grid + same(grid, masked(kernels[2], np.not_equal))
    scale = abs(value(plain)).max()
    np.testing.assert_allclose(
        value(layer(inputs)) / scale, value(plain) / scale, atol=1e-6
    )


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("size", [3, 5])
def test_parameters(sequential, size):
    # Golden check 1.
    layer = PixelDCL(4, size, sequential=sequential)
    layer.build((None, None, None, 7))
    squares = 3 if sequential else 2
    assert layer.count_params() == size**2 * (7 * 4 + squares * 4 * 4)


def test_ones_by_hand():
    # Golden check 2.
    layer = PixelDCL(1, kernel_initializer="ones")
    outputs = value(layer(np.ones((1, 8, 8, 1), "float32")))[0, ..., 0]
    np.testing.assert_array_equal(
        outputs[:4, :4],
        [[4, 35, 6, 52], [35, 25, 80, 40], [6, 80, 9, 122], [52, 40, 122, 64]],
    )
    np.testing.assert_array_equal(
        outputs[6:8, 6:8], [[9, 180], [180, 81]]
    )


@pytest.mark.parametrize(
    ("phase", "rows", "columns"),
    [
        ((0, 0), (-1, 1), (-1, 1)),
        ((1, 1), (-2, 2), (-2, 2)),
        ((0, 1), (-3, 2), (-2, 2)),
        ((1, 0), (-2, 2), (-3, 2)),
    ],
)
def test_what_a_pixel_sees(rng, phase, rows, columns):
    # Golden check 3.
    layer, _ = random_layer(rng, 1, 1)
    units = np.eye(81, dtype="float32").reshape(81, 9, 9, 1)
    outputs = value(layer(units))[:, 8 + phase[0], 8 + phase[1], 0]
    seen = np.argwhere(outputs.reshape(9, 9)) - 4
    window = ([rows[0], columns[0]], [rows[1], columns[1]])
    np.testing.assert_array_equal(seen.min(axis=0), window[0])
    np.testing.assert_array_equal(seen.max(axis=0), window[1])
    assert len(seen) == np.prod(np.subtract(window[1], window[0]) + 1)


def test_even_pixels_do_not_depend_on_the_masked_kernel(rng):
    # Golden check 4.
    layer, kernels = random_layer(rng, 3, 2)
    inputs = normal(rng, 1, 4, 5, 3)
    before = value(layer(inputs))
    layer.kernel_3.assign(np.zeros_like(kernels[2]))
    after = value(layer(inputs))
    even = np.indices(after.shape)[1:3].sum(axis=0) % 2 == 0
    np.testing.assert_array_equal(after[even], before[even])
    assert not after[~even].any()
    assert after[even].all()


@pytest.mark.parametrize("size", [3, 5])
def test_masked_taps_change_nothing(rng, size):
    # Golden check 5.
    layer, kernels = random_layer(rng, 3, 2, size)
    inputs = normal(rng, 1, 4, 5, 3)
    before = value(layer(inputs))
    layer.kernel_3.assign(kernels[2] + masked(kernels[2] + 3, np.equal))
    np.testing.assert_array_equal(value(layer(inputs)), before)


@pytest.mark.parametrize("size", [3, 5])
def test_masked_taps_are_not_trained(rng, size):
    layer, kernels = random_layer(rng, 3, 2, size)
    inputs = keras.Input((4, 5, 3))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    model.train_on_batch(normal(rng, 1, 4, 5, 3), normal(rng, 1, 8, 10, 2))
    change = value(layer.kernel_3) - kernels[2]
    assert not masked(change, np.equal).any()
    taps = abs(change).sum(axis=(2, 3))
    assert np.count_nonzero(taps) == size**2 // 2


def test_without_the_second_map(rng):
    # Golden check 6.
    layer, kernels = random_layer(rng, 3, 2)
    layer.kernel_2.assign(np.zeros_like(kernels[1]))
    inputs = normal(rng, 1, 4, 5, 3)
    outputs = value(layer(inputs))
    assert not outputs[:, 1::2, 1::2].any()
    first = np.pad(outputs[:, ::2, ::2], ((0, 0), (0, 0), (0, 1), (0, 0)))
    expected = first[:, :, :-1] @ kernels[2][1, 0]
    expected += first[:, :, 1:] @ kernels[2][1, 2]
    np.testing.assert_allclose(outputs[:, ::2, 1::2], expected, atol=1e-4)


def test_the_phases_come_apart_again(rng):
    # Golden check 8.
    layer, kernels = random_layer(rng, 3, 2)
    inputs = normal(rng, 1, 4, 5, 3)
    outputs = value(layer(inputs))
    first = convolve(inputs, kernels[0])
    np.testing.assert_allclose(outputs[:, ::2, ::2], first, atol=1e-4)
    np.testing.assert_allclose(
        outputs[:, 1::2, 1::2], convolve(first, kernels[1]), atol=1e-4
    )


def test_kernels_of_one_shape_start_apart():
    layer = PixelDCL(3, sequential=True)
    layer.build((None, None, None, 3))
    kernels = [value(kernel).ravel() for kernel in layer.weights]
    assert (np.corrcoef(kernels) < 0.9).sum() == 12


def test_the_start_of_the_reference():
    layer = PixelDCL(
        8, masked_initializer=keras.initializers.TruncatedNormal(stddev=1.0)
    )
    layer.build((None, None, None, 8))
    assert value(layer.kernel_3).std() == pytest.approx(0.88, abs=0.06)
    assert abs(value(layer.kernel_2)).max() <= (6 / 144) ** 0.5


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
        ({"filters": 2.0}, "Received: filters=2.0"),
        ({"filters": 2, "kernel_size": 4}, "`kernel_size` must be an odd"),
        ({"filters": 2, "kernel_size": 1}, "Received: kernel_size=1"),
        ({"filters": 2, "kernel_size": (3, 3)}, r"kernel_size=\(3, 3\)"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        PixelDCL(**arguments)


@pytest.mark.export
@pytest.mark.parametrize("sequential", [False, True])
def test_export(tmp_path, sequential):
    from kerasseg.export import to_litert
    from kerasseg.export import to_onnx

    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, 2, strides=2)(images)
    layer = PixelDCL(4, activation="relu", sequential=sequential)
    model = keras.Model(images, layer(x))
    litert = to_litert(model, tmp_path / "x.tflite", image_shape=(32, 48))
    onnx = to_onnx(model, tmp_path / "x.onnx", image_shape=(32, 48))
    for report in (litert, onnx):
        assert report.output_shape == (1, 32, 48, 4)
        assert report.relative_error < 1e-5
    convolutions = 8 if sequential else 7
    assert litert.operators["CONV_2D"] == convolutions
    assert litert.operators["DEPTH_TO_SPACE"] == 1
    assert onnx.operators["Conv"] == convolutions
    assert onnx.operators["DepthToSpace"] == 1


def test_other_ranks():
    check_ranks(PixelDCL(4))
