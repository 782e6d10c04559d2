import keras
import numpy as np
import pytest
from imported_models import value

from kerasseg.importers import Layer
from kerasseg.importers import Source
from kerasseg.importers import Tensor
from kerasseg.importers.matching import Target
from kerasseg.importers.matching import match
from kerasseg.importers.matching import variance_for
from kerasseg.zoo import WeightsError


def tensor(label, array):
    return Tensor(label, array.shape, lambda: array)


def source(**layers):
    """A file with layers of the given tensors."""
    made = [
        Layer(
            name,
            "Conv2D",
            {part: tensor(f"{name}.{part}", x) for part, x in parts.items()},
        )
        for name, parts in layers.items()
    ]
    return Source("a.file", "Caffe", tuple(made))


@pytest.fixture
def dense(array):
    """A dense layer, and targets for its kernel and, optional, its bias."""
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    layer.set_weights([array(2, 3), array(3)])
    return layer, [
        Target(layer.kernel, "all", ("a", "b"), "kernel"),
        Target(layer.bias, "all", ("a", "b"), "bias", optional=True),
    ]


@pytest.mark.every_backend
def test_numbers_and_zeros_are_assigned(dense, array):
    layer, targets = dense
    kernel = array(2, 3)
    found = match(source(b={"kernel": kernel}), targets)
    assert (found.read, found.kept, found.left_out) == (("all",), (), ())
    found.assign()
    np.testing.assert_array_equal(value(layer.kernel), kernel)
    np.testing.assert_array_equal(value(layer.bias), np.zeros(3))


def test_the_first_name_is_taken(dense, array):
    _, targets = dense
    kernels = {name: {"kernel": array(2, 3)} for name in "ab"}
    with pytest.raises(WeightsError, match=r"not in the model \(1\): b.kernel"):
        match(source(**kernels), targets)
    found = match(source(**kernels), targets, ignored="b")
    assert found.left_out == ("b.kernel",)
    assert match(source(**kernels), targets, checked=["b"]).left_out == ()


def test_groups_are_whole_or_absent(dense, array):
    layer, targets = dense
    other = keras.layers.Dense(4)
    other.build((None, 5))
    head = [
        Target(other.kernel, "head", ("c",), "kernel"),
        Target(other.bias, "head", ("c",), "bias"),
    ]
    trained = {"a": {"kernel": array(2, 3)}}
    found = match(source(**trained), targets + head)
    assert (found.read, found.kept) == (("all",), ("head",))
    part = source(**trained, c={"kernel": array(5, 4)})
    with pytest.raises(WeightsError, match=r"missing \(1\): bias of c\."):
        match(part, targets + head)
    with pytest.raises(WeightsError, match=r"missing \(4\): kernel of a or b,"):
        match(source(), targets + head)


def test_nothing_is_assigned_where_something_differs(dense, array):
    layer, targets = dense
    before = value(layer.kernel).copy()
    with pytest.raises(WeightsError, match=r"a.kernel \(3, 2\), in the model"):
        match(source(a={"kernel": array(3, 2)}), targets)
    np.testing.assert_array_equal(value(layer.kernel), before)


@pytest.mark.parametrize("own", [0.0, 1e-5, 0.5])
def test_another_epsilon_gives_the_same_result(array, own):
    layer = keras.layers.BatchNormalization(epsilon=1e-3)
    layer.build((None, 4))
    # Of which some are smaller than the difference.
    variance = array(4) ** 2 * np.array([1e-6, 1e-3, 1, 10], "float32") + 1e-6
    found = Layer(
        "bn",
        "BatchNormalization",
        {"moving_variance": tensor("v", variance.astype("float32"))},
        {"epsilon": own},
    )
    shifted = variance_for(layer.epsilon)(found).array()
    x = array(5, 4)
    gamma, beta, mean = array(4), array(4), array(4)
    layer.set_weights([gamma, beta, mean, shifted])
    expected = gamma * (x - mean) / np.sqrt(variance + own) + beta
    np.testing.assert_allclose(value(layer(x)), expected, rtol=2e-3, atol=1e-4)


def test_an_unknown_epsilon_changes_nothing(array):
    variance = array(4) ** 2
    tensors = {"moving_variance": tensor("v", variance)}
    found = variance_for(1e-3)(Layer("bn", "BatchNormalization", tensors))
    np.testing.assert_array_equal(found.array(), variance)


@pytest.mark.parametrize("own", [0.0, 1e-5, None])
def test_variances_below_zero_are_refused(array, own):
    variance = array(4) ** 2
    variance[2] = -0.5
    found = Layer(
        "bn",
        "BatchNormalization",
        {"moving_variance": tensor("bn.running_var", variance)},
        {} if own is None else {"epsilon": own},
    )
    shifted = variance_for(1e-3)(found)
    with pytest.raises(WeightsError, match=r"running_var.*variances.*-0\.5"):
        shifted.array()
