import itertools

import keras
import numpy as np
import pytest
from checks import check_loss

from kerasseg.losses import LovaszSoftmaxLoss


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def jaccard_loss(wrong, truth):
    """`1 - IoU` of a class when the pixels of a set are wrong."""
    union = (wrong | truth).sum()
    return wrong.sum() / union if union else 0.0


def lovasz(labels, logits, ignored=(255,)):
    """The definition, pixel by pixel, in float64."""
    counts = ~np.isin(labels, ignored)
    labels = labels[counts]
    probabilities = softmax(logits.astype("float64"))[counts]
    losses = []
    for c in np.unique(labels):
        truth = labels == c
        errors = np.where(truth, 1 - probabilities[:, c], probabilities[:, c])
        wrong, total, before = np.zeros(len(labels), bool), 0.0, 0.0
        for pixel in np.argsort(-errors, kind="stable"):
            wrong[pixel] = True
            after = jaccard_loss(wrong, truth)
            total += errors[pixel] * (after - before)
            before = after
        losses.append(total)
    return np.mean(losses) if losses else 0.0


def case(seed, shape=(2, 5, 7), classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, shape)
    labels[rng.uniform(size=shape) < 0.2] = 255
    logits = rng.normal(0, 2, (*shape, classes)).astype("float32")
    return labels, logits


def test_contract():
    labels, logits = case(0)
    expected = lovasz(labels, logits)
    check_loss(LovaszSoftmaxLoss(), labels, logits, expected)
    check_loss(LovaszSoftmaxLoss(), labels[..., None], logits, expected)


@pytest.mark.parametrize("seed", range(10))
def test_the_definition(seed):
    rng = np.random.default_rng(seed)
    shape, classes = rng.integers(1, 7, 3), int(rng.integers(2, 6))
    labels, logits = case(seed, shape, classes)
    assert float(LovaszSoftmaxLoss()(labels, logits)) == pytest.approx(
        lovasz(labels, logits), abs=1e-5
    )


@pytest.mark.parametrize("seed", range(5))
def test_certain_predictions_give_one_minus_the_mean_iou(seed):
    labels, _ = case(seed)
    predicted = np.random.default_rng(seed).integers(0, 4, labels.shape)
    counts = labels != 255
    ious = []
    for c in np.unique(labels[counts]):
        truth, found = labels == c, (predicted == c) & counts
        ious.append((truth & found).sum() / (truth | found).sum())
    logits = 100 * np.eye(4, dtype="float32")[predicted]
    assert float(LovaszSoftmaxLoss()(labels, logits)) == pytest.approx(
        1 - np.mean(ious), abs=1e-5
    )


def test_it_is_the_lovasz_extension():
    # Bach's form: the expected loss of the pixels whose error is above a
    # threshold, uniform between 0 and 1. Here over all thresholds that matter.
    labels, logits = case(3, (1, 2, 3), classes=2)
    labels[:] = np.array([[0, 1, 0], [1, 1, 255]])
    p = softmax(logits.astype("float64"))
    counts = labels != 255
    total = 0.0
    for c in range(2):
        truth = (labels == c)[counts]
        errors = np.abs(truth - p[..., c][counts])
        edges = np.unique([0.0, *errors, 1.0])
        for low, high in itertools.pairwise(edges):
            wrong = errors > (low + high) / 2
            total += (high - low) * jaccard_loss(wrong, truth) / 2
    assert float(LovaszSoftmaxLoss()(labels, logits)) == pytest.approx(
        total, abs=1e-5
    )


def test_labels_larger_than_the_logits_are_sampled():
    labels, logits = case(1, (2, 4, 6))
    fine = np.full((2, 12, 18), 255)
    fine[:, 1::3, 1::3] = labels
    found = LovaszSoftmaxLoss()(fine, logits)
    assert float(found) == pytest.approx(lovasz(labels, logits), abs=1e-5)


def test_ignored_ids_and_nothing_left():
    labels, logits = case(2)
    loss = LovaszSoftmaxLoss(ignore_class=(1, 255))
    expected = lovasz(labels, logits, (1, 255))
    assert float(loss(labels, logits)) == pytest.approx(expected, abs=1e-5)
    assert float(loss(np.full_like(labels, 255), logits)) == 0


def test_descent_reaches_a_better_iou():
    labels, logits = case(4, (1, 6, 8), classes=3)
    loss = LovaszSoftmaxLoss()
    model = keras.Sequential([keras.Input((6, 8, 3)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.05), loss)
    before = float(loss(labels, model.predict(logits, verbose=0)))
    model.fit(logits, labels, epochs=60, verbose=0)
    after = float(loss(labels, model.predict(logits, verbose=0)))
    assert after < before - 0.05


def test_bad_input():
    labels, logits = case(5)
    with pytest.raises(ValueError, match=r"ids \[9\]"):
        LovaszSoftmaxLoss()(np.where(labels == 1, 9, labels), logits)
    with pytest.raises(ValueError, match="`y_pred` must have shape"):
        LovaszSoftmaxLoss()(labels, logits[..., 0])
    with pytest.raises(ValueError, match="whole number of times larger"):
        LovaszSoftmaxLoss()(labels, logits[:, :, :4])
    with pytest.raises(TypeError, match="`ignore_class` must be"):
        LovaszSoftmaxLoss(ignore_class="void")
