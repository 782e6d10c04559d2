import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from kerasseg.metrics import BoundaryIoU
from kerasseg.metrics import ClassIoU
from kerasseg.metrics import MeanIoU
from kerasseg.metrics import scores
from kerasseg.metrics.scores import confusion_matrix

NAMES = (
    "pixel_accuracy",
    "mean_accuracy",
    "mean_iou",
    "frequency_weighted_iou",
)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_pairs_are_counted_without_the_ignored(rng, dtype):
    mask = rng.choice([0, 1, 2, 255], (9, 7)).astype(dtype)
    prediction = rng.integers(0, 3, (9, 7))
    expected = np.zeros((3, 3), "int64")
    for true, predicted in zip(mask.flat, prediction.flat, strict=True):
        if true not in (1, 255):
            expected[true, predicted] += 1
    counted = confusion_matrix(mask, prediction, 3, (1, 255))
    np.testing.assert_array_equal(counted, expected)


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


def test_an_ignored_class_has_no_score():
    matrix = np.array([[0, 0, 0], [2, 6, 0], [0, 0, 0]])
    skip = scores(matrix, ignored=(0, 255))
    zero = scores(matrix, "zero", ignored=(0, 255))
    np.testing.assert_allclose(skip["per_class_iou"], [np.nan, 0.75, np.nan])
    np.testing.assert_allclose(zero["per_class_iou"], [np.nan, 0.75, 0])
    assert skip["mean_iou"] == skip["mean_accuracy"] == pytest.approx(0.75)
    assert zero["mean_iou"] == zero["mean_accuracy"] == pytest.approx(0.375)
    assert skip["mean_over"] == {"mean_accuracy": 1, "mean_iou": 1}
    assert zero["mean_over"] == {"mean_accuracy": 2, "mean_iou": 2}
    assert scores(matrix)["mean_over"] == {"mean_accuracy": 1, "mean_iou": 2}


@pytest.mark.parametrize("kind", [MeanIoU, ClassIoU, BoundaryIoU])
def test_an_ignored_id_below_0_is_no_class(kind):
    extra = {"class_id": 2} if kind is ClassIoU else {}
    metric = kind(3, ignore_class=-1, **extra)
    ids = np.array([[0, 0, 1, 2, 2]])
    if kind is BoundaryIoU:
        metric.update(ids, ids)
    else:
        metric.update_state(ids, ids)
    np.testing.assert_array_equal(metric.per_class_iou(), [1, 1, 1])
    result = scores(np.eye(3), ignored=(-1, 7))
    np.testing.assert_array_equal(result["per_class_iou"], [1, 1, 1])


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
    matrix = confusion_matrix(labels, predictions, classes)
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


@pytest.mark.parametrize("wrong", [3, -1, 255])
def test_predictions_that_are_no_class(wrong):
    ids = np.array([[0, 1], [2, wrong]])
    message = rf"`prediction` must hold class ids 0 to 2\. .*ids \[{wrong}\]"
    with pytest.raises(ValueError, match=message):
        confusion_matrix(np.zeros_like(ids), ids, 3, (255,))
    with pytest.raises(TypeError, match=r"`prediction` must hold .*=float64"):
        confusion_matrix(ids, ids / 2, 3, (wrong,))


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"matrix.shape=\(2, 3\)"):
        scores(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="`absent` must be one of"):
        scores(np.zeros((2, 2)), absent="nan")
