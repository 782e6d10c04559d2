import json
import re
import textwrap

import numpy as np
import pytest
from safetensors import safe_open

from kerasseg import zoo
from kerasseg.locks import lock
from kerasseg.training.fit import LOCK

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
        labels=Drawings.labels,
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

    changed = ("train", recipe, "--out", out, "--resume", "--epochs", "3")
    refused = run(*changed)
    assert refused.code == 2
    assert "epochs (2 before, 3 now)" in refused.err
    longer = run(*changed, "--allow-changes")
    assert longer.code == 0
    assert len((out / "log.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such recipe file"),
        ("x = 1", "defines no function recipe"),
        ("def recipe(:", "invalid syntax"),
        ("def recipe():\n    raise ValueError('no data')", "line 2: ValueErr"),
        ("import nothing_of_that_name", "line 1: ModuleNotFoundError"),
        ("1 / 0", "line 1: ZeroDivisionError"),
        ("import sys\n\nsys.exit(3)", "line 3: SystemExit"),
        ("def recipe(size): ...", "missing 1 required positional argument"),
        ("recipe = 3", "defines no function recipe"),
        ("def recipe(): ...", "must return a kerasseg.training.Recipe"),
        ("def recipe(): return {}", "Recipe, not dict"),
        ("\0", "null bytes"),
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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs=1", "epoch=1", "unexpected keyword argument 'epoch'"),
        ("epochs=1,", "", "missing 1 required positional argument: 'epochs'"),
        ("epochs=1", "epochs=None", "`epochs` must be an integer"),
        ("epochs=1", "epochs='1'", "`epochs` must be an integer"),
        ("epochs=1", "epochs=True", "`epochs` must be an integer"),
        ("batch_size=2", "batch_size=0.5", "`batch_size` must be an integer"),
        ("train=Drawings", "train=Drawings()", "`train` must be a function"),
        ("train=Drawings", "train=None", "`train` must be a function"),
        ("model=model", "model=model()", "`model` must be a function"),
        ("model=model", "model=None", "`model` must be a function"),
        ("batch_size=2", "optimizer='adam'", "`optimizer` must be a function"),
        ("batch_size=2", "validation=[]", "`validation` must be a function"),
        ("return 4", "return 4 / nothing", "line 13: NameError"),
        ("mask = image", "mask = nothing", "line 17: NameError"),
        ("scaled = keras", "scaled = nothing", "line 23: NameError"),
    ],
)
def test_a_wrong_recipe_names_its_line(
    run, recipe, tmp_path, old, new, message
):
    text = recipe.read_text()
    assert old in text
    recipe.write_text(text.replace(old, new))
    result = run("train", recipe, "--out", tmp_path / "run")
    assert result.code == 2, result.err
    assert message in result.err
    assert result.err.splitlines()[-1].startswith(f"kerasseg: {recipe}")


def test_another_seed_trains_another_model(run, recipe, tmp_path):
    kernels = []
    for seed in ((), ("--seed", "0"), ("--seed", "1")):
        out = tmp_path / f"run{len(kernels)}"
        assert run("train", recipe, "--out", out, *seed).code == 0
        kernels.append(zoo.load(out / "model").get_weights()[0])
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.allclose(kernels[0], kernels[2])


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 0), ("seed", -1), ("seed", 2**32)]
)
def test_numbers_out_of_range_are_refused(run, recipe, tmp_path, name, value):
    result = run(
        "train", recipe, "--out", tmp_path / "run", f"--{name}={value}"
    )
    assert result.code == 2
    assert f"{name}={value}" in result.err


def test_a_loss_that_is_no_number_is_a_failure(run, recipe, tmp_path):
    recipe.write_text(recipe.read_text().replace("1 / 255", "float('nan')"))
    result = run("train", recipe, "--out", tmp_path / "run")
    assert result.code == 1
    assert "NaN or infinite" in result.err


def edit(recipe, old, new):
    text = recipe.read_text()
    assert old in text
    recipe.write_text(text.replace(old, new))


def test_a_recipe_without_labels(run, recipe, tmp_path):
    edit(recipe, "labels=Drawings.labels,", "")
    result = run("train", recipe, "--out", tmp_path / "run")
    assert result.code == 2
    assert "must have labels" in result.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Conv2D(2, 1)", "Conv2D(3, 1)", "the 3 classes of the model"),
        (
            "labels=Drawings.labels",
            'labels=Labels(("night", "day"))',
            "the classes of the training data, dark, bright",
        ),
        (
            "labels=Drawings.labels",
            'labels=Labels(("\\x1b[2J", "bright"))',
            "classes of the training data|class_names",
        ),
        (
            "scaled = keras.layers.Rescaling(1 / 255)(pixels)",
            "scaled = keras.layers.Lambda(lambda x: x / 255)(pixels)",
            "saved without code",
        ),
    ],
)
def test_what_cannot_be_saved_is_not_trained(
    run, recipe, tmp_path, old, new, message
):
    edit(recipe, old, new)
    result = run("train", recipe, "--out", tmp_path / "run")
    assert result.code == 2
    assert re.search(message, result.err)
    assert not (tmp_path / "run" / "log.csv").exists()


def test_a_folder_in_the_way_of_the_model(run, recipe, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / "model").write_text("")
    result = run("train", recipe, "--out", out)
    assert result.code == 2
    assert not (out / "log.csv").exists()


def test_a_trained_model_is_kept_where_it_cannot_be_saved(
    run, recipe, tmp_path, monkeypatch
):
    def fail(model, folder, labels):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasseg.cli.train.save_model", fail)
    result = run("train", recipe, "--out", tmp_path / "run")
    assert result.code == 1
    weights = tmp_path / "run" / "model.safetensors"
    assert f"Its weights are in {weights}" in result.err
    with safe_open(weights, "numpy") as stored:
        assert len(stored.keys()) == 2


def test_start_from(run, recipe, tmp_path):
    out = tmp_path / "first"
    run("train", recipe, "--out", out)
    result = run(
        "train", recipe, "--out", tmp_path / "x", "--start-from", out / "model"
    )
    assert result.code == 2
    assert "has no start_from" in result.err

    edit(recipe, "def model():", "def model(start_from):")
    edit(
        recipe,
        'name="tiny")\n',
        'name="tiny")\n\n'
        "def start(path):\n    return kerasseg.zoo.load(path)\n",
    )
    edit(recipe, "model=model", "model=start, start_from='nowhere'")
    result = run("train", recipe, "--out", tmp_path / "second")
    assert result.code == 2
    assert "start_from='nowhere', which is not there" in result.err
    edit(recipe, "import keras\n", "import keras\nkeras.config.floatx()\n")
    result = run(
        "train",
        recipe,
        "--out",
        tmp_path / "third",
        "--start-from",
        out / "model",
    )
    assert result.code == 0


def test_a_teacher_of_the_command_line(run, recipe, tmp_path):
    first = tmp_path / "first"
    run("train", recipe, "--out", first)
    second = tmp_path / "second"
    result = run("train", recipe, "--out", second, "--teacher", first / "model")
    assert result.code == 0, result.err
    with np.load(second / "last.npz") as state:
        said = json.loads(str(state["recipe"]))
    assert said["teacher"] == str(first / "model")
    result = run("train", recipe, "--out", tmp_path / "x", "--teacher", "lrr")
    assert result.code == 2
    assert "`teacher` must name a trained model" in result.err
    assert not (tmp_path / "x" / "last.npz").exists()


def test_allow_changes_is_for_resume(run, recipe, tmp_path):
    result = run("train", recipe, "--out", tmp_path, "--allow-changes")
    assert result.code == 2
    assert "--allow-changes is for --resume" in result.err


@pytest.fixture
def stopped(run, recipe, tmp_path):
    """The folder of a training by the recipe."""
    out = tmp_path / "run"
    assert run("train", recipe, "--out", out).code == 0
    return out


CHANGES = [
    ("batch_size=2", "batch_size=4", "batch_size (2 before, 4 now)"),
    ("batch_size=2", "batch_size=2, seed=7", "seed (0 before, 7 now)"),
    ("return 4", "return 6", "images (4 before, 6 now)"),
    ("train=Drawings", "train=lambda: Drawings()", "train (Drawings before"),
    ('"bright")', '"light")', "labels.class_names"),
    (
        "SegmentationLoss()",
        "SegmentationLoss(class_weights=[1, 2])",
        'loss.class_weights (null before, ["1.0", "2.0"] now)',
    ),
    (
        "epochs=1",
        "epochs=1, optimizer=lambda steps: keras.optimizers.SGD(0.5)",
        "optimizer.kind (AdamW before, SGD now)",
    ),
]


@pytest.mark.by_day(3)
@pytest.mark.parametrize(("old", "new", "message"), CHANGES)
def test_resume_with_a_changed_recipe(run, recipe, stopped, old, new, message):
    edit(recipe, old, new)
    before = (stopped / "last.npz").read_bytes()
    result = run("train", recipe, "--out", stopped, "--resume")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert message in line
    assert "--allow-changes" in line
    assert (stopped / "last.npz").read_bytes() == before


@pytest.mark.nightly
def test_a_changed_rate_is_used_where_changes_are_allowed(
    run, recipe, tmp_path, caplog
):
    optimizer = "optimizer=lambda steps: keras.optimizers.SGD(1e-3)"
    edit(recipe, "epochs=1", f"epochs=1, {optimizer}")
    out = tmp_path / "run"
    assert run("train", recipe, "--out", out).code == 0
    kernel = zoo.load(out / "model").get_weights()[0]
    edit(recipe, "1e-3", "0.0")
    again = ("train", recipe, "--out", out, "--resume", "--epochs", "3")
    assert "optimizer.learning_rate (0.001 before, 0 now)" in run(*again).err
    result = run(*again, "--allow-changes")
    assert result.code == 0
    (told,) = (r for r in caplog.records if r.levelname == "WARNING")
    assert "the state of the optimizer, 1 finished epochs" in told.message
    assert "optimizer.learning_rate (0.001 before, 0 now)" in told.message
    # The weights are those of the state, and the rate is the recipe's.
    found = zoo.load(out / "model").get_weights()[0]
    np.testing.assert_array_equal(found, kernel)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("damage", ["empty", "cut", "flipped"])
def test_a_damaged_state_is_one_line(run, recipe, stopped, damage):
    path = stopped / "last.npz"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 16
    path.write_bytes({"empty": b"", "cut": content[:-9]}.get(damage, content))
    again = ("train", recipe, "--out", stopped, "--resume")
    for extra in ((), ("--allow-changes",)):
        result = run(*again, *extra)
        assert result.code == 2
        (line,) = result.err.splitlines()
        assert "last.npz', which is damaged. Bring it back" in line


def test_a_second_training_in_a_folder_is_one_line(run, recipe, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    with lock(out / LOCK):
        result = run("train", recipe, "--out", out)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert "the folder of a training that is under way" in line


def test_set_changes_values_of_the_recipe(run, recipe, tmp_path):
    out = tmp_path / "run"
    result = run(
        "train",
        recipe,
        "--out",
        out,
        *("--set", "epochs=2", "--set", "optimizer.learning_rate=1e-4"),
        *("--set", "name=other", "--set", "loss.normalization=image"),
    )
    assert result.code == 0, result.err
    assert len((out / "log.csv").read_text().splitlines()) == 3
    with np.load(out / "last.npz") as state:
        said = json.loads(str(state["recipe"]))
    assert said["epochs"] == "2"
    assert said["name"] == "other"
    assert said["loss.normalization"] == "image"
    rate = "optimizer.learning_rate.initial_learning_rate"
    assert said[rate] == "0.0001"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epoch=3", "The closest is epochs"),
        ("optimizer.learning_rat=3", "closest is optimizer.learning_rate"),
        ("epochs", "--set takes NAME=VALUE, not 'epochs'"),
        ("=3", "--set takes NAME=VALUE, not '=3'"),
        ("epochs=many", "--set epochs=many: `epochs` must be an integer"),
        ("optimizer.beta_1=x", "--set optimizer.beta_1=x: "),
        ("precision=bfloat17", "--set precision=bfloat17: `precision` must"),
        ("labels=None", "must have labels"),
        ("freeze=('backbones',)", "backbones"),
        ("batch_size=9", "4 samples"),
    ],
)
def test_a_wrong_set_is_one_line(run, recipe, tmp_path, change, message):
    result = run("train", recipe, "--out", tmp_path / "run", "--set", change)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_keep_best_needs_a_validation(run, recipe, tmp_path):
    asked = ("train", recipe, "--out", tmp_path / "run", "--keep", "best")
    result = run(*asked)
    assert result.code == 2
    assert "`validation` of the recipe" in result.err
    edit(recipe, "epochs=1,", "epochs=1, validation=Drawings,")
    assert run(*asked).code == 0
    assert (tmp_path / "run" / "best.npz").exists()
