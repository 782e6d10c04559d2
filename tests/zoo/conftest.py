"""A small model with the shape of the real ones, and its entry."""

import dataclasses

import keras
import numpy as np
import pytest

from kerasseg import backbones
from kerasseg.label_sets import CAMVID
from kerasseg.label_sets import NUCLEI
from kerasseg.zoo import entries
from kerasseg.zoo import fetch
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.weights import write_weights


def make_net(num_classes=5, filters=8, name="net"):
    """A nested backbone, and a head with ten maps per class."""
    pixels = keras.Input((None, None, 3), name="pixels")
    x = keras.layers.Conv2D(filters, 3, padding="same", name="stem")(pixels)
    x = keras.layers.BatchNormalization(name="stem_bn")(x)
    backbone = keras.Model(pixels, {"P1": x}, name="backbone")
    images = keras.Input((None, None, 3), name="images")
    features = backbone(keras.layers.Rescaling(1 / 255, name="rescale")(images))
    x = keras.layers.Conv2D(10 * num_classes, 1, name="coefficients")(
        features["P1"]
    )
    logits = keras.layers.Conv2D(num_classes, 1, name="logits")(x)
    return keras.Model(images, logits, name=name)


def randomize(model, seed=1):
    """Gives every variable random values, zeros and ones included."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(rng.uniform(0.1, 1.0, tuple(variable.shape)))
    return model


def values(model):
    """The weights of a model by path."""
    return {v.path: keras.ops.convert_to_numpy(v.value) for v in model.weights}


@pytest.fixture
def net():
    return make_net


@pytest.fixture
def trained(net):
    """A model whose weights are all different from fresh ones."""
    return randomize(net())


@pytest.fixture
def weights_of():
    return values


@pytest.fixture
def scramble():
    return randomize


def make_backbone(weights=None, filters=8):
    """A backbone of five convolutions."""
    images = x = keras.Input((None, None, 3), name="pixels")
    for stage in range(1, 6):
        x = keras.layers.Conv2D(
            filters,
            3,
            strides=2,
            padding="same",
            activation="relu",
            name=f"stage{stage}",
        )(x)
    model = keras.Model(images, x, name="small_backbone")
    taps = {f"P{stage}": f"stage{stage}" for stage in range(1, 6)}
    return backbones.from_model(model, taps, scale=1 / 127.5, offset=-1.0)


SMALL = Entry(
    name="small",
    title="LRR-16x on five convolutions",
    builder="lrr",
    labels=CAMVID,
    arguments={"level": "16x"},
    backbone="small_backbone",
    backbone_arguments={"filters": 6},
    image_shape=(48, 64, 3),
)


@pytest.fixture
def small_entry(monkeypatch, tmp_path):
    """The entry `small`, and `small_32x` that reads a part of its weights."""
    from kerasseg.zoo.loading import build

    packaged = tmp_path / "packaged"
    monkeypatch.setattr(fetch, "PACKAGED", packaged)
    monkeypatch.setattr(
        backbones, "small_backbone", make_backbone, raising=False
    )
    monkeypatch.setitem(entries.ENTRIES, "small", SMALL)
    path = packaged / "small.safetensors"
    write_weights(randomize(build("small")), path)
    entry = dataclasses.replace(
        SMALL, weights=path.name, sha256=fetch.sha256(path)
    )
    part = dataclasses.replace(
        entry, name="small_32x", arguments={"level": "32x"}, subset=True
    )
    monkeypatch.setitem(entries.ENTRIES, "small", entry)
    monkeypatch.setitem(entries.ENTRIES, "small_32x", part)
    return entry


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty folder for weights that are fetched, and no proxy."""
    monkeypatch.setenv("KERASSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("KERASSEG_MIRROR", raising=False)
    return tmp_path / "home" / "weights"


@pytest.fixture
def cells():
    """Makes an entry whose file of weights is any file at all."""

    def make(source, weights):
        return Entry(
            name="cells",
            title="Cells",
            builder="lrr",
            labels=NUCLEI,
            weights=weights,
            sha256=fetch.sha256(source),
        )

    return make
