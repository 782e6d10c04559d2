import numpy as np
import pytest

from kerasseg.export.model.freeze import freeze
from kerasseg.export.model.frozen import FrozenModel
from kerasseg.export.proof.reference import MIN_IMAGES
from kerasseg.export.proof.reference import Reference

SHAPE = (32, 48)


@pytest.fixture
def batches(rng):
    """Batches of one image."""
    return rng.uniform(0, 255, (4, 1, *SHAPE, 3)).astype("float32")


@pytest.fixture
def eager(monkeypatch):
    """How often the model ran layer by layer."""
    calls = []
    logits = FrozenModel.logits

    def count(self, images):
        calls.append(images)
        return logits(self, images)

    monkeypatch.setattr(FrozenModel, "logits", count)
    return calls


def test_later_images_run_compiled(model, batches, eager):
    source = freeze(model, SHAPE)
    reference = Reference(source, MIN_IMAGES)
    found = [reference(batch) for batch in batches]
    assert len(eager) == 2
    for batch, logits in zip(batches, found, strict=True):
        expected = np.asarray(model(batch, training=False))
        assert logits.shape == expected.shape
        np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_few_images_run_layer_by_layer(model, batches, eager):
    reference = Reference(freeze(model, SHAPE), MIN_IMAGES - 1)
    for batch in batches:
        reference(batch)
    assert len(eager) == len(batches)


def test_a_model_that_computes_something_else_when_compiled(
    trapped_model, batches, eager
):
    reference = Reference(freeze(trapped_model, SHAPE), MIN_IMAGES)
    for batch in batches:
        expected = trapped_model(batch, training=False)
        np.testing.assert_array_equal(reference(batch), expected)
    assert len(eager) == len(batches)
