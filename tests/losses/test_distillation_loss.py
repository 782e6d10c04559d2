import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from kerasseg.losses import DistillationLoss

SHAPE = (2, 5, 7, 4)


@pytest.fixture
def logits(rng):
    """A teacher's logits and a student's."""
    return rng.normal(0, 3, (2, *SHAPE)).astype("float32")


def divergence(teacher, student, temperature):
    """Each pixel's, by its definition in double precision."""
    teacher, student = (
        log_softmax(values.astype("float64") / temperature, -1)
        for values in (teacher, student)
    )
    return (np.exp(teacher) * (teacher - student)).sum(-1) * temperature**2


@pytest.mark.every_backend
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_value(logits, temperature):
    teacher, student = logits
    loss = DistillationLoss(temperature, weight=0.3)
    expected = 0.3 * divergence(teacher, student, temperature).mean()
    assert float(loss(teacher, student)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(teacher, teacher)) == pytest.approx(0, abs=1e-6)
    # A constant added to all logits of a pixel says nothing.
    assert float(loss(teacher, teacher + 3)) == pytest.approx(0, abs=1e-6)


@pytest.mark.every_backend
def test_pixels_without_weight_do_not_count(logits, rng):
    teacher, student = logits
    weights = rng.integers(0, 2, SHAPE[:3]).astype("float32")
    teacher[weights == 0] += rng.normal(0, 9, SHAPE[-1])
    value = float(DistillationLoss()(teacher, student, weights))
    expected = (weights * divergence(teacher, student, 1.0)).mean()
    assert value == pytest.approx(expected, rel=1e-5)


def test_logits_far_apart_are_finite():
    teacher = np.array([[[[200.0, -200.0]]]], "float32")
    assert float(DistillationLoss()(teacher, -teacher)) == pytest.approx(400)


def test_half_precision_is_computed_in_float32(logits):
    teacher, student = logits
    exact = float(DistillationLoss()(teacher, student))
    half = student.astype("float16")
    found = DistillationLoss()(teacher, half)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == pytest.approx(exact, rel=1e-3)


def test_serialization(logits):
    loss = DistillationLoss(2.0, weight=0.5, name="taught")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert float(again(*logits)) == float(loss(*logits))


@pytest.mark.parametrize("temperature", [0, -1.0, float("inf"), "2"])
def test_temperature_out_of_range(temperature):
    with pytest.raises(ValueError, match="`temperature` must be .*Received"):
        DistillationLoss(temperature)


def test_weight_out_of_range():
    with pytest.raises(ValueError, match="`weight` must be .*Received"):
        DistillationLoss(weight=-0.1)


def test_other_classes(logits):
    teacher, student = logits
    with pytest.raises(ValueError, match="as many channels as `y_pred`"):
        DistillationLoss()(teacher[..., :3], student)
    with pytest.raises(ValueError, match="a channel for each class"):
        DistillationLoss()(teacher[..., :1], student[..., :1])
