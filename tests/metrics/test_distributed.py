"""Metrics and losses on two replicas agree with one device.

The number of logical devices is fixed when TensorFlow starts, so this runs in
a process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

SCRIPT = """
import json
import sys
import keras
import numpy as np
import tensorflow as tf
from kerasseg.losses import SegmentationLoss
from kerasseg.metrics import ConfusionMatrix, MeanIoU, PixelAccuracy

device = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    device, [tf.config.LogicalDeviceConfiguration()] * 2
)

def train(strategy):
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    images = rng.normal(size=(16, 6, 9, 5)).astype("float32")
    labels = rng.choice([0, 1, 2, 255], (16, 6, 9))
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(8)
    with strategy.scope():
        model = keras.Sequential(
            [keras.Input((6, 9, 5)), keras.layers.Dense(3)]
        )
        counts = ConfusionMatrix(3)
        model.compile(
            keras.optimizers.SGD(0.1),
            SegmentationLoss(normalization="image"),
            metrics=[MeanIoU(3), PixelAccuracy(3)],
        )
        # Nearly full words: the carry happens inside each replica.
        counts._low.assign([[2**24 - 2] * 3] * 3)
    history = model.fit(data, epochs=2, shuffle=False, verbose=0).history
    start = counts.matrix()

    @tf.function
    def count(batch):
        strategy.run(lambda x, y: counts.update_state(y, model(x)), batch)

    for batch in strategy.experimental_distribute_dataset(data):
        count(batch)
    weights = [w.tolist() for w in model.get_weights()]
    replicas = strategy.num_replicas_in_sync
    return history, weights, (counts.matrix() - start).tolist(), replicas

one = train(tf.distribute.OneDeviceStrategy("/cpu:0"))
two = train(tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]))
json.dump([one, two], sys.stdout)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="MirroredStrategy is TensorFlow",
)
def test_two_replicas_equal_one_device():
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = json.loads(done.stdout)
    assert (one[3], two[3]) == (1, 2)
    assert set(one[0]) == {"loss", "mean_iou", "pixel_accuracy"}
    for name, values in one[0].items():
        np.testing.assert_allclose(two[0][name], values, rtol=1e-5)
    for first, second in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-6)
    assert two[2] == one[2]
    assert np.sum(one[2]) > 0
