import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

from kerasseg.ids import ids_config
from kerasseg.ids import ignored_ids
from kerasseg.losses import downsample_labels
from kerasseg.losses.labels import label_map


@pytest.mark.every_backend
@given(
    stride=st.integers(1, 8),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_samples_are_the_centers_of_cells(stride, height, width, seed):
    rng = np.random.default_rng(seed)
    shape = (2, stride * height, stride * width)
    labels = rng.integers(0, 256, shape).astype("int32")
    sampled = downsample_labels(labels, height, width)
    center = stride // 2
    np.testing.assert_array_equal(
        ops.convert_to_numpy(sampled),
        labels[:, center::stride, center::stride],
    )


def test_even_strides_pick_what_half_pixel_nearest_picks(rng):
    labels = rng.integers(0, 9, (1, 24, 40)).astype("int32")
    resized = ops.image.resize(labels[..., None], (3, 5), "nearest")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(downsample_labels(labels, 3, 5)),
        ops.convert_to_numpy(resized)[..., 0],
    )


@pytest.mark.parametrize("shape", [(25, 40), (24, 41), (24, 80), (2, 4)])
def test_sizes_that_do_not_divide_are_refused(shape):
    labels = np.zeros((1, *shape), "int32")
    with pytest.raises(ValueError, match=f"labels of {shape[0]}x{shape[1]}"):
        downsample_labels(labels, 3, 5)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="only TensorFlow traces graphs of unknown size",
)
def test_sizes_known_only_at_run_time(rng):
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None), tf.int32),
            tf.TensorSpec((), tf.int32),
            tf.TensorSpec((), tf.int32),
        ]
    )
    def sample(labels, height, width):
        return downsample_labels(labels, height, width)

    labels = rng.integers(0, 9, (2, 24, 40)).astype("int32")
    np.testing.assert_array_equal(sample(labels, 3, 5), labels[:, 4::8, 4::8])
    np.testing.assert_array_equal(sample(labels, 24, 40), labels)
    with pytest.raises(tf.errors.InvalidArgumentError, match="reshape"):
        sample(labels[:, :-2], 3, 5)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_label_maps_become_int32_without_a_last_axis(dtype):
    labels = np.array([[[0, 255, 3]]])
    for y_true in (labels, labels[..., None]):
        mapped = ops.convert_to_numpy(label_map(y_true.astype(dtype)))
        assert mapped.dtype == "int32"
        np.testing.assert_array_equal(mapped, labels)


def test_label_maps_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"y_true.shape=\(2, 3, 4, 2\)"):
        label_map(np.zeros((2, 3, 4, 2), "int32"))


def test_ignored_ids():
    assert ignored_ids(None) == ()
    assert ignored_ids(np.int64(255)) == (255,)
    assert ignored_ids([254, 255]) == (254, 255)
    assert ids_config((254, 255)) == [254, 255]
    assert ids_config(7) == 7
    assert ids_config(None) is None


@pytest.mark.parametrize("wrong", [1.5, "255", True, [0, 2.0]])
def test_ignored_ids_are_integers(wrong):
    with pytest.raises(TypeError, match="`ignore_class` must be an integer"):
        ignored_ids(wrong)
