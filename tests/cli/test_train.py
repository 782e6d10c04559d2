import textwrap

import numpy as np
import pytest

from kerasseg import zoo

RECIPE = """
import keras
import numpy as np

import kerasseg
from kerasseg.data import Labels


class Drawings:
    labels = Labels(("dark", "bright"), ((0, 0, 0), (255, 255, 255)))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        image = np.random.default_rng(index).integers(0, 256, (32, 40, 3))
        mask = image.mean(-1) > 128
        return image.astype("uint8"), mask.astype("uint8")


def model():
    pixels = keras.Input((None, None, 3), name="images")
    scaled = keras.layers.Rescaling(1 / 255)(pixels)
    return keras.Model(pixels, keras.layers.Conv2D(2, 1)(scaled), name="tiny")


def recipe():
    return kerasseg.training.Recipe(
        name="tiny",
        train=Drawings,
        model=model,
        loss=kerasseg.losses.SegmentationLoss(),
        epochs=1,
        batch_size=2,
    )
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.py"
    path.write_text(RECIPE)
    return path


def test_training_leaves_a_model_that_the_verbs_take(run, recipe, tmp_path):
    out = tmp_path / "run"
    result = run("train", recipe, "--out", out, "--epochs", "2")
    assert result.code == 0
    assert f"trained: {out / 'model'}" in result.out
    assert len((out / "log.csv").read_text().splitlines()) == 3
    assert zoo.info(out / "model").labels.class_names == ("dark", "bright")
    assert zoo.load(out / "model").output_shape[-1] == 2

    again = run("train", recipe, "--out", out)
    assert again.code == 2
    assert "add --resume" in again.err

    longer = run("train", recipe, "--out", out, "--resume", "--epochs", "3")
    assert longer.code == 0
    assert len((out / "log.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such recipe file"),
        ("x = 1", "defines no function recipe"),
        ("def recipe(:", "invalid syntax"),
        ("def recipe():\n    raise ValueError('no data')", "no data"),
    ],
)
def test_a_wrong_recipe_is_one_line(run, tmp_path, content, message):
    path = tmp_path / "recipe.py"
    if content is not None:
        path.write_text(textwrap.dedent(content))
    result = run("train", path, "--out", tmp_path / "run")
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_another_seed_trains_another_model(run, recipe, tmp_path):
    kernels = []
    for seed in ((), ("--seed", "0"), ("--seed", "1")):
        out = tmp_path / f"run{len(kernels)}"
        assert run("train", recipe, "--out", out, *seed).code == 0
        kernels.append(zoo.load(out / "model").get_weights()[0])
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.allclose(kernels[0], kernels[2])


@pytest.mark.parametrize(("name", "value"), [("epochs", 0), ("seed", -1)])
def test_numbers_out_of_range_are_a_mistake(run, recipe, tmp_path, name, value):
    result = run(
        "train", recipe, "--out", tmp_path / "run", f"--{name}={value}"
    )
    assert result.code == 2
    assert f"{name}={value}" in result.err


def test_a_loss_that_is_no_number_is_a_failure(run, recipe, tmp_path):
    recipe.write_text(recipe.read_text().replace("1 / 255", "float('nan')"))
    result = run("train", recipe, "--out", tmp_path / "run")
    assert result.code == 1
    assert "no longer a number" in result.err
