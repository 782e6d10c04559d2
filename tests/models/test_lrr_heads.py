import keras
import numpy as np
import pytest
from checks import EAGERLY
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.models import lrr
from kerasseg.models import lrr_heads

SHAPES = {
    "32x": (2, 8, 12, 3),
    "16x": (2, 16, 24, 3),
    "8x": (2, 32, 48, 3),
    "logits": (2, 64, 96, 3),
    "dilation_erosion": (2, 8, 12, 6),
}


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def tiny_lrr(**arguments):
    return randomize(
        lrr(3, tiny_backbone(), num_bases=2, **arguments), keep=True
    )


@pytest.mark.parametrize("head", ["light", "paper"])
def test_shapes(rng, head):
    # Golden check 4.
    outputs = lrr_heads(tiny_lrr(head=head))(pixels(rng, 2, 64, 96, 3))
    assert {name: tuple(x.shape) for name, x in outputs.items()} == SHAPES


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("32x", {"logits"}),
        ("16x", {"logits", "32x"}),
        ("8x", {"logits", "32x", "16x"}),
        ("4x", {"logits", "32x", "16x", "8x"}),
    ],
)
def test_one_head_per_coarser_level(level, names):
    model = tiny_lrr(level=level)
    assert set(lrr_heads(model, dilation_erosion=False).output) == names
    assert set(lrr_heads(model).output) == names | {"dilation_erosion"}


@pytest.mark.every_backend
def test_the_prediction_is_that_of_the_model(rng):
    model = tiny_lrr()
    heads = lrr_heads(model)
    assert heads.name == "lrr_4x_heads"
    assert {id(v) for v in model.weights} < {id(v) for v in heads.weights}
    images = pixels(rng, 1, 33, 47, 3)
    outputs = heads(images)
    np.testing.assert_allclose(
        value(outputs["logits"]), value(model(images)), atol=1e-5
    )
    # The coarser levels are of the padded image, 64 x 64.
    assert tuple(outputs["8x"].shape) == (1, 32, 32, 3)


def test_coarser_levels_are_those_of_a_coarser_model(rng):
    model = tiny_lrr()
    coarse = lrr(3, tiny_backbone(), num_bases=2, level="32x")
    # A coarser model has the first heads of a finer one.
    by_path = {v.path: v for v in model.weights}
    for variable in coarse.weights:
        variable.assign(by_path[variable.path])
    images = pixels(rng, 1, 64, 96, 3)
    small = value(lrr_heads(model)(images)["32x"])
    np.testing.assert_allclose(
        value(coarse.get_layer("upsample_to_image")(small)),
        value(coarse(images)),
        atol=1e-4,
    )


def test_new_heads_find_nothing(rng):
    model = tiny_lrr(bases=rng.normal(size=(3, 2, 8, 8)).astype("float32"))
    heads = lrr_heads(model)
    outputs = value(heads(pixels(rng, 1, 64, 96, 3))["dilation_erosion"])
    assert (outputs == -1).all()
    coarsest = value(model.get_layer("reconstruction_32x").bases)
    for kind in ("dilation", "erosion"):
        layer = heads.get_layer(f"reconstruction_{kind}")
        np.testing.assert_array_equal(value(layer.bases), coarsest)
        assert [v.name for v in layer.trainable_weights] == ["bias"]


def test_dilation_and_erosion_expect_the_background_at_first(rng):
    model = lrr(3, tiny_backbone(), num_bases=2)
    heads = lrr_heads(model, background=1)
    outputs = value(heads(pixels(rng, 1, 64, 96, 3))["dilation_erosion"])
    assert outputs.shape == (1, 8, 12, 6)
    assert (outputs == [-1, 1, -1, -1, 1, -1]).all()


@pytest.mark.parametrize("background", [-1, 3, 0.5, "0"])
def test_a_background_that_is_no_class(background):
    with pytest.raises(ValueError, match="`background` must .* id, 0 to 2, or"):
        lrr_heads(tiny_lrr(), background=background)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("head", ["light", "paper"])
def test_gradients_reach_every_weight(rng, head):
    # Given as a tensor, from which no two layers may share their bases.
    bases = ops.convert_to_tensor(rng.normal(size=(3, 2, 8, 8)), "float32")
    heads = randomize(lrr_heads(tiny_lrr(head=head, bases=bases)), keep=True)
    targets = {
        name: rng.normal(size=shape).astype("float32")
        for name, shape in SHAPES.items()
    }
    before = [value(v).copy() for v in heads.trainable_weights]
    heads.compile(
        keras.optimizers.Adam(1e-3),
        dict.fromkeys(targets, "mse"),
        run_eagerly=EAGERLY,
    )
    heads.train_on_batch(pixels(rng, 2, 64, 96, 3), targets)
    stuck = [
        variable.path
        for variable, old in zip(heads.trainable_weights, before, strict=True)
        if np.array_equal(value(variable), old)
    ]
    assert not stuck


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_all_heads_are_float32(rng, policy):
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        outputs = lrr_heads(tiny_lrr())(pixels(rng, 1, 64, 96, 3))
    finally:
        keras.config.set_dtype_policy(previous)
    for logits in outputs.values():
        assert keras.backend.standardize_dtype(logits.dtype) == "float32"
        assert np.isfinite(value(logits)).all()


def test_another_model():
    with pytest.raises(
        ValueError, match="made by kerasseg.models.lrr. Received: model='tiny'"
    ):
        lrr_heads(tiny_backbone())
