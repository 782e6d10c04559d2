"""Every recipe of the zoo takes a step, on generated images."""

import dataclasses
import re

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
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


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Two images of each split of each dataset, larger than a crop."""
    root = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(4)
    for name, source in data.SOURCES.items():
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


def small(recipe, start_from):
    """A recipe of one step, otherwise as it is."""
    augmentation = dataclasses.replace(recipe.augmentation, crop_size=CROP)
    return dataclasses.replace(
        recipe,
        augmentation=augmentation,
        batch_size=2,
        epochs=1,
        start_from=start_from,
    )


def start_of(path, recipe, tmp_path):
    """What is at hand of what a recipe starts from."""
    if path.stem == "last_stage":
        zoo.save(zoo.load(path.parent.name), tmp_path / "start")
        return tmp_path / "start"
    # Trained on ImageNet: a file that is not part of the project.
    return recipe.start_from if "zoo" in str(recipe.start_from) else None


@pytest.mark.one_backend
@pytest.mark.parametrize("path", STEPS, ids=name_of)
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental")
def test_a_step(path, generated, eager, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASSEG_DATA", str(generated))
    recipe = load_recipe(path)
    start = start_of(path, recipe, tmp_path)
    if start is None:
        recipe = dataclasses.replace(
            recipe, model=lambda make=recipe.model: make(None)
        )
    recipe = small(recipe, start)
    step = dataclasses.replace(
        recipe, train=lambda load=recipe.train: [*load()][:2]
    )
    model = fit(step, tmp_path / "run", verbose=0)
    assert model.output_shape[-1] == recipe.labels.num_classes
    log = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert len(log) == 2
    zoo.save(model, tmp_path / "model", recipe.labels)


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
