"""Steps made of several batches, and what resumes in the midst of one."""

import keras
import numpy as np
import pytest

from kerasseg.data import Augmentation
from kerasseg.losses import SegmentationLoss
from kerasseg.training import fit


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


def test_two_batches_of_two_are_one_of_four(make_recipe, tmp_path):
    # A sum of images: the mean over a batch is the same for both sizes.
    loss = SegmentationLoss(normalization="image")

    def after(batch_size, **options):
        recipe = make_recipe(
            loss=loss,
            batch_size=batch_size,
            optimizer=lambda _: keras.optimizers.SGD(0.1, 0.9, **options),
        )
        return weights(fit(recipe, tmp_path / str(batch_size), verbose=0))

    one = after(4)
    two = after(2, gradient_accumulation_steps=2)
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


def test_the_schedule_counts_steps_not_batches(make_recipe, tmp_path):
    seen = []

    def accumulating(steps):
        seen.append(steps)
        return keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)

    # 8 images, batches of 2, 2 epochs.
    fit(make_recipe(batch_size=2, optimizer=accumulating), tmp_path, verbose=0)
    assert seen == [8, 4]


def accumulating(steps):
    return keras.optimizers.Adam(
        0.03, use_ema=True, ema_momentum=0.7, gradient_accumulation_steps=3
    )


@pytest.mark.nightly
def test_a_run_is_resumed_in_the_midst_of_a_step(make_recipe, tmp_path):
    # Four batches an epoch: the second begins with one that is waiting.
    recipe = make_recipe(
        batch_size=2,
        epochs=3,
        optimizer=accumulating,
        augmentation=Augmentation(crop_size=(16, 16)),
    )
    whole = fit(recipe, tmp_path / "whole", verbose=0)
    parts = tmp_path / "parts"
    for epochs in (1, 2):
        fit(recipe, parts, epochs=epochs, verbose=0, allow_changes=True)
    resumed = fit(recipe, parts, verbose=0, allow_changes=True)
    for one, other in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
