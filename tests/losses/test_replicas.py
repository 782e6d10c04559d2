"""Losses on two devices: each replica has its own sums, then the mean.

The number of logical devices is fixed when TensorFlow starts, so this runs in
a process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

SCRIPT = """
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from kerasseg import losses

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

rng = np.random.default_rng(3)
labels = rng.integers(0, 3, (2, 6, 9))
labels[0, :3] = 255
labels[1][labels[1] == 2] = 0
logits = rng.normal(size=(2, 6, 9, 3)).astype("float32")
weights = rng.random((2, 6, 9)).astype("float32")

class Shift(keras.layers.Layer):
    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[1:], initializer="zeros")

    def call(self, inputs):
        return inputs + self.shift

def fit(loss, rows, scope):
    with scope:
        layer = Shift()
        model = keras.Sequential([keras.Input(logits.shape[1:]), layer])
        model.compile(keras.optimizers.SGD(1.0), loss)
    data = tf.data.Dataset.from_tensor_slices(
        (logits[rows], labels[rows], weights[rows])
    ).batch(len(rows))
    value = model.fit(data, verbose=0).history["loss"][0]
    return value, np.asarray(layer.shift)

def compare(loss):
    one = tf.distribute.get_strategy().scope
    both, moved_both = fit(loss, [0, 1], one())
    halves = [fit(loss, [row], one()) for row in (0, 1)]
    two, moved = fit(loss, [0, 1], strategy.scope())
    mean = np.mean([shift for _, shift in halves], axis=0)
    return {
        "one device": both,
        "mean of shares": np.mean([value for value, _ in halves]),
        "two devices": two,
        "from the mean": abs(moved - mean).max(),
        "from one device": abs(moved - moved_both).max(),
    }

cases = {
    "dice batch": losses.DiceLoss(),
    "jaccard image": losses.JaccardLoss(scope="image"),
    "tversky image": losses.TverskyLoss(scope="image"),
    "focal valid": losses.FocalLoss(),
    "focal image": losses.FocalLoss(normalization="image"),
    "ohem valid": losses.OHEMLoss(threshold=0.3),
    "boundary image": losses.BoundaryWeightedLoss(normalization="image"),
    "sum batch": losses.SumLoss(
        [losses.SegmentationLoss(), losses.DiceLoss()], [1.0, 2.0]
    ),
}
json.dump(
    {
        name: {key: float(v) for key, v in compare(cases[name]).items()}
        for name in sys.argv[1:] or cases
    },
    sys.stdout,
)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="tf.distribute is TensorFlow",
)
@pytest.mark.parametrize(
    "names",
    [
        ("dice batch", "jaccard image"),
        pytest.param((), marks=pytest.mark.nightly, id="all"),
    ],
)
def test_replicas_average_what_each_computes(names):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *names],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found_by_name = json.loads(done.stdout)
    assert len(found_by_name) == (len(names) or 8)
    for name, found in found_by_name.items():
        assert found["two devices"] == pytest.approx(
            found["mean of shares"], rel=1e-5
        ), name
        assert found["from the mean"] < 1e-6, name
        same = name.endswith("image")
        apart = abs(found["two devices"] - found["one device"])
        assert (apart < 1e-5) == same, name
        assert (found["from one device"] < 1e-6) == same, name
