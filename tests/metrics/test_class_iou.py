import numpy as np
import pytest

from kerasseg.metrics import ClassIoU


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("class_id", "expected"), [(0, 0.6), (1, 1 / 3), (3, 0)]
)
def test_worked_example(class_id, expected):
    metric = ClassIoU(4, class_id=class_id)
    labels = np.array([[0, 0, 0, 0], [1, 1, 1, 255]])
    predictions = np.array([[0, 0, 0, 3], [1, 0, 3, 1]])
    metric.update_state(labels, predictions)
    assert float(metric.result()) == pytest.approx(expected)
    assert metric.per_class_iou()[class_id] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("absent", "expected"), [("skip", np.nan), ("zero", 0)]
)
def test_a_class_without_pixels(absent, expected):
    metric = ClassIoU(3, class_id=2, absent=absent)
    metric.update_state(np.array([[0, 1]]), np.array([[1, 1]]))
    np.testing.assert_equal(float(metric.result()), expected)


@pytest.mark.parametrize("class_id", [-1, 3, 1.5, 1.0, True, "1", None])
def test_the_class_exists(class_id):
    with pytest.raises(ValueError, match="`class_id` must be an id from 0 to "):
        ClassIoU(3, class_id=class_id)
