import json

import keras
import numpy as np
import pytest
from checks import check_loss
from keras import ops

from kerasseg.losses import MultiLabelLoss


def value(tensor):
    return ops.convert_to_numpy(tensor)


def logits_like(rng, *shape):
    return rng.normal(0, 2, shape).astype("float32")


def entropy(logits, targets):
    """The definition, class by class."""
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    return -np.where(targets, np.log(p), np.log(1 - p))


MASKS = np.full((3, 5, 7), 255)
MASKS[0, 2, 3:5] = (0, 2)
MASKS[1, :] = 1
TARGETS = np.array([[1, 0, 1, 0], [0, 1, 0, 0]], bool)


def test_contract(rng):
    logits = logits_like(rng, 2, 4)
    expected = entropy(logits, TARGETS).mean()
    check_loss(MultiLabelLoss(), MASKS[:2], logits, expected)
    check_loss(MultiLabelLoss(), MASKS[:2, ..., None], logits, expected)


@pytest.mark.parametrize("case", range(5))
def test_zero_logits(case):
    # Golden check 7: for any targets.
    rng = np.random.default_rng(case)
    masks = rng.integers(0, 21, (2, 4, 6))
    loss = MultiLabelLoss()(masks, np.zeros((2, 21), "float32"))
    assert float(loss) == pytest.approx(0.693147, abs=1e-6)


def test_an_image_of_ignored_pixels_says_nothing(rng):
    logits = logits_like(rng, 3, 4)
    expected = entropy(logits[:2], TARGETS).mean(axis=1).sum() / 3
    loss = MultiLabelLoss()
    assert float(loss(MASKS, logits)) == pytest.approx(expected, rel=1e-5)
    # Not even with logits without bounds.
    logits[2] = np.inf
    assert float(loss(MASKS, logits)) == pytest.approx(expected, rel=1e-5)


def test_ignored_classes_and_a_background(rng):
    logits = logits_like(rng, 2, 4)
    loss = MultiLabelLoss(ignore_class=(2, 255))
    targets = TARGETS & [True, True, False, True]
    expected = entropy(logits, targets).mean()
    assert float(loss(MASKS[:2], logits)) == pytest.approx(expected, rel=1e-5)
    loss = MultiLabelLoss(exclude_class=0)
    expected = entropy(logits, TARGETS)[:, 1:].mean()
    assert float(loss(MASKS[:2], logits)) == pytest.approx(expected, rel=1e-5)
    loss = MultiLabelLoss(exclude_class=[0, 3], weight=0.25)
    expected = 0.25 * entropy(logits, TARGETS)[:, 1:3].mean()
    assert float(loss(MASKS[:2], logits)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.every_backend
def test_large_logits_do_not_overflow():
    logits = np.array([[300.0, -300.0]], "float32")
    masks = np.zeros((1, 2, 3), "int32")
    assert float(MultiLabelLoss()(masks, logits)) == 0
    assert float(MultiLabelLoss()(masks, -logits)) == pytest.approx(300)
    half = ops.cast(logits, "float16")
    assert float(MultiLabelLoss()(masks, -half)) == pytest.approx(300)


def test_unknown_ids():
    masks = np.full((1, 2, 3), 4)
    with pytest.raises(ValueError, match=r"Received: ids \[4\]"):
        MultiLabelLoss()(masks, np.zeros((1, 4), "float32"))


def test_unknown_ids_while_training(rng):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model.compile("sgd", MultiLabelLoss())
    masks = np.full((1, 2, 3), 4)
    logits = logits_like(rng, 1, 4)
    if keras.backend.backend() == "torch":  # nothing is compiled there
        with pytest.raises(ValueError, match=r"ids \[4\]"):
            model.train_on_batch(logits, masks)
    else:
        assert np.isnan(model.train_on_batch(logits, masks))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weight": -1.0}, ValueError, "Received: weight=-1.0"),
        ({"weight": float("nan")}, ValueError, "Received: weight=nan"),
        ({"weight": "1"}, ValueError, "`weight` must .* weight='1'"),
        ({"exclude_class": "sky"}, TypeError, "Received: exclude_class='sky'"),
        ({"ignore_class": 1.5}, TypeError, "Received: ignore_class=1.5"),
    ],
)
def test_arguments_out_of_range(arguments, error, message):
    with pytest.raises(error, match=message):
        MultiLabelLoss(**arguments)


def test_excluded_classes_that_do_not_exist():
    logits = np.zeros((1, 2), "float32")
    for classes in (2, (0, 1)):
        with pytest.raises(ValueError, match="some of the 2 classes"):
            MultiLabelLoss(exclude_class=classes)(MASKS[1:2], logits)


@pytest.mark.parametrize("shape", [(2, 5, 7, 4), (2, 5, 7), (8,)])
def test_logits_that_are_maps(shape):
    with pytest.raises(ValueError, match=r"shape \(batch, num_classes\)"):
        MultiLabelLoss()(MASKS[:2], np.zeros(shape, "float32"))


def test_config():
    loss = MultiLabelLoss((3, 255), 0, weight=2)
    config = json.loads(json.dumps(loss.get_config()))
    assert config["ignore_class"] == [3, 255]
    assert config["exclude_class"] == 0
    assert config["weight"] == 2.0
