"""ESPNet with weights of the published form, and how its score is counted."""

import keras
import numpy as np
import published_files
import pytest

from kerasseg.data import Labels
from kerasseg.data import default_palette


@pytest.fixture
def espnet(script):
    return script("espnet")


@pytest.fixture
def state(espnet, rng):
    """A state dictionary with random numbers."""
    found = {}
    for layer in espnet.espnet(p=1, q=1).layers:
        for variable in layer.weights:
            array = rng.normal(size=tuple(variable.shape)) * 0.3
            if variable.name == "kernel":
                found[f"{layer.name}.weight"] = array.transpose(3, 2, 0, 1)
                continue
            part = NAMES[variable.name]
            if part == "running_var":
                array = array**2 + 0.5
            found[f"{layer.name}.{part}"] = array.ravel()
    return {k: v.astype("float32") for k, v in found.items()}


NAMES = {
    "gamma": "weight",
    "alpha": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@pytest.fixture
def network(tmp_path, espnet, state):
    path = published_files.safetensors(tmp_path / "a.safetensors", state)
    model = espnet.espnet(p=1, q=1)
    source = espnet.read_network(path)
    espnet.match(source, espnet.targets(model)).assign()
    return model


def test_layer_by_layer(network, state, script, rng):
    images = rng.normal(size=(1, 32, 48, 3)).astype("float32")
    rows = script("torch_layers").compare(network, state, images)
    assert len(rows) == len({name.rpartition(".")[0] for name in state})
    assert all(error < 1e-4 * largest for _, largest, error in rows)


def test_the_size_of_the_published_one(espnet):
    # Of the file: 189 tensors.
    assert len(espnet.espnet().weights) == 189


def test_pixels(tmp_path, espnet, state, rng, monkeypatch):
    path = published_files.safetensors(tmp_path / "a.safetensors", state)
    whole = espnet.espnet
    monkeypatch.setattr(espnet, "espnet", lambda: whole(p=1, q=1))
    mean, deviation = np.array([100.0, 110, 120]), np.array([60.0, 70, 80])
    model = espnet.load(path, mean, deviation)
    images = rng.uniform(0, 255, (1, 16, 24, 3)).astype("float32")
    scaled = ((images - mean) / deviation / 255)[..., ::-1].astype("float32")
    (network,) = (x for x in model.layers if x.name == "espnet")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(images)),
        keras.ops.convert_to_numpy(network(scaled)),
        rtol=1e-3,
        atol=1e-4,
    )


class Pairs(list):
    labels = Labels(tuple("abcdefghijk"), default_palette(11))


def test_both_protocols(espnet):
    # Pixel values are the ids that the model says.
    pixels = keras.Input((None, None, 3))
    ids = keras.layers.Rescaling(1.0)(pixels)[..., :1]
    logits = -((ids - np.arange(12, dtype="float32")) ** 2)
    model = keras.Model(pixels, logits)
    said = np.arange(12).repeat(108).reshape(36, 36)
    mask = said.copy()
    mask[said == 11] = 255
    mask[0], mask[1] = 255, 1
    image = np.repeat(said[..., None], 3, -1).astype("uint8")
    ours, theirs = espnet.both_protocols(model, Pairs([(image, mask)]))
    # Class 0: one of two found pixels is right. Class 1: three of four.
    assert ours[0] == pytest.approx((1 / 2 + 3 / 4 + 9) / 11)
    # Of class 0, that which is not labeled counts too.
    assert theirs[0] == pytest.approx((1 / 3 + 3 / 4 + 9) / 11)
    assert ours[1] == theirs[1] == pytest.approx((1 + 3 / 4 + 9) / 11)


def test_moments(espnet, rng):
    images = [rng.uniform(0, 255, (4, 6, 3)) for _ in range(3)]
    mean, deviation = espnet.moments([(x, None) for x in images])
    np.testing.assert_allclose(
        mean, np.mean([x.mean((0, 1)) for x in images], 0)
    )
    np.testing.assert_allclose(
        deviation, np.mean([x.std((0, 1)) for x in images], 0)
    )
