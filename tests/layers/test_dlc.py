import arithmetic
import keras
import numpy as np
import pytest
from checks import check_layer
from stand_ins import randomize

from kerasseg.layers import DLC
from kerasseg.layers import receptive_field


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def dlc(inputs, layer):
    """The definition, in double precision."""
    features = arithmetic.unit(inputs.astype("float64"), layer.reduce)
    for units in zip(layer.bottlenecks, layer.contexts, strict=True):
        x = features
        for unit in units:
            x = arithmetic.unit(x, unit)
        features = np.concatenate([features, x], axis=-1)
    return features


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def dense_aspp_161(classes=19):
    """Parameters of the DenseASPP161 head in its reference implementation."""
    total, channels = 0, 1104
    for index in range(5):
        total += 2 * channels if index else 0
        total += channels * 512 + 512 + 2 * 512
        total += 9 * 512 * 128 + 128
        channels += 128
    # Five blocks on 1,104 channels make 1,744, which the classifier reads.
    return total + channels * classes + classes


def small(**kwargs):
    arguments = {
        "reduction": 4,
        "filters": 2,
        "bottleneck_filters": 3,
        "dilation_rates": (1, 2, 3),
    }
    return DLC(**{**arguments, **kwargs})


def test_contract(rng):
    check_layer(
        DLC,
        {
            "reduction": 6,
            "filters": 3,
            "bottleneck_filters": 5,
            "dilation_rates": (1, 3),
            "kernel_initializer": "glorot_uniform",
        },
        normal(rng, 2, 7, 9, 4),
        (2, 7, 9, 12),
        trainable=15,
        non_trainable=10,
    )


@pytest.mark.parametrize(
    "shapes",
    [arithmetic.RANDOM_SHAPES, pytest.param(200, marks=pytest.mark.nightly)],
)
def test_definition_on_random_shapes(rng, shapes):
    for _ in range(shapes):
        reduction, filters, bottleneck = rng.integers(1, 6, 3).tolist()
        rates = rng.integers(1, 7, rng.integers(1, 4)).tolist()
        layer = DLC(reduction, filters, bottleneck, rates)
        size = rng.integers(1, 10, 2)
        inputs = normal(rng, rng.integers(1, 3), *size, rng.integers(1, 5))
        layer.build(inputs.shape)
        randomize(layer, rng)
        np.testing.assert_allclose(
            arithmetic.value(layer(inputs)),
            dlc(inputs, layer),
            rtol=1e-4,
            atol=1e-4,
        )


@pytest.mark.parametrize(
    ("rates", "expected"),
    [((3, 6, 12, 18), 79), ((3, 6, 12, 18, 24), 127), ((24,), 49), ((), 1)],
)
def test_receptive_field(rates, expected):
    # Golden check 1.
    assert receptive_field(rates) == expected


def test_what_a_single_pixel_reaches():
    # Golden check 2, turned round: the outputs that see the center. All rates
    # are multiples of 3, so they are a lattice and not a filled square.
    layer = DLC(1, 1, 1, kernel_initializer="ones")
    inputs = np.zeros((1, 83, 85, 1), "float32")
    inputs[0, 41, 42] = 1
    last = arithmetic.value(layer(inputs))[0, ..., -1]
    rows, columns = np.nonzero(last)
    lattice = np.arange(-39, 40, 3)
    np.testing.assert_array_equal(np.unique(rows), 41 + lattice)
    np.testing.assert_array_equal(np.unique(columns), 42 + lattice)
    assert len(rows) == 27 * 27
    assert np.ptp(rows) + 1 == receptive_field(layer.dilation_rates) == 79


def test_parameters():
    # Golden checks 3 and 5.
    layer = DLC()
    layer.build((None, 60, 60, 1024))
    assert count(layer.trainable_weights) == 1_477_632
    kernels = [w for w in layer.trainable_weights if w.name == "kernel"]
    assert count(kernels) == 1_474_560
    formula = 1024 * 512 + sum(
        (512 + i * 128) * 128 + 9 * 128 * 128 for i in range(4)
    )
    assert count(kernels) == formula
    outputs = layer.compute_output_shape((None, 60, 60, 1024))
    assert outputs == (None, 60, 60, 1024)
    head = keras.layers.Conv2D(19, 1)
    head.build(outputs)
    total = count(layer.trainable_weights + head.trainable_weights)
    assert total == 1_497_107
    # Golden check 4, and the published 23 %.
    assert dense_aspp_161() == 6_483_587
    assert round(100 * total / dense_aspp_161()) == 23


def test_blocks_are_dense_and_in_a_row(rng):
    # Golden check 9.
    layer = small()
    inputs = normal(rng, 1, 7, 9, 5)
    layer.build(inputs.shape)
    randomize(layer, rng)
    # No unit is dead, so that its absence shows.
    for variable in layer.weights:
        if variable.name == "beta":
            variable.assign(np.full(variable.shape, 2.0))
    before = arithmetic.value(layer(inputs))
    kernel = layer.bottlenecks[2].convolution.kernel
    values = arithmetic.value(kernel)
    values[:, :, 4:6] = 0
    kernel.assign(values)
    after = arithmetic.value(layer(inputs))
    np.testing.assert_array_equal(after[..., :8], before[..., :8])
    assert abs(after[..., 8:] - before[..., 8:]).max() > 1e-3
    for units in zip(layer.bottlenecks[1:], layer.contexts[1:], strict=True):
        for unit in units:
            randomize(unit, rng)
    changed = arithmetic.value(layer(inputs))
    np.testing.assert_array_equal(changed[..., :6], before[..., :6])
    assert (changed[..., 6:] != before[..., 6:]).any()


def test_blocks_start_apart():
    layer = small(dilation_rates=(1, 1))
    layer.build((None, 5, 7, 3))
    first, second = (
        arithmetic.value(unit.convolution.kernel) for unit in layer.contexts
    )
    assert (first != second).all()


def test_training_and_frozen(rng):
    inputs = normal(rng, 2, 7, 9, 5)
    layer = small()
    plain = arithmetic.value(layer(inputs))
    layer.trainable = False
    frozen = DLC.from_config(layer.get_config())
    frozen.build(inputs.shape)
    frozen.set_weights(layer.get_weights())
    for each in (layer, frozen):
        outputs = arithmetic.value(each(inputs, training=True))
        np.testing.assert_array_equal(outputs, plain)
        assert not each.trainable_weights
    layer.trainable = True
    trained = arithmetic.value(layer(inputs, training=True))
    assert abs(trained - plain).max() > 0.1
    assert len(layer.trainable_weights) == 21


def test_names_of_the_weights():
    layer = small(name="dlc", dilation_rates=(2,))
    layer.build((None, 5, 7, 3))
    assert [v.path for v in layer.trainable_weights[::3]] == [
        "dlc/reduce/conv/kernel",
        "dlc/block1_bottleneck/conv/kernel",
        "dlc/block1/conv/kernel",
    ]


@pytest.mark.parametrize(
    "argument", ["reduction", "filters", "bottleneck_filters"]
)
def test_channels_out_of_range(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be an integer"):
        DLC(**{argument: 0})


@pytest.mark.parametrize("rates", [(), 3, (3, 0), (1.5,), None])
def test_dilation_rates_out_of_range(rates):
    with pytest.raises(ValueError, match="`dilation_rates` must be a list"):
        DLC(dilation_rates=rates)
