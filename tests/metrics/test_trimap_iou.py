import numpy as np
import pytest
from label_maps import distance_to
from label_maps import label_map
from label_maps import prediction_of
from label_maps import touches

from kerasseg.metrics import TrimapIoU
from kerasseg.metrics import scores


def confusion(mask, prediction, chosen, num_classes):
    """The confusion matrix of some pixels."""
    matrix = np.zeros((num_classes, num_classes), int)
    np.add.at(matrix, (mask[chosen], prediction[chosen]), 1)
    return matrix


def band(mask, width):
    return (distance_to(touches(mask)) <= width) & (mask != 255)


def test_by_hand():
    # Boundary pixels are those of columns 2 and 3.
    mask = np.array([[0, 0, 0, 1, 1, 1, 1]] * 2)
    prediction = np.array([[1, 0, 0, 0, 1, 1, 0], [0, 0, 1, 1, 1, 1, 1]])
    metric = TrimapIoU(2, widths=(0.5, 1, 2, 3))
    metric.update(mask, prediction)
    expected = {
        0.5: (1 / 3 + 1 / 3) / 2,
        1: (3 / 5 + 3 / 5) / 2,
        2: (4 / 7 + 5 / 8) / 2,
        3: (4 / 8 + 6 / 10) / 2,
    }
    assert metric.result() == pytest.approx(expected)


def test_a_diagonal_step_is_farther_than_a_straight_one():
    mask = np.zeros((5, 5), int)
    mask[:2, :2] = 1
    # Distance sqrt(2) to the boundary pixel (2, 1) and to (1, 2).
    prediction = mask.copy()
    prediction[3, 2] = 1
    metric = TrimapIoU(2, widths=(1, 1.5))
    metric.update(mask, prediction)
    near, far = metric.result().values()
    assert near == 1
    assert far < 1


def test_void_is_not_scored_and_has_no_boundary():
    mask = np.array([[0, 0, 255, 1, 1, 1, 0, 0]])
    metric = TrimapIoU(2, widths=(1, 3))
    # Wrong beside void, and in void, 2 and 3 pixels from the true boundary.
    metric.update(mask, np.array([[0, 0, 1, 0, 1, 1, 0, 0]]))
    assert metric.result()[1] == 1
    # Band 3: pixels 3 to 7 but, of the void, nothing.
    assert metric.result()[3] == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_the_image_border_is_no_boundary():
    mask = np.ones((6, 9), int)
    metric = TrimapIoU(2, widths=(1, 100))
    metric.update(mask, np.zeros_like(mask))
    assert np.isnan(list(metric.result().values())).all()
    assert metric.per_class_iou().shape == (2, 2)


@pytest.mark.parametrize("void", [0.0, 0.25])
def test_against_a_distance_transform(void, rng):
    metric = TrimapIoU(5)
    matrices = {width: 0 for width in metric.widths}
    for shape in ((33, 47), (64, 50), (1, 80), (7, 3)):
        mask = label_map(rng, shape, 5, void)
        prediction = prediction_of(rng, mask, 5)
        metric.update(mask, prediction)
        for width in matrices:
            matrices[width] += confusion(mask, prediction, band(mask, width), 5)
    expected = {w: scores(m)["mean_iou"] for w, m in matrices.items()}
    assert metric.result() == pytest.approx(expected)
    np.testing.assert_allclose(
        metric.per_class_iou(),
        [scores(m)["per_class_iou"] for m in matrices.values()],
    )


def test_bands_grow_up_to_the_whole_image(rng):
    mask = label_map(rng, (40, 52), 4, void=0.1, grain=16)
    prediction = prediction_of(rng, mask, 4)
    widths = (1, 2, 4, 8, 1000)
    pixels = [band(mask, width).sum() for width in widths]
    assert pixels == sorted(pixels)
    assert pixels[0] < pixels[1] < pixels[2]
    metric = TrimapIoU(4, widths)
    metric.update(mask, prediction)
    whole = confusion(mask, prediction, mask != 255, 4)
    assert metric.result()[1000] == pytest.approx(scores(whole)["mean_iou"])


def test_a_subset_of_widths_scores_the_same(rng):
    mask = label_map(rng, (33, 47), 4, void=0.1)
    prediction = prediction_of(rng, mask, 4)
    several, one = TrimapIoU(4), TrimapIoU(4, widths=(3,))
    several.update(mask, prediction)
    one.update(mask, prediction)
    assert one.result() == {3: several.result()[3]}


@pytest.mark.parametrize("widths", [(), (0, 1), (2, 1), (1, 1), (-1,)])
def test_bad_widths(widths):
    with pytest.raises(ValueError, match=r"increasing numbers above 0.*widths"):
        TrimapIoU(3, widths=widths)
