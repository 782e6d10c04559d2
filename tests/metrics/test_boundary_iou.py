import math

import numpy as np
import pytest
from label_maps import distance_to
from label_maps import label_map
from label_maps import prediction_of

from kerasseg.metrics import BoundaryIoU


def rim(ids, class_id, width):
    """The rim of one class by a distance transform over a padded image."""
    other = (ids != class_id) & (ids != 255)
    padded = np.pad(other, 1, constant_values=True)
    distance = distance_to(padded)[1:-1, 1:-1]
    return (ids == class_id) & (distance <= width)


def test_by_hand():
    # 16 x 25: the diagonal is 29.7, so that 3.4 % of it is a rim of 1.
    mask = np.zeros((16, 25), int)
    mask[4:10, 5:15] = 1
    prediction = np.zeros_like(mask)
    prediction[4:10, 6:16] = 1
    metric = BoundaryIoU(2, width=0.034)
    metric.update(mask, prediction)
    # Both rims of the object have 2 * 10 + 2 * 4 = 28 pixels. They share two
    # rows of 9, and no column.
    # The background has the frame of 78 pixels and, around the object, two
    # rows of 10 and two columns of 6, 32 pixels. They share two rows of 9.
    object_iou = 18 / (28 + 28 - 18)
    background_iou = (78 + 18) / (2 * (78 + 32) - 78 - 18)
    np.testing.assert_allclose(
        metric.per_class_iou(), [background_iou, object_iou]
    )
    assert metric.result() == pytest.approx((background_iou + object_iou) / 2)


def test_the_rim_is_at_least_one_pixel_wide():
    mask = np.zeros((9, 12), int)
    mask[3:6, 3:9] = 1
    inner = mask.copy()
    # The inside of a region is not scored, but its hole has a rim of its own.
    inner[4, 5] = 0
    metric = BoundaryIoU(2, width=1e-6)
    metric.update(mask, inner)
    assert metric.per_class_iou()[1] == pytest.approx(14 / 16)


def test_a_region_cut_by_the_image_has_a_rim_there():
    mask = np.zeros((10, 20), int)
    metric = BoundaryIoU(2, width=0.05)
    metric.update(mask, mask)
    assert metric.result() == 1
    wrong = mask.copy()
    wrong[0] = 1
    metric = BoundaryIoU(2, width=0.05)
    metric.update(mask, wrong)
    # Rims of one pixel: the frame of 56 pixels, and that of the 9 x 20 pixels
    # below the first row, 54. They share the last row and 8 rows of 2.
    np.testing.assert_allclose(metric.per_class_iou(), [36 / (56 + 54 - 36), 0])


def test_void_is_no_other_class():
    mask = np.zeros((20, 30), int)
    mask[8:12, 10:20] = 255
    metric = BoundaryIoU(2, width=0.06)
    prediction = np.zeros_like(mask)
    prediction[9:11, 12:18] = 1
    metric.update(mask, prediction)
    assert metric.result() == 1


@pytest.mark.parametrize("void", [0.0, 0.25])
@pytest.mark.parametrize("width", [0.001, 0.02, 0.1, 1])
def test_against_a_distance_transform(width, void, rng):
    metric = BoundaryIoU(5, width=width)
    both, either = np.zeros((2, 5))
    for shape in ((33, 47), (64, 50), (1, 80), (7, 3)):
        mask = label_map(rng, shape, 5, void, grain=9)
        prediction = prediction_of(rng, mask, 5)
        metric.update(mask, prediction)
        prediction[mask == 255] = 255
        pixels = max(1, round(width * math.hypot(*shape)))
        for class_id in range(5):
            one = rim(mask, class_id, pixels)
            other = rim(prediction, class_id, pixels)
            both[class_id] += (one & other).sum()
            either[class_id] += (one | other).sum()
    np.testing.assert_allclose(metric.per_class_iou(), both / either)
    assert metric.result() == pytest.approx((both / either).mean())


def test_it_is_symmetric_and_wide_rims_give_the_plain_iou(rng):
    mask = label_map(rng, (33, 47), 3)
    prediction = prediction_of(rng, mask, 3)
    one, other = BoundaryIoU(3, width=1), BoundaryIoU(3, width=1)
    one.update(mask, prediction)
    other.update(prediction, mask)
    plain = [
        ((mask == c) & (prediction == c)).sum()
        / ((mask == c) | (prediction == c)).sum()
        for c in range(3)
    ]
    np.testing.assert_allclose(one.per_class_iou(), plain)
    np.testing.assert_allclose(other.per_class_iou(), plain)


@pytest.mark.parametrize("width", [0, -0.1, 1.5])
def test_bad_width(width):
    with pytest.raises(ValueError, match=f"fraction .*width={width}"):
        BoundaryIoU(3, width=width)
