import keras
import numpy as np
import pytest

from kerasseg.losses import SegmentationLoss
from kerasseg.metrics import PixelAccuracy
from kerasseg.training import DeepSupervision


@pytest.fixture
def batch(draw):
    images, masks = zip(*draw(2), strict=True)
    return np.stack(images), np.stack(masks).astype("int32")


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.every_backend
def test_loss_is_the_sum_of_all_losses(model, heads, batch):
    images, masks = batch
    extended = heads(model())
    hidden = extended.get_layer("coarse_logits")
    hidden.kernel.regularizer = keras.regularizers.L2(0.1)
    weighted = SegmentationLoss(class_weights=[1.0, 2.0, 3.0])
    trainer = DeepSupervision(extended, {"coarse": weighted})
    # A learning rate of 0 leaves the weights as they are.
    trainer.compile(
        keras.optimizers.SGD(0.0),
        SegmentationLoss(),
        metrics=[PixelAccuracy(3)],
    )
    logged = trainer.fit(images, masks, verbose=0).history

    outputs = extended(images, training=True)
    expected = float(
        numbers(
            SegmentationLoss()(masks, outputs["logits"])
            + weighted(masks, outputs["coarse"])
            + 0.1 * keras.ops.sum(hidden.kernel**2)
        )
    )
    assert logged["loss"] == pytest.approx([expected], rel=1e-5)
    right = numbers(outputs["logits"]).argmax(-1) == masks
    accuracy = right[masks < 255].mean()
    assert logged["pixel_accuracy"] == pytest.approx([accuracy], rel=1e-5)


def test_every_weight_learns_and_is_shared(model, heads, batch):
    segmenter = model()
    extended = heads(segmenter)
    trainer = DeepSupervision(extended, {"coarse": SegmentationLoss()})
    assert len(trainer.trainable_variables) == 6
    trainer.compile(keras.optimizers.SGD(0.1), SegmentationLoss())
    before = trainer.get_weights()
    trainer.fit(*batch, verbose=0)
    for old, new in zip(before, trainer.get_weights(), strict=True):
        assert not np.array_equal(old, new)
    np.testing.assert_allclose(
        trainer.predict(batch[0], verbose=0),
        segmenter.predict(batch[0], verbose=0),
        atol=1e-6,
    )


def test_validation_and_prediction_run_the_segmenter_alone(model, heads, batch):
    images, masks = batch
    segmenter = model()
    trainer = DeepSupervision(heads(segmenter), {"coarse": SegmentationLoss()})
    trainer.compile("sgd", SegmentationLoss(), metrics=[PixelAccuracy(3)])
    trainer.heads.call = None  # whoever calls it now, fails
    logits = segmenter(images)
    scores = trainer.evaluate(images, masks, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(
        float(numbers(SegmentationLoss()(masks, logits))), rel=1e-5
    )
    right = numbers(logits).argmax(-1) == masks
    assert scores["pixel_accuracy"] == pytest.approx(
        right[masks < 255].mean(), rel=1e-5
    )
    predicted = trainer.predict(images, verbose=0)
    np.testing.assert_allclose(predicted, numbers(logits), atol=1e-6)


def test_validation_during_fit(model, heads, batch):
    trainer = DeepSupervision(heads(model()), {"coarse": SegmentationLoss()})
    trainer.compile("sgd", SegmentationLoss())
    logged = trainer.fit(*batch, validation_data=batch, verbose=0).history
    images, masks = batch
    value = SegmentationLoss()(masks, trainer(images))
    assert logged["val_loss"] == pytest.approx(
        [float(numbers(value))], rel=1e-5
    )


@pytest.mark.parametrize("names", [(), ("logits", "coarse"), ("fine",)])
def test_wrong_names_of_losses(model, heads, names):
    losses = {name: SegmentationLoss() for name in names}
    with pytest.raises(
        ValueError, match=r"must name the heads \['coarse'\].*Received"
    ):
        DeepSupervision(heads(model()), losses)


@pytest.mark.parametrize("names", [None, ["coarse"], ["coarse", "fine"]])
def test_heads_without_logits(names):
    pixels = keras.Input((None, None, 3))
    output = keras.layers.Conv2D(3, 1)(pixels)
    if names is not None:
        output = dict.fromkeys(names, output)
    heads = keras.Model(pixels, output)
    with pytest.raises(ValueError, match="holds 'logits'. Received: heads='f"):
        DeepSupervision(heads, {"coarse": SegmentationLoss()})
