import keras
import numpy as np
import pytest
from checks import EAGERLY
from checks import check_model
from keras import ops
from stand_ins import FILTERS
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.models import lrr
from kerasseg.models import lrr_heads
from kerasseg.training import freeze_batch_normalization

LEVELS = ("32x", "16x", "8x", "4x")


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def tiny_lrr(**arguments):
    return randomize(
        lrr(3, tiny_backbone(), num_bases=2, **arguments), keep=True
    )


def outputs_of(model, names, images):
    layers = [model.get_layer(name).output for name in names]
    inner = keras.Model(model.input, layers)
    return dict(zip(names, map(value, inner(images)), strict=True))


# Two levels first, the case for JAX, which compiles four for a minute.
@pytest.mark.parametrize("level", ["16x", "4x"])
def test_contract(rng, level):
    check_model(
        lambda: tiny_lrr(level=level),
        pixels(rng, 2, 64, 96, 3),
        (2, 64, 96, 3),
        half_policies=("mixed_float16", "mixed_bfloat16"),
    )


@pytest.mark.by_day(4)
@pytest.mark.parametrize(
    ("level", "head", "mask"),
    [
        ("32x", "light", True),
        ("32x", "paper", False),
        ("16x", "light", False),
        ("16x", "paper", True),
        ("8x", "light", True),
        ("8x", "paper", False),
        ("4x", "light", False),
        ("4x", "paper", True),
    ],
)
def test_levels(rng, level, head, mask):
    model = tiny_lrr(level=level, head=head, mask=mask)
    assert model.name == f"lrr_{level}"
    assert model.output_shape == (None, None, None, 3)
    logits = value(model(pixels(rng, 1, 64, 96, 3)))
    assert logits.shape == (1, 64, 96, 3)
    assert logits.dtype == "float32"
    assert logits.std() > 1e-3
    masked = [x for x in model.layers if x.name.startswith("mask_")]
    assert len(masked) == (LEVELS.index(level) if mask else 0)


@pytest.mark.parametrize("head", ["light", "paper"])
def test_a_new_model_predicts_nothing(rng, head):
    # Golden check 1.
    model = lrr(21, tiny_backbone(), head=head)
    images = pixels(rng, 1, 64, 96, 3)
    assert not value(model(images)).any()
    assert not value(model(images, training=True)).any()
    names = [f"{kind}_{x}" for x in LEVELS[1:] for kind in ("mask", "detail")]
    for output in outputs_of(model, names, images).values():
        assert not output.any()


def test_shapes_of_the_levels(rng):
    # Golden check 4.
    names = ["reconstruction_32x", *(f"prediction_{x}" for x in LEVELS[1:])]
    found = outputs_of(tiny_lrr(), names, pixels(rng, 1, 64, 96, 3))
    assert [x.shape for x in found.values()] == [
        (1, 8, 12, 3),
        (1, 16, 24, 3),
        (1, 32, 48, 3),
        (1, 64, 96, 3),
    ]


@pytest.mark.every_backend
@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("head", ["light", "paper"])
def test_details_are_added_where_the_mask_says(rng, head, mask):
    model = tiny_lrr(head=head, mask=mask)
    images = pixels(rng, 1, 64, 96, 3)
    kinds = ("upsampling", "reconstruction", "prediction")
    kinds += ("mask",) if mask else ()
    names = [f"{kind}_{x}" for x in LEVELS[1:] for kind in kinds]
    found = outputs_of(model, ["reconstruction_32x", *names], images)
    coarse = found["reconstruction_32x"]
    for level in LEVELS[1:]:
        inner = coarse.shape[1] - 1
        blend = found[f"upsampling_{level}"]
        np.testing.assert_allclose(
            blend[:, 1 : 2 * inner : 2, 1],
            coarse[:, :inner, 0] * 0.5625
            + coarse[:, :inner, 1] * 0.1875
            + coarse[:, 1:, 0] * 0.1875
            + coarse[:, 1:, 1] * 0.0625,
            atol=1e-4,
        )
        detail = found[f"reconstruction_{level}"]
        if mask:
            detail = detail * found[f"mask_{level}"]
        coarse = found[f"prediction_{level}"]
        np.testing.assert_allclose(coarse, blend + detail, atol=1e-4)
    np.testing.assert_allclose(value(model(images)), coarse, atol=1e-4)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (60, 70)])
def test_any_size_is_padded_with_gray_and_cropped(rng, size):
    model = tiny_lrr()
    height, width = size
    images = pixels(rng, 2, height, width, 3)
    wide = np.full((2, -(-height // 32) * 32, -(-width // 32) * 32, 3), 127.5)
    wide[:, :height, :width] = images
    logits = value(model(images))
    assert logits.shape == (2, height, width, 3)
    expected = value(model(wide.astype("float32")))[:, :height, :width]
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("level", ["16x", "4x"])
def test_images_of_several_sizes_in_turn(rng, level):
    # TensorFlow traces the second size as one that is unknown.
    model = tiny_lrr(level=level)
    for size in ((33, 47), (64, 96), (45, 32)):
        images = pixels(rng, 1, *size, 3)
        np.testing.assert_allclose(
            model.predict_on_batch(images), value(model(images)), atol=1e-4
        )


def test_a_fixed_size(rng):
    model = randomize(
        lrr(3, tiny_backbone((64, 96, 3)), image_shape=(33, 70, 3)), keep=True
    )
    assert model.output_shape == (None, 33, 70, 3)
    images = pixels(rng, 1, 33, 70, 3)
    free = lrr(3, tiny_backbone())
    free.set_weights(model.get_weights())
    np.testing.assert_allclose(
        value(model(images)), value(free(images)), atol=1e-4
    )


def test_bytes_are_as_good_as_floats(rng):
    model = tiny_lrr()
    images = rng.integers(0, 256, (1, 33, 47, 3), "uint8")
    np.testing.assert_allclose(
        value(model(images)), value(model(images.astype("float32"))), atol=1e-5
    )


def test_images_that_are_too_small(rng):
    message = "`images` must have a height and width of 32 pixels or more"
    with pytest.raises(ValueError, match=message):
        tiny_lrr()(pixels(rng, 1, 40, 31, 3))
    with pytest.raises(ValueError, match=message):
        lrr(3, tiny_backbone(), image_shape=(31, 40, 3))


def test_training_computes_the_same(rng):
    # But for batch normalization and dropout, of which there is neither here.
    model = tiny_lrr()
    freeze_batch_normalization(model)
    images = pixels(rng, 2, 33, 47, 3)
    np.testing.assert_allclose(
        value(model(images, training=True)), value(model(images)), atol=1e-4
    )


def test_dropout_of_a_backbone_without_batch_normalization(rng):
    model = randomize(lrr(3, tiny_backbone(normalize=False)), keep=True)
    images = pixels(rng, 1, 64, 96, 3)
    first = value(model(images, training=True))
    assert abs(value(model(images, training=True)) - first).max() > 1e-3
    np.testing.assert_allclose(value(model(images)), value(model(images)))


def test_frozen_bases_outlast_weight_decay(rng):
    # Golden check 10.
    model = tiny_lrr()
    bases = model.non_trainable_weights
    bases = [v for v in bases if not v.name.startswith("moving_")]
    before = [value(v).copy() for v in bases]
    assert len(bases) == 4
    model.compile(
        keras.optimizers.SGD(0.1, weight_decay=0.5), "mse", run_eagerly=EAGERLY
    )
    model.train_on_batch(
        pixels(rng, 1, 64, 96, 3), np.ones((1, 64, 96, 3), "float32")
    )
    for variable, old in zip(bases, before, strict=True):
        np.testing.assert_array_equal(value(variable), old)


@pytest.mark.parametrize("head", ["light", "paper"])
def test_given_bases_are_those_of_every_level(rng, head):
    bases = rng.normal(size=(3, 2, 8, 8)).astype("float32")
    first = lrr(3, tiny_backbone(), num_bases=2, bases=bases, head=head)
    given = first.get_layer("reconstruction_32x").bases
    again = lrr(3, tiny_backbone(), num_bases=2, bases=given, head=head)
    for model in (first, again):
        for level in LEVELS:
            layer = model.get_layer(f"reconstruction_{level}")
            np.testing.assert_array_equal(value(layer.bases), bases)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (1, [256, 128, 64, 32]),
        (0.5, [128, 64, 32, 16]),
        (0.3, [77, 38, 19, 10]),
    ],
)
def test_the_width_of_the_light_head(width, expected):
    model = lrr(3, tiny_backbone(), num_bases=2, head_width=width)
    hidden = [model.get_layer(f"hidden_{level}") for level in LEVELS]
    assert [layer.output.shape[-1] for layer in hidden] == expected


def test_parameters_of_the_paper_head():
    model = lrr(5, tiny_backbone(), head="paper")
    convolutions = {
        level: model.get_layer(f"coefficients_{level}").count_params()
        for level in LEVELS
    }
    taps = dict(zip(LEVELS, FILTERS[:0:-1], strict=True))
    assert convolutions == {
        level: 25 * channels * 50 + 50 for level, channels in taps.items()
    }


def count(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


def test_parameters_of_the_paper():
    # Section 3.5 of the specification; nothing is allocated here.
    from kerasseg.backbones import vgg16

    with keras.StatelessScope():
        model = lrr(21, vgg16(), head="paper")
        trainable = count(model.trainable_weights)
        frozen = count(model.non_trainable_weights)
        heads = lrr_heads(model)
        added = count(heads.weights) - count(model.weights)
        learned = count(heads.trainable_weights) - trainable
        keras.backend.clear_session()
    assert trainable == 134_260_544 + 28_224_840 == 162_485_384
    assert frozen == 4 * 13_440
    assert added == 2 * 21_517_671
    assert learned == 2 * (21_517_671 - 13_440)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"num_classes": 0}, "Received: num_classes=0"),
        ({"num_classes": "11"}, "Received: num_classes='11'"),
        ({"level": "2x"}, "one of 32x, 16x, 8x, 4x. Received: level='2x'"),
        ({"head": "heavy"}, "of light, paper. Received: head='heavy'"),
        ({"head_width": 0}, "`head_width` must be a number from 0.125 to 8"),
        ({"head_width": "half"}, "Received: head_width='half'"),
        (
            {"head_width": 0.5, "head": "paper"},
            '`head_width` must be 1 unless `head` is "light"',
        ),
        ({"num_bases": 0}, "`num_bases` must be an integer of 1 or more"),
        ({"num_bases": 65}, "`num_bases` must be 64 or less"),
        (
            {"bases": np.zeros((4, 10, 8, 8))},
            r"shape \(3, 10, 8, 8\). Received: bases.shape=\(4, 10, 8, 8\)",
        ),
        ({"bases": np.zeros((3, 10, 16, 16))}, "`bases` must have the shape"),
        (
            {"bases": np.zeros((3, 10, 8, 8)).tolist()},
            "`bases` must be an array. Received: bases of <class 'list'>",
        ),
        ({"backbone": "vgg16"}, "`backbone` must be a keras.Model"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    defaults = {"num_classes": 3, "backbone": tiny_backbone()}
    with pytest.raises(ValueError, match=message):
        lrr(**{**defaults, **arguments})


def test_a_backbone_that_lacks_a_level(rng):
    backbone = tiny_backbone()
    coarse = {k: x for k, x in backbone.output.items() if k > "P2"}
    backbone = keras.Model(backbone.input, coarse)
    assert lrr(3, backbone, level="8x").output_shape[-1] == 3
    with pytest.raises(
        ValueError, match="outputs P2, P3, P4, P5. .* with P3, P4, P5$"
    ):
        lrr(3, backbone)
