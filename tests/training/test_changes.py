import dataclasses
import functools

import keras
import pytest

from kerasseg.data import Augmentation
from kerasseg.losses import FocalLoss
from kerasseg.training import L2SGD
from kerasseg.training import LearningRateMultipliers
from kerasseg.training import PolyDecay
from kerasseg.training.changes import changed


@dataclasses.dataclass(frozen=True)
class Crop:
    crop_size: tuple
    flip: bool = True

    def __call__(self, image, mask, rng):
        return image, mask


def poly(steps):
    return keras.optimizers.SGD(PolyDecay(0.1, steps, power=2.0), 0.9)


@pytest.fixture
def recipe(make_recipe):
    return make_recipe(
        loss=FocalLoss(2.0, class_weights=[1.0, 2.0, 3.0]),
        optimizer=poly,
        augmentation=Crop((16, 16)),
    )


def test_fields(recipe):
    other = changed(recipe, {"epochs": 20, "precision": "mixed_bfloat16"})
    assert (other.epochs, other.precision) == (20, "mixed_bfloat16")
    assert recipe.epochs == 2
    assert dataclasses.replace(other, epochs=2, precision="float32") == recipe


def test_parts_of_fields(recipe):
    other = changed(
        recipe,
        {"loss.gamma": 0.5, "loss.ignore_class": 7, "augmentation.flip": False},
    )
    assert other.augmentation == Crop((16, 16), flip=False)
    assert other.loss.get_config() == {
        **recipe.loss.get_config(),
        "gamma": 0.5,
        "ignore_class": 7,
    }


def test_transforms_of_the_augmentation(recipe):
    recipe = dataclasses.replace(recipe, augmentation=Augmentation((16, 20)))
    values = {"augmentation.rotation": 10, "augmentation.scale": (0.5, 1)}
    found = changed(recipe, values).augmentation
    assert found == Augmentation((16, 20), scale=(0.5, 1), rotation=10)
    with pytest.raises(ValueError, match="`rotation` must be a number from 0"):
        changed(recipe, {"augmentation.rotation": 270})
    with pytest.raises(ValueError, match="closest is augmentation.cutmix"):
        changed(recipe, {"augmentation.cut_mix": 1})


def test_the_rate_of_a_schedule_is_where_it_starts(recipe):
    make = changed(recipe, {"optimizer.learning_rate": 1e-4}).optimizer
    config = make(50).get_config()["learning_rate"]["config"]
    assert config == {
        "initial_learning_rate": 1e-4,
        "steps": 50,
        "power": 2.0,
        "warmup_steps": 0,
    }
    changes = {"optimizer.learning_rate.power": 1.0, "optimizer.momentum": 0.5}
    optimizer = changed(recipe, changes).optimizer(9)
    assert optimizer.momentum == 0.5
    assert optimizer.get_config()["learning_rate"]["config"]["power"] == 1.0


def test_a_plain_rate_and_the_default_optimizer(make_recipe):
    plain = make_recipe(optimizer=lambda steps: keras.optimizers.Adam(0.03))
    optimizer = changed(plain, {"optimizer.learning_rate": 0.5}).optimizer(3)
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert float(optimizer.learning_rate) == pytest.approx(0.5)
    none = make_recipe(optimizer=None)
    optimizer = changed(none, {"optimizer.weight_decay": 0.25}).optimizer(3)
    assert isinstance(optimizer, keras.optimizers.AdamW)
    assert optimizer.weight_decay == 0.25


@pytest.mark.parametrize("rate", [-1, 0, 1e999])
def test_a_plain_rate_that_does_not_learn(make_recipe, rate):
    plain = make_recipe(optimizer=lambda steps: keras.optimizers.Adam(0.03))
    with pytest.raises(
        ValueError, match="`optimizer.learning_rate` must be a finite number"
    ):
        changed(plain, {"optimizer.learning_rate": rate})


def test_the_optimizer_inside_of_multipliers(make_recipe):
    def make(steps):
        inner = L2SGD(PolyDecay(0.1, steps), 0.9)
        return LearningRateMultipliers(inner, {".*bias": 2.0})

    recipe = changed(
        make_recipe(optimizer=make),
        {"optimizer.learning_rate": 0.25, "optimizer.weight_decay": 0.125},
    )
    optimizer = recipe.optimizer(7)
    assert optimizer.multipliers == {".*bias": 2.0}
    assert isinstance(optimizer.optimizer, L2SGD)
    assert optimizer.optimizer.weight_decay == 0.125
    assert float(optimizer.learning_rate) == pytest.approx(0.25)


def test_arguments_of_a_partial(make_recipe, model):
    def build(width):
        return model()

    recipe = make_recipe(model=functools.partial(build, width=3))
    other = changed(recipe, {"model.width": 8})
    assert other.model.keywords == {"width": 8}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epoch", 3, "`epoch` must name a value.* closest is epochs"),
        (
            "optimizer.learn_rate",
            3,
            "closest is optimizer.learning_rate; there are",
        ),
        ("optimizer.learning_rate.powr", 3, "optimizer.learning_rate.power"),
        ("loss.gama", 3, "The closest is loss.gamma"),
        ("augmentation.crop", 3, "closest is augmentation.crop_size"),
        ("model.width", 3, "and model has no values of its own"),
        ("seed.x", 3, "and seed has no values of its own"),
        ("epochs", 0, "`epochs` must be an integer of 1 or more"),
        ("epochs", "20", "`epochs` must be an integer of 1 or more"),
        ("loss.gamma", -1, "`gamma` must be a finite number"),
        (
            "optimizer.momentum",
            "x",
            "`optimizer.momentum` must be a number, as",
        ),
        (
            "optimizer.learning_rate",
            -1,
            "`optimizer.learning_rate` must be a finite number above 0",
        ),
        ("train", "folder", "`train` must be a function"),
        ("freeze", "backbone", "`freeze` must be a sequence of strings"),
    ],
)
def test_wrong_names_and_values(recipe, name, value, message):
    with pytest.raises(ValueError, match=message):
        changed(recipe, {name: value})
