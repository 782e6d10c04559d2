import arithmetic
import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_ranks
from keras import ops
from scipy import ndimage

from kerasseg.layers import BoundaryMask


def value(tensor):
    return ops.convert_to_numpy(tensor)


def normal(rng, *shape):
    return rng.normal(scale=3, size=shape).astype("float32")


def step(height=12, width=32, column=16):
    """Logits of two classes that change over at a column, with certainty."""
    logits = np.zeros((1, height, width, 2), "float32")
    logits[:, :, :column, 0] = logits[:, :, column:, 1] = 100
    return logits


def reference(logits, pool_size):
    logits = logits.astype("float64")
    scores = np.exp(logits - logits.max(-1, keepdims=True))
    scores /= scores.sum(-1, keepdims=True)
    size = (1, pool_size, pool_size, 1)
    # Beyond the map it repeats the edge, which the window holds anyway.
    return ndimage.maximum_filter(
        scores, size, mode="nearest"
    ) - ndimage.minimum_filter(scores, size, mode="nearest")


def test_contract(rng):
    check_layer(
        BoundaryMask, {"pool_size": 5}, normal(rng, 2, 13, 9, 4), (2, 13, 9, 4)
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("pool_size", [3, 5, 9])
def test_dilation_minus_erosion(rng, pool_size, training):
    logits = normal(rng, 2, 13, 9, 4)
    mask = value(BoundaryMask(pool_size)(logits, training=training))
    np.testing.assert_allclose(mask, reference(logits, pool_size), atol=1e-5)
    assert mask.min() >= 0
    assert mask.max() <= 1


@pytest.mark.parametrize(
    "shapes",
    [arithmetic.RANDOM_SHAPES, pytest.param(200, marks=pytest.mark.nightly)],
)
def test_definition_on_random_shapes(rng, shapes):
    for _ in range(shapes):
        logits = normal(rng, *rng.integers((1, 1, 1, 2), (3, 12, 12, 6)))
        pool_size = int(rng.choice((3, 5, 9)))
        mask = value(BoundaryMask(pool_size)(logits))
        np.testing.assert_allclose(
            mask, reference(logits, pool_size), atol=1e-5
        )


def test_a_saturated_step():
    # Golden check 2: one on columns 12 to 19.
    mask = value(BoundaryMask()(step()))
    expected = np.zeros_like(mask)
    expected[:, :, 12:20] = 1
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("training", [False, True])
def test_two_classes_have_one_mask(rng, training):
    # Golden check 3.
    mask = value(BoundaryMask()(normal(rng, 2, 9, 13, 2), training=training))
    np.testing.assert_allclose(mask[..., 0], mask[..., 1], atol=1e-6)


def test_masks_of_three_classes_need_not_add_up_to_one():
    logits = np.concatenate([step(), step()[:, :, ::-1, :1] - 200], axis=-1)
    mask = value(BoundaryMask()(logits))
    assert set(mask.sum(-1).ravel()) == {0, 2}


@pytest.mark.parametrize("training", [False, True])
def test_a_constant_map_has_no_boundary(training):
    logits = np.broadcast_to(
        np.array([1.5, -0.5, 80.0], "float32"), (1, 11, 14, 3)
    )
    mask = value(BoundaryMask()(logits, training=training))
    # Vectorized, a softmax may differ by one bit between equal pixels.
    np.testing.assert_allclose(mask, 0, atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_a_constant_per_pixel_changes_nothing(rng, training):
    logits = normal(rng, 1, 9, 13, 4)
    shifted = logits + rng.uniform(-50, 50, (1, 9, 13, 1)).astype("float32")
    layer = BoundaryMask()
    np.testing.assert_allclose(
        value(layer(shifted, training=training)),
        value(layer(logits, training=training)),
        atol=1e-5,
    )


def test_large_logits_do_not_overflow():
    logits = 1e4 * step()
    np.testing.assert_array_equal(
        value(BoundaryMask()(logits)), value(BoundaryMask()(step()))
    )


def test_half_precision_is_only_the_last_step(rng):
    logits = normal(rng, 1, 9, 13, 4)
    half = BoundaryMask(dtype="mixed_float16")(logits)
    np.testing.assert_allclose(
        value(ops.cast(half, "float32")), reference(logits, 9), atol=5e-3
    )


@pytest.mark.every_backend
def test_gradients_flow_through(rng):
    inputs = normal(rng, 2, 9, 13, 3)
    images = keras.Input((9, 13, 3))
    dense = keras.layers.Dense(4)
    model = keras.Model(images, BoundaryMask()(dense(images)))
    before = value(dense.kernel).copy()
    model.compile("sgd", "mse")
    model.train_on_batch(inputs, np.zeros((2, 9, 13, 4), "float32"))
    assert (value(dense.kernel) != before).any(axis=0).all()


@pytest.mark.parametrize("pool_size", [0, 1, 2, 8, -3, 9.0, None])
def test_pool_size_out_of_range(pool_size):
    with pytest.raises(ValueError, match="`pool_size` must be an odd integer"):
        BoundaryMask(pool_size)


def test_other_ranks():
    check_ranks(BoundaryMask())
