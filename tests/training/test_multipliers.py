"""Learning rates that differ from layer to layer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasseg.training import LearningRateMultipliers
from kerasseg.training import PolyDecay

RATES = {"score/.*": 10.0, ".*bias": 2.0}
DECAYS = {"hidden/kernel": 100, ".*bias": 0.0}


def value(tensor):
    return keras.ops.convert_to_numpy(tensor)


def sgd(**arguments):
    return keras.optimizers.SGD(
        0.01, momentum=0.9, weight_decay=0.1, **arguments
    )


def dense_model():
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, name="hidden", bias_initializer="ones")(inputs)
    x = keras.layers.Dense(2, name="score", bias_initializer="ones")(x)
    return keras.Model(inputs, x)


def gradients(rng, model, steps=3):
    return [
        [rng.normal(size=v.shape).astype("float32") for v in model.weights]
        for _ in range(steps)
    ]


def apply(optimizer, model, steps):
    for step in steps:
        tensors = [keras.ops.convert_to_tensor(g) for g in step]
        optimizer.apply(tensors, model.trainable_variables)
    return {v.path: value(v) for v in model.weights}


@pytest.fixture
def batch(rng):
    images = rng.normal(size=(4, 3)).astype("float32")
    return images, rng.normal(size=(4, 2)).astype("float32")


@pytest.mark.every_backend
def test_sgd_with_momentum_by_hand(rng):
    model = dense_model()
    factors = {
        "hidden/kernel": (1, 100),
        "hidden/bias": (2, 0),
        "score/kernel": (10, 1),
        "score/bias": (20, 0),
    }
    steps = gradients(rng, model)
    expected = {}
    for index, variable in enumerate(model.weights):
        rate, decay = factors[variable.path]
        weight, velocity = value(variable), 0
        for step in steps:
            weight = weight - 0.01 * rate * 0.1 * decay * weight
            velocity = 0.9 * velocity - 0.01 * rate * step[index]
            weight = weight + velocity
        expected[variable.path] = weight
    optimizer = LearningRateMultipliers(sgd(), RATES, DECAYS)
    found = apply(optimizer, model, steps)
    assert set(found) == set(expected)
    for path, weight in expected.items():
        np.testing.assert_allclose(found[path], weight, rtol=1e-5, atol=1e-6)


def nesterov(rate):
    schedule = PolyDecay(rate, 9)
    return keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda rate: keras.optimizers.Adam(rate, clipnorm=1.0),
        lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1),
        lambda rate: keras.optimizers.RMSprop(
            rate, gradient_accumulation_steps=2
        ),
        nesterov,
    ],
    ids=["adam", "adamw", "rmsprop", "nesterov"],
)
def test_as_with_a_higher_rate_for_all(rng, make):
    model = dense_model()
    start = model.get_weights()
    steps = gradients(rng, model, 4)
    several = LearningRateMultipliers(make(0.01), {"score/.*": 3.0})
    found = apply(several, model, steps)
    for layer, rate in (("hidden", 0.01), ("score", 0.03)):
        model.set_weights(start)
        expected = apply(make(rate), model, steps)
        for path in (f"{layer}/kernel", f"{layer}/bias"):
            np.testing.assert_allclose(found[path], expected[path], rtol=1e-5)


def test_a_factor_of_zero_freezes(batch):
    model = dense_model()
    before = model.get_weights()
    model.compile(LearningRateMultipliers(sgd(), {"hidden/.*": 0}), "mse")
    model.fit(*batch, epochs=2, verbose=0)
    changed = [
        not np.array_equal(old, new)
        for old, new in zip(before, model.get_weights(), strict=True)
    ]
    assert changed == [False, False, True, True]


def test_fits_by_a_schedule(batch):
    model = dense_model()
    optimizer = LearningRateMultipliers(
        keras.optimizers.SGD(PolyDecay(0.1, 4, warmup_steps=2)),
        {".*": 2.0},
    )
    model.compile(optimizer, "mse")
    seen = []
    for _ in range(5):
        seen.append(float(value(optimizer.learning_rate)))
        model.train_on_batch(*batch)
    expected = [0.05, 0.1 * 0.75**0.9, 0.1 * 0.5**0.9, 0.1 * 0.25**0.9, 0]
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-9)
    before = model.get_weights()
    model.train_on_batch(*batch)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_rate_can_be_set(batch):
    model = dense_model()
    optimizer = LearningRateMultipliers(keras.optimizers.SGD(0.1), RATES)
    model.compile(optimizer, "mse")
    model.train_on_batch(*batch)
    optimizer.learning_rate = 0.0
    before = model.get_weights()
    model.train_on_batch(*batch)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_goes_on_after_saving(batch, tmp_path):
    model = dense_model()
    model.compile(LearningRateMultipliers(sgd(), RATES, DECAYS), "mse")
    model.fit(*batch, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.optimizer, LearningRateMultipliers)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for resumed in (model, again):
        resumed.fit(*batch, epochs=2, shuffle=False, verbose=0)
    for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5)


def test_serializes():
    optimizer = LearningRateMultipliers(
        keras.optimizers.SGD(PolyDecay(0.1, 4), weight_decay=0.1),
        RATES,
        DECAYS,
    )
    stored = json.loads(json.dumps(keras.optimizers.serialize(optimizer)))
    assert stored["registered_name"] == "kerasseg>LearningRateMultipliers"
    again = keras.optimizers.deserialize(stored)
    assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(batch, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = dense_model()
    finally:
        keras.config.set_dtype_policy("float32")
    before = model.get_weights()
    model.compile(LearningRateMultipliers(sgd(), RATES), "mse")
    model.fit(*batch, epochs=3, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.isfinite(new).all()
        assert not np.array_equal(old, new)


def test_a_pattern_that_matches_nothing():
    model = dense_model()
    for arguments, pattern in (
        (({"scores/.*": 2.0},), "`multipliers` must .* 'scores/.*'"),
        (({}, {"score": 0}), "`weight_decay_multipliers` .* 'score', and"),
    ):
        optimizer = LearningRateMultipliers(sgd(), *arguments)
        with pytest.raises(ValueError, match=pattern):
            optimizer.build(model.trainable_variables)


def built(optimizer):
    optimizer.build(dense_model().trainable_variables)
    return optimizer


@pytest.mark.parametrize(
    ("make", "arguments", "error", "message"),
    [
        (sgd, ({"a": -1},), ValueError, "of 0 or more. Received: 'a': -1"),
        (sgd, ({}, {"a": "2"}), ValueError, "`weight_decay_multipliers` must"),
        (sgd, ({"(": 1.0},), ValueError, "must be regular expressions"),
        (
            lambda: keras.optimizers.SGD(0.1),
            ({}, {".*": 0.0}),
            ValueError,
            "must have a `weight_decay` .* Received: weight_decay=None",
        ),
        (
            lambda: sgd(global_clipnorm=1.0),
            ({},),
            ValueError,
            "use `clipnorm`. Received: global_clipnorm=1.0",
        ),
        (
            lambda: keras.optimizers.SGD(
                PolyDecay(0.1, 9), gradient_accumulation_steps=2
            ),
            ({},),
            ValueError,
            "must not accumulate .* gradient_accumulation_steps=2",
        ),
        (lambda: built(sgd()), ({},), ValueError, "must not be built yet"),
        (lambda: "sgd", ({},), TypeError, "Received: optimizer='sgd'"),
        (
            lambda: keras.optimizers.LossScaleOptimizer(sgd()),
            ({},),
            TypeError,
            "does not wrap another",
        ),
    ],
)
def test_wrong_arguments(make, arguments, error, message):
    with pytest.raises(error, match=message):
        LearningRateMultipliers(make(), *arguments)


SCRIPT = """
import json, sys
import keras
import numpy as np
import tensorflow as tf
from kerasseg.training import LearningRateMultipliers, PolyDecay

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
rng = np.random.default_rng(1)
images = rng.normal(size=(12, 3)).astype("float32")
targets = rng.normal(size=(12, 2)).astype("float32")

def train(strategy, schedule):
    keras.utils.set_random_seed(1)
    with strategy.scope():
        inputs = keras.Input((3,))
        hidden = keras.layers.Dense(4, name="hidden")(inputs)
        model = keras.Model(
            inputs, keras.layers.Dense(2, name="score")(hidden)
        )
        rate = PolyDecay(0.01, 9, warmup_steps=2) if schedule else 0.01
        model.compile(
            LearningRateMultipliers(
                keras.optimizers.SGD(rate, momentum=0.9, weight_decay=0.1),
                {"score/.*": 10.0, ".*bias": 2.0},
                {"hidden/kernel": 5, ".*bias": 0.0},
            ),
            "mse",
        )
        model.fit(
            images, targets, batch_size=4, epochs=2, shuffle=False, verbose=0
        )
    return [w.tolist() for w in model.get_weights()]

two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
json.dump([
    [train(tf.distribute.get_strategy(), schedule), train(two, schedule)]
    for schedule in (False, True)
], sys.stdout)
"""


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute"
)
def test_two_devices_equal_one():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for one, two in json.loads(done.stdout):
        for expected, found in zip(one, two, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
