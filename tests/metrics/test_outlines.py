import numpy as np
import pytest

from kerasseg.metrics import BoundaryF1
from kerasseg.metrics import fill_outlines

VOID = 255


def scene(rng, width):
    """Two classes, and a strip of void in place of their slanted boundary."""
    rows, columns = np.mgrid[:40, :61]
    slope = rng.uniform(-0.5, 0.5)
    distance = (columns - 30 - slope * (rows - 20)) / np.hypot(1, slope)
    mask = (distance > 0).astype("int64")
    outlined = np.where(abs(distance) <= width / 2, VOID, mask)
    return mask, outlined


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7])
def test_a_strip_is_filled_up_to_its_middle(rng, width):
    for _ in range(5):
        mask, outlined = scene(rng, width)
        assert (outlined == VOID).any()
        # A slanted strip is as wide as that from edge to edge of its pixels.
        found = fill_outlines(outlined, width + 1)
        assert set(np.unique(found)) == {0, 1}
        # The middle itself is anyone's.
        wrong = (found != mask).sum(axis=1)
        assert wrong.max() <= 1 + (width > 2)


def test_the_labeled_pixels_stay(rng):
    mask = rng.integers(0, 4, (33, 47))
    mask[rng.random(mask.shape) < 0.4] = VOID
    before = mask.copy()
    found = fill_outlines(mask, 5)
    np.testing.assert_array_equal(mask, before)
    np.testing.assert_array_equal(found[mask != VOID], mask[mask != VOID])
    np.testing.assert_array_equal(fill_outlines(mask, 0), mask)


def test_every_pixel_takes_a_class_no_farther_than_another(rng):
    mask = rng.integers(0, 4, (20, 27))
    mask[rng.random(mask.shape) < 0.9] = VOID
    found = fill_outlines(mask, 9)
    places = np.argwhere(mask != VOID)
    filled = np.argwhere((mask == VOID) & (found != VOID))
    assert len(filled) > 20
    for place in filled:
        distances = np.ceil(np.hypot(*(places - place).T))
        nearest = mask[tuple(places[distances == distances.min()].T)]
        assert found[tuple(place)] == nearest.min()


def test_wide_void_stays_void():
    mask = np.zeros((40, 60), "int64")
    mask[10:30, 20:40] = VOID
    found = fill_outlines(mask, 7)
    # But for the corners, where no disk reaches.
    assert (found != mask).sum() <= 4 * 8
    assert (found[14:26, 20:40] == VOID).all()
    mask[10:30, 27:] = 1
    found = fill_outlines(mask, 7)
    assert (found[12:28, 20:27] != VOID).all()


def test_strips_that_leave_the_image_are_strips_and_frames_are_not():
    mask = np.zeros((20, 30), "uint8")
    mask[:, 15:18] = VOID
    mask[:, 18:] = 1
    found = fill_outlines(mask, 3)
    assert found.dtype == mask.dtype
    assert (found != VOID).all()
    framed = np.zeros((20, 30), "uint8")
    framed[[0, 1, -2, -1]] = VOID
    framed[:, [0, 1, -2, -1]] = VOID
    np.testing.assert_array_equal(fill_outlines(framed, 3), framed)


def test_several_ids_may_be_void():
    mask = np.array([[0, 0, 9, 255, 1, 1]])
    found = fill_outlines(mask, 2, ignore_class=(9, 255))
    assert found.tolist() == [[0, 0, 0, 1, 1, 1]]
    found = fill_outlines(mask, 2, ignore_class=255)
    assert found.tolist() == [[0, 0, 9, 1, 1, 1]]


def test_an_image_of_void_alone():
    mask = np.full((5, 7), VOID)
    np.testing.assert_array_equal(fill_outlines(mask, 7), mask)


def test_strips_wider_than_the_mask():
    mask = np.array([[0, 255, 255, 1]])
    assert fill_outlines(mask, 4).tolist() == [[0, 0, 1, 1]]
    with pytest.raises(
        ValueError, match="`width` must be at most 4, .*Received: width=9999"
    ):
        fill_outlines(mask, 9999)


@pytest.mark.parametrize("shape", [(2, 3, 4), (3,), (0, 3), ()])
def test_masks_of_other_shapes(shape):
    with pytest.raises(ValueError, match="`mask` must have the shape"):
        fill_outlines(np.zeros(shape, int), 1)


def test_boundaries_of_outlined_objects_are_scored(rng):
    mask, outlined = scene(rng, 5)
    found = {}
    for name, label in {
        "whole": mask,
        "outlined": outlined,
        "filled": fill_outlines(outlined, 7),
    }.items():
        metric = BoundaryF1(2, tolerance=0.05)
        metric.update(label, mask)
        found[name] = metric.result()
    assert found["whole"] == found["filled"] == 1
    assert np.isnan(found["outlined"])


@pytest.mark.parametrize("width", [-1, 2.5, "7", None])
def test_widths_out_of_range(width):
    with pytest.raises(ValueError, match="`width` must be an integer of 0"):
        fill_outlines(np.zeros((3, 4), int), width)
