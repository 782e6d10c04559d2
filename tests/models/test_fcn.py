import importlib
import math

import keras
import numpy as np
import pytest
from checks import EAGERLY
from checks import check_model
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.backbones import vgg16
from kerasseg.models import fcn
from kerasseg.models import fcn_stage

VARIANTS = ("32s", "16s", "8s")
# The package offers the function under the name of the module.
VGG16 = importlib.import_module("kerasseg.backbones.vgg16")


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def tiny_fcn(**arguments):
    return randomize(fcn(3, tiny_backbone(), **arguments), keep=True)


def outputs_of(model, names, images):
    layers = [model.get_layer(name).output for name in names]
    inner = keras.Model(model.input, layers)
    return dict(zip(names, map(value, inner(images)), strict=True))


def count(variables):
    return sum(math.prod(v.shape) for v in variables)


@pytest.fixture
def thin(monkeypatch):
    """All of VGG-16 with a sixteenth of its channels."""
    convolution = VGG16.convolution

    def thinner(filters, kernel_size, name, *padding):
        return convolution(filters // 16, kernel_size, name, *padding)

    monkeypatch.setattr(VGG16, "convolution", thinner)


def caffe(num_classes, **arguments):
    return fcn(
        num_classes,
        vgg16(taps="pool", padding="caffe"),
        padding="caffe",
        **arguments,
    )


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "arguments", [{}, {"at_once": True, "learn_upsampling": True}]
)
def test_contract(rng, arguments):
    check_model(
        lambda: tiny_fcn(**arguments),
        pixels(rng, 2, 64, 96, 3),
        (2, 64, 96, 3),
        half_policies=("mixed_float16", "mixed_bfloat16"),
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(rng, variant):
    model = tiny_fcn(variant=variant)
    assert model.name == f"fcn_{variant}"
    assert model.output_shape == (None, None, None, 3)
    logits = value(model(pixels(rng, 1, 64, 96, 3)))
    assert logits.shape == (1, 64, 96, 3)
    assert logits.dtype == "float32"
    assert logits.std() > 1e-3
    scores = [x.name for x in model.layers if x.name.startswith("score_")]
    assert scores == ["score_32", "score_16", "score_8"][: len(scores)]
    assert len(scores) == VARIANTS.index(variant) + 1


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("variant", "expected"),
    [("32s", 134_346_581), ("16s", 134_357_354), ("8s", 134_362_751)],
)
def test_parameters_of_the_paper(variant, expected):
    # Golden check 1; nothing is allocated here.
    with keras.StatelessScope():
        model = fcn(21, vgg16(taps="pool"), variant=variant)
        assert count(model.trainable_weights) == expected
        assert not model.non_trainable_weights
        same_weights = [(v.path, tuple(v.shape)) for v in model.weights]
        model = caffe(21, variant=variant)
        assert same_weights == [(v.path, tuple(v.shape)) for v in model.weights]
        keras.backend.clear_session()


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("image", "features", "fc", "sizes"),
    [
        (1, (199, 25, 13, 7), 1, (64, 4, 80, 10, 88)),
        (256, (454, 57, 29, 15), 9, (320, 20, 336, 42, 344)),
        (375, (573, 72, 36, 18), 12, (416, 26, 432, 54, 440)),
        (500, (698, 88, 44, 22), 16, (544, 34, 560, 70, 568)),
    ],
)
def test_sizes_of_the_reference(thin, image, features, fc, sizes):
    # Golden check 2.
    with keras.StatelessScope():
        found = {}
        for variant in VARIANTS:
            model = caffe(2, variant=variant)
            layers = [x for x in model.layers if "upsampling" in x.name]
            inner = keras.Model(
                model.input, [*[x.output for x in layers], model.output]
            )
            *maps, logits = inner(keras.KerasTensor((1, image, 40, 3)))
            assert logits.shape == (1, image, 40, 2)
            for layer, x in zip(layers, maps, strict=True):
                found[layer.name] = x.shape[1]
        assert found == dict(
            zip(
                (
                    "upsampling_32_to_1",
                    "upsampling_32_to_16",
                    "upsampling_16_to_1",
                    "upsampling_16_to_8",
                    "upsampling_8_to_1",
                ),
                sizes,
                strict=True,
            )
        )
        (inner,) = [
            layer
            for layer in vgg16(taps="pool", padding="caffe").layers
            if isinstance(layer, keras.Model)
        ]
        names = ("conv1_1", "pool3", "pool4", "pool5", "fc7")
        inner = keras.Model(
            inner.input, [inner.get_layer(name).output for name in names]
        )
        maps = inner(keras.KerasTensor((1, image, 40, 3)))
        assert [x.shape[1] for x in maps] == [*features, fc]
        keras.backend.clear_session()


def test_the_reference_network_crops(thin):
    model = caffe(2)
    offsets = {
        layer.name: layer.cropping
        for layer in model.layers
        if isinstance(layer, keras.layers.Cropping2D)
    }
    assert offsets == {
        "score_16_offset": ((5, 0), (5, 0)),
        "score_8_offset": ((9, 0), (9, 0)),
        "logits_offset": ((31, 0), (31, 0)),
    }
    for variant, offset in (("32s", 19), ("16s", 27)):
        layer = caffe(2, variant=variant).get_layer("logits_offset")
        assert layer.cropping == ((offset, 0), (offset, 0))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_new_model_predicts_nothing(rng, variant):
    # Golden check 3.
    model = fcn(21, tiny_backbone(), variant=variant)
    images = pixels(rng, 2, 33, 47, 3)
    logits = model(images)
    assert not value(logits).any()
    labels = rng.integers(0, 21, (2, 33, 47))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert value(loss(labels, logits)) == pytest.approx(3.044522, abs=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_bias_is_the_logit_away_from_the_border(rng, variant):
    # Golden check 4.
    model = fcn(3, tiny_backbone(), variant=variant)
    total = 0
    for stride in (32, 16, 8)[: VARIANTS.index(variant) + 1]:
        bias = rng.normal(size=3).astype("float32")
        model.get_layer(f"score_{stride}").bias.assign(bias)
        total = total + bias
    logits = value(model(pixels(rng, 1, 160, 192, 3)))
    inner = logits[:, 32:-32, 32:-32]
    np.testing.assert_allclose(
        inner, np.broadcast_to(total, inner.shape), atol=1e-5
    )
    if variant == "32s":
        faded = total * (0.5 + 0.5 / 32)
        np.testing.assert_allclose(logits[0, 0, 80], faded, atol=1e-5)
    assert (abs(logits[0, 0, 0]) < abs(total)).all()


def ruler(axis, height=192, width=224):
    """An image of its own coordinates along an axis, and the reverse.

    The largest value of a window in the first channel and that in the second
    give the middle of the window.
    """
    image = np.zeros((1, height, width, 3), "float32")
    position = np.arange(height)[:, None] if axis == 1 else np.arange(width)
    image[..., 0] = position
    image[..., 1] = 1000 - position
    return image


def measure(model):
    """Makes all convolutions identities, all scores the middle of a window."""
    (inner,) = [
        layer
        for layer in model.get_layer("vgg16").layers
        if isinstance(layer, keras.Model)
    ]
    for layer in inner.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = np.zeros(layer.kernel.shape, "float32")
            middle = len(kernel) // 2
            for channel in (0, 1):
                kernel[middle, middle, channel, channel] = 1
            bias = np.zeros(layer.bias.shape, "float32")
            if layer.name == "conv1_1":
                bias[:3] = VGG16.MEAN
            layer.set_weights([kernel, bias])
    for layer in model.layers:
        if layer.name.startswith("score_") and layer.weights:
            kernel = np.zeros(layer.kernel.shape, "float32")
            kernel[0, 0, :2, 0] = (0.5, -0.5)
            layer.set_weights([kernel, np.asarray([500, 0], "float32")])
    return model


@pytest.mark.every_backend
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize(
    ("padding", "phases"),
    [
        ("same", {"score_32": 15.5, "score_16": 7.5, "score_8": 3.5}),
        (
            "caffe",
            {
                "score_32": 12.5,
                "upsampling_32_to_16": -11.5,
                "score_16_crop": -11.5,
                "score_8_crop": -23.5,
            },
        ),
    ],
)
def test_phase(thin, padding, phases, axis):
    # Golden check 5.
    backbone = vgg16(taps="pool", padding=padding)
    model = measure(fcn(2, backbone, padding=padding))
    found = outputs_of(model, phases, ruler(axis))
    for name, phase in phases.items():
        scores = found[name][0, ..., 0]
        stride = int(name.replace("_crop", "").rpartition("_")[2])
        cells = np.arange(scores.shape[axis - 1])
        centers = stride * cells + phase
        # Where the whole window lies well within the image.
        inner = (centers > 48) & (centers < ruler(axis).shape[axis] - 48)
        line = np.moveaxis(scores, axis - 1, 0)[:, scores.shape[2 - axis] // 2]
        assert inner.sum() >= 2
        np.testing.assert_allclose(line[inner], centers[inner], atol=1e-2)


@pytest.mark.by_day(4)
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("padding", ["same", "caffe"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_predictions_lie_where_the_image_is(thin, variant, padding, axis):
    # Scores that are coordinates become the coordinates of the pixels.
    backbone = vgg16(taps="pool", padding=padding)
    model = measure(fcn(2, backbone, variant=variant, padding=padding))
    logits = value(model(ruler(axis)))
    expected = ruler(axis)[..., 0] * (VARIANTS.index(variant) + 1)
    inner = slice(64, -64)
    np.testing.assert_allclose(
        logits[:, inner, inner, 0], expected[:, inner, inner], atol=2e-2
    )


@pytest.mark.parametrize(
    ("variant", "coarser", "stride"), [("16s", "32s", 32), ("8s", "16s", 16)]
)
def test_a_stage_starts_where_the_last_one_ended(rng, variant, coarser, stride):
    # Golden check 6.
    trained = tiny_fcn(variant=coarser)
    model = fcn(3, tiny_backbone(), variant=variant)
    assert fcn_stage(model, trained) is model
    images = pixels(rng, 1, 192, 256, 3)

    last = "score_32" if stride == 32 else "sum_16"
    scores = keras.Model(trained.input, trained.get_layer(last).output)(images)
    finer = f"sum_{stride // 2}"
    names = [last, f"upsampling_{stride}_to_{stride // 2}", finer]
    found = outputs_of(model, names, images)
    np.testing.assert_allclose(found[last], value(scores), atol=1e-5)
    np.testing.assert_allclose(found[finer], found[names[1]], atol=1e-6)

    # Two steps of interpolation cut the corners of one, between a quarter
    # of a cell before its center and a quarter after, and nothing else.
    before = value(trained(images))[:, stride:-stride, stride:-stride]
    after = value(model(images))[:, stride:-stride, stride:-stride]
    position = (np.arange(stride) + 0.5) / stride
    equal = abs(position - 0.5) >= 0.25
    rows = np.tile(equal, before.shape[1] // stride)
    columns = np.tile(equal, before.shape[2] // stride)
    spread = np.ptp(before)
    np.testing.assert_allclose(
        after[:, rows][:, :, columns],
        before[:, rows][:, :, columns],
        atol=1e-5 * spread,
    )
    assert 1e-3 * spread < abs(after - before).max() < 0.25 * spread


def test_the_last_stage_is_left_as_it_was(rng):
    trained = tiny_fcn(variant="16s")
    before = trained.get_weights()
    model = fcn_stage(fcn(3, tiny_backbone()), trained)
    model.compile("sgd", "mse", run_eagerly=EAGERLY)
    images = pixels(rng, 1, 64, 96, 3)
    model.train_on_batch(images, np.ones((1, 64, 96, 3), "float32"))
    for new, old in zip(trained.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)
    assert np.isfinite(value(trained(images))).all()


def test_stages_of_different_nets():
    message = "`coarser` must be made by .* which has no score_32/kernel"
    with pytest.raises(ValueError, match=message):
        fcn_stage(fcn(3, tiny_backbone()), fcn(4, tiny_backbone()))
    with pytest.raises(ValueError, match="which has no score_8/kernel"):
        fcn_stage(fcn(3, tiny_backbone(), variant="16s"), tiny_fcn())
    with pytest.raises(ValueError, match="no upsampling_32_to_16/kernel"):
        fcn_stage(
            fcn(3, tiny_backbone()),
            tiny_fcn(variant="16s", learn_upsampling=True),
        )


def test_at_once_the_skips_are_scaled(rng):
    # Golden check 7.
    plain, scaled = tiny_fcn(), fcn(3, tiny_backbone(), at_once=True)
    scaled.set_weights(plain.get_weights())
    images = pixels(rng, 1, 64, 96, 3)
    assert abs(value(scaled(images)) - value(plain(images))).max() > 0.1
    for name, factor in (("score_16", 100), ("score_8", 10_000)):
        kernel = scaled.get_layer(name).kernel
        kernel.assign(kernel * factor)
    np.testing.assert_allclose(
        value(scaled(images)), value(plain(images)), rtol=1e-4, atol=1e-3
    )


def test_learned_upsamplings_start_bilinear_but_the_last(rng):
    frozen = tiny_fcn()
    learned = fcn(3, tiny_backbone(), learn_upsampling=True)
    kernels = [
        (v.path, tuple(v.shape))
        for v in learned.trainable_weights
        if "upsampling" in v.path
    ]
    assert kernels == [
        ("upsampling_32_to_16/kernel", (4, 4, 3)),
        ("upsampling_16_to_8/kernel", (4, 4, 3)),
    ]
    # The weights of the frozen one are all among those of the other.
    fcn_stage(learned, frozen)
    images = pixels(rng, 1, 64, 96, 3)
    np.testing.assert_allclose(
        value(learned(images)), value(frozen(images)), atol=1e-4
    )


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (60, 70)])
def test_any_size_is_padded_with_gray_and_cropped(rng, size):
    model = tiny_fcn()
    height, width = size
    images = pixels(rng, 2, height, width, 3)
    wide = np.full((2, -(-height // 32) * 32, -(-width // 32) * 32, 3), 127.5)
    wide[:, :height, :width] = images
    logits = value(model(images))
    assert logits.shape == (2, height, width, 3)
    expected = value(model(wide.astype("float32")))[:, :height, :width]
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("learned", [False, True])
def test_images_of_several_sizes_in_turn(rng, learned):
    # TensorFlow traces the second size as one that is unknown.
    model = tiny_fcn(learn_upsampling=learned)
    for size in ((33, 47), (64, 96), (45, 32)):
        images = pixels(rng, 1, *size, 3)
        np.testing.assert_allclose(
            model.predict_on_batch(images), value(model(images)), atol=1e-4
        )


def test_the_reference_network_takes_any_size(thin, rng):
    model = randomize(caffe(3), keep=True)
    for size in ((1, 1), (33, 47), (20, 64)):
        images = pixels(rng, 1, *size, 3)
        logits = model.predict_on_batch(images)
        assert logits.shape == (1, *size, 3)
        spread = abs(logits).max()
        np.testing.assert_allclose(
            logits, value(model(images)), atol=1e-4 * spread
        )


def test_a_fixed_size(rng):
    model = randomize(
        fcn(3, tiny_backbone((64, 96, 3)), image_shape=(33, 70, 3)), keep=True
    )
    assert model.output_shape == (None, 33, 70, 3)
    images = pixels(rng, 1, 33, 70, 3)
    free = fcn(3, tiny_backbone())
    free.set_weights(model.get_weights())
    np.testing.assert_allclose(
        value(model(images)), value(free(images)), atol=1e-4
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"variant": "4s"}, "32s, 16s, 8s. Received: variant='4s'"),
        ({"padding": "valid"}, "same, caffe. Received: padding='valid'"),
        ({"backbone": "vgg16"}, "`backbone` must be a keras.Model"),
        (
            {"variant": "32s", "at_once": True},
            "`at_once` must be False for the variant 32s",
        ),
        (
            {"variant": "32s", "learn_upsampling": True},
            "`learn_upsampling` must be False for the variant 32s",
        ),
        ({"padding": "caffe"}, r"P5 for an image of \(64, 64\)"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    defaults = {"num_classes": 3, "backbone": tiny_backbone()}
    with pytest.raises(ValueError, match=message):
        fcn(**{**defaults, **arguments})


def test_a_backbone_of_the_other_geometry(thin):
    with pytest.raises(ValueError, match='geometry of padding="same"'):
        fcn(3, vgg16(taps="pool", padding="caffe"))
    with pytest.raises(ValueError, match='geometry of padding="caffe"'):
        fcn(3, vgg16(taps="pool"), padding="caffe")


def test_a_backbone_that_lacks_a_level():
    backbone = tiny_backbone()
    coarse = {k: x for k, x in backbone.output.items() if k > "P3"}
    backbone = keras.Model(backbone.input, coarse)
    assert fcn(3, backbone, variant="16s").output_shape[-1] == 3
    with pytest.raises(ValueError, match="P3, P4, P5. .* with P4, P5$"):
        fcn(3, backbone)
