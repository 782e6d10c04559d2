"""Batch normalization over several devices of JAX is that of one device."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys

import jax
import keras
import numpy as np

from kerasseg.losses import SegmentationLoss
from kerasseg.training import Recipe, fit

assert len(jax.devices()) == 2

def samples():
    images = np.random.default_rng(1).integers(
        0, 256, (8, 10, 14, 3), dtype="uint8"
    )
    # Devices that took their own moments would find others.
    images[::2] //= 4
    return [(image, image.argmax(-1).astype("uint8")) for image in images]

def model():
    return keras.Sequential([
        keras.Input((None, None, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(4, 3, padding="same"),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2D(3, 1),
    ])

def trained(name):
    recipe = Recipe(
        name="moments", train=samples, model=model, epochs=2, batch_size=4,
        loss=SegmentationLoss(), synchronized=True,
        optimizer=lambda steps: keras.optimizers.SGD(0.05),
    )
    weights = fit(recipe, f"{sys.argv[1]}/{name}", verbose=0).weights
    return [keras.ops.convert_to_numpy(weight) for weight in weights]

one = trained("one")
keras.distribution.set_distribution(keras.distribution.DataParallel())
for alone, shared in zip(one, trained("two"), strict=True):
    np.testing.assert_allclose(shared, alone, rtol=1e-4, atol=1e-5)
"""
ROOT = str(Path(__file__).parents[2])


@pytest.mark.slow
@pytest.mark.one_backend
def test_synchronized_moments_on_two_devices_of_jax(tmp_path):
    pytest.importorskip("jax")
    flags = "--xla_force_host_platform_device_count=2"
    env = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": flags,
        "PYTHONPATH": ROOT,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
