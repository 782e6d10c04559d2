import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasseg.layers import CosineBases
from kerasseg.layers import LaplacianReconstruction


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def overlap_add(coefficients, bases):
    """The definition, cell by cell."""
    batch, rows, columns, _ = coefficients.shape
    classes, count, size, _ = bases.shape
    step = size // 2
    cells = coefficients.reshape(batch, rows, columns, classes, count)
    canvas = np.zeros((batch, (rows + 1) * step, (columns + 1) * step, classes))
    for i in range(rows):
        for j in range(columns):
            window = np.einsum("nck,ckyx->nyxc", cells[:, i, j], bases)
            canvas[
                :, i * step : i * step + size, j * step : j * step + size
            ] += window
    edge = step // 2
    return canvas[:, edge:-edge, edge:-edge]


def with_bases(layer, bases):
    layer.build((None, None, None, layer.num_classes * layer.num_bases))
    layer.bases.assign(bases)
    return layer


def test_contract(rng):
    check_layer(
        LaplacianReconstruction,
        {"num_classes": 6, "num_bases": 3},
        normal(rng, 2, 3, 5, 18),
        (2, 12, 20, 6),
        non_trainable=1,
    )


def test_contract_with_all_weights_trainable(rng):
    check_layer(
        LaplacianReconstruction,
        {
            "num_classes": 2,
            "num_bases": 3,
            "strides": 2,
            "bases_initializer": keras.initializers.RandomNormal(seed=1),
            "trainable_bases": True,
            "use_bias": True,
            "bias_initializer": "ones",
        },
        normal(rng, 2, 5, 4, 6),
        (2, 10, 8, 2),
        trainable=2,
    )


@given(
    strides=st.sampled_from([2, 4, 8]),
    classes=st.integers(2, 10),
    count=st.integers(1, 4),
    sizes=st.tuples(*map(st.integers, (1, 1, 1), (3, 7, 7))),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_forms_equal_the_definition(strides, classes, count, sizes, seed):
    rng = np.random.default_rng(seed)
    layer = LaplacianReconstruction(classes, count, strides)
    bases = normal(rng, classes, count, 2 * strides, 2 * strides)
    inputs = normal(rng, *sizes, classes * count)
    with_bases(layer, bases)
    expected = overlap_add(inputs, bases)
    for training in (False, True):
        outputs = value(layer(inputs, training=training))
        np.testing.assert_allclose(outputs, expected, atol=2e-5)


@pytest.mark.parametrize("training", [False, True])
def test_one_coefficient_paints_one_basis(rng, training):
    # Golden check 5: rows 4i-2 .. 4i+5 and columns 4j-2 .. 4j+5.
    bases = normal(rng, 5, 10, 8, 8)
    layer = with_bases(LaplacianReconstruction(5), bases)
    inputs = np.zeros((1, 6, 7, 50), "float32")
    inputs[0, 2, 4, 30] = 1
    outputs = value(layer(inputs, training=training))
    expected = np.zeros((1, 24, 28, 5))
    expected[0, 6:14, 14:22, 3] = bases[3, 0]
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_the_border_crops_a_basis(rng, training):
    bases = normal(rng, 2, 1, 8, 8)
    layer = with_bases(LaplacianReconstruction(2, 1), bases)
    inputs = np.zeros((1, 1, 2, 2), "float32")
    inputs[0, 0, 1, 1] = 2
    outputs = value(layer(inputs, training=training))
    expected = np.zeros((1, 4, 8, 2))
    expected[0, :, 2:, 1] = 2 * bases[1, 0, 2:6, :6]
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_a_class_reads_its_own_coefficients_only(rng, training):
    # Golden check 6: coefficients 30 to 39 are those of class 3.
    layer = with_bases(LaplacianReconstruction(21), normal(rng, 21, 10, 8, 8))
    inputs = normal(rng, 1, 3, 4, 210)
    changed = inputs.copy()
    changed[..., 30:40] += 1
    difference = value(layer(changed, training=training)) - value(
        layer(inputs, training=training)
    )
    assert (abs(difference[..., 3]) > 1e-3).mean() > 0.9
    assert not np.delete(difference, 3, axis=-1).any()


@pytest.mark.parametrize("training", [False, True])
def test_one_bias_per_class(rng, training):
    inputs = normal(rng, 1, 3, 4, 6)
    bases = normal(rng, 3, 2, 8, 8)
    plain = with_bases(LaplacianReconstruction(3, 2), bases)
    biased = with_bases(LaplacianReconstruction(3, 2, use_bias=True), bases)
    biased.bias.assign([0.5, -2.0, 7.0])
    np.testing.assert_allclose(
        value(biased(inputs, training=training)),
        value(plain(inputs, training=training)) + [0.5, -2.0, 7.0],
        atol=1e-5,
    )


@pytest.mark.parametrize("trainable", [False, True])
def test_frozen_bases_outlast_weight_decay(rng, trainable):
    # Golden check 10.
    inputs = keras.Input((3, 4, 6))
    layer = LaplacianReconstruction(3, 2, trainable_bases=trainable)
    model = keras.Model(inputs, layer(keras.layers.Dense(6)(inputs)))
    before = value(layer.bases).copy()
    model.compile(keras.optimizers.SGD(0.1, weight_decay=0.5), "mse")
    model.train_on_batch(normal(rng, 2, 3, 4, 6), normal(rng, 2, 12, 16, 3))
    assert np.array_equal(value(layer.bases), before) != trainable


@pytest.mark.parametrize("strides", [2, 4])
def test_cosines_are_orthogonal(strides):
    size = 2 * strides
    bases = value(CosineBases()((3, 10, size, size)))
    assert bases.dtype == "float32"
    np.testing.assert_array_equal(bases[0], bases[2])
    flat = bases[1].reshape(10, -1)
    np.testing.assert_allclose(
        flat @ flat.T, strides**2 * np.eye(10), atol=1e-4
    )
    # The first paints a constant, the next two slope one way each.
    np.testing.assert_allclose(bases[0, 0], 0.5, rtol=1e-6)
    assert (np.diff(bases[0, 1], axis=1) < 0).all()
    assert (np.diff(bases[0, 2], axis=0) < 0).all()


def test_too_many_cosines():
    message = "`num_bases` must be 16 or less.* Received: num_bases=17"
    with pytest.raises(ValueError, match=message):
        LaplacianReconstruction(2, 17, strides=2).build((None, 3, 4, 34))


@pytest.mark.parametrize("classes", [2, 4, 11, 21])
def test_multiply_adds(rng, monkeypatch, classes):
    layer = LaplacianReconstruction(classes)
    layer.build((None, 3, 5, classes * 10))
    counts = layer.multiply_adds(3, 5)
    assert counts["ideal"] == 15 * classes * 640
    assert counts["block_diagonal"] == classes * counts["ideal"]

    convolve, seen = ops.conv, []

    def count(inputs, kernel, **kwargs):
        outputs = convolve(inputs, kernel, **kwargs)
        seen.append(np.prod(outputs.shape) * np.prod(kernel.shape[:3]))
        return outputs

    monkeypatch.setattr(ops, "conv", count)
    inputs = normal(rng, 1, 3, 5, classes * 10)
    layer(inputs)
    assert sum(seen) == counts["computed"]


def test_little_is_multiplied_by_zero():
    counts = LaplacianReconstruction(21).multiply_adds(44, 60)
    assert counts["computed"] < 4.1 * counts["ideal"]
    assert counts["computed"] < 0.2 * counts["block_diagonal"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"num_classes": 0}, "Received: num_classes=0"),
        ({"num_classes": 2.0}, "Received: num_classes=2.0"),
        ({"num_classes": 2, "num_bases": 0}, "`num_bases` must be an integer"),
        ({"num_classes": 2, "strides": 3}, "`strides` must be an even integer"),
        ({"num_classes": 2, "strides": 0}, "Received: strides=0"),
        ({"num_classes": 2, "strides": 4.0}, "Received: strides=4.0"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        LaplacianReconstruction(**arguments)


def test_wrong_number_of_channels(rng):
    message = r"num_classes \* num_bases = 6 channels. Received: .*\(1, 3, 4, 7"
    with pytest.raises(ValueError, match=message):
        LaplacianReconstruction(3, 2)(normal(rng, 1, 3, 4, 7))


def test_other_ranks():
    check_ranks(LaplacianReconstruction(2, 2))
