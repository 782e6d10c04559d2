"""Every recipe of the zoo takes a step, on generated images."""

import contextlib
import dataclasses
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from published_layouts import write_ade20k
from published_layouts import write_voc_and_sbd
from source import ROOT
from source import name_of

from kerasseg import data
from kerasseg import zoo
from kerasseg.cli.train import load_recipe
from kerasseg.training import fit

RECIPES = sorted(
    path
    for name in ("recipe.py", "last_stage.py")
    for path in ROOT.glob(f"zoo/*/{name}")
)
# The coarser levels of LRR are trained by the recipe of the finest.
SAME = re.compile(r"lrr_(8|16|32)x")
# Each takes ten seconds; the others at night.
OFTEN = ("zoo/fcn_32s/recipe.py", "zoo/lrr_4x/last_stage.py")
STEPS = [
    path
    if name_of(path) in OFTEN
    else pytest.param(path, marks=pytest.mark.nightly)
    for path in RECIPES
    if not SAME.fullmatch(path.parent.name)
]
CROP = (64, 96)
SPLITS = ("train", "val")
# Written as they are published, where the recipes are those of papers.
PUBLISHED = ("voc", "sbd", "ade20k")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Two images of each split of each dataset, larger than a crop."""
    root = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(4)
    write_voc_and_sbd(root, generator)
    write_ade20k(root, generator)
    for name, source in data.SOURCES.items():
        if name in PUBLISHED:
            continue
        classes = source.labels.num_classes
        for split in SPLITS:
            for kind in ("images", "masks"):
                (root / name / kind / split).mkdir(parents=True)
            for index in range(2):
                image = generator.integers(0, 256, (120, 150, 3), dtype="uint8")
                ids = generator.integers(0, classes, (12, 15), dtype="uint8")
                mask = ids.repeat(10, axis=0).repeat(10, axis=1)
                mask[:5] = 255
                place = root / name
                Image.fromarray(image).save(
                    place / f"images/{split}/{index}.jpg"
                )
                Image.fromarray(mask).save(place / f"masks/{split}/{index}.png")
    return root


@pytest.fixture
def eager():
    """Tracing a training takes longer than a step of it."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def folder(tmp_path):
    """For files of up to two gigabytes, which go when the test is over."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def small(recipe, start_from):
    """A recipe of one step, otherwise as it is."""
    changes = {"epochs": 1, "start_from": start_from}
    if recipe.augmentation is not None:
        changes["augmentation"] = dataclasses.replace(
            recipe.augmentation, crop_size=CROP
        )
        changes["batch_size"] = 2
    return dataclasses.replace(recipe, **changes)


def start_of(path, recipe, folder):
    """What is at hand of what a recipe starts from."""
    start = Path(recipe.start_from)
    if start.parts[0] != "runs":
        # Trained on ImageNet: a file that is not part of the project.
        return start if "zoo" in start.parts else None
    name = start.parts[1]
    if zoo.info(name).is_trained:
        model = zoo.load(name)
    elif name == path.parent.name:
        model = load_recipe(path.with_name("recipe.py")).model(None)
    else:
        model = zoo.build(name)
    zoo.save(model, folder / "start", recipe.labels)
    return folder / "start"


@pytest.mark.one_backend
@pytest.mark.parametrize("path", STEPS, ids=name_of)
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental")
def test_a_step(path, generated, eager, monkeypatch, folder):
    monkeypatch.setenv("KERASSEG_DATA", str(generated))
    recipe = load_recipe(path)
    start = start_of(path, recipe, folder)
    if start is None:
        recipe = dataclasses.replace(
            recipe, model=lambda make=recipe.model: make(None)
        )
    recipe = small(recipe, start)
    step = dataclasses.replace(
        recipe, train=lambda load=recipe.train: [*load()][:2]
    )
    model = fit(step, folder / "run", verbose=0)
    assert model.output_shape[-1] == recipe.labels.num_classes
    log = (folder / "run" / "log.csv").read_text().splitlines()
    assert len(log) == 2
    zoo.save(model, folder / "model", recipe.labels)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_recipes_are_flat(path):
    """Nothing of a recipe stands in another file."""
    text = path.read_text(encoding="utf-8")
    for word in ("sys.path", "importlib", "runpy", "exec("):
        assert word not in text
    assert load_recipe(path).labels is not None


@pytest.mark.parametrize("level", ["8x", "16x", "32x"])
def test_the_levels_of_lrr_are_trained_by_one_recipe(level):
    coarse = load_recipe(ROOT / "zoo" / f"lrr_{level}" / "recipe.py")
    fine = load_recipe(ROOT / "zoo" / "lrr_4x" / "recipe.py")
    parts = [f.name for f in dataclasses.fields(fine)]
    code = {"train", "model", "optimizer", "heads"}
    for part in set(parts) - code - {"loss", "head_losses"}:
        assert getattr(coarse, part) == getattr(fine, part), part
    assert list(coarse.head_losses) == list(fine.head_losses)
    for part in ("train", "optimizer"):
        assert (
            getattr(coarse, part).__code__.co_code
            == getattr(fine, part).__code__.co_code
        )


def test_the_last_stage_of_lrr_4x_sees_every_second_pixel(rng):
    recipe = load_recipe(ROOT / "zoo" / "lrr_4x" / "last_stage.py")
    heads = recipe.heads(zoo.load("lrr_4x", image_shape=(64, 96, 3)))
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    outputs = {
        name: ops.convert_to_numpy(value)
        for name, value in heads(images).items()
    }
    assert set(outputs) == {"logits", *recipe.head_losses}
    np.testing.assert_array_equal(
        outputs["iou"], outputs["logits"][:, 1::2, 1::2]
    )
    # The labels of those pixels are the ones it is compared with.
    labels = outputs["logits"].argmax(axis=-1)
    sharp = 100 * np.eye(11, dtype="float32")[labels]
    assert float(recipe.head_losses["iou"](labels, sharp[:, 1::2, 1::2])) < 1e-6
    assert float(recipe.head_losses["iou"](labels, sharp[:, ::2, ::2])) > 1e-3


def two_steps(optimizer, paths, gradient=0.5):
    """Weights of 2 by their path, after two steps of one gradient."""
    variables = {}
    for path in paths:
        *scopes, name = path.split("/")
        with contextlib.ExitStack() as stack:
            for scope in scopes:
                stack.enter_context(keras.name_scope(scope))
            variables[path] = keras.Variable([2.0], name=name)
    gradients = [ops.convert_to_tensor([gradient])] * len(variables)
    for _ in range(2):
        optimizer.apply(gradients, list(variables.values()))
    return {path: float(value[0]) for path, value in variables.items()}


def expected_after_two_steps(rate, decay, momentum, gradient=0.5):
    weight, velocity = 2.0, 0.0
    for _ in range(2):
        velocity = momentum * velocity - rate * (gradient + decay * weight)
        weight += velocity
    return weight


@pytest.mark.parametrize(
    ("net", "rate"), [("32s", 1e-10), ("16s", 1e-12), ("8s", 1e-14)]
)
def test_fcn_learns_as_its_authors_had_it(net, rate, monkeypatch, generated):
    monkeypatch.setenv("KERASSEG_DATA", str(generated))
    recipe = load_recipe(ROOT / f"zoo/fcn_{net}_vgg16/recipe.py")
    assert recipe.train().names == ["2008_000002", "2008_000008"]
    assert (recipe.augmentation, recipe.batch_size) == (None, 1)
    optimizer = recipe.optimizer(100_000)
    assert float(optimizer.learning_rate) == pytest.approx(rate)
    # So that float32 shows what a step does.
    optimizer.learning_rate = 0.1
    found = two_steps(optimizer, ["score_32/kernel", "score_32/bias"])
    assert found == pytest.approx(
        {
            "score_32/kernel": expected_after_two_steps(0.1, 5e-4, 0.99),
            "score_32/bias": expected_after_two_steps(0.2, 0, 0.99),
        }
    )
