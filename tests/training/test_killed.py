"""A training that is killed in mid-epoch and called again."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = """
import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np

from kerasseg.losses import SegmentationLoss
from kerasseg.training import Recipe, fit

calls = 0

def flip(image, mask, rng):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    step = 1 if rng.random() < 0.5 else -1
    return image[:, ::step], mask[:, ::step]

def train():
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (12, 18, 26, 3), dtype="uint8")
    return list(zip(images, images.argmax(-1).astype("uint8")))

def model():
    return keras.Sequential([
        keras.Input((None, None, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Conv2D(3, 1),
    ])

trained = fit(
    Recipe(
        name="killed", train=train, model=model, loss=SegmentationLoss(),
        validation=train, epochs=4, batch_size=4, augmentation=flip,
    ),
    sys.argv[1],
    verbose=0,
)
np.savez(
    Path(sys.argv[1], "weights.npz"),
    *[keras.ops.convert_to_numpy(v) for v in trained.weights],
)
"""


def train(folder, kill_at=0):
    """Runs the script; kills it when that many samples were augmented."""
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(kill_at)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )


def results(folder):
    with np.load(folder / "weights.npz") as file:
        weights = [file[name] for name in file.files]
    with (folder / "log.csv").open(newline="") as file:
        log = [
            [float(value) for _, value in sorted(row.items())]
            for row in csv.DictReader(file)
        ]
    return weights, log


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = train(whole)
    assert done.returncode == 0, done.stderr[-3000:]
    # 12 samples an epoch: in the middle of the third.
    done = train(killed, kill_at=30)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    with np.load(killed / "last.npz") as state:
        assert state["epochs"] == 2
    done = train(killed)
    assert done.returncode == 0, done.stderr[-3000:]

    (weights, log), (again, log_again) = results(whole), results(killed)
    assert len(log) == 4
    np.testing.assert_allclose(log_again, log, rtol=1e-5)
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)
