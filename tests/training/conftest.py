"""A tiny model, images it can learn, and a recipe for the two."""

import csv

import keras
import numpy as np
import pytest

from kerasseg.losses import SegmentationLoss
from kerasseg.training import Recipe

CLASSES = 3


def tiny_model():
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(CLASSES, 1, dtype="float32"),
        ]
    )


def coarse_heads(model):
    """The logits and, beside them, a prediction at half the size."""
    hidden = model.layers[1].output
    coarse = keras.layers.AveragePooling2D(2, name="pool")(hidden)
    coarse = keras.layers.Conv2D(
        CLASSES, 1, dtype="float32", name="coarse_logits"
    )(coarse)
    return keras.Model(
        model.inputs[0], {"logits": model.outputs[0], "coarse": coarse}
    )


def adam(steps):
    return keras.optimizers.Adam(0.03)


@pytest.fixture
def model():
    return tiny_model


@pytest.fixture
def heads():
    return coarse_heads


@pytest.fixture
def draw():
    """Samples of squares in red, green and blue, one class each."""

    def draw_samples(count=8, size=(20, 26), seed=1):
        rng = np.random.default_rng(seed)
        samples = []
        for _ in range(count):
            blocks = rng.integers(0, CLASSES, [n // 4 + 1 for n in size])
            mask = np.kron(blocks, np.ones((4, 4)))[: size[0], : size[1]]
            mask = mask.astype("uint8")
            image = rng.integers(0, 120, (*size, 3), dtype="uint8")
            image += 120 * np.eye(CLASSES, dtype="uint8")[mask]
            mask[0, :5] = 255
            samples.append((image, mask))
        return samples

    return draw_samples


@pytest.fixture
def make_recipe(draw):
    """A recipe of two epochs of two steps; arguments replace its parts."""

    def make(samples=None, **parts):
        samples = draw() if samples is None else samples
        defaults = {
            "name": "tiny",
            "train": lambda: samples,
            "model": tiny_model,
            "loss": SegmentationLoss(),
            "epochs": 2,
            "batch_size": 4,
            "optimizer": adam,
        }
        return Recipe(**{**defaults, **parts})

    return make


@pytest.fixture
def read_log():
    """The rows of a run's log, as numbers."""

    def read(folder):
        with (folder / "log.csv").open(newline="") as file:
            return [
                {key: float(v) for key, v in row.items() if v != "NA"}
                for row in csv.DictReader(file)
            ]

    return read
