import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasseg.inference.tiling import cut
from kerasseg.inference.tiling import ramp


@st.composite
def axes(draw):
    align = draw(st.sampled_from([1, 8, 32]))
    size = align * draw(st.integers(2, 24))
    overlap = align * draw(st.integers(0, size // align // 2))
    return draw(st.integers(1, 3000)), size, overlap, align


@given(axes())
def test_every_pixel_has_the_weight_one(axis):
    length, size, overlap, align = axis
    tiles = cut(*axis)
    total = np.zeros(length)
    for tile in tiles:
        weights = np.ones(tile.high - tile.low)
        weights[: tile.lead] *= ramp(tile.lead)
        weights[len(weights) - tile.trail :] *= ramp(tile.trail)[::-1]
        assert tile.start <= tile.low
        assert tile.high <= tile.start + size
        total[tile.low : tile.high] += weights
    np.testing.assert_allclose(total, 1, atol=1e-6)
    for first, second in itertools.pairwise(tiles):
        assert second.start % align == 0
        assert first.start + size - second.start >= overlap
        # What is filled lies away from the edge, but at the image's border.
        assert second.low - second.start >= 3 * overlap // 8 - 1
        assert first.start + size - first.high >= 3 * overlap // 8 - 1


@pytest.mark.parametrize(
    ("length", "count"), [(64, 1), (65, 2), (112, 2), (113, 3), (1000, 21)]
)
def test_there_are_no_more_tiles_than_it_takes(length, count):
    assert len(cut(length, 64, 16)) == count


def test_ramps_are_smooth_and_sum_to_one():
    weights = ramp(48)
    assert weights.dtype == "float32"
    assert (np.diff(weights) > 0).all()
    assert weights[0] < 0.001
    np.testing.assert_allclose(weights + weights[::-1], 1, atol=1e-6)
