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
from kerasseg.training.changes import changed

RECIPES = sorted(
    path
    for path in ROOT.glob("zoo/*/*.py")
    if "\ndef recipe():\n" in path.read_text(encoding="utf-8")
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
# The recipe of a model of the same form as a stage's result.
STAGES = {
    "last_stage": "recipe.py",
    "half_resolution": "half_resolution.py",
    "mean": "half_resolution.py",
}
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
    if recipe.start_from in zoo.names():
        return recipe.start_from
    if start.parts[0] != "runs":
        # Trained on ImageNet: a file that is not part of the project.
        return start if "zoo" in start.parts else None
    labels = recipe.labels
    name = start.parts[1]
    stage = next((s for s in STAGES if name.endswith(f"_{s}")), "")
    name = name.removesuffix(f"_{stage}")
    if stage:
        # The packaged weights may have gone on from there, in another form.
        path = ROOT / "zoo" / name / STAGES[stage]
        first = load_recipe(path)
        model = first.model(start_of(path, first, folder))
        labels = first.labels
    elif name in zoo.names() and zoo.info(name).is_trained:
        model = zoo.load(name)
    elif name == path.parent.name:
        model = load_recipe(path.with_name("recipe.py")).model(None)
    else:
        model = zoo.build(name)
    zoo.save(model, folder / "start", labels)
    return folder / "start"


@pytest.mark.one_backend
@pytest.mark.parametrize("path", STEPS, ids=name_of)
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental")
def test_a_step(path, generated, eager, monkeypatch, folder):
    monkeypatch.setenv("KERASSEG_DATA", str(generated))
    recipe = load_recipe(path)
    begins = recipe.start_from is not None
    start = start_of(path, recipe, folder) if begins else None
    if "other" in getattr(recipe.model, "keywords", {}):
        recipe = changed(recipe, {"model.other": start})
    if recipe.teacher is not None:
        # The size of the crops that it sees.
        monkeypatch.setitem(recipe.teacher.__globals__, "CROP", CROP)
    if begins and start is None:
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


def two_steps(optimizer, paths, gradient=0.01):
    """How far weights of 2 go, by their path, in two steps of one gradient."""
    variables = {}
    for path in paths:
        *scopes, name = path.split("/")
        with contextlib.ExitStack() as stack:
            for scope in scopes:
                stack.enter_context(keras.name_scope(scope))
            variables[path] = keras.Variable([2.0], dtype="float64", name=name)
    gradients = [ops.convert_to_tensor([gradient], "float64")] * len(variables)
    for _ in range(2):
        optimizer.apply(gradients, list(variables.values()))
    return {path: float(value[0]) - 2 for path, value in variables.items()}


def expected_of_two_steps(rate, decay, momentum, gradient=0.01):
    way, velocity = 0.0, 0.0
    for _ in range(2):
        penalty = decay * (2 + way)
        velocity = momentum * velocity - rate * (gradient + penalty)
        way += velocity
    return way


def check_steps(optimizer, rates, momentum=0.9):
    """Compares two steps with those of a rate and a decay for each path."""
    expected = {
        path: expected_of_two_steps(rate, decay, momentum)
        for path, (rate, decay) in rates.items()
    }
    found = two_steps(optimizer, rates)
    assert found == pytest.approx(expected, rel=1e-4, abs=0)


@pytest.mark.one_backend
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
    # So that something is seen of a step.
    optimizer.learning_rate = 0.1
    rates = {"score_32/kernel": (0.1, 5e-4), "score_32/bias": (0.2, 0)}
    check_steps(optimizer, rates, momentum=0.99)


@pytest.mark.parametrize("stage", ["recipe", "last_stage"])
def test_lrr_reads_all_labels_but_the_held_out(stage, monkeypatch, generated):
    monkeypatch.setenv("KERASSEG_DATA", str(generated))
    recipe = load_recipe(ROOT / f"zoo/lrr_4x_vgg16/{stage}.py")
    held_out = data.load("voc", "seg11valid").names
    assert held_out == ["2007_000033"]
    assert recipe.train().names == [
        "2007_000032",
        "2007_000039",
        "2008_000002",
        "2008_000008",
        "2008_000015",
    ]
    # Some of VOC's, and where VOC has none, of SBD's.
    folders = [path.parts[-2] for path in recipe.train().mask_paths]
    assert folders == ["SegmentationClass"] * 3 + ["cls"] * 2


def test_the_first_stage_of_lrr_halves_its_rate_at_epochs_51_and_61():
    recipe = load_recipe(ROOT / "zoo/lrr_4x_vgg16/recipe.py")
    steps = 7
    optimizer = recipe.optimizer(recipe.epochs * steps)
    rates = [
        float(optimizer.optimizer._learning_rate(step))
        for step in range(recipe.epochs * steps)
    ]
    expected = [1e-3] * 50 * steps + [5e-4] * 10 * steps + [2.5e-4] * 5 * steps
    assert rates == pytest.approx(expected)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("stage", "rate", "factors"),
    [
        ("recipe", 1e-3, {"32x": 0.1, "dilation": 0.1, "erosion": 0.1}),
        (
            "last_stage",
            1e-3 / 16,
            {
                "32x": 0.1,
                "16x": 0.05,
                "8x": 0.0125,
                "4x": 0.1 / 512,
                "dilation": 0.1,
                "erosion": 0.1,
            },
        ),
    ],
)
def test_lrr_learns_as_its_authors_had_it(stage, rate, factors):
    recipe = load_recipe(ROOT / f"zoo/lrr_4x_vgg16/{stage}.py")
    expected = {"conv1_1/kernel": rate, "conv1_1/bias": 2 * rate}
    for level, factor in factors.items():
        expected[f"coefficients_{level}/kernel"] = factor * rate
        expected[f"coefficients_{level}/bias"] = 2 * rate
    optimizer = recipe.optimizer(65 * 16)
    check_steps(optimizer, {k: (r, 5e-4) for k, r in expected.items()})


@pytest.mark.one_backend
def test_gdn_learns_its_matrices_faster_and_lets_them_decay_more():
    recipe = load_recipe(ROOT / "zoo/gdn_vgg16/recipe.py")
    rates = {
        "fc7/kernel": (1e-3, 5e-4),
        "interpolation/kernel_height": (1e-2, 5e-2),
    }
    check_steps(recipe.optimizer(10**6), rates)


@pytest.mark.one_backend
def test_guided_duc_dlc_learns_as_the_paper_has_it(monkeypatch, generated):
    monkeypatch.setenv("KERASSEG_DATA", str(generated))
    recipe = load_recipe(ROOT / "zoo/guided_duc_dlc_resnet50/recipe.py")
    masks = [mask for _, mask in recipe.train()]
    assert {int(mask[0, 0]) for mask in masks} == {255}
    assert max(mask[mask != 255].max() for mask in masks) < 150
    check_steps(recipe.optimizer(10**6), {"score/kernel": (1e-3, 1e-4)})
    # Golden check: half of the way.
    rate = recipe.optimizer(1000)._learning_rate(500)
    assert float(rate) == pytest.approx(5.3589e-4, rel=1e-4)
