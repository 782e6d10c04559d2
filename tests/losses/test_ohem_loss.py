import numpy as np
import pytest
from checks import check_loss

from kerasseg.losses import OHEMLoss
from kerasseg.losses import SegmentationLoss


def case(rng, classes=4, shape=(2, 5, 7)):
    labels = rng.integers(0, classes, shape)
    labels[rng.random(shape) < 0.2] = 255
    return labels, rng.normal(0, 2, (*shape, classes)).astype("float32")


def hardest(labels, logits, threshold, keep, weights=None, samples=None):
    """The definition, in float64: sort, take, add what is below."""
    logits = logits.astype("float64")
    valid = labels != 255
    if samples is None:
        samples = np.ones(labels.shape)
    valid &= samples != 0
    ids = labels[valid]
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    p = np.take_along_axis(p[valid], ids[:, None], -1)[:, 0]
    order = np.argsort(p)
    least = int(np.ceil(np.float32(keep) * np.float32(len(p))))
    number = max(least, (p < threshold).sum())
    chosen = order[:number]
    weight = np.ones(len(ids)) if weights is None else np.array(weights)[ids]
    losses = -samples[valid] * weight * np.log(p)
    return losses[chosen].sum() / weight[chosen].sum()


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("threshold", "keep"),
    [(0.7, 1 / 16), (0.0, 0.25), (0.3, 0.0), (0.1, 0.5), (0, 0.01), (1, 0)],
)
def test_contract(rng, threshold, keep):
    labels, logits = case(rng)
    weights = [0.5, 1.0, 3.0, 2.0]
    expected = hardest(labels, logits, threshold, keep, weights)
    loss = OHEMLoss(threshold, keep, class_weights=weights)
    check_loss(loss, labels, logits, expected)


@pytest.mark.parametrize("seed", range(5))
def test_pixels_of_weight_zero_are_not_chosen(seed):
    rng = np.random.default_rng(seed)
    labels, logits = case(rng)
    samples = rng.random(labels.shape) * (rng.random(labels.shape) < 0.5)
    expected = hardest(labels, logits, 0.2, 0.3, samples=samples)
    found = OHEMLoss(0.2, 0.3)(labels, logits, samples)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_all_pixels_is_cross_entropy(rng):
    labels, logits = case(rng)
    for normalization in ("valid", "image", "sum"):
        one = OHEMLoss(0.0, 1.0, normalization=normalization)
        other = SegmentationLoss(normalization=normalization)
        assert float(one(labels, logits)) == pytest.approx(
            float(other(labels, logits)), rel=1e-6
        )


def test_nothing_valid_is_zero():
    labels = np.full((2, 4, 6), 255)
    logits = np.full((2, 4, 6, 3), np.inf, "float32")
    assert float(OHEMLoss()(labels, logits)) == 0


@pytest.mark.parametrize(("threshold", "keep"), [(0.7, 1 / 16), (0.0, 0.5)])
@pytest.mark.parametrize("ruined", [1, 70])
def test_logits_that_are_no_numbers(rng, threshold, keep, ruined):
    labels, logits = rng.integers(0, 4, (2, 5, 7)), case(rng)[1]
    logits.reshape(70, 4)[:ruined] = np.nan
    assert np.isnan(float(OHEMLoss(threshold, keep)(labels, logits)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 1.5}, "`threshold` must be a number from 0"),
        ({"threshold": -0.5}, "`threshold` must be a number from 0 to"),
        ({"keep": 100000}, "`keep` must be a number from 0 to 1"),
        ({"threshold": 0, "keep": 0}, "lest no pixel counts"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        OHEMLoss(**arguments)
