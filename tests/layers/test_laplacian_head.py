import arithmetic
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from keras import ops

from kerasseg.layers import LaplacianHead
from kerasseg.layers import LaplacianReconstruction


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def test_contract(rng):
    check_layer(
        LaplacianHead,
        {"num_classes": 3, "num_bases": 2, "kernel_initializer": "he_normal"},
        normal(rng, 2, 3, 5, 7),
        (2, 12, 20, 3),
        trainable=1,
        non_trainable=1,
    )


def test_contract_with_all_weights_trainable(rng):
    check_layer(
        LaplacianHead,
        {
            "num_classes": 2,
            "num_bases": 3,
            "strides": 2,
            "kernel_initializer": "he_normal",
            "bases_initializer": "random_normal",
            "trainable_bases": True,
        },
        normal(rng, 2, 3, 5, 4),
        (2, 6, 10, 2),
        trainable=2,
    )


def overlap_add(coefficients, bases):
    """The definition, pixel by pixel of a basis."""
    batch, rows, columns = coefficients.shape[:3]
    classes, count, size, _ = bases.shape
    step, edge = size // 2, size // 4
    cells = coefficients.reshape(batch, rows, columns, classes, count)
    canvas = np.zeros((batch, (rows + 1) * step, (columns + 1) * step, classes))
    for y in range(size):
        for x in range(size):
            canvas[
                :, y : y + rows * step : step, x : x + columns * step : step
            ] += np.einsum("nijck,ck->nijc", cells, bases[:, :, y, x])
    return canvas[:, edge:-edge, edge:-edge]


@pytest.mark.parametrize(
    "shapes",
    [arithmetic.RANDOM_SHAPES, pytest.param(200, marks=pytest.mark.nightly)],
)
def test_definition_on_random_shapes(rng, shapes):
    for _ in range(shapes):
        classes, count, channels = rng.integers((2, 1, 1), (6, 5, 6)).tolist()
        strides = int(rng.choice((2, 4)))
        inputs = normal(rng, *rng.integers(1, (3, 6, 6)), channels)
        head = LaplacianHead(classes, count, strides)
        head.build(inputs.shape)
        kernel = normal(rng, channels, classes * count)
        bases = normal(rng, classes, count, 2 * strides, 2 * strides)
        head.kernel.assign(kernel)
        head.bases.assign(bases)
        expected = overlap_add(inputs @ kernel, bases)
        np.testing.assert_allclose(
            value(head(inputs)), expected, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize(
    ("classes", "count", "strides", "channels"),
    [(2, 1, 2, 1), (3, 4, 2, 7), (5, 3, 4, 2), (11, 10, 4, 6), (4, 2, 8, 3)],
)
def test_coefficients_then_reconstruction(
    rng, classes, count, strides, channels
):
    inputs = normal(rng, 2, 3, 5, channels)
    kernel = normal(rng, channels, classes * count)
    bases = normal(rng, classes, count, 2 * strides, 2 * strides)
    head = LaplacianHead(classes, count, strides)
    head.build(inputs.shape)
    head.kernel.assign(kernel)
    head.bases.assign(bases)
    plain = LaplacianReconstruction(classes, count, strides)
    plain.build((2, 3, 5, classes * count))
    plain.bases.assign(bases)
    expected = value(plain(inputs @ kernel))
    for training in (False, True):
        outputs = value(head(inputs, training=training))
        np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-4)


def test_a_new_head_predicts_nothing(rng):
    head = LaplacianHead(3)
    assert not value(head(normal(rng, 1, 3, 4, 5))).any()
    assert not value(head.kernel).any()
    np.testing.assert_array_equal(
        value(head.bases), value(head.bases_initializer((3, 10, 8, 8)))
    )


def test_multiply_adds(rng, monkeypatch):
    head = LaplacianHead(11)
    head.build((None, 3, 5, 6))
    counts = head.multiply_adds(3, 5)
    assert counts["ideal"] == 15 * (6 * 110 + 110 * 64)

    convolve, seen = ops.conv, []

    def count(inputs, kernel, **kwargs):
        outputs = convolve(inputs, kernel, **kwargs)
        seen.append(np.prod(outputs.shape) * np.prod(kernel.shape[:3]))
        return outputs

    monkeypatch.setattr(ops, "conv", count)
    head(normal(rng, 1, 3, 5, 6))
    assert sum(seen) == counts["computed"]


@pytest.mark.parametrize("num_classes", [0, 1, 2.0])
def test_num_classes_out_of_range(num_classes):
    with pytest.raises(ValueError, match="`num_classes` must be an integer"):
        LaplacianHead(num_classes)


def test_other_ranks():
    check_ranks(LaplacianHead(2, 2))
