import keras
import numpy as np
import pytest
from checks import check_loss

from kerasseg.losses import FocalLoss
from kerasseg.losses import SegmentationLoss


def case(rng, classes=4, shape=(2, 5, 7)):
    labels = rng.integers(0, classes, shape)
    labels[rng.random(shape) < 0.2] = 255
    return labels, rng.normal(0, 2, (*shape, classes)).astype("float32")


def focal(labels, logits, gamma, weights=None):
    """The definition, in float64: `-w * (1 - p)**gamma * log(p)`."""
    logits = logits.astype("float64")
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    valid = labels != 255
    ids = labels[valid]
    p = np.take_along_axis(p[valid], ids[:, None], -1)[:, 0]
    weight = np.ones(len(ids)) if weights is None else np.array(weights)[ids]
    losses = -weight * (1 - p) ** gamma * np.log(p)
    return losses.sum() / weight.sum()


@pytest.mark.by_day(2)
@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5.0])
def test_contract(rng, gamma):
    labels, logits = case(rng)
    weights = [0.25, 1.0, 0.0, 2.0]
    expected = focal(labels, logits, gamma, weights)
    loss = FocalLoss(gamma, class_weights=weights)
    check_loss(loss, labels, logits, expected)


def test_keras_has_the_same(rng):
    labels, logits = case(rng)
    labels[labels == 255] = 0
    theirs = keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=2.0, from_logits=True
    )(np.eye(4, dtype="float32")[labels], logits)
    assert float(FocalLoss(2.0)(labels, logits)) == pytest.approx(
        float(theirs), rel=1e-5
    )


def test_the_sigmoid_form_of_two_classes(rng):
    # That of the paper: from the cross-entropy of one logit, weighed by alpha.
    labels, logits = case(rng, classes=2)
    labels[labels == 255] = 0
    x = (logits[..., 1] - logits[..., 0]).astype("float64")
    entropy = np.maximum(x, 0) - labels * x + np.log1p(np.exp(-abs(x)))
    alpha = np.where(labels == 1, 0.25, 0.75)
    expected = (alpha * (1 - np.exp(-entropy)) ** 2 * entropy).sum()
    loss = FocalLoss(2.0, class_weights=[0.75, 0.25], normalization="sum")
    assert 2 * float(loss(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_gamma_zero_is_cross_entropy(rng):
    labels, logits = case(rng)
    for normalization in ("valid", "image", "sum"):
        one = FocalLoss(0, normalization=normalization)
        other = SegmentationLoss(normalization=normalization)
        assert float(one(labels, logits)) == pytest.approx(
            float(other(labels, logits)), rel=1e-6
        )


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2])
def test_certain_pixels_have_finite_gradients(gamma):
    logits = np.array([[[[90, -90], [-90, 90], [0, 0]]]], "float32")
    labels = np.array([[[0, 0, 1]]])
    layer = keras.layers.Dense(2, kernel_initializer="identity")
    model = keras.Sequential([keras.Input((1, 3, 2)), layer])
    model.compile(keras.optimizers.SGD(0.1), FocalLoss(gamma))
    assert np.isfinite(model.train_on_batch(logits, labels))
    for weight in model.get_weights():
        assert np.isfinite(weight).all()


def test_small_losses_are_not_rounded_away():
    logits = np.array([[[[18.0, 0.0]]]], "float32")
    found = float(FocalLoss(1.0)(np.zeros((1, 1, 1)), logits))
    assert found == pytest.approx(1e-7 * np.log1p(np.exp(-18.0)), rel=0.2)


@pytest.mark.parametrize("gamma", [-1, float("inf"), "2", True])
def test_wrong_gamma(gamma):
    with pytest.raises(ValueError, match="`gamma` must be a finite number"):
        FocalLoss(gamma)
