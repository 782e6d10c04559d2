"""Callbacks of Keras in `fit`, and the best epoch by validation."""

import dataclasses

import keras
import numpy as np
import pytest

from kerasseg.losses import SegmentationLoss
from kerasseg.metrics import MeanIoU
from kerasseg.training import fit


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


class Noted(keras.callbacks.Callback):
    """Notes the logs and the weights after each epoch."""

    def __init__(self):
        super().__init__()
        self.logs, self.weights = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        self.weights.append(weights(self.model))


def worse_and_worse(steps):
    """Learns in the first epoch of two steps, and unlearns from then on."""
    rates = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1, 2], [0.1, 0.1, 5.0]
    )
    return keras.optimizers.SGD(rates)


@pytest.fixture
def recipe(make_recipe, draw):
    return make_recipe(
        epochs=4,
        validation=lambda: draw(3, seed=2),
        optimizer=worse_and_worse,
    )


def test_monitors_know_that_more_is_better(recipe, tmp_path, read_log):
    noted = Noted()
    model = fit(
        recipe,
        tmp_path / "run",
        verbose=0,
        callbacks=[
            noted,
            keras.callbacks.EarlyStopping(
                "val_mean_iou", patience=1, restore_best_weights=True
            ),
            keras.callbacks.ModelCheckpoint(
                tmp_path / "best.weights.h5",
                "val_mean_iou",
                save_best_only=True,
                save_weights_only=True,
            ),
        ],
    )
    scores = [logs["val_mean_iou"] for logs in noted.logs]
    best = int(np.argmax(scores))
    assert best < 3
    assert len(read_log(tmp_path / "run")) == len(scores)
    for one, other in zip(weights(model), noted.weights[best], strict=True):
        np.testing.assert_array_equal(one, other)
    model.load_weights(tmp_path / "best.weights.h5")
    for one, other in zip(weights(model), noted.weights[best], strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_best_epoch_is_kept(recipe, heads, tmp_path, read_log):
    noted = Noted()
    last = fit(recipe, tmp_path, verbose=0, callbacks=[noted])
    scores = [row["val_mean_iou"] for row in read_log(tmp_path)]
    best = int(np.argmax(scores))
    assert best < 3
    with np.load(tmp_path / "best.npz") as file:
        assert file["epoch"] == best + 1
        assert file["score"] == pytest.approx(scores[best])
    # A finished run is not trained again.
    again = fit(recipe, tmp_path, verbose=0, keep="best")
    for one, other in zip(weights(again), noted.weights[best], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(weights(last)[0], weights(again)[0])


def test_a_run_from_the_first_epoch_has_its_own_best(recipe, tmp_path):
    one = dataclasses.replace(recipe, epochs=1)
    model = fit(one, tmp_path, verbose=0)
    (tmp_path / "last.npz").unlink()
    old = [np.zeros_like(array) for array in weights(model)]
    np.savez(tmp_path / "best.npz", *old, epoch=9, score=2.0)
    best = fit(one, tmp_path, verbose=0, keep="best")
    for ours, others in zip(weights(best), weights(model), strict=True):
        np.testing.assert_allclose(ours, others, rtol=1e-5, atol=1e-7)
    with np.load(tmp_path / "best.npz") as file:
        assert file["epoch"] == 1


@pytest.mark.nightly
def test_a_resumed_run_keeps_an_earlier_best(recipe, tmp_path):
    whole = fit(recipe, tmp_path / "whole", verbose=0, keep="best")
    parts = tmp_path / "parts"
    fit(recipe, parts, epochs=2, verbose=0)
    resumed = fit(recipe, parts, verbose=0, keep="best", allow_changes=True)
    for one, other in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_with_heads_the_best_is_the_model_alone(
    make_recipe, draw, heads, tmp_path
):
    recipe = make_recipe(
        heads=heads,
        head_losses={"coarse": SegmentationLoss()},
        validation=lambda: draw(3, seed=2),
    )
    model = fit(recipe, tmp_path, verbose=0, keep="best")
    with np.load(tmp_path / "best.npz") as file:
        assert len(file.files) == len(model.weights) + 2


def test_plain_fit_knows_too_that_more_is_better(draw, model):
    images, masks = (np.stack(part) for part in zip(*draw(4), strict=True))
    segmenter = model()
    segmenter.compile(
        "adam", SegmentationLoss(), metrics=[MeanIoU(3, name="iou")]
    )
    stop = keras.callbacks.EarlyStopping("val_iou", patience=5)
    segmenter.fit(
        images,
        masks,
        validation_data=(images, masks),
        epochs=2,
        verbose=0,
        callbacks=[stop],
    )
    assert stop.best > 0


def test_wrong_arguments(recipe, make_recipe, tmp_path):
    with pytest.raises(TypeError, match="`callbacks` must hold instances"):
        fit(recipe, tmp_path / "a", callbacks=[keras.callbacks.Callback])
    with pytest.raises(ValueError, match="`keep` must be one of last, best"):
        fit(recipe, tmp_path / "a", keep="first")
    with pytest.raises(ValueError, match="`validation` of the recipe must"):
        fit(make_recipe(), tmp_path / "a", keep="best")
    assert not (tmp_path / "a").exists()


def points(folder, tag):
    """What was written for TensorBoard, by step."""
    import tensorflow as tf

    found = {}
    for path in folder.glob("events.*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                if value.tag == tag:
                    found[event.step] = float(tf.make_ndarray(value.tensor))
    return found


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="it writes with TensorFlow"
)
def test_tensorboard_sees_each_epoch(recipe, tmp_path, read_log):
    board = keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False)
    fit(recipe, tmp_path / "run", verbose=0, callbacks=[board])
    rows = read_log(tmp_path / "run")
    assert len(rows) == 4
    for split, prefix in (("train", ""), ("validation", "val_")):
        for name in ("loss", "mean_iou"):
            found = points(tmp_path / "board" / split, f"epoch_{name}")
            assert sorted(found) == [0, 1, 2, 3]
            expected = [row[prefix + name] for row in rows]
            written = [found[step] for step in range(4)]
            np.testing.assert_allclose(written, expected, rtol=1e-5)
