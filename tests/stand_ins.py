"""Stand-ins for what takes long: a backbone of five convolutions."""

import dataclasses
import hashlib

import keras
import numpy as np
from keras import ops

from kerasseg import backbones
from kerasseg import zoo
from kerasseg.backbones import from_model
from kerasseg.zoo.entries import ENTRIES

FILTERS = (4, 4, 6, 6, 8)


def tiny_model(image_shape=(None, None, 3), filters=FILTERS, normalize=True):
    """Convolutions of stride 2, whose outputs are named `level_1` and on.

    Args:
        image_shape: `(height, width, 3)`, with or without `None`.
        filters: Channels of each level.
        normalize: Whether batch normalization follows each convolution.
            Without it, dropout does.

    Returns:
        A functional model.
    """
    x = images = keras.Input(image_shape)
    for level, channels in enumerate(filters, start=1):
        x = keras.layers.Conv2D(
            channels, 3, strides=2, padding="same", name=f"conv_{level}"
        )(x)
        if normalize:
            x = keras.layers.BatchNormalization(name=f"norm_{level}")(x)
        else:
            x = keras.layers.Dropout(0.5, name=f"drop_{level}")(x)
        x = keras.layers.LeakyReLU(name=f"level_{level}")(x)
    return keras.Model(images, x, name="tiny")


def tiny_backbone(image_shape=(None, None, 3), normalize=True):
    """A backbone that builds and runs in no time.

    Args:
        image_shape: As for `tiny_model`.
        normalize: As for `tiny_model`.

    Returns:
        A backbone with the levels `"P1"` .. `"P5"`.
    """
    model = tiny_model(image_shape, normalize=normalize)
    taps = {f"P{level}": f"level_{level}" for level in range(1, 6)}
    return from_model(model, taps, scale=1 / 127.5, offset=-1.0)


def tiny_entry(name, monkeypatch, folder):
    """Puts an entry of the zoo on a tiny backbone, untrained.

    Args:
        name: Name of the entry.
        monkeypatch: The fixture that undoes it.
        folder: Where its weights go.
    """
    monkeypatch.setattr(
        backbones, "tiny", lambda weights: tiny_backbone(), raising=False
    )
    entry = dataclasses.replace(
        ENTRIES[name], backbone="tiny", backbone_arguments={}
    )
    monkeypatch.setitem(ENTRIES, name, entry)
    path = folder / f"tiny_{name}.safetensors"
    zoo.write_weights(zoo.build(name), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setenv("KERASSEG_HOME", str(folder / "home"))
    monkeypatch.setitem(
        ENTRIES,
        name,
        dataclasses.replace(entry, weights=path.as_uri(), sha256=digest),
    )


def randomize(layer, seed=5, keep=False):
    """Gives a layer or a model weights that differ, so that logits vary.

    New heads are zero and new statistics are those of a normal distribution:
    most mistakes would not show. Values keep about their size from layer to
    layer; scales and variances are positive.

    Args:
        layer: The layer or model.
        seed: Seed of the new values, or the generator to draw them from.
        keep: Whether kernels that are not zero, scales and frozen bases stay
            as they are.

    Returns:
        The same layer or model.
    """
    generator = np.random.default_rng(seed)
    for variable in layer.weights:
        old = ops.convert_to_numpy(variable)
        change = _moved if keep else _drawn
        variable.assign(change(variable.name, old, generator).astype("float32"))
    return layer


def _drawn(name, old, generator):
    if name in ("gamma", "moving_variance"):
        return generator.uniform(0.5, 2.0, old.shape)
    inputs = np.prod(old.shape[:-1]) or 1
    return generator.normal(size=old.shape) / np.sqrt(inputs)


def _moved(name, old, generator):
    if name == "moving_variance":
        return generator.uniform(0.02, 0.2, old.shape)
    if name in ("moving_mean", "beta", "bias"):
        return old + generator.normal(0, 0.1, old.shape)
    if name == "bases" or old.any():
        return old
    return generator.normal(0, 0.3, old.shape)
