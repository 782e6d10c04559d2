"""Training in two processes, as on two machines, equals training in one.

By day, tests/data/test_batches.py looks at the shares of each process.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

SCRIPT = """
import sys

import jax
import keras
import numpy as np

index, count, address, folder = sys.argv[1:]
if int(count) > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    keras.distribution.initialize(address, int(count), int(index))
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(auto_shard_dataset=False)
    )

from kerasseg.losses import SegmentationLoss
from kerasseg.training import Recipe, fit

assert len(jax.devices()) == int(count)
PerImage = SegmentationLoss(normalization="image")

def samples(count, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 10, 14, 3), dtype="uint8")
    return [(image, image.argmax(-1).astype("uint8")) for image in images]

def model():
    return keras.Sequential([
        keras.Input((None, None, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(3, 1),
    ])

def heads(model):
    coarse = keras.layers.AveragePooling2D(2)(model.layers[1].output)
    coarse = keras.layers.Conv2D(3, 1, name="coarse_logits")(coarse)
    return keras.Model(
        model.inputs[0], {"logits": model.outputs[0], "coarse": coarse}
    )

recipe = Recipe(
    name="processes", train=lambda: samples(13, 1), model=model,
    heads=heads, head_losses={"coarse": PerImage}, loss=PerImage,
    validation=lambda: samples(6, 2), epochs=2, batch_size=4,
    optimizer=lambda steps: keras.optimizers.SGD(0.1, momentum=0.9),
)
fit(recipe, folder, epochs=1, verbose=0)
trained = fit(recipe, folder, verbose=0, allow_changes=True)
np.savez(f"{folder}/weights_{index}.npz", *trained.get_weights())
"""

ROOT = Path(__file__).parents[2]


def start(index, count, address, folder):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(index), str(count), address, folder],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes):
    try:
        for process in processes:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors[-3000:]
    finally:
        for process in processes:
            process.kill()


def read(path):
    with np.load(path, allow_pickle=False) as file:
        return [file[name] for name in file.files]


@pytest.mark.nightly
def test_two_processes_equal_one(tmp_path):
    pytest.importorskip("jax")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    one, two = tmp_path / "one", tmp_path / "two"
    finish([start(0, 1, address, str(one))])
    finish([start(index, 2, address, str(two)) for index in (0, 1)])

    expected = read(one / "weights_0.npz")
    for index in (0, 1):
        weights = read(two / f"weights_{index}.npz")
        for value, other in zip(expected, weights, strict=True):
            np.testing.assert_allclose(other, value, rtol=1e-5, atol=1e-5)
    log = np.genfromtxt(one / "log.csv", delimiter=",", skip_header=1)
    assert log.shape == (2, 5)
    assert np.isfinite(log).all()
    np.testing.assert_allclose(
        np.genfromtxt(two / "log.csv", delimiter=",", skip_header=1),
        log,
        rtol=1e-4,
    )


@pytest.mark.every_backend
@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="several machines train on JAX"
)
def test_a_distribution_that_divides_again_is_refused(monkeypatch):
    import jax

    from kerasseg.training.devices import share

    assert share() == (0, 1)
    monkeypatch.setattr(
        keras.distribution, "distribution", keras.distribution.DataParallel
    )
    assert share() == (0, 1)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match="`auto_shard_dataset`.*be False"):
        share()
