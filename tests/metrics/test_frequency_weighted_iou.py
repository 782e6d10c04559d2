import numpy as np
import pytest

from kerasseg.metrics import FrequencyWeightedIoU
from kerasseg.metrics import scores


@pytest.mark.every_backend
def test_worked_example():
    # The golden check: M = [[3, 1], [1, 3]].
    metric = FrequencyWeightedIoU(2)
    labels = np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    predictions = np.array([[0, 0, 0, 1], [0, 1, 1, 1]])
    metric.update_state(labels, predictions)
    assert float(metric.result()) == pytest.approx(0.6)


@pytest.mark.parametrize("absent", ["skip", "zero"])
def test_absent_classes(absent):
    # Class 2 has neither labels nor predictions, class 3 only predictions.
    metric = FrequencyWeightedIoU(4, absent=absent)
    labels = np.array([[0, 0, 0, 0], [1, 1, 255, 255]])
    predictions = np.array([[0, 0, 0, 3], [1, 0, 2, 2]])
    metric.update_state(labels, predictions)
    matrix = [[3, 0, 0, 1], [1, 1, 0, 0], [0] * 4, [0] * 4]
    expected = scores(matrix, absent)["frequency_weighted_iou"]
    assert float(metric.result()) == pytest.approx(expected)


def test_nothing_counted():
    assert np.isnan(float(FrequencyWeightedIoU(3).result()))
    assert float(FrequencyWeightedIoU(3, absent="zero").result()) == 0
