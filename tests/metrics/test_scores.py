import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from kerasseg.metrics import scores

NAMES = (
    "pixel_accuracy",
    "mean_accuracy",
    "mean_iou",
    "frequency_weighted_iou",
)


def test_worked_example():
    result = scores([[3, 1], [1, 3]])
    values = [result[name] for name in NAMES]
    assert values == pytest.approx([0.75, 0.75, 0.6, 0.6])
    np.testing.assert_allclose(result["per_class_iou"], [0.6, 0.6])


def test_absent_classes():
    # Class 1 has labels but no hits, class 2 has neither labels nor
    # predictions, class 3 is only predicted.
    matrix = np.array([[4, 0, 0, 2], [2, 0, 0, 0], [0] * 4, [0] * 4])
    skip, zero = scores(matrix), scores(matrix, "zero")
    np.testing.assert_allclose(skip["per_class_iou"], [0.5, 0, np.nan, 0])
    np.testing.assert_allclose(zero["per_class_iou"], [0.5, 0, 0, 0])
    assert skip["mean_iou"] == pytest.approx(0.5 / 3)
    assert zero["mean_iou"] == pytest.approx(0.5 / 4)
    assert skip["mean_accuracy"] == pytest.approx(4 / 6 / 2)
    assert zero["mean_accuracy"] == pytest.approx(4 / 6 / 4)
    for name in ("pixel_accuracy", "frequency_weighted_iou"):
        assert skip[name] == zero[name]


def test_nothing_counted():
    empty = np.zeros((3, 3), "int64")
    assert all(np.isnan(scores(empty)[name]) for name in NAMES)
    assert all(scores(empty, "zero")[name] == 0 for name in NAMES)


@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6))
@settings(max_examples=50, deadline=None)
def test_equals_the_definition_pixel_by_pixel(seed, classes):
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, 40, p=rng.dirichlet(np.ones(classes)))
    predictions = rng.choice(classes, 40)
    matrix = np.zeros((classes, classes), "int64")
    np.add.at(matrix, (labels, predictions), 1)
    ious, accuracies, weighted = [], [], 0
    for c in range(classes):
        label, predicted = labels == c, predictions == c
        if label.any():
            accuracies.append((label & predicted).sum() / label.sum())
        if (label | predicted).any():
            ious.append((label & predicted).sum() / (label | predicted).sum())
            weighted += label.mean() * ious[-1]
    result = scores(matrix)
    expected = [
        (labels == predictions).mean(),
        np.mean(accuracies),
        np.mean(ious),
        weighted,
    ]
    np.testing.assert_allclose([result[name] for name in NAMES], expected)
    present = result["per_class_iou"]
    np.testing.assert_allclose(present[~np.isnan(present)], ious)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"matrix.shape=\(2, 3\)"):
        scores(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="`absent` must be one of"):
        scores(np.zeros((2, 2)), absent="nan")
