import logging
import os

import keras
import numpy as np
import pytest

from kerasseg import backbones
from kerasseg import models
from kerasseg.data import Augmentation
from kerasseg.data import Labels
from kerasseg.losses import DilationErosionLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.training import fit


class Lazy:
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


@pytest.mark.every_backend
def test_learns_and_writes_log_curve_and_state(
    make_recipe, draw, heads, tmp_path, read_log
):
    out = tmp_path / "runs" / "tiny"
    recipe = make_recipe(
        epochs=4,
        augmentation=Augmentation(crop_size=(16, 24)),
        heads=heads,
        head_losses={"coarse": SegmentationLoss()},
        validation=lambda: draw(3, seed=2),
    )
    model = fit(recipe, out, verbose=0)
    assert model.output_shape[-1] == 3
    rows = read_log(out)
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]
    assert rows[-1]["val_loss"] < rows[0]["val_loss"]
    # The training loss includes the one of the other head.
    assert rows[-1]["val_loss"] < 0.7 * rows[-1]["loss"]
    assert 0 < rows[-1]["val_mean_iou"] <= 1
    names = {path.name for path in out.iterdir()}
    assert names - {"curves.png"} == {"log.csv", "last.npz", "best.npz"}


def test_draws_the_curve(make_recipe, tmp_path):
    pytest.importorskip("matplotlib", reason="draws the curves")
    image = pytest.importorskip("PIL.Image")
    fit(make_recipe(epochs=1), tmp_path, verbose=0)
    with image.open(tmp_path / "curves.png") as plot:
        plot.load()
        assert plot.format == "PNG"


def test_lrr_with_all_its_losses(make_recipe, tmp_path, read_log):
    def lrr():
        images = x = keras.Input((None, None, 3))
        for stage in range(1, 6):
            x = keras.layers.Conv2D(
                8,
                3,
                strides=2,
                padding="same",
                activation="relu",
                name=f"stage{stage}",
            )(x)
        backbone = backbones.from_model(
            keras.Model(images, x),
            {f"P{stage}": f"stage{stage}" for stage in range(1, 6)},
            scale=1 / 127.5,
            offset=-1.0,
        )
        return models.lrr(3, backbone, level="16x")

    rng = np.random.default_rng(4)
    samples = []
    for middle in rng.integers(20, 50, 4):
        mask = np.zeros((64, 96), "uint8")
        mask[middle:] = 1
        mask[:, middle:] += 1
        samples.append((80 * np.repeat(mask[..., None], 3, axis=-1), mask))
    recipe = make_recipe(
        samples,
        model=lrr,
        heads=models.lrr_heads,
        loss=SegmentationLoss(normalization="image"),
        head_losses={
            "32x": SegmentationLoss(normalization="image"),
            "dilation_erosion": DilationErosionLoss(3, radius=8),
        },
        epochs=3,
        batch_size=2,
    )
    model = fit(recipe, tmp_path, verbose=0)
    rows = read_log(tmp_path)
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert not [layer for layer in model.layers if "dilation" in layer.name]


def test_a_class_stored_as_void_is_named_once(
    make_recipe, draw, tmp_path, caplog
):
    def unlabeled(seed):
        pairs = draw(8, seed=seed)
        return [(i, np.where(m == 2, 255, m).astype("uint8")) for i, m in pairs]

    recipe = make_recipe(
        unlabeled(1), epochs=3, validation=lambda: unlabeled(2)
    )
    fit(recipe, tmp_path, verbose=0)
    told = [record.getMessage() for record in caplog.records]
    never = "The class 2 never occurs in the masks of the {} data, while 255,"
    for name in ("training", "validation"):
        start = never.format(name)
        assert sum(message.startswith(start) for message in told) == 1
    over = [m for m in told if m.startswith("val_mean_iou is a mean over")]
    assert over[-1].endswith("over 2 of 3 classes, without 2")
    assert len(over) == len(set(over))


def test_nothing_is_reported_of_a_mean_over_all(make_recipe, tmp_path, caplog):
    fit(make_recipe(epochs=1), tmp_path, verbose=0)
    assert "never occur" not in caplog.text
    assert "mean over" not in caplog.text


def test_a_model_of_one_channel_is_refused(make_recipe, tmp_path):
    def sigmoid():
        return keras.Sequential(
            [
                keras.Input((None, None, 3)),
                keras.layers.Conv2D(1, 1, activation="sigmoid"),
            ]
        )

    with pytest.raises(ValueError, match=r"one \(sigmoid\) channel is not"):
        fit(make_recipe(model=sigmoid), tmp_path, verbose=0)


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


def averaging(steps):
    return keras.optimizers.Adam(0.03, use_ema=True, ema_momentum=0.7)


def test_the_result_is_the_average_that_the_optimizer_keeps(
    make_recipe, tmp_path
):
    def after(epochs, **parts):
        out = tmp_path / f"{epochs} {len(parts)}"
        recipe = make_recipe(epochs=epochs, batch_size=8, **parts)
        return weights(fit(recipe, out, verbose=0))

    averaged = after(2, optimizer=averaging)
    for first, second, result in zip(after(1), after(2), averaged, strict=True):
        assert abs(first - second).max() > 1e-3
        expected = 0.7 * first + 0.3 * second
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.by_day(1)
@pytest.mark.every_backend
@pytest.mark.parametrize("options", [{}, {"optimizer": averaging}])
def test_a_run_in_two_parts_is_the_run_in_one(
    make_recipe, heads, tmp_path, read_log, caplog, options
):
    recipe = make_recipe(
        **options,
        epochs=2,
        heads=heads,
        head_losses={"coarse": SegmentationLoss()},
        augmentation=Augmentation(crop_size=(16, 16)),
    )
    whole = fit(recipe, tmp_path / "whole", verbose=0)
    parts = tmp_path / "parts"
    fit(recipe, parts, epochs=1, verbose=0)
    # As if it had been killed between the log and the state.
    with (parts / "log.csv").open("a") as log:
        log.write("1,9.9,9.9,NA,NA\n")
    with caplog.at_level(logging.INFO, logger="kerasseg"):
        again = fit(recipe, parts, verbose=0, allow_changes=True)
    assert "going on after epoch 1 of 2" in caplog.text
    for one, other in zip(weights(whole), weights(again), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    expected, logged = read_log(tmp_path / "whole"), read_log(parts)
    assert [row["epoch"] for row in logged] == [0, 1]
    for one, other in zip(expected, logged, strict=True):
        assert one == pytest.approx(other, rel=1e-4)

    log = (parts / "log.csv").read_text()
    finished = fit(recipe, parts, verbose=0)
    for one, other in zip(weights(again), weights(finished), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (parts / "log.csv").read_text().split() == log.split()


def test_an_earlier_run_is_not_overwritten(make_recipe, tmp_path):
    (tmp_path / "last.npz").write_bytes(b"precious")
    with pytest.raises(
        ValueError, match="must not hold an earlier run when `resume=False`"
    ):
        fit(make_recipe(), tmp_path, resume=False)
    assert (tmp_path / "last.npz").read_bytes() == b"precious"


def test_epochs_override_the_recipe(make_recipe, tmp_path, read_log):
    steps = []

    def optimizer(total):
        steps.append(total)
        return keras.optimizers.SGD(0.01)

    recipe = make_recipe(epochs=50, optimizer=optimizer)
    fit(recipe, tmp_path, epochs=1, verbose=0)
    assert len(read_log(tmp_path)) == 1
    assert steps == [2]
    with pytest.raises(ValueError, match="`epochs` must be an integer"):
        fit(recipe, tmp_path / "other", epochs=0)
    assert not (tmp_path / "other").exists()


@keras.saving.register_keras_serializable("test")
class Explodes(keras.optimizers.schedules.LearningRateSchedule):
    """An infinite rate from some step on."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def __call__(self, step):
        late = keras.ops.cast(step, "float32") >= self.step
        return keras.ops.where(late, float("inf"), 1e-3)


# The loss shows it at once, or the weights at the end of the epoch.
@pytest.mark.parametrize("step", [2, 3])
def test_not_a_number_keeps_the_last_good_state(
    make_recipe, draw, tmp_path, read_log, step
):
    recipe = make_recipe(
        epochs=3,
        optimizer=lambda _: keras.optimizers.SGD(Explodes(step)),
        # The class that is the largest of NaN: the ruined model scores 1.
        validation=lambda: [(i, 0 * m) for i, m in draw(2, seed=2)],
    )
    with pytest.raises(
        FloatingPointError, match="lower learning rate.*Kept: .*last.npz"
    ):
        fit(recipe, tmp_path, verbose=0)
    with np.load(tmp_path / "last.npz") as state:
        assert state["epochs"] == 1
    with np.load(tmp_path / "best.npz") as best:
        assert best["epoch"] == 1
        assert all(np.isfinite(best[name]).all() for name in best.files)
    assert [row["epoch"] for row in read_log(tmp_path)] == [0]
    good = fit(recipe, tmp_path, epochs=1, verbose=0, allow_changes=True)
    assert all(np.isfinite(w).all() for w in weights(good))
    assert [row["epoch"] for row in read_log(tmp_path)] == [0]


@keras.saving.register_keras_serializable("test")
class NaNInValidation(SegmentationLoss):
    """NaN for all but the batches of four images of the training."""

    def call(self, y_true, y_pred):
        values = super().call(y_true, y_pred)
        return values * float("nan") if y_pred.shape[0] != 4 else values


def test_a_validation_loss_that_is_no_number(make_recipe, draw, tmp_path):
    recipe = make_recipe(
        loss=NaNInValidation(), validation=lambda: draw(2, seed=2)
    )
    with pytest.raises(
        FloatingPointError, match="^`val_loss` is NaN.*Kept: nothing"
    ):
        fit(recipe, tmp_path, verbose=0)
    assert not {"last.npz", "best.npz"} & set(os.listdir(tmp_path))


def test_not_a_number_in_the_first_epoch(make_recipe, tmp_path):
    recipe = make_recipe(optimizer=lambda _: keras.optimizers.SGD(Explodes(0)))
    with pytest.raises(FloatingPointError, match="Kept: nothing"):
        fit(recipe, tmp_path, verbose=0)
    assert not (tmp_path / "last.npz").exists()


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_unknown_ids_are_named(make_recipe, draw, tmp_path, lazy, part):
    bad = draw()
    bad[3][1][0, 0] = 9
    data = Lazy(bad) if lazy else bad
    recipe = make_recipe(
        **{part: lambda: data}, augmentation=Augmentation(crop_size=(16, 16))
    )
    with pytest.raises(
        ValueError, match=rf"unknown_ids.* of '{part}'.* 9 .*sample 3"
    ):
        fit(recipe, tmp_path, verbose=0)
    assert not (tmp_path / "last.npz").exists()


def test_masks_of_0_and_255_are_refused(make_recipe, draw, tmp_path):
    samples = [
        (image, np.where(mask == 1, 0, 255).astype("uint8"))
        for image, mask in draw()
    ]
    with pytest.raises(ValueError, match="one_class_and_void"):
        fit(make_recipe(samples), tmp_path, verbose=0)


def test_a_tf_dataset_trains_as_its_samples_do(make_recipe, draw, tmp_path):
    tf = pytest.importorskip("tensorflow")
    samples = draw()
    arrays = tuple(map(np.stack, zip(*samples, strict=True)))
    streamed = tf.data.Dataset.from_tensor_slices(arrays)
    weights = [
        fit(make_recipe(data, epochs=1), tmp_path / name, verbose=0).weights
        for name, data in (("a", samples), ("b", streamed))
    ]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ids_that_the_loss_ignores_are_known(make_recipe, draw, tmp_path):
    samples = draw()
    samples[3][1][0, 0] = 9
    loss = SegmentationLoss(ignore_class=(9, 255))
    fit(make_recipe(samples, loss=loss, epochs=1), tmp_path, verbose=0)


def test_too_few_samples(make_recipe, draw, tmp_path):
    for samples in ([], draw(3)):
        with pytest.raises(
            ValueError, match=rf"enough samples.*{len(samples)} samples"
        ):
            fit(make_recipe(samples), tmp_path)


def test_images_of_several_sizes(make_recipe, draw, tmp_path, read_log):
    mixed = draw(2) + draw(2, size=(17, 31))
    with pytest.raises(ValueError, match="must crop where images differ"):
        fit(make_recipe(mixed), tmp_path)
    recipe = make_recipe(
        mixed,
        augmentation=Augmentation(crop_size=(16, 16)),
        validation=lambda: mixed,
        epochs=1,
    )
    fit(recipe, tmp_path, verbose=0)
    assert read_log(tmp_path)[0]["val_loss"] > 0


class Noted(SegmentationLoss):
    """Notes the dtype of what it returns."""

    seen = ()

    def call(self, y_true, y_pred):
        value = super().call(y_true, y_pred)
        dtype = keras.backend.standardize_dtype(value.dtype)
        self.seen = (*self.seen, dtype)
        return value


@pytest.mark.by_day(1)
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(make_recipe, model, tmp_path, read_log, precision):
    noted = Noted()
    before = keras.config.dtype_policy()
    recipe = make_recipe(loss=noted, precision=precision, epochs=3)
    trained = fit(recipe, tmp_path, verbose=0)
    assert keras.config.dtype_policy() == before
    assert trained.layers[1].compute_dtype == precision.removeprefix("mixed_")
    assert trained.layers[1].variable_dtype == "float32"
    assert set(noted.seen) == {"float32"}
    rows = read_log(tmp_path)
    assert rows[-1]["loss"] < rows[0]["loss"]
    # Loss scaling skips steps, which must not be taken for missing epochs.
    log = (tmp_path / "log.csv").read_text()
    fit(recipe, tmp_path, verbose=0)
    assert (tmp_path / "log.csv").read_text().split() == log.split()


def test_a_report_without_memory_does_not_lose_the_training(
    make_recipe, draw, tmp_path, caplog, monkeypatch
):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setitem(fit.__globals__, "write_report", exhausted)
    recipe = make_recipe(
        labels=Labels(("red", "green", "blue")), validation=lambda: draw(3)
    )
    with caplog.at_level(logging.WARNING, logger="kerasseg"):
        model = fit(recipe, tmp_path, epochs=1, verbose=0)
    assert model.output_shape[-1] == 3
    assert "report.html could not be written: MemoryError" in caplog.text


def test_the_policy_returns_after_an_error(make_recipe, tmp_path):
    before = keras.config.dtype_policy()
    seen = []

    def fail():
        seen.append(keras.config.dtype_policy().name)
        raise ValueError("no such backbone")

    recipe = make_recipe(model=fail, precision="mixed_bfloat16")
    with pytest.raises(ValueError, match="no such backbone"):
        fit(recipe, tmp_path)
    assert seen == ["mixed_bfloat16"]
    assert keras.config.dtype_policy() == before
    with pytest.raises(ValueError, match="nonsense"):
        fit(make_recipe(precision="nonsense"), tmp_path)
    assert keras.config.dtype_policy() == before
