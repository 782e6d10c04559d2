"""Models that earlier releases saved load and compute the same."""

import keras
import numpy as np
import pytest
from source import ROOT

from kerasseg import zoo
from kerasseg.inference import predict_mask

GOLDEN = sorted(p.parent for p in ROOT.glob("tests/golden/*/model"))


@pytest.fixture(scope="module", params=GOLDEN, ids=lambda p: p.name)
def folder(request):
    """The artifacts of each release in turn."""
    return request.param


def test_there_are_some():
    assert GOLDEN


@pytest.mark.every_backend
def test_a_saved_model(folder):
    model = zoo.load(folder / "model")
    with np.load(folder / "expected.npz") as expected:
        logits = expected["logits"]
    images = read_golden_image(folder)[None].astype("float32")
    found = keras.ops.convert_to_numpy(model(images))[0]
    np.testing.assert_allclose(found, logits, atol=1e-4 * np.ptp(logits))
    mask = predict_mask(model, folder / "image.png")
    assert np.mean(mask == logits.argmax(-1)) > 0.999
    labels = zoo.info(folder / "model").labels
    assert labels.class_names == ("ground", "water", "sky")


def read_golden_image(folder):
    from kerasseg.data.image import read_image

    return read_image(folder / "image.png")
