import arithmetic
import numpy as np
import pytest
from checks import check_layer
from keras import ops

from kerasseg.layers import GuidedFilter


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def guided_filter(guidance, maps, fine, radius, epsilon, average=False):
    """The definition, in double precision."""
    x, y = guidance.astype("float64"), maps.astype("float64")

    def mean(values):
        return arithmetic.box_mean(values, radius)

    covariance = mean(x * y) - mean(x) * mean(y)
    a = covariance / (mean(x * x) - mean(x) ** 2 + epsilon)
    b = mean(y) - a * mean(x)
    if average:
        a, b = mean(a), mean(b)
    size = fine.shape[1:3]
    return arithmetic.resize(a, *size) * fine + arithmetic.resize(b, *size)


@pytest.mark.parametrize("average", [False, True])
def test_contract(rng, average):
    check_layer(
        GuidedFilter,
        {"radius": 2, "epsilon": 0.1, "average_coefficients": average},
        [normal(rng, 2, 7, 9, 1), normal(rng, 2, 7, 9, 3)],
        (2, 7, 9, 3),
    )


def test_contract_of_joint_upsampling(rng):
    check_layer(
        GuidedFilter,
        {"radius": 1},
        [
            normal(rng, 2, 5, 7, 3),
            normal(rng, 2, 5, 7, 3),
            normal(rng, 2, 11, 21, 3),
        ],
        (2, 11, 21, 3),
    )


@pytest.mark.parametrize(
    "count",
    [arithmetic.RANDOM_SHAPES, pytest.param(200, marks=pytest.mark.nightly)],
)
def test_definition_on_random_shapes(rng, count):
    for _ in range(count):
        batch, channels = rng.integers(1, 4, 2)
        size = rng.integers(1, 12, 2)
        guides = rng.choice([1, channels])
        radius, epsilon = int(rng.integers(1, 5)), rng.uniform(0.05, 1)
        average = bool(rng.integers(2))
        inputs = [
            normal(rng, batch, *size, guides),
            normal(rng, batch, *size, channels),
        ]
        if rng.integers(2):
            fine = normal(rng, batch, *rng.integers(1, 20, 2), guides)
            inputs.append(fine)
        layer = GuidedFilter(radius, epsilon, average)
        fine = inputs[2] if len(inputs) == 3 else inputs[0]
        expected = guided_filter(*inputs[:2], fine, radius, epsilon, average)
        np.testing.assert_allclose(
            value(layer(inputs)), expected, atol=1e-4, rtol=1e-4
        )


def test_maps_that_are_linear_in_the_guidance(rng):
    # Golden check 7: a = alpha, b = beta.
    x, fine = 100 * normal(rng, 1, 9, 11, 1), 100 * normal(rng, 1, 27, 22, 1)
    outputs = value(GuidedFilter(2)([x, 3 * x + 5, fine]))
    np.testing.assert_allclose(outputs, 3 * fine + 5, rtol=1e-3, atol=0.05)


def test_a_flat_guidance_gives_the_mean(rng):
    # Golden check 7: a = 0.
    x, y = np.full((1, 9, 11, 1), 0.7, "float32"), normal(rng, 1, 9, 11, 3)
    outputs = value(GuidedFilter(2)([x, y]))
    expected = arithmetic.box_mean(y, 2)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_coarse_scores_get_the_edge_of_the_guidance():
    # A step between the 10th and 11th of 16 columns; scores know it to 4.
    fine = np.zeros((1, 16, 16, 1), "float32")
    fine[:, :, 10:] = 1
    coarse = fine.reshape(1, 4, 4, 4, 4, 1).mean((2, 4))
    outputs = value(GuidedFilter(1, 1e-4)([coarse, coarse * 2 - 1, fine]))
    np.testing.assert_array_equal(outputs > 0, fine > 0.5)


@pytest.mark.parametrize("radius", [0, -1, 1.0, None])
def test_radius_out_of_range(radius):
    with pytest.raises(ValueError, match="`radius` must be an integer of 1"):
        GuidedFilter(radius)


@pytest.mark.parametrize("epsilon", [0, -1e-2, float("nan"), "1"])
def test_epsilon_out_of_range(epsilon):
    with pytest.raises(ValueError, match="`epsilon` must be a number above 0"):
        GuidedFilter(epsilon=epsilon)


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 5, 7, 2), (1, 5, 7, 3)],
        [(1, 5, 7, 1), (1, 5, 8, 3)],
        [(1, 5, 7, 1), (1, 5, 7, 3), (1, 10, 14, 3)],
    ],
)
def test_inputs_that_do_not_go_together(rng, shapes):
    with pytest.raises(ValueError, match=r"must be a guidance.*\(1, 5"):
        GuidedFilter()([normal(rng, *shape) for shape in shapes])
