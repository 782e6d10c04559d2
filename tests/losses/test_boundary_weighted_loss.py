import numpy as np
import pytest
from checks import check_loss
from label_maps import distance_to
from label_maps import label_map
from label_maps import touches

from kerasseg.losses import BoundaryWeightedLoss
from kerasseg.losses import SegmentationLoss


def weights_near_boundaries(labels, boundary_weight, sigma, ignored):
    """The definition, by exact distances."""
    maps = []
    for ids in labels:
        ids = np.where(np.isin(ids, ignored), 255, ids)
        distance = distance_to(touches(ids))
        near = np.exp(-0.5 * (distance / sigma) ** 2)
        maps.append((1 + boundary_weight * near) * (ids != 255))
    return np.stack(maps)


def reference(labels, logits, weights):
    logits = logits.astype("float64")
    log_sum = np.log(np.exp(logits).sum(axis=-1))
    ids = np.where(weights > 0, labels, 0)
    chosen = np.take_along_axis(logits, ids[..., None], -1)[..., 0]
    return (weights * (log_sum - chosen)).sum() / weights.sum()


@pytest.mark.by_day(4)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("ignored", [(255,), (1, 255)])
@pytest.mark.parametrize("sigma", [0.6, 2.0, 5.0])
def test_contract(rng, stride, ignored, sigma):
    shape = (12 * stride, 16 * stride)
    labels = np.stack([label_map(rng, shape, 3, 0.2, grain=8) for _ in "ab"])
    labels = labels.astype("int32")
    labels[1] = 0  # an image without a boundary
    logits = rng.normal(size=(2, 12, 16, 3)).astype("float32")
    at = slice(stride // 2, None, stride)
    weights = weights_near_boundaries(labels, 4.0, sigma, ignored)[:, at, at]
    loss = BoundaryWeightedLoss(4.0, sigma, ignored)
    # What is left out lies farther than three sigma: up to one percent of 4.
    check_loss(
        loss,
        labels,
        logits,
        reference(labels[:, at, at], logits, weights),
        2e-3,
    )


def test_weights_are_exact_within_three_sigma():
    labels = np.zeros((1, 9, 15), "int32")
    labels[0, 4, 7] = 1
    loss = BoundaryWeightedLoss(2.0, sigma=1.0, class_weights=[1.0, 3.0])
    found = np.asarray(loss.pixel_weights(labels, 2))
    expected = weights_near_boundaries(labels, 2.0, 1.0, ())
    expected[0, 4, 7] *= 3
    rows, columns = np.indices((9, 15))
    near = (abs(rows - 4) <= 3) & (abs(columns - 7) <= 3)
    np.testing.assert_allclose(found[0][near], expected[0][near], rtol=1e-5)
    assert (found[0][abs(columns - 7) > 4] == 1).all()


def test_no_weight_is_cross_entropy(rng):
    labels = rng.integers(0, 3, (2, 6, 9))
    logits = rng.normal(size=(2, 6, 9, 3)).astype("float32")
    for normalization in ("valid", "image", "sum"):
        one = BoundaryWeightedLoss(0, normalization=normalization)
        other = SegmentationLoss(normalization=normalization)
        assert float(one(labels, logits)) == pytest.approx(
            float(other(labels, logits)), rel=1e-6
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": 0}, "`sigma` must be above 0"),
        ({"sigma": -1}, "`sigma` must be a finite number"),
        ({"boundary_weight": -1}, "`boundary_weight` must be a finite"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoundaryWeightedLoss(**arguments)
