"""A training that is killed in mid-epoch and called again."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EPOCHS = 4
SAMPLES = 12
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


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Weights and log of the run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    done = train(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    weights, log = results(folder)
    assert len(log) == EPOCHS
    return weights, log


def check_killed(folder, points, whole):
    """Kills a run at each of some points, and compares how it ends."""
    for point in points:
        done = train(folder, kill_at=point)
        assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    done = train(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    weights, log = results(folder)
    assert log == whole[1]
    for one, other in zip(whole[0], weights, strict=True):
        np.testing.assert_array_equal(other, one)


@pytest.mark.nightly
def test_killed_twice_equals_uninterrupted_to_the_bit(tmp_path, whole):
    # In the midst of the second or third epoch, then once more of the next.
    rng = np.random.default_rng(7)
    first, second = rng.integers(SAMPLES + 1, 3 * SAMPLES), 1 + rng.integers(8)
    check_killed(tmp_path / "run", (first, second), whole)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(20))
def test_killed_anywhere_equals_uninterrupted_to_the_bit(tmp_path, whole, seed):
    rng = np.random.default_rng((20, seed))
    point = 1 + rng.integers(EPOCHS * SAMPLES)
    check_killed(tmp_path / "run", (point,), whole)
