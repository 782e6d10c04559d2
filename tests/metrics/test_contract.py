"""What all metrics share: they stream, serialize, and work in `evaluate`."""

import json

import keras
import numpy as np
import pytest

from kerasseg.metrics import BoundaryF1
from kerasseg.metrics import BoundaryIoU
from kerasseg.metrics import ClassIoU
from kerasseg.metrics import FrequencyWeightedIoU
from kerasseg.metrics import MeanAccuracy
from kerasseg.metrics import MeanIoU
from kerasseg.metrics import PixelAccuracy
from kerasseg.metrics import TrimapIoU
from kerasseg.metrics import scores

METRICS = (MeanIoU, PixelAccuracy, MeanAccuracy, FrequencyWeightedIoU)


def batch(rng):
    """Labels without class 2, logits without class 4; and their matrix."""
    labels = rng.choice([0, 1, 3, 255], (3, 7, 9)).astype("int32")
    logits = rng.normal(size=(3, 7, 9, 5)).astype("float32")
    logits[..., 4] = -9
    valid = labels != 255
    matrix = np.zeros((5, 5), "int64")
    np.add.at(matrix, (labels[valid], logits.argmax(-1)[valid]), 1)
    return labels, logits, matrix


@pytest.mark.every_backend
@pytest.mark.parametrize("absent", ["skip", "zero"])
@pytest.mark.parametrize("cls", METRICS)
def test_images_one_by_one_score_like_all_at_once(rng, cls, absent):
    labels, logits, matrix = batch(rng)
    expected = scores(matrix, absent)
    metric = cls(5, absent=absent)
    for i in range(3):
        metric.update_state(labels[i : i + 1], logits[i : i + 1])
    assert float(metric.result()) == pytest.approx(expected[metric.name])
    np.testing.assert_array_equal(metric.matrix(), matrix)
    np.testing.assert_allclose(
        metric.per_class_iou(), expected["per_class_iou"]
    )
    metric.reset_state()
    metric.update_state(labels, logits)
    assert float(metric.result()) == pytest.approx(expected[metric.name])


@pytest.mark.every_backend
@pytest.mark.parametrize("cls", METRICS)
def test_config_round_trip(cls):
    metric = cls(5, (4, 255), "zero", name="score")
    saved = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(saved)))
    assert type(again) is cls
    assert again.get_config() == metric.get_config()


@pytest.mark.parametrize("cls", [*METRICS, TrimapIoU, BoundaryIoU, BoundaryF1])
def test_void_by_default_is_no_class(cls):
    message = "`ignore_class` must be said .*255 with 300 classes"
    with pytest.raises(ValueError, match=message):
        cls(300)
    for ignored in (None, (255,), 300):
        assert cls(300, ignore_class=ignored).num_classes == 300
    assert cls(255).ignore_class == 255


def test_class_255_is_scored():
    ids = np.array([[0, 255, 299]])
    metric = MeanIoU(300, ignore_class=None)
    metric.update_state(ids, ids)
    assert metric.per_class_iou()[255] == 1
    config = MeanIoU(300, (255,)).get_config()
    assert np.isnan(MeanIoU.from_config(config).per_class_iou()[255])


@pytest.mark.every_backend
def test_all_in_one_evaluation(rng):
    labels, logits, matrix = batch(rng)
    model = keras.Sequential([keras.Input((7, 9, 5)), keras.layers.Identity()])
    metrics = [cls(5) for cls in METRICS]
    metrics.append(ClassIoU(5, class_id=3))
    # On TensorFlow and torch, Keras evaluates nothing without a loss.
    model.compile(loss=lambda y_true, y_pred: 0.0 * y_pred, metrics=metrics)
    found = model.evaluate(
        logits, labels, batch_size=2, verbose=0, return_dict=True
    )
    expected = scores(matrix)
    for metric in metrics[:-1]:
        assert found[metric.name] == pytest.approx(expected[metric.name])
    assert found["class_iou"] == pytest.approx(expected["per_class_iou"][3])


def test_unknown_ids_stop_an_evaluation(rng):
    labels, logits, _ = batch(rng)
    labels[1, 2, 3] = 40
    model = keras.Sequential([keras.Input((7, 9, 5)), keras.layers.Identity()])
    model.compile(
        loss=lambda y_true, y_pred: 0.0 * y_pred, metrics=[MeanIoU(5)]
    )
    with pytest.raises(ValueError, match=r"ids 40 \(1 pixels\)"):
        model.evaluate(logits, labels, verbose=0)
