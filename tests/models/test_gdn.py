import keras
import numpy as np
import pytest
from checks import EAGERLY
from checks import check_model
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.layers import GlobalInterpolation
from kerasseg.losses import MultiLabelLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.models import gdn
from kerasseg.models import gdn_heads
from kerasseg.training import DeepSupervision


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def tiny_gdn(size=(96, 128), **arguments):
    return randomize(gdn(3, tiny_backbone(), size=size, **arguments), keep=True)


def unlike_bilinear(model, rng):
    """Moves the matrices away from where they start."""
    layer = model.get_layer("interpolation")
    for kernel in (layer.kernel_height, layer.kernel_width):
        noise = rng.normal(0, 0.2, kernel.shape).astype("float32")
        kernel.assign(kernel + noise)
    return model


def scores(model, images):
    inner = keras.Model(model.input, model.get_layer("score").output)
    return value(inner(images))


def matrices(model):
    layer = model.get_layer("interpolation")
    return value(layer.kernel_height), value(layer.kernel_width)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
def test_contract(rng, resampling):
    check_model(
        lambda: tiny_gdn(resampling=resampling),
        pixels(rng, 2, 64, 96, 3),
        (2, 64, 96, 3),
        half_policies=("mixed_float16", "mixed_bfloat16"),
    )


def test_scores_times_the_matrices(rng):
    model = unlike_bilinear(tiny_gdn(), rng)
    assert model.name == "gdn"
    assert model.output_shape == (None, None, None, 3)
    images = pixels(rng, 2, 96, 128, 3)
    height, width = matrices(model)
    assert (height.shape, width.shape) == ((96, 3), (128, 4))
    expected = np.einsum(
        "ip,npqc,jq->nijc", height, scores(model, images), width
    )
    np.testing.assert_allclose(value(model(images)), expected, atol=1e-4)


def test_smaller_images_use_the_top_left(rng):
    model = unlike_bilinear(tiny_gdn(), rng)
    images = pixels(rng, 1, 33, 70, 3)
    height, width = matrices(model)
    cells = scores(model, images)
    assert cells.shape == (1, 2, 3, 3)
    expected = np.einsum(
        "ip,npqc,jq->nijc", height[:33, :2], cells, width[:70, :3]
    )
    logits = value(model(images))
    assert logits.shape == (1, 33, 70, 3)
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("resampling", ["resize", "resample"])
def test_other_sizes_by_the_padded_image(rng, resampling):
    # A map of 2 x 5 cells stands for 64 x 160 pixels, of which 40 x 131 are
    # the image.
    model = unlike_bilinear(tiny_gdn(resampling=resampling), rng)
    images = pixels(rng, 1, 40, 131, 3)
    layer = GlobalInterpolation((96, 128), (3, 4), resampling=resampling)
    cells = scores(model, images)
    layer.build(cells.shape)
    layer.set_weights(model.get_layer("interpolation").get_weights())
    expected = value(layer(cells))
    assert expected.shape == (1, 64, 160, 3)
    np.testing.assert_allclose(
        value(model(images)), expected[:, :40, :131], atol=1e-4
    )


@pytest.mark.parametrize("resampling", ["crop", "resample"])
def test_a_bilinear_start_is_a_bilinear_resize(rng, resampling):
    model = tiny_gdn(resampling=resampling)
    images = pixels(rng, 1, 90, 121, 3)
    expected = ops.image.resize(
        scores(model, images), (96, 128), data_format="channels_last"
    )
    np.testing.assert_allclose(
        value(model(images)), value(expected)[:, :90, :121], atol=1e-4
    )


@pytest.mark.by_day(1)
@pytest.mark.parametrize("resampling", ["crop", "resize", "resample"])
def test_images_of_several_sizes_in_turn(rng, resampling):
    # TensorFlow traces the second size as one that is unknown.
    model = unlike_bilinear(tiny_gdn(resampling=resampling), rng)
    for size in ((33, 47), (64, 96), (96, 128)):
        images = pixels(rng, 1, *size, 3)
        np.testing.assert_allclose(
            model.predict_on_batch(images), value(model(images)), atol=1e-4
        )


def test_larger_images(rng):
    images = pixels(rng, 1, 97, 60, 3)
    with pytest.raises(ValueError, match="must be 3 x 4 or smaller"):
        tiny_gdn()(images)
    for resampling in ("resize", "resample"):
        logits = tiny_gdn(resampling=resampling)(images)
        assert tuple(logits.shape) == (1, 97, 60, 3)


def test_the_size_is_rounded_up(rng):
    model = gdn(3, tiny_backbone(), size=(90, 121))
    assert [m.shape for m in matrices(model)] == [(96, 3), (128, 4)]
    finer = gdn(3, tiny_backbone(), size=(90, 121), level="P3")
    assert [m.shape for m in matrices(finer)] == [(96, 12), (128, 16)]


def test_a_fixed_size(rng):
    model = gdn(3, tiny_backbone((96, 128, 3)), image_shape=(90, 121, 3))
    assert model.output_shape == (None, 90, 121, 3)
    randomize(model, keep=True)
    free = gdn(3, tiny_backbone(), size=(90, 121))
    free.set_weights(model.get_weights())
    images = pixels(rng, 1, 90, 121, 3)
    np.testing.assert_allclose(
        value(model(images)), value(free(images)), atol=1e-4
    )


def test_every_pixel_sees_every_cell_of_its_class(rng):
    # Golden check 5, through the builder: one classifier weight at a time.
    model = gdn(3, tiny_backbone(), size=(64, 96), initializer="he_normal")
    randomize(model, keep=True)
    images = pixels(rng, 1, 64, 96, 3)
    before = value(model(images))
    bias = model.get_layer("score").bias
    bias.assign(value(bias) + np.array([0, 1, 0], "float32"))
    changed = abs(value(model(images)) - before) > 1e-6
    assert changed[..., 1].mean() > 0.99
    assert not changed[..., [0, 2]].any()


def count(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


def test_parameters_of_the_papers():
    # Section 2.3 of the specification; nothing is allocated here.
    from kerasseg.backbones import vgg16
    from kerasseg.backbones import vgg16_large_fov

    with keras.StatelessScope():
        released = gdn(
            21, vgg16_large_fov(), size=(500, 500), level="P3", multiple=1
        )
        fcn = gdn(21, vgg16(), size=(512, 512))
        counts = [count(m.trainable_weights) for m in (released, fcn)]
        pairs = [
            count(m.get_layer("interpolation").weights) for m in (released, fcn)
        ]
        keras.backend.clear_session()
    assert pairs == [64_000, 16_384]
    assert counts == [20_505_429 + 64_000, 134_346_581 + 16_384]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"backbone": "vgg16"}, "`backbone` must be a keras.Model"),
        ({"level": "P6"}, "with the outputs P6"),
        ({"size": None}, "`size` must be .* Received: size=None, image_shape="),
        ({"size": (64, None)}, "`size` must be"),
        ({"resampling": "stretch"}, "`resampling` must be .*='stretch'"),
        ({"multiple": 0}, "`multiple` must be an integer of 1 or more"),
        (
            {"image_shape": (128, 96, 3)},
            r"4 x 3 cells .* or smaller|must be 2 x 3 or smaller",
        ),
    ],
)
def test_arguments_out_of_range(arguments, message):
    defaults = {
        "num_classes": 3,
        "backbone": tiny_backbone(),
        "size": (64, 96),
    }
    with pytest.raises(ValueError, match=message):
        gdn(**{**defaults, **arguments})


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_heads(rng, pooling):
    model = tiny_gdn()
    heads = gdn_heads(model, pooling)
    assert heads.name == "gdn_heads"
    images = pixels(rng, 2, 64, 96, 3)
    found = heads(images)
    assert set(found) == {"logits", "multi_label"}
    np.testing.assert_allclose(
        value(found["logits"]), value(model(images)), atol=1e-5
    )
    features = keras.Model(model.input, model.get_layer("score").input)
    pooled = {"average": np.mean, "max": np.max}[pooling](
        value(features(images)), axis=(1, 2)
    )
    dense = heads.get_layer("multi_label_score")
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(
        value(found["multi_label"]), pooled @ kernel + bias, atol=1e-4
    )
    assert {id(v) for v in model.weights} < {id(v) for v in heads.weights}


def test_the_loss_of_both_branches_at_zero(rng):
    # Golden check 7.
    model = gdn(21, tiny_backbone(), size=(64, 96))
    heads = gdn_heads(model)
    for name in ("score", "multi_label_score"):
        layer = heads.get_layer(name)
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    trainer = DeepSupervision(heads, {"multi_label": MultiLabelLoss()})
    trainer.compile(
        keras.optimizers.SGD(0.0), SegmentationLoss(), run_eagerly=EAGERLY
    )
    masks = rng.integers(0, 21, (2, 64, 96)).astype("int32")
    masks[:, :9] = 255
    images = pixels(rng, 2, 64, 96, 3)
    logged = trainer.fit(images, masks, verbose=0).history
    assert logged["loss"] == pytest.approx([3.737670], abs=1e-5)
    assert trainer.evaluate(images, masks, verbose=0) == pytest.approx(
        3.044522, abs=1e-5
    )


def test_every_weight_learns(rng):
    model = tiny_gdn()
    trainer = DeepSupervision(
        gdn_heads(model), {"multi_label": MultiLabelLoss()}
    )
    trainer.compile(
        keras.optimizers.Adam(0.01), SegmentationLoss(), run_eagerly=EAGERLY
    )
    before = {v.path: value(v).copy() for v in trainer.trainable_weights}
    masks = rng.integers(0, 3, (2, 64, 96)).astype("int32")
    trainer.fit(pixels(rng, 2, 64, 96, 3), masks, verbose=0)
    stuck = [
        v.path
        for v in trainer.trainable_weights
        if np.array_equal(value(v), before[v.path])
    ]
    assert not stuck


def test_heads_of_another_model():
    with pytest.raises(ValueError, match="made by kerasseg.models.gdn"):
        gdn_heads(tiny_backbone())
    with pytest.raises(ValueError, match="Received: pooling='sum'"):
        gdn_heads(tiny_gdn(), "sum")
