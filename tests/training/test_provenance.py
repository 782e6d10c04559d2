"""A training goes on with the recipe that it began with."""

import functools
import json
import logging
import os

import keras
import numpy as np
import pytest

from kerasseg.data import Augmentation
from kerasseg.data import Labels
from kerasseg.locks import lock
from kerasseg.losses import LovaszSoftmaxLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.training import PolyDecay
from kerasseg.training import fit
from kerasseg.training.fit import LOCK


def sgd(steps, rate=0.01):
    return keras.optimizers.SGD(rate)


def scheduled(steps):
    return keras.optimizers.SGD(PolyDecay(0.01, steps))


@pytest.fixture
def begun(make_recipe, tmp_path):
    """The folder of a run of one epoch of two, and its recipe."""
    recipe = make_recipe(optimizer=sgd, epochs=1)
    fit(recipe, tmp_path / "run", verbose=0)
    return tmp_path / "run", recipe


CHANGES = [
    ("epochs", 3, "epochs (1 before, 3 now)"),
    ("seed", 5, "seed (0 before, 5 now)"),
    ("batch_size", 2, "batch_size (4 before, 2 now)"),
    ("name", "other", "name (tiny before, other now)"),
    (
        "optimizer",
        functools.partial(sgd, rate=0.5),
        "optimizer.learning_rate (0.01",
    ),
    ("optimizer", scheduled, "optimizer.learning_rate.kind (nothing before"),
    ("loss", LovaszSoftmaxLoss(), "loss.kind (SegmentationLoss before"),
    ("loss", SegmentationLoss(class_weights=[1, 2, 3]), "loss.class_weights"),
    ("augmentation", Augmentation((16, 20)), "augmentation.crop_size"),
    (
        "augmentation",
        Augmentation((16, 20), cutmix=0.5),
        "augmentation.cutmix (nothing before, 0.5 now)",
    ),
    ("labels", Labels(("a", "b", "c")), "labels.class_names"),
]


@pytest.mark.by_day(4)
@pytest.mark.parametrize(("part", "value", "message"), CHANGES)
def test_a_changed_recipe_is_named(make_recipe, begun, part, value, message):
    folder, _ = begun
    parts = {"optimizer": sgd, "epochs": 1, part: value}
    state = (folder / "last.npz").read_bytes()
    with pytest.raises(ValueError, match="with the recipe that it") as caught:
        fit(make_recipe(**parts), folder, verbose=0)
    assert message in str(caught.value)
    assert (folder / "last.npz").read_bytes() == state


def test_transforms_that_are_off_say_nothing(make_recipe, tmp_path):
    # So that runs can be resumed that began before these were there.
    recipe = make_recipe(augmentation=Augmentation((16, 20)), epochs=1)
    fit(recipe, tmp_path, verbose=0)
    with np.load(tmp_path / "last.npz") as state:
        facts = json.loads(str(state["recipe"]))
    names = {name for name in facts if name.startswith("augmentation.")}
    assert names == {
        f"augmentation.{name}"
        for name in (
            *("kind", "crop_size", "scale", "flip", "fill", "ignore_class"),
            *("brightness", "contrast", "saturation", "gamma"),
        )
    }


@pytest.mark.by_day(1)
@pytest.mark.parametrize("part", ["train", "validation"])
def test_changed_data_are_named(make_recipe, draw, tmp_path, part):
    def with_seed(seed):
        data = functools.partial(draw, seed=seed)
        return make_recipe(**{"epochs": 1, "batch_size": 2, part: data})

    fit(with_seed(1), tmp_path, verbose=0)
    fit(with_seed(1), tmp_path, verbose=0)
    message = rf"other than now in: {part}.seed \(1 before, 2 now\)$"
    with pytest.raises(ValueError, match=message):
        fit(with_seed(2), tmp_path, verbose=0)


def test_an_unchanged_recipe_goes_on(begun):
    folder, recipe = begun
    fit(recipe, folder, verbose=0)


def test_allowed_changes_are_reported_and_used(make_recipe, begun, caplog):
    folder, _ = begun
    with np.load(folder / "last.npz") as state:
        kernel = state["arr_0"]
    caplog.set_level(logging.WARNING, "kerasseg")
    recipe = make_recipe(optimizer=functools.partial(sgd, rate=0.0), epochs=2)
    model = fit(recipe, folder, verbose=0, allow_changes=True)
    # A rate of zero is used, so the weights are those of the state.
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    assert "1 finished epochs; from the recipe: all else" in caplog.text
    assert "optimizer.learning_rate (0.01 before, 0 now)" in caplog.text
    assert "epochs (1 before, 2 now)" in caplog.text


def test_two_trainings_in_one_folder(make_recipe, tmp_path):
    with (
        lock(tmp_path / LOCK),
        pytest.raises(ValueError, match="a training that is under way"),
    ):
        fit(make_recipe(), tmp_path, verbose=0)
    assert os.listdir(tmp_path) == []
    fit(make_recipe(), tmp_path, verbose=0)
    assert LOCK not in os.listdir(tmp_path)


def test_what_a_killed_training_left_is_deleted(make_recipe, tmp_path):
    dead = [".last.0123456789abcdef.npz", ".log.0123456789abcdef.csv", LOCK]
    kept = [".last.npz", ".notes.0123456789abcdef.txt"]
    for name in dead + kept:
        (tmp_path / name).write_text("x")
    fit(make_recipe(), tmp_path, verbose=0)
    left = set(os.listdir(tmp_path))
    assert left.issuperset(kept)
    assert not left.intersection(dead)


def test_labels_are_compared_before_the_work(make_recipe, tmp_path):
    for count, names in ((2, "the 3 classes of the model"), (3, None)):
        recipe = make_recipe(labels=Labels(tuple("abc"[:count])))
        if names is None:
            fit(recipe, tmp_path, verbose=0)
            continue
        with pytest.raises(ValueError, match=names):
            fit(recipe, tmp_path, verbose=0)
        assert not (tmp_path / "log.csv").exists()


def test_a_missing_start(make_recipe, tmp_path):
    with pytest.raises(ValueError, match="start_from='nowhere', which is not"):
        fit(make_recipe(start_from="nowhere"), tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["bilinear", "hf://me/net", __file__])
def test_a_start_is_a_path_or_a_name(make_recipe, model, tmp_path, name):
    def started(start_from):
        assert start_from == name
        return model()

    fit(make_recipe(model=started, start_from=name), tmp_path, verbose=0)
