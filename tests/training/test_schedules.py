import keras
import numpy as np
import pytest

from kerasseg.training import PolyDecay


def rates(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(t))) for t in steps]


def test_half_way():
    assert rates(PolyDecay(1e-3, 100), [50]) == pytest.approx(
        [5.3589e-4], rel=1e-4
    )


def test_the_whole_curve():
    steps = np.arange(0, 12)
    expected = 0.2 * np.clip(1 - steps / 10, 0, 1) ** 1.5
    np.testing.assert_allclose(
        rates(PolyDecay(0.2, 10, power=1.5), steps), expected, rtol=1e-5
    )


def test_warm_up_is_linear_and_then_over():
    steps = np.arange(0, 10)
    plain = rates(PolyDecay(1e-2, 10), steps)
    warm = rates(PolyDecay(1e-2, 10, warmup_steps=4), steps)
    factors = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(warm, np.multiply(plain, factors), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "`steps` must be 1 or more. Received: steps=0"),
        ({"steps": 9, "warmup_steps": -1}, "`warmup_steps` must be 0 or more"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PolyDecay(1e-3, **arguments)


@pytest.mark.parametrize("rate", [-1, 0.0, np.nan, np.inf])
def test_rates_that_do_not_learn(rate):
    with pytest.raises(
        ValueError, match="`initial_learning_rate` must be a finite number"
    ):
        PolyDecay(rate, 9)


def test_serializes():
    schedule = PolyDecay(1e-3, 100, power=0.5, warmup_steps=7)
    stored = keras.saving.serialize_keras_object(schedule)
    assert stored["registered_name"] == "kerasseg>PolyDecay"
    again = keras.saving.deserialize_keras_object(stored)
    assert again.get_config() == schedule.get_config()
    assert rates(again, [3, 40]) == rates(schedule, [3, 40])


@pytest.mark.every_backend
def test_drives_an_optimizer():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(PolyDecay(0.1, 4, warmup_steps=2))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    model.compile(again, "mse")
    seen = []
    for _ in range(5):
        seen.append(float(keras.ops.convert_to_numpy(again.learning_rate)))
        model.train_on_batch(np.ones((2, 1)), np.ones((2, 1)))
    expected = [0.05, 0.1 * 0.75**0.9, 0.1 * 0.5**0.9, 0.1 * 0.25**0.9, 0]
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-9)
