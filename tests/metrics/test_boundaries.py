import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from label_maps import distance_to
from label_maps import label_map
from label_maps import touches

from kerasseg.metrics.boundaries import boundary_pixels
from kerasseg.metrics.boundaries import class_bits
from kerasseg.metrics.boundaries import dilate


def test_boundary_pixels_by_hand():
    # Void is 2. Diagonal neighbors do not touch, nor does the image border.
    ids = np.array(
        [
            [0, 0, 0, 0, 0],
            [0, 0, 0, 1, 1],
            [0, 0, 2, 1, 1],
            [2, 2, 2, 2, 1],
        ]
    )
    expected = [
        [0, 0, 0, 1, 1],
        [0, 0, 1, 1, 1],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(boundary_pixels(ids, 2), np.array(expected))


def test_boundary_pixels_of_random_maps(rng):
    for _ in range(20):
        shape = rng.integers(1, 20, 2)
        mask = label_map(rng, shape, 4, void=0.2)
        ids = np.where(mask == 255, 4, mask)
        np.testing.assert_array_equal(boundary_pixels(ids, 4), touches(mask))


def test_a_disk_by_hand():
    pixels = np.zeros((5, 7), bool)
    pixels[2, 3] = True
    grown = dilate(pixels, 2)
    expected = [
        [0, 0, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 0, 0, 1, 0, 0, 0],
    ]
    np.testing.assert_array_equal(grown, np.array(expected, bool))


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    radius=st.floats(0, 40) | st.integers(0, 40),
    seed=st.integers(0, 999),
)
def test_a_disk_is_a_distance(height, width, radius, seed):
    pixels = np.random.default_rng(seed).random((height, width)) < 0.03
    # Compared as squares: those of distances between pixels are integers.
    squared = np.square(distance_to(pixels))
    np.testing.assert_array_equal(
        dilate(pixels, radius), np.round(squared, 3) <= radius * radius
    )


@pytest.mark.parametrize("num_classes", [2, 8, 9, 33, 64, 150])
def test_bits_of_classes_do_not_mix(num_classes, rng):
    ids = rng.integers(0, num_classes + 1, (13, 17))
    groups = list(class_bits(ids, num_classes))
    assert len(groups) == -(-num_classes // 64)
    assert not any(bits[ids == num_classes].any() for bits in groups)
    for class_id in range(num_classes):
        group, bit = divmod(class_id, 64)
        grown = dilate(groups[group], 3) >> bit & 1
        near = distance_to(ids == class_id) <= 3
        np.testing.assert_array_equal(grown, near)


def test_inputs_stay_as_they_are(rng):
    pixels = rng.random((9, 11)) < 0.1
    before = pixels.copy()
    dilate(pixels, 3)
    np.testing.assert_array_equal(pixels, before)
