"""Averages of the weights are validated, and the best of them is kept."""

import keras
import numpy as np
import pytest

from kerasseg.metrics import MeanIoU
from kerasseg.training import LearningRateMultipliers
from kerasseg.training import fit
from kerasseg.training.averages import averaged


def averaging(steps):
    return keras.optimizers.Adam(0.03, use_ema=True, ema_momentum=0.7)


def multiplied(steps):
    return LearningRateMultipliers(averaging(steps), {".*bias": 2.0})


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


def score(model, samples):
    metric = MeanIoU(3)
    for image, mask in samples:
        metric.update_state(mask[None], model(image[None].astype("float32")))
    return float(metric.result())


@pytest.mark.by_day(1)
@pytest.mark.every_backend
@pytest.mark.parametrize("optimizer", [averaging, multiplied])
def test_what_is_validated_is_what_results(
    make_recipe, draw, tmp_path, read_log, optimizer
):
    held_out = draw(4, seed=9)
    recipe = make_recipe(
        optimizer=optimizer, validation=lambda: held_out, epochs=1
    )
    model = fit(recipe, tmp_path, verbose=0)
    (row,) = read_log(tmp_path)
    assert row["val_mean_iou"] == pytest.approx(score(model, held_out), 1e-5)


@pytest.mark.nightly
@pytest.mark.every_backend
def test_training_goes_on_with_the_weights_themselves(
    make_recipe, draw, tmp_path
):
    # Validation in between changes no bit of the result.
    parts = {"optimizer": averaging, "epochs": 3}
    plain = fit(make_recipe(**parts), tmp_path / "plain", verbose=0)
    recipe = make_recipe(validation=draw, **parts)
    scored = fit(recipe, tmp_path / "scored", verbose=0)
    for one, other in zip(weights(plain), weights(scored), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.every_backend
def test_the_best_epoch_is_kept_as_an_average(make_recipe, draw, tmp_path):
    held_out = draw(4, seed=9)
    by_epoch = {}

    class Note(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with averaged(self.model.optimizer):
                found = logs["val_mean_iou"], weights(self.model)
            by_epoch[epoch] = found
            assert abs(found[1][0] - weights(self.model)[0]).max() > 1e-4

    recipe = make_recipe(
        optimizer=averaging, validation=lambda: held_out, epochs=4
    )
    model = fit(recipe, tmp_path, verbose=0, keep="best", callbacks=[Note()])
    best, expected = max(by_epoch.values(), key=lambda found: found[0])
    for one, other in zip(weights(model), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert score(model, held_out) == pytest.approx(best, 1e-5)


def test_optimizers_without_averages(make_recipe, model):
    plain = model()
    plain.compile(keras.optimizers.SGD(0.1))
    before = weights(plain)
    with averaged(plain.optimizer):
        for one, other in zip(before, weights(plain), strict=True):
            np.testing.assert_array_equal(one, other)
