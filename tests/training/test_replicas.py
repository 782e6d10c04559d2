"""Training on two devices equals training on one.

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
import csv
import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import kerasseg
from kerasseg.losses import SegmentationLoss
from kerasseg.training import Recipe, fit

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
SamePerImage = SegmentationLoss(normalization="image")

def flip(image, mask, rng):
    step = 1 if rng.random() < 0.5 else -1
    return image[:, ::step], mask[:, ::step]

def samples(count, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 10, 14, 3), dtype="uint8")
    masks = images.argmax(-1).astype("uint8")
    masks[:, :2, :9] = 255
    return list(zip(images, masks))

def model():
    return keras.Sequential([
        keras.Input((None, None, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(3, 1),
    ])

def normalized():
    return keras.Sequential([
        keras.Input((None, None, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.ReLU(),
        keras.layers.Conv2D(3, 1),
    ])

def heads(model):
    coarse = keras.layers.AveragePooling2D(2)(model.layers[1].output)
    coarse = keras.layers.Conv2D(3, 1, name="coarse_logits")(coarse)
    return keras.Model(
        model.inputs[0], {"logits": model.outputs[0], "coarse": coarse}
    )

def sgd(steps):
    return keras.optimizers.SGD(0.1, momentum=0.9)

def run(
    folder, devices, batch_size=4, validation=6, count=41, optimizer=sgd,
    **parts
):
    parts.setdefault("model", model)
    recipe = Recipe(
        name="replicas", train=lambda: samples(count, 1),
        loss=SamePerImage, **parts,
        validation=lambda: samples(validation, 2),
        epochs=2, batch_size=batch_size,
        augmentation=flip,
        optimizer=optimizer,
    )
    trained = fit(recipe, folder, devices=devices, verbose=0)
    with Path(folder, "log.csv").open(newline="") as file:
        log = [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(file)
        ]
    return [w.tolist() for w in trained.get_weights()], log

def refused(*arguments):
    try:
        run(*arguments)
    except ValueError as error:
        return str(error)

# The logs of epochs of so many steps, on one device and on two.
def steps(number):
    return [
        run(out / f"{number}_{devices}", devices, count=4 * number)[1]
        for devices in (None, two)
    ]

# The weights after twenty steps, on one device and on two.
def normalizations():
    cases = {
        "frozen": {"freeze": ("batch_normalization",)},
        "synchronized": {"synchronized": True},
        "apart": {},
    }
    return {
        name: [
            run(out / f"{name}{devices}", devices, model=normalized, **parts)[0]
            for devices in (None, two)
        ]
        for name, parts in cases.items()
    }

def accumulating(steps):
    return keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)

# Keras alone, with a last batch of one sample for two devices.
def plain_fit(strategy):
    keras.utils.set_random_seed(3)
    with strategy.scope():
        plain = model()
        plain.compile(
            keras.optimizers.SGD(0.1, momentum=0.9),
            SamePerImage,
            metrics=[kerasseg.metrics.MeanIoU(3)],
        )
        # The scope says it for two devices.
        share = {"replicas": None if strategy.num_replicas_in_sync > 1 else 2}
        train = kerasseg.data.batches(
            samples(9, 1), 4, flip, current_epoch=lambda: 0, **share
        )
        held_out = kerasseg.data.batches(
            samples(7, 2), 2, shuffle=False, **share
        )
    history = plain.fit(
        train, validation_data=held_out, epochs=2, shuffle=False, verbose=0
    ).history
    return [w.tolist() for w in plain.get_weights()], history

out = Path(sys.argv[1])
two = ["CPU:0", "CPU:1"]
if sys.argv[2:] == ["normalized"]:
    json.dump(normalizations(), sys.stdout)
    sys.exit()
if sys.argv[2:] == ["plain"]:
    shared = tf.distribute.MirroredStrategy(two)
    json.dump(
        {
            "one": plain_fit(tf.distribute.get_strategy()),
            "two": plain_fit(shared),
            "accumulating": refused(
                out / "accumulating", two, 4, 6, 41, accumulating
            ),
        },
        sys.stdout,
    )
    sys.exit()
if sys.argv[2:] == ["validation"]:
    json.dump({
        "two": run(out / "plain", two, validation=7)[1],
        "one": run(out / "plain_one", None)[1],
    }, sys.stdout)
    sys.exit()
if len(sys.argv) > 2:
    json.dump([steps(int(number)) for number in sys.argv[2:]], sys.stdout)
    sys.exit()
with_heads = {"heads": heads, "head_losses": {"coarse": SamePerImage}}
json.dump({
    "one": run(out / "one", None, **with_heads),
    "two": run(out / "two", two, **with_heads),
    "finished": run(out / "two", two, **with_heads),
    "odd": refused(out / "odd", two, 3),
}, sys.stdout)
"""

MULTI_WORKER = """
import sys
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
from kerasseg.losses import SegmentationLoss
from kerasseg.training import Recipe, fit

recipe = Recipe("many", list, list, SegmentationLoss(), epochs=1)
with strategy.scope():
    try:
        fit(recipe, sys.argv[1])
    except RuntimeError as error:
        print(error)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="tf.distribute is TensorFlow",
    ),
]


def run(script, folder, *arguments):
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), *arguments],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_two_devices_equal_one(tmp_path):
    result = json.loads(run(SCRIPT, tmp_path))
    (weights, log), (weights_two, log_two) = result["one"], result["two"]
    assert len(log) == 2
    assert log[-1]["loss"] < log[0]["loss"]
    for one, other in zip(weights, weights_two, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)
    for one, other in zip(log, log_two, strict=True):
        assert other == pytest.approx(one, rel=1e-4)
    assert result["finished"] == result["two"]
    assert "multiple of the 2 devices" in result["odd"]


@pytest.mark.nightly
def test_a_validation_that_two_devices_cannot_share(tmp_path):
    # Of seven images the last is left out, lest one device is without.
    result = json.loads(run(SCRIPT, tmp_path, "validation"))
    for one, other in zip(result["one"], result["two"], strict=True):
        assert other == pytest.approx(one, rel=1e-4)


@pytest.mark.nightly
def test_plain_fit_with_a_last_batch_that_two_cannot_share(tmp_path):
    result = json.loads(run(SCRIPT, tmp_path, "plain"))
    (weights, history), (weights_two, history_two) = (
        result["one"],
        result["two"],
    )
    for one, other in zip(weights, weights_two, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)
    assert set(history) == {"loss", "mean_iou", "val_loss", "val_mean_iou"}
    for name, values in history.items():
        assert history_two[name] == pytest.approx(values, rel=1e-4)
    assert (
        "gradient_accumulation_steps=2 on 2 devices" in result["accumulating"]
    )


@pytest.mark.nightly
def test_batch_normalization_on_two_devices(tmp_path):
    result = json.loads(run(SCRIPT, tmp_path, "normalized"))

    def apart(name):
        pairs = zip(*result[name], strict=True)
        return max(np.abs(np.subtract(*pair)).max() for pair in pairs)

    assert apart("frozen") < 1e-5
    assert apart("synchronized") < 1e-5
    assert apart("apart") > 1e-3


@pytest.mark.parametrize(
    "numbers",
    [("2",), pytest.param(("1", "4", "5"), marks=pytest.mark.nightly)],
)
def test_a_few_steps_an_epoch(tmp_path, numbers):
    # What looks ahead hands out up to four batches before an epoch begins.
    for one, two in json.loads(run(SCRIPT, tmp_path, *numbers)):
        assert len(one) == len(two) == 2
        for expected, found in zip(one, two, strict=True):
            assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.nightly
def test_a_real_multi_worker_strategy_is_refused(tmp_path):
    printed = run(MULTI_WORKER, tmp_path / "run")
    assert "does not work with Keras 3" in printed
    assert "issues/20585" in printed
    assert not (tmp_path / "run").exists()
