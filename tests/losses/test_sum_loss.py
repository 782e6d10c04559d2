import json

import keras
import numpy as np
import pytest
from checks import check_loss

from kerasseg.losses import DiceLoss
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.losses import SumLoss


def case(rng, classes=4, shape=(2, 5, 7)):
    labels = rng.integers(0, classes, shape)
    labels[rng.random(shape) < 0.2] = 255
    return labels, rng.normal(0, 2, (*shape, classes)).astype("float32")


def test_contract(rng):
    labels, logits = case(rng)
    parts = [SegmentationLoss(), DiceLoss(scope="image"), LovaszSoftmaxLoss()]
    one, two, three = (float(part(labels, logits)) for part in parts)
    check_loss(SumLoss(parts), labels, logits, one + two + three)
    weighted = SumLoss(parts, weights=[1, 0.5, 0])
    check_loss(weighted, labels, logits, one + 0.5 * two)


def test_sample_weights_reach_each_loss(rng):
    labels, logits = case(rng)
    pixels = rng.random(labels.shape).astype("float32")
    parts = [SegmentationLoss(), DiceLoss()]
    expected = sum(float(part(labels, logits, pixels)) for part in parts)
    found = float(SumLoss(parts)(labels, logits, sample_weight=pixels))
    assert found == pytest.approx(expected, rel=1e-6)
    assert found != pytest.approx(float(SumLoss(parts)(labels, logits)))


def test_round_trip_keeps_losses_and_weights(rng, tmp_path):
    labels, logits = case(rng)
    loss = SumLoss(
        [SegmentationLoss((3, 255), [1.0, 2.0, 3.0, 4.0]), DiceLoss((255, 3))],
        weights=(2, 1),
        name="both",
    )
    text = json.dumps(keras.saving.serialize_keras_object(loss))
    again = keras.saving.deserialize_keras_object(json.loads(text))
    assert again.name == "both"
    assert again.weights == [2.0, 1.0]
    assert again.ignore_class == [3, 255]
    assert float(again(labels, logits)) == float(loss(labels, logits))

    model = keras.Sequential([keras.Input((5, 7, 4)), keras.layers.Dense(4)])
    model.compile("sgd", loss)
    model.fit(logits, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()
    np.testing.assert_allclose(
        loaded.evaluate(logits, labels, verbose=0),
        model.evaluate(logits, labels, verbose=0),
        rtol=1e-6,
    )


def test_losses_of_keras_may_take_part(rng):
    labels, logits = case(rng)
    labels[labels == 255] = 0
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = SumLoss([theirs])
    assert float(loss(labels, logits)) == pytest.approx(
        float(SegmentationLoss(None)(labels, logits)), rel=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), ValueError, "`losses` must hold a loss"),
        ((["dice"],), TypeError, "instances of keras.losses.Loss"),
        (([DiceLoss],), TypeError, "instances of keras.losses.Loss"),
        (([DiceLoss()], [1.0, 2.0]), ValueError, "for each. Received: 1 loss"),
        (([DiceLoss()], [-1.0]), ValueError, "one finite number of 0 or more"),
        (([DiceLoss()], 2.0), ValueError, "one finite number of 0 or more"),
        (
            ([DiceLoss(254), SegmentationLoss()],),
            ValueError,
            "must ignore the same ids. Received: ignore_class of 254, 255",
        ),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        SumLoss(*arguments)
