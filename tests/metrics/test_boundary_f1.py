import math

import numpy as np
import pytest
from label_maps import distance_to
from label_maps import label_map
from label_maps import prediction_of
from label_maps import touches

from kerasseg.metrics import BoundaryF1


def f1_of_image(mask, prediction, class_id, radius):
    """F1 of one class by distance transforms, NaN if it does not count."""
    true = touches(mask) & (mask == class_id)
    predicted = touches(prediction) & (prediction == class_id)
    if class_id not in mask or not (true.any() or predicted.any()):
        return np.nan
    if not (true.any() and predicted.any()):
        return 0.0
    precision = (distance_to(true)[predicted] <= radius).mean()
    recall = (distance_to(predicted)[true] <= radius).mean()
    if not precision + recall:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def test_by_hand():
    # The tolerance is a quarter of the diagonal of 5: 1.25 pixels.
    mask = np.array([[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]])
    prediction = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]])
    metric = BoundaryF1(2, tolerance=0.25)
    metric.update(mask, prediction)
    # Class 0: column 0 is true, (0, 1), (1, 1) and (2, 2) are predicted, for
    # (2, 1) is inside. The true (2, 0) is sqrt(2) from (1, 1), the predicted
    # (2, 2) 2 from (2, 0). Class 1: column 1 is true, (0, 2), (1, 2) and
    # (2, 3) are predicted, of which (2, 1) and (2, 3) have nothing near.
    np.testing.assert_allclose(metric.per_class_f1(), [2 / 3, 2 / 3])
    assert metric.result() == pytest.approx(2 / 3)


def test_precision_and_recall_differ():
    mask = np.array([[0, 0], [1, 1]])
    metric = BoundaryF1(2, tolerance=0)
    metric.update(mask, np.array([[0, 1], [1, 1]]))
    # Class 0: both true pixels are edges, the predicted one is among them.
    # Class 1: of two true and two predicted pixels, (1, 0) agrees.
    np.testing.assert_allclose(metric.per_class_f1(), [2 / 3, 1 / 2])


def test_a_shift_within_the_tolerance_is_perfect():
    # 30 x 40: 2 pixels are 4 % of the diagonal of 50.
    mask = np.zeros((30, 40), int)
    mask[:, 20:] = 1
    prediction = np.zeros_like(mask)
    prediction[:, 22:] = 1
    for tolerance, expected in ((0.04, 1.0), (0.039, 0.0)):
        metric = BoundaryF1(2, tolerance=tolerance)
        metric.update(mask, prediction)
        assert metric.result() == expected


def test_image_border_and_void_are_no_boundaries():
    mask = np.zeros((12, 16), int)
    mask[5:7] = 255
    metric = BoundaryF1(2)
    metric.update(mask, np.zeros_like(mask))
    assert np.isnan(metric.result())


def test_which_images_count():
    both = np.array([[0, 0, 1, 1]])
    zero, one = np.zeros_like(both), np.ones_like(both)
    metric = BoundaryF1(3)
    metric.update(both, both)
    np.testing.assert_array_equal(metric.per_class_f1(), [1, 1, np.nan])
    # The boundary is missed: 0 for both classes.
    metric.update(both, one)
    np.testing.assert_array_equal(metric.per_class_f1(), [0.5, 0.5, np.nan])
    # A boundary is invented: 0 for the class that is there, and the other
    # does not count.
    metric.update(zero, both)
    np.testing.assert_allclose(metric.per_class_f1(), [1 / 3, 0.5, np.nan])
    # There is no boundary, and none is predicted.
    metric.update(zero, zero)
    metric.update(zero, one)
    np.testing.assert_allclose(metric.per_class_f1(), [1 / 3, 0.5, np.nan])
    assert metric.result() == pytest.approx((1 / 3 + 1 / 2) / 2)


@pytest.mark.by_day(4)
@pytest.mark.parametrize("void", [0.0, 0.25])
@pytest.mark.parametrize("tolerance", [0, 0.0075, 0.05, 1])
def test_against_a_distance_transform(tolerance, void, rng):
    metric = BoundaryF1(5, tolerance=tolerance)
    rows = []
    for shape in ((33, 47), (64, 50), (1, 80), (7, 3)):
        mask = label_map(rng, shape, 5, void, grain=9)
        prediction = prediction_of(rng, mask, 5)
        metric.update(mask, prediction)
        prediction[mask == 255] = 255
        radius = tolerance * math.hypot(*shape)
        rows.append(
            [f1_of_image(mask, prediction, c, radius) for c in range(5)]
        )
    expected = np.nanmean(rows, axis=0)
    np.testing.assert_allclose(metric.per_class_f1(), expected)
    assert metric.result() == pytest.approx(expected.mean())


@pytest.mark.parametrize("tolerance", [-0.1, 1.5])
def test_bad_tolerance(tolerance):
    with pytest.raises(ValueError, match=f"fraction .*tolerance={tolerance}"):
        BoundaryF1(3, tolerance=tolerance)
