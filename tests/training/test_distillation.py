import keras
import numpy as np
import pytest

from kerasseg import zoo
from kerasseg.data import CAMVID
from kerasseg.data import Labels
from kerasseg.losses import DistillationLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.training import Distillation
from kerasseg.training import fit

LABELS = Labels(("red", "green", "blue"))


@pytest.fixture
def batch(draw):
    images, masks = zip(*draw(2), strict=True)
    return np.stack(images), np.stack(masks).astype("int32")


@pytest.fixture
def teacher():
    """A model whose dropout and normalization show if it is trained."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(8, 3, padding="same")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(images, keras.layers.Conv2D(3, 1)(x))


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def logged_loss(trainer, loss, images, masks, weights=None):
    """The loss of a step that leaves the weights as they are."""
    trainer.compile(keras.optimizers.SGD(0.0), loss)
    history = trainer.fit(images, masks, sample_weight=weights, verbose=0)
    return history.history["loss"][0]


@pytest.mark.every_backend
def test_loss_is_that_of_the_masks_and_of_the_teacher(
    model, heads, teacher, batch, rng
):
    images, masks = batch
    weights = rng.uniform(0, 2, masks.shape).astype("float32")
    extended = heads(model())
    coarse, taught = SegmentationLoss(), DistillationLoss(2.0, weight=0.7)
    trainer = Distillation(extended, {"coarse": coarse}, teacher, taught)
    found = logged_loss(trainer, SegmentationLoss(), images, masks, weights)

    outputs = extended(images, training=True)
    expected = (
        SegmentationLoss()(masks, outputs["logits"], weights)
        + coarse(masks, outputs["coarse"], weights)
        + taught(
            teacher(images, training=False),
            outputs["logits"],
            weights * (masks != 255),
        )
    )
    assert found == pytest.approx(float(numbers(expected)), rel=1e-5)


def test_several_ignored_ids(model, teacher, batch):
    images, masks = batch
    masks[:, :9] = 7
    student = model()
    inputs, outputs = student.inputs[0], {"logits": student.outputs[0]}
    loss = SegmentationLoss(ignore_class=(7, 255))
    trainer = Distillation(
        keras.Model(inputs, outputs), {}, teacher, DistillationLoss(), (7, 255)
    )
    found = logged_loss(trainer, loss, images, masks)
    logits = student(images)
    taught = DistillationLoss()(teacher(images), logits, masks < 3)
    expected = float(numbers(loss(masks, logits) + taught))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.every_backend
def test_the_teacher_stays_as_it_is(make_recipe, teacher, batch, tmp_path):
    before = teacher.get_weights()
    logits = numbers(teacher(batch[0], training=False))
    fit(make_recipe(teacher=lambda: teacher), tmp_path, verbose=0)
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(numbers(teacher(batch[0])), logits)


@pytest.mark.every_backend
def test_a_model_learns_from_its_teacher_where_masks_are_wrong(
    make_recipe, draw, tmp_path
):
    right = draw(16)
    taught = fit(make_recipe(right, epochs=12), tmp_path / "a", verbose=0)
    ids = np.arange(256, dtype="uint8")
    ids[1:3] = 2, 1
    wrong = [(image, ids[mask]) for image, mask in right]

    def agreement(name, **parts):
        model = fit(
            make_recipe(wrong, epochs=12, **parts), tmp_path / name, verbose=0
        )
        found, wanted = (
            m.predict(np.stack([image for image, _ in right]), verbose=0)
            for m in (model, taught)
        )
        return (found.argmax(-1) == wanted.argmax(-1)).mean()

    assert agreement("b") < 0.5
    strong = DistillationLoss(weight=20.0)
    found = agreement("c", teacher=lambda: taught, distillation=strong)
    assert found > 0.9


def test_a_run_resumes_and_names_the_teacher(make_recipe, teacher, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    recipe = make_recipe(teacher=lambda: teacher)
    whole = fit(recipe, tmp_path / "whole", verbose=0).get_weights()
    folder = tmp_path / "parts"
    fit(recipe, folder, verbose=0, callbacks=[Stop()])
    resumed = fit(recipe, folder, verbose=0).get_weights()
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="other than now in: .*distillation"):
        fit(make_recipe(), folder, verbose=0)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.logits = keras.layers.Conv2D(3, 1)

    def call(self, images):
        return self.logits(images / 255)


def test_a_subclassed_model_learns_from_another(make_recipe, tmp_path):
    model = fit(
        make_recipe(model=Subclassed, teacher=Subclassed), tmp_path, verbose=0
    )
    assert isinstance(model, Subclassed)


def test_a_teacher_by_its_name(make_recipe, model, tmp_path):
    taught = model()
    zoo.save(taught, tmp_path / "taught", labels=LABELS)
    recipe = make_recipe(teacher=tmp_path / "taught", labels=LABELS)
    fit(recipe, tmp_path / "run", verbose=0)
    assert (tmp_path / "run" / "last.npz").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "must name a trained model.*'nowhere'"),
        ("lrr_4x", "must have the classes of the recipe, red, green, blue"),
    ],
)
def test_a_named_teacher_is_refused_before_the_work(
    make_recipe, tmp_path, name, message
):
    with pytest.raises(ValueError, match=message):
        fit(make_recipe(teacher=name, labels=LABELS), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_teacher_of_other_classes(make_recipe, teacher, tmp_path):
    logits = keras.layers.Conv2D(CAMVID.num_classes, 1)(teacher.output)
    other = keras.Model(teacher.input, logits)
    with pytest.raises(ValueError, match="`teacher` must give logits of 3"):
        fit(make_recipe(teacher=lambda: other), tmp_path)


def test_a_distillation_that_is_no_loss(make_recipe):
    with pytest.raises(ValueError, match="`distillation` must be .*'kl'"):
        make_recipe(distillation="kl")


def test_recipes_without_a_teacher_stay_equal(make_recipe):
    parts = {"train": list, "model": Subclassed, "loss": SegmentationLoss()}
    assert make_recipe(**parts) == make_recipe(**parts)


def test_a_teacher_that_is_a_model(make_recipe, teacher):
    with pytest.raises(ValueError, match="`teacher` must be .* a function"):
        make_recipe(teacher=teacher)
