import keras
import numpy as np
import pytest
from checks import check_layer
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasseg.layers import GlobalInterpolation


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def interpolate(inputs, height, width):
    """The definition."""
    return np.einsum("ip,npqc,jq->nijc", height, inputs, width)


def bilinear(size, cells):
    """Half-pixel bilinear weights, sample by sample."""
    matrix = np.zeros((size, cells))
    for i in range(size):
        x = min(max((i + 0.5) * cells / size - 0.5, 0), cells - 1)
        left = min(int(x), cells - 2) if cells > 1 else 0
        matrix[i, left] += 1 - (x - left)
        if cells > 1:
            matrix[i, left + 1] += x - left
    return matrix


def halving(cells):
    """Half-pixel bilinear weights to half the size, of a widened kernel."""
    matrix = np.zeros((cells // 2, cells))
    for i in range(cells // 2):
        for offset, weight in ((-1, 1), (0, 3), (1, 3), (2, 1)):
            if 0 <= 2 * i + offset < cells:
                matrix[i, 2 * i + offset] = weight
    return matrix / matrix.sum(axis=1, keepdims=True)


def with_matrices(layer, height, width):
    if not layer.built:
        layer.build((None, height.shape[1], width.shape[1], 1))
    layer.kernel_height.assign(height)
    layer.kernel_width.assign(width)
    return layer


def random_layer(rng, size, cells, **kwargs):
    height = normal(rng, size[0], cells[0])
    width = normal(rng, size[1], cells[1])
    layer = GlobalInterpolation(size, cells, **kwargs)
    return with_matrices(layer, height, width), height, width


@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
def test_contract(rng, resampling):
    check_layer(
        GlobalInterpolation,
        {
            "size": (24, 35),
            "input_size": (3, 5),
            "resampling": resampling,
        },
        normal(rng, 2, 3, 5, 4),
        (2, 24, 35, 4),
        trainable=2,
    )


@pytest.mark.parametrize("initializer", ["glorot_gdn", "glorot_uniform"])
def test_contract_with_a_random_start(rng, initializer):
    check_layer(
        GlobalInterpolation,
        {"size": (7, 9), "initializer": initializer},
        normal(rng, 2, 3, 5, 4),
        (2, 7, 9, 4),
        trainable=2,
    )


@given(
    shape=st.tuples(*map(st.integers, (1, 1, 1, 1), (3, 6, 6, 4))),
    size=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_definition(shape, size, seed):
    rng = np.random.default_rng(seed)
    layer, height, width = random_layer(rng, size, shape[1:3])
    inputs = normal(rng, *shape)
    np.testing.assert_allclose(
        value(layer(inputs)), interpolate(inputs, height, width), atol=5e-5
    )


def test_the_bilinear_start_by_hand():
    # Golden check 1.
    layer = GlobalInterpolation((4, 4))
    inputs = np.array([[1, 2], [3, 4]], "float32")[None, ..., None]
    expected = [
        [1, 1.25, 1.75, 2],
        [1.5, 1.75, 2.25, 2.5],
        [2.5, 2.75, 3.25, 3.5],
        [3, 3.25, 3.75, 4],
    ]
    np.testing.assert_allclose(value(layer(inputs))[0, ..., 0], expected)
    matrix = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    np.testing.assert_allclose(value(layer.kernel_height), matrix)
    np.testing.assert_allclose(value(layer.kernel_width), matrix)


@pytest.mark.parametrize(
    ("cells", "size"), [((3, 5), (24, 40)), ((4, 2), (9, 7)), ((1, 3), (5, 3))]
)
def test_the_bilinear_start_is_a_resize(rng, cells, size):
    layer = GlobalInterpolation(size)
    inputs = normal(rng, 2, *cells, 3)
    expected = ops.image.resize(
        inputs, size, "bilinear", data_format="channels_last"
    )
    np.testing.assert_allclose(value(layer(inputs)), value(expected), atol=1e-5)
    np.testing.assert_allclose(
        value(layer.kernel_height), bilinear(size[0], cells[0]), atol=1e-6
    )


def test_special_matrices(rng):
    # Golden check 2.
    inputs = normal(rng, 1, 4, 5, 2)
    same = with_matrices(GlobalInterpolation((4, 5)), np.eye(4), np.eye(5))
    np.testing.assert_array_equal(value(same(inputs)), inputs)
    rows, columns = [0, 0, 1, 3], [1, 2, 4]
    picked = with_matrices(
        GlobalInterpolation((4, 3)), np.eye(4)[rows], np.eye(5)[columns]
    )
    np.testing.assert_array_equal(
        value(picked(inputs)), inputs[:, rows][:, :, columns]
    )


def test_it_is_separable(rng):
    # Golden check 3.
    layer, height, width = random_layer(rng, (5, 7), (2, 3))
    inputs = normal(rng, 1, 2, 3, 1)
    np.testing.assert_allclose(
        value(layer(inputs)).ravel(),
        np.kron(height, width) @ inputs.ravel(),
        atol=1e-5,
    )


def test_linear_and_scaled_both_ways(rng):
    # Golden check 4.
    layer, height, width = random_layer(rng, (5, 7), (2, 3))
    a, b = normal(rng, 1, 2, 3, 2), normal(rng, 1, 2, 3, 2)
    expected = value(layer(a))
    both = value(layer(2 * a + b))
    np.testing.assert_allclose(
        both, 2 * expected + value(layer(b)), atol=1e-5
    )
    for scale in (-1, 4):
        with_matrices(layer, scale * height, width / scale)
        np.testing.assert_allclose(value(layer(a)), expected, atol=1e-5)


def test_every_pixel_sees_every_cell_of_its_channel(rng):
    # Golden check 5.
    layer, _, _ = random_layer(rng, (5, 7), (2, 3))
    inputs = normal(rng, 1, 2, 3, 2)
    before = value(layer(inputs))
    for row in range(2):
        for column in range(3):
            changed = inputs.copy()
            changed[0, row, column, 1] += 10
            difference = value(layer(changed)) - before
            assert abs(difference[..., 1]).min() > 0
            assert not difference[..., 0].any()


@pytest.mark.parametrize(
    ("cells", "limits"),
    [(64, (0.0056269, 0.0021208)), (16, (0.0117655, 0.0021370))],
)
def test_the_start_of_the_reference(cells, limits):
    # Golden check 6.
    layer = GlobalInterpolation((500, 500), initializer="glorot_gdn")
    layer.build((None, cells, cells, 21))
    assert layer.count_params() == 2 * 500 * cells
    for kernel, limit in zip(layer.weights, limits, strict=True):
        assert abs(value(kernel)).max() == pytest.approx(limit, rel=1e-3)
    assert not np.allclose(*(value(kernel) for kernel in layer.weights))


def test_parameters():
    layer = GlobalInterpolation((360, 480))
    layer.build((None, 45, 60, 11))
    assert layer.count_params() == 360 * 45 + 480 * 60


def test_matrices_of_one_shape_start_apart():
    layer = GlobalInterpolation((5, 5), initializer="glorot_uniform")
    layer.build((None, 3, 3, 1))
    kernels = [value(kernel) for kernel in layer.weights]
    assert abs(kernels[0] - kernels[1]).max() > 1e-3


def test_smaller_maps_use_the_top_left(rng):
    layer, height, width = random_layer(rng, (50, 48), (6, 6))
    inputs = normal(rng, 2, 4, 5, 3)
    # ceil(4 * 50 / 6) rows.
    expected = interpolate(inputs, height[:34, :4], width[:40, :5])
    outputs = value(layer(inputs))
    assert outputs.shape == (2, 34, 40, 3)
    assert layer.compute_output_shape(inputs.shape) == outputs.shape
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_smaller_maps_resized_there_and_back(rng):
    layer, height, width = random_layer(
        rng, (16, 24), (4, 6), resampling="resize"
    )
    inputs = normal(rng, 2, 2, 3, 2)
    there = interpolate(inputs, bilinear(4, 2), bilinear(6, 3))
    result = interpolate(there, height, width)
    outputs = value(layer(inputs))
    assert outputs.shape == (2, 8, 12, 2)
    expected = interpolate(result, halving(16), halving(24))
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_larger_maps_resized_there_and_back(rng):
    layer, height, width = random_layer(
        rng, (8, 8), (2, 2), resampling="resize"
    )
    inputs = normal(rng, 1, 2, 2, 2)
    images = np.zeros((1, 16, 24, 3), "float32")
    result = interpolate(inputs, height, width)
    expected = interpolate(result, bilinear(16, 8), bilinear(24, 8))
    np.testing.assert_allclose(
        value(layer([inputs, images])), expected, atol=1e-5
    )


def test_resampled_matrices(rng):
    layer, height, width = random_layer(
        rng, (6, 8), (3, 4), resampling="resample"
    )
    inputs = normal(rng, 1, 6, 8, 2)
    matrices = [
        bilinear(2 * len(m), len(m)) @ m @ bilinear(2 * n, n).T / 2
        for m, n in ((height, 3), (width, 4))
    ]
    for matrix, learned in zip(matrices, (height, width), strict=True):
        np.testing.assert_allclose(
            matrix.sum(axis=1),
            bilinear(2 * len(learned), len(learned)) @ learned.sum(axis=1),
            atol=1e-6,
        )
    np.testing.assert_allclose(
        value(layer(inputs)), interpolate(inputs, *matrices), atol=1e-5
    )


@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
@pytest.mark.parametrize("cells", [(2, 4), (4, 5), (3, 6)])
def test_a_constant_stays_one(resampling, cells):
    layer = GlobalInterpolation(
        (32, 48), (4, 6), resampling=resampling
    )
    outputs = value(layer(np.ones((1, *cells, 1), "float32")))
    assert outputs.shape == (1, cells[0] * 8, cells[1] * 8, 1)
    inner = outputs[:, :-8, :-8] if resampling == "crop" else outputs
    np.testing.assert_allclose(inner, 1, atol=1e-5)


@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
def test_the_size_of_images(rng, resampling):
    layer, height, width = random_layer(
        rng, (50, 50), (7, 7), resampling=resampling
    )
    maps, images = normal(rng, 2, 6, 7, 3), normal(rng, 2, 43, 49, 1)
    outputs = value(layer([maps, images]))
    shapes = [maps.shape, images.shape]
    assert layer.compute_output_shape(shapes) == outputs.shape
    assert outputs.shape == (2, 43, 49, 3)
    if resampling == "crop":
        expected = interpolate(maps, height[:43, :6], width[:49])
        np.testing.assert_allclose(outputs, expected, atol=1e-4)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
def test_sizes_unknown_to_a_graph(rng, resampling):
    layer, _, _ = random_layer(rng, (15, 18), (5, 6), resampling=resampling)
    inputs = [keras.Input((None, None, 2)), keras.Input((None, None, 1))]
    alone = keras.Model(inputs[0], layer(inputs[0]))
    beside = keras.Model(inputs, layer(inputs))
    assert alone.output_shape == (None, None, None, 2)
    # TensorFlow traces the second call of another size with unknown sizes.
    for shape in ((2, 3, 4, 2), (2, 4, 4, 2), (1, 5, 6, 2), (1, 2, 5, 2)):
        maps = normal(rng, *shape)
        images = normal(rng, shape[0], 3 * shape[1] - 1, 3 * shape[2] - 2, 1)
        np.testing.assert_allclose(
            alone.predict_on_batch(maps), value(layer(maps)), atol=1e-5
        )
        np.testing.assert_allclose(
            beside.predict_on_batch([maps, images]),
            value(layer([maps, images])),
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("maps", "images"),
    [((6, 6), (15, 18)), ((5, 6), (30, 18)), ((5, 6), (15, 36))],
)
def test_nothing_larger_in_a_graph(rng, maps, images):
    layer, _, _ = random_layer(rng, (15, 18), (5, 6))
    inputs = [keras.Input((None, None, 2)), keras.Input((None, None, 1))]
    model = keras.Model(inputs, layer(inputs))
    for cells in ((2, 3), (4, 5)):
        x = [normal(rng, 2, *cells, 2), normal(rng, 2, 12, 15, 1)]
        assert model.predict_on_batch(x).shape == (2, 12, 15, 2)
    x = [normal(rng, 2, *maps, 2), normal(rng, 2, *images, 1)]
    # Sizes that TensorFlow does not know as it traces are found by it alone.
    with pytest.raises(Exception, match="or smaller|reshape|In\\[0\\]"):
        model.predict_on_batch(x)


def test_larger_maps_do_not_crop(rng):
    layer, _, _ = random_layer(rng, (8, 12), (2, 3))
    message = r"`maps` must be 2 x 3 or smaller.*\(1, 2, 4, 5\)"
    with pytest.raises(ValueError, match=message):
        layer(normal(rng, 1, 2, 4, 5))
    with pytest.raises(ValueError, match=message):
        layer.compute_output_shape((1, 2, 4, 5))
    message = r"`images` must be 8 x 12 or smaller.*\(1, 9, 12, 3\)"
    with pytest.raises(ValueError, match=message):
        layer([normal(rng, 1, 2, 3, 5), normal(rng, 1, 9, 12, 3)])


def test_the_size_of_the_input_must_be_known():
    message = r"`input_size` must be.*inputs.shape=\(None, None, 3, 2\)"
    with pytest.raises(ValueError, match=message):
        GlobalInterpolation((8, 12))(keras.Input((None, 3, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 8}, r"`size` must be a list or tuple of 2 integers.*size=8"),
        ({"size": (8, 0)}, r"Received: size=\(8, 0\)"),
        ({"size": (8, 4.0)}, "`size` must be a list or tuple of 2 integers"),
        ({"size": (8, 8), "input_size": (2,)}, r"input_size=\(2,\)"),
        ({"size": (8, 8), "resampling": "pad"}, "`resampling` must be"),
        ({"size": (8, 8), "initializer": "cubic"}, "cubic"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        GlobalInterpolation(**arguments)


@pytest.mark.by_day(2)
@pytest.mark.export
@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
@pytest.mark.parametrize("image_shape", [(40, 56), (32, 48)])
def test_export(rng, tmp_path, resampling, image_shape):
    from kerasseg.export import to_litert
    from kerasseg.export import to_onnx

    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 8, strides=8)(images)
    layer, _, _ = random_layer(rng, (40, 56), (5, 7), resampling=resampling)
    model = keras.Model(images, layer(x))
    litert = to_litert(
        model, tmp_path / "x.tflite", image_shape=image_shape
    )
    onnx = to_onnx(model, tmp_path / "x.onnx", image_shape=image_shape)
    for report in (litert, onnx):
        assert report.output_shape == (1, *image_shape, 4)
        assert report.relative_error < 1e-5
    assert onnx.operators["MatMul"] == 2
    assert litert.operators["BATCH_MATMUL"] == 2
    assert set(litert.operators) <= {"CONV_2D", "RESHAPE", "BATCH_MATMUL"}
